/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a network is to be: a plain value, from which links, filters and services are made. Before
 * it comes up some of it may be left open (no address, MTU 0); after that every default is filled
 * in and every free address chosen.
 */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/failure.h"

#define NETWORK_DOMAIN_SIZE 64 /* with the zero byte */

/* The least that IPv6 needs; and what a tap can have. */
#define NETWORK_MTU_MIN 1280
#define NETWORK_MTU_MAX 65521

#define NETWORK_PORTS_MAX 1023 /* of a bridge */

/* Room for "255.255.255.255/32" or an IPv6 address with its prefix. */
#define NETWORK_ADDRESS_SIZE (INET6_ADDRSTRLEN + 4)

typedef enum NetworkKind {
        NETWORK_ISOLATED, /* the guests among themselves, and the host if host_access */
        NETWORK_NAT,      /* and out, by the host's own addresses */
        NETWORK_KIND_MAX,
} NetworkKind;

typedef struct NetworkPlan {
        char name[IFNAMSIZ]; /* of the network and of its bridge: see network_name_is_valid() */
        NetworkKind kind;
        struct in_addr v4; /* the host's own on this network; the prefix 0: none */
        uint8_t v4_prefix;
        struct in6_addr v6; /* likewise */
        uint8_t v6_prefix;
        bool v6_left_out;     /* it was to have some, which the host could not give */
        bool dhcp;            /* addresses are given to guests, by DHCP and router advertisements */
        bool guests_isolated; /* from each other */
        bool reach_lan;       /* nat: private destinations outside of the network too */
        bool host_access;     /* DHCP, DNS and ICMP of the host */
        bool guard_addresses; /* a guest's address is no other guest's while it is in use */
        bool tells_sources;   /* its filters tell which MACs guests use: the kernel can */
        uint32_t mtu;         /* bytes */
        uint32_t ports_max, ports_per_user;
        char domain[NETWORK_DOMAIN_SIZE]; /* of the guests' names, without dots at its ends; "":
                                             NAME.internal */
} NetworkPlan;

#define NETWORK_PLAN_INIT                                                                          \
        (NetworkPlan) {                                                                            \
                .kind = NETWORK_ISOLATED, .dhcp = true, .host_access = true, .mtu = 1500,          \
                .ports_max = NETWORK_PORTS_MAX, .ports_per_user = NETWORK_PORTS_MAX                \
        }

/* [a-z][a-z0-9-]{0,14} without "-" at its end, and no name that the kernel or one of our taps has.
 */
bool network_name_is_valid(const char *name);

const char *network_kind_name(NetworkKind kind);

/* -EINVAL: there is no such kind. */
int network_kind_parse(const char *name, NetworkKind *ret);

/* "10.70.3.1/24" or "fd00::1/64": the host's own address, of either family, once of each. -EEXIST:
 * the plan has one of that family. -EINVAL: it is none that a host can have (IPv4: /8 to /30,
 * unicast, not the first or last of its subnet; IPv6: /64, unicast, not link-local). */
int network_plan_add_address(NetworkPlan *plan, const char *text);

/* Those the plan has, into buffer, which they return; "": none of this family. */
const char *network_plan_v4(const NetworkPlan *plan, char buffer[static NETWORK_ADDRESS_SIZE]);
const char *network_plan_v6(const NetworkPlan *plan, char buffer[static NETWORK_ADDRESS_SIZE]);

/* Lower-case labels of [a-z0-9-] with dots between them, 32 bytes at most: the tag has to hold it.
 */
bool network_domain_is_valid(const char *domain);

/* Fills in what was not said and does not depend on the host, and checks what was, each against the
 * others. InvalidOption (-EINVAL): words for the end of a sentence about the option. */
int network_plan_complete(NetworkPlan *plan, Failure *failure);
