/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/network-arguments.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "bus/method-options.h"

static int set_addresses(void *request, const char *value, Failure *failure) {
        int r = network_plan_add_address(&((NetworkRequest *)request)->plan, value);

        if (r == -EEXIST)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"addresses\" has two of the same family. Give one.");
        if (r < 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"addresses\" takes the host's own address on the network with its prefix, such as 10.70.3.1/24 (/8 to /30) or fd70:3::1/64 (/64).");
        return 0;
}

static int set_domain(void *request, const char *value, Failure *failure) {
        if (!network_domain_is_valid(value))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"domain\" takes at most 32 bytes: labels of a-z, 0-9 and \"-\" with dots between them.");
        snprintf(((NetworkRequest *)request)->plan.domain, NETWORK_DOMAIN_SIZE, "%s", value);
        return 0;
}

#define AT(member)                offsetof(NetworkRequest, member)
#define OPTION_flag(member)       { #member, "b", AT(plan.member), 0, NULL },
#define OPTION_number(member)     { #member, "u", AT(plan.member), 0, NULL },
#define OPTION_domain(member)     { #member, "s", 0, 0, set_domain },
#define OPTION_addresses(member)  { #member, "as", 0, 0, set_addresses },
#define OPTION_kind(member)       /* it is an argument of its own */
#define OPTION(type, member, ...) OPTION_##type(member)

static const Option options[] = {
        NETWORK_FIELDS(OPTION){ "interactive", "b", AT(interactive), 0, NULL },
};

static const OptionTable table = {
        .options = options,
        .n = sizeof(options) / sizeof(*options),
        .arguments = "(s name, s kind, a{sv} options)",
};

static int set_name(NetworkPlan *plan, const char *name, Failure *failure) {
        if (!network_name_is_valid(name))
                return failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                                "This cannot be the name of a network: it has 1 to 15 of a-z, 0-9 and \"-\", begins with a letter and does not end with \"-\".");
        snprintf(plan->name, sizeof(plan->name), "%s", name);
        return 0;
}

int network_request_read(sd_bus_message *call, NetworkRequest *ret, Failure *failure) {
        NetworkRequest request = { .plan = NETWORK_PLAN_INIT };
        const char *name, *kind;
        int r;

        if (sd_bus_message_read(call, "ss", &name, &kind) <= 0)
                return options_refuse(&table, failure);
        r = set_name(&request.plan, name, failure);
        if (r >= 0 && network_kind_parse(kind, &request.plan.kind) < 0)
                r = failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                                "There is no such kind of network. There are nat and isolated.");
        if (r >= 0)
                r = options_read(call, &table, &request, failure);
        if (r >= 0)
                r = network_plan_complete(&request.plan, failure);
        if (r >= 0)
                *ret = request;
        return r;
}
