/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "taps/endpoint.h"

typedef struct Manager Manager;

/* What the world above is told, each in the loop. What is there already at the start has not
 * appeared; it may have been tampered with. */
typedef struct ManagerObserver {
        void (*appeared)(const Endpoint *endpoint, void *userdata);
        void (*changed)(const Endpoint *endpoint, unsigned changes, void *userdata);
        /* A holder did what they should not have done; deleted: the endpoint is being deleted for
         * it, else it was put right. why: a sentence without its end. */
        void (*tampered)(const Endpoint *endpoint, bool deleted, const char *why, void *userdata);
        /* Whether an endpoint that has lost its bridge may be put on the one of that name. NULL:
         * any may. */
        bool (*may_rejoin)(const Endpoint *endpoint, const char *bridge, void *userdata);
        /* Still to be found when called; not after. */
        void (*leaving)(const Endpoint *endpoint, void *userdata);
        /* Filters of all taps (HostCapabilities.tap_filters) have gone, by somebody else, or have
         * come back. */
        void (*capabilities_changed)(void *userdata);
} ManagerObserver;
