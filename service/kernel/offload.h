/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Offloads: the work (checksums, segmentation) that a consumer of a tap with a virtio_net_hdr may
 * leave to the host, or be left by the host. In the kernel they are the TUN_F_* bits of
 * TUNSETOFFLOAD; users know them by name. Only trying shows which of them this kernel supports, and
 * trying changes the device: so it is done on a scratch tap, never on a client's.
 *
 * Sources: linux/if_tun.h, drivers/net/tun.c set_offload().
 */

#include <stdint.h>

#include "common/failure.h"

/* As in linux/if_tun.h, with the kernel that introduced each; the build machine's headers may be
 * older. UFO (0x10) is left out: every kernel accepts it, and it does nothing. */
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
        uint32_t mask; /* OFFLOAD_*, all of which the kernel accepts together */
        uint32_t vnet_hdr_sizes[OFFLOAD_SIZES_MAX]; /* bytes */
        unsigned n_vnet_hdr_sizes;
} OffloadCapability;

/* The names of the bits in mask, in the order of the D-Bus contract, terminated by NULL. */
void offload_names(uint32_t mask, const char *ret[static OFFLOAD_NAMES_MAX + 1]);

/* The part of a host's offloads that a tap with this header can carry: none without a header;
 * tunnels only with the 24 bytes that have room for them. */
uint32_t offload_for_header(uint32_t mask, unsigned vnet_hdr_size);

/* The bit of a name; 0: there is none. */
uint32_t offload_by_name(const char *name);

/* Whether the kernel's rules permit this set. NULL: they do; otherwise the rule that it breaks, as
 * a phrase that begins in lower case. */
const char *offload_broken_rule(uint32_t mask);

/* Sets exactly these on a tap, through one of its queues. -errno of ioctl(2). */
int offload_set(int fd, uint32_t mask, Failure *failure);

/* Tries everything on fd, a queue of a scratch tap that is down and has IFF_VNET_HDR. Leaves it
 * with whatever was tried last. */
void offload_probe(int fd, OffloadCapability *ret);
