/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "testing.h"

static bool write_file(const char *path, const char *format, ...)
                __attribute__((format(printf, 2, 3)));

static bool write_file(const char *path, const char *format, ...) {
        FILE *file = fopen(path, "we");
        va_list args;
        int n;

        if (!file)
                return false;
        va_start(args, format);
        n = vfprintf(file, format, args);
        va_end(args);
        return fclose(file) == 0 && n > 0;
}

static bool in_user_namespace;

void world_needs_the_hosts_root(void) {
        if (in_user_namespace)
                skip();
}

/* In a user namespace ordinary users are root in the network namespaces that they create. */
static bool become_root(void) {
        const unsigned uid = geteuid(), gid = getegid();

        in_user_namespace = true;
        return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
                        write_file("/proc/self/setgroups", "deny") &&
                        write_file("/proc/self/uid_map", "0 %u 1", uid) &&
                        write_file("/proc/self/gid_map", "0 %u 1", gid);
}

bool world_is_possible(void) {
        int fd;

        if (geteuid() != 0 && !become_root()) {
                printf("1..0 # SKIP a user namespace: %s\n", strerror(errno));
                return false;
        }
        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        if (fd < 0) {
                printf("1..0 # SKIP /dev/net/tun: %s\n", strerror(errno));
                return false;
        }
        close(fd);
        return true;
}

int world_enter(void **state) {
        static int first = -1;

        /* Each world starts from the mounts that the program found, not from the last one's. */
        if (first < 0)
                first = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        /* A thread that a failed case left behind would share the root directory. */
        if (first < 0 || unshare(CLONE_FS) < 0 || setns(first, CLONE_NEWNS) < 0)
                return -1;
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
                return -1;
        if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
                return -1;
        /* /sys/class/net shows the namespace of the process that mounted it. */
        return mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static void format_command(char *command, size_t size, const char *format, va_list args) {
        int n = vsnprintf(command, size, format, args);

        assert_true(n > 0 && (size_t)n < size);
}

void world_run(const char *format, ...) {
        char command[1024];
        va_list args;

        va_start(args, format);
        format_command(command, sizeof(command), format, args);
        va_end(args);
        if (system(command) != 0)
                fail_msg("failed: %s", command);
}

void world_make_noise(unsigned events) {
        static unsigned made; /* setting an MTU that a link already has causes no event */

        world_run("ip link show noise >/dev/null 2>&1 || ip link add noise type bridge; "
                  "for i in $(seq %u %u); do [ $((i %% 2)) = 1 ] && link=lo || link=noise; "
                  "echo link set $link mtu $((1000 + i %% 20000)); done | ip -batch -",
                        made + 1, made + events);
        made += events;
}

const char *world_read(const char *format, ...) {
        static char text[16384];
        char command[1024];
        va_list args;
        FILE *pipe;
        size_t n;

        va_start(args, format);
        format_command(command, sizeof(command), format, args);
        va_end(args);
        pipe = popen(command, "re");
        assert_non_null(pipe);
        n = fread(text, 1, sizeof(text) - 1, pipe);
        text[n] = '\0';
        if (n > 0 && text[n - 1] == '\n')
                text[n - 1] = '\0';
        pclose(pipe);
        return text;
}

unsigned world_count_links(void) {
        struct if_nameindex *all = if_nameindex();
        unsigned n = 0;

        assert_non_null(all);
        while (all[n].if_index != 0)
                n++;
        if_freenameindex(all);
        return n;
}

int world_ifindex(const char *name) {
        return (int)if_nametoindex(name);
}

bool world_has_link(const char *name) {
        return world_ifindex(name) > 0;
}

static struct ifreq ask(const char *name, unsigned long what) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = { 0 };

        assert_true(fd >= 0);
        snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
        if (ioctl(fd, what, &request) < 0)
                fail_msg("%s: %s", name, strerror(errno));
        close(fd);
        return request;
}

Mac world_mac(const char *name) {
        struct ifreq request = ask(name, SIOCGIFHWADDR);
        Mac mac;

        memcpy(&mac, request.ifr_hwaddr.sa_data, sizeof(mac));
        return mac;
}

unsigned world_mtu(const char *name) {
        return (unsigned)ask(name, SIOCGIFMTU).ifr_mtu;
}

bool world_link_says(const char *name, const char *words) {
        return strstr(world_read("ip -d link show dev %s", name), words);
}

bool world_loses_link(const char *name) {
        const struct timespec moment = { .tv_nsec = 5 * 1000 * 1000 };

        for (int i = 0; i < 400 && world_has_link(name); i++)
                nanosleep(&moment, NULL);
        return !world_has_link(name);
}

unsigned world_count_fds(void) {
        DIR *directory = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(directory);
        for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
                n += entry->d_name[0] != '.';
        closedir(directory);
        return n - 1; /* the directory's own */
}
