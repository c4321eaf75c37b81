#include "ckernel.h"
#include "entries.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

long apus_getdents(int directory, void *bytes, size_t count)
{
    return syscall(SYS_getdents64, directory, bytes, count);
}

int apus_mknod(int directory, const char *name, unsigned int mode, unsigned int major, unsigned int minor)
{
    return mknodat(directory, name, mode, makedev(major, minor));
}

unsigned int apus_major(uint64_t device)
{
    return major(device);
}

unsigned int apus_minor(uint64_t device)
{
    return minor(device);
}

int apus_fsetxattr(int file, const char *name, const void *value, size_t count)
{
    return fsetxattr(file, name, value, count, 0);
}

int apus_lsetxattr(const char *path, const char *name, const void *value, size_t count)
{
    return lsetxattr(path, name, value, count, 0);
}

long apus_llistxattr(const char *path, void *names, size_t count)
{
    return llistxattr(path, names, count);
}

long apus_lgetxattr(const char *path, const char *name, void *value, size_t count)
{
    return lgetxattr(path, name, value, count);
}

int apus_syncfs(int file)
{
    return syncfs(file);
}

int apus_move_mount(int mount, const char *target)
{
    return (int)syscall(SYS_move_mount, mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

int apus_mount_type(const char *type, const char *source, const char *target, unsigned long flags,
                    const char *data)
{
    return (int)syscall(SYS_mount, source, target, type, flags, data);
}

int apus_unmount(const char *target, int flags)
{
    return umount2(target, flags);
}
