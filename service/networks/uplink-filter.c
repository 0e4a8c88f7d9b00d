/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/uplink-filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "networks/lan.h"

#define TABLE NETWORK_TABLE_PREFIX UPLINK_FILTER_NAME

const char uplink_filter_removal[] = "table inet " TABLE "\ndelete table inet " TABLE "\n";

static bool is_empty(const UplinkFilter *filter) {
        return filter->devices4->n == 0 && !filter->devices6 && !filter->lan_blocked;
}

/* auto-merge, since the same prefix may be on several links. */
static void write_on_link(FILE *file, const char *name, const char *type, const RouteList *routes) {
        const char *separator = "elements = { ";
        char text[INET6_ADDRSTRLEN];

        fprintf(file, "set %s {\ntype %s; flags interval; auto-merge;\n", name, type);
        for (size_t i = 0; i < routes->n; i++) {
                const Route *route = &routes->routes[i];

                if (!lan_is_public_and_on_link(route))
                        continue;
                fprintf(file, "%s%s/%u", separator,
                                inet_ntop(route->family, &route->destination, text, sizeof(text)),
                                route->prefix);
                separator = ", ";
        }
        fprintf(file, "%s}\n", *separator == ',' ? " }\n" : "");
}

static void write_sets(FILE *file, const UplinkFilter *filter) {
        if (!filter->lan_blocked)
                return;
        write_on_link(file, "near4", "ipv4_addr", &filter->on_link4);
        write_on_link(file, "near6", "ipv6_addr", &filter->on_link6);
}

/* With br_netfilter, frames that a bridge forwards between guests of one network are seen here as
 * well, and their destination is on-link, too. */
static void write_lan_blocked(FILE *file, const UplinkFilter *filter) {
        for (const int *bridge = filter->lan_blocked; bridge && *bridge; bridge++)
                fprintf(file,
                                "iif %d oifgroup != %u ip daddr @near4 drop\n"
                                "iif %d oifgroup != %u ip6 daddr @near6 drop\n",
                                *bridge, NETWORK_GROUP, *bridge, NETWORK_GROUP);
}

static void write_device_set(
                FILE *file, const char *name, const DeviceSet *devices, const char *format) {
        if (devices->n == 0)
                return;
        fprintf(file, "set %s {\ntype %s;\nelements = {", name, format);
        for (size_t i = 0; i < devices->n; i++) {
                fprintf(file, "%s %d", i > 0 ? "," : "", devices->ifindexes[i]);
                if (strchr(format, '.'))
                        fprintf(file, " . %d", devices->ifindexes[i]);
        }
        fputs(" }\n}\n", file);
}

static void write_device_sets(FILE *file, const UplinkFilter *filter, int family) {
        const DeviceSet *devices = family == AF_INET ? filter->devices4 : filter->devices6;

        if (!devices)
                return;
        write_device_set(file, family == AF_INET ? "devices4" : "devices6", devices, "iface_index");
        write_device_set(file, family == AF_INET ? "same4" : "same6", devices,
                        "iface_index . iface_index");
}

/* With br_netfilter, frames that cross any bridge of the host are seen here, as packets that come
 * in and leave by it: they are not forwarded by the host, and must pass. No rule can ask whether
 * two devices are the same, so those that lead out are listed as pairs; if vnicd has switched IPv6
 * forwarding on, no other device leads anywhere, and it is enough to ask whether both are bridges.
 */
static void write_devices(FILE *file, const UplinkFilter *filter) {
        if (filter->devices4->n > 0)
                fputs("meta nfproto ipv4 meta iifkind \"bridge\" iif . oif @same4 accept\n"
                      "meta nfproto ipv4 iif @devices4 drop\n",
                                file);
        if (!filter->devices6)
                return;
        if (filter->devices6->n > 0)
                fputs("meta nfproto ipv6 meta iifkind \"bridge\" iif . oif @same6 accept\n"
                      "meta nfproto ipv6 iif @devices6 drop\n",
                                file);
        fputs("meta nfproto ipv6 meta iifkind \"bridge\" meta oifkind \"bridge\" accept\n"
              "meta nfproto ipv6 drop\n",
                        file);
}

static void write_table(FILE *file, const UplinkFilter *filter) {
        fputs("create table inet " TABLE "\ntable inet " TABLE " {\n", file);
        write_sets(file, filter);
        write_device_sets(file, filter, AF_INET);
        write_device_sets(file, filter, AF_INET6);
        fputs("chain forward {\n"
              "type filter hook forward priority 0; policy accept;\n",
                        file);
        write_lan_blocked(file, filter);
        fprintf(file,
                        "iifgroup %u accept\n"
                        "oifgroup %u accept\n"
                        "ct state established,related accept\n"
                        "ct status dnat accept\n",
                        NETWORK_GROUP, NETWORK_GROUP);
        write_devices(file, filter);
        fputs("}\n}\n", file);
}

int uplink_filter_rules(const UplinkFilter *filter, char **ret) {
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return -ENOMEM;
        if (!is_empty(filter))
                write_table(file, filter);
        return network_filter_finish(file, &text, ret);
}
