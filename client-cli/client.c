/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

/*
 * Owns the bus connection and the text agent. Every error of a call becomes a sentence and an exit
 * status here and nowhere else. Knows no verb and no table.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent.h"

#define USEC_PER_SEC  UINT64_C(1000000)
#define TIMEOUT_PLAIN (25 * USEC_PER_SEC)
#define TIMEOUT_ASK   (150 * USEC_PER_SEC) /* the service lets a question stand for 120 s */

struct Client {
        sd_bus *bus;
        bool ask;      /* polkit may ask a person */
        bool terminal; /* and the person is at our terminal */
        pid_t agent;   /* 0: not started */
};

Status client_open(const Options *options, Client **ret) {
        _cleanup_(client_freep) Client *client = calloc(1, sizeof(Client));
        int r;

        if (!client)
                return complain_errno(ENOMEM, "connect to the system bus");
        r = sd_bus_open_system(&client->bus);
        if (r < 0)
                return complain(STATUS_UNREACHABLE, "Cannot connect to the system bus: %s.",
                                strerror(-r));

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

static void print_advice(Status status) {
        if (status == STATUS_UNREACHABLE)
                fputs("vnicd is not running and the bus could not start it, or it hangs; see "
                      "\"systemctl status vnicd\".\n",
                                stderr);
}

static Status complain_call(const sd_bus_error *error, int r) {
        Status status = status_from_error_name(error->name);
        const char *message = error->message ? error->message : strerror(-r);

        if (r == -ETIMEDOUT)
                message = "it did not answer in time";
        if (status == STATUS_UNREACHABLE)
                complain(status, "The service " VNICD_NAME " cannot be reached: %s.", message);
        else
                complain(status, "%s", message);
        print_advice(status);
        return status;
}

Status client_begin(Client *client, const Method *method, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(client->bus, ret, VNICD_NAME, method->path,
                        method->interface, method->member);

        return r < 0 ? complain_errno(r, "write the request") : STATUS_OK;
}

Status client_complain_arguments(int error) {
        if (error == -EINVAL)
                return complain(STATUS_BAD_OPTION,
                                "Cannot write the request: an argument is not UTF-8 text.");
        return complain_errno(error, "write the request");
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
                return complain_call(&error, r);
        if (!sd_bus_message_has_signature(reply, method->answer))
                return complain(STATUS_FAILURE,
                                "The service answered %s in a way that is not "
                                "understood here: its version may be another one.",
                                method->member);
        *ret = TAKE_PTR(reply);
        return STATUS_OK;
}
