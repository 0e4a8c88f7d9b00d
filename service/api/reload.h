/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration that is in force, and how it becomes another. Reading it takes files and NSS,
 * which may be slow: after the start that is done in a thread. A bad file changes nothing; what was
 * read last and was good stays. Loads follow one another: whoever asks while one is under way gets
 * the next, since the first may have read the files before they were changed.
 */

#include "api/context.h"

/* Reads the configuration (Service.config), at the start: without a good one the service must not
 * run, or what it denies would be allowed. InvalidConfiguration (-EINVAL); -ENOMEM. */
int reload_new(Reload **ret, Service *service, Failure *failure);

/* Before the manager is freed: nothing new is begun. Takes NULL. */
void reload_stop(Reload *reload);

/* After access. Takes NULL. Returns NULL. */
Reload *reload_free(Reload *reload);

/* Reads it again. call: the Reload() to be answered when that is done, or NULL. Returns 1, or
 * -ENOMEM. */
int reload_begin(Reload *reload, Call *call);

/* Manager.Reload() */
int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error);
