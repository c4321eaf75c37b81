#include "internal.h"

/* "name:password:uid:gid:comment:home:shell": the home, if the line is that of `uid`. */
static const char *home_in(char *line, uint64_t uid)
{
    char *fields[7] = {line};
    size_t count = 1;
    for (; *line; line++) {
        if (*line == ':') {
            *line = 0;
            if (count == 7)
                return 0;
            fields[count++] = line + 1;
        }
    }
    if (count < 6 || !fields[2][0])
        return 0;
    uint64_t number = 0;
    for (const char *digit = fields[2]; *digit; digit++) {
        if (*digit < '0' || *digit > '9')
            return 0;
        number = number * 10 + (uint64_t)(*digit - '0');
        if (number > UINT32_MAX)
            return 0;
    }
    return number == uid && fields[5][0] ? fields[5] : 0;
}

/* The image's file: only a regular one is opened, and nothing that is in it is trusted. */
static long open_passwd(struct stage *stage)
{
    static const int flags[] = {O_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY};
    struct statx found;
    long root = SYS(stage, openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return root;
    /* First without any effect on what it is, which for a device may be one. */
    long file = -1;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        stage_close(file);
        file = stage_open_in(stage, (int)root, "/etc/passwd", flags[i]);
        long result = file < 0 ? file : stage_stat(stage, (int)file, &found);
        if (result >= 0 && !S_ISREG(found.stx_mode))
            result = -EINVAL;
        if (result < 0) {
            stage_close(file);
            file = result;
            break;
        }
    }
    stage_close(root);
    return file;
}

/* Copies the home to `home`. False if there is none that fits. */
static bool find_home(struct stage *stage, int file, uint64_t uid, char *home, uint32_t room)
{
    char buffer[4096];
    size_t have = 0;
    bool skipping = false, end = false; /* skipping: the rest of a line that was too long */
    while (!end) {
        long length = stage_read(stage, file, buffer + have, sizeof buffer - 1 - have);
        if (length < 0)
            return false;
        have += (size_t)length;
        end = length == 0;
        if (end && have)
            buffer[have++] = '\n'; /* the last line may lack it */
        size_t start = 0;
        for (size_t i = 0; i < have; i++) {
            if (buffer[i] == 0)
                buffer[i] = '?';
            if (buffer[i] != '\n')
                continue;
            buffer[i] = 0;
            const char *found = skipping ? 0 : home_in(buffer + start, uid);
            if (found && stage_length(found) < room) {
                stage_copy(home, found, stage_length(found) + 1);
                return true;
            }
            if (found)
                return false;
            skipping = false;
            start = i + 1;
        }
        have -= start;
        stage_copy(buffer, buffer + start, have);
        if (have == sizeof buffer - 1) {
            skipping = true;
            have = 0;
        }
    }
    return false;
}

long stage_home(struct stage *stage, const struct plan_op *op)
{
    char *home = stage->arena + op->str[0];
    long file = open_passwd(stage);
    if (file < 0 || !find_home(stage, (int)file, op->num[0], home, op->len)) {
        home[0] = '/';
        home[1] = 0;
    }
    stage_close(file);
    return 0;
}
