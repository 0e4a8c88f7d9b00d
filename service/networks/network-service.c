/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/network-service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* The tag of guests that claim a name which is not for them. */
#define NAMELESS "nameless"

/* Enough for all ports that a bridge can have, with an address of each family, and for guests that
 * have just left. */
#define LEASES_MOST 4096
typedef struct Text {
        char v4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];
} Text;

static bool label_is_plain(const char *label, size_t n) {
        return n > 0 && n < NETWORK_DOMAIN_SIZE && strspn(label, LOWER DIGITS "-") >= n &&
                        label[0] != '-' && label[n - 1] != '-';
}

static bool domain_is_plain(const char *domain) {
        for (;;) {
                size_t n = strcspn(domain, ".");

                if (!label_is_plain(domain, n))
                        return false;
                if (!domain[n])
                        return true;
                domain += n + 1;
        }
}

static bool plan_is_plain(const NetworkPlan *plan) {
        return strspn(plan->name, LOWER) > 0 &&
                        strspn(plan->name, LOWER DIGITS "-") == strlen(plan->name) &&
                        domain_is_plain(plan->domain);
}

bool network_service_is_needed(const NetworkPlan *plan) {
        return plan->host_access;
}

/* All addresses of the subnet but its first and last one, and the host's own. */
size_t network_service_room(const NetworkPlan *plan) {
        size_t addresses = (size_t)1 << (32 - plan->v4_prefix);

        return addresses < LEASES_MOST + 3 ? addresses - 3 : LEASES_MOST;
}

const char *network_service_unit(const char *name, char buffer[static NETWORK_UNIT_SIZE]) {
        snprintf(buffer, NETWORK_UNIT_SIZE, NETWORK_UNIT_PREFIX "%s.service", name);
        return buffer;
}

static void write_head(FILE *file, const NetworkPlan *plan) {
        fprintf(file,
                        "# vnicd network %s %s%s\n"
                        "# Written by vnicd(8) for its service, and written anew: changes here are lost.\n",
                        plan->name, plan->kind == NETWORK_NAT ? "nat" : "isolated",
                        plan->kind == NETWORK_NAT && plan->reach_lan ? " lan" : "");
        fprintf(file,
                        "user=vnicd-network\n"
                        "group=vnicd-network\n"
                        "pid-file\n"
                        "log-facility=-\n"
                        "interface=%s\n"
                        "except-interface=lo\n"
                        /* Addresses that are still checked for duplicates appear later. */
                        "bind-dynamic\n",
                        plan->name);
}

/* The host has its name, which no guest can take: dnsmasq gives no name that is set here. */
static void write_host(FILE *file, const NetworkPlan *plan, const char *name, const Text *text) {
        fprintf(file, "host-record=%s.%s,%s", name, plan->domain, name);
        if (plan->v4_prefix > 0)
                fprintf(file, ",%s", text->v4);
        if (plan->v6_prefix > 0)
                fprintf(file, ",%s", text->v6);
        fputc('\n', file);
}

static void write_names(
                FILE *file, const NetworkPlan *plan, const char *host_name, const Text *text) {
        fprintf(file,
                        "domain=%s\n"
                        "local=/%s/\n"
                        "no-hosts\n"
                        "domain-needed\n"
                        "bogus-priv\n",
                        plan->domain, plan->domain);
        write_host(file, plan, "host", text);
        if (host_name && label_is_plain(host_name, strlen(host_name)) &&
                        strcmp(host_name, "host") != 0 && strcmp(host_name, "localhost") != 0)
                write_host(file, plan, host_name, text);
        /* An isolated network asks no resolver outside. */
        if (plan->kind == NETWORK_ISOLATED)
                fputs("no-resolv\n", file);
}

/* Programs look these names up without being told to: no guest may have one. */
static void write_names_not_given(FILE *file) {
        static const char *const names[] = { "wpad", "isatap", "localhost" };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                fprintf(file, "dhcp-name-match=set:" NAMELESS ",%s\n", names[i]);
        fputs("dhcp-ignore-names=tag:" NAMELESS "\n", file);
}

static void write_dhcp(FILE *file, const NetworkPlan *plan) {
        fprintf(file,
                        "dhcp-authoritative\n"
                        /* Copies of one image claim to be the same client; their MACs differ. */
                        "dhcp-ignore-clid\n"
                        /* The filters let only its owner use an address; a ping first would cost
                         * each guest three seconds. */
                        "no-ping\n"
                        "dhcp-leasefile=" NETWORK_LEASES_DIRECTORY "/%s/leases\n"
                        "dhcp-lease-max=%d\n"
                        /* No guest fills the journal. */
                        "quiet-dhcp\n"
                        "quiet-dhcp6\n"
                        "quiet-ra\n",
                        plan->name, LEASES_MOST);
        write_names_not_given(file);
}

const char *network_service_host(
                const NetworkHost *host, char buffer[static NETWORK_HOST_LINE_SIZE]) {
        char mac[MAC_TEXT_SIZE], address[INET_ADDRSTRLEN];

        snprintf(buffer, NETWORK_HOST_LINE_SIZE, "%s,%s%s%s", mac_format(&host->mac, mac),
                        inet_ntop(AF_INET, &host->address, address, sizeof(address)),
                        *host->name ? "," : "", host->name);
        return buffer;
}

/* A guest that claims the name of the host, and is not that host, gets no name. dnsmasq takes the
 * last line that fits first. */
const char *network_service_host_file(
                const char *line, char buffer[static NETWORK_HOST_FILE_SIZE]) {
        const char *name = strchr(strchr(line, ',') + 1, ',');

        snprintf(buffer, NETWORK_HOST_FILE_SIZE, "%s\n%s%s%s", line, name ? "set:" NAMELESS : "",
                        name ? name : "", name ? "\n" : "");
        return buffer;
}

/* The whole subnet; dnsmasq leaves its own address out. */
static void write_v4_range(FILE *file, const NetworkPlan *plan) {
        uint32_t mask = (uint32_t)(~UINT64_C(0) << (32 - plan->v4_prefix));
        uint32_t subnet = ntohl(plan->v4.s_addr) & mask;
        struct in_addr first = { htonl(subnet + 1) }, last = { htonl((subnet | ~mask) - 1) };
        struct in_addr netmask = { htonl(mask) };
        char text[3][INET_ADDRSTRLEN];

        fprintf(file, "dhcp-range=%s,%s,%s,%d\n",
                        inet_ntop(AF_INET, &first, text[0], sizeof(text[0])),
                        inet_ntop(AF_INET, &last, text[1], sizeof(text[1])),
                        inet_ntop(AF_INET, &netmask, text[2], sizeof(text[2])),
                        NETWORK_LEASE_SECONDS);
        /* An isolated network has no router. */
        if (plan->kind == NETWORK_ISOLATED)
                fputs("dhcp-option=option:router\n", file);
        if (plan->mtu > 0)
                fprintf(file, "dhcp-option=option:mtu,%u\n", plan->mtu);
}

/* A guest makes its own address. DHCPv6 tells the rest and gives no address: dnsmasq identifies
 * clients only by what they claim, and would give one address to all copies of an image. The name
 * that a guest has for IPv4 is also that of the address made of its MAC. */
static void write_v6_range(FILE *file, const NetworkPlan *plan) {
        struct in6_addr subnet = plan->v6;
        char text[INET6_ADDRSTRLEN];

        memset(subnet.s6_addr + 8, 0, 8);
        fprintf(file, "dhcp-range=%s,ra-stateless,ra-names,64,%d\n",
                        inet_ntop(AF_INET6, &subnet, text, sizeof(text)), NETWORK_LEASE_SECONDS);
        fputs("enable-ra\n", file);
        fprintf(file, "ra-param=%s,", plan->name);
        if (plan->mtu > 0)
                fprintf(file, "mtu:%u,", plan->mtu);
        /* Seconds between two advertisements, and the router's lifetime. */
        fprintf(file, "%s\n", plan->kind == NETWORK_ISOLATED ? "60,0" : "60,1800");
}

static void write_ranges(FILE *file, const NetworkPlan *plan, const char *hosts) {
        if (!plan->dhcp)
                return;
        write_dhcp(file, plan);
        if (plan->v4_prefix > 0) {
                write_v4_range(file, plan);
                fprintf(file, "dhcp-hostsdir=%s\n", hosts);
        }
        if (plan->v6_prefix > 0)
                write_v6_range(file, plan);
}

int network_service_config(
                const NetworkPlan *plan, const char *host_name, const char *hosts, char **ret) {
        _cleanup_free_ char *config = NULL;
        size_t size = 0;
        FILE *file;
        Text text;
        bool failed;

        if (!plan_is_plain(plan))
                return -EINVAL;
        file = open_memstream(&config, &size);
        if (!file)
                return -ENOMEM;
        inet_ntop(AF_INET, &plan->v4, text.v4, sizeof(text.v4));
        inet_ntop(AF_INET6, &plan->v6, text.v6, sizeof(text.v6));
        write_head(file, plan);
        write_names(file, plan, host_name, &text);
        write_ranges(file, plan, hosts);
        failed = ferror(file);
        if (fclose(file) != 0 || failed)
                return -ENOMEM;
        *ret = TAKE_PTR(config);
        return 0;
}
