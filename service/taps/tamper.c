/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/tamper.h"

#define SEC UINT64_C(1000000)

#define MAC_IS_FORGIVEN_AFTER (60 * SEC)

/* QEMU with 16 queues causes some 150 events when it starts, and a few with each reset of its
 * guest. */
#define EVENTS_AT_ONCE 2000
#define EVENTS_PER_SEC 100

bool tamper_count_event(TamperState *tamper, uint64_t now_usec) {
        const uint64_t share = SEC / EVENTS_PER_SEC;
        bool too_many = !rate_limit_has_room(
                        &tamper->events, now_usec, share, EVENTS_AT_ONCE * share);

        rate_limit_spend(&tamper->events, now_usec, share);
        return too_many;
}

TamperAction tamper_check(TamperState *tamper, const Tag *tag, const LinkInfo *link,
                uint64_t now_usec, const char **ret_why) {
        const unsigned queues = link_tun_queues(&link->tun);
        const Mac host_mac = mac_of_host_side(&tag->guest_mac);
        uint64_t last = tamper->mac_restored_at;

        if (queues > tag->queues) {
                *ret_why = "somebody opened a queue that was not given to anybody";
                return TAMPER_ACTION_TAMPERED;
        }
        /* One that is not persistent and has no queue is already going. */
        if (!tag->persistent && link->tun.persistent && queues == 0) {
                *ret_why = "its holder had made it persistent, and closed its last queue";
                return TAMPER_ACTION_LEFT_BEHIND;
        }
        if (mac_equal(&link->mac, &host_mac))
                return TAMPER_ACTION_FINE;
        if (last > 0 && now_usec - last < MAC_IS_FORGIVEN_AFTER) {
                *ret_why = "its MAC address was changed twice within a minute";
                return TAMPER_ACTION_TAMPERED;
        }
        *ret_why = "its MAC address was changed";
        tamper->mac_restored_at = now_usec;
        return TAMPER_ACTION_RESTORE_MAC;
}
