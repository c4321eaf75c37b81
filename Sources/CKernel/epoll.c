#include "ckernel.h"
#include "syscalls.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

int apus_epoll_create(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

int apus_epoll_watch(int epoll, int descriptor, int writing)
{
    struct epoll_event event = { .events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.fd = descriptor };
    int result = epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
    if (result != 0 && errno == EEXIST)
        result = epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
    return result;
}

int apus_epoll_ignore(int epoll, int descriptor)
{
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL);
}

int apus_epoll_wait(int epoll, struct apus_event *found, int count, int milliseconds)
{
    struct epoll_event events[16];
    if (count > (int)(sizeof events / sizeof *events))
        count = sizeof events / sizeof *events;
    int result = epoll_wait(epoll, events, count, milliseconds);
    for (int i = 0; i < result; i++)
        found[i] = (struct apus_event){
            .descriptor = events[i].data.fd,
            .readable = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0,
            .writable = (events[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
        };
    return result;
}
