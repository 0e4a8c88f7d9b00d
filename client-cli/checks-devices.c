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
#include "language.h"

#define TUN_NODE   "/dev/net/tun"
#define VHOST_NODE "/dev/vhost-net"
#define TUN_MAJOR  10
#define TUN_MINOR  200

static void check_tun(Findings *findings) {
        const char *load =
                        _("modprobe tun; for every boot: echo tun > /etc/modules-load.d/tun.conf");
        struct stat node;

        if (stat(TUN_NODE, &node) < 0)
                findings_add(findings, "tun", FINDING_PROBLEM, load,
                                _("/dev/net/tun is missing: %s."), strerror(errno));
        else if (!S_ISCHR(node.st_mode) || node.st_rdev != makedev(TUN_MAJOR, TUN_MINOR))
                findings_add(findings, "tun", FINDING_PROBLEM, load,
                                _("/dev/net/tun is not the tun device."));
        else if ((node.st_mode & 0666) != 0666)
                findings_add(findings, "tun", FINDING_PROBLEM,
                                _("chmod 666 /dev/net/tun; udev's own rule keeps it so, unless another rule of this host says otherwise"),
                                _("/dev/net/tun is not open to everybody (mode %03o): the service may not open it."),
                                node.st_mode & 0777);
        else
                findings_add(findings, "tun", FINDING_OK, NULL, _("/dev/net/tun can be opened."));
}

static void check_vhost(Findings *findings) {
        if (access(VHOST_NODE, F_OK) < 0)
                findings_add(findings, "vhost-net", FINDING_NOTE, _("modprobe vhost_net"),
                                _("There is no /dev/vhost-net: guests work, with more work for the host."));
        else if (access(VHOST_NODE, R_OK | W_OK) < 0)
                findings_add(findings, "vhost-net", FINDING_NOTE,
                                _("the group of the node (often kvm) opens it: usermod -aG kvm USER"),
                                _("You may not open /dev/vhost-net: guests work, with more work for the host."));
        else
                findings_add(findings, "vhost-net", FINDING_OK, NULL,
                                _("/dev/vhost-net can be opened."));
}

void check_devices(Findings *findings) {
        check_tun(findings);
        check_vhost(findings);
}
