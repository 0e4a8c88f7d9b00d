/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/create-tap.h"
#include "taps/tap-creation.h"

#include <errno.h>
#include <string.h>

#include "api/context.h"
#include "api/tap-arguments.h"
#include "api/wait.h"
#include "bus/bus-cleanup.h"
#include "bus/property.h"

/* CreateTap and OpenTap differ in how their arguments are read, and in how the queues are handed
 * over. */
typedef struct CreateForm {
        int (*read)(sd_bus_message *call, unsigned cpus, TapRequest *ret, Failure *failure);
        int (*append)(sd_bus_message *reply, const FdSet *queues);
} CreateForm;

static const CreateForm create_form = { request_read, append_queues };
static const CreateForm open_form = { request_read_single, append_queue };

/* A network that goes and comes up again while the question is open is the same one. */
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

/* Whether polkit, and so maybe a person, has to be asked before it is made. */
static bool will_be_asked(const Service *service, const Subject *subject, sd_bus_message *call,
                const TapRequest *request) {
        if (subject->uid == 0 || access_has_answered(service->access, call))
                return false;
        return request->persistent || request->has_owner || request->where == TAP_ON_NOTHING ||
                        config_bridge_access(service->config, subject, request->bridge) ==
                        BRIDGE_ASK;
}

static Client client_of(const Service *service, const Subject *subject, sd_bus_message *call,
                const TapRequest *request) {
        uid_t owner = request->has_owner ? request->owner : subject->uid;

        return (Client){
                .uid = owner,
                .limits = service_limits(service, subject, owner),
                .ports_per_bridge = config_ports_per_bridge(service->config),
                .bpdu_guard = config_bpdu_guard(service->config),
                .learnt_macs = config_allows_learnt_macs(service->config, subject, request->bridge),
                .count_ports = will_be_asked(service, subject, call, request),
                .connection = sd_bus_message_get_sender(call),
                .defined = config_network(service->config, request->bridge),
        };
}

static int read_request(Service *service, sd_bus_message *call, const CreateForm *form,
                Subject *ret_subject, TapRequest *ret, Client *ret_client, Failure *failure) {
        int r = access_subject(service->access, call, ret_subject, failure);

        if (r < 0)
                return r;
        r = form->read(call, manager_capabilities(service->manager)->cpus, ret, failure);
        if (r >= 0 && ret->where == TAP_ON_DEFAULT_NETWORK)
                r = tap_request_set_default(ret, service_default_network(service), failure);
        if (r < 0)
                return r;
        *ret_client = client_of(service, ret_subject, call, ret);
        return r;
}

static int reply_with_tap(Service *service, sd_bus_message *call, const CreateForm *form,
                const Endpoint *endpoint, const FdSet *queues) {
        _cleanup_sd_message_ sd_bus_message *reply = NULL;
        const char *offloads[OFFLOAD_NAMES_MAX + 1];
        char path[ENDPOINT_PATH_SIZE];
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "o", endpoint_path(endpoint, path));
        if (r >= 0)
                r = append_text(reply, endpoint->now.name);
        if (r < 0)
                return r;
        offload_names(endpoint_offloads(endpoint), offloads);
        r = append_names(reply, offloads);
        if (r < 0)
                return r;
        r = form->append(reply, queues);
        if (r < 0)
                return r;
        if (queues->n == 0)
                return sd_bus_message_send(reply);
        return fd_replies_send(service->fd_replies, call, reply,
                        &(SentQueues){ .nonce = endpoint->tag.nonce, .is_new_tap = true });
}

/* What can be made, before anybody is asked; and after the answer, whether it still can. */
static int look(Service *service, sd_bus_message *call, const TapRequest *request,
                const Client *client, Placement *ret, List **ret_blocked_on, Failure *failure) {
        int r = placement_check(service->manager, request, client, ret, ret_blocked_on, failure);
        bool gone = r < 0 &&
                        (failure->kind == FAILURE_NO_SUCH_BRIDGE ||
                                        failure->kind == FAILURE_NOT_A_BRIDGE);

        if (!gone || !access_has_answered(service->access, call))
                return r;
        return failure_set(failure, FAILURE_STALE, ESTALE,
                        "The bridge \"%s\" was renamed or deleted while the question was open. ListBridges (vnicctl bridges) tells which there are now.",
                        request->bridge);
}

static int create_tap(
                Service *service, sd_bus_message *call, const CreateForm *form, Failure *failure) {
        FdSet queues = FDSET_INIT;
        Endpoint *endpoint;
        TapRequest request;
        AccessRequest access;
        List *blocked_on;
        Subject subject;
        Client client;
        Placement place;
        int r;

        /* Read. That a reply is wanted, without which the queues would have nowhere to go, access
         * has seen to. */
        r = read_request(service, call, form, &subject, &request, &client, failure);
        if (r < 0)
                return r;

        /* Refuse: nobody is asked for a password for what cannot succeed. */
        r = look(service, call, &request, &client, &place, &blocked_on, failure);
        if (r < 0)
                return r;
        if (r == PLACEMENT_BLOCKED)
                return wait_retry(service, call, blocked_on);

        /* Authorise. */
        access = access_of(&request, &client, &place);
        r = access_check(service->access, call, &subject, &access, failure);
        if (r <= 0)
                return r;

        /* Act. */
        r = manager_create_tap(
                        service->manager, &request, &client, &place, &queues, &endpoint, failure);
        if (r < 0)
                return r;

        /* Reply: after it only the client holds the tap. They are not kept waiting for the others'
         * news. */
        r = reply_with_tap(service, call, form, endpoint, &queues);
        manager_announce(service->manager, endpoint);
        if (r < 0)
                manager_take_back(service->manager, endpoint);
        manager_close_queues(service->manager, client.uid, endpoint->tag.nonce, &queues);
        return r;
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

static int reply_with_answer(sd_bus_message *call, AccessAnswer answer) {
        if (answer == ACCESS_YES)
                return sd_bus_reply_method_return(call, "ss", "yes", "You may create this tap.");
        if (answer == ACCESS_CHALLENGE)
                return sd_bus_reply_method_return(call, "ss", "challenge",
                                "An administrator would be asked whether you may create this tap.");
        if (answer == ACCESS_NOT_CONFIGURED)
                return sd_bus_reply_method_return(call, "ss", "no",
                                "The configuration of vnicd does not allow this bridge to you.");
        return sd_bus_reply_method_return(call, "ss", "no",
                        "You are not allowed to create this tap. An administrator can allow it by a polkit rule.");
}

/* What CreateTap would refuse is an answer here, unless it is the question itself that is wrong. */
static int reply_with_refusal(sd_bus_message *call, const Failure *failure, int r) {
        switch ((int)failure->kind) {
        case FAILURE_QUOTA_EXCEEDED:
                return sd_bus_reply_method_return(call, "ss", "quota", failure->text);
        case FAILURE_NO_SUCH_BRIDGE:
        case FAILURE_NOT_A_BRIDGE:
        case FAILURE_NO_SUCH_NETWORK:
        case FAILURE_NAME_TAKEN:
        case FAILURE_MAC_IN_USE:
        case FAILURE_BRIDGE_FULL:
        case FAILURE_NOT_SUPPORTED:
        case FAILURE_STALE:
                return sd_bus_reply_method_return(call, "ss", "no", failure->text);
        case FAILURE_KERNEL:
                if (r == -EAGAIN)
                        return sd_bus_reply_method_return(call, "ss", "no", failure->text);
                return r;
        default:
                return r;
        }
}

/* A refusal is in *failure. */
static int tell_whether(Service *service, sd_bus_message *call, const Subject *subject,
                const TapRequest *request, const Client *client, Failure *failure) {
        AccessRequest access;
        AccessAnswer answer;
        List *blocked_on;
        Placement place;
        int r;

        r = placement_check(service->manager, request, client, &place, &blocked_on, failure);
        if (r < 0)
                return r;
        /* It waits as CreateTap would: only then is the answer the one that CreateTap would give.
         */
        if (r == PLACEMENT_BLOCKED)
                return wait_retry(service, call, blocked_on);

        access = access_of(request, client, &place);
        r = access_query(service->access, call, subject, &access, &answer, failure);
        return r <= 0 ? r : reply_with_answer(call, answer);
}

static int can_create_tap(Service *service, sd_bus_message *call, Failure *failure) {
        TapRequest request;
        Subject subject;
        Client client;
        int r;

        r = read_request(service, call, &create_form, &subject, &request, &client, failure);
        if (r < 0)
                return reply_with_refusal(call, failure, r);
        client.count_ports = true;
        r = tell_whether(service, call, &subject, &request, &client, failure);
        /* Nothing was made, and nobody was asked: it may look again at what has changed meanwhile.
         */
        if (r < 0 && failure->kind == FAILURE_STALE && access_ask_again(service->access, call))
                r = tell_whether(service, call, &subject, &request, &client, failure);
        return r < 0 ? reply_with_refusal(call, failure, r) : r;
}

int can_create_tap_method(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        int r = can_create_tap(userdata, call, &failure);

        return error_answer(error, &failure, r);
}
