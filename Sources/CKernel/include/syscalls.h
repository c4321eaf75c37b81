/*
 * System calls that glibc 2.36 has no function for, or that Swift cannot call: -1 and errno on failure.
 * Plain types only, so that Swift sees no structure of libc's in two versions.
 */
#ifndef APUS_SYSCALLS_H
#define APUS_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/mount.h>
#include <linux/openat2.h>

long apus_openat2(int directory, const char *path, struct open_how *how, size_t size);
int apus_close_range(unsigned int first, unsigned int last, unsigned int flags);
int apus_memfd_create(const char *name, unsigned int flags);
int apus_pipe(int ends[2]); /* O_CLOEXEC */
int apus_eventfd(void); /* at 0; EFD_CLOEXEC, EFD_NONBLOCK */
int apus_spawn_close_from(void *actions, int first); /* posix_spawn_file_actions_addclosefrom_np(3) */

int apus_fsopen(const char *type, unsigned int flags);
int apus_fspick(const char *path, unsigned int flags);
int apus_fsconfig(int fs, unsigned int command, const char *key, const void *value, int aux);
int apus_fsmount(int fs, unsigned int flags, unsigned int attributes);

int apus_open_tree(const char *path, unsigned int flags);
int apus_mount_setattr(int mount, unsigned int flags, struct mount_attr *attributes);
/* mount(2) without a type and options. */
int apus_mount(const char *source, const char *target, unsigned long flags);
int apus_unshare(int flags);

/* Join the session keyring of this name, making it if need be, and let those who can see it do this too. */
int apus_join_keyring(const char *name, uint32_t permissions);

int apus_pidfd_open(int pid, unsigned int flags);
int apus_pidfd_send_signal(int pidfd, int signal);
int apus_pidfd_getfd(int pidfd, int descriptor); /* close-on-exec */
int apus_prlimit(int pid, int resource, uint64_t soft, uint64_t hard);
int apus_reset_affinity(int pid);
int apus_set_affinity(int pid, const void *mask, size_t size);
int apus_ioprio_set(int pid, int priority); /* of one process */

/* sched_setattr(2), with utilization clamps of 0. */
struct apus_scheduling {
    uint32_t policy;
    int32_t nice;
    uint32_t priority;
    uint64_t flags, runtime, deadline, period;
};
int apus_sched_setattr(int pid, const struct apus_scheduling *wanted);

int apus_prctl(int option, unsigned long value);

/* The permitted capabilities of this process; all ones if they cannot be had. */
uint64_t apus_permitted_capabilities(void);

/* Block every signal, and open a signalfd for all of them. */
int apus_signalfd_all(void);

/* One read from it: the signal's number. */
int apus_signalfd_next(int descriptor);

/* One packet and at most one descriptor (-1 is none); send(2)'s answer. No SIGPIPE. */
int apus_send(int socket, const void *bytes, size_t count, int descriptor);

/*
 * One packet; *descriptor is the one that came with it, close-on-exec, or -1. Further descriptors are closed.
 * recv(2)'s answer.
 */
long apus_receive(int socket, void *bytes, size_t count, int *descriptor);

/*
 * The same with several descriptors. apus_receive_with takes at most *passed of them and tells how many came; further
 * ones are closed. A packet of no bytes and -1 with EAGAIN differ; neither call waits.
 */
long apus_send_with(int socket, const void *bytes, size_t count, const int *descriptors, size_t passed);
long apus_receive_with(int socket, void *bytes, size_t count, int *descriptors, size_t *passed);

/* The length of the packet that is next. Does not wait. */
long apus_next_length(int socket);

/* The user at the other end when it connected (SO_PEERCRED). */
int apus_peer_user(int socket, uint32_t *user);

/* accept4(2): close-on-exec, and without waiting. */
int apus_accept(int socket);

int apus_fork(void);

/* mallopt(3): one arena for all threads, and what is large or at the end goes back to the kernel when it is freed. */
void apus_allocate_frugally(void);

/* Take the pages of the program's text out of this process: those that it needs come back from the page cache. */
void apus_release_text(void);

int apus_epoll_create(void); /* close-on-exec */
/* Wait for what can be read, and for room to write if asked; in place of what was waited for before. */
int apus_epoll_watch(int epoll, int descriptor, int writing);
int apus_epoll_ignore(int epoll, int descriptor);
struct apus_event {
    int descriptor;
    int readable, writable; /* each also at the end, and after an error */
};
int apus_epoll_wait(int epoll, struct apus_event *found, int count, int milliseconds); /* 16 at most */

int apus_set_root_ids(void); /* setgroups(2), setresgid(2) and setresuid(2) */

/* connect(2) to a unix(7) address; an abstract one begins with a zero byte. ENAMETOOLONG if it does not fit. */
int apus_connect_local(int socket, const void *name, size_t length);

/* The same of bind(2). */
int apus_bind_local(int socket, const void *name, size_t length);

/*
 * A socket of rtnetlink(7), whose answers are terse and in words. One datagram from it that the kernel sent: its
 * length, which is more than `count` if it did not fit.
 */
int apus_netlink_open(void);
long apus_netlink_receive(int socket, void *bytes, size_t count);

int apus_setns(int descriptor, int type);

/* A word that another process waits for, in memory shared with it; atomic, after all that was done before. */
void apus_store_word(void *place, uint32_t word);

/* The namespace type (CLONE_NEW*) of an nsfs descriptor. */
int apus_namespace_type(int descriptor);

/* The user namespace above that of an nsfs descriptor, by a descriptor (NS_GET_PARENT). */
int apus_namespace_parent(int descriptor);

/* The projid_map of a user namespace, whether or not a process is in it; the count of bytes. */
long apus_read_projid_map(int user_namespace, void *bytes, size_t size);

/* A number of a mount namespace's that is never given again (Linux 6.11, NS_GET_MNTNS_ID). */
int apus_mount_namespace_id(int descriptor, uint64_t *id);

/* The magic number of the file system that holds the file. */
long apus_fstatfs_magic(int fd);
long apus_statfs_magic(const char *path);

#endif
