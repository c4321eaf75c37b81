/* The three ways into the new root. */
#include "internal.h"

long stage_pivot(struct stage *stage, const struct plan_op *op)
{
    (void)op;
    long old = SYS(stage, openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old < 0)
        return old;
    long result = SYS(stage, fchdir, stage_slot(stage, PLAN_SLOT_ROOT));
    /* The old root ends up on top of the new one, where no directory has to be made for it. */
    if (result >= 0)
        result = SYS(stage, pivot_root, ".", ".");
    if (result >= 0)
        result = SYS(stage, fchdir, old);
    /* Unmounting must not reach the host. */
    if (result >= 0)
        result = SYS(stage, mount, 0, ".", 0, MS_SLAVE | MS_REC, 0);
    if (result >= 0)
        result = SYS(stage, umount2, ".", 2 /* MNT_DETACH */);
    if (result >= 0)
        result = SYS(stage, chdir, "/");
    stage_close(old);
    return result;
}

long stage_chroot(struct stage *stage, const struct plan_op *op)
{
    (void)op;
    long result = SYS(stage, fchdir, stage_slot(stage, PLAN_SLOT_ROOT));
    if (result >= 0)
        result = SYS(stage, chroot, ".");
    if (result >= 0)
        result = SYS(stage, chdir, "/");
    return result;
}

/* Mount points to be hidden, NUL-terminated in a row. */
struct hidden {
    char root[PATH_MAX]; /* of the container: what is below it stays */
    char paths[8 * PATH_MAX];
    struct stage_text text;
};

/* Cut the blank-separated field off the line. */
static char *cut(char **line)
{
    char *field = *line;
    while (**line && **line != ' ')
        (*line)++;
    if (**line)
        *(*line)++ = 0;
    return field;
}

/* Undo the octal escapes of blanks and the like. */
static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++, to++) {
        bool octal = text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
                     text[3] >= '0' && text[3] <= '7';
        *to = octal ? (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')) : *text;
        if (octal)
            text += 3;
    }
    *to = 0;
}

/* A line of mountinfo: "id parent device root point options [tag…] - type source super". */
static void consider(struct hidden *hidden, char *line)
{
    cut(&line), cut(&line), cut(&line);
    char *root = cut(&line), *point = cut(&line);
    while (*line && !stage_equal(cut(&line), "-"))
        ;
    char *type = cut(&line);
    if (!stage_equal(root, "/") || (!stage_equal(type, "proc") && !stage_equal(type, "sysfs")))
        return;
    unescape(point);
    size_t length = stage_length(hidden->root);
    if (stage_begins(point, hidden->root) && (point[length] == '/' || !point[length]))
        return;
    stage_append_bytes(&hidden->text, point, stage_length(point) + 1);
}

static long find_hidden(struct stage *stage, struct hidden *hidden)
{
    int proc = stage_slot(stage, PLAN_SLOT_PROC);
    struct stage_descriptor_path self = stage_descriptor_path(stage_slot(stage, PLAN_SLOT_ROOT));
    long length = SYS(stage, readlinkat, proc, self.text, hidden->root, sizeof hidden->root - 1);
    if (length < 0)
        return length;
    hidden->root[length] = 0;
    hidden->text = stage_text(hidden->paths, sizeof hidden->paths);

    long table = SYS(stage, openat, proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (table < 0)
        return table;
    char line[2 * PATH_MAX + 1];
    size_t have = 0;
    while ((length = stage_read(stage, (int)table, line + have, sizeof line - 1 - have)) > 0) {
        have += (size_t)length;
        size_t start = 0;
        for (size_t i = 0; i < have; i++) {
            if (line[i] == '\n') {
                line[i] = 0;
                consider(hidden, line + start);
                start = i + 1;
            }
        }
        have -= start;
        stage_copy(line, line + start, have);
        if (have == sizeof line - 1)
            length = have = 0; /* no end of line in sight */
        if (length == 0) {
            stage_close(table);
            return -E2BIG;
        }
    }
    stage_close(table);
    return hidden->text.full ? -E2BIG : length;
}

/*
 * Without pivot_root the old root stays below the new one. A procfs or sysfs there would let a user namespace
 * mount a fresh one of all it shows, masked paths included: so each is unmounted, or covered if it is locked.
 */
static long hide(struct stage *stage, const char *path)
{
    long result = SYS(stage, mount, 0, path, 0, MS_SLAVE | MS_REC, 0);
    if (result == -ENOENT || result == -EINVAL)
        return 0; /* went with one above it */
    if (result >= 0)
        result = SYS(stage, umount2, path, 2 /* MNT_DETACH */);
    if (result == -EINVAL || result == -EPERM)
        result = SYS(stage, mount, "tmpfs", path, "tmpfs", 0, 0);
    return result;
}

long stage_move_root(struct stage *stage, const struct plan_op *op)
{
    static struct hidden hidden; /* too much for a stack whose limit is the container's */
    long result = find_hidden(stage, &hidden);
    for (size_t at = 0; result >= 0 && at < hidden.text.length; at += stage_length(hidden.paths + at) + 1)
        result = hide(stage, hidden.paths + at);
    if (result >= 0)
        result = SYS(stage, fchdir, stage_slot(stage, PLAN_SLOT_ROOT));
    if (result >= 0)
        result = SYS(stage, mount, ".", "/", 0, MS_MOVE, 0);
    return result < 0 ? result : stage_chroot(stage, op);
}
