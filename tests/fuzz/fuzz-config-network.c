/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The file of a network: it is refused with a sentence that names the place, or gives a complete
 * plan whose every value can be written again.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/config-network.h"
#include "fuzz.h"

static void check_failure(const Failure *failure, int error) {
        size_t n = strlen(failure->text);

        if (error == -ENOMEM)
                return;
        if (error != -EINVAL || failure->kind != FAILURE_INVALID_CONFIGURATION)
                abort();
        if (strncmp(failure->text, "net.conf:", 9) != 0 || failure->text[n - 1] != '.')
                abort();
        for (size_t i = 0; i < n; i++)
                if (failure->text[i] < ' ' || failure->text[i] > '~')
                        abort();
}

static void check_plan(const NetworkPlan *plan) {
        char v4[NETWORK_ADDRESS_SIZE], v6[NETWORK_ADDRESS_SIZE];
        NetworkPlan again = *plan;

        if (network_plan_complete(&again, NULL) < 0 || !network_domain_is_valid(plan->domain))
                abort();
        again.v4_prefix = again.v6_prefix = 0;
        network_plan_v4(plan, v4);
        network_plan_v6(plan, v6);
        if (*v4 && network_plan_add_address(&again, v4) < 0)
                abort();
        if (*v6 && network_plan_add_address(&again, v6) < 0)
                abort();
        if (again.v4.s_addr != plan->v4.s_addr || again.v4_prefix != plan->v4_prefix ||
                        memcmp(&again.v6, &plan->v6, sizeof(again.v6)) != 0)
                abort();
}

static void check_hosts(const NetworkPlan *plan, const NetworkHosts *hosts) {
        for (size_t i = 0; i < hosts->n; i++) {
                const NetworkHost *host = &hosts->hosts[i];

                if (!plan->dhcp || !network_plan_has_room_at(plan, host->address) ||
                                host->address.s_addr == plan->v4.s_addr ||
                                !mac_is_usable(&host->mac))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(size + 1);
        Failure failure = FAILURE_INIT;
        NetworkHosts hosts = { NULL, 0 };
        NetworkPlan plan;
        int r;

        if (!text)
                return 0;
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        r = config_network_parse("net.conf", "net.conf", text, size, &plan, &hosts, &failure);
        if (r < 0)
                check_failure(&failure, r);
        else
                check_plan(&plan);
        check_hosts(&plan, &hosts);
        free(hosts.hosts);
        return 0;
}
