/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bridges of the host, from one dump of all links: the one question whose cost grows with what
 * is there, because it asks for just that.
 */
#include "taps/bridge-list.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "common/cleanup.h"
#include "networks/lease-end.h"
#include "taps/bridge-ports.h"
#include "taps/manager-private.h"

/* A link may be seen before its bridge: then the bridge is only a number yet. */
typedef struct BridgeEntry {
        List link;
        LinkInfo bridge; /* name "" until seen */
        BridgePorts ports;
} BridgeEntry;

typedef struct BridgeList {
        Manager *manager;
        List entries; /* BridgeEntry.link */
        void *by_ifindex;
} BridgeList;

static int compare_ifindex(const void *a, const void *b) {
        const BridgeEntry *x = a, *y = b;

        return (x->bridge.ifindex > y->bridge.ifindex) - (x->bridge.ifindex < y->bridge.ifindex);
}

static void forget_all(BridgeList *list) {
        LIST_FOREACH_SAFE(&list->entries, node) {
                BridgeEntry *entry = container_of(node, BridgeEntry, link);

                tdelete(entry, &list->by_ifindex, compare_ifindex);
                list_unlink(&entry->link);
                free(entry);
        }
}

static BridgeEntry *entry_of(BridgeList *list, int ifindex) {
        _cleanup_free_ BridgeEntry *entry = calloc(1, sizeof(BridgeEntry));
        BridgeEntry **found;

        if (!entry)
                return NULL;
        entry->bridge.ifindex = ifindex;
        found = tsearch(entry, &list->by_ifindex, compare_ifindex);
        if (!found || *found != entry)
                return found ? *found : NULL;
        list_append(&list->entries, &entry->link);
        return TAKE_PTR(entry);
}

static int count_link(const LinkInfo *link, void *userdata) {
        BridgeList *list = userdata;
        BridgeEntry *entry;

        if (strcmp(link->kind, "bridge") == 0) {
                entry = entry_of(list, link->ifindex);
                if (!entry)
                        return -ENOMEM;
                entry->bridge = *link;
        }
        if (link->master > 0 && !lease_end_is_port(link)) {
                entry = entry_of(list, link->master);
                if (!entry)
                        return -ENOMEM;
                entry->ports.all++;
                entry->ports.foreign += !manager_is_own_port(list->manager, link);
        }
        return 0;
}

int manager_list_bridges(
                Manager *manager, manager_bridge_t each, void *userdata, Failure *failure) {
        _cleanup_(forget_all) BridgeList list = { .manager = manager };
        int r = -EINTR;

        list_init(&list.entries);
        UNTIL_DUMP_IS_WHOLE(r) {
                forget_all(&list);
                r = link_dump(manager->netlink, count_link, &list, failure);
        }
        LIST_FOREACH(&list.entries, node) {
                const BridgeEntry *entry = container_of(node, BridgeEntry, link);

                if (r >= 0 && *entry->bridge.name)
                        r = each(&entry->bridge, &entry->ports, userdata);
        }
        return r;
}
