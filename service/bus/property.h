/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a property of an object is read. userdata is the object, or, for properties that are stored
 * in the form in which they are sent, the member at the property's offset.
 */

#include <stddef.h>
#include <systemd/sd-bus.h>

#include "common/fdset.h"
#include "common/warning.h"

/* An sd_bus_property_get_t; most getters use only two of its arguments. */
#define PROPERTY_GETTER(name)                                                                      \
        int name(sd_bus *bus, const char *path, const char *interface, const char *property,       \
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)

/* Rows of a vtable. A live property is announced when it changes. */
#define CONST_PROPERTY(name, type, get, offset)                                                    \
        SD_BUS_PROPERTY(name, type, get, offset, SD_BUS_VTABLE_PROPERTY_CONST)
#define LIVE_PROPERTY(name, type, get, offset)                                                     \
        SD_BUS_PROPERTY(name, type, get, offset, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

/* Appends text that others may have chosen, such as the name that an administrator gave an
 * interface. Bytes that D-Bus does not accept in a string are replaced: they would fail the whole
 * message, and with it the answer to everybody who asks for all objects. -ENOMEM, -errno of sd-bus.
 */
int append_text(sd_bus_message *message, const char *text);

/* Appends an array of strings, terminated by NULL, as an "as". */
int append_names(sd_bus_message *message, const char *const *names);

/* Appends the value of the property Warnings or WarningCodes as an "as". */
int append_warnings(sd_bus_message *message, const Warnings *warnings, const char *property);

/* Appends the queues as an "ah"; the caller keeps them. */
int append_queues(sd_bus_message *message, const FdSet *queues);

/* Appends the only queue as an "h"; the caller keeps it. */
int append_queue(sd_bus_message *message, const FdSet *queues);

/* Getters for a member at the offset: a bool, a uint32_t, an array of char, a Mac. */
PROPERTY_GETTER(property_get_flag);
PROPERTY_GETTER(property_get_number);
PROPERTY_GETTER(property_get_text);
PROPERTY_GETTER(property_get_mac);
