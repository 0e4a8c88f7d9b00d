/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/property.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/mac.h"
#include "common/printable.h"

int append_text(sd_bus_message *message, const char *text) {
        _cleanup_free_ char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        return sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, printable(copy));
}

PROPERTY_GETTER(property_get_flag) {
        return sd_bus_message_append_basic(reply, 'b', &(int){ *(const bool *)userdata });
}

PROPERTY_GETTER(property_get_number) {
        return sd_bus_message_append_basic(reply, 'u', userdata);
}

PROPERTY_GETTER(property_get_text) {
        return append_text(reply, userdata);
}

PROPERTY_GETTER(property_get_mac) {
        char text[MAC_TEXT_SIZE];

        return sd_bus_message_append_basic(reply, 's', mac_format(userdata, text));
}

int append_names(sd_bus_message *message, const char *const *names) {
        int r = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "s");

        for (; *names && r >= 0; names++)
                r = append_text(message, *names);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int append_warnings(sd_bus_message *message, const Warnings *warnings, const char *property) {
        return append_names(message,
                        strcmp(property, "WarningCodes") == 0 ? warnings->codes
                                                              : warnings->sentences);
}

int append_queues(sd_bus_message *message, const FdSet *queues) {
        int r = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "h");

        for (size_t i = 0; i < queues->n && r >= 0; i++)
                r = sd_bus_message_append_basic(message, SD_BUS_TYPE_UNIX_FD, &queues->fds[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int append_queue(sd_bus_message *message, const FdSet *queues) {
        return sd_bus_message_append_basic(message, SD_BUS_TYPE_UNIX_FD, &queues->fds[0]);
}
