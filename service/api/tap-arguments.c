/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/tap-arguments.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "bus/method-options.h"

static int set_label(void *request, const char *value, Failure *failure) {
        return tap_request_set_label(request, value, failure);
}

static int set_guest_mac(void *request, const char *value, Failure *failure) {
        return tap_request_set_guest_mac(request, value, failure);
}

static int set_address(void *request, const char *value, Failure *failure) {
        return tap_request_set_address(request, value, failure);
}

static int add_offload(void *request, const char *value, Failure *failure) {
        return tap_request_add_offload(request, value, failure);
}

#define AT(member) offsetof(TapRequest, member)

/* The first two are of CreateEndpoint alone: CreateTap and OpenTap have arguments for them. */
static const Option options[] = {
        { "vnet_hdr", "b", AT(vnet_hdr), 0, NULL },
        { "multiqueue", "b", AT(multiqueue), AT(has_multiqueue), NULL },
        { "queues", "u", AT(queues), AT(has_queues), NULL },
        { "label", "s", 0, 0, set_label },
        { "guest_mac", "s", 0, 0, set_guest_mac },
        { "address", "s", 0, 0, set_address },
        { "mtu", "u", AT(mtu), AT(has_mtu), NULL },
        { "persistent", "b", AT(persistent), 0, NULL },
        { "until_logout", "b", AT(until_logout), 0, NULL },
        { "owner", "u", AT(owner), AT(has_owner), NULL },
        { "isolated", "b", AT(isolated), AT(has_isolated), NULL },
        { "anti_spoof", "b", AT(anti_spoof), AT(has_anti_spoof), NULL },
        { "offloads", "as", 0, AT(has_offloads), add_offload },
        { "vnet_hdr_size", "u", AT(vnet_hdr_size), AT(has_vnet_hdr_size), NULL },
        { "interactive", "b", AT(interactive), 0, NULL },
};

#define N_OPTIONS    (sizeof(options) / sizeof(*options))
#define N_OF_ITS_OWN 2

static const OptionTable create_table = {
        .options = options + N_OF_ITS_OWN,
        .n = N_OPTIONS - N_OF_ITS_OWN,
        .arguments = "(s bridge, b vnet_hdr, b multiqueue, a{sv} options)",
};

static const OptionTable open_table = {
        .options = options + N_OF_ITS_OWN,
        .n = N_OPTIONS - N_OF_ITS_OWN,
        .arguments = "(s bridge, b vnet_hdr, a{sv} options)",
};

static const OptionTable endpoint_table = {
        .options = options,
        .n = N_OPTIONS,
        .arguments = "(s kind, s bridge, a{sv} options)",
};

/* Reads what follows the flags. */
static int read_rest(sd_bus_message *call, const OptionTable *table, const char *bridge,
                TapRequest *request, Failure *failure) {
        int r = tap_request_set_bridge(request, bridge, failure);

        return r < 0 ? r : options_read(call, table, request, failure);
}

int request_read(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure) {
        TapRequest request = TAP_REQUEST_INIT;
        int vnet_hdr, multiqueue, r;
        const char *bridge;

        if (sd_bus_message_read(call, "sbb", &bridge, &vnet_hdr, &multiqueue) <= 0)
                return options_refuse(&create_table, failure);
        request.vnet_hdr = vnet_hdr;
        request.multiqueue = multiqueue;
        r = read_rest(call, &create_table, bridge, &request, failure);
        if (r < 0)
                return r;
        r = tap_request_complete(&request, cpus, failure);
        if (r < 0)
                return r;
        *ret = request;
        return 0;
}

static int check_single(const TapRequest *request, Failure *failure) {
        if (request->has_queues && request->queues != 1)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"queues\" was %u, but OpenTap creates a tap with one queue. Use CreateTap for several.",
                                request->queues);
        if (tap_request_outlives_queues(request))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"%s\" is not for OpenTap: such a tap is handed over without a queue. Use CreateTap, then OpenQueue.",
                                request->persistent ? "persistent" : "until_logout");
        return 0;
}

int request_read_single(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure) {
        TapRequest request = TAP_REQUEST_INIT;
        const char *bridge;
        int vnet_hdr, r;

        if (sd_bus_message_read(call, "sb", &bridge, &vnet_hdr) <= 0)
                return options_refuse(&open_table, failure);
        request.vnet_hdr = vnet_hdr;
        r = read_rest(call, &open_table, bridge, &request, failure);
        if (r < 0)
                return r;
        r = check_single(&request, failure);
        if (r < 0)
                return r;
        r = tap_request_complete(&request, cpus, failure);
        if (r < 0)
                return r;
        *ret = request;
        return 0;
}

int request_read_endpoint(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure) {
        TapRequest request = { .vnet_hdr = true };
        const char *kind, *bridge;
        int r;

        if (sd_bus_message_read(call, "ss", &kind, &bridge) <= 0)
                return options_refuse(&endpoint_table, failure);
        if (strcmp(kind, "tap") != 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "There is no such \"kind\" of endpoint. There is \"tap\".");
        r = read_rest(call, &endpoint_table, bridge, &request, failure);
        if (r < 0)
                return r;
        if (!request.has_multiqueue)
                request.multiqueue = request.queues > 1;
        r = tap_request_complete(&request, cpus, failure);
        if (r < 0)
                return r;
        *ret = request;
        return 0;
}
