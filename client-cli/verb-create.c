/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl create": creates a tap, prints it, and keeps it until it is told to end; one that
 * outlives its queues stays by itself.
 */

#include <errno.h>

#include "address-teller.h"
#include "common/cleanup.h"
#include "keeper.h"
#include "language.h"
#include "new-tap.h"
#include "print.h"
#include "verb.h"

static json_t *describe(const NewTap *tap) {
        return json_pack("{s:s, s:s, s:s, s:i, s:O}", "interface", tap->interface, "path",
                        tap->path, "guest_mac", tap->guest_mac, "queues", (int)tap->queues.n,
                        "offloads", tap->offloads);
}

static Status print_tap(const Options *options, const NewTap *tap) {
        _cleanup_(json_decrefp) json_t *description = describe(tap);

        if (!description)
                return complain_errno(ENOMEM, _("Cannot describe the tap"));
        return options->json ? print_json_line(description) : print_object(description);
}

Status verb_create(const Options *options) {
        _cleanup_(new_tap_freep) NewTap *tap = NULL;
        _cleanup_close_ int signals = -EBADF;
        Status status;

        status = new_tap_create(options, &tap);
        if (status != STATUS_OK)
                return status;
        if (options->persistent || options->until_logout)
                return print_tap(options, tap);
        address_teller_start(&tap, 1);
        /* Block signals before anybody can read that the tap is there and tell us to end. */
        signals = keeper_block_signals();
        if (signals < 0)
                return complain_errno(signals, _("Cannot wait for signals"));
        status = print_tap(options, tap);
        if (status != STATUS_OK)
                return status;
        return keeper_wait(&tap->queues, signals, tap->interface);
}
