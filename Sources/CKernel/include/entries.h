/*
 * Calls on entries of directories and on file systems that Swift's view of glibc lacks: -1 and errno on failure.
 */
#ifndef APUS_ENTRIES_H
#define APUS_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

/* One read(2) of the names in a directory, as getdents64(2) gives them; 0 at the end. */
long apus_getdents(int directory, void *bytes, size_t count);

int apus_mknod(int directory, const char *name, unsigned int mode, unsigned int major, unsigned int minor);
unsigned int apus_major(uint64_t device);
unsigned int apus_minor(uint64_t device);

/* Extended attributes of an open file, and of what a path leads to; a link at its end is not followed. */
int apus_fsetxattr(int file, const char *name, const void *value, size_t count);
int apus_lsetxattr(const char *path, const char *name, const void *value, size_t count);
long apus_llistxattr(const char *path, void *names, size_t count);
long apus_lgetxattr(const char *path, const char *name, void *value, size_t count);

int apus_syncfs(int file);

/* FICLONE: all of a file's content is shared with another file. */
int apus_clone_file(int to, int from);
/* copy_file_range(2), from and to the same offset. */
long apus_copy_range(int to, int from, int64_t offset, size_t count);
/* lseek(2): where at or after an offset there is data, and where a hole. */
int64_t apus_seek_data(int file, int64_t offset);
int64_t apus_seek_hole(int file, int64_t offset);

/* The flags of chattr(1): FS_IOC_GETFLAGS, and FS_IOC_SETFLAGS. */
int apus_get_flags(int file, unsigned int *flags);
int apus_set_flags(int file, unsigned int flags);

int apus_move_mount(int mount, const char *target);
int apus_mount_type(const char *type, const char *source, const char *target, unsigned long flags,
                    const char *data);
int apus_unmount(const char *target, int flags);

#endif
