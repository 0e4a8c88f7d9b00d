/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program in the place of vnicd can do: it tries all that it should not be able to, writes a
 * line for each
 * ("socket-inet EAFNOSUPPORT", or "... allowed") and tells systemd that it is ready. Some of what
 * vnicd needs is tried as well. It knows nothing of vnicd.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void told(const char *what, long result) {
        printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "allowed");
        fflush(stdout);
}

static int opened(const char *path, int flags) {
        return open(path, flags | O_CLOEXEC, 0600);
}

static int try_tun(void) {
        struct ifreq request = { .ifr_name = "vnicprobe0" };
        int fd = opened("/dev/net/tun", O_RDWR);

        request.ifr_flags = IFF_TAP | IFF_NO_PI;
        return fd < 0 ? fd : ioctl(fd, TUNSETIFF, &request);
}

static void try_files(void) {
        told("read-home", opened("/home/alice/secret", O_RDONLY));
        told("read-root", opened("/root/.profile", O_RDONLY));
        told("read-shadow", opened("/etc/shadow", O_RDONLY));
        told("read-journal", opened("/var/log/journal", O_RDONLY | O_DIRECTORY));
        told("write-etc", opened("/etc/vnicd/written", O_WRONLY | O_CREAT));
        told("write-tmp", opened("/tmp/written", O_WRONLY | O_CREAT));
        told("write-run", opened("/run/written", O_WRONLY | O_CREAT));
        told("write-runtime", opened("/run/vnicd/written", O_WRONLY | O_CREAT));
        unlink("/run/vnicd/written");
        told("write-sysctl", opened("/proc/sys/net/ipv4/ip_forward", O_WRONLY));
        told("read-process-1", opened("/proc/1/status", O_RDONLY));
        told("open-kmsg", opened("/dev/kmsg", O_RDONLY));
        told("make-device", mknod("/tmp/node", S_IFCHR | 0600, 0x0103));
        told("mount", mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
        told("chroot", chroot("/"));
        told("unlink", unlink("/etc/passwd"));
}

static void try_sockets(void) {
        told("socket-inet", socket(AF_INET, SOCK_DGRAM, 0));
        told("socket-inet6", socket(AF_INET6, SOCK_STREAM, 0));
        told("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
        told("socket-vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
        told("socket-bluetooth", socket(AF_BLUETOOTH, SOCK_RAW, 1));
}

static void try_processes(void) {
        char *argv[] = { "true", NULL };
        int null = opened("/dev/null", O_RDONLY);

        told("setns", setns(null, CLONE_NEWNET));
        told("unshare-user", unshare(CLONE_NEWUSER));
        told("unshare-net", unshare(CLONE_NEWNET));
        told("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        told("kill", kill(1, 0));
        told("setuid", setuid(0));
        told("keyring", syscall(SYS_add_key, "user", "x", "y", 1, -2));
        told("bpf", syscall(SYS_bpf, 0, NULL, 0));
        told("io-uring", syscall(SYS_io_uring_setup, 1, NULL));
        told("module", syscall(SYS_init_module, NULL, 0, ""));
        told("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
        told("personality", syscall(SYS_personality, 0x0040000));
        told("write-and-execute",
                        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                                        ? -1
                                        : 0);
        told("sched-fifo", sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 }));
        told("sethostname", sethostname("probe", 5));
        told("exec", execv("/usr/bin/true", argv));
}

int main(void) {
        told("tun", try_tun());
        told("socket-netlink", socket(AF_NETLINK, SOCK_RAW, 0));
        told("socket-unix", socket(AF_UNIX, SOCK_STREAM, 0));
        told("read-configuration", opened("/etc/vnicd", O_RDONLY | O_DIRECTORY));
        /* Devices: enforced by the kernel's control groups, not by modes. */
        told("open-vhost-net", opened("/dev/vhost-net", O_RDWR));
        told("open-other-device", opened("/dev/vnicd-test-node", O_RDWR));
        try_files();
        try_sockets();
        try_processes();
        puts("end");
        return 0;
}
