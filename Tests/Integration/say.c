/* Sends each argument as a datagram to $NOTIFY_SOCKET, as sd_notify(3) does. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int number = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (!name || strlen(name) >= sizeof address.sun_path)
        return 2;
    strcpy(address.sun_path, name);
    for (int i = 1; i < argc; i++) {
        if (sendto(number, argv[i], strlen(argv[i]), 0, (struct sockaddr *)&address, sizeof address) < 0) {
            perror(name);
            return 1;
        }
    }
    return 0;
}
