/*
 * What a directory holds, copied onto a new file system that is to cover it.
 *
 * The tree is the image's. Every file is held by a descriptor that follows no link, looked at, and only then
 * opened, so that no device or FIFO ever is; what is made is made anew (O_EXCL), and dressed by its descriptor.
 */
#include "internal.h"

#include <linux/time_types.h>

#define COPY_DEPTH 64 /* of directories: two descriptors each */
#define COPY_NAMES 2048
#define COPY_ATTRIBUTES 4096
#define SEEK_SET 0
#define SEEK_DATA 3
#define SEEK_HOLE 4
#define ENTRY_NAME 19 /* struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name */
#define ENTRY_LENGTH 16

/* One at a time is read and written, or is an extended attribute's value, which may be as long. */
static char buffer[65536];

struct copy {
    struct stage *stage;
    unsigned depth;
    struct stage_text path; /* of what is being copied, below the directory; for the report */
    char path_bytes[PATH_MAX];
};

static long copy_directory(struct copy *copy, int from, int to);

/* Owner, mode and times. The mode comes after the owner, whose change takes set-ID bits away. */
static long dress(struct stage *stage, int made, const struct statx *status)
{
    struct __kernel_timespec times[2] = {{status->stx_atime.tv_sec, status->stx_atime.tv_nsec},
                                         {status->stx_mtime.tv_sec, status->stx_mtime.tv_nsec}};
    long result = SYS(stage, fchownat, made, "", status->stx_uid, status->stx_gid, AT_EMPTY_PATH);
    if (result >= 0 && !S_ISLNK(status->stx_mode))
        result = stage_change_mode(stage, made, status->stx_mode & 07777);
    if (result >= 0)
        result = SYS(stage, utimensat, made, "", times, AT_EMPTY_PATH);
    return result;
}

/* What the new file system has no room for in kind is left behind. */
static long copy_attributes(struct stage *stage, int from, int to)
{
    char names[COPY_ATTRIBUTES];
    long length = SYS(stage, flistxattr, from, names, sizeof names);
    if (length == -EOPNOTSUPP)
        return 0;
    for (const char *name = names; length > 0 && name < names + length; name += stage_length(name) + 1) {
        long size = SYS(stage, fgetxattr, from, name, buffer, sizeof buffer);
        if (size == -ENODATA)
            continue;
        long result = size < 0 ? size : SYS(stage, fsetxattr, to, name, buffer, size, 0);
        if (result < 0 && result != -EOPNOTSUPP)
            return result;
    }
    return length < 0 ? length : 0;
}

/* `length` bytes from where both files stand. */
static long copy_bytes(struct stage *stage, int from, int to, uint64_t length)
{
    while (length) {
        long got = stage_read(stage, from, buffer, length < sizeof buffer ? length : sizeof buffer);
        if (got <= 0)
            return got; /* it has become shorter meanwhile */
        length -= (uint64_t)got;
        for (const char *rest = buffer; got > 0;) {
            long written = SYS(stage, write, to, rest, got);
            if (written < 0 && written != -EINTR)
                return written;
            rest += written < 0 ? 0 : written;
            got -= written < 0 ? 0 : written;
        }
    }
    return 0;
}

/* The holes of a file take no room, and no time. */
static long copy_content(struct stage *stage, int from, int to, uint64_t size)
{
    long result = 0;
    for (long data = 0; result >= 0 && (uint64_t)data < size;) {
        data = SYS(stage, lseek, from, data, SEEK_DATA);
        if (data == -ENXIO)
            break;
        if (data < 0)
            return data;
        long hole = SYS(stage, lseek, from, data, SEEK_HOLE);
        if (hole < 0)
            return hole;
        result = SYS(stage, lseek, from, data, SEEK_SET);
        if (result >= 0)
            result = SYS(stage, lseek, to, data, SEEK_SET);
        if (result >= 0)
            result = copy_bytes(stage, from, to, (uint64_t)(hole - data));
        data = hole;
    }
    return result < 0 ? result : SYS(stage, ftruncate, to, size);
}

static long copy_file(struct stage *stage, int source, int to, const char *name, const struct statx *status)
{
    long from = stage_reopen(stage, source, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (from < 0)
        return from;
    long made = SYS(stage, openat, to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    long result = made < 0 ? made : copy_content(stage, (int)from, (int)made, status->stx_size);
    if (result >= 0)
        result = dress(stage, (int)made, status);
    if (result >= 0)
        result = copy_attributes(stage, (int)from, (int)made);
    stage_close(made);
    stage_close(from);
    return result;
}

static long copy_subdirectory(struct copy *copy, int source, int to, const char *name, const struct statx *status)
{
    struct stage *stage = copy->stage;
    if (copy->depth == COPY_DEPTH)
        return stage_fault(stage, FAULT_TOO_DEEP, 0, name);
    long result = SYS(stage, mkdirat, to, name, 0700);
    if (result < 0)
        return result;
    long made = SYS(stage, openat, to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0)
        return made;
    long from = SYS(stage, openat, source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    copy->depth++;
    result = from < 0 ? from : copy_directory(copy, (int)from, (int)made);
    copy->depth--;
    if (result >= 0)
        result = copy_attributes(stage, (int)from, (int)made);
    if (result >= 0)
        result = dress(stage, (int)made, status);
    stage_close(from);
    stage_close(made);
    return result;
}

/* A link, a device, a FIFO or a socket: made by name, then dressed if it is what was made. */
static long copy_node(struct stage *stage, int source, int to, const char *name, const struct statx *status)
{
    long result;
    if (S_ISLNK(status->stx_mode)) {
        long length = SYS(stage, readlinkat, source, "", buffer, PATH_MAX);
        if (length < 0)
            return length;
        buffer[length] = 0;
        result = SYS(stage, symlinkat, buffer, to, name);
    } else {
        uint64_t major = status->stx_rdev_major, minor = status->stx_rdev_minor;
        /* dev_t as mknod(2) takes it. */
        result = SYS(stage, mknodat, to, name, status->stx_mode & S_IFMT,
                     (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~(uint64_t)0xff) << 12);
    }
    if (result < 0)
        return result;
    long made = SYS(stage, openat, to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0)
        return made;
    result = dress(stage, (int)made, status);
    stage_close(made);
    return result;
}

static long copy_entry(struct copy *copy, int from, int to, const char *name)
{
    struct stage *stage = copy->stage;
    struct statx status;
    long source = SYS(stage, openat, from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (source == -ENOENT)
        return 0; /* removed meanwhile */
    if (source < 0)
        return source;
    long result = stage_stat(stage, (int)source, &status);
    if (result >= 0 && S_ISDIR(status.stx_mode))
        result = copy_subdirectory(copy, (int)source, to, name, &status);
    else if (result >= 0 && S_ISREG(status.stx_mode))
        result = copy_file(stage, (int)source, to, name, &status);
    else if (result >= 0)
        result = copy_node(stage, (int)source, to, name, &status);
    stage_close(source);
    return result;
}

static long copy_directory(struct copy *copy, int from, int to)
{
    uint64_t names[COPY_NAMES / sizeof(uint64_t)];
    for (;;) {
        long length = SYS(copy->stage, getdents64, from, names, sizeof names);
        if (length <= 0)
            return length;
        for (const char *entry = (const char *)names, *end = entry + length; entry < end;
             entry += *(const uint16_t *)(const void *)(entry + ENTRY_LENGTH)) {
            const char *name = entry + ENTRY_NAME;
            if (stage_equal(name, ".") || stage_equal(name, ".."))
                continue;
            size_t above = copy->path.length;
            if (above)
                stage_append(&copy->path, "/");
            stage_append(&copy->path, name);
            long result = copy_entry(copy, from, to, name);
            if (result < 0)
                return result;
            copy->path.length = above;
            copy->path_bytes[above] = 0;
        }
    }
}

long stage_copy_up(struct stage *stage, int covered, int mount)
{
    struct copy copy = {.stage = stage};
    copy.path = stage_text(copy.path_bytes, sizeof copy.path_bytes);
    long to = SYS(stage, openat, mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        return to;
    long from = SYS(stage, openat, covered, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long result = from < 0 ? from : copy_directory(&copy, (int)from, (int)to);
    if (result < 0) {
        stage->report->length = 0;
        stage_detail(stage, "tmpcopyup: ", sizeof "tmpcopyup: " - 1);
        stage_detail(stage, copy.path.bytes, copy.path.length);
    }
    stage_close(from);
    stage_close(to);
    return result;
}
