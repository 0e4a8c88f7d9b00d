/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl network": the networks that vnicd owns. The next word is a subcommand; all subcommands
 * share the options of the verb.
 */

#include <string.h>
#include <time.h>

#include "client.h"
#include "language.h"
#include "network.h"
#include "print.h"
#include "verb.h"

typedef struct Subcommand {
        const char *name;
        int min_arguments, max_arguments; /* names of networks */
        Status (*run)(Client *client, const Options *options, char *const *names);
} Subcommand;

static const Column columns[] = {
        { "NAME", "name" },
        { "KIND", "kind" },
        { "ADDRESSES", "addresses" },
        { "MTU", "mtu" },
        { "PORTS", "ports" },
};

static const Column lease_columns[] = {
        { "ADDRESS", "address" },
        { "MAC", "mac" },
        { "NAME", "name" },
        { "EXPIRES", "expires" },
};

static Status list(Client *client, const Options *options, char *const *names) {
        _cleanup_(json_decrefp) json_t *networks = NULL;
        Status status = network_get_all(client, &networks);

        if (status != STATUS_OK)
                return status;
        if (options->json)
                return print_json(networks);
        return print_rows_and_warnings(
                        networks, columns, sizeof(columns) / sizeof(columns[0]), "name");
}

static Status show(Client *client, const Options *options, char *const *names) {
        _cleanup_(json_decrefp) json_t *network = NULL;
        Status status = network_get(client, names[0], &network);

        if (status != STATUS_OK)
                return status;
        return options->json ? print_json(network) : print_object(network);
}

static Status create(Client *client, const Options *options, char *const *names) {
        Status status = network_create(client, options, names[0]);

        return status == STATUS_OK ? show(client, options, names) : status;
}

/* A failure does not stop the others; the first failure is the exit status. */
static Status delete_all(Client *client, const Options *options, char *const *names) {
        Status first = STATUS_OK;

        for (; *names; names++) {
                Status status = network_delete(client, *names);

                if (first == STATUS_OK)
                        first = status;
        }
        return first;
}

static void add_time(json_t *lease) {
        time_t expiry = (time_t)json_integer_value(json_object_get(lease, "expiry"));
        char text[32] = "never";
        struct tm local;

        if (expiry > 0 && localtime_r(&expiry, &local))
                strftime(text, sizeof(text), "%F %T", &local);
        json_object_set_new(lease, "expires", json_string(text));
}

static Status leases(Client *client, const Options *options, char *const *names) {
        _cleanup_(json_decrefp) json_t *given = NULL;
        Status status = network_get_leases(client, names[0], &given);
        json_t *lease;
        size_t i;

        if (status != STATUS_OK)
                return status;
        if (options->json)
                return print_json(given);
        json_array_foreach(given, i, lease) add_time(lease);
        return print_rows(given, lease_columns, sizeof(lease_columns) / sizeof(lease_columns[0]));
}

static const Subcommand subcommands[] = {
        { "create", 1, 1, create },
        { "list", 0, 0, list },
        { "show", 1, 1, show },
        { "delete", 1, 0x7fffffff, delete_all },
        { "leases", 1, 1, leases },
};

static const Subcommand *find_subcommand(const char *name) {
        for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
                if (strcmp(subcommands[i].name, name) == 0)
                        return &subcommands[i];
        return NULL;
}

Status verb_network(const Options *options) {
        const Subcommand *subcommand = find_subcommand(options->arguments[0]);
        int n = options->n_arguments - 1;
        _cleanup_(client_freep) Client *client = NULL;
        Status status;

        if (!subcommand)
                return complain(STATUS_USAGE,
                                _("network takes create, list, show, delete or leases, not '%s'; see vnicctl network --help."),
                                options->arguments[0]);
        if (n < subcommand->min_arguments || n > subcommand->max_arguments)
                return complain(STATUS_USAGE,
                                subcommand->max_arguments == 0
                                                ? _("network %s takes no name; see vnicctl network --help.")
                                                : _("network %s takes the name of a network; see vnicctl network --help."),
                                subcommand->name);
        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        return subcommand->run(client, options, options->arguments + 1);
}
