/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a network is to be: a plain value, from which links, filters and services are made. Before
 * it comes up, addresses and the domain may be left open; after that the domain is filled in and
 * every free address chosen.
 */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/failure.h"
#include "common/network-fields.h"

#define NETWORK_DOMAIN_SIZE 64 /* with the zero byte */

/* Room for "255.255.255.255/32" or an IPv6 address with its prefix. */
#define NETWORK_ADDRESS_SIZE (INET6_ADDRSTRLEN + 4)

/* Room for any field as text: the longest is one address of each family. */
#define NETWORK_FIELD_SIZE (2 * NETWORK_ADDRESS_SIZE)

typedef enum NetworkKind {
        NETWORK_ISOLATED, /* the guests among themselves, and the host if host_access */
        NETWORK_NAT,      /* and out, by the host's own addresses */
        NETWORK_KIND_MAX,
} NetworkKind;

/* How a field of each type lies in the plan, and its default. */
#define NETWORK_MEMBER_flag(member)       bool member;
#define NETWORK_MEMBER_number(member)     uint32_t member;
#define NETWORK_MEMBER_kind(member)       NetworkKind member;
#define NETWORK_MEMBER_domain(member)     char member[NETWORK_DOMAIN_SIZE];
#define NETWORK_MEMBER_addresses(member)  /* v4 and v6 */
#define NETWORK_MEMBER(type, member, ...) NETWORK_MEMBER_##type(member)

#define NETWORK_DEFAULT_flag(member, preset)                  .member = preset,
#define NETWORK_DEFAULT_number(member, preset)                .member = preset,
#define NETWORK_DEFAULT_kind(member, preset)                  .member = preset,
#define NETWORK_DEFAULT_domain(member, preset)                .member = preset,
#define NETWORK_DEFAULT_addresses(member, preset)             /* none */
#define NETWORK_DEFAULT(type, member, key, word, preset, ...) NETWORK_DEFAULT_##type(member, preset)

typedef struct NetworkPlan {
        char name[IFNAMSIZ]; /* of the network and of its bridge: see network_name_is_valid() */
        struct in_addr v4;   /* the host's own on this network; the prefix 0: none */
        uint8_t v4_prefix;
        struct in6_addr v6; /* likewise */
        uint8_t v6_prefix;
        bool v6_left_out;   /* it was to have some, which the host could not give */
        bool tells_sources; /* its filters tell which MACs guests use: the kernel can */
        NETWORK_FIELDS(NETWORK_MEMBER)
} NetworkPlan;

#define NETWORK_PLAN_INIT                                                                          \
        (NetworkPlan) {                                                                            \
                NETWORK_FIELDS(NETWORK_DEFAULT)                                                    \
        }

/* A row of the table (common/network-fields.h), for those who read or write the field as text. */
typedef struct NetworkField NetworkField;

struct NetworkField {
        const char *key, *word;
        /* -EINVAL: it is not what the field takes. -EEXIST: a second address of the same family. */
        int (*set)(NetworkPlan *plan, const NetworkField *field, const char *text);
        /* What set() takes, into buffer or as a constant; what was set several times has commas
         * between; "": nothing was. */
        const char *(*format)(const NetworkPlan *plan, const NetworkField *field,
                        char buffer[static NETWORK_FIELD_SIZE]);
        const char *takes; /* what set() takes, for a sentence: "yes or no" */
        size_t offset;     /* in the plan */
        uint32_t min, max; /* of a number; others have 0 */
        bool may_repeat;   /* set() adds: the key may stand in a file several times */
};

#define NETWORK_COUNT(...) +1
#define NETWORK_FIELDS_N   (0 NETWORK_FIELDS(NETWORK_COUNT))

extern const NetworkField network_fields[NETWORK_FIELDS_N];

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

/* Fills in what was not said and does not depend on the host, and checks what was said, each field
 * for itself and against the others. InvalidOption (-EINVAL). */
int network_plan_complete(NetworkPlan *plan, Failure *failure);
