/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The lease file, whose text came from guests: whatever it contains, a lease has an address, a MAC
 * or none, and a name of which each character can be shown.
 */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "networks/leases.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

static void check(const Lease *lease) {
        struct in6_addr address;
        Mac mac;

        if (inet_pton(strchr(lease->address, ':') ? AF_INET6 : AF_INET, lease->address, &address) !=
                        1)
                abort();
        if (*lease->mac && mac_parse(lease->mac, &mac) < 0)
                abort();
        if (strlen(lease->name) > LEASE_NAME_MAX ||
                        strspn(lease->name, LETTERS) != strlen(lease->name))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Leases leases = LEASES_INIT;

        if (leases_parse((const char *)data, size, &leases) < 0)
                return 0;
        if (leases.n > LEASES_MAX)
                abort();
        for (size_t i = 0; i < leases.n; i++)
                check(&leases.leases[i]);
        leases_done(&leases);
        return 0;
}
