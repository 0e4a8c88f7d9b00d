/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "offloads.h"

/*
 * One table has all descriptions. An offload that is not in it, from a newer service, is shown
 * without one. "Not offered" and "off" are distinguished: the former is up to the host or the tap,
 * the latter to the consumer.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "language.h"
#include "print.h"

#define TUNNEL_HDR_SIZE 24

typedef struct OffloadWords {
        const char *name, *since, *buys;
        const char *off; /* what it means if it could be on but is not */
        bool tunnel;     /* needs room in the header */
} OffloadWords;

static const OffloadWords offloads[] = {
        { "csum", "2.6.27", N_("no checksums between guest and host"),
                        N_("the guest has no checksum offload: the host fills in every one"),
                        false },
        { "tso4", "2.6.27", N_("TCP over IPv4 in pieces of up to 64 KiB"),
                        N_("the guest has no TCP segmentation over IPv4: the host cuts"), false },
        { "tso6", "2.6.27", N_("TCP over IPv6 in pieces of up to 64 KiB"),
                        N_("the guest has no TCP segmentation over IPv6: the host cuts"), false },
        { "tso-ecn", "2.6.27", N_("the same for TCP with ECN"),
                        N_("the guest has no TCP segmentation with ECN: the host cuts"), false },
        { "uso4", "6.2", N_("many UDP datagrams at once over IPv4, as in QUIC"),
                        N_("the guest has no UDP segmentation over IPv4: the host cuts"), false },
        { "uso6", "6.2", N_("many UDP datagrams at once over IPv6, as in QUIC"),
                        N_("the guest has no UDP segmentation over IPv6: the host cuts"), false },
        { "udp-tunnel-gso", "6.17", N_("the same inside of VXLAN and Geneve"),
                        N_("the guest has no segmentation in UDP tunnels: the host cuts"), true },
        { "udp-tunnel-gso-csum", "6.17", N_("the same where the tunnel has a checksum too"),
                        N_("the guest has no segmentation in UDP tunnels with checksum: the host cuts"),
                        true },
};

enum {
        N_OFFLOADS = sizeof(offloads) / sizeof(offloads[0])
};

static bool has_name(const json_t *names, const char *name) {
        const json_t *value;
        size_t i;

        json_array_foreach(names, i, value) {
                if (json_is_string(value) && strcmp(json_string_value(value), name) == 0)
                        return true;
        }
        return false;
}

static bool is_known(const char *name) {
        for (size_t i = 0; i < N_OFFLOADS; i++)
                if (strcmp(offloads[i].name, name) == 0)
                        return true;
        return false;
}

/* Makes one row from the service's properties and the descriptions of this offload. */
typedef json_t *(*make_row_t)(const json_t *told, const OffloadWords *words);

static json_t *host_row(const json_t *manager, const OffloadWords *words) {
        return json_pack("{s:s, s:b, s:s, s:s}", "feature", words->name, "supported",
                        (int)has_name(json_object_get(manager, "offloads_supported"), words->name),
                        "since", words->since, "buys", *words->buys ? _(words->buys) : "");
}

/* Why this tap is not offered it. */
static char *why_not_supported(const json_t *endpoint, const OffloadWords *words) {
        const json_t *size = json_object_get(endpoint, "vnet_hdr_size");
        char *text;

        if (!json_is_true(json_object_get(endpoint, "vnet_hdr")))
                return strdup(_("needs a virtio_net_hdr"));
        if (words->tunnel && json_integer_value(size) < TUNNEL_HDR_SIZE)
                return strdup(_("needs a virtio_net_hdr of 24 bytes"));
        if (!*words->since)
                return strdup("");
        return asprintf(&text, _("needs Linux %s"), words->since) < 0 ? NULL : text;
}

static const char *beyond_the_offer(const json_t *endpoint) {
        if (!json_is_true(json_object_get(endpoint, "vnet_hdr")))
                return _("frames arrive unfinished, and nothing says so");
        return _("more than was offered when the tap was made");
}

static char *meaning(const json_t *endpoint, const OffloadWords *words, bool supported, bool on) {
        if (on)
                return strdup(supported ? "" : beyond_the_offer(endpoint));
        if (!supported)
                return why_not_supported(endpoint, words);
        /* If all of them are off, that is said once, below the table. */
        if (json_array_size(json_object_get(endpoint, "offloads_active")) == 0)
                return strdup("");
        return strdup(*words->off ? _(words->off) : "");
}

static json_t *tap_row(const json_t *endpoint, const OffloadWords *words) {
        bool supported = has_name(json_object_get(endpoint, "offloads_supported"), words->name);
        bool on = has_name(json_object_get(endpoint, "offloads_active"), words->name);
        _cleanup_free_ char *text = meaning(endpoint, words, supported, on);

        if (!text)
                return NULL;
        return json_pack("{s:s, s:b, s:b, s:s}", "feature", words->name, "supported",
                        (int)supported, "active", (int)on, "meaning", text);
}

static int add_row(json_t *rows, const json_t *told, make_row_t make, const OffloadWords *words) {
        json_t *row = make(told, words);

        return row && json_array_append_new(rows, row) >= 0 ? 0 : -ENOMEM;
}

static int add_unknown(json_t *rows, const json_t *told, make_row_t make) {
        const json_t *names = json_object_get(told, "offloads_supported"), *value;
        size_t i;

        json_array_foreach(names, i, value) {
                OffloadWords words = { json_string_value(value), "", "", "", false };

                if (words.name && !is_known(words.name) && add_row(rows, told, make, &words) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static Status print_table(const json_t *told, make_row_t make, const Column *columns) {
        _cleanup_(json_decrefp) json_t *rows = json_array();
        int r = 0;

        for (size_t i = 0; i < N_OFFLOADS && r >= 0; i++)
                r = add_row(rows, told, make, &offloads[i]);
        if (r >= 0)
                r = add_unknown(rows, told, make);
        if (r < 0)
                return complain_errno(r, _("Cannot list the offloads"));
        putchar('\n');
        return print_rows(rows, columns, 4);
}

Status offloads_print_host(const json_t *manager) {
        static const Column columns[] = {
                { "FEATURE", "feature" },
                { "SUPPORTED", "supported" },
                { "SINCE", "since" },
                { "BUYS", "buys" },
        };

        return print_table(manager, host_row, columns);
}

Status offloads_print_tap(const json_t *endpoint) {
        static const Column columns[] = {
                { "FEATURE", "feature" },
                { "SUPPORTED", "supported" },
                { "ACTIVE", "active" },
                { "MEANING", "meaning" },
        };
        const json_t *active = json_object_get(endpoint, "offloads_active");
        Status status;

        if (!json_is_array(active))
                return STATUS_OK;
        status = print_table(endpoint, tap_row, columns);
        if (status != STATUS_OK || json_array_size(active) > 0)
                return status;
        if (json_is_true(json_object_get(endpoint, "vnet_hdr")))
                puts(_("\nNothing is on: the consumer has not turned anything on (yet)."));
        else
                puts(_("\nNothing is on, nor should be: the frames have no virtio_net_hdr."));
        return print_flush();
}
