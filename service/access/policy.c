/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/policy.h"

#include <stdio.h>
#include <string.h>

#include "common/ifname.h"

#define SERVICE_NAME "org.vnicd1"

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

static bool always(const Subject *subject, const AccessRequest *request) {
        return true;
}

static bool if_of_host(const Subject *subject, const AccessRequest *request) {
        return !request->network;
}

static bool if_of_network(const Subject *subject, const AccessRequest *request) {
        return request->network;
}

static bool if_unfiltered(const Subject *subject, const AccessRequest *request) {
        return request->unfiltered;
}

static bool if_persistent(const Subject *subject, const AccessRequest *request) {
        return request->persistent;
}

static bool if_of_another(const Subject *subject, const AccessRequest *request) {
        return request->owner != subject->uid;
}

static bool if_learnt(const Subject *subject, const AccessRequest *request) {
        return request->learnt;
}

static const Failure *refusal_of_learnt(const AccessRequest *request) {
        return request->learnt;
}

static const Requirement use_bridge = { if_of_host, "org.vnicd1.use-bridge",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, true };

static const Requirement use_network = { if_of_network, "org.vnicd1.use-network",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, true };

static const Requirement use_unfiltered = { if_unfiltered, "org.vnicd1.use-unfiltered",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, false };

static const Requirement see_bridge = { if_of_host, "org.vnicd1.use-bridge", { DETAIL_BRIDGE },
        true };

static const Requirement see_network = { if_of_network, "org.vnicd1.use-network", { DETAIL_BRIDGE },
        true };

static const Requirement manage_networks = { always, "org.vnicd1.manage-networks",
        { DETAIL_BRIDGE }, false };

static const Requirement create_persistent = { if_persistent, "org.vnicd1.create-persistent",
        { DETAIL_BRIDGE, DETAIL_KIND, DETAIL_QUEUES }, false };

static const Requirement create_for_another = { if_of_another, "org.vnicd1.manage-endpoints",
        { DETAIL_OWNER, DETAIL_BRIDGE }, false };

static const Requirement manage_endpoint = { if_of_another, "org.vnicd1.manage-endpoints",
        { DETAIL_ENDPOINT, DETAIL_OWNER }, false };

/* Before the others: whoever lacks several is told of this one, for which nobody is asked. */
static const Requirement take_learnt_mac = { if_learnt, "org.vnicd1.manage-endpoints",
        { DETAIL_BRIDGE }, false, refusal_of_learnt };

static const Requirement reload = { always, "org.vnicd1.reload", { DETAIL_NONE }, false };

/* All that can be called. No property can be written: sd-bus itself answers Properties.Set with
 * PropertyReadOnly or UnknownProperty. */
static const PolicyRow rows[] = {
        { MANAGER, "CreateTap", POLICY_AUTHORIZE, EFFECT_ANSWER, "sbba{sv}",
                        { &take_learnt_mac, &use_bridge, &use_network, &use_unfiltered,
                                        &create_persistent, &create_for_another } },
        { MANAGER, "OpenTap", POLICY_AUTHORIZE, EFFECT_ANSWER, "sba{sv}",
                        { &take_learnt_mac, &use_bridge, &use_network, &use_unfiltered,
                                        &create_persistent, &create_for_another } },
        { MANAGER, "CreateEndpoint", POLICY_AUTHORIZE, EFFECT_ANSWER, "ssa{sv}",
                        { &take_learnt_mac, &use_bridge, &use_network, &use_unfiltered,
                                        &create_persistent, &create_for_another } },
        { MANAGER, "CanCreateTap", POLICY_DRY_RUN, EFFECT_ANSWER, "sbba{sv}",
                        { &take_learnt_mac, &use_bridge, &use_network, &use_unfiltered,
                                        &create_persistent, &create_for_another } },
        { MANAGER, "ListBridges", POLICY_DRY_RUN, EFFECT_ANSWER, "",
                        { &see_bridge, &see_network } },
        { MANAGER, "GetEndpoint", POLICY_IDENTIFIED, EFFECT_ANSWER, "s", { NULL } },
        { MANAGER, "ReleaseAll", POLICY_IDENTIFIED, EFFECT_CHANGE, "",
                        { NULL } }, /* of the caller's own */
        { MANAGER, "ReleaseEndpoints", POLICY_IDENTIFIED, EFFECT_CHANGE, "a{sv}",
                        { NULL } }, /* likewise */
        { MANAGER, "CreateNetwork", POLICY_AUTHORIZE, EFFECT_CHANGE, "ssa{sv}",
                        { &manage_networks } },
        { MANAGER, "Reload", POLICY_AUTHORIZE, EFFECT_CHANGE, "", { &reload } },
        { NETWORK, "Delete", POLICY_AUTHORIZE, EFFECT_CHANGE, "", { &manage_networks } },
        { NETWORK, "GetLeases", POLICY_IDENTIFIED, EFFECT_ANSWER, "", { NULL } },
        { NETWORK, "ListLeases", POLICY_IDENTIFIED, EFFECT_ANSWER, "", { NULL } },
        { ENDPOINT, "Release", POLICY_AUTHORIZE, EFFECT_CHANGE, "", { &manage_endpoint } },
        { TAP, "OpenQueues", POLICY_HANDLE_OWNER, EFFECT_ANSWER, "u", { NULL } },
        { TAP, "OpenQueue", POLICY_HANDLE_OWNER, EFFECT_ANSWER, "", { NULL } },
        { STANDARD "Properties", "Get", POLICY_PUBLIC, EFFECT_ANSWER, "ss", { NULL } },
        { STANDARD "Properties", "GetAll", POLICY_PUBLIC, EFFECT_ANSWER, "s", { NULL } },
        { STANDARD "Properties", "Set", POLICY_PUBLIC, EFFECT_ANSWER, "ssv", { NULL } },
        /* These two grow with what there is: so their callers take turns. */
        { STANDARD "Introspectable", "Introspect", POLICY_IDENTIFIED, EFFECT_ANSWER, "", { NULL } },
        { STANDARD "ObjectManager", "GetManagedObjects", POLICY_IDENTIFIED, EFFECT_ANSWER, "",
                        { NULL } },
        { STANDARD "Peer", "Ping", POLICY_PUBLIC, EFFECT_ANSWER, "", { NULL } },
        { STANDARD "Peer", "GetMachineId", POLICY_PUBLIC, EFFECT_ANSWER, "", { NULL } },
};

const PolicyRow *policy_find(sd_bus_message *call) {
        const char *interface = sd_bus_message_get_interface(call);
        const char *member = sd_bus_message_get_member(call);

        for (size_t i = 0; interface && member && i < sizeof(rows) / sizeof(*rows); i++)
                if (strcmp(rows[i].interface, interface) == 0 &&
                                strcmp(rows[i].member, member) == 0)
                        return &rows[i];
        return NULL;
}

bool policy_knows_interface(const char *interface) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
                if (strcmp(rows[i].interface, interface) == 0)
                        return true;
        return false;
}

static void set_detail(PolkitDetail *ret, Detail detail, const AccessRequest *request) {
        ret->key = detail_keys[detail];
        switch (detail) {
        case DETAIL_BRIDGE:
                snprintf(ret->value, sizeof(ret->value), "%s", request->bridge);
                break;
        case DETAIL_KIND:
                snprintf(ret->value, sizeof(ret->value), "tap");
                break;
        case DETAIL_QUEUES:
                snprintf(ret->value, sizeof(ret->value), "%u", request->queues);
                break;
        case DETAIL_ENDPOINT:
                ifname_of_nonce(request->endpoint, ret->value);
                break;
        case DETAIL_OWNER:
                snprintf(ret->value, sizeof(ret->value), "%u", (unsigned)request->owner);
                break;
        case DETAIL_NONE:
        case DETAIL_MAX:
                break;
        }
}

AuthorizationQuestion policy_question(
                const Requirement *requirement, const AccessRequest *request, bool may_ask) {
        AuthorizationQuestion question = {
                .polkit = { .action = requirement->action },
                .generation = request->generation,
                .may_ask = may_ask && !requirement->refusal,
        };

        for (size_t i = 0; i < POLKIT_DETAILS_MAX && requirement->details[i] != DETAIL_NONE; i++)
                set_detail(&question.polkit.details[i], requirement->details[i], request);
        return question;
}
