/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/endpoint.h"

#include <string.h>

#include "util/cleanup.h"

DEFINE_CLEANUP(Endpoint, endpoint_free)

Endpoint *endpoint_new(const Tag *tag, const char *creator) {
        _cleanup_(endpoint_freep) Endpoint *endpoint = calloc(1, sizeof(Endpoint));

        if (!endpoint)
                return NULL;
        list_init(&endpoint->link);
        list_init(&endpoint->watches);
        list_init(&endpoint->changed);
        endpoint->tag = *tag;
        if (creator) {
                endpoint->creator = strdup(creator);
                if (!endpoint->creator)
                        return NULL;
        }
        return TAKE_PTR(endpoint);
}

Endpoint *endpoint_free(Endpoint *endpoint) {
        if (!endpoint)
                return NULL;
        list_unlink(&endpoint->link);
        list_unlink(&endpoint->changed);
        offload_watch_end(&endpoint->offload_state);
        charge_done(&endpoint->charge);
        free(endpoint->creator);
        free(endpoint);
        return NULL;
}

bool endpoint_is_active(const Endpoint *endpoint) {
        return endpoint->now.tun.queues > 0;
}

bool endpoint_has_anti_spoof(const Endpoint *endpoint) {
        return endpoint->now.master > 0 && endpoint->now.port.locked &&
                        !endpoint->now.port.learning;
}

static bool ports_equal(const LinkPort *a, const LinkPort *b) {
        return a->isolated == b->isolated && a->locked == b->locked && a->learning == b->learning;
}

unsigned endpoint_follow(Endpoint *endpoint, const LinkInfo *link) {
        const LinkInfo before = endpoint->now;
        unsigned changes = 0;

        endpoint->now = *link;
        charge_set_queues(&endpoint->charge, link->tun.queues + link->tun.queues_disabled);

        if (strcmp(before.name, link->name) != 0)
                changes |= ENDPOINT_CHANGED_NAME;
        if (before.master != link->master)
                changes |= ENDPOINT_CHANGED_BRIDGE;
        if (!mac_equal(&before.mac, &link->mac))
                changes |= ENDPOINT_CHANGED_MAC;
        if (before.mtu != link->mtu)
                changes |= ENDPOINT_CHANGED_MTU;
        if (!ports_equal(&before.port, &link->port) || before.master != link->master)
                changes |= ENDPOINT_CHANGED_PORT;
        if ((before.tun.queues > 0) != (link->tun.queues > 0))
                changes |= ENDPOINT_CHANGED_STATE;
        if (before.tun.queues != link->tun.queues)
                changes |= ENDPOINT_CHANGED_QUEUES;
        if (before.tun.queues_disabled != link->tun.queues_disabled)
                changes |= ENDPOINT_CHANGED_QUEUES_DISABLED;
        return changes;
}

void endpoint_watch(Endpoint *endpoint, GoneWatch *watch) {
        list_append(&endpoint->watches, &watch->link);
}

void endpoint_tell_watches(Endpoint *endpoint, int error) {
        while (!list_is_empty(&endpoint->watches)) {
                GoneWatch *watch = container_of(endpoint->watches.next, GoneWatch, link);

                list_unlink(&watch->link);
                watch->gone(watch, error);
        }
}
