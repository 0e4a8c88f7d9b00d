/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/network-tag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the place of an address that the host could not give. */
#define NO_V6 "none"

/* ",2147483647" */
#define UPLINK_SIZE 11

static const char *format_uplinks(const NetworkUplinks *uplinks,
                char buffer[static NETWORK_UPLINKS_MAX * UPLINK_SIZE + 6]) {
        size_t n = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < uplinks->n; i++)
                n += (size_t)sprintf(
                                buffer + n, "%s%d", i == 0 ? " fwd=" : ",", uplinks->ifindexes[i]);
        return buffer;
}

const char *network_tag_format(const NetworkTag *tag, char buffer[static NETWORK_TAG_SIZE]) {
        char v4[NETWORK_ADDRESS_SIZE], v6[NETWORK_ADDRESS_SIZE];
        char uplinks[NETWORK_UPLINKS_MAX * UPLINK_SIZE + 6];
        const NetworkPlan *plan = &tag->plan;

        snprintf(buffer, NETWORK_TAG_SIZE,
                        "vnicd-net:1 kind=%s life=%s dhcp=%d apart=%d lan=%d host=%d%s%s%s%s ports=%u each=%u domain=%s guard=%d%s%s",
                        network_kind_name(plan->kind), tag->kept ? "kept" : "config", plan->dhcp,
                        plan->guests_isolated, plan->reach_lan, plan->host_access,
                        plan->v4_prefix > 0 ? " v4=" : "", network_plan_v4(plan, v4),
                        plan->v6_prefix > 0 ? " v6=" : "",
                        plan->v6_left_out ? " v6=" NO_V6 : network_plan_v6(plan, v6),
                        plan->ports_max, plan->ports_per_user, plan->domain, tag->guard_v6,
                        plan->guard_addresses ? " own" : "",
                        format_uplinks(&tag->uplinks, uplinks));
        return buffer;
}

typedef struct Field {
        const char *key;
        int (*take)(NetworkTag *tag, const char *value);
} Field;

static int take_kind(NetworkTag *tag, const char *value) {
        return network_kind_parse(value, &tag->plan.kind);
}

static int take_life(NetworkTag *tag, const char *value) {
        tag->kept = strcmp(value, "kept") == 0;
        return 0;
}

static int take_dhcp(NetworkTag *tag, const char *value) {
        tag->plan.dhcp = *value == '1';
        return 0;
}

static int take_apart(NetworkTag *tag, const char *value) {
        tag->plan.guests_isolated = *value == '1';
        return 0;
}

static int take_lan(NetworkTag *tag, const char *value) {
        tag->plan.reach_lan = *value == '1';
        return 0;
}

static int take_host(NetworkTag *tag, const char *value) {
        tag->plan.host_access = *value == '1';
        return 0;
}

static int take_address(NetworkTag *tag, const char *value) {
        return network_plan_add_address(&tag->plan, value);
}

static int take_v6(NetworkTag *tag, const char *value) {
        if (strcmp(value, NO_V6) != 0)
                return take_address(tag, value);
        tag->plan.v6_left_out = true;
        return 0;
}

static int take_ports(NetworkTag *tag, const char *value) {
        tag->plan.ports_max = (uint32_t)strtoul(value, NULL, 10);
        return 0;
}

static int take_each(NetworkTag *tag, const char *value) {
        tag->plan.ports_per_user = (uint32_t)strtoul(value, NULL, 10);
        return 0;
}

static int take_domain(NetworkTag *tag, const char *value) {
        if (!network_domain_is_valid(value))
                return -EINVAL;
        strcpy(tag->plan.domain, value);
        return 0;
}

static int take_guard(NetworkTag *tag, const char *value) {
        tag->guard_v6 = *value == '1';
        return 0;
}

static int take_own(NetworkTag *tag, const char *value) {
        tag->plan.guard_addresses = *value == '\0';
        return 0;
}

static int take_uplinks(NetworkTag *tag, const char *value) {
        NetworkUplinks *uplinks = &tag->uplinks;
        char *end;

        for (;;) {
                long ifindex = strtol(value, &end, 10);

                if (uplinks->n >= NETWORK_UPLINKS_MAX || ifindex <= 0 || ifindex > INT32_MAX)
                        return -EINVAL;
                uplinks->ifindexes[uplinks->n++] = (int)ifindex;
                if (*end != ',')
                        return 0;
                value = end + 1;
        }
}

static const Field fields[] = {
        { "kind=", take_kind },
        { "life=", take_life },
        { "dhcp=", take_dhcp },
        { "apart=", take_apart },
        { "lan=", take_lan },
        { "host=", take_host },
        { "v4=", take_address },
        { "v6=", take_v6 },
        { "ports=", take_ports },
        { "each=", take_each },
        { "domain=", take_domain },
        { "guard=", take_guard },
        { "own", take_own },
        { "fwd=", take_uplinks },
};

static int take_word(NetworkTag *tag, const char *word) {
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
                size_t n = strlen(fields[i].key);

                if (strncmp(word, fields[i].key, n) == 0)
                        return fields[i].take(tag, word + n);
        }
        return -EINVAL;
}

/* Reads loosely; then what network_tag_format() makes of it is compared, byte by byte. */
int network_tag_parse(const char *text, const char *name, uint32_t mtu, NetworkTag *ret) {
        char copy[NETWORK_TAG_SIZE], again[NETWORK_TAG_SIZE], *rest = NULL;
        NetworkTag tag = { .plan = { .mtu = mtu } };
        NetworkPlan complete;
        const char *word;

        if (strnlen(text, sizeof(copy)) == sizeof(copy) || !network_name_is_valid(name))
                return -EINVAL;
        strcpy(tag.plan.name, name);
        strcpy(copy, text);
        word = strtok_r(copy, " ", &rest);
        if (!word || strcmp(word, "vnicd-net:1") != 0)
                return -EINVAL;
        while ((word = strtok_r(NULL, " ", &rest)))
                if (take_word(&tag, word) < 0)
                        return -EINVAL;
        complete = tag.plan;
        if (strcmp(network_tag_format(&tag, again), text) != 0 || *tag.plan.domain == '\0' ||
                        network_plan_complete(&complete, NULL) < 0)
                return -EINVAL;
        *ret = tag;
        return 0;
}

int network_tag_of_link(const LinkInfo *link, NetworkTag *ret) {
        if (strcmp(link->kind, "bridge") != 0 || link->group != NETWORK_GROUP)
                return -ENOMSG;
        if (*link->alias == '\0')
                return -EBADMSG;
        return network_tag_parse(link->alias, link->name, link->mtu, ret) < 0 ? -ENOMSG : 0;
}
