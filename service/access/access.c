/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/audit.h"
#include "bus/bus-cleanup.h"
#include "bus/message-size.h"
#include "common/bus-error.h"
#include "common/clock.h"
#include "common/log.h"

#define DRAIN_USEC 1000

/* Before the next message from the bus (SD_EVENT_PRIORITY_NORMAL). */
#define AFTER_HANDLER_PRIORITY (SD_EVENT_PRIORITY_NORMAL - 10)

DEFINE_CLEANUP(Access, access_free)

struct Access {
        sd_bus *bus;
        Users *users;
        Calls *calls;
        sd_bus_slot *filter;
        sd_event_source *after_handler;
        bool refused;       /* the last message ended in the filter */
        bool misses_groups; /* it was said that the bus does not tell them */
        const AccessHost *host;
        void *userdata;
};

/* A call whose caller is to be checked. */
typedef struct AccessContext {
        Access *access;
        Call *call;
        const Subject *subject;
        const AccessRequest *request;
        Failure *failure;
} AccessContext;

/* The verdict over all demands, and the requirement that it is due to (NULL: none applies). */
typedef struct Decision {
        PolkitVerdict verdict;
        const Requirement *requirement;
        bool by_configuration;
} Decision;

static const Config *config_of(const Access *access) {
        return access->host->config(access->userdata);
}

/* Returns what the configuration says of the caller. A denial of the user who is to own the
 * endpoint counts as well; of that user only their own section counts, since their groups are not
 * known. */
static BridgeAccess configured(const AccessContext *context, const Requirement *requirement) {
        const Config *config = config_of(context->access);
        const Subject owner = { .uid = context->request->owner };
        const char *bridge = context->request->bridge;

        if (!requirement->configurable)
                return BRIDGE_ASK;
        if (owner.uid != context->subject->uid &&
                        config_bridge_access(config, &owner, bridge) == BRIDGE_DENIED)
                return BRIDGE_DENIED;
        return config_bridge_access(config, context->subject, bridge);
}

static bool applies(const AccessContext *context, const Requirement *requirement) {
        return requirement->applies(context->subject, context->request);
}

/* 1: there is a verdict. 0: it will come. */
static int ask(const AccessContext *context, const Requirement *requirement, PolkitVerdict *ret) {
        AuthorizationQuestion question = policy_question(requirement, context->request,
                        context->call->row->policy == POLICY_AUTHORIZE);

        if (configured(context, requirement) == BRIDGE_GRANTED) {
                *ret = POLKIT_YES;
                return 1;
        }
        return authorization_ask(&context->call->authorization, &question, ret, context->failure);
}

/* If the configuration denies any requirement, polkit is not consulted at all. */
static bool is_denied(const AccessContext *context, Decision *ret) {
        for (size_t i = 0; i < REQUIREMENTS_MAX && context->call->row->requirements[i]; i++) {
                const Requirement *requirement = context->call->row->requirements[i];

                if (!applies(context, requirement) ||
                                configured(context, requirement) != BRIDGE_DENIED)
                        continue;
                *ret = (Decision){ POLKIT_DENIED, requirement, true };
                return true;
        }
        return false;
}

/* All that have to be asked are asked in one run, side by side; the worst verdict is that of all.
 * Root is not asked about. */
static int decide(const AccessContext *context, Decision *ret) {
        Decision worst = { .verdict = POLKIT_YES };
        bool root = context->subject->uid == 0, pending = false;

        if (!root && is_denied(context, ret))
                return 1;
        for (size_t i = 0; i < REQUIREMENTS_MAX && context->call->row->requirements[i]; i++) {
                const Requirement *requirement = context->call->row->requirements[i];
                PolkitVerdict verdict = POLKIT_YES;
                int r;

                if (!applies(context, requirement))
                        continue;
                r = root ? 1 : ask(context, requirement, &verdict);
                if (r < 0)
                        return r;
                pending = pending || r == 0;
                if (r > 0 && (!worst.requirement || verdict < worst.verdict))
                        worst = (Decision){ .verdict = verdict, .requirement = requirement };
        }
        if (pending)
                return 0;
        *ret = worst;
        return 1;
}

/* A handler asked about a method that its row does not let it ask about. */
static int refuse_all(Failure *failure) {
        return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES,
                        "This cannot be called. See org.vnicd1(5) for what can.");
}

static int refuse(const AccessContext *context, const Decision *decision) {
        AuthorizationQuestion question =
                        policy_question(decision->requirement, context->request, true);

        if (decision->requirement->refusal) {
                const Failure *refusal = decision->requirement->refusal(context->request);

                return failure_set(
                                context->failure, refusal->kind, EADDRINUSE, "%s", refusal->text);
        }
        if (decision->by_configuration)
                return failure_set(context->failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The configuration of vnicd does not allow the bridge \"%s\" to %s. Use another, or have an administrator change it; see vnicd.conf(5).",
                                context->request->bridge,
                                context->request->owner == context->subject->uid
                                                ? "you"
                                                : "you, or to whom it is to be for");
        return authorization_refuse(&context->call->authorization, &question, decision->verdict,
                        context->failure);
}

static void record(const AccessContext *context, const char *action, const char *refusal) {
        const AuditDecision decision = {
                .uid = context->subject->uid,
                .sender = context->call->caller->name,
                .action = action,
                .bridge = context->request->bridge,
                .endpoint = context->request->endpoint,
                .refusal = refusal,
        };

        audit_decision(context->access->users, &decision);
}

/* A grant is of all that was needed. */
static void record_grant(const AccessContext *context) {
        char actions[REQUIREMENTS_MAX * 40] = "";
        size_t n = 0;

        for (size_t i = 0; i < REQUIREMENTS_MAX && context->call->row->requirements[i]; i++)
                if (applies(context, context->call->row->requirements[i]) && n < sizeof(actions))
                        n += (size_t)snprintf(actions + n, sizeof(actions) - n, "%s%s",
                                        n > 0 ? " " : "",
                                        context->call->row->requirements[i]->action);
        record(context, actions, NULL);
}

/* Whoever reads a queue reads the guest's traffic, so the tap must be the caller's own: a creator
 * who made it for somebody else gets none. The uid alone is not enough where the tap lives by its
 * queues, because sandboxed programs of one user share it. Root gets none either; root can read
 * traffic without us. */
static int check_owner(const AccessContext *context) {
        const char *caller = context->call->caller->name;
        const char *creator = context->request->creator;
        const bool is_owner = context->request->owner == context->subject->uid;

        if (is_owner && context->request->persistent)
                return 1;
        if (is_owner && creator && strcmp(creator, caller) == 0)
                return 1;
        record(context, NULL, "it is for its holder");
        return failure_set(context->failure, FAILURE_ACCESS_DENIED, EACCES,
                        "Only the owner of a tap may open further queues of it: from the connection that created it, or from any if the tap is persistent.");
}

static int check_requirements(const AccessContext *context) {
        Decision decision;
        int r = decide(context, &decision);

        if (r <= 0)
                return r;
        if (decision.verdict == POLKIT_YES) {
                if (decision.requirement)
                        record_grant(context);
                return 1;
        }
        record(context, decision.requirement->action,
                        decision.by_configuration ? "by the configuration"
                                        : decision.verdict == POLKIT_CHALLENGE
                                        ? "an administrator did not allow it"
                                        : "by polkit");
        return refuse(context, &decision);
}

int access_check(Access *access, Call *call, const AccessRequest *request, Failure *failure) {
        const AccessContext context = { access, call, call_subject(call), request, failure };

        if (call->row->policy == POLICY_HANDLE_OWNER)
                return check_owner(&context);
        if (call->row->policy == POLICY_AUTHORIZE)
                return check_requirements(&context);
        return refuse_all(failure);
}

int access_query(Access *access, Call *call, const AccessRequest *request, AccessAnswer *ret,
                Failure *failure) {
        const AccessContext context = { access, call, call_subject(call), request, failure };
        Decision decision;
        int r;

        if (call->row->policy != POLICY_DRY_RUN)
                return refuse_all(failure);
        r = decide(&context, &decision);
        if (r <= 0)
                return r;
        if (decision.requirement && decision.requirement->refusal && decision.verdict != POLKIT_YES)
                return refuse(&context, &decision);
        *ret = decision.by_configuration                         ? ACCESS_NOT_CONFIGURED
                        : decision.verdict == POLKIT_UNAVAILABLE ? ACCESS_UNAVAILABLE
                        : decision.verdict == POLKIT_YES         ? ACCESS_YES
                        : decision.verdict == POLKIT_CHALLENGE   ? ACCESS_CHALLENGE
                                                                 : ACCESS_NO;
        return 1;
}

/* What is not in the table does not exist, whatever a vtable says. The client's own words are not
 * repeated. */
static int refuse_unknown(const Access *access, sd_bus_message *call, Failure *failure) {
        const char *interface = sd_bus_message_get_interface(call);

        if (!access->host->has_object(sd_bus_message_get_path(call), access->userdata))
                return failure_set(failure, FAILURE_UNKNOWN_OBJECT, ENOENT,
                                "There is no object of this path. GetManagedObjects tells which there are.");
        if (interface && !policy_knows_interface(interface))
                return failure_set(failure, FAILURE_UNKNOWN_INTERFACE, ENOENT,
                                "The object has no interface of this name. See org.vnicd1(5) for those there are.");
        return failure_set(failure, FAILURE_UNKNOWN_METHOD, ENOENT,
                        interface ? "The interface has no method of this name. See org.vnicd1(5) for those there are."
                                  : "A call has to name the interface of its method. See org.vnicd1(5) for those there are.");
}

static int refuse_signature(const PolicyRow *row, Failure *failure) {
        if (*row->signature == '\0')
                return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                                "The method %s takes no arguments, and the call has some.",
                                row->member);
        return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                        "The arguments of %s have the D-Bus signature \"%s\"; those of the call have another.",
                        row->member, row->signature);
}

/* sd-bus answers GetMachineId itself, and if the host has no machine ID it ends the connection, and
 * so the service, in place of the call. */
static int check_machine_id(sd_bus_message *call, Failure *failure) {
        sd_id128_t id;
        int r = sd_bus_message_is_method_call(call, NULL, "GetMachineId") > 0
                        ? sd_id128_get_machine(&id)
                        : 0;

        if (r >= 0)
                return 0;
        return failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                        "This host has no machine ID: /etc/machine-id is missing, empty or malformed. See machine-id(5).");
}

/* Whether a call is answered from what lies in memory: then its caller needs no turn. */
static bool is_cheap(const Access *access, const PolicyRow *row, sd_bus_message *call) {
        return row->policy == POLICY_PUBLIC &&
                        !access->host->is_costly(sd_bus_message_get_path(call), access->userdata);
}

/* Sees each message before its handler does, and before sd-bus answers by itself. What can be
 * refused without a look at the body, or at who calls, is refused here: a stranger's call is to
 * cost no more than reading its header. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Access *access = userdata;
        Failure failure = FAILURE_INIT;
        const PolicyRow *row;
        int r;

        if (!sd_bus_message_is_method_call(message, NULL, NULL))
                return 0;
        row = policy_find(message);
        access->refused = true;
        if ((!row || row->effect == EFFECT_ANSWER) && !sd_bus_message_get_expect_reply(message))
                return 1;
        if (!row)
                return error_answer(error, &failure, refuse_unknown(access, message, &failure));
        if (!sd_bus_message_has_signature(message, row->signature))
                return error_answer(error, &failure, refuse_signature(row, &failure));
        access->refused = false;
        if (is_cheap(access, row, message)) {
                r = message_check_size(message, &failure);
                if (r >= 0)
                        r = check_machine_id(message, &failure);
                return r < 0 ? error_answer(error, &failure, r) : 0;
        }
        r = calls_enter(access->calls, message, row, &failure);
        access->refused = r <= 0; /* or held: nothing was carried out */
        return r > 0 ? 0 : error_answer(error, &failure, r);
}

/* After each round of the loop, which takes as long as such a message: a bus keeps for us what we
 * do not read, with everybody's calls behind it, so what ended in the filter is followed by the
 * next message in the same round. Others wait for it no longer than for one call that is carried
 * out. */
static int on_round(sd_event_source *source, void *userdata) {
        const uint64_t end = clock_now_usec() + DRAIN_USEC;
        Access *access = userdata;

        calls_after_handler(access->calls);
        while (access->refused && clock_now_usec() < end) {
                access->refused = false;
                if (sd_bus_process(access->bus, NULL) <= 0)
                        break;
                calls_after_handler(access->calls);
        }
        return 0;
}

int access_new(Access **ret, sd_bus *bus, Users *users, const AccessHost *host, void *userdata) {
        _cleanup_(access_freep) Access *access = calloc(1, sizeof(Access));
        int r;

        if (!access)
                return -ENOMEM;
        access->bus = sd_bus_ref(bus);
        access->users = users;
        access->host = host;
        access->userdata = userdata;
        r = calls_new(&access->calls, bus, users);
        if (r >= 0)
                r = sd_event_add_post(
                                sd_bus_get_event(bus), &access->after_handler, on_round, access);
        if (r >= 0)
                r = sd_event_source_set_priority(access->after_handler, AFTER_HANDLER_PRIORITY);
        if (r >= 0)
                r = sd_bus_add_filter(bus, &access->filter, on_message, access);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(access);
        return 0;
}

Access *access_free(Access *access) {
        if (!access)
                return NULL;
        calls_free(access->calls);
        sd_event_source_disable_unref(access->after_handler);
        sd_bus_slot_unref(access->filter);
        sd_bus_unref(access->bus);
        free(access);
        return NULL;
}

int access_call(Access *access, sd_bus_message *message, Call **ret, Failure *failure) {
        Call *call = calls_running(access->calls, message);

        if (!call)
                return refuse_all(failure);
        if (call_subject(call)->groups_unknown && !access->misses_groups &&
                        config_knows_groups(config_of(access))) {
                log_warning("This bus does not tell the groups of callers: what the configuration grants to a group nobody gets, and what it denies to one is denied to everybody but root");
                access->misses_groups = true;
        }
        *ret = call;
        return 0;
}
