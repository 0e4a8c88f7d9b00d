/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a network is to be, after every default was filled in and every free address chosen: a plain
 * value, from which links, filters and services are made.
 */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define NETWORK_DOMAIN_SIZE 64 /* with the zero byte */

typedef enum NetworkKind {
        NETWORK_ISOLATED, /* the guests among themselves, and the host if host_access */
        NETWORK_NAT,      /* and out, by the host's own addresses */
        NETWORK_KIND_MAX,
} NetworkKind;

typedef struct NetworkPlan {
        char name[IFNAMSIZ]; /* of the network and of its bridge: [a-z][a-z0-9-]{0,14} */
        NetworkKind kind;
        struct in_addr v4; /* the host's own on this network; the prefix 0: none */
        uint8_t v4_prefix;
        struct in6_addr v6; /* likewise */
        uint8_t v6_prefix;
        bool dhcp;            /* addresses are given to guests, by DHCP and router advertisements */
        bool guests_isolated; /* from each other */
        bool reach_lan;       /* nat: private destinations outside of the network too */
        bool host_access;     /* DHCP, DNS and ICMP of the host */
        uint32_t mtu;         /* bytes */
        char domain[NETWORK_DOMAIN_SIZE]; /* of the guests' names, without dots at its ends */
} NetworkPlan;

#define NETWORK_PLAN_INIT                                                                          \
        (NetworkPlan) {                                                                            \
                .kind = NETWORK_ISOLATED, .dhcp = true, .host_access = true                        \
        }
