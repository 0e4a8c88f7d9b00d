/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The settings of a network: a plain value, from which links, filters and services are made. Until
 * the network comes up, addresses and the domain may be unset; from then on they are not.
 */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/failure.h"
#include "common/mac.h"
#include "common/network-fields.h"

#define NETWORK_DOMAIN_SIZE 64 /* with the zero byte */

#define NETWORK_DESCRIPTION_SIZE 81 /* likewise */

/* Room for "255.255.255.255/32" or an IPv6 address with its prefix. */
#define NETWORK_ADDRESS_SIZE (INET6_ADDRSTRLEN + 4)

/* Room for any field as text: the longest is one address of each family. */
#define NETWORK_FIELD_SIZE (2 * NETWORK_ADDRESS_SIZE)

typedef enum NetworkKind {
        NETWORK_ISOLATED, /* guests reach each other, and the host if host_access is set */
        NETWORK_NAT,      /* they also reach what the host reaches, by masquerading */
        NETWORK_KIND_MAX,
} NetworkKind;

/* The member and the default of a field, by its type. */
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
        char name[IFNAMSIZ]; /* of the network and of its bridge; see network_name_is_valid() */
        struct in_addr v4;   /* the host's own address; none if the prefix is 0 */
        uint8_t v4_prefix;
        struct in6_addr v6; /* likewise */
        uint8_t v6_prefix;
        bool v6_left_out; /* an IPv6 address was wanted, but the host has no IPv6 */
        char description[NETWORK_DESCRIPTION_SIZE]; /* of a definition; the tag has no room for it
                                                     */
        bool tells_sources; /* its filters report the guests' MACs, as this kernel can log them */
        NETWORK_FIELDS(NETWORK_MEMBER)
} NetworkPlan;

#define NETWORK_PLAN_INIT                                                                          \
        (NetworkPlan) {                                                                            \
                NETWORK_FIELDS(NETWORK_DEFAULT)                                                    \
        }

#define NETWORK_HOSTS_MAX      1023 /* as many as a bridge has ports */
#define NETWORK_HOST_NAME_SIZE 64   /* a label of DNS, with the zero byte */

/* Host=: the guest with that MAC always gets that address, and maybe a name. */
typedef struct NetworkHost {
        Mac mac;
        struct in_addr address;
        char name[NETWORK_HOST_NAME_SIZE]; /* "": none */
} NetworkHost;

typedef struct NetworkHosts {
        NetworkHost *hosts;
        size_t n;
} NetworkHosts;

/* A row of the table (common/network-fields.h), for reading and writing a field as text. */
typedef struct NetworkField NetworkField;

struct NetworkField {
        const char *key, *word;
        /* -EINVAL: it is not what the field takes. -EEXIST: a second address of the same family. */
        int (*set)(NetworkPlan *plan, const NetworkField *field, const char *text);
        /* Returns what set() takes, in buffer or as a constant; the values of a field that may
         * repeat have commas between them. "": it is not set. */
        const char *(*format)(const NetworkPlan *plan, const NetworkField *field,
                        char buffer[static NETWORK_FIELD_SIZE]);
        const char *takes; /* what set() takes, for an error message: "yes or no" */
        size_t offset;     /* in the plan */
        uint32_t min, max; /* of a number; 0 for other types */
        bool may_repeat;   /* set() adds a value: a file may have the key several times */
};

#define NETWORK_COUNT(...) +1
#define NETWORK_FIELDS_N   (0 NETWORK_FIELDS(NETWORK_COUNT))

extern const NetworkField network_fields[NETWORK_FIELDS_N];

/* [a-z][a-z0-9-]{0,14} without "-" at its end, and no name that the kernel reserves or that a tap
 * of vnicd could have. */
bool network_name_is_valid(const char *name);

const char *network_kind_name(NetworkKind kind);

/* -EINVAL: there is no such kind of network. */
int network_kind_parse(const char *name, NetworkKind *ret);

/* Sets the host's own address, "10.70.3.1/24" or "fd00::1/64"; there can be one of each family.
 * -EEXIST: the plan has one of that family. -EINVAL: a host cannot have this address (IPv4: /8 to
 * /30, unicast, not the first or last of its subnet; IPv6: /64, unicast, not link-local). */
int network_plan_add_address(NetworkPlan *plan, const char *text);

/* Write the address of the plan into buffer and return it; "": it has none of this family. */
const char *network_plan_v4(const NetworkPlan *plan, char buffer[static NETWORK_ADDRESS_SIZE]);
const char *network_plan_v6(const NetworkPlan *plan, char buffer[static NETWORK_ADDRESS_SIZE]);

/* "MAC ADDRESS [NAME]". NULL: fine; else what is wrong with it, as the end of a sentence. */
const char *network_host_parse(const char *text, NetworkHost *ret);

/* Whether a guest of the network can have the address: it is one of the subnet, neither the
 * subnet's number nor its broadcast address. False if the network has no IPv4 address. */
bool network_plan_has_room_at(const NetworkPlan *plan, struct in_addr address);

/* IPv4, exactly as inet_ntop(3) writes it. -EINVAL */
int network_address_parse(const char *text, struct in_addr *ret);

/* Lower-case labels of [a-z0-9-], separated by dots; at most 32 bytes, so that it fits into the
 * tag.
 */
bool network_domain_is_valid(const char *domain);

/* At least one character that is not a blank, all printable UTF-8, at most 80 bytes. */
bool network_description_is_valid(const char *text);

/* Fills in defaults that do not depend on the host, and validates each field, alone and against the
 * others. InvalidOption (-EINVAL). */
int network_plan_complete(NetworkPlan *plan, Failure *failure);
