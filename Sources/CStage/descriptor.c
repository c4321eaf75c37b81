#include "internal.h"

#include <asm/statfs.h>

struct stage_descriptor_path stage_descriptor_path(int descriptor)
{
    struct stage_descriptor_path path;
    struct stage_text text = stage_text(path.text, sizeof path.text);
    stage_append(&text, "self/fd/");
    stage_append_number(&text, (unsigned)descriptor, 10);
    return path;
}

long stage_reopen(struct stage *stage, int descriptor, int flags)
{
    struct stage_descriptor_path path = stage_descriptor_path(descriptor);
    return SYS(stage, openat, stage_slot(stage, PLAN_SLOT_PROC), path.text, flags | O_CLOEXEC);
}

long stage_stat(struct stage *stage, int descriptor, struct statx *found)
{
    return SYS(stage, statx, descriptor, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, found);
}

long stage_magic(struct stage *stage, int descriptor)
{
    struct statfs found;
    long result = SYS(stage, fstatfs, descriptor, &found);
    return result < 0 ? result : (long)((unsigned long)found.f_type & 0xffffffff);
}

bool stage_is_directory(const struct statx *found)
{
    return S_ISDIR(found->stx_mode);
}

bool stage_is_device(const struct statx *found, uint32_t type, uint32_t major, uint32_t minor)
{
    return (found->stx_mode & S_IFMT) == type && found->stx_rdev_major == major && found->stx_rdev_minor == minor;
}

long stage_change_mode(struct stage *stage, int descriptor, uint32_t mode)
{
    /* fchmod(2) refuses O_PATH descriptors, and fchmodat2(2) is newer than our oldest kernel. */
    struct stage_descriptor_path path = stage_descriptor_path(descriptor);
    return SYS(stage, fchmodat, stage_slot(stage, PLAN_SLOT_PROC), path.text, mode);
}

long stage_read(struct stage *stage, int descriptor, void *bytes, size_t length)
{
    long result;
    do
        result = SYS(stage, read, descriptor, bytes, length);
    while (result == -EINTR);
    return result;
}

long stage_write_all(struct stage *stage, int descriptor, const void *bytes, size_t length)
{
    long result;
    do
        result = SYS(stage, write, descriptor, bytes, length);
    while (result == -EINTR);
    /* Files of procfs and cgroupfs take a value in one write or not at all. */
    if (result >= 0 && (size_t)result != length)
        return -EIO;
    return result;
}
