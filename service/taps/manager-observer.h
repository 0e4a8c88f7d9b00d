/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "taps/endpoint.h"

typedef struct Manager Manager;

/* What the floor above is told and asked, always in the loop. Endpoints that exist at the start do
 * not appear, but may have been tampered with. */
typedef struct ManagerObserver {
        void (*appeared)(const Endpoint *endpoint, void *userdata);
        void (*changed)(const Endpoint *endpoint, unsigned changes, void *userdata);
        /* A holder did what they must not do. deleted: the endpoint is being deleted for it; else
         * the change was undone. why: a sentence without its full stop. */
        void (*tampered)(const Endpoint *endpoint, bool deleted, const char *why, void *userdata);
        /* Whether an endpoint that has lost its bridge may be put back on one of that name. NULL:
         * every one may. */
        bool (*may_rejoin)(const Endpoint *endpoint, const char *bridge, void *userdata);
        /* The endpoint can still be found when this is called, but not afterwards. */
        void (*leaving)(const Endpoint *endpoint, void *userdata);
        /* What the host offers has changed: somebody has removed the filters of all taps
         * (HostCapabilities.tap_filters), say, or they are back. */
        void (*capabilities_changed)(void *userdata);
        /* manager_list_bridges() shows something else than before, other than numbers of ports. */
        void (*bridges_changed)(void *userdata);
} ManagerObserver;
