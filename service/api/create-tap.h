/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * CreateEndpoint, CreateTap, OpenTap and CanCreateTap of org.vnicd1.Manager. Each proceeds in the
 * order read, refuse, authorise, act, reply; it may run twice (see access/authorization.h), so
 * nothing before "act" changes anything.
 */

#include <systemd/sd-bus.h>

/* Handlers; userdata is the Service. */
int create_tap_method(sd_bus_message *call, void *userdata, sd_bus_error *error);
int open_tap_method(sd_bus_message *call, void *userdata, sd_bus_error *error);
int can_create_tap_method(sd_bus_message *call, void *userdata, sd_bus_error *error);
int create_endpoint_method(sd_bus_message *call, void *userdata, sd_bus_error *error);
