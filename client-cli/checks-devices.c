/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks the two device nodes. The service opens /dev/net/tun, and is neither root nor in any
 * group, so the node has to be open to everybody; that is safe, and is what udev sets.
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "findings.h"

#define TUN_NODE   "/dev/net/tun"
#define VHOST_NODE "/dev/vhost-net"
#define TUN_MAJOR  10
#define TUN_MINOR  200

static void check_tun(Findings *findings) {
        static const char load[] =
                        "modprobe tun; for every boot: echo tun > /etc/modules-load.d/tun.conf";
        struct stat node;

        if (stat(TUN_NODE, &node) < 0)
                findings_add(findings, "tun", FINDING_PROBLEM, load, TUN_NODE " is missing: %s.",
                                strerror(errno));
        else if (!S_ISCHR(node.st_mode) || node.st_rdev != makedev(TUN_MAJOR, TUN_MINOR))
                findings_add(findings, "tun", FINDING_PROBLEM, load,
                                TUN_NODE " is not the tun device.");
        else if ((node.st_mode & 0666) != 0666)
                findings_add(findings, "tun", FINDING_PROBLEM,
                                "chmod 666 " TUN_NODE
                                "; udev's own rule keeps it so, unless another rule of this host says otherwise",
                                TUN_NODE
                                " is not open to everybody (mode %03o): the service may not open it.",
                                node.st_mode & 0777);
        else
                findings_add(findings, "tun", FINDING_OK, NULL, TUN_NODE " can be opened.");
}

static void check_vhost(Findings *findings) {
        if (access(VHOST_NODE, F_OK) < 0)
                findings_add(findings, "vhost-net", FINDING_NOTE, "modprobe vhost_net",
                                "There is no " VHOST_NODE
                                ": guests work, with more work for the host.");
        else if (access(VHOST_NODE, R_OK | W_OK) < 0)
                findings_add(findings, "vhost-net", FINDING_NOTE,
                                "the group of the node (often kvm) opens it: usermod -aG kvm USER",
                                "You may not open " VHOST_NODE
                                ": guests work, with more work for the host.");
        else
                findings_add(findings, "vhost-net", FINDING_OK, NULL, VHOST_NODE " can be opened.");
}

void check_devices(Findings *findings) {
        check_tun(findings);
        check_vhost(findings);
}
