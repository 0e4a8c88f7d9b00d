/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The bridges as sysfs shows them, so that it works where the service does not.
 */

#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "util/cleanup.h"

#define NET_ADDR_SET 3 /* of linux/netdevice.h: somebody has set this address */

/* The number in a file of a line; -1 if there is none. */
static int read_number(const char *folder, const char *file) {
        _cleanup_free_ char *path = NULL;
        int value = -1;
        FILE *stream;

        if (asprintf(&path, "%s/%s", folder, file) < 0) {
                path = NULL;
                return -1;
        }
        stream = fopen(path, "re");
        if (!stream)
                return -1;
        if (fscanf(stream, "%d", &value) != 1)
                value = -1;
        fclose(stream);
        return value;
}

static bool filters_are_called(const char *bridge) {
        return read_number("/proc/sys/net/bridge", "bridge-nf-call-iptables") > 0 ||
                        read_number("/proc/sys/net/bridge", "bridge-nf-call-ip6tables") > 0 ||
                        read_number(bridge, "bridge/nf_call_iptables") > 0 ||
                        read_number(bridge, "bridge/nf_call_ip6tables") > 0;
}

static void check_bridge(Findings *findings, const char *folder) {
        const char *name = strrchr(folder, '/') + 1;

        if (filters_are_called(folder))
                findings_add(findings, "br_netfilter", FINDING_PROBLEM,
                                "sysctl net.bridge.bridge-nf-call-iptables=0 "
                                "net.bridge.bridge-nf-call-ip6tables=0; or, where Docker needs it: "
                                "iptables -I DOCKER-USER -m physdev --physdev-is-bridged -j ACCEPT",
                                "The IP filters of the host see what crosses %s, and may drop it: "
                                "Docker sets FORWARD to DROP.",
                                name);
        else
                findings_add(findings, "br_netfilter", FINDING_OK, NULL,
                                "No IP filter of the host sees what crosses %s.", name);
        if (read_number(folder, "addr_assign_type") == NET_ADDR_SET)
                findings_add(findings, "bridge-mac", FINDING_OK, NULL,
                                "The MAC address of %s was set and stays.", name);
        else
                findings_add(findings, "bridge-mac", FINDING_NOTE,
                                "set it where the bridge is made (networkd: MACAddress= in its "
                                ".netdev; NetworkManager: bridge.mac-address)",
                                "Nobody has set the MAC address of %s: it changes as ports come "
                                "and go, until the first endpoint joins.",
                                name);
}

void check_bridges(Findings *findings) {
        glob_t found = {};

        if (glob("/sys/class/net/*/bridge", 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++)
                        check_bridge(findings, dirname(found.gl_pathv[i]));
        else
                findings_add(findings, "bridges", FINDING_NOTE,
                                "ip link add br0 type bridge, or the tools of your distribution",
                                "There is no bridge on this host.");
        globfree(&found);
}
