/* Bytes and strings without libc. All inline: the same sources are linked into tests together with libc. */
#ifndef APUS_STAGE_BYTES_H
#define APUS_STAGE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t stage_length(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static inline bool stage_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* Whether `text` begins with `prefix`. */
static inline bool stage_begins(const char *text, const char *prefix)
{
    while (*prefix && *text == *prefix)
        text++, prefix++;
    return !*prefix;
}

static inline void stage_copy(char *to, const char *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        to[i] = from[i];
}

/*
 * Text of bounded size that is put together piece by piece. Once something did not fit, `full` stays set
 * and the text is not to be used; it is NUL-terminated all the same.
 */
struct stage_text {
    char *bytes;
    size_t room; /* with the NUL; at least 1 */
    size_t length;
    bool full;
};

static inline struct stage_text stage_text(char *bytes, size_t room)
{
    bytes[0] = 0;
    return (struct stage_text){.bytes = bytes, .room = room};
}

static inline void stage_append_bytes(struct stage_text *text, const char *bytes, size_t length)
{
    size_t left = text->room - 1 - text->length;
    if (length > left) {
        text->full = true;
        length = left;
    }
    stage_copy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = 0;
}

static inline void stage_append(struct stage_text *text, const char *more)
{
    stage_append_bytes(text, more, stage_length(more));
}

static inline void stage_append_number(struct stage_text *text, uint64_t number, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % base);
        number /= base;
    } while (number);
    stage_append_bytes(text, digits + at, sizeof digits - at);
}

#endif
