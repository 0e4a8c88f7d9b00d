/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.vnicd1.Tap: queues and what they carry. */
#include "api/tap-interface.h"
#include "taps/open-queues.h"

#include <errno.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "bus/property.h"
#include "common/log.h"

/* OpenQueues and OpenQueue differ in who says how many, and in how they are handed over. */
typedef struct OpenForm {
        int (*read)(sd_bus_message *call, uint32_t *ret_count);
        int (*append)(sd_bus_message *reply, const FdSet *queues);
} OpenForm;

static int read_count(sd_bus_message *call, uint32_t *ret_count) {
        return sd_bus_message_read(call, "u", ret_count);
}

static int count_one(sd_bus_message *call, uint32_t *ret_count) {
        *ret_count = 1;
        return 0;
}

static const OpenForm several = { read_count, append_queues };
static const OpenForm single = { count_one, append_queue };

static int reply_with_queues(Service *service, sd_bus_message *call, const OpenForm *form,
                const SentQueues *sent, const FdSet *queues) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = form->append(reply, queues);
        return r < 0 ? r : fd_replies_send(service->fd_replies, call, reply, sent);
}

static int open_queues(Endpoint *endpoint, sd_bus_message *message, const OpenForm *form,
                Failure *failure) {
        Service *service = service_here(sd_bus_message_get_bus(message));
        SentQueues sent = { .nonce = endpoint->tag.nonce };
        FdSet queues = FDSET_INIT;
        AccessRequest access;
        uint32_t count;
        Limits limits;
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r < 0)
                return r;
        r = form->read(message, &count);
        if (r < 0)
                return r;
        access = request_of_endpoint(endpoint);
        r = access_check(service->access, call, &access, failure);
        if (r <= 0)
                return r;
        if (count < 1 || count > FDSET_MAX)
                return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                                "OpenQueues gives 1 to %u queues at a time, not %u.", FDSET_MAX,
                                count);
        limits = service_limits(service, call_subject(call), endpoint->tag.uid);
        r = manager_open_queues(service->manager, endpoint, &limits, count, &queues, failure);
        if (r < 0)
                return r;
        endpoint = manager_find(service->manager, sent.nonce); /* it may be gone by now */
        sent.given = endpoint ? endpoint->just_given : 0;
        r = reply_with_queues(service, message, form, &sent, &queues);
        if (r < 0 && endpoint)
                manager_withdraw_queues(service->manager, endpoint, &queues);
        manager_close_queues(service->manager, access.owner, sent.nonce, &queues);
        return r;
}

static int method_open_queues(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = open_queues(userdata, call, &several, &failure);

        return error_answer(error, &failure, r);
}

static int method_open_queue(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = open_queues(userdata, call, &single, &failure);

        return error_answer(error, &failure, r);
}

static PROPERTY_GETTER(get_offloads_supported) {
        const char *offloads[OFFLOAD_NAMES_MAX + 1];

        offload_names(endpoint_offloads(userdata), offloads);
        return append_names(reply, offloads);
}

static PROPERTY_GETTER(get_offloads_active) {
        const Endpoint *endpoint = userdata;
        const char *offloads[OFFLOAD_NAMES_MAX + 1];

        offload_names(endpoint->offload_state.active, offloads);
        return append_names(reply, offloads);
}

void tap_emit_offloads(Service *service, const Endpoint *endpoint) {
        _cleanup_sd_message_ sd_bus_message *signal = NULL;
        const char *names[OFFLOAD_NAMES_MAX + 1];
        char path[ENDPOINT_PATH_SIZE];
        int r;

        offload_names(endpoint->offload_state.active, names);
        r = sd_bus_message_new_signal(service->bus, &signal, endpoint_path(endpoint, path),
                        SERVICE_NAME ".Tap", "OffloadsChanged");
        if (r >= 0)
                r = append_names(signal, names);
        if (r >= 0)
                r = sd_bus_send(service->bus, signal, NULL);
        if (r < 0)
                log_warning("Cannot announce the offloads of %s: %s", endpoint->now.name,
                                strerror(-r));
}

#define AT(member) offsetof(Endpoint, member)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("OpenQueues", SD_BUS_ARGS("u", count), SD_BUS_RESULT("ah", queues),
                        method_open_queues, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenQueue", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", queue),
                        method_open_queue, SD_BUS_VTABLE_UNPRIVILEGED),
        LIVE_PROPERTY("VnetHdr", "b", property_get_flag, AT(now.tun.vnet_hdr)),
        CONST_PROPERTY("VnetHdrSize", "u", property_get_number, AT(tag.vnet_hdr_size)),
        CONST_PROPERTY("Multiqueue", "b", property_get_flag, AT(now.tun.multiqueue)),
        LIVE_PROPERTY("Queues", "u", property_get_number, AT(now.tun.queues)),
        LIVE_PROPERTY("QueuesDisabled", "u", property_get_number, AT(now.tun.queues_disabled)),
        LIVE_PROPERTY("OffloadsSupported", "as", get_offloads_supported, 0),
        LIVE_PROPERTY("OffloadsActive", "as", get_offloads_active, 0),
        SD_BUS_SIGNAL_WITH_ARGS("OffloadsChanged", SD_BUS_ARGS("as", active), 0),
        SD_BUS_VTABLE_END,
};

int tap_interface_register(Service *service) {
        return sd_bus_add_fallback_vtable(service->bus, NULL, ENDPOINT_PREFIX, SERVICE_NAME ".Tap",
                        vtable, endpoint_find, service);
}
