#include "ckernel.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int apus_send(int socket, const void *bytes, size_t count, int descriptor)
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = count };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.room;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    return (int)sendmsg(socket, &message, MSG_NOSIGNAL);
}

long apus_receive(int socket, void *bytes, size_t count, int *descriptor)
{
    struct iovec part = { .iov_base = bytes, .iov_len = count };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * 4)];
    } control;
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control.room,
    };
    *descriptor = -1;
    long result = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (result < 0)
        return result;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t total = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < total; i++) {
            int received;
            memcpy(&received, CMSG_DATA(header) + i * sizeof(int), sizeof received);
            if (*descriptor < 0)
                *descriptor = received;
            else
                close(received);
        }
    }
    return result;
}

long apus_send_with(int socket, const void *bytes, size_t count, const int *descriptors, size_t passed)
{
    enum { MOST = 8 };
    struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = count };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * MOST)];
    } control;
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (passed > MOST) {
        errno = ETOOMANYREFS;
        return -1;
    }
    if (passed > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * passed);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * passed);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * passed);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

long apus_receive_with(int socket, void *bytes, size_t count, int *descriptors, size_t *passed)
{
    struct iovec part = { .iov_base = bytes, .iov_len = count };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * 253)]; /* SCM_MAX_FD */
    } control;
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control.room,
    };
    size_t room = *passed;
    *passed = 0;
    long result = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (result < 0)
        return result;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t total = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < total; i++) {
            int received;
            memcpy(&received, CMSG_DATA(header) + i * sizeof(int), sizeof received);
            if (*passed < room)
                descriptors[(*passed)++] = received;
            else
                close(received);
        }
    }
    return result;
}

long apus_next_length(int socket)
{
    return recv(socket, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
}

int apus_peer_user(int socket, uint32_t *user)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return -1;
    *user = peer.uid;
    return 0;
}

int apus_accept(int socket)
{
    return accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* The address's size; 0 and errno if it does not fit. */
static socklen_t local_address(struct sockaddr_un *address, const char *name, size_t length)
{
    /* A path keeps its zero byte; an abstract name has its own at the front. */
    if (length == 0 || length > sizeof address->sun_path - (*name ? 1 : 0)) {
        errno = length ? ENAMETOOLONG : EINVAL;
        return 0;
    }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*name ? 1 : 0));
}

int apus_connect_local(int socket, const void *name, size_t length)
{
    struct sockaddr_un address;
    socklen_t size = local_address(&address, name, length);
    return size ? connect(socket, (struct sockaddr *)&address, size) : -1;
}

int apus_bind_local(int socket, const void *name, size_t length)
{
    struct sockaddr_un address;
    socklen_t size = local_address(&address, name, length);
    return size ? bind(socket, (struct sockaddr *)&address, size) : -1;
}

int apus_netlink_open(void)
{
    int number = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1;
    if (number >= 0) {
        /* Linux 4.12; without them an answer says less. */
        (void)setsockopt(number, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
        (void)setsockopt(number, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    }
    return number;
}

long apus_netlink_receive(int socket, void *bytes, size_t count)
{
    for (;;) {
        struct sockaddr_nl sender = { 0 };
        socklen_t length = sizeof sender;
        long result = recvfrom(socket, bytes, count, MSG_TRUNC, (struct sockaddr *)&sender, &length);
        /* Whoever is root in that network namespace can write to this socket, too. */
        if (result < 0 || (length == sizeof sender && sender.nl_pid == 0))
            return result;
    }
}
