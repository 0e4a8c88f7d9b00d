/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

/*
 * Owns the bus connection and the text agent. connection.h turns every error of a call into a
 * sentence and an exit status. Knows no verb and no table.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent.h"
#include "connection.h"
#include "language.h"

#define USEC_PER_SEC  UINT64_C(1000000)
#define TIMEOUT_PLAIN (25 * USEC_PER_SEC)
#define TIMEOUT_ASK   (150 * USEC_PER_SEC) /* the service waits 120 s for polkit */

struct Client {
        sd_bus *bus;
        bool ask;      /* polkit may ask for authentication */
        bool terminal; /* it may do so in our terminal */
        pid_t agent;   /* 0: not started */
};

static Status complain_connection(int error) {
        _cleanup_free_ char *sentence = connection_explain(error);

        return complain(STATUS_UNREACHABLE, "%s",
                        sentence ? sentence : _("Cannot connect to the system bus."));
}

Status client_open(const Options *options, Client **ret) {
        _cleanup_(client_freep) Client *client = calloc(1, sizeof(Client));
        int r;

        if (!client)
                return complain_errno(ENOMEM, _("Cannot connect to the system bus"));
        r = connection_open(&client->bus);
        if (r < 0)
                return complain_connection(r);
        client->terminal = !options->no_ask && !options->no_agent && isatty(STDIN_FILENO);
        client->ask = !options->no_ask && (options->ask || client->terminal);
        *ret = TAKE_PTR(client);
        return STATUS_OK;
}

Client *client_free(Client *client) {
        if (!client)
                return NULL;
        agent_stop(client->agent);
        sd_bus_flush_close_unref(client->bus);
        free(client);
        return NULL;
}

sd_bus *client_bus(Client *client) {
        return client->bus;
}

/* root is never asked. */
static void start_agent(Client *client) {
        if (client->terminal && client->agent == 0 && geteuid() != 0)
                client->agent = agent_start();
}

Status client_begin(Client *client, const Method *method, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(client->bus, ret, VNICD_NAME, method->path,
                        method->interface, method->member);

        return r < 0 ? complain_errno(r, _("Cannot write the request")) : STATUS_OK;
}

Status client_complain_arguments(int error) {
        if (error == -EINVAL)
                return complain(STATUS_BAD_OPTION,
                                _("Cannot write the request: an argument is not UTF-8 text."));
        return complain_errno(error, _("Cannot write the request"));
}

Status client_end(
                Client *client, const Method *method, sd_bus_message *call, sd_bus_message **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        bool ask = client->ask && method->action;
        int r;

        if (ask) {
                start_agent(client);
                (void)sd_bus_message_set_allow_interactive_authorization(call, true);
        }
        r = sd_bus_call(client->bus, call, ask ? TIMEOUT_ASK : TIMEOUT_PLAIN, &error, &reply);
        if (r < 0)
                return connection_complain_call(method->member, &error);
        if (!sd_bus_message_has_signature(reply, method->answer))
                return complain(STATUS_FAILURE,
                                _("The service answered %s in a way that is not understood here: its version may be another one."),
                                method->member);
        *ret = TAKE_PTR(reply);
        return STATUS_OK;
}
