/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads the file in which dnsmasq(8) keeps which addresses it has given to whom. Its contents come
 * from guests. So a line is used only if each of its words is valid, and what a guest says of
 * itself (its name, the MAC in a DHCPv6 identifier) is a claim.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mac.h"

#define LEASES_MAX     4096    /* more than the service may give */
#define LEASES_BYTES   1048576 /* a longer file is not read */
#define LEASE_NAME_MAX 63      /* a label of DNS */

typedef struct Lease {
        char address[INET6_ADDRSTRLEN];
        char mac[MAC_TEXT_SIZE];       /* "": not known */
        char name[LEASE_NAME_MAX + 1]; /* without the domain; "": none */
        uint64_t expiry;               /* seconds since the epoch; 0: never */
} Lease;

typedef struct Leases {
        Lease *leases;
        size_t n;
} Leases;

#define LEASES_INIT                                                                                \
        (Leases) {                                                                                 \
                .leases = NULL                                                                     \
        }

/* Gives them in the order of the file; lines that are no leases are left out, and so are those
 * beyond LEASES_MAX. The text needs no zero byte at the end. -ENOMEM. */
int leases_parse(const char *text, size_t size, Leases *ret);

/* Reads those of the network of that name. A service that has given none yet has no file, which
 * counts as none. -EINVAL: not a regular file. -EFBIG, -ENOMEM, -errno of open(2) and read(2). */
int leases_read(const char *network, Leases *ret);

void leases_done(Leases *leases);

/* now: seconds since the epoch. */
static inline bool lease_has_ended(const Lease *lease, uint64_t now) {
        return lease->expiry > 0 && lease->expiry <= now;
}
