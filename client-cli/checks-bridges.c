/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks the bridges through sysfs, so that it works even if the service does not. Only the service
 * can tell what the host's filters do with their frames.
 */

#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "common/cleanup.h"
#include "common/warning.h"
#include "decode.h"
#include "findings.h"
#include "language.h"

#define NET_ADDR_SET 3 /* from linux/netdevice.h: the address was set explicitly */

/* The number in a file of one line; -1 if there is none. */
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

/* Returns what ListBridges says about it; NULL: nothing. */
static const json_t *find_listed(const json_t *listed, const char *name) {
        const json_t *bridge;
        size_t i;

        json_array_foreach((json_t *)listed, i, bridge) {
                const char *other = json_string_value(json_object_get(bridge, "name"));

                if (other && strcmp(other, name) == 0)
                        return bridge;
        }
        return NULL;
}

/* The service's own warning about it; NULL: there is none. */
static const char *find_drop(const json_t *bridge) {
        const json_t *code;
        size_t i;

        json_array_foreach(json_object_get(bridge, "warning_codes"), i, code) {
                const char *word = json_string_value(code);

                if (word && strcmp(word, WARNING_BR_NETFILTER) == 0)
                        return json_string_value(
                                        json_array_get(json_object_get(bridge, "warnings"), i));
        }
        return NULL;
}

/* The host's filters see the bridge's frames: whether any of them drops frames. */
static void check_drops(Findings *findings, const char *name, const json_t *bridge) {
        const json_t *chains = json_object_get(bridge, "undecided_filters");
        const char *drop = find_drop(bridge);

        if (drop)
                findings_add(findings, "br_netfilter", FINDING_PROBLEM,
                                _("sysctl net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0; or, where Docker needs it: iptables -I DOCKER-USER -m physdev --physdev-is-bridged -j ACCEPT"),
                                "%s: %s", name, drop);
        else if (!bridge)
                findings_add(findings, "br_netfilter", FINDING_NOTE,
                                _("start vnicd, and look again; or: nft list ruleset"),
                                _("The IP filters of the host see what crosses %s. Only vnicd could tell whether one of them drops it, and vnicd does not answer."),
                                name);
        else if (json_array_size(chains) > 0)
                findings_undecided(findings, name, chains);
        else
                findings_add(findings, "br_netfilter", FINDING_OK, NULL,
                                _("The IP filters of the host see what crosses %s, and none of them drops it."),
                                name);
}

static void check_bridge(Findings *findings, const char *folder, const json_t *listed) {
        const char *name = strrchr(folder, '/') + 1;

        if (filters_are_called(folder))
                check_drops(findings, name, find_listed(listed, name));
        else
                findings_add(findings, "br_netfilter", FINDING_OK, NULL,
                                _("No IP filter of the host sees what crosses %s."), name);
        if (read_number(folder, "addr_assign_type") == NET_ADDR_SET)
                findings_add(findings, "bridge-mac", FINDING_OK, NULL,
                                _("The MAC address of %s was set and stays."), name);
        else
                findings_add(findings, "bridge-mac", FINDING_NOTE,
                                _("set it where the bridge is made (networkd: MACAddress= in its .netdev; NetworkManager: bridge.mac-address)"),
                                _("Nobody has set the MAC address of %s: it changes as ports come and go, until the first endpoint joins."),
                                name);
}

void check_bridges(Findings *findings, sd_bus *bus) {
        _cleanup_(json_decrefp) json_t *body = findings_ask(bus, VNICD_MANAGER, "ListBridges");
        glob_t found = {};

        if (glob("/sys/class/net/*/bridge", 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++)
                        check_bridge(findings, dirname(found.gl_pathv[i]), json_array_get(body, 0));
        else
                findings_add(findings, "bridges", FINDING_NOTE,
                                _("ip link add br0 type bridge, or the tools of your distribution"),
                                _("There is no bridge on this host."));
        globfree(&found);
}
