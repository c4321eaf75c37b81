// What a path is: type, owner, what may be done with it; and trees of them.
#pragma once
#include "json.h"

static const char *type_of(mode_t m) {
    switch (m & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symlink";
    case S_IFCHR: return "char";
    case S_IFBLK: return "block";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    default: return "?";
    }
}
static void stat_fields(const struct stat *st) {
    char mode[16];
    kstr("type", type_of(st->st_mode));
    snprintf(mode, sizeof mode, "%04o", st->st_mode & 07777);
    kstr("mode", mode);
    knum("uid", st->st_uid);
    knum("gid", st->st_gid);
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        char dev[32];
        snprintf(dev, sizeof dev, "%u:%u", major(st->st_rdev), minor(st->st_rdev));
        kstr("rdev", dev);
    }
}
static void link_field(int dir, const char *name) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof target);
    key("link");
    if (n < 0) failed(errno); else text(target, (size_t)n);
}

static void tree(int parent, const char *name, const char *prefix, int depth) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) { key(*prefix ? prefix : "."); failed(errno); return; }
    DIR *d = fdopendir(fd);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "/" : "", e->d_name) >= (int)sizeof path) continue;
        struct stat st;
        key(path);
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW)) { failed(errno); continue; }
        open_('{');
        stat_fields(&st);
        if (S_ISLNK(st.st_mode)) link_field(fd, e->d_name);
        close_('}');
        if (S_ISDIR(st.st_mode) && depth > 1) tree(fd, e->d_name, path, depth - 1);
    }
    if (d) closedir(d);
}

// Everything that tells a masked, read-only, mounted or plain path from the others.
static void describe(const char *path) {
    struct stat st;
    struct statfs fs;
    open_('{');
    if (lstat(path, &st)) {
        kresult("lstat", -1);
        close_('}');
        return;
    }
    stat_fields(&st);
    if (S_ISLNK(st.st_mode)) link_field(AT_FDCWD, path);
    if (stat(path, &st)) { kresult("stat", -1); close_('}'); return; }
    kstr("target_type", type_of(st.st_mode));
    if (!statfs(path, &fs)) {
        char magic[32];
        snprintf(magic, sizeof magic, "0x%lx", (unsigned long)fs.f_type);
        kstr("filesystem", magic);
        snprintf(magic, sizeof magic, "0x%lx", (unsigned long)fs.f_flags & ~0x20ul);
        kstr("statfs_flags", magic);
        if (fs.f_type == 0x01021994) { knum("blocks", (long long)fs.f_blocks); knum("files", (long long)fs.f_files); }
    }
    if (S_ISDIR(st.st_mode)) {
        DIR *d = opendir(path);
        struct dirent *e;
        key("entries");
        if (!d) failed(errno);
        else {
            long long n = 0;
            while ((e = readdir(d))) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
            fprintf(out, "%lld", n);
            closedir(d);
        }
        char inside[PATH_MAX];
        snprintf(inside, sizeof inside, "%s/.probe-write", path);
        int fd = open(inside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        kresult("create", fd < 0 ? -1 : 0);
        if (fd >= 0) { close(fd); unlink(inside); }
    } else if (S_ISREG(st.st_mode)) {
        char byte[64];
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        ssize_t n = fd < 0 ? -1 : read(fd, byte, sizeof byte);
        kresult("read", n > 0 ? 1 : n);
        if (fd >= 0) close(fd);
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        kresult("open_for_write", fd < 0 ? -1 : 0);
        if (fd >= 0) close(fd);
    } else if (S_ISCHR(st.st_mode)) {
        char byte;
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        kresult("open_read_write", fd < 0 ? -1 : 0);
        if (fd >= 0) { kresult("read", read(fd, &byte, 1)); close(fd); }
    }
    close_('}');
}

