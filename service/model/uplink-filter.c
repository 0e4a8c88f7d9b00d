/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/uplink-filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "model/lan.h"

#define TABLE NETWORK_TABLE_PREFIX UPLINK_FILTER_NAME

const char uplink_filter_removal[] = "table inet " TABLE "\ndelete table inet " TABLE "\n";

static bool is_empty(const UplinkFilter *filter) {
        return filter->devices.n == 0 && !filter->v6 && !filter->closed;
}

/* The same prefix may be on several links: so they are merged. */
static void write_near(FILE *file, const char *name, const char *type, const RouteList *routes) {
        const char *separator = "elements = { ";
        char text[INET6_ADDRSTRLEN];

        fprintf(file, "set %s {\ntype %s; flags interval; auto-merge;\n", name, type);
        for (size_t i = 0; i < routes->n; i++) {
                const Route *route = &routes->routes[i];

                if (!lan_is_public_and_near(route))
                        continue;
                fprintf(file, "%s%s/%u", separator,
                                inet_ntop(route->family, &route->destination, text, sizeof(text)),
                                route->prefix);
                separator = ", ";
        }
        fprintf(file, "%s}\n", *separator == ',' ? " }\n" : "");
}

static void write_sets(FILE *file, const UplinkFilter *filter) {
        if (!filter->closed)
                return;
        write_near(file, "near4", "ipv4_addr", &filter->near4);
        write_near(file, "near6", "ipv6_addr", &filter->near6);
}

/* Between guests of one network the bridge passes frames on, which are seen here with br_netfilter: where
 * they go is on a link of the host, too. */
static void write_closed(FILE *file, const UplinkFilter *filter) {
        for (const int *bridge = filter->closed; bridge && *bridge; bridge++)
                fprintf(file,
                                "iif %d oifgroup != %u ip daddr @near4 drop\n"
                                "iif %d oifgroup != %u ip6 daddr @near6 drop\n",
                                *bridge, NETWORK_GROUP, *bridge, NETWORK_GROUP);
}

/* With br_netfilter the frames that cross any bridge of the host are seen here, as packets that come in by
 * it and leave by it: those are nobody's to forward. Nothing can ask whether two devices are the same,
 * so for IPv6 it is asked whether both are bridges. */
static void write_devices(FILE *file, const UplinkFilter *filter) {
        for (size_t i = 0; i < filter->devices.n; i++)
                fprintf(file, "%siif %d oif != %d drop\n", filter->v6 ? "" : "meta nfproto ipv4 ",
                                filter->devices.ifindexes[i], filter->devices.ifindexes[i]);
        if (filter->v6)
                fputs("meta iifkind \"bridge\" meta oifkind \"bridge\" accept\n"
                      "meta nfproto ipv6 drop\n",
                                file);
}

static void write_table(FILE *file, const UplinkFilter *filter) {
        fputs("create table inet " TABLE "\ntable inet " TABLE " {\n", file);
        write_sets(file, filter);
        fputs("chain forward {\n"
              "type filter hook forward priority 0; policy accept;\n",
                        file);
        write_closed(file, filter);
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
