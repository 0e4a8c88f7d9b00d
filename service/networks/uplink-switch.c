/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/uplink-switch.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/device-settings.h"
#include "kernel/forwarding.h"

void uplink_switch_done(UplinkSwitch *devices) {
        device_set_done(&devices->marked);
        devices->listed.n = 0;
}

bool uplinks_contain(const NetworkUplinks *set, int ifindex) {
        for (size_t i = 0; i < set->n; i++)
                if (set->ifindexes[i] == ifindex)
                        return true;
        return false;
}

void uplinks_add(NetworkUplinks *set, int ifindex) {
        if (ifindex > 0 && set->n < NETWORK_UPLINKS_MAX && !uplinks_contain(set, ifindex))
                set->ifindexes[set->n++] = ifindex;
}

static int add_device(int ifindex, void *userdata) {
        return device_set_add(userdata, ifindex);
}

int uplink_switch_find(UplinkSwitch *devices, Netlink *netlink) {
        _cleanup_(device_set_done) DeviceSet on = { .ifindexes = NULL };
        bool all = false;
        int r = -EINTR;

        /* If the host as a whole forwards, so does every device, and none of it is ours. */
        if (forwarding_get(netlink, AF_INET, FORWARDING_ALL, &all, NULL) < 0 || all)
                return 0;
        UNTIL_DUMP_IS_WHOLE(r)
                r = forwarding_each_on(netlink, add_device, &on, NULL);
        for (size_t i = 0; i < on.n && r >= 0; i++) {
                DeviceSettings settings;

                if (device_settings_get(netlink, on.ifindexes[i], &settings, NULL) >= 0 &&
                                settings.mark == UPLINK_MARK)
                        r = device_set_add(&devices->marked, on.ifindexes[i]);
        }
        return r;
}

/* Marks the device, unless somebody else uses its number. */
static int plan_device(UplinkSwitch *plan, Netlink *netlink, int ifindex) {
        DeviceSettings settings;

        if (device_settings_get(netlink, ifindex, &settings, NULL) < 0)
                return 0; /* it is gone */
        if (settings.mark == 0 || settings.mark == UPLINK_MARK)
                return device_set_add(&plan->marked, ifindex);
        uplinks_add(&plan->listed, ifindex);
        return 0;
}

int uplink_switch_plan(const UplinkSwitch *ours, Netlink *netlink, const DeviceSet *lead_out,
                UplinkSwitch *ret, int *ret_undone) {
        int r = 0;

        *ret_undone = 0;
        for (size_t i = 0; i < lead_out->n && r >= 0; i++) {
                const int ifindex = lead_out->ifindexes[i];
                const bool marked = device_set_has(&ours->marked, ifindex);
                const bool is_ours = marked || uplinks_contain(&ours->listed, ifindex);
                bool on;

                if (forwarding_get(netlink, AF_INET, ifindex, &on, NULL) < 0 || (on && !is_ours))
                        continue;
                if (is_ours && !on && *ret_undone == 0)
                        *ret_undone = ifindex;
                r = marked ? device_set_add(&ret->marked, ifindex)
                           : plan_device(ret, netlink, ifindex);
        }
        return r;
}

/* A device that is gone forwards nothing. */
static int unless_gone(int error) {
        return error == -ENODEV ? 0 : error;
}

int uplink_switch_off(const UplinkSwitch *ours, const UplinkSwitch *wanted, Netlink *netlink,
                bool of_others, Failure *failure) {
        int r = 0;

        for (size_t i = 0; i < ours->marked.n && r >= 0; i++) {
                const int ifindex = ours->marked.ifindexes[i];

                if (device_set_has(&wanted->marked, ifindex))
                        continue;
                r = unless_gone(of_others ? forwarding_mark(netlink, ifindex, 0, failure)
                                          : forwarding_set_marked(
                                                            netlink, ifindex, false, 0, failure));
        }
        for (size_t i = 0; i < ours->listed.n && r >= 0 && !of_others; i++) {
                const int ifindex = ours->listed.ifindexes[i];

                if (!uplinks_contain(&wanted->listed, ifindex) &&
                                !device_set_has(&wanted->marked, ifindex))
                        r = unless_gone(forwarding_set(netlink, ifindex, false, failure));
        }
        return r;
}

static bool forwards(Netlink *netlink, int ifindex) {
        bool on;

        return forwarding_get(netlink, AF_INET, ifindex, &on, NULL) >= 0 && on;
}

static bool is_marked(Netlink *netlink, int ifindex) {
        DeviceSettings settings;

        return device_settings_get(netlink, ifindex, &settings, NULL) >= 0 &&
                        settings.mark == UPLINK_MARK;
}

/* What is set already is not set again: each setting is an event for everybody who listens to the
 * host's links. */
int uplink_switch_on(const UplinkSwitch *wanted, Netlink *netlink, Failure *failure) {
        int r = 0;

        for (size_t i = 0; i < wanted->marked.n && r >= 0; i++) {
                const int ifindex = wanted->marked.ifindexes[i];

                if (!forwards(netlink, ifindex) || !is_marked(netlink, ifindex))
                        r = unless_gone(forwarding_set_marked(
                                        netlink, ifindex, true, UPLINK_MARK, failure));
        }
        for (size_t i = 0; i < wanted->listed.n && r >= 0; i++) {
                const int ifindex = wanted->listed.ifindexes[i];

                if (!forwards(netlink, ifindex))
                        r = unless_gone(forwarding_set(netlink, ifindex, true, failure));
        }
        return r;
}
