/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Offloads: what a consumer of a tap with a virtio_net_hdr may leave to the host (checksums,
 * segmentation) and be handed unfinished. In the kernel they are the TUN_F_* bits of TUNSETOFFLOAD;
 * to people they have names. What this kernel takes can only be found out by trying, and trying
 * changes the device: so it is tried on a scratch tap, never on a client's.
 *
 * Sources: linux/if_tun.h, drivers/net/tun.c set_offload().
 */

#include <stdint.h>

#include "common/failure.h"

/* linux/if_tun.h, by the kernel that brought each; the build machine's headers may be older. UFO
 * (0x10) is taken by every kernel and does nothing: it is not among them. */
#define OFFLOAD_CSUM                0x001u /* 2.6.27 */
#define OFFLOAD_TSO4                0x002u /* 2.6.27 */
#define OFFLOAD_TSO6                0x004u /* 2.6.27 */
#define OFFLOAD_TSO_ECN             0x008u /* 2.6.27 */
#define OFFLOAD_USO4                0x020u /* 6.2 */
#define OFFLOAD_USO6                0x040u /* 6.2 */
#define OFFLOAD_UDP_TUNNEL_GSO      0x080u /* 6.17 */
#define OFFLOAD_UDP_TUNNEL_GSO_CSUM 0x100u /* 6.17 */

#define OFFLOAD_NAMES_MAX 8
#define OFFLOAD_SIZES_MAX 4

typedef struct OffloadCapability {
        uint32_t mask; /* OFFLOAD_*, all of which the kernel takes at once */
        uint32_t vnet_hdr_sizes[OFFLOAD_SIZES_MAX]; /* bytes */
        unsigned n_vnet_hdr_sizes;
} OffloadCapability;

/* The names of the bits in mask, in the order of the contract, ended by NULL. */
void offload_names(uint32_t mask, const char *ret[static OFFLOAD_NAMES_MAX + 1]);

/* Of a host's capability, what a tap with this header can carry: nothing without a header; tunnels
 * only with the 24 bytes that have room for them. */
uint32_t offload_for_header(uint32_t mask, unsigned vnet_hdr_size);

/* The bit of a name; 0: there is none. */
uint32_t offload_by_name(const char *name);

/* Whether the kernel takes this set at all, by its own rules. NULL: it does; else the rule that it
 * breaks, as words that begin in lower case. */
const char *offload_broken_rule(uint32_t mask);

/* Sets exactly these on a tap, by a queue of it. -errno of ioctl(2). */
int offload_set(int fd, uint32_t mask, Failure *failure);

/* Tries everything on fd, a queue of a scratch tap that is down and has IFF_VNET_HDR. Leaves it
 * with whatever was tried last. */
void offload_probe(int fd, OffloadCapability *ret);
