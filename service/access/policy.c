/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/policy.h"

#include <stdio.h>
#include <string.h>

#include "common/ifname.h"

#define MANAGER  SERVICE_NAME ".Manager"
#define ENDPOINT SERVICE_NAME ".Endpoint"
#define TAP      SERVICE_NAME ".Tap"
#define NETWORK  SERVICE_NAME ".Network"
#define STANDARD "org.freedesktop.DBus."

static const char *const detail_keys[DETAIL_MAX] = {
        [DETAIL_BRIDGE] = "bridge",
        [DETAIL_KIND] = "kind",
        [DETAIL_QUEUES] = "queues",
        [DETAIL_ENDPOINT] = "endpoint",
        [DETAIL_OWNER] = "owner",
};

static bool always(const Subject *subject, const GateMatter *matter) {
        return true;
}

static bool if_of_host(const Subject *subject, const GateMatter *matter) {
        return !matter->network;
}

static bool if_of_network(const Subject *subject, const GateMatter *matter) {
        return matter->network;
}

static bool if_unfiltered(const Subject *subject, const GateMatter *matter) {
        return matter->unfiltered;
}

static bool if_persistent(const Subject *subject, const GateMatter *matter) {
        return matter->persistent;
}

static bool if_of_another(const Subject *subject, const GateMatter *matter) {
        return matter->owner != subject->uid;
}

static bool if_learnt(const Subject *subject, const GateMatter *matter) {
        return matter->learnt;
}

static const Failure *refusal_of_learnt(const GateMatter *matter) {
        return matter->learnt;
}

static const GateDemand use_bridge = { if_of_host, "org.vnicd1.use-bridge",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, true };

static const GateDemand use_network = { if_of_network, "org.vnicd1.use-network",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, true };

static const GateDemand use_unfiltered = { if_unfiltered, "org.vnicd1.use-unfiltered",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, false };

static const GateDemand see_bridge = { if_of_host, "org.vnicd1.use-bridge", { DETAIL_BRIDGE },
        true };

static const GateDemand see_network = { if_of_network, "org.vnicd1.use-network", { DETAIL_BRIDGE },
        true };

static const GateDemand manage_networks = { always, "org.vnicd1.manage-networks", { DETAIL_BRIDGE },
        false };

static const GateDemand create_persistent = { if_persistent, "org.vnicd1.create-persistent",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, false };

static const GateDemand create_for_another = { if_of_another, "org.vnicd1.manage-endpoints",
        { DETAIL_OWNER, DETAIL_BRIDGE }, false };

static const GateDemand manage_endpoint = { if_of_another, "org.vnicd1.manage-endpoints",
        { DETAIL_ENDPOINT, DETAIL_OWNER }, false };

/* Before the others: whoever lacks several is told of this one, for which nobody is asked. */
static const GateDemand take_learnt_mac = { if_learnt, "org.vnicd1.manage-endpoints",
        { DETAIL_BRIDGE }, false, refusal_of_learnt };

static const GateDemand reload = { always, "org.vnicd1.reload", { DETAIL_NONE }, false };

/* All that can be called. No property can be written: sd-bus itself answers Properties.Set with
 * PropertyReadOnly or UnknownProperty. */
static const GateRow rows[] = {
        { MANAGER, "CreateTap", WAY_DEMANDS, EFFECT_ANSWER, "sbba{sv}",
                        { &take_learnt_mac, &use_bridge, &use_network, &use_unfiltered,
                                        &create_persistent, &create_for_another } },
        { MANAGER, "OpenTap", WAY_DEMANDS, EFFECT_ANSWER, "sba{sv}",
                        { &take_learnt_mac, &use_bridge, &use_network, &use_unfiltered,
                                        &create_persistent, &create_for_another } },
        { MANAGER, "CanCreateTap", WAY_TOLD, EFFECT_ANSWER, "sbba{sv}",
                        { &take_learnt_mac, &use_bridge, &use_network, &use_unfiltered,
                                        &create_persistent, &create_for_another } },
        { MANAGER, "ListBridges", WAY_TOLD, EFFECT_ANSWER, "", { &see_bridge, &see_network } },
        { MANAGER, "GetEndpoint", WAY_EVERYBODY, EFFECT_ANSWER, "s", { NULL } },
        { MANAGER, "ReleaseAll", WAY_EVERYBODY, EFFECT_CHANGE, "",
                        { NULL } }, /* of the caller's own */
        { MANAGER, "CreateNetwork", WAY_DEMANDS, EFFECT_CHANGE, "ssa{sv}", { &manage_networks } },
        { MANAGER, "Reload", WAY_DEMANDS, EFFECT_CHANGE, "", { &reload } },
        { NETWORK, "Delete", WAY_DEMANDS, EFFECT_CHANGE, "", { &manage_networks } },
        { NETWORK, "GetLeases", WAY_EVERYBODY, EFFECT_ANSWER, "", { NULL } },
        { ENDPOINT, "Release", WAY_DEMANDS, EFFECT_CHANGE, "", { &manage_endpoint } },
        { TAP, "OpenQueues", WAY_HOLDER, EFFECT_ANSWER, "u", { NULL } },
        { TAP, "OpenQueue", WAY_HOLDER, EFFECT_ANSWER, "", { NULL } },
        { STANDARD "Properties", "Get", WAY_ANYBODY, EFFECT_ANSWER, "ss", { NULL } },
        { STANDARD "Properties", "GetAll", WAY_ANYBODY, EFFECT_ANSWER, "s", { NULL } },
        { STANDARD "Properties", "Set", WAY_ANYBODY, EFFECT_ANSWER, "ssv", { NULL } },
        /* These two grow with what there is: so their callers take turns. */
        { STANDARD "Introspectable", "Introspect", WAY_EVERYBODY, EFFECT_ANSWER, "", { NULL } },
        { STANDARD "ObjectManager", "GetManagedObjects", WAY_EVERYBODY, EFFECT_ANSWER, "",
                        { NULL } },
        { STANDARD "Peer", "Ping", WAY_ANYBODY, EFFECT_ANSWER, "", { NULL } },
        { STANDARD "Peer", "GetMachineId", WAY_ANYBODY, EFFECT_ANSWER, "", { NULL } },
};

const GateRow *gate_find_row(sd_bus_message *call) {
        const char *interface = sd_bus_message_get_interface(call);
        const char *member = sd_bus_message_get_member(call);

        for (size_t i = 0; interface && member && i < sizeof(rows) / sizeof(*rows); i++)
                if (strcmp(rows[i].interface, interface) == 0 &&
                                strcmp(rows[i].member, member) == 0)
                        return &rows[i];
        return NULL;
}

bool gate_knows_interface(const char *interface) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
                if (strcmp(rows[i].interface, interface) == 0)
                        return true;
        return false;
}

static void set_detail(PolkitDetail *ret, Detail detail, const GateMatter *matter) {
        ret->key = detail_keys[detail];
        switch (detail) {
        case DETAIL_BRIDGE:
                snprintf(ret->value, sizeof(ret->value), "%s", matter->bridge);
                break;
        case DETAIL_KIND:
                snprintf(ret->value, sizeof(ret->value), "tap");
                break;
        case DETAIL_QUEUES:
                snprintf(ret->value, sizeof(ret->value), "%u", matter->queues);
                break;
        case DETAIL_ENDPOINT:
                ifname_of_nonce(matter->endpoint->tag.nonce, ret->value);
                break;
        case DETAIL_OWNER:
                snprintf(ret->value, sizeof(ret->value), "%u", (unsigned)matter->owner);
                break;
        case DETAIL_NONE:
        case DETAIL_MAX:
                break;
        }
}

AuthorityQuestion gate_question(const GateDemand *demand, const GateMatter *matter, bool may_ask) {
        AuthorityQuestion question = {
                .polkit = { .action = demand->action },
                .stamp = matter->stamp,
                .may_ask = may_ask && !demand->refusal,
        };

        for (size_t i = 0; i < POLKIT_DETAILS_MAX && demand->details[i] != DETAIL_NONE; i++)
                set_detail(&question.polkit.details[i], demand->details[i], matter);
        return question;
}
