/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "access/audit.h"
#include "access/policy.h"
#include "api/network-interface.h"
#include "api/reload.h"
#include "bus/message-size.h"
#include "common/clock.h"

#define DRAIN_USEC 1000

GateMatter gate_matter_of(const Endpoint *endpoint) {
        return (GateMatter){
                .endpoint = endpoint,
                .owner = endpoint->tag.uid,
                .persistent = endpoint->tag.persistent,
                .stamp = endpoint->tag.nonce,
        };
}

/* A call before the gate. */
typedef struct Visit {
        Service *service;
        sd_bus_message *call;
        const Subject *subject;
        const GateMatter *matter;
        const GateRow *row;
        Failure *failure;
} Visit;

/* The verdict over all demands, and the demand that it is due to (NULL: none applies). */
typedef struct Decision {
        PolkitVerdict verdict;
        const GateDemand *demand;
        bool by_configuration;
} Decision;

/* What the configuration says of the caller, and a deny also if it is of whom the endpoint is to be
 * for: of him only his own section counts, since his groups are not known. */
static BridgeAccess configured(const Visit *visit, const GateDemand *demand) {
        const Config *config = reload_config(visit->service->reload);
        const Subject owner = { .uid = visit->matter->owner };
        const char *bridge = visit->matter->bridge;

        if (!demand->configurable)
                return BRIDGE_ASK;
        if (owner.uid != visit->subject->uid &&
                        config_bridge_access(config, &owner, bridge) == BRIDGE_DENIED)
                return BRIDGE_DENIED;
        return config_bridge_access(config, visit->subject, bridge);
}

static bool applies(const Visit *visit, const GateDemand *demand) {
        return demand->applies(visit->subject, visit->matter);
}

/* 1: there is a verdict. 0: it will come. */
static int ask(const Visit *visit, const GateDemand *demand, PolkitVerdict *ret) {
        AuthorityQuestion question =
                        gate_question(demand, visit->matter, visit->row->way == WAY_DEMANDS);

        if (configured(visit, demand) == BRIDGE_GRANTED) {
                *ret = POLKIT_YES;
                return 1;
        }
        return authority_ask(visit->service->authority, visit->call, visit->subject->uid, &question,
                        ret, visit->failure);
}

/* Whom the configuration denies one demand is not asked about any. */
static bool is_denied(const Visit *visit, Decision *ret) {
        for (size_t i = 0; i < DEMANDS_MAX && visit->row->demands[i]; i++) {
                const GateDemand *demand = visit->row->demands[i];

                if (!applies(visit, demand) || configured(visit, demand) != BRIDGE_DENIED)
                        continue;
                *ret = (Decision){ POLKIT_DENIED, demand, true };
                return true;
        }
        return false;
}

/* All that have to be asked are asked in one run, side by side; the worst verdict is that of all.
 */
static int decide(const Visit *visit, Decision *ret) {
        Decision worst = { .verdict = POLKIT_YES };
        bool root = visit->subject->uid == 0, pending = false;

        if (!root && is_denied(visit, ret))
                return 1;
        for (size_t i = 0; i < DEMANDS_MAX && visit->row->demands[i]; i++) {
                const GateDemand *demand = visit->row->demands[i];
                PolkitVerdict verdict = POLKIT_YES;
                int r;

                if (!applies(visit, demand))
                        continue;
                r = root ? 1 : ask(visit, demand, &verdict);
                if (r < 0)
                        return r;
                pending = pending || r == 0;
                if (r > 0 && (!worst.demand || verdict < worst.verdict))
                        worst = (Decision){ .verdict = verdict, .demand = demand };
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

static int refuse(const Visit *visit, const Decision *decision) {
        AuthorityQuestion question = gate_question(decision->demand, visit->matter, true);

        if (decision->demand->refusal) {
                const Failure *refusal = decision->demand->refusal(visit->matter);

                return failure_set(visit->failure, refusal->kind, EADDRINUSE, "%s", refusal->text);
        }
        if (decision->by_configuration)
                return failure_set(visit->failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The configuration of vnicd does not allow the bridge \"%s\" to %s. Use another, or have an administrator change it; see vnicd.conf(5).",
                                visit->matter->bridge,
                                visit->matter->owner == visit->subject->uid
                                                ? "you"
                                                : "you, or to whom it is to be for");
        return authority_refuse(visit->call, &question, decision->verdict, visit->failure);
}

static void record(const Visit *visit, const char *action, const char *refusal) {
        const AuditDecision decision = {
                .uid = visit->subject->uid,
                .sender = sd_bus_message_get_sender(visit->call),
                .action = action,
                .bridge = visit->matter->bridge,
                .endpoint = visit->matter->endpoint,
                .refusal = refusal,
        };

        audit_decision(visit->service->audit, &decision);
}

/* A grant is of all that was needed. */
static void record_grant(const Visit *visit) {
        char actions[DEMANDS_MAX * 40] = "";
        size_t n = 0;

        for (size_t i = 0; i < DEMANDS_MAX && visit->row->demands[i]; i++)
                if (applies(visit, visit->row->demands[i]) && n < sizeof(actions))
                        n += (size_t)snprintf(actions + n, sizeof(actions) - n, "%s%s",
                                        n > 0 ? " " : "", visit->row->demands[i]->action);
        record(visit, actions, NULL);
}

/* Whoever reads a queue reads the guest's traffic, so the tap must be the caller's own: a creator
 * who made it for somebody else gets none. The uid alone is not enough where the tap lives by its
 * queues, because sandboxed programs of one user share it. Root gets none either; root can read
 * traffic without us. */
static int pass_holder(const Visit *visit) {
        const char *caller = sd_bus_message_get_sender(visit->call);
        const char *creator = visit->matter->endpoint->creator;
        const bool is_owner = visit->matter->owner == visit->subject->uid;

        if (is_owner && visit->matter->persistent)
                return 1;
        if (is_owner && caller && creator && strcmp(creator, caller) == 0)
                return 1;
        record(visit, NULL, "it is for its holder");
        return failure_set(visit->failure, FAILURE_ACCESS_DENIED, EACCES,
                        "Only the owner of a tap may open further queues of it: from the connection that created it, or from any if the tap is persistent.");
}

static int pass_demands(const Visit *visit) {
        Decision decision;
        int r = decide(visit, &decision);

        if (r <= 0)
                return r;
        if (decision.verdict == POLKIT_YES) {
                if (decision.demand)
                        record_grant(visit);
                return 1;
        }
        record(visit, decision.demand->action,
                        decision.by_configuration ? "by the configuration"
                                        : decision.verdict == POLKIT_CHALLENGE
                                        ? "an administrator did not allow it"
                                        : "by polkit");
        return refuse(visit, &decision);
}

int gate_pass(Service *service, sd_bus_message *call, const Subject *subject,
                const GateMatter *matter, Failure *failure) {
        const Visit visit = { service, call, subject, matter, gate_find_row(call), failure };

        if (visit.row && visit.row->way == WAY_HOLDER)
                return pass_holder(&visit);
        if (visit.row && visit.row->way == WAY_DEMANDS)
                return pass_demands(&visit);
        return refuse_all(failure);
}

int gate_tell(Service *service, sd_bus_message *call, const Subject *subject,
                const GateMatter *matter, GateAnswer *ret, Failure *failure) {
        const Visit visit = { service, call, subject, matter, gate_find_row(call), failure };
        Decision decision;
        int r;

        if (!visit.row || visit.row->way != WAY_TOLD)
                return refuse_all(failure);
        r = decide(&visit, &decision);
        if (r <= 0)
                return r;
        if (decision.demand && decision.demand->refusal && decision.verdict != POLKIT_YES)
                return refuse(&visit, &decision);
        *ret = decision.by_configuration                       ? GATE_NOT_CONFIGURED
                        : decision.verdict == POLKIT_YES       ? GATE_YES
                        : decision.verdict == POLKIT_CHALLENGE ? GATE_CHALLENGE
                                                               : GATE_NO;
        return 1;
}

/* What is not in the table does not exist, whatever a vtable says. The client's own words are not
 * repeated. */
static int refuse_unknown(const Service *service, sd_bus_message *call, Failure *failure) {
        const char *interface = sd_bus_message_get_interface(call);

        if (!service_has_object(service, sd_bus_message_get_path(call)))
                return failure_set(failure, FAILURE_UNKNOWN_OBJECT, ENOENT,
                                "There is no object of this path. GetManagedObjects tells which there are.");
        if (interface && !gate_knows_interface(interface))
                return failure_set(failure, FAILURE_UNKNOWN_INTERFACE, ENOENT,
                                "The object has no interface of this name. See org.vnicd1(5) for those there are.");
        return failure_set(failure, FAILURE_UNKNOWN_METHOD, ENOENT,
                        interface ? "The interface has no method of this name. See org.vnicd1(5) for those there are."
                                  : "A call has to name the interface of its method. See org.vnicd1(5) for those there are.");
}

static int refuse_signature(const GateRow *row, Failure *failure) {
        if (*row->signature == '\0')
                return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                                "The method %s takes no arguments, and the call has some.",
                                row->member);
        return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                        "The arguments of %s have the D-Bus signature \"%s\"; those of the call have another.",
                        row->member, row->signature);
}

/* Whether a call is answered from what lies in memory: then its caller needs no turn. A network's
 * ports and the settings of its bridge are asked of the kernel. */
static bool is_cheap(const GateRow *row, sd_bus_message *call) {
        return row->way == WAY_ANYBODY && !network_is_path(sd_bus_message_get_path(call));
}

/* Sees each message before its handler does, before authority's filter, which was there before, and
 * before sd-bus answers by itself. What can be refused without a look at the body, or at who calls,
 * is refused here: a stranger's call is to cost no more than reading its header. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Service *service = userdata;
        Failure failure = FAILURE_INIT;
        const GateRow *row;
        int r;

        if (!sd_bus_message_is_method_call(message, NULL, NULL))
                return 0;
        row = gate_find_row(message);
        service->refused = true;
        if ((!row || row->effect == EFFECT_ANSWER) && !sd_bus_message_get_expect_reply(message))
                return 1;
        if (!row)
                return error_answer(error, &failure, refuse_unknown(service, message, &failure));
        if (!sd_bus_message_has_signature(message, row->signature))
                return error_answer(error, &failure, refuse_signature(row, &failure));
        service->refused = false;
        if (is_cheap(row, message)) {
                r = message_check_size(message, &failure);
                return r < 0 ? error_answer(error, &failure, r) : 0;
        }
        r = callers_meet(service->callers, message, &failure);
        service->refused = r <= 0; /* or kept: nothing was carried out */
        return r > 0 ? 0 : error_answer(error, &failure, r);
}

/* After each round of the loop. Others wait for it no longer than for one call that is carried out.
 */
static int on_round(sd_event_source *source, void *userdata) {
        const uint64_t end = clock_now_usec() + DRAIN_USEC;
        Service *service = userdata;

        while (service->refused && clock_now_usec() < end) {
                service->refused = false;
                if (sd_bus_process(service->bus, NULL) <= 0)
                        break;
        }
        return 0;
}

int gate_close(Service *service) {
        int r = sd_event_add_post(
                        sd_bus_get_event(service->bus), &service->drain, on_round, service);

        return r < 0 ? r : sd_bus_add_filter(service->bus, &service->gate, on_message, service);
}

void gate_done(Service *service) {
        sd_event_source_disable_unref(service->drain);
        sd_bus_slot_unref(service->gate);
}
