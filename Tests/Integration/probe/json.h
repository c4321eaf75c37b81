// Writing JSON, and reading the files that go into it.
#pragma once
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static FILE *out;
static int first = 1;

static void text(const char *s, size_t n) {
    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(out, "\\u%04x", c);  // bytes as Latin-1: the reader only compares
        else
            fputc(c, out);
    }
    fputc('"', out);
}
static void str(const char *s) { text(s, strlen(s)); }
static void key(const char *name) {
    if (!first) fputc(',', out);
    first = 0;
    str(name);
    fputc(':', out);
}
static void item(void) {
    if (!first) fputc(',', out);
    first = 0;
}
static void open_(char c) { fputc(c, out); first = 1; }
static void close_(char c) { fputc(c, out); first = 0; }
static void kstr(const char *k, const char *v) { key(k); str(v); }
static void knum(const char *k, long long v) { key(k); fprintf(out, "%lld", v); }
static void failed(int e) {
    const char *name = strerrorname_np(e);
    fprintf(out, "{\"errno\":\"%s\"}", name ? name : "?");
}
static void kresult(const char *k, long long r) {
    key(k);
    if (r < 0) failed(errno); else fprintf(out, "%lld", r);
}

// Reads a whole file; a negative length is -errno.
static char buffer[1 << 20];
static ssize_t slurp(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -errno;
    ssize_t n = 0, r;
    while ((r = read(fd, buffer + n, sizeof buffer - 1 - (size_t)n)) > 0) n += r;
    int e = errno;
    close(fd);
    if (r < 0) return -e;
    buffer[n] = 0;
    return n;
}
static void kfile(const char *k, const char *path) {
    key(k);
    ssize_t n = slurp(path);
    if (n < 0) { failed((int)-n); return; }
    while (n > 0 && buffer[n - 1] == '\n') n--;
    text(buffer, (size_t)n);
}

