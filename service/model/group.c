/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/group.h"

bool group_is_of_bridged_tap(uint32_t group) {
        return (group & TAP_GROUP_BRIDGED_MASK) == TAP_GROUP_BRIDGED_BITS && group != NETWORK_GROUP;
}

bool group_is_held(uint32_t group) {
        return (group & TAP_GROUP_KIND_MASK) == TAP_GROUP_HELD;
}

uint32_t network_tap_group(int bridge) {
        return TAP_GROUP_BRIDGED | ((uint32_t)bridge & ~TAP_GROUP_KIND_MASK);
}

uint32_t held_tap_group(int bridge) {
        return TAP_GROUP_HELD | ((uint32_t)bridge & ~TAP_GROUP_KIND_MASK);
}

int network_of_tap_group(uint32_t group) {
        if (!group_is_of_bridged_tap(group) || group == TAP_GROUP_TAKEN_OFF)
                return 0;
        return (int)(group & ~TAP_GROUP_KIND_MASK);
}
