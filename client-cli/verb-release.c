/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl release": deletes endpoints, by name or all of the caller's. A failure does not stop the
 * others; the first failure is the exit status.
 */

#include "client-call.h"
#include "language.h"
#include "print.h"
#include "verb.h"

static Status release_one(Client *client, const char *name) {
        Method method = { NULL, VNICD_ENDPOINT, "Release", "", "org.vnicd1.manage-endpoints" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        _cleanup_free_ char *path = NULL;
        Status status;

        status = client_find_endpoint(client, name, &path);
        if (status != STATUS_OK)
                return status;
        method.path = path;
        return client_call(client, &method, NULL, &body);
}

static Status release_names(Client *client, char *const *names) {
        Status first = STATUS_OK;

        for (; *names; names++) {
                Status status = release_one(client, *names);

                if (first == STATUS_OK)
                        first = status;
        }
        return first;
}

static Status release_all(Client *client) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "ReleaseAll", .answer = "u" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        Status status;

        status = client_call(client, &method, NULL, &body);
        if (status != STATUS_OK)
                return status;
        printf(_("%lld released\n"), (long long)json_integer_value(json_array_get(body, 0)));
        return print_flush();
}

Status verb_release(const Options *options) {
        _cleanup_(client_freep) Client *client = NULL;
        Status status;

        if (options->all == (options->n_arguments > 0))
                return complain(STATUS_USAGE,
                                _("release takes either names or --all; see vnicctl release --help."));
        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        return options->all ? release_all(client) : release_names(client, options->arguments);
}
