/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An IPv4 or IPv6 address, without a prefix. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define IP_ADDRESS_TEXT_SIZE INET6_ADDRSTRLEN

typedef struct IpAddress {
        int family;        /* AF_INET or AF_INET6 */
        uint8_t bytes[16]; /* those of an IPv4 address come first, the others are 0 */
} IpAddress;

/* -EINVAL */
int ip_address_parse(const char *text, IpAddress *ret);

/* Writes it to buffer, which it returns. */
const char *ip_address_format(const IpAddress *address, char buffer[static IP_ADDRESS_TEXT_SIZE]);

/* IPv4 comes before IPv6; below 0, 0 or above 0. */
int ip_address_compare(const IpAddress *a, const IpAddress *b);

/* Whether a host can have it: it is unicast, not of this host itself, and not "any". */
bool ip_address_is_usable(const IpAddress *address);

/* fe80::/10 */
bool ip_address_is_link_local(const IpAddress *address);

/* Whether the first bits of its bytes are those of the subnet. */
bool ip_address_is_in(const IpAddress *address, const void *subnet, unsigned prefix);
