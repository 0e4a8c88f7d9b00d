/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A tap that the service has just created for us. It lives as long as its queue fds.
 */

#include <jansson.h>

#include "common/cleanup.h"
#include "common/fdset.h"
#include "options.h"
#include "status.h"

typedef struct NewTap {
        char *path;
        char *interface;
        char *guest_mac;
        json_t *offloads; /* array of strings */
        FdSet queues;     /* in the order of the queues, close-on-exec */
} NewTap;

/* Creates a tap from the options of OPTIONS_TAP. The bus connection is closed again, so that only
 * the fds remain. */
Status new_tap_create(const Options *options, NewTap **ret);

/* Closes the fds, and so deletes the tap. Takes NULL. Returns NULL. */
NewTap *new_tap_free(NewTap *tap);
DEFINE_CLEANUP(NewTap, new_tap_free)
