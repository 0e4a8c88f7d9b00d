/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What Networks tell their owner, and ask them. */

#include "networks/network.h"

typedef struct Networks Networks;

typedef struct NetworksObserver {
        /* One is up, and one goes: it is not used any more, but there until the kernel has said
         * that its bridge is gone. */
        void (*appeared)(Network *network, void *userdata);
        void (*leaving)(Network *network, void *userdata);
        /* Its warnings are others than before, or the firewalls of which it cannot be told whether
         * they are in its way. */
        void (*warned)(Network *network, void *userdata);
        /* Others' ports of its bridge are more or fewer than before. */
        void (*shared)(Network *network, void *userdata);
        /* It goes: whatever was made for it (Network.endpoints) has to go before. */
        void (*evict)(Network *network, void *userdata);
        /* Whether its bridge has a port, of whoever. What cannot be looked at counts as one. */
        bool (*has_ports)(const Network *network, void *userdata);
        /* The bridge has another name. */
        void (*renamed)(int ifindex, void *userdata);
        /* Whether endpoints wait for a bridge of the host of that name. */
        bool (*is_awaited)(const char *name, void *userdata);
        /* The filters of the network stand, without the rules that tell of the sources of guests.
         */
        void (*sources_untold)(void *userdata);
} NetworksObserver;
