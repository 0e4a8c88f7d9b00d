/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel is the database, and the tag is its record: a line in the link's alias, which only
 * CAP_NET_ADMIN can write. It says whose the link is and what the kernel does not tell. The parser
 * is strict: a link whose alias is not exactly what tag_format() writes is not ours, and is left
 * alone.
 *
 *     vnicd:1 uid=1000 persistent=0 queues=2 nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56
 *     guest=generated at=1795353600 isolated=0 anti_spoof=1 bpdu_guard=0 bridge=br0 label=web
 *                                                                                 (in one line)
 *
 * persistent=logout: it outlives its queues until its owner has logged out; a vnicd that does not
 * know that leaves the link alone. An address that was reserved for the guest (the option
 * "address") stands at the end: " ip=" and the address. Of "bridge", "network" and "label" those
 * are left out of which there is nothing to say: a tap is on a bridge of the host, on a network, or
 * on none. Up to 0.1.0 the tag said less, and "life=fd" or "life=persistent":
 *
 *     vnicd:1 uid=1000 life=fd queues=2 nonce=3f9a01c2 hdr=12 mac=52:54:00:12:34:56
 *     at=1795353600 label=web                                                     (in one line)
 *
 * Such a tag is read as well. It is never written: what it does not say is taken from the link as
 * it is found, and the tag is written anew.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/mac.h"
#include "kernel/link.h"

#define TAG_SIZE   LINK_ALIAS_SIZE
#define LABEL_SIZE 33 /* 1 to 32 bytes; "" is none */

typedef struct Tag {
        uid_t uid;
        bool persistent;        /* outlives its queues; else it lives by them */
        bool until_logout;      /* a persistent one that goes when its owner has logged out */
        uint32_t queues;        /* how many were given; the kernel counting more is tampering */
        uint32_t nonce;         /* the hex of the name at creation and of the object path */
        uint32_t vnet_hdr_size; /* bytes; 0: no header */
        Mac guest_mac;
        MacState mac_state;
        uint64_t created; /* seconds since the epoch */
        /* What its port is to be, and its place: the name of a bridge of the host, or of a network;
         * "": none. */
        bool isolated, anti_spoof, bpdu_guard, on_network;
        char bridge[IFNAMSIZ];
        char label[LABEL_SIZE];
        struct in_addr address; /* of the guest, while the endpoint lives; 0.0.0.0: none is fixed */
        bool is_older; /* it was read from a tag that says nothing of the MAC's state, the port and
                          the place */
} Tag;

/* [A-Za-z0-9_.-]{1,32} */
bool label_is_valid(const char *label);

/* Into buffer, which it returns. */
const char *tag_format(const Tag *tag, char buffer[static TAG_SIZE]);

/* -EINVAL: not a tag. From an older one *ret has MAC_GIVEN, no flags and no bridge. */
int tag_parse(const char *text, Tag *ret);

/* Whether both were written for one endpoint. The number of queues may have grown in between, and
 * what its port and its place are to be may have changed. */
bool tags_are_of_one(const Tag *a, const Tag *b);

/* Whether the link is ours: a tap with a valid tag. -ENOMSG: it is not. */
int tag_of_link(const LinkInfo *link, Tag *ret);
