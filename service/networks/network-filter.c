/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/network-filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "networks/lan.h"

/* What the text is made of. */
typedef struct Words {
        const NetworkPlan *plan;
        int bridge;
        char mac[MAC_TEXT_SIZE];   /* the bridge's */
        char taps[48], others[48]; /* conditions: from its taps, or not */
        char v4[NETWORK_ADDRESS_SIZE], v6[NETWORK_ADDRESS_SIZE]; /* "": none */
        char gateway4[INET_ADDRSTRLEN], gateway6[INET6_ADDRSTRLEN];
} Words;

/* How long an address belongs to its guest after the last frame with it: a little more than half a
 * lease, when a present guest has renewed it. And how many addresses a guest gets. */
#define GUARD_SET   "flags dynamic,timeout; size 65535; timeout 35m;"
#define GUARD_LIMIT "1/minute burst 20 packets"

/* How many unknown addresses a guest may have the host resolve: the kernel can evict entries of its
 * neighbour table that are older than five seconds. */
#define NEWS_SET   "flags dynamic,timeout; size 65535; timeout 1m;"
#define NEWS_LIMIT "1/second burst 20 packets"

/* How often a port reports a source MAC, and for how long it does not repeat one. When the second
 * set is full, every MAC is reported, as often as the first set permits. */
#define TOLD_SET   "flags dynamic,timeout; size 65535; timeout 10s;"
#define TOLD_LIMIT "2/second burst 2 packets"
#define HEARD_SET  "flags dynamic,timeout; size 65535; timeout 1h;"

/* nftables 1.0.6 gives a field without a name the type of raw bytes, so the source address needs
 * that type, too. */
#define SOURCE_V6 "@nh,64,128"
#define TARGET_V6 "@th,64,128"

static Words words_of(const NetworkPlan *plan, int bridge, const Mac *mac) {
        const unsigned mask = TAP_GROUP_BRIDGED_MASK | ~TAP_GROUP_KIND_MASK;
        const unsigned taps = network_tap_group(bridge) & mask;
        Words words = { .plan = plan, .bridge = bridge };

        snprintf(words.taps, sizeof(words.taps), "iifgroup & %#x == %#x", mask, taps);
        snprintf(words.others, sizeof(words.others), "iifgroup & %#x != %#x", mask, taps);
        mac_format(mac, words.mac);
        network_plan_v4(plan, words.v4);
        network_plan_v6(plan, words.v6);
        snprintf(words.gateway4, sizeof(words.gateway4), "%.*s", (int)strcspn(words.v4, "/"),
                        words.v4);
        snprintf(words.gateway6, sizeof(words.gateway6), "%.*s", (int)strcspn(words.v6, "/"),
                        words.v6);
        return words;
}

/* Accepts a frame if the address at key is the guest's, or nobody's, and then becomes the guest's;
 * drops it otherwise, also if it has no address or a set has no room. "claimed" is refreshed after
 * "pairs", so that nobody else can get an address that is in use. A guest's addresses are counted
 * by port: this runs before the lock of the port, so the source MAC may be forged. */
static void write_claim(FILE *file, const char *chain, const char *key, int family) {
        fprintf(file,
                        "chain %s {\n"
                        "%s . ether saddr @pairs%d update @pairs%d { %s . ether saddr } "
                        "update @claimed%d { %s } return\n"
                        "%s @claimed%d drop\n"
                        "update @claims { iif limit rate over " GUARD_LIMIT " } drop\n"
                        "add @pairs%d { %s . ether saddr } add @claimed%d { %s } return\n"
                        "drop\n}\n",
                        chain, key, family, family, key, family, key, key, family, family, key,
                        family, key);
}

static void write_guard(FILE *file, const Words *words) {
        if (!words->plan->guard_addresses)
                return;
        fputs("set pairs4 { typeof ip saddr . ether saddr; " GUARD_SET " }\n"
              "set claimed4 { typeof ip saddr; " GUARD_SET " }\n"
              "set pairs6 { typeof " SOURCE_V6 " . ether saddr; " GUARD_SET " }\n"
              "set claimed6 { typeof " SOURCE_V6 "; " GUARD_SET " }\n"
              "set claims { typeof iif; " GUARD_SET " }\n",
                        file);
        write_claim(file, "claim_arp", "arp saddr ip", 4);
        write_claim(file, "claim_ip", "ip saddr", 4);
        write_claim(file, "claim_ip6", SOURCE_V6, 6);
        write_claim(file, "claim_target", TARGET_V6, 6);
}

/* The host has one neighbour table for all links, with room for 1024 entries of a family: a guest
 * with ever new addresses would fill it. */
static void write_news(FILE *file, const char *name, const char *key, const char *guest) {
        fprintf(file,
                        "set known_%s { typeof %s . ether saddr; " NEWS_SET " }\n"
                        "chain news_%s {\n"
                        "%s . ether saddr @known_%s return\n"
                        "update @news { %s limit rate over " NEWS_LIMIT " } drop\n"
                        "add @known_%s { %s . ether saddr } return\n"
                        "drop\n}\n",
                        name, key, name, key, name, guest, name, key);
}

static void write_news_set(FILE *file, const char *guest) {
        fprintf(file, "set news { typeof %s; " NEWS_SET " }\n", guest);
}

/* The identity of a guest: its port, before the port's lock; after it, the MAC that the lock has
 * let through. */
#define GUEST_AT_PORT   "iif"
#define GUEST_ON_BRIDGE "ether saddr"

/* The condition excludes guests without an address yet. */
static void write_guarded(FILE *file, const Words *words, const char *rule) {
        if (words->plan->guard_addresses)
                fprintf(file, "%s\n", rule);
}

/* Whoever has the gateway's address gets everybody's traffic. */
static void write_arp(FILE *file, const Words *words) {
        fputs("chain guest_arp {\n"
              "arp htype != 1 drop\n"
              "arp ptype != 0x0800 drop\n"
              "arp hlen != 6 drop\n"
              "arp plen != 4 drop\n",
                        file);
        if (*words->v4)
                fprintf(file,
                                "arp saddr ip %s drop\n"
                                "arp saddr ip != { 0.0.0.0, %s } drop\n",
                                words->gateway4, words->v4);
        if (!words->plan->guard_addresses)
                fputs("arp saddr ip != 0.0.0.0 jump news_arp\n", file);
        write_guarded(file, words, "arp saddr ip != 0.0.0.0 jump claim_arp");
        fputs("accept\n}\n", file);
}

static void write_ip(FILE *file, const Words *words) {
        fputs("chain guest_ip {\n", file);
        if (*words->v4)
                fprintf(file,
                                "ip saddr %s drop\n"
                                "ip saddr != { 0.0.0.0, %s } drop\n",
                                words->gateway4, words->v4);
        write_guarded(file, words, "ip saddr != 0.0.0.0 jump claim_ip");
        fputs("ip frag-off & 0x1fff != 0 accept\n"
              "meta l4proto 17 goto guest_udp\n"
              "icmp type { redirect, router-advertisement } drop\n"
              "accept\n}\n",
                        file);
}

/* The target of a neighbour advertisement is 8 bytes into it. */
static void write_target(FILE *file, const struct in6_addr *address) {
        fputs("icmpv6 type nd-neighbor-advert @th,64,128 0x", file);
        for (size_t i = 0; i < sizeof(address->s6_addr); i++)
                fprintf(file, "%02x", address->s6_addr[i]);
        fputs(" drop\n", file);
}

static void write_ip6(FILE *file, const Words *words) {
        fputs("chain guest_ip6 {\n", file);
        if (*words->v6)
                fprintf(file,
                                "ip6 saddr { fe80::1, %s } drop\n"
                                "ip6 saddr != { ::, fe80::/10, %s } drop\n",
                                words->gateway6, words->v6);
        else if (words->plan->host_access)
                fputs("ip6 saddr != { ::, fe80::/10 } drop\n", file);
        write_guarded(file, words, "ip6 saddr != :: jump claim_ip6");
        fputs("frag frag-off != 0 accept\n"
              "meta l4proto 17 goto guest_udp\n"
              "meta l4proto 58 goto guest_icmp6\n"
              "accept\n}\n",
                        file);
}

/* Drops answers of servers, since no guest is one. */
static void write_udp(FILE *file) {
        fputs("chain guest_udp {\n"
              "udp sport { 67, 547 } drop\n"
              "udp dport { 68, 546 } drop\n"
              "udp dport 0-65535 accept\n"
              "drop\n}\n",
                        file);
}

static void write_icmp6(FILE *file, const Words *words) {
        static const struct in6_addr link_local = { { { 0xfe, 0x80, [15] = 1 } } };

        /* Hosts must ignore these in fragments (RFC 6980), of which the first can end before the
         * target. */
        fputs("chain guest_icmp6 {\n"
              "icmpv6 type { nd-router-advert, nd-redirect, 138, 139, 140 } drop\n"
              "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } "
              "exthdr frag exists drop\n",
                        file);
        if (*words->v6) {
                write_target(file, &words->plan->v6);
                write_target(file, &link_local);
        }
        write_guarded(file, words, "icmpv6 type nd-neighbor-advert jump claim_target");
        fputs("icmpv6 type 0-255 accept\n"
              "drop\n}\n",
                        file);
}

/* A port of ours is locked, and its bridge drops frames whose source MAC is not its guest's. Before
 * that, these are reported to vnicd here: by port and source alone, and so rarely that a flood
 * costs no more than a frame now and then. */
static void write_sources_told(FILE *file, const Words *words) {
        if (words->plan->tells_sources)
                fprintf(file,
                                "set told { typeof iif; " TOLD_SET " }\n"
                                "set heard { typeof iif . ether saddr; " HEARD_SET " }\n"
                                "chain first_source {\n"
                                "add @told { iif limit rate " TOLD_LIMIT " } log group %u\n}\n"
                                "chain new_source {\n"
                                "add @told { iif limit rate " TOLD_LIMIT " } log group %u "
                                "add @heard { iif . ether saddr }\n}\n",
                                SOURCE_LOG_GROUP, SOURCE_LOG_GROUP);
}

static void write_telling(FILE *file, const Words *words) {
        const uint32_t taps = network_tap_group(words->bridge);

        if (words->plan->tells_sources)
                fprintf(file,
                                "iifgroup %u jump first_source\n"
                                "iifgroup %u iif . ether saddr != @heard jump new_source\n",
                                group_with_sources(taps, TAP_SOURCES_AWAITED), taps);
}

static void write_table(FILE *file, const char *family, const char *name) {
        fprintf(file,
                        "create table %s " NETWORK_TABLE_PREFIX "%s\n"
                        "table %s " NETWORK_TABLE_PREFIX "%s {\n",
                        family, name, family, name);
}

/* The MAC of a tap's link on the host belongs to the host just like the bridge's own: frames sent
 * there would be routed, and could come back to a guest that their sender may not reach. Nobody
 * knows what a packet is whose headers cannot be followed to their end: it has no known protocol,
 * port or type, and only a rule without a condition applies to it. */
static void write_bridge_table(FILE *file, const Words *words) {
        write_table(file, "bridge", words->plan->name);
        write_guard(file, words);
        write_news_set(file, GUEST_AT_PORT);
        write_news(file, "arp", "arp saddr ip", GUEST_AT_PORT);
        write_udp(file);
        write_icmp6(file, words);
        write_arp(file, words);
        write_ip(file, words);
        write_ip6(file, words);
        write_sources_told(file, words);
        fprintf(file,
                        "chain prerouting {\n"
                        "type filter hook prerouting priority -300; policy accept;\n"
                        "%s accept\n",
                        words->others);
        write_telling(file, words);
        fprintf(file,
                        "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop\n"
                        "ether type 0x0806 goto guest_arp\n"
                        "ether type 0x0800 meta l4proto 0-254 goto guest_ip\n"
                        "ether type 0x86dd meta l4proto 0-254 goto guest_ip6\n"
                        "drop\n}\n"
                        "chain input {\n"
                        "type filter hook input priority 0; policy accept;\n"
                        "%s ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 "
                        "ether daddr != %s drop\n}\n}\n",
                        words->taps, words->mac);
}

/* Frames from another's address never reach a socket of the host, forged answers least of all. */
static void write_sources(FILE *file, const Words *words) {
        if (*words->v4)
                fprintf(file, "ip saddr != { 0.0.0.0, %s } drop\n", words->v4);
        else
                fputs("meta nfproto ipv4 drop\n", file);
        if (*words->v6)
                fprintf(file, "ip6 saddr != { ::, fe80::/10, %s } drop\n", words->v6);
        else
                fputs("meta nfproto ipv6 drop\n", file);
        fputs("icmp type { redirect, router-advertisement } drop\n"
              "icmpv6 type { nd-router-advert, nd-redirect } drop\n",
                        file);
}

static void write_services(FILE *file, const Words *words) {
        fputs("ct state established,related accept\n"
              "ip saddr != 0.0.0.0 jump news_ip\n"
              "ip6 saddr != :: jump news_ip6\n"
              "icmp type echo-request accept\n"
              "icmpv6 type { echo-request, nd-router-solicit, nd-neighbor-solicit, "
              "nd-neighbor-advert, mld-listener-report, mld-listener-done, 143 } accept\n",
                        file);
        if (*words->v4)
                fprintf(file,
                                "ip daddr { %s, 255.255.255.255 } udp dport 67 accept\n"
                                "ip daddr %s udp dport 53 accept\n"
                                "ip daddr %s tcp dport 53 accept\n",
                                words->gateway4, words->gateway4, words->gateway4);
        if (*words->v6)
                fprintf(file,
                                "ip6 daddr { ff02::1:2, fe80::1, %s } udp dport 547 accept\n"
                                "ip6 daddr { fe80::1, %s } udp dport 53 accept\n"
                                "ip6 daddr { fe80::1, %s } tcp dport 53 accept\n",
                                words->gateway6, words->gateway6, words->gateway6);
}

/* The host's own stack gets the frames of a tap that is on no bridge any more: they are dropped
 * there. */
static void write_input(FILE *file, const Words *words) {
        fprintf(file,
                        "chain input {\n"
                        "type filter hook input priority 0; policy accept;\n"
                        "%s drop\n"
                        "iif != %d accept\n",
                        words->taps, words->bridge);
        if (words->plan->host_access) {
                write_sources(file, words);
                write_services(file, words);
        }
        fputs("drop\n}\n", file);
}

/* Public addresses that are on-link are in the table of networks/uplink-filter. */
static void write_private(FILE *file) {
        fputs("ip daddr ", file);
        lan_write_private(file, AF_INET);
        fputs(" drop\nip6 daddr ", file);
        lan_write_private(file, AF_INET6);
        fputs(" drop\n", file);
}

static void write_way_out(FILE *file, const Words *words) {
        fprintf(file, "oifgroup %u drop\n", NETWORK_GROUP);
        if (*words->v4)
                fprintf(file, "ip saddr != %s drop\n", words->v4);
        if (*words->v6)
                fprintf(file, "ip6 saddr != %s drop\n", words->v6);
        if (!words->plan->reach_lan)
                write_private(file);
        fputs("ct state new ip saddr != 0.0.0.0 jump news_ip\n"
              "ct state new ip6 saddr != :: jump news_ip6\n"
              "accept\n",
                        file);
}

/* With br_netfilter, frames that the bridge forwards between guests are seen here. Frames that
 * return to the network by way of the host were sent to the host's MAC: by that, guests would get
 * around isolated ports. */
static void write_forward(FILE *file, const Words *words) {
        const bool nat = words->plan->kind == NETWORK_NAT;

        fputs("chain outside {\n", file);
        if (nat)
                write_way_out(file, words);
        else
                fputs("drop\n", file);
        fprintf(file,
                        "}\n"
                        "chain forward {\n"
                        "type filter hook forward priority 0; policy accept;\n"
                        "%s drop\n"
                        "iif %d oif %d ether daddr != %s accept\n"
                        "iif %d goto outside\n"
                        "oif != %d accept\n"
                        "%s"
                        "drop\n}\n",
                        words->taps, words->bridge, words->bridge, words->mac, words->bridge,
                        words->bridge, nat ? "ct state established,related accept\n" : "");
}

static void write_nat(FILE *file, const Words *words) {
        if (words->plan->kind != NETWORK_NAT)
                return;
        fputs("chain postrouting {\n"
              "type nat hook postrouting priority 100; policy accept;\n",
                        file);
        if (*words->v4)
                fprintf(file, "ip saddr %s oif != %d ip daddr != %s masquerade\n", words->v4,
                                words->bridge, words->v4);
        if (*words->v6)
                fprintf(file, "ip6 saddr %s oif != %d ip6 daddr != %s masquerade\n", words->v6,
                                words->bridge, words->v6);
        fputs("}\n", file);
}

int network_filter_finish(FILE *file, char **text, char **ret) {
        if (fclose(file) == 0) {
                *ret = *text;
                return 0;
        }
        free(*text);
        return -ENOMEM;
}

int network_filter_rules(const NetworkPlan *plan, int bridge, const Mac *mac, char **ret) {
        const Words words = words_of(plan, bridge, mac);
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return -ENOMEM;
        write_bridge_table(file, &words);
        write_table(file, "inet", plan->name);
        write_news_set(file, GUEST_ON_BRIDGE);
        write_news(file, "ip", "ip saddr", GUEST_ON_BRIDGE);
        write_news(file, "ip6", "ip6 saddr", GUEST_ON_BRIDGE);
        write_input(file, &words);
        write_forward(file, &words);
        write_nat(file, &words);
        fputs("}\n", file);
        return network_filter_finish(file, &text, ret);
}

int network_filter_removal(const char *name, char **ret) {
        static const char *const families[] = { "bridge", "inet" };
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return -ENOMEM;
        /* The first line makes sure that there is a table for the second to delete. */
        for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
                fprintf(file,
                                "table %s " NETWORK_TABLE_PREFIX "%s\n"
                                "delete table %s " NETWORK_TABLE_PREFIX "%s\n",
                                families[i], name, families[i], name);
        return network_filter_finish(file, &text, ret);
}
