/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a caller asked CreateTap for: a plain value between the bus and the model, filled once,
 * checked once and never changed. It knows neither of them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/failure.h"
#include "common/mac.h"
#include "taps/tag.h"

#define TAP_QUEUES_MAX 16 /* at creation: one message of fds */

/* drivers/net/tun.c: MIN_MTU, and MAX_MTU less the Ethernet header. */
#define TAP_MTU_MIN 68
#define TAP_MTU_MAX 65521

typedef enum TapWhere {
        TAP_ON_BRIDGE,          /* the one of that name, of the host or of a network */
        TAP_ON_DEFAULT_NETWORK, /* until that has got its name: see tap_request_set_default() */
        TAP_ON_NOTHING,
} TapWhere;

typedef struct TapRequest {
        TapWhere where;
        char bridge[IFNAMSIZ]; /* with TAP_ON_BRIDGE, else "" */
        bool vnet_hdr, multiqueue;
        bool isolated, anti_spoof, persistent, until_logout;
        bool interactive; /* a person may be asked whether it is allowed */
        bool has_multiqueue, has_queues, has_guest_mac, has_mtu, has_anti_spoof, has_isolated,
                        has_vnet_hdr_size, has_offloads, has_owner, has_address;
        uint32_t owner;         /* uid, for whom; valid with has_owner */
        uint32_t queues;        /* 1..TAP_QUEUES_MAX */
        uint32_t vnet_hdr_size; /* bytes; 0 without vnet_hdr */
        uint32_t mtu;           /* bytes; 0: that of the bridge */
        uint32_t offloads;      /* OFFLOAD_*, to be set at once */
        Mac guest_mac;          /* zero: generate one */
        struct in_addr address; /* for the guest's MAC, valid with has_address */
        char label[LABEL_SIZE]; /* "": none */
} TapRequest;

#define TAP_REQUEST_INIT                                                                           \
        (TapRequest) {                                                                             \
                .vnet_hdr = false                                                                  \
        }

/* The bridge argument: "-" is none, "" the default network. NoSuchBridge. */
int tap_request_set_bridge(TapRequest *request, const char *bridge, Failure *failure);

/* Whether the tap is to outlive its queues: then it is handed over without one. */
static inline bool tap_request_outlives_queues(const TapRequest *request) {
        return request->persistent || request->until_logout;
}

/* For a request for the default network: its name; NULL: there is none. NoSuchNetwork. */
int tap_request_set_default(TapRequest *request, const char *name, Failure *failure);

/* Options of type string. InvalidOption. */
int tap_request_set_label(TapRequest *request, const char *label, Failure *failure);
int tap_request_set_guest_mac(TapRequest *request, const char *mac, Failure *failure);
int tap_request_set_address(TapRequest *request, const char *address, Failure *failure);

/* One name of the option of type as. InvalidOption. */
int tap_request_add_offload(TapRequest *request, const char *name, Failure *failure);

/* Fills in defaults, and checks each option alone and against the others. cpus: those online, for
 * the default number of queues. InvalidOption, VnetHdrRequired. */
int tap_request_complete(TapRequest *request, unsigned cpus, Failure *failure);
