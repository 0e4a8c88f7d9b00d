/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the bus says of a connection: the uid and the groups that it had when it connected.
 *
 * Source: the D-Bus specification, org.freedesktop.DBus.GetConnectionCredentials.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

typedef struct Credentials {
        uid_t uid;
        gid_t *groups; /* NULL: none, or a bus that does not tell */
        size_t n_groups;
        bool tells_groups; /* the bus did tell them */
} Credentials;

/* Asks the bus about a unique name, for credentials_read(). -ENOMEM, -errno of sd-bus. */
int credentials_ask(sd_bus *bus, sd_bus_slot **ret, const char *name,
                sd_bus_message_handler_t answered, void *userdata);

/* credentials: empty; to be given to credentials_done() also where it fails. -ENODATA: the bus does
 * not know who it is. -ENOMEM, -errno of sd-bus. */
int credentials_read(sd_bus_message *answer, Credentials *credentials);

void credentials_done(Credentials *credentials);
