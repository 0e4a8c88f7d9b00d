/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/group.h"

bool group_is_of_bridged_tap(uint32_t group) {
        return (group & TAP_GROUP_KIND_MASK) == TAP_GROUP_BRIDGED && group != NETWORK_GROUP;
}

uint32_t network_tap_group(int bridge) {
        return TAP_GROUP_BRIDGED | ((uint32_t)bridge & ~TAP_GROUP_KIND_MASK);
}

int network_of_tap_group(uint32_t group) {
        return group_is_of_bridged_tap(group) ? (int)(group & ~TAP_GROUP_KIND_MASK) : 0;
}
