/*
 * The directory that the paths of several steps in a row have in common. It is looked up once and held open; a last
 * component that is no link is then looked for in it alone.
 *
 * What was mounted so is found again by its name in the directory, and the directory by its path when it is left, which
 * no step that does anything else comes before. So the path has led to the mount after it was made, as it has where
 * every mount is looked up by its whole path. Nothing mounted meanwhile can cover the directory: all of it is on
 * entries of the directory that are no links, and no mount spreads (stage.one_by_one).
 *
 * The root itself needs neither: its path leads to it by definition.
 */
#include "internal.h"

#define MAKE_ATTEMPTS 32

/* The length of the path without its last component; 0 if that is not a plain name. */
static size_t length_above(const char *path)
{
    size_t length = stage_length(path), start = length;
    while (start && path[start - 1] != '/')
        start--;
    const char *name = path + start;
    bool plain = start < length && length - start <= NAME_MAX && !stage_equal(name, ".") && !stage_equal(name, "..");
    return plain && start < PATH_MAX ? start : 0;
}

static bool is_same_text(const char *one, const char *other, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (one[i] != other[i])
            return false;
    return true;
}

/* Whether the path is one of an entry of the directory, which need not be open. */
static bool is_entry(const struct stage *stage, const char *path)
{
    const struct stage_parent *parent = &stage->parent;
    size_t length = length_above(path);
    return parent->path && length && length == parent->length && is_same_text(path, parent->path, length);
}

const char *stage_entry(const struct stage *stage, const char *path)
{
    return stage->parent.directory >= 0 && is_entry(stage, path) ? path + stage->parent.length : 0;
}

/* Whether the directory is the root's own, whose descriptor is at hand. */
static bool is_root(const struct stage_parent *parent)
{
    return parent->length == 1;
}

static long open_parent(struct stage *stage, const struct stage_parent *parent)
{
    char path[PATH_MAX];
    stage_copy(path, parent->path, parent->length);
    path[parent->length] = 0;
    return stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH | O_DIRECTORY);
}

/* In one mount there may be several directories of one inode number, as btrfs has them: each is on another device. */
static bool is_same(const struct statx *one, const struct statx *other)
{
    return one->stx_mask & other->stx_mask & STATX_MNT_ID && one->stx_mnt_id == other->stx_mnt_id &&
           one->stx_dev_major == other->stx_dev_major && one->stx_dev_minor == other->stx_dev_minor &&
           one->stx_ino == other->stx_ino;
}

static long prove(struct stage *stage, const struct stage_parent *parent)
{
    struct statx held, seen;
    long result = stage_stat(stage, parent->directory, &held);
    if (result < 0)
        return result;
    long found = open_parent(stage, parent);
    if (found < 0)
        return found == -ENOENT || found == -ENOTDIR || found == -ELOOP || found == -EAGAIN ? -ESTALE : found;
    result = stage_stat(stage, (int)found, &seen);
    stage_close(found);
    return result < 0 ? result : is_same(&held, &seen) ? 0 : -ESTALE;
}

long stage_leave(struct stage *stage)
{
    struct stage_parent parent = stage->parent;
    stage->parent = (struct stage_parent){.directory = -1};
    if (parent.directory < 0 || is_root(&parent))
        return 0;
    long result = parent.mounted ? prove(stage, &parent) : 0;
    stage_close(parent.directory);
    if (result >= 0)
        return 0;
    /* It is that step which has failed, whatever comes now. */
    stage->report->op = parent.op;
    return result == -ESTALE ? stage_fault(stage, FAULT_ESCAPED, 0, parent.mounted) : result;
}

void stage_enter(struct stage *stage, const char *path, long directory)
{
    size_t length = length_above(path);
    stage->parent = (struct stage_parent){.path = length ? path : 0, .length = length, .directory = (int)directory};
}

/* An entry of the open directory, made if it is missing. */
static long open_entry(struct stage *stage, struct stage_target *target, const char *name)
{
    int directory = stage->parent.directory;
    long found = -EAGAIN;
    for (int i = 0; i < MAKE_ATTEMPTS; i++) {
        found = SYS(stage, openat, directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (found != -ENOENT || target->create == STAGE_EXISTING)
            break;
        long made = stage_make(stage, directory, name, target);
        if (made < 0)
            return made;
    }
    if (found < 0)
        return found;
    long result = stage_stat(stage, (int)found, &target->status);
    if (result >= 0 && S_ISLNK(target->status.stx_mode) && !target->link)
        result = -ELOOP;
    target->known = result >= 0;
    if (target->known)
        return found;
    stage_close(found);
    return result;
}

static long leave_for_good(struct stage *stage)
{
    long result = stage_leave(stage);
    return result < 0 ? result : STAGE_ELSEWHERE;
}

long stage_resolve_entry(struct stage *stage, struct stage_target *target)
{
    struct stage_parent *parent = &stage->parent;
    bool known = is_entry(stage, target->path);
    if (!known) {
        long result = stage_leave(stage);
        if (result < 0)
            return result;
        stage_enter(stage, target->path, -1);
    }
    if (is_root(parent))
        parent->directory = stage_slot(stage, PLAN_SLOT_ROOT);
    else if (stage->one_by_one || target->plain)
        return leave_for_good(stage);
    else if (!known)
        return STAGE_ELSEWHERE; /* worth opening for the second one only */
    else if (parent->directory < 0)
        parent->directory = (int)open_parent(stage, parent);
    long found = parent->directory < 0 ? parent->directory : open_entry(stage, target, target->path + parent->length);
    if (found >= 0)
        return found;
    /* What is wrong, or whether it only takes more to get there, the whole path will tell. */
    return leave_for_good(stage);
}
