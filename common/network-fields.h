/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The fields of a network, one row each. These rows define the members of NetworkPlan, the keys of
 * /etc/vnicd/networks/NAME.conf, the options of CreateNetwork, the properties of
 * org.vnicd1.Network, the words of the tag, and the options of "vnicctl network create". A field
 * with a row can be set in all of these places, is shown, and survives a restart of the service.
 *
 *  type           flag, number, kind, addresses or domain; config/network-plan.c reads and writes
 *                 each of them
 *  member         the member of NetworkPlan and the option of CreateNetwork
 *  key            the key in the configuration and the property
 *  word           the word in the tag and the option of vnicctl
 *  default        left out of the tag, so it must not change once it is released
 *  least, most    of a number
 *  argument, help of the option of vnicctl
 */
#define NETWORK_FIELDS(FIELD)                                                                      \
        FIELD(kind, kind, "Kind", "kind", NETWORK_ISOLATED, 0, 0, " KIND",                         \
                        "nat (which is the default) or isolated")                                  \
        FIELD(addresses, addresses, "Address", "address", 0, 0, 0, " A[,B]",                       \
                        "the host's, with prefix, IPv4 and IPv6; default: free ones")              \
        FIELD(flag, dhcp, "Dhcp", "dhcp", true, 0, 0, "[=BOOL]",                                   \
                        "give guests their addresses; the default")                                \
        FIELD(number, mtu, "Mtu", "mtu", 1500, 1280, 65521, " BYTES", "of the network; 1500")      \
        FIELD(flag, guests_isolated, "GuestsIsolated", "guests-isolated", false, 0, 0, "[=BOOL]",  \
                        "no traffic between guests")                                               \
        FIELD(flag, reach_lan, "ReachLan", "reach-lan", false, 0, 0, "[=BOOL]",                    \
                        "private networks around the host too")                                    \
        FIELD(flag, host_access, "HostAccess", "host-access", true, 0, 0, "[=BOOL]",               \
                        "DHCP, DNS and ICMP of the host; the default")                             \
        FIELD(flag, guard_addresses, "GuardAddresses", "guard-addresses", false, 0, 0, "[=BOOL]",  \
                        "no guest takes an address that another one uses")                         \
        FIELD(number, ports_max, "PortsMax", "ports-max", 1023, 1, 1023, " N",                     \
                        "how many endpoints can be on it")                                         \
        FIELD(number, ports_per_user, "PortsPerUser", "ports-per-user", 1023, 1, 1023, " N",       \
                        "how many of them one user can have")                                      \
        FIELD(domain, domain, "Domain", "domain", "", 0, 0, " DOMAIN",                             \
                        "of the guests' names; default: NAME.internal")
