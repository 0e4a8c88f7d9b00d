/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a property of an object is read. userdata is the object, or, for those that lie in it as they
 * are told, what lies at the property's offset.
 */

#include <stddef.h>
#include <systemd/sd-bus.h>

#include "common/fdset.h"

/* An sd_bus_property_get_t, of whose arguments most need two. */
#define PROPERTY_GETTER(name)                                                                      \
        int name(sd_bus *bus, const char *path, const char *interface, const char *property,       \
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)

/* Rows of a vtable. A live property is announced when it changes. */
#define CONST_PROPERTY(name, type, get, offset)                                                    \
        SD_BUS_PROPERTY(name, type, get, offset, SD_BUS_VTABLE_PROPERTY_CONST)
#define LIVE_PROPERTY(name, type, get, offset)                                                     \
        SD_BUS_PROPERTY(name, type, get, offset, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

/* Text that others may have chosen, such as the name that an administrator gave an interface: what
 * D-Bus does not take as a string would cost the whole message, and everybody who asks for all
 * objects the answer. -ENOMEM, -errno of sd-bus. */
int append_text(sd_bus_message *message, const char *text);

/* An array of strings, ended by NULL, as an argument or property of type "as". */
int append_names(sd_bus_message *message, const char *const *names);

/* A message argument "ah" made of the queues, which stay the caller's. */
int append_queues(sd_bus_message *message, const FdSet *queues);

/* A message argument "h" made of the one queue, which stays the caller's. */
int append_queue(sd_bus_message *message, const FdSet *queues);

/* At the offset: a bool, a uint32_t, an array of char, a Mac. */
PROPERTY_GETTER(property_get_flag);
PROPERTY_GETTER(property_get_number);
PROPERTY_GETTER(property_get_text);
PROPERTY_GETTER(property_get_mac);
