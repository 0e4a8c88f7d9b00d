/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/tap-request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ifname.h"
#include "config/network-plan.h"
#include "kernel/offload.h"

#define DEFAULT_QUEUES_MAX    8
#define DEFAULT_VNET_HDR_SIZE 10

int tap_request_set_bridge(TapRequest *request, const char *bridge, Failure *failure) {
        if (*bridge == '\0') {
                request->where = TAP_ON_DEFAULT_NETWORK;
                return 0;
        }
        if (strcmp(bridge, "-") == 0) {
                request->where = TAP_ON_NOTHING;
                return 0;
        }
        /* Never truncated: a longer name is not the bridge that its first 15 bytes name. */
        if (!ifname_is_plain(bridge))
                return failure_set(failure, FAILURE_NO_SUCH_BRIDGE, ENODEV,
                                "There is no bridge of that name: a name has 1 to 15 of A-Z a-z 0-9 _ . + @ - and begins with neither \"-\" nor \".\".");
        snprintf(request->bridge, sizeof(request->bridge), "%s", bridge);
        return 0;
}

int tap_request_set_default(TapRequest *request, const char *name, Failure *failure) {
        if (!name)
                return failure_set(failure, FAILURE_NO_SUCH_NETWORK, ENETUNREACH,
                                "There is no default network: the package vnicd-networks has one. Or name a bridge of the host (vnicctl bridges lists them), or \"-\" for none.");
        snprintf(request->bridge, sizeof(request->bridge), "%s", name);
        request->where = TAP_ON_BRIDGE;
        return 0;
}

int tap_request_set_label(TapRequest *request, const char *label, Failure *failure) {
        uint32_t nonce;

        if (!label_is_valid(label))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"label\" takes 1 to 32 of A-Z a-z 0-9 _ . and -.");
        /* Such a tap of an earlier release keeps it. */
        if (ifname_parse_nonce(label, &nonce) >= 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"label\" does not take \"vnic\" and 8 hex digits: that is the name of an interface of vnicd. Choose another.");
        snprintf(request->label, sizeof(request->label), "%s", label);
        return 0;
}

int tap_request_set_guest_mac(TapRequest *request, const char *text, Failure *failure) {
        Mac mac;

        if (mac_parse(text, &mac) < 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"guest_mac\" takes an address like 52:54:00:12:34:56.");
        if (!mac_is_usable(&mac))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"guest_mac\" takes the address of one station: not zero, and the first byte even.");
        request->guest_mac = mac;
        request->has_guest_mac = true;
        return 0;
}

int tap_request_set_address(TapRequest *request, const char *text, Failure *failure) {
        if (network_address_parse(text, &request->address) < 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"address\" takes an IPv4 address in its usual form, such as 10.70.3.20, without a prefix.");
        request->has_address = true;
        return 0;
}

int tap_request_add_offload(TapRequest *request, const char *name, Failure *failure) {
        uint32_t bit = offload_by_name(name);

        if (bit == 0)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"offloads\" takes csum, tso4, tso6, tso-ecn, uso4, uso6, udp-tunnel-gso and udp-tunnel-gso-csum, and nothing else.");
        if (request->offloads & bit)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"offloads\" has \"%s\" twice.", name);
        request->offloads |= bit;
        return 0;
}

static int check_offloads(const TapRequest *request, Failure *failure) {
        const char *rule = offload_broken_rule(request->offloads);

        if (request->has_offloads && !request->vnet_hdr)
                return failure_set(failure, FAILURE_VNET_HDR_REQUIRED, EINVAL,
                                "The option \"offloads\" was given, but the tap was asked for without vnet_hdr: frames would arrive unfinished, with nothing to say so. Set vnet_hdr, or leave the option out.");
        if (rule)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"offloads\" is a set that no kernel takes: %s.", rule);
        return 0;
}

static int complete_queues(TapRequest *request, unsigned cpus, Failure *failure) {
        if (!request->has_queues)
                request->queues = !request->multiqueue      ? 1
                                : cpus < 1                  ? 1
                                : cpus < DEFAULT_QUEUES_MAX ? cpus
                                                            : DEFAULT_QUEUES_MAX;
        if (request->queues < 1 || request->queues > TAP_QUEUES_MAX)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"queues\" takes 1 to %u, not %u. More come with OpenQueues.",
                                TAP_QUEUES_MAX, request->queues);
        if (request->queues > 1 && !request->multiqueue)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"queues\" was %u, but without multiqueue a tap has one queue. Set multiqueue.",
                                request->queues);
        return 0;
}

static int complete_header(TapRequest *request, Failure *failure) {
        uint32_t size = request->vnet_hdr_size;

        if (!request->has_vnet_hdr_size) {
                request->vnet_hdr_size = request->vnet_hdr ? DEFAULT_VNET_HDR_SIZE : 0;
                return 0;
        }
        if (!request->vnet_hdr)
                return failure_set(failure, FAILURE_VNET_HDR_REQUIRED, EINVAL,
                                "The option \"vnet_hdr_size\" was given, but the tap was asked for without vnet_hdr. Set vnet_hdr, or leave the option out.");
        if (size != 10 && size != 12 && size != 20 && size != 24)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"vnet_hdr_size\" takes 10, 12, 20 or 24, not %u.",
                                size);
        return 0;
}

static int complete_port(TapRequest *request, Failure *failure) {
        const char *key = request->isolated   ? "isolated"
                        : request->anti_spoof ? "anti_spoof"
                                              : NULL;

        if (request->where == TAP_ON_NOTHING && request->has_address)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"address\" is for a tap on a network of vnicd, and this one was asked for on no bridge. Leave it out.");

        if (request->where == TAP_ON_NOTHING && key)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"%s\" is about a bridge port, and the tap was asked for on no bridge.",
                                key);
        if (!request->has_anti_spoof)
                request->anti_spoof = request->has_guest_mac && request->where != TAP_ON_NOTHING;
        return 0;
}

int tap_request_complete(TapRequest *request, unsigned cpus, Failure *failure) {
        int r;

        r = complete_queues(request, cpus, failure);
        if (r < 0)
                return r;
        r = complete_header(request, failure);
        if (r < 0)
                return r;
        r = complete_port(request, failure);
        if (r < 0)
                return r;
        r = check_offloads(request, failure);
        if (r < 0)
                return r;
        if (request->persistent && request->until_logout)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The options \"persistent\" and \"until_logout\" were both given: a tap stays either until it is released, or until its owner has logged out. Leave one out.");
        if (request->has_owner && request->owner == (uid_t)-1)
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"owner\" takes the number of a user, and %u is none.",
                                request->owner);
        if (request->has_mtu && (request->mtu < TAP_MTU_MIN || request->mtu > TAP_MTU_MAX))
                return failure_set(failure, FAILURE_INVALID_OPTION, EINVAL,
                                "The option \"mtu\" takes %u to %u, not %u.", TAP_MTU_MIN,
                                TAP_MTU_MAX, request->mtu);
        return 0;
}
