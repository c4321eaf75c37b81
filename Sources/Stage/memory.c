/* The four functions that compilers call on their own, even without a library. */
#include <stddef.h>

/* Keeps a compiler from seeing in such a loop the very function it is the body of. */
#define NOT_AN_IDIOM() __asm__ volatile("")

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        ((char *)to)[i] = ((const char *)from)[i];
        NOT_AN_IDIOM();
    }
    return to;
}

void *memmove(void *to, const void *from, size_t length)
{
    if ((const char *)to < (const char *)from)
        return memcpy(to, from, length);
    for (size_t i = length; i > 0; i--) {
        ((char *)to)[i - 1] = ((const char *)from)[i - 1];
        NOT_AN_IDIOM();
    }
    return to;
}

void *memset(void *to, int value, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        ((char *)to)[i] = (char)value;
        NOT_AN_IDIOM();
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int difference = ((const unsigned char *)a)[i] - ((const unsigned char *)b)[i];
        if (difference)
            return difference;
        NOT_AN_IDIOM();
    }
    return 0;
}
