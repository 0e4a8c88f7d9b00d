/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/group.h"

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

uint32_t group_with_sources(uint32_t group, TapSources sources) {
        static const uint32_t kinds[] = {
                [TAP_SOURCES_WATCHED] = TAP_GROUP_BRIDGED,
                [TAP_SOURCES_AWAITED] = TAP_GROUP_AWAITING,
                [TAP_SOURCES_UNTOLD] = TAP_GROUP_UNTOLD,
        };

        return kinds[sources] | (group & ~TAP_GROUP_KIND_MASK);
}

TapSources group_sources(uint32_t group) {
        switch (group & TAP_GROUP_KIND_MASK) {
        case TAP_GROUP_AWAITING:
                return TAP_SOURCES_AWAITED;
        case TAP_GROUP_UNTOLD:
                return TAP_SOURCES_UNTOLD;
        default:
                return TAP_SOURCES_WATCHED;
        }
}

int network_of_tap_group(uint32_t group) {
        if (!group_is_of_bridged_tap(group) || group == TAP_GROUP_TAKEN_OFF)
                return 0;
        return (int)(group & ~TAP_GROUP_KIND_MASK);
}

bool group_is_of_network(uint32_t group, int bridge) {
        return group_is_of_bridged_tap(group) &&
                        group_with_sources(group, TAP_SOURCES_WATCHED) == network_tap_group(bridge);
}
