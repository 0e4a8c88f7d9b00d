/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/polkit-client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bus/bus-cleanup.h"

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define FLAG_ALLOW_USER_INTERACTION 1u

/* polkit gives its rules 15 seconds, and polkitd 122 now and then takes all of them to notice that
 * a rule has ended: a shorter time-out would turn a yes into a no. */
#define ANSWER_TIMEOUT_USEC (20 * UINT64_C(1000000))
#define PERSON_TIMEOUT_USEC (120 * UINT64_C(1000000))

#define ID_SIZE 32

static const char *format_id(uint64_t id, char buffer[static ID_SIZE]) {
        snprintf(buffer, ID_SIZE, "vnicd-%" PRIu64, id);
        return buffer;
}

static int append_details(sd_bus_message *call, const PolkitQuestion *question) {
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{ss}");

        for (size_t i = 0; i < POLKIT_DETAILS_MAX && question->details[i].key && r >= 0; i++)
                r = sd_bus_message_append(
                                call, "{ss}", question->details[i].key, question->details[i].value);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

int polkit_ask(sd_bus *bus, sd_bus_slot **ret, const char *sender, const PolkitQuestion *question,
                uint64_t id, bool ask_person, sd_bus_message_handler_t callback, void *userdata) {
        _cleanup_sd_message_ sd_bus_message *call = NULL;
        char id_text[ID_SIZE];
        int r;

        r = sd_bus_message_new_method_call(bus, &call, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                        "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "(sa{sv})s", "system-bus-name", 1, "name", "s", sender,
                        question->action);
        if (r < 0)
                return r;
        r = append_details(call, question);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "us", ask_person ? FLAG_ALLOW_USER_INTERACTION : 0,
                        format_id(id, id_text));
        if (r < 0)
                return r;
        return sd_bus_call_async(bus, ret, call, callback, userdata,
                        ask_person ? PERSON_TIMEOUT_USEC : ANSWER_TIMEOUT_USEC);
}

PolkitVerdict polkit_read_verdict(sd_bus_message *answer) {
        int authorized = 0, challenge = 0;
        const char *key, *value;
        bool dismissed = false;

        if (sd_bus_message_is_method_error(answer, NULL) ||
                        sd_bus_message_enter_container(answer, SD_BUS_TYPE_STRUCT, "bba{ss}") <=
                                        0 ||
                        sd_bus_message_read(answer, "bb", &authorized, &challenge) <= 0 ||
                        sd_bus_message_enter_container(answer, SD_BUS_TYPE_ARRAY, "{ss}") < 0)
                return POLKIT_UNAVAILABLE;
        while (sd_bus_message_read(answer, "{ss}", &key, &value) > 0)
                dismissed = dismissed || (strcmp(key, "polkit.dismissed") == 0 && *value);

        return authorized           ? POLKIT_YES
                        : dismissed ? POLKIT_DISMISSED
                        : challenge ? POLKIT_CHALLENGE
                                    : POLKIT_DENIED;
}

void polkit_cancel(sd_bus *bus, uint64_t id) {
        char id_text[ID_SIZE];

        (void)sd_bus_call_method_async(bus, NULL, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                        "CancelCheckAuthorization", NULL, NULL, "s", format_id(id, id_text));
}
