/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/offload.h"

#include <linux/if_tun.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>

#define ALL_USO    (OFFLOAD_USO4 | OFFLOAD_USO6)
#define ALL_TUNNEL (OFFLOAD_UDP_TUNNEL_GSO | OFFLOAD_UDP_TUNNEL_GSO_CSUM)

#define TUNNEL_HDR_SIZE 24

static const struct {
        uint32_t bit;
        const char *name;
} offloads[OFFLOAD_NAMES_MAX] = {
        { OFFLOAD_CSUM, "csum" },
        { OFFLOAD_TSO4, "tso4" },
        { OFFLOAD_TSO6, "tso6" },
        { OFFLOAD_TSO_ECN, "tso-ecn" },
        { OFFLOAD_USO4, "uso4" },
        { OFFLOAD_USO6, "uso6" },
        { OFFLOAD_UDP_TUNNEL_GSO, "udp-tunnel-gso" },
        { OFFLOAD_UDP_TUNNEL_GSO_CSUM, "udp-tunnel-gso-csum" },
};

/* In the order in which one needs another: all need csum, ECN needs TSO, USO4 and USO6 go only
 * together, a tunnel needs another kind of segmentation and its checksum variant the tunnel. */
static const uint32_t steps[] = {
        OFFLOAD_CSUM,
        OFFLOAD_TSO4,
        OFFLOAD_TSO6,
        OFFLOAD_TSO_ECN,
        ALL_USO,
        OFFLOAD_UDP_TUNNEL_GSO,
        OFFLOAD_UDP_TUNNEL_GSO_CSUM,
};

static const int header_sizes[OFFLOAD_SIZES_MAX] = { 10, 12, 20, 24 };

void offload_names(uint32_t mask, const char *ret[static OFFLOAD_NAMES_MAX + 1]) {
        size_t n = 0;

        for (size_t i = 0; i < OFFLOAD_NAMES_MAX; i++)
                if (mask & offloads[i].bit)
                        ret[n++] = offloads[i].name;
        ret[n] = NULL;
}

uint32_t offload_for_header(uint32_t mask, unsigned vnet_hdr_size) {
        if (vnet_hdr_size == 0)
                return 0;
        return vnet_hdr_size < TUNNEL_HDR_SIZE ? mask & ~ALL_TUNNEL : mask;
}

void offload_probe(int fd, OffloadCapability *ret) {
        OffloadCapability capability = { 0 };

        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
                if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(capability.mask | steps[i])) >= 0)
                        capability.mask |= steps[i];
        for (size_t i = 0; i < OFFLOAD_SIZES_MAX; i++) {
                int size = header_sizes[i];

                if (ioctl(fd, TUNSETVNETHDRSZ, &size) >= 0)
                        capability.vnet_hdr_sizes[capability.n_vnet_hdr_sizes++] = (uint32_t)size;
        }
        *ret = capability;
}
