/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/network-plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ifname.h"
#include "common/printable.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define BLANKS " \t"

#define DOMAIN_MAX 32

bool network_name_is_valid(const char *name) {
        size_t n = strnlen(name, IFNAMSIZ);
        uint32_t nonce;

        return n > 0 && n < IFNAMSIZ && strspn(name, LOWER DIGITS "-") == n &&
                        strchr(LOWER, name[0]) && name[n - 1] != '-' && strcmp(name, "all") != 0 &&
                        strcmp(name, "default") != 0 && strcmp(name, "lo") != 0 &&
                        ifname_parse_nonce(name, &nonce) < 0;
}

static const char *const kind_names[NETWORK_KIND_MAX] = {
        [NETWORK_ISOLATED] = "isolated",
        [NETWORK_NAT] = "nat",
};

const char *network_kind_name(NetworkKind kind) {
        return kind_names[kind];
}

int network_kind_parse(const char *name, NetworkKind *ret) {
        for (NetworkKind kind = 0; kind < NETWORK_KIND_MAX; kind++)
                if (strcmp(name, kind_names[kind]) == 0) {
                        *ret = kind;
                        return 0;
                }
        return -EINVAL;
}

static bool label_is_plain(const char *label, size_t n) {
        return n > 0 && strspn(label, LOWER DIGITS "-") >= n && label[0] != '-' &&
                        label[n - 1] != '-';
}

bool network_domain_is_valid(const char *domain) {
        if (strnlen(domain, DOMAIN_MAX + 1) > DOMAIN_MAX)
                return false;
        for (;;) {
                size_t n = strcspn(domain, ".");

                if (!label_is_plain(domain, n))
                        return false;
                if (domain[n] == '\0')
                        return true;
                domain += n + 1;
        }
}

bool network_description_is_valid(const char *text) {
        char copy[NETWORK_DESCRIPTION_SIZE];

        if (*text == '\0' || strnlen(text, sizeof(copy)) == sizeof(copy))
                return false;
        strcpy(copy, text);
        return strcmp(printable(copy), text) == 0;
}

static int add_v4(NetworkPlan *plan, struct in_addr address, unsigned prefix) {
        uint32_t host = ntohl(address.s_addr), mask;

        if (prefix < 8 || prefix > 30)
                return -EINVAL;
        mask = UINT32_MAX >> prefix;
        /* 0/8, loopback, link-local, multicast and above; the subnet's own number, its broadcast.
         */
        if (host >> 24 == 0 || host >> 24 == 127 || host >> 16 == 0xa9fe || host >> 24 >= 224 ||
                        (host & mask) == 0 || (host & mask) == mask)
                return -EINVAL;
        if (plan->v4_prefix > 0)
                return -EEXIST;
        plan->v4 = address;
        plan->v4_prefix = (uint8_t)prefix;
        return 0;
}

static int add_v6(NetworkPlan *plan, const struct in6_addr *address, unsigned prefix) {
        static const uint8_t zeros[8];

        if (prefix != 64 || IN6_IS_ADDR_MULTICAST(address) || IN6_IS_ADDR_LINKLOCAL(address) ||
                        IN6_IS_ADDR_V4MAPPED(address) || memcmp(address->s6_addr, zeros, 8) == 0 ||
                        memcmp(address->s6_addr + 8, zeros, 8) == 0)
                return -EINVAL;
        if (plan->v6_prefix > 0)
                return -EEXIST;
        plan->v6 = *address;
        plan->v6_prefix = (uint8_t)prefix;
        return 0;
}

int network_plan_add_address(NetworkPlan *plan, const char *text) {
        size_t n = strcspn(text, "/");
        const char *digits = text + n + 1;
        char address[INET6_ADDRSTRLEN];
        struct in6_addr v6;
        struct in_addr v4;
        unsigned prefix;

        if (text[n] == '\0' || n >= sizeof(address) || strlen(digits) == 0 || strlen(digits) > 3 ||
                        digits[0] == '0' || digits[strspn(digits, DIGITS)] != '\0')
                return -EINVAL;
        memcpy(address, text, n);
        address[n] = '\0';
        prefix = (unsigned)strtoul(digits, NULL, 10);
        if (inet_pton(AF_INET, address, &v4) == 1)
                return add_v4(plan, v4, prefix);
        return inet_pton(AF_INET6, address, &v6) == 1 ? add_v6(plan, &v6, prefix) : -EINVAL;
}

int network_address_parse(const char *text, struct in_addr *ret) {
        char again[INET_ADDRSTRLEN];

        return inet_pton(AF_INET, text, ret) == 1 &&
                                        strcmp(inet_ntop(AF_INET, ret, again, sizeof(again)),
                                                        text) == 0
                        ? 0
                        : -EINVAL;
}

bool network_plan_has_room_at(const NetworkPlan *plan, struct in_addr address) {
        const uint32_t mask = plan->v4_prefix > 0 ? UINT32_MAX >> plan->v4_prefix : 0;
        const uint32_t host = ntohl(address.s_addr) & mask;

        return mask != 0 && ((address.s_addr ^ plan->v4.s_addr) & htonl(~mask)) == 0 && host != 0 &&
                        host != mask;
}

/* dnsmasq(8) reads these words of a dhcp-host as something else: that no name is given, or how long
 * the lease is to last. */
static bool is_word_of_dnsmasq(const char *name) {
        const char *rest = name + strspn(name, DIGITS);

        return strcmp(name, "infinite") == 0 || strcmp(name, "ignore") == 0 || *rest == '\0' ||
                        (rest > name && rest[1] == '\0' && strchr("smhdw", *rest));
}

static const char *check_host_name(const char *name) {
        const size_t n = strlen(name);

        if (n >= NETWORK_HOST_NAME_SIZE || !label_is_plain(name, n))
                return "its name has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at either end";
        if (strcmp(name, "host") == 0 || strcmp(name, "localhost") == 0)
                return "its name stands for the host itself on every network";
        if (is_word_of_dnsmasq(name))
                return "dnsmasq would not take its name for a name, but for a duration or a keyword";
        return NULL;
}

const char *network_host_parse(const char *text, NetworkHost *ret) {
        char copy[MAC_TEXT_SIZE + INET_ADDRSTRLEN + NETWORK_HOST_NAME_SIZE + 16], *rest = NULL;
        NetworkHost host = { .name = "" };
        const char *mac, *address, *name, *wrong;

        if (strlen(text) >= sizeof(copy))
                return "it is too long";
        strcpy(copy, text);
        mac = strtok_r(copy, BLANKS, &rest);
        address = strtok_r(NULL, BLANKS, &rest);
        name = strtok_r(NULL, BLANKS, &rest);
        if (!mac || !address || strtok_r(NULL, BLANKS, &rest))
                return "it takes a MAC, an IPv4 address and, if wanted, a name, with blanks between them";
        if (mac_parse(mac, &host.mac) < 0 || !mac_is_usable(&host.mac))
                return "its MAC has to be that of one station, such as 52:54:00:12:34:56";
        if (network_address_parse(address, &host.address) < 0)
                return "its address has to be an IPv4 address, such as 10.70.3.20";
        wrong = name ? check_host_name(name) : NULL;
        if (wrong)
                return wrong;
        if (name)
                strcpy(host.name, name);
        *ret = host;
        return NULL;
}

static const char *format_address(int family, const void *address, unsigned prefix,
                char buffer[static NETWORK_ADDRESS_SIZE]) {
        char text[INET6_ADDRSTRLEN];

        buffer[0] = '\0';
        if (prefix > 0)
                snprintf(buffer, NETWORK_ADDRESS_SIZE, "%s/%u",
                                inet_ntop(family, address, text, sizeof(text)), prefix);
        return buffer;
}

const char *network_plan_v4(const NetworkPlan *plan, char buffer[static NETWORK_ADDRESS_SIZE]) {
        return format_address(AF_INET, &plan->v4, plan->v4_prefix, buffer);
}

const char *network_plan_v6(const NetworkPlan *plan, char buffer[static NETWORK_ADDRESS_SIZE]) {
        return format_address(AF_INET6, &plan->v6, plan->v6_prefix, buffer);
}

/* Casts const away: set() has a plan that may be changed, format() only reads. */
static void *member(const NetworkPlan *plan, const NetworkField *field) {
        return (char *)plan + field->offset;
}

static int set_flag(NetworkPlan *plan, const NetworkField *field, const char *text) {
        bool yes = strcmp(text, "yes") == 0;

        if (!yes && strcmp(text, "no") != 0)
                return -EINVAL;
        *(bool *)member(plan, field) = yes;
        return 0;
}

static const char *format_flag(const NetworkPlan *plan, const NetworkField *field,
                char buffer[static NETWORK_FIELD_SIZE]) {
        return *(const bool *)member(plan, field) ? "yes" : "no";
}

static int set_number(NetworkPlan *plan, const NetworkField *field, const char *text) {
        const size_t n = strspn(text, DIGITS);
        const unsigned long number = strtoul(text, NULL, 10);

        if (n == 0 || n > 9 || text[n] != '\0' || (text[0] == '0' && n > 1) ||
                        number < field->min || number > field->max)
                return -EINVAL;
        *(uint32_t *)member(plan, field) = (uint32_t)number;
        return 0;
}

static const char *format_number(const NetworkPlan *plan, const NetworkField *field,
                char buffer[static NETWORK_FIELD_SIZE]) {
        snprintf(buffer, NETWORK_FIELD_SIZE, "%u", *(const uint32_t *)member(plan, field));
        return buffer;
}

static int set_kind(NetworkPlan *plan, const NetworkField *field, const char *text) {
        return network_kind_parse(text, member(plan, field));
}

static const char *format_kind(const NetworkPlan *plan, const NetworkField *field,
                char buffer[static NETWORK_FIELD_SIZE]) {
        return network_kind_name(*(const NetworkKind *)member(plan, field));
}

static int set_addresses(NetworkPlan *plan, const NetworkField *field, const char *text) {
        return network_plan_add_address(plan, text);
}

static const char *format_addresses(const NetworkPlan *plan, const NetworkField *field,
                char buffer[static NETWORK_FIELD_SIZE]) {
        char v4[NETWORK_ADDRESS_SIZE], v6[NETWORK_ADDRESS_SIZE];

        network_plan_v4(plan, v4);
        network_plan_v6(plan, v6);
        snprintf(buffer, NETWORK_FIELD_SIZE, "%s%s%s", v4, *v4 && *v6 ? "," : "", v6);
        return buffer;
}

static int set_domain(NetworkPlan *plan, const NetworkField *field, const char *text) {
        if (!network_domain_is_valid(text))
                return -EINVAL;
        strcpy(member(plan, field), text);
        return 0;
}

static const char *format_domain(const NetworkPlan *plan, const NetworkField *field,
                char buffer[static NETWORK_FIELD_SIZE]) {
        return member(plan, field);
}

#define AT(member) .offset = offsetof(NetworkPlan, member)

#define TYPE_flag(member, least, most) AT(member), .takes = "yes or no"
#define TYPE_number(member, least, most)                                                           \
        AT(member), .min = least, .max = most,                                                     \
                    .takes = "a number from " #least " to " #most " in decimal digits"
#define TYPE_kind(member, least, most) AT(member), .takes = "nat or isolated"
#define TYPE_domain(member, least, most)                                                           \
        AT(member), .takes = "at most 32 bytes: labels of a-z, 0-9 and '-' with dots between them"
#define TYPE_addresses(member, least, most)                                                        \
        .may_repeat = true,                                                                        \
        .takes = "the host's own address on the network with its prefix, such as 10.70.3.1/24 (/8 to /30) or fd70:3::1/64 (/64)"

#define ROW(type, member, key_, word_, preset, least, most, ...)                                   \
        { key_, word_, set_##type, format_##type, TYPE_##type(member, least, most) },

const NetworkField network_fields[NETWORK_FIELDS_N] = { NETWORK_FIELDS(ROW) };

static int refuse(Failure *failure, const char *sentence) {
        return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL, "%s", sentence);
}

static int check_without_host(const NetworkPlan *plan, Failure *failure) {
        if (plan->kind == NETWORK_NAT)
                return refuse(failure,
                                "A network of the kind nat leads out through the host, so it cannot be without access to it. Make it isolated.");
        if (plan->v4_prefix > 0 || plan->v6_prefix > 0)
                return refuse(failure,
                                "The host is to have no access to the network, so it has no address on it. Leave the address out.");
        return 0;
}

static int check_numbers(const NetworkPlan *plan, Failure *failure) {
        for (size_t i = 0; i < NETWORK_FIELDS_N; i++) {
                const NetworkField *field = &network_fields[i];
                uint32_t number;

                if (field->max == 0)
                        continue;
                number = *(const uint32_t *)member(plan, field);
                if (number < field->min || number > field->max)
                        return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                        "The %s of a network is %u to %u, not %u.", field->word,
                                        field->min, field->max, number);
        }
        return 0;
}

int network_plan_complete(NetworkPlan *plan, Failure *failure) {
        int r = check_numbers(plan, failure);

        if (r < 0)
                return r;
        if (plan->reach_lan && plan->kind != NETWORK_NAT)
                return refuse(failure,
                                "Only a network of the kind nat leads out, so only there the LAN can be reached. Leave that out.");
        if (*plan->domain == '\0')
                snprintf(plan->domain, sizeof(plan->domain), "%s.internal", plan->name);
        if (!network_domain_is_valid(plan->domain))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "A domain has at most %u bytes: labels of a-z, 0-9 and \"-\" with dots between them.",
                                DOMAIN_MAX);
        if (!plan->host_access) {
                plan->dhcp = false;
                return check_without_host(plan, failure);
        }
        return 0;
}
