/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-space.h"

/*
 * Knows only the kernel's side: what to unshare, how a user is mapped, and the few ioctls of a tap.
 * The user is mapped to itself: capabilities in the namespaces come with creating them.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/cleanup.h"

static int write_text(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int map_to_itself(const char *path, unsigned id) {
        char line[64];

        snprintf(line, sizeof(line), "%u %u 1", id, id);
        return write_text(path, line);
}

int bench_space_enter(void) {
        unsigned uid = geteuid(), gid = getegid();
        int r;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                return -errno;
        /* Without this the kernel does not permit an ordinary user to map a group. */
        r = write_text("/proc/self/setgroups", "deny");
        if (r < 0)
                return r;
        r = map_to_itself("/proc/self/uid_map", uid);
        if (r < 0)
                return r;
        return map_to_itself("/proc/self/gid_map", gid);
}

int bench_space_new_net(void) {
        return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

static struct ifreq request_for(const char *name) {
        struct ifreq request = {};

        strncpy(request.ifr_name, name, IFNAMSIZ - 1);
        return request;
}

int bench_space_open_tap(const char *name, int tun_flags, unsigned offloads) {
        _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        struct ifreq request = request_for(name);

        if (fd < 0)
                return -errno;
        request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | tun_flags);
        if (ioctl(fd, TUNSETIFF, &request) < 0)
                return -errno;
        if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)offloads) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int set_address(int fd, const char *name, unsigned long code, const char *text) {
        struct ifreq request = request_for(name);
        struct sockaddr_in address = { .sin_family = AF_INET };

        if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
                return -EINVAL;
        memcpy(&request.ifr_addr, &address, sizeof(address));
        return ioctl(fd, code, &request) < 0 ? -errno : 0;
}

int bench_space_set_up(const char *name, const char *address) {
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = request_for(name);
        int r;

        if (fd < 0)
                return -errno;
        r = set_address(fd, name, SIOCSIFADDR, address);
        if (r < 0)
                return r;
        r = set_address(fd, name, SIOCSIFNETMASK, "255.255.255.0");
        if (r < 0)
                return r;
        request.ifr_flags = IFF_UP;
        return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}
