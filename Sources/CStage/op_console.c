#include "internal.h"

#include <asm/ioctls.h>
#include <asm/termios.h>

struct terminal {
    int devpts, master, peer;
    int32_t number;
};

/* The new pty's peer by name, for a kernel that does not let the peer itself be bound. */
static long peer_tree_by_name(struct stage *stage, const struct terminal *terminal)
{
    char name[16];
    struct stage_text text = stage_text(name, sizeof name);
    struct statx peer, found;
    stage_append_number(&text, (uint32_t)terminal->number, 10);
    uint64_t how = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
    long node = stage_openat2(stage, terminal->devpts, name, O_PATH | O_NOFOLLOW, how);
    if (node < 0)
        return node;
    long result = stage_stat(stage, (int)node, &found);
    if (result >= 0)
        result = stage_stat(stage, terminal->peer, &peer);
    if (result >= 0 && !stage_is_device(&found, S_IFCHR, peer.stx_rdev_major, peer.stx_rdev_minor))
        result = stage_fault(stage, FAULT_WRONG_DEVICE, 0, name);
    if (result >= 0)
        result = stage_copy_tree(stage, (int)node, 0);
    stage_close(node);
    return result;
}

/* The mount point: made if missing, never through a link, which the image may have put there. */
static long open_mount_point(struct stage *stage, const char *path)
{
    char base[NAME_MAX + 1];
    struct statx found;
    long parent = stage_parent(stage, path, base);
    if (parent < 0)
        return parent;
    long made = SYS(stage, openat, parent, base, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
    stage_close(made);
    long point = made < 0 && made != -EEXIST
                     ? made
                     : SYS(stage, openat, parent, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (point < 0)
        return point;
    long result = stage_stat(stage, (int)point, &found);
    if (result >= 0 && S_ISLNK(found.stx_mode))
        result = stage_fault(stage, FAULT_LINK_TARGET, 0, path);
    else if (result >= 0 && stage_is_directory(&found))
        result = stage_fault(stage, FAULT_IS_DIRECTORY, EISDIR, path);
    else if (result >= 0)
        result = stage_refuse_proc(stage, (int)point, &found, path);
    if (result < 0) {
        stage_close(point);
        return result;
    }
    return point;
}

static long bind_peer(struct stage *stage, const struct terminal *terminal, const char *path)
{
    long point = open_mount_point(stage, path);
    if (point < 0)
        return point;
    long tree = stage_copy_tree(stage, terminal->peer, 0);
    if (tree == -EINVAL)
        tree = peer_tree_by_name(stage, terminal);
    long result = tree < 0 ? tree : stage_attach(stage, (int)tree, 0, (int)point, path, O_NOFOLLOW);
    stage_close(tree);
    stage_close(point);
    return result;
}

/* A pty of that devpts and no other. */
static long open_terminal(struct stage *stage, const char *path, struct terminal *terminal)
{
    struct statx found;
    long result = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH | O_DIRECTORY);
    if (result < 0)
        return result;
    terminal->devpts = (int)result;
    result = stage_magic(stage, terminal->devpts);
    if (result >= 0 && result != DEVPTS_SUPER_MAGIC)
        result = stage_fault(stage, FAULT_WRONG_DEVICE, 0, path);
    if (result < 0)
        return result;
    uint64_t how = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
    result = stage_openat2(stage, terminal->devpts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, how);
    if (result < 0)
        return result;
    terminal->master = (int)result;
    result = stage_stat(stage, terminal->master, &found);
    if (result >= 0 && !stage_is_device(&found, S_IFCHR, 5, 2))
        result = stage_fault(stage, FAULT_WRONG_DEVICE, 0, path);
    int unlocked = 0;
    if (result >= 0)
        result = SYS(stage, ioctl, terminal->master, TIOCSPTLCK, &unlocked);
    if (result >= 0)
        result = SYS(stage, ioctl, terminal->master, TIOCGPTN, &terminal->number);
    if (result >= 0)
        result = SYS(stage, ioctl, terminal->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (result < 0)
        return result;
    terminal->peer = (int)result;
    return 0;
}

/* Controlling terminal, and standard input, output and error. */
static long take_over(struct stage *stage, struct terminal *terminal)
{
    long result = SYS(stage, ioctl, terminal->peer, TIOCSCTTY, 0);
    for (int i = 0; result >= 0 && i <= 2; i++)
        result = i == terminal->peer ? SYS(stage, fcntl, i, F_SETFD, 0) : SYS(stage, dup3, terminal->peer, i, 0);
    if (terminal->peer <= 2)
        terminal->peer = -1;
    return result;
}

long stage_console(struct stage *stage, const struct plan_op *op)
{
    struct terminal terminal = {.devpts = -1, .master = -1, .peer = -1};
    long result = open_terminal(stage, stage_string(stage, op->str[0]), &terminal);
    if (result >= 0 && (op->num[0] || op->num[1])) {
        struct winsize size = {.ws_row = (uint16_t)op->num[0], .ws_col = (uint16_t)op->num[1]};
        result = SYS(stage, ioctl, terminal.master, TIOCSWINSZ, &size);
    }
    if (result >= 0 && op->str[1])
        result = bind_peer(stage, &terminal, stage_string(stage, op->str[1]));
    /* Out with the master first: it may have one of the numbers that the peer is about to take. */
    if (result >= 0)
        result = stage_send(stage, PLAN_MSG_CONSOLE, terminal.number, terminal.master);
    stage_close(terminal.devpts);
    stage_close(terminal.master);
    if (result >= 0)
        result = take_over(stage, &terminal);
    stage_close(terminal.peer);
    return result;
}
