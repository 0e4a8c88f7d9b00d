/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/property.h"

#include <stdbool.h>

#include "kernel/mac.h"

PROPERTY_GETTER(property_get_flag) {
        return sd_bus_message_append_basic(reply, 'b', &(int){ *(const bool *)userdata });
}

PROPERTY_GETTER(property_get_number) {
        return sd_bus_message_append_basic(reply, 'u', userdata);
}

PROPERTY_GETTER(property_get_text) {
        return sd_bus_message_append_basic(reply, 's', userdata);
}

PROPERTY_GETTER(property_get_mac) {
        char text[MAC_TEXT_SIZE];

        return sd_bus_message_append_basic(reply, 's', mac_format(userdata, text));
}
