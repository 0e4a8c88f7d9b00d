/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/create-tap.h"
#include "taps/tap-creation.h"

#include <errno.h>
#include <string.h>

#include "api/context.h"
#include "api/fixed-addresses.h"
#include "api/tap-arguments.h"
#include "api/until-logout.h"
#include "bus/bus-cleanup.h"
#include "bus/property.h"
#include "common/printable.h"

/* The methods differ in how their arguments are read, in how the tap is told, and in how the queues
 * are handed over. */
typedef struct CreateForm {
        int (*read)(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure);
        int (*append_tap)(sd_bus_message *reply, const Endpoint *endpoint);
        int (*append_queues)(sd_bus_message *reply, const FdSet *queues);
} CreateForm;

static int append_offloads(sd_bus_message *reply, const Endpoint *endpoint) {
        const char *offloads[OFFLOAD_NAMES_MAX + 1];

        offload_names(endpoint_offloads(endpoint), offloads);
        return append_names(reply, offloads);
}

static int append_name_and_offloads(sd_bus_message *reply, const Endpoint *endpoint) {
        int r = append_text(reply, endpoint->now.name);

        return r < 0 ? r : append_offloads(reply, endpoint);
}

/* {"offloads": as} */
static int append_offloads_entry(sd_bus_message *reply, const Endpoint *endpoint) {
        int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_DICT_ENTRY, "sv");

        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "offloads");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, SD_BUS_TYPE_VARIANT, "as");
        if (r >= 0)
                r = append_offloads(reply, endpoint);
        for (unsigned i = 0; i < 2 && r >= 0; i++) /* variant, entry */
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_result(sd_bus_message *reply, const Endpoint *endpoint) {
        char mac[MAC_TEXT_SIZE], name[IFNAMSIZ];
        int r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");

        strcpy(name, endpoint->now.name);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "guest_mac", "s",
                                mac_format(&endpoint->tag.guest_mac, mac), "interface", "s",
                                printable(name), "mtu", "u", endpoint->now.mtu, "queues", "u",
                                endpoint->tag.queues);
        if (r >= 0)
                r = append_offloads_entry(reply, endpoint);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static const CreateForm create_form = { request_read, append_name_and_offloads, append_queues };
static const CreateForm open_form = { request_read_single, append_name_and_offloads, append_queue };
static const CreateForm endpoint_form = { request_read_endpoint, append_result, append_queues };

/* A transient network may be torn down and re-created while polkit decides, so it is identified by
 * its kind, not by its ifindex. */
static uint64_t generation_of(const Placement *place) {
        const uint64_t defined = UINT64_C(1) << 63;

        if (!place->plan || (place->network && place->network->tag.kept))
                return (uint64_t)place->bridge.ifindex;
        return defined | (uint64_t)place->plan->kind;
}

static AccessRequest access_of(
                const TapRequest *request, const Client *client, const Placement *place) {
        const bool learnt = place->learnt.kind != FAILURE_NONE && !client->learnt_macs;

        return (AccessRequest){
                .bridge = request->where == TAP_ON_NOTHING ? "-" : place->bridge.name,
                .owner = client->uid,
                .queues = request->queues,
                .persistent = request->persistent,
                .network = place->plan && !place->shared,
                .unfiltered = place->unfiltered,
                .learnt = learnt ? &place->learnt : NULL,
                .generation = generation_of(place),
        };
}

/* Whether polkit has to be asked before the tap is created. */
static bool will_be_asked(const Service *service, const Call *call, const TapRequest *request) {
        const Subject *subject = call_subject(call);

        if (subject->uid == 0 || access_has_answered(call))
                return false;
        return request->persistent || request->has_owner || request->where == TAP_ON_NOTHING ||
                        config_bridge_access(service->config, subject, request->bridge) ==
                        BRIDGE_ASK;
}

static Client client_of(const Service *service, const Call *call, const TapRequest *request) {
        const Subject *subject = call_subject(call);
        uid_t owner = request->has_owner ? request->owner : subject->uid;

        return (Client){
                .uid = owner,
                .limits = service_limits(service, subject, owner),
                .ports_per_bridge = config_ports_per_bridge(service->config),
                .bpdu_guard = config_bpdu_guard(service->config),
                .learnt_macs = config_allows_learnt_macs(service->config, subject, request->bridge),
                .count_ports = will_be_asked(service, call, request),
                .connection = call->caller->name,
                .defined = config_network(service->config, request->bridge),
                .hosts = config_network_hosts(service->config, request->bridge),
        };
}

static int read_request(Service *service, Call *call, const CreateForm *form, TapRequest *ret,
                Failure *failure) {
        const unsigned cpus = manager_capabilities(service->manager)->cpus;
        int r = form->read(call->entry.message, cpus, ret, failure);

        if (r >= 0 && ret->where == TAP_ON_DEFAULT_NETWORK)
                r = tap_request_set_default(ret, service_default_network(service), failure);
        if (r >= 0)
                access_let_ask(call, ret->interactive);
        return r;
}

static int reply_with_tap(Service *service, sd_bus_message *call, const CreateForm *form,
                const Endpoint *endpoint, const FdSet *queues) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        char path[ENDPOINT_PATH_SIZE];
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "o", endpoint_path(endpoint, path));
        if (r >= 0)
                r = form->append_tap(reply, endpoint);
        if (r >= 0)
                r = form->append_queues(reply, queues);
        if (r < 0)
                return r;
        if (queues->n == 0)
                return sd_bus_message_send(reply);
        return fd_replies_send(service->fd_replies, call, reply,
                        &(SentQueues){ .nonce = endpoint->tag.nonce, .is_new_tap = true });
}

/* Returns a PlacementOutcome. */
static int check_place_and_login(Service *service, Call *call, const TapRequest *request,
                const Client *client, Placement *ret, List **ret_blocked_on, Failure *failure) {
        int r = placement_check(service->manager, request, client, ret, ret_blocked_on, failure);

        return r == PLACEMENT_OK && request->until_logout
                        ? until_logout_check(service, call, client->uid, ret_blocked_on, failure)
                        : r;
}

/* Checks whether the tap can be created: before polkit is asked, and again after it has answered.
 */
static int look(Service *service, Call *call, const TapRequest *request, const Client *client,
                Placement *ret, List **ret_blocked_on, Failure *failure) {
        int r = check_place_and_login(service, call, request, client, ret, ret_blocked_on, failure);
        bool gone = r < 0 &&
                        (failure->kind == FAILURE_NO_SUCH_BRIDGE ||
                                        failure->kind == FAILURE_NOT_A_BRIDGE);

        if (!gone || !access_has_answered(call))
                return r;
        return failure_set(failure, FAILURE_STALE, ESTALE,
                        "The bridge \"%s\" was renamed or deleted while the question was open. ListBridges (vnicctl bridges) tells which there are now.",
                        request->bridge);
}

static int act(Service *service, sd_bus_message *message, const CreateForm *form,
                const TapRequest *request, const Client *client, const Placement *place,
                Failure *failure) {
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        int r = manager_create_tap(
                        service->manager, request, client, place, &queues, &endpoint, failure);

        if (r < 0)
                return r;

        /* Reply: from here on only the client holds the tap. It comes before the signals, so that
         * the client need not wait for those. */
        r = reply_with_tap(service, message, form, endpoint, &queues);
        manager_announce(service->manager, endpoint);
        if (r < 0)
                manager_take_back(service->manager, endpoint);
        manager_close_queues(service->manager, client->uid, endpoint->tag.nonce, &queues);
        return r;
}

/* A call that was authorised, while the address for its guest is reserved. */
typedef struct Reserving {
        Service *service;
        const CreateForm *form;
        TapRequest request; /* with the guest's MAC */
        /* These were looked at and decided. */
        const Config *config;
        AccessRequest access;
} Reserving;

/* Looks again: the verdict is good for what it was about. */
static int create_reserved(const Reserving *reserving, Call *call, Failure *failure) {
        Service *service = reserving->service;
        const AccessRequest *before = &reserving->access;
        const Client client = client_of(service, call, &reserving->request);
        AccessRequest access;
        List *blocked_on;
        Placement place;
        int r = look(service, call, &reserving->request, &client, &place, &blocked_on, failure);

        if (r < 0)
                return r;
        access = access_of(&reserving->request, &client, &place);
        if (r == PLACEMENT_BLOCKED || reserving->config != service->config ||
                        access.generation != before->generation ||
                        access.network != before->network ||
                        access.unfiltered != before->unfiltered ||
                        !access.learnt != !before->learnt)
                return failure_set(failure, FAILURE_STALE, ESTALE,
                                "The network \"%s\" or the configuration changed while the address was reserved. Ask again.",
                                reserving->request.bridge);
        return act(service, call->entry.message, reserving->form, &reserving->request, &client,
                        &place, failure);
}

static int on_reserved(Call *call, int error, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error answer = SD_BUS_ERROR_NULL;
        const Reserving *reserving = userdata;
        Failure failure = FAILURE_INIT;
        int r = error < 0 ? fixed_addresses_refusal(
                                            reserving->service->fixed_addresses, error, &failure)
                          : create_reserved(reserving, call, &failure);

        if (r >= 0)
                return r;
        error_answer(&answer, &failure, r);
        return sd_bus_reply_method_error(call->entry.message, &answer);
}

static bool is_of_a_host(const NetworkHosts *hosts, const Mac *mac) {
        for (size_t i = 0; hosts && i < hosts->n; i++)
                if (mac_equal(&hosts->hosts[i].mac, mac))
                        return true;
        return false;
}

/* One that is in use by chance is refused when the tap is made. */
static int generate_mac(const NetworkHosts *hosts, Mac *ret) {
        int r = mac_generate(ret);

        while (r >= 0 && is_of_a_host(hosts, ret))
                r = mac_generate(ret);
        return r;
}

static int begin_reserving(Service *service, Call *call, const CreateForm *form,
                const TapRequest *request, const Client *client, const Placement *place,
                const AccessRequest *access) {
        Reserving *reserving = calloc(1, sizeof(Reserving));
        List *waiters;
        int r = 0;

        if (!reserving)
                return -ENOMEM;
        *reserving = (Reserving){ service, form, *request, service->config, *access };
        if (!request->has_guest_mac)
                r = generate_mac(client->hosts, &reserving->request.guest_mac);
        if (r < 0) {
                free(reserving);
                return r;
        }
        r = fixed_addresses_reserve(service->fixed_addresses,
                        &(FixedAddress){
                                        .network = place->plan->name,
                                        .at = place->network,
                                        .hosts = place->network && place->network->tag.kept
                                                        ? NULL
                                                        : client->hosts,
                                        .mac = reserving->request.guest_mac,
                                        .address = request->address,
                        },
                        reserving, &waiters);
        return r < 0 ? r : call_block_on(call, waiters, on_reserved, reserving);
}

static int create_tap(Service *service, sd_bus_message *message, const CreateForm *form,
                Failure *failure) {
        TapRequest request;
        AccessRequest access;
        List *blocked_on;
        Client client;
        Placement place;
        Call *call;
        int r;

        /* Read. access/ has checked that a reply is wanted, without which the queues would have
         * nowhere to go. */
        r = access_call(service->access, message, &call, failure);
        if (r >= 0)
                r = read_request(service, call, form, &request, failure);
        if (r < 0)
                return r;
        client = client_of(service, call, &request);

        /* Refuse: nobody is asked to authenticate for what cannot succeed. */
        r = look(service, call, &request, &client, &place, &blocked_on, failure);
        if (r < 0)
                return r;
        if (r == PLACEMENT_OK && request.has_address)
                blocked_on = fixed_addresses_busy(service->fixed_addresses, place.plan->name);
        if (blocked_on)
                return call_block_on(call, blocked_on, NULL, NULL);

        /* Authorise. */
        access = access_of(&request, &client, &place);
        r = access_check(service->access, call, &access, failure);
        if (r <= 0)
                return r;

        /* Act; for an address, the rest comes when it is reserved. */
        if (request.has_address)
                return begin_reserving(service, call, form, &request, &client, &place, &access);
        return act(service, message, form, &request, &client, &place, failure);
}

int create_tap_method(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = create_tap(userdata, call, &create_form, &failure);

        return error_answer(error, &failure, r);
}

int open_tap_method(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = create_tap(userdata, call, &open_form, &failure);

        return error_answer(error, &failure, r);
}

int create_endpoint_method(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = create_tap(userdata, call, &endpoint_form, &failure);

        return error_answer(error, &failure, r);
}

static int reply_with_answer(sd_bus_message *call, AccessAnswer answer) {
        if (answer == ACCESS_YES)
                return sd_bus_reply_method_return(call, "ss", "yes", "You may create this tap.");
        if (answer == ACCESS_CHALLENGE)
                return sd_bus_reply_method_return(call, "ss", "challenge",
                                "An administrator would be asked whether you may create this tap.");
        if (answer == ACCESS_NOT_CONFIGURED)
                return sd_bus_reply_method_return(call, "ss", "no",
                                "The configuration of vnicd does not allow this bridge to you.");
        if (answer == ACCESS_UNAVAILABLE)
                return sd_bus_reply_method_return(call, "ss", "no",
                                "polkit did not answer, which means no. See whether polkit is running.");
        return sd_bus_reply_method_return(call, "ss", "no",
                        "You are not allowed to create this tap. An administrator can allow it by a polkit rule.");
}

/* What CreateTap would refuse is a regular answer here, unless the request itself is malformed. */
static int reply_with_refusal(sd_bus_message *call, const Failure *failure, int r) {
        switch ((int)failure->kind) {
        case FAILURE_QUOTA_EXCEEDED:
                return sd_bus_reply_method_return(call, "ss", "quota", failure->text);
        case FAILURE_NO_SUCH_BRIDGE:
        case FAILURE_NOT_A_BRIDGE:
        case FAILURE_NO_SUCH_NETWORK:
        case FAILURE_NAME_TAKEN:
        case FAILURE_MAC_IN_USE:
        case FAILURE_ADDRESS_IN_USE:
        case FAILURE_BRIDGE_FULL:
        case FAILURE_NOT_SUPPORTED:
        case FAILURE_STALE:
                return sd_bus_reply_method_return(call, "ss", "no", failure->text);
        case FAILURE_INVALID_OPTION:
                if (r == -ENODATA) /* nobody is logged in for until_logout: that can change */
                        return sd_bus_reply_method_return(call, "ss", "no", failure->text);
                return r;
        case FAILURE_KERNEL:
                if (r == -EAGAIN)
                        return sd_bus_reply_method_return(call, "ss", "no", failure->text);
                return r;
        default:
                return r;
        }
}

/* Fills *failure if the request is refused. */
static int tell_whether(Service *service, Call *call, const TapRequest *request,
                const Client *client, Failure *failure) {
        AccessRequest access;
        AccessAnswer answer;
        List *blocked_on;
        Placement place;
        int r;

        r = check_place_and_login(service, call, request, client, &place, &blocked_on, failure);
        if (r < 0)
                return r;
        /* Waits as CreateTap would, so that the answer is the one that CreateTap would give. */
        if (r == PLACEMENT_BLOCKED)
                return call_block_on(call, blocked_on, NULL, NULL);

        access = access_of(request, client, &place);
        r = access_query(service->access, call, &access, &answer, failure);
        return r <= 0 ? r : reply_with_answer(call->entry.message, answer);
}

static int can_create_tap(Service *service, sd_bus_message *message, Failure *failure) {
        TapRequest request;
        Client client;
        Call *call;
        int r;

        r = access_call(service->access, message, &call, failure);
        if (r >= 0)
                r = read_request(service, call, &create_form, &request, failure);
        if (r < 0)
                return reply_with_refusal(message, failure, r);
        client = client_of(service, call, &request);
        client.count_ports = true;
        r = tell_whether(service, call, &request, &client, failure);
        /* Nothing was created, and nobody was asked, so it is safe to look again at what has
         * changed meanwhile. */
        if (r < 0 && failure->kind == FAILURE_STALE &&
                        authorization_ask_again(&call->authorization))
                r = tell_whether(service, call, &request, &client, failure);
        return r < 0 ? reply_with_refusal(message, failure, r) : r;
}

int can_create_tap_method(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = can_create_tap(userdata, call, &failure);

        return error_answer(error, &failure, r);
}
