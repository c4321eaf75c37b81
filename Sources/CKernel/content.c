#include "ckernel.h"
#include "entries.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

int apus_clone_file(int to, int from)
{
    return ioctl(to, FICLONE, from);
}

long apus_copy_range(int to, int from, int64_t offset, size_t count)
{
    int64_t in = offset, out = offset;

    return syscall(SYS_copy_file_range, from, &in, to, &out, count, 0);
}

int64_t apus_seek_data(int file, int64_t offset)
{
    return lseek(file, offset, SEEK_DATA);
}

int64_t apus_seek_hole(int file, int64_t offset)
{
    return lseek(file, offset, SEEK_HOLE);
}

int apus_get_flags(int file, unsigned int *flags)
{
    return ioctl(file, FS_IOC_GETFLAGS, flags);
}

int apus_set_flags(int file, unsigned int flags)
{
    return ioctl(file, FS_IOC_SETFLAGS, &flags);
}
