/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/registry.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

static int compare(uint64_t a, uint64_t b) {
        return a < b ? -1 : a > b;
}

static int compare_ifindex(const void *a, const void *b) {
        const Endpoint *x = a, *y = b;

        return compare((uint64_t)x->now.ifindex, (uint64_t)y->now.ifindex);
}

static int compare_nonce(const void *a, const void *b) {
        const Endpoint *x = a, *y = b;

        return compare(x->tag.nonce, y->tag.nonce);
}

static int compare_label(const void *a, const void *b) {
        const Endpoint *x = a, *y = b;
        int order = compare(x->tag.uid, y->tag.uid);

        return order != 0 ? order : strcmp(x->tag.label, y->tag.label);
}

void registry_init(Registry *registry) {
        *registry = (Registry){ 0 };
        list_init(&registry->endpoints);
}

void registry_done(Registry *registry) {
        LIST_FOREACH_SAFE(&registry->endpoints, node) {
                Endpoint *endpoint = container_of(node, Endpoint, link);

                registry_remove(registry, endpoint);
                endpoint_notify_removed(endpoint, -ECANCELED);
                endpoint_free(endpoint);
        }
}

static Endpoint *find(
                void *const *tree, const Endpoint *key, int (*order)(const void *, const void *)) {
        Endpoint **found = tfind(key, tree, order);

        return found ? *found : NULL;
}

/* If the key is taken (an adopted link may carry the tag of another one), the first one keeps it.
 */
static int insert(void **tree, Endpoint *endpoint, int (*order)(const void *, const void *)) {
        return tsearch(endpoint, tree, order) ? 0 : -ENOMEM;
}

static void erase(void **tree, Endpoint *endpoint, int (*order)(const void *, const void *)) {
        if (find(tree, endpoint, order) == endpoint)
                tdelete(endpoint, tree, order);
}

int registry_add(Registry *registry, Endpoint *endpoint) {
        int r = insert(&registry->by_ifindex, endpoint, compare_ifindex);

        if (r >= 0 && endpoint->state != ENDPOINT_ABORTED)
                r = insert(&registry->by_nonce, endpoint, compare_nonce);
        if (r >= 0 && endpoint->state != ENDPOINT_ABORTED && *endpoint->tag.label)
                r = insert(&registry->by_label, endpoint, compare_label);
        if (r < 0) {
                registry_remove(registry, endpoint);
                return r;
        }
        list_append(&registry->endpoints, &endpoint->link);
        return 0;
}

void registry_remove(Registry *registry, Endpoint *endpoint) {
        erase(&registry->by_ifindex, endpoint, compare_ifindex);
        erase(&registry->by_nonce, endpoint, compare_nonce);
        erase(&registry->by_label, endpoint, compare_label);
        list_unlink(&endpoint->link);
}

Endpoint *registry_by_ifindex(const Registry *registry, int ifindex) {
        const Endpoint key = { .now.ifindex = ifindex };

        return find(&registry->by_ifindex, &key, compare_ifindex);
}

Endpoint *registry_by_nonce(const Registry *registry, uint32_t nonce) {
        const Endpoint key = { .tag.nonce = nonce };

        return find(&registry->by_nonce, &key, compare_nonce);
}

Endpoint *registry_by_label(const Registry *registry, uid_t uid, const char *label) {
        Endpoint key = { .tag.uid = uid };

        if (!label_is_valid(label)) /* never truncated to one that is */
                return NULL;
        snprintf(key.tag.label, sizeof(key.tag.label), "%s", label);
        return find(&registry->by_label, &key, compare_label);
}
