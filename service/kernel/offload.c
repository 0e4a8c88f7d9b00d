/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/offload.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
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

/* In order of dependency: all need csum, ECN needs TSO, USO4 and USO6 only go together, a tunnel
 * needs another kind of segmentation, and its checksum variant needs the tunnel. */
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

uint32_t offload_by_name(const char *name) {
        for (size_t i = 0; i < OFFLOAD_NAMES_MAX; i++)
                if (strcmp(offloads[i].name, name) == 0)
                        return offloads[i].bit;
        return 0;
}

const char *offload_broken_rule(uint32_t mask) {
        const uint32_t tso = OFFLOAD_TSO4 | OFFLOAD_TSO6;

        if (mask != 0 && !(mask & OFFLOAD_CSUM))
                return "every offload needs csum";
        if (mask & OFFLOAD_TSO_ECN && !(mask & tso))
                return "tso-ecn needs tso4 or tso6";
        if ((mask & ALL_USO) != 0 && (mask & ALL_USO) != ALL_USO)
                return "uso4 and uso6 go only together";
        if (mask & OFFLOAD_UDP_TUNNEL_GSO_CSUM && !(mask & OFFLOAD_UDP_TUNNEL_GSO))
                return "udp-tunnel-gso-csum needs udp-tunnel-gso";
        if (mask & OFFLOAD_UDP_TUNNEL_GSO && !(mask & (tso | ALL_USO)))
                return "udp-tunnel-gso needs tso4, tso6 or uso4 and uso6";
        return NULL;
}

int offload_set(int fd, uint32_t mask, Failure *failure) {
        if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)mask) < 0)
                return failure_kernel(failure, errno, "set the tap's offloads", NULL);
        return 0;
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
