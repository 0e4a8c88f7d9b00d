/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In step with the kernel. There is one way for an endpoint to leave, whoever took it away and why:
 * the kernel says that the link is gone (RTM_DELLINK, or a dump without it).
 */
#include <errno.h>

#include "model/manager-private.h"
#include "util/cleanup.h"
#include "util/log.h"

#define DUMP_ATTEMPTS 5

DEFINE_CLEANUP(Endpoint, endpoint_free)

static void forget(Manager *manager, Endpoint *endpoint) {
        if (!endpoint->dying && !endpoint->newborn && manager->observer)
                manager->observer->leaving(endpoint, manager->userdata);
        registry_remove(&manager->registry, endpoint);
        endpoint_tell_watches(endpoint, 0);
        endpoint_free(endpoint);
}

/* A link with our tag that is not known: we were restarted. Who made it is not known any more. */
static int adopt(Manager *manager, const LinkInfo *link, const Tag *tag) {
        _cleanup_(endpoint_freep) Endpoint *endpoint = NULL;
        int r;

        if (registry_by_nonce(&manager->registry, tag->nonce)) {
                log_warning("Left %s alone: it carries the tag of another interface", link->name);
                return 0;
        }
        endpoint = endpoint_new(tag, NULL);
        if (!endpoint)
                return -ENOMEM;
        r = quota_charge(manager->quota, tag->uid, 1, 0, &endpoint->charge);
        if (r < 0)
                return r;
        endpoint_follow(endpoint, link);
        endpoint->offloads = offload_for_header(manager->facts.offloads.mask, tag->vnet_hdr_size);
        endpoint->seen = true;
        r = registry_add(&manager->registry, endpoint);
        if (r < 0)
                return r;
        if (manager->observer)
                manager->observer->appeared(endpoint, manager->userdata);
        (void)TAKE_PTR(endpoint);
        return 0;
}

void manager_follow(Manager *manager, Endpoint *endpoint, const LinkInfo *link) {
        unsigned changes = endpoint_follow(endpoint, link);

        if (changes != 0 && manager->observer)
                manager->observer->changed(endpoint, changes, manager->userdata);
}

static int see(const LinkInfo *link, void *userdata) {
        Manager *manager = userdata;
        Endpoint *endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
        Tag tag;

        if (!endpoint)
                return tag_of_link(link, &tag) < 0 ? 0 : adopt(manager, link, &tag);
        endpoint->seen = true;
        if (!endpoint->dying && !endpoint->newborn)
                manager_follow(manager, endpoint, link);
        return 0;
}

void manager_follow_event(const LinkInfo *link, bool gone, void *userdata) {
        Manager *manager = userdata;
        Endpoint *endpoint;

        if (!gone) {
                if (see(link, manager) < 0)
                        log_error("Out of memory: %s is not shown until the next start",
                                        link->name);
                return;
        }
        endpoint = registry_by_ifindex(&manager->registry, link->ifindex);
        if (endpoint)
                forget(manager, endpoint);
}

int manager_resync(void *userdata) {
        Manager *manager = userdata;
        int r = -EINTR;

        LIST_FOREACH(&manager->registry.endpoints, node)
                container_of(node, Endpoint, link)->seen = false;
        /* A dump that was overtaken by changes is taken again; what it showed was true
         * nevertheless. */
        for (unsigned i = 0; i < DUMP_ATTEMPTS && r == -EINTR; i++)
                r = link_dump(manager->netlink, see, manager, NULL);
        if (r < 0)
                return r;
        LIST_FOREACH_SAFE(&manager->registry.endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, link);

                if (!endpoint->seen)
                        forget(manager, endpoint);
        }
        return 0;
}
