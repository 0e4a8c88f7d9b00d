/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The set of all endpoints. They are found by the kernel's number (ifindex), by ours (nonce) and by
 * their user's name (label), in O(log n). It owns what is in it.
 */

#include "taps/endpoint.h"

typedef struct Registry {
        List endpoints; /* Endpoint.link, oldest first; also the aborted ones */
        void *by_ifindex, *by_nonce, *by_label; /* tsearch(3) */
} Registry;

void registry_init(Registry *registry);

/* Frees all endpoints; their waiters are told -ECANCELED. */
void registry_done(Registry *registry);

/* Takes the endpoint over, whose tag and ifindex must be set and not in the set yet. -ENOMEM: it
 * stays the caller's. */
int registry_add(Registry *registry, Endpoint *endpoint);

/* Gives the endpoint back to the caller. */
void registry_remove(Registry *registry, Endpoint *endpoint);

/* NULL: none. By ifindex aborted ones are found too; by nonce and by label they are not. */
Endpoint *registry_by_ifindex(const Registry *registry, int ifindex);
Endpoint *registry_by_nonce(const Registry *registry, uint32_t nonce);
Endpoint *registry_by_label(const Registry *registry, uid_t uid, const char *label);
