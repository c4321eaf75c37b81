#include "internal.h"

#define MOUNT_DATA 4096 /* mount(2) takes one page */
#define FSCONFIG_VALUE 255

/* Open what is to be covered, a directory. */
static long open_target(struct stage *stage, const struct plan_op *op, struct stage_target *target)
{
    target->path = stage_string(stage, op->str[0]);
    target->create = STAGE_CREATE_DIRECTORY;
    target->plain = op->flags & PLAN_MOUNT_PLAIN_TARGET;
    long found = stage_resolve(stage, stage_slot(stage, PLAN_SLOT_ROOT), target);
    if (target->plain && (found == -ELOOP || found == -ENOTDIR))
        return stage_fault(stage, FAULT_LINK_TARGET, 0, target->path);
    if (found < 0)
        return found;
    long result = stage_target_status(stage, (int)found, target);
    if (result >= 0 && !stage_is_directory(&target->status))
        result = target->plain ? stage_fault(stage, FAULT_LINK_TARGET, 0, target->path)
                               : stage_fault(stage, FAULT_NOT_DIRECTORY, ENOTDIR, target->path);
    if (result >= 0 && !(op->flags & PLAN_MOUNT_PROC_CHILD))
        result = stage_refuse_proc(stage, (int)found, &target->status, target->path);
    if (result < 0) {
        stage_close(found);
        return result;
    }
    return found;
}

/* The mode of the covered directory, in octal; empty if there was none before. */
struct covered_mode {
    char text[8];
};

static struct covered_mode read_mode(const struct plan_op *op, const struct stage_target *target)
{
    struct covered_mode mode;
    struct stage_text text = stage_text(mode.text, sizeof mode.text);
    if (op->flags & PLAN_MOUNT_COPY_MODE && !target->created)
        stage_append_number(&text, target->status.stx_mode & 07777, 8);
    return mode;
}

/* In the data of mount(2) a label that holds a comma must be quoted; other options cannot hold one. */
static void append_value(struct stage_text *data, const char *key, const char *value)
{
    bool label = stage_equal(key, "context") || stage_equal(key, "fscontext") || stage_equal(key, "defcontext") ||
                 stage_equal(key, "rootcontext");
    stage_append(data, label && value[0] != '"' ? "=\"" : "=");
    stage_append(data, value);
    if (label && value[0] != '"')
        stage_append(data, "\"");
}

static long mount_legacy(struct stage *stage, const struct plan_op *op, int target, const char *mode)
{
    char bytes[MOUNT_DATA];
    struct stage_text data = stage_text(bytes, sizeof bytes);
    if (mode[0]) {
        stage_append(&data, "mode=");
        stage_append(&data, mode);
    }
    const char *option = stage_string(stage, op->str[3]), *end = option + op->len;
    while (option < end) {
        bool has_value = *option == PLAN_OPTION_STRING;
        const char *key = option + 1;
        option = key + stage_length(key) + 1;
        if (data.length)
            stage_append(&data, ",");
        stage_append(&data, key);
        if (has_value) {
            append_value(&data, key, option);
            option += stage_length(option) + 1;
        }
    }
    if (data.full)
        return -E2BIG;

    uint64_t flags = op->num[2];
    uint32_t attributes = (uint32_t)op->num[0];
    flags |= attributes & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0;
    flags |= attributes & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0;
    flags |= attributes & MOUNT_ATTR_NODEV ? MS_NODEV : 0;
    flags |= attributes & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0;
    flags |= attributes & MOUNT_ATTR_NOATIME ? MS_NOATIME : 0;
    flags |= attributes & MOUNT_ATTR_STRICTATIME ? MS_STRICTATIME : 0;
    flags |= attributes & MOUNT_ATTR_NODIRATIME ? MS_NODIRATIME : 0;
    flags |= attributes & MOUNT_ATTR_NOSYMFOLLOW ? MS_NOSYMFOLLOW : 0;
    const char *type = stage_string(stage, op->str[1]);
    const char *source = op->str[2] ? stage_string(stage, op->str[2]) : 0;

    long result = stage_mount_on(stage, source, target, type, flags, data.length ? bytes : 0);
    if (result < 0)
        return result;
    /* No descriptor of the new mount comes out of mount(2): what the path leads to now has to be one. */
    const char *path = stage_string(stage, op->str[0]);
    struct statx before, after;
    long mount = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH | O_DIRECTORY);
    if (mount < 0)
        return stage_fault(stage, FAULT_ESCAPED, 0, path);
    result = stage_stat(stage, target, &before);
    if (result >= 0)
        result = stage_stat(stage, (int)mount, &after);
    if (result >= 0 &&
        (before.stx_mnt_id == after.stx_mnt_id || !(after.stx_attributes & STATX_ATTR_MOUNT_ROOT)))
        result = stage_fault(stage, FAULT_ESCAPED, 0, path);
    if (result < 0) {
        stage_close(mount);
        return result;
    }
    return mount;
}

/* A detached mount of a new file system. */
static long make_mount(struct stage *stage, const struct plan_op *op, int context, const char *mode)
{
    long result = 0;
    if (op->str[2])
        result = stage_configure_string(stage, context, "source", stage_string(stage, op->str[2]));
    if (result >= 0 && mode[0])
        result = stage_configure_string(stage, context, "mode", mode);
    if (result >= 0)
        result = stage_configure(stage, context, op->num[2], stage_string(stage, op->str[3]), op->len);
    if (result >= 0)
        result = stage_configure_command(stage, context, FSCONFIG_CMD_CREATE);
    return result < 0 ? result : SYS(stage, fsmount, context, FSMOUNT_CLOEXEC, (uint32_t)op->num[0]);
}

static bool needs_legacy(struct stage *stage, const struct plan_op *op)
{
    if (op->flags & PLAN_MOUNT_LEGACY)
        return true;
    if (op->str[2] && stage_length(stage_string(stage, op->str[2])) > FSCONFIG_VALUE)
        return true;
    const char *text = stage_string(stage, op->str[3]), *end = text + op->len;
    for (; text < end; text += stage_length(text) + 1)
        if (stage_length(text) > FSCONFIG_VALUE)
            return true;
    return false;
}

/* The new mount, attached, by a descriptor. */
static long mount_at(struct stage *stage, const struct plan_op *op, int target, const char *mode, bool copies)
{
    long context = needs_legacy(stage, op) ? -ENOSYS
                                           : SYS(stage, fsopen, stage_string(stage, op->str[1]), FSOPEN_CLOEXEC);
    bool legacy = context == -ENOSYS;
    if (context < 0 && !legacy)
        return context;
    if (legacy && !stage->one_by_one) {
        stage->one_by_one = true;
        return STAGE_ELSEWHERE;
    }
    long mount = legacy ? mount_legacy(stage, op, target, mode) : make_mount(stage, op, (int)context, mode);
    stage_close(context);
    if (mount < 0)
        return mount;
    long result = copies ? stage_copy_up(stage, target, (int)mount) : 0;
    if (result >= 0 && !legacy)
        result = stage_attach(stage, (int)mount, 0, target, stage_string(stage, op->str[0]), O_DIRECTORY);
    if (result < 0) {
        if (legacy)
            stage_undo_mount(stage, (int)mount, result);
        stage_close(mount);
        return result;
    }
    return mount;
}

static long mount_fs(struct stage *stage, const struct plan_op *op, bool created)
{
    struct stage_target target = {0};
    long found = open_target(stage, op, &target);
    if (found < 0)
        return found;
    target.created = target.created || created;
    struct covered_mode mode = read_mode(op, &target);
    long mount = mount_at(stage, op, (int)found, mode.text, op->flags & PLAN_MOUNT_COPY_UP && !target.created);
    stage_close(found);
    /* What mount(2) makes is found by its path: the target must have been, too. */
    if (mount == STAGE_ELSEWHERE)
        return mount_fs(stage, op, target.created);
    if (mount < 0)
        return mount;
    long result = op->num[1] ? stage_set_propagation(stage, (int)mount, op->num[1]) : 0;
    if (result < 0)
        stage_undo_mount(stage, (int)mount, result);
    stage_close(mount);
    return result;
}

long stage_mount_fs(struct stage *stage, const struct plan_op *op)
{
    return mount_fs(stage, op, false);
}
