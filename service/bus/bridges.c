/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/bridges.h"

#include <errno.h>
#include <stdio.h>

#include "bus/cleanup.h"
#include "bus/gate.h"
#include "kernel/bridge.h"
#include "kernel/ifname.h"

/* One ListBridges; asks about all bridges side by side. */
typedef struct Listing {
        Service *service;
        sd_bus_message *call, *reply;
        Subject subject;
        bool pending;
        Failure *failure;
} Listing;

static int append_warnings(sd_bus_message *reply, const LinkInfo *bridge) {
        const char *warnings[3] = { NULL };
        size_t n = 0;

        if (!bridge_mac_is_pinned(bridge->name))
                warnings[n++] = "Nobody set its MAC address: until the first endpoint joins, which "
                                "sets "
                                "it, it changes with the ports.";
        if (bridge_is_filtered(bridge->name))
                warnings[n++] = "br_netfilter is on: the host's IP filters see the frames that "
                                "cross "
                                "it and may drop them.";
        return append_names(reply, warnings);
}

static int append_bridge(
                sd_bus_message *reply, const LinkInfo *bridge, unsigned ports, const char *access) {
        int r;

        r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "name", "s", bridge->name,
                        "kind", "s", "bridge", "access", "s", access, "mtu", "u", bridge->mtu,
                        "ports", "u", (uint32_t)ports, "ports_max", "u",
                        (uint32_t)BRIDGE_PORTS_MAX);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "warnings");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, SD_BUS_TYPE_VARIANT, "as");
        if (r >= 0)
                r = append_warnings(reply, bridge);
        for (unsigned i = 0; i < 3 && r >= 0; i++) /* variant, entry, dictionary */
                r = sd_bus_message_close_container(reply);
        return r;
}

static int list_bridge(const LinkInfo *bridge, unsigned ports, void *userdata) {
        Listing *listing = userdata;
        const GateMatter matter = {
                .bridge = bridge->name,
                .stamp = (uint64_t)bridge->ifindex,
        };
        GateAnswer answer;
        int r;

        /* One with a name that CreateTap would not take. */
        if (!ifname_is_plain(bridge->name))
                return 0;
        r = gate_tell(listing->service, listing->call, &listing->subject, &matter, &answer,
                        listing->failure);
        if (r == -ESTALE) /* it was not there yet when the others were asked about */
                return 0;
        if (r < 0)
                return r;
        listing->pending = listing->pending || r == 0;
        if (listing->pending)
                return 0;
        return append_bridge(listing->reply, bridge, ports,
                        answer == GATE_YES                         ? "yes"
                                        : answer == GATE_CHALLENGE ? "challenge"
                                                                   : "no");
}

static int list_bridges(Listing *listing) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        int r;

        r = service_subject(listing->service, listing->call, &listing->subject, listing->failure);
        if (r < 0)
                return r;
        r = authority_may_ask(listing->service->authority, listing->call, listing->subject.uid,
                        listing->failure);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(listing->call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "a{sv}");
        if (r < 0)
                return r;
        listing->reply = reply;
        r = manager_list_bridges(listing->service->manager, list_bridge, listing, listing->failure);
        if (r < 0 || listing->pending)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

int method_list_bridges(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        Listing listing = { .service = userdata, .call = call, .failure = &failure };
        int r = list_bridges(&listing);

        return error_answer(error, &failure, r);
}
