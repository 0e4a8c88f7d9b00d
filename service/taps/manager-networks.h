/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between networks and endpoints. */

#include "taps/manager-private.h"

/* What networks tell and ask. */
extern const NetworksObserver manager_networks_observer;
