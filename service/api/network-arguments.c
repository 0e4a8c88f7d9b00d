/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/network-arguments.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "bus/method-options.h"

static int add_address(void *plan, const char *value, Failure *failure) {
        int r = network_plan_add_address(plan, value);

        if (r == -EEXIST)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"addresses\" has two of the same family. Give one.");
        if (r < 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"addresses\" takes the host's own address on the network with its prefix, such as 10.70.3.1/24 (/8 to /30) or fd70:3::1/64 (/64).");
        return 0;
}

static int set_domain(void *plan, const char *value, Failure *failure) {
        if (!network_domain_is_valid(value))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"domain\" takes at most 32 bytes: labels of a-z, 0-9 and \"-\" with dots between them.");
        snprintf(((NetworkPlan *)plan)->domain, NETWORK_DOMAIN_SIZE, "%s", value);
        return 0;
}

#define AT(member) offsetof(NetworkPlan, member)

static const Option options[] = {
        { "addresses", "as", 0, 0, add_address },
        { "dhcp", "b", AT(dhcp), 0, NULL },
        { "mtu", "u", AT(mtu), 0, NULL },
        { "guests_isolated", "b", AT(guests_isolated), 0, NULL },
        { "reach_lan", "b", AT(reach_lan), 0, NULL },
        { "host_access", "b", AT(host_access), 0, NULL },
        { "guard_addresses", "b", AT(guard_addresses), 0, NULL },
        { "ports_max", "u", AT(ports_max), 0, NULL },
        { "ports_per_user", "u", AT(ports_per_user), 0, NULL },
        { "domain", "s", 0, 0, set_domain },
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

int network_request_read(sd_bus_message *call, NetworkPlan *ret, Failure *failure) {
        NetworkPlan plan = NETWORK_PLAN_INIT;
        const char *name, *kind;
        int r;

        if (sd_bus_message_read(call, "ss", &name, &kind) <= 0)
                return options_refuse(&table, failure);
        r = set_name(&plan, name, failure);
        if (r >= 0 && network_kind_parse(kind, &plan.kind) < 0)
                r = failure_set(failure, FAILURE_INVALID_ARGS, EINVAL,
                                "There is no such kind of network. There are nat and isolated.");
        if (r >= 0)
                r = options_read(call, &table, &plan, failure);
        if (r >= 0)
                r = network_plan_complete(&plan, failure);
        if (r >= 0)
                *ret = plan;
        return r;
}
