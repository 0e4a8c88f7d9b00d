/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/tap-port.h"

#include "kernel/bridge.h"
#include "networks/group.h"
#include "taps/tap-filter.h"

static TapPort complete(uint32_t group, LinkPort port, unsigned filters) {
        const bool filtered = filters & TAP_FILTER_RESERVED && group_is_of_bridged_tap(group);

        port.group_fwd_mask = filtered ? BRIDGE_GROUP_FWD_ALL : 0;
        /* BPDU guard would never see what the filter drops. */
        if (port.bpdu_guard)
                port.group_fwd_mask &= (uint16_t)~BRIDGE_GROUP_FWD_STP;
        port.root_block = true;
        return (TapPort){ .group = group, .port = port };
}

TapPort tap_port_for_request(const TapPortRequest *request, unsigned filters) {
        const LinkPort port = {
                .isolated = request->isolated,
                .locked = request->anti_spoof,
                .learning = !request->anti_spoof,
                .bpdu_guard = request->bpdu_guard,
        };
        uint32_t group = request->bridged ? TAP_GROUP_BRIDGED : TAP_GROUP_UNBRIDGED;

        if (request->network > 0)
                group = group_with_sources(network_tap_group(request->network), request->sources);
        return complete(group, port, filters);
}

/* Which source MACs are reported changes while the tap lives, and only its group says so. If the
 * group was lost, or the tap was held, it starts anew. */
static TapSources sources_of(const Tag *tag, const LinkInfo *link, int network) {
        const TapSources first = !tag->anti_spoof         ? TAP_SOURCES_UNTOLD
                        : tag->mac_state == MAC_GENERATED ? TAP_SOURCES_AWAITED
                                                          : TAP_SOURCES_WATCHED;
        TapSources now;

        if (!group_is_of_network(link->group, network) || group_is_held(link->group))
                return first;
        now = group_sources(link->group);
        return now == TAP_SOURCES_AWAITED ? first : now;
}

TapPort tap_port_for_tag(const Tag *tag, const LinkInfo *link, int network, unsigned filters) {
        const TapPortRequest request = {
                .network = network,
                .bridged = *tag->bridge || group_is_of_bridged_tap(link->group),
                .anti_spoof = tag->anti_spoof,
                .isolated = tag->isolated,
                .bpdu_guard = tag->bpdu_guard,
                .sources = network > 0 ? sources_of(tag, link, network) : TAP_SOURCES_WATCHED,
        };

        return tap_port_for_request(&request, filters);
}
