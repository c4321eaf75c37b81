/*
 * The one way from a path to something inside the container's root.
 *
 * The tree is hostile, and may be changed while it is walked: other containers share volumes with this one.
 * What exists is found by openat2(2) in one call. What does not exist is made component by component, each
 * in a directory that is held open: a link that appears under way is expanded inside the root, and a
 * directory that is moved away takes what is made in it along.
 */
#include "internal.h"

#define RENAME_ATTEMPTS 128 /* of openat2 while something else renames */
#define WALK_ATTEMPTS 32    /* of the whole walk, and of one component in it */
#define WALK_LINKS 255      /* as many as filepath-securejoin follows; the kernel follows 40 */

long stage_openat2(struct stage *stage, int directory, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)(uint32_t)flags | O_CLOEXEC, .resolve = resolve};
    long result = -EAGAIN;
    for (int i = 0; i < RENAME_ATTEMPTS && result == -EAGAIN; i++)
        result = SYS(stage, openat2, directory, path, &how, sizeof how);
    return result;
}

long stage_open_in(struct stage *stage, int root, const char *path, int flags)
{
    return stage_openat2(stage, root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

struct walk {
    struct stage *stage;
    struct stage_target *target;
    int root;
    int here;            /* the directory reached, O_PATH */
    unsigned links;      /* followed so far */
    char done[PATH_MAX]; /* the way to `here` from the root, all of it existing, for ".." */
    char rest[2 * PATH_MAX];
};

static void move_to(struct walk *walk, long directory)
{
    stage_close(walk->here);
    walk->here = (int)directory;
}

/* Take the next component off the rest. Answers its length; 0 at the end. */
static size_t next(struct walk *walk, char name[NAME_MAX + 1])
{
    const char *rest = walk->rest;
    size_t length = 0;
    while (*rest == '/')
        rest++;
    while (rest[length] && rest[length] != '/')
        length++;
    if (length <= NAME_MAX) {
        stage_copy(name, rest, length);
        name[length] = 0;
    }
    rest += length;
    while (*rest == '/')
        rest++;
    size_t i = 0;
    do
        walk->rest[i] = rest[i];
    while (rest[i++]);
    return length;
}

static long extend_done(struct walk *walk, const char *name)
{
    struct stage_text done = {.bytes = walk->done, .room = sizeof walk->done, .length = stage_length(walk->done)};
    stage_append(&done, "/");
    stage_append(&done, name);
    return done.full ? -ENAMETOOLONG : 0;
}

static long back_to_root(struct walk *walk)
{
    walk->done[0] = 0;
    long directory = stage_open_in(walk->stage, walk->root, "/", O_PATH | O_DIRECTORY);
    if (directory >= 0)
        move_to(walk, directory);
    return directory < 0 ? directory : 0;
}

/* Only the kernel knows what ".." is: it keeps the root, and notices renames. */
static long go_up(struct walk *walk)
{
    long result = extend_done(walk, "..");
    if (result < 0)
        return result;
    long directory = stage_open_in(walk->stage, walk->root, walk->done, O_PATH | O_DIRECTORY);
    if (directory >= 0)
        move_to(walk, directory);
    return directory < 0 ? directory : 0;
}

/* Put what a link says before the rest. */
static long expand(struct walk *walk, int link)
{
    if (walk->target->plain || walk->links++ >= WALK_LINKS)
        return -ELOOP;
    long magic = stage_magic(walk->stage, link);
    if (magic < 0)
        return magic;
    if (magic == PROC_SUPER_MAGIC)
        return -ELOOP; /* it may be a magic link, and nothing is made in procfs anyway */

    char expanded[2 * PATH_MAX];
    long length = SYS(walk->stage, readlinkat, link, "", expanded, PATH_MAX);
    if (length < 0)
        return length;
    if (length == 0)
        return -ENOENT;
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    struct stage_text text = {.bytes = expanded, .room = sizeof expanded, .length = (size_t)length};
    stage_append(&text, "/");
    stage_append(&text, walk->rest);
    if (text.full)
        return -ENAMETOOLONG;
    stage_copy(walk->rest, expanded, text.length + 1);
    return expanded[0] == '/' ? back_to_root(walk) : 0;
}

long stage_make(struct stage *stage, int directory, const char *name, struct stage_target *target)
{
    long result;
    if (target->create == STAGE_CREATE_FILE) {
        result = SYS(stage, openat, directory, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
        stage_close(result);
    } else {
        result = SYS(stage, mkdirat, directory, name, 0755);
    }
    if (result >= 0)
        target->created = true;
    return result == -EEXIST ? 0 : result;
}

static long create(struct walk *walk, const char *name, bool last)
{
    if (last)
        return stage_make(walk->stage, walk->here, name, walk->target);
    long result = SYS(walk->stage, mkdirat, walk->here, name, 0755);
    return result == -EEXIST ? 0 : result;
}

/* Go into the component, making it if need be. */
static long enter(struct walk *walk, const char *name)
{
    struct stage *stage = walk->stage;
    for (int i = 0; i < WALK_ATTEMPTS; i++) {
        bool last = !walk->rest[0];
        long found = SYS(stage, openat, walk->here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (found == -ENOENT) {
            long result = create(walk, name, last);
            if (result < 0)
                return result;
            continue;
        }
        if (found < 0)
            return found;
        struct statx status;
        long result = stage_stat(stage, (int)found, &status);
        if (result >= 0 && S_ISLNK(status.stx_mode) && !(last && walk->target->link)) {
            result = expand(walk, (int)found);
        } else if (result >= 0 && !last && !stage_is_directory(&status)) {
            result = -ENOTDIR;
        } else if (result >= 0 && (result = extend_done(walk, name)) >= 0) {
            move_to(walk, found);
            return 0;
        }
        stage_close(found);
        return result;
    }
    return -EAGAIN;
}

static long walk_once(struct walk *walk)
{
    struct stage_text rest = stage_text(walk->rest, sizeof walk->rest);
    stage_append(&rest, walk->target->path);
    if (rest.full)
        return -ENAMETOOLONG;
    walk->links = 0;
    long result = back_to_root(walk);
    while (result >= 0) {
        char name[NAME_MAX + 1];
        size_t length = next(walk, name);
        if (length == 0)
            break;
        if (length > NAME_MAX)
            return -ENAMETOOLONG;
        if (stage_equal(name, "."))
            continue;
        result = stage_equal(name, "..") ? go_up(walk) : enter(walk, name);
    }
    return result;
}

long stage_resolve(struct stage *stage, int root, struct stage_target *target)
{
    uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (target->plain ? RESOLVE_NO_SYMLINKS : 0);
    bool in_root = root == stage_slot(stage, PLAN_SLOT_ROOT);
    target->created = target->known = false;
    long found = in_root ? stage_resolve_entry(stage, target) : STAGE_ELSEWHERE;
    if (found != STAGE_ELSEWHERE)
        return found;
    found = stage_openat2(stage, root, target->path, O_PATH | (target->link ? O_NOFOLLOW : 0), how);
    if (found != -ENOENT || target->create == STAGE_EXISTING)
        return found;
    /* Only the last component, most of the time. */
    found = in_root ? stage_resolve_entry(stage, target) : STAGE_ELSEWHERE;
    if (found != STAGE_ELSEWHERE)
        return found;

    struct walk walk = {.stage = stage, .target = target, .root = root, .here = -1};
    long result = -EAGAIN;
    /* A directory removed under way makes ENOENT. */
    for (int i = 0; i < WALK_ATTEMPTS && (result == -EAGAIN || result == -ENOENT); i++)
        result = walk_once(&walk);
    if (result < 0) {
        stage_close(walk.here);
        return result;
    }
    return walk.here;
}

long stage_target_status(struct stage *stage, int found, struct stage_target *target)
{
    return target->known ? 0 : stage_stat(stage, found, &target->status);
}

long stage_parent(struct stage *stage, const char *path, char base[NAME_MAX + 1])
{
    size_t end = stage_length(path);
    while (end && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && path[start - 1] != '/')
        start--;
    if (end - start > NAME_MAX)
        return -ENAMETOOLONG;
    stage_copy(base, path + start, end - start);
    base[end - start] = 0;
    if (start == end || stage_equal(base, ".") || stage_equal(base, ".."))
        return -EINVAL;

    if (start <= 1) {
        long result = stage_leave(stage);
        return result < 0 ? result : stage_slot(stage, PLAN_SLOT_ROOT);
    }
    if (stage_entry(stage, path) && !stage->one_by_one)
        return stage->parent.directory;
    char above[PATH_MAX];
    struct stage_text text = stage_text(above, sizeof above);
    stage_append(&text, "/");
    stage_append_bytes(&text, path, start);
    if (text.full)
        return -ENAMETOOLONG;
    struct stage_target target = {.path = above, .create = STAGE_CREATE_DIRECTORY};
    long directory = stage_resolve(stage, stage_slot(stage, PLAN_SLOT_ROOT), &target);
    if (directory >= 0)
        stage_enter(stage, path, directory);
    return directory;
}
