/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl libvirt": networks in the libvirt session of the calling user, one for each bridge that
 * they may use, so that programs can offer bridges by name. libvirt calls the bridge helper for
 * them; vnicd knows nothing of them.
 *
 * A network of ours is recognised by its UUID: the first half is always the same, and the second
 * derives from the name. Any other network belongs to the user and is left alone, whatever its
 * name. What the user changes in one of ours stays.
 */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "client-call.h"
#include "language.h"
#include "print.h"
#include "verb.h"
#include "virsh.h"

#define OUR_HALF  "b3d09c1e-6f52-8a47-" /* version 8 of RFC 9562: a format of our own */
#define UUID_SIZE 37

typedef struct Session {
        json_t *uuids, *inactive, *names; /* arrays of strings */
} Session;

static void session_done(Session *session) {
        json_decref(session->uuids);
        json_decref(session->inactive);
        json_decref(session->names);
}

static bool is_ours(const char *uuid) {
        return strncmp(uuid, OUR_HALF, strlen(OUR_HALF)) == 0;
}

/* FNV-1a. */
static void uuid_of(const char *name, char ret[static UUID_SIZE]) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (; *name; name++)
                hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
        hash = (hash & UINT64_C(0x3fffffffffffffff)) | UINT64_C(0x8000000000000000); /* variant */
        snprintf(ret, UUID_SIZE, OUR_HALF "%04" PRIx64 "-%012" PRIx64, hash >> 48,
                        hash & UINT64_C(0xffffffffffff));
}

static bool contains(const json_t *list, const char *text) {
        json_t *item;
        size_t i;

        json_array_foreach(
                        list, i, item) if (strcmp(json_string_value(item), text) == 0) return true;
        return false;
}

/* The networks of the session, as an array of what each line of the output says. */
static Status list(const char *which, const char *what, json_t **ret) {
        const char *const arguments[] = { "net-list", which, what, NULL };
        _cleanup_free_ char *output = NULL;
        _cleanup_(json_decrefp) json_t *lines = json_array();
        char *rest, *line;
        Status status = virsh_run(_("Cannot list the networks of your libvirt session"), arguments,
                        NULL, &output);

        if (status != STATUS_OK)
                return status;
        for (rest = output; (line = strsep(&rest, "\n"));)
                if (*line && json_array_append_new(lines, json_string(line)) < 0)
                        return complain_errno(ENOMEM,
                                        _("Cannot list the networks of your libvirt session"));
        *ret = TAKE_PTR(lines);
        return STATUS_OK;
}

/* By UUID, since names can be anything. */
static Status change(const char *what, const char *verb, const char *uuid) {
        const char *const arguments[] = { verb, uuid, NULL };

        return virsh_run(what, arguments, NULL, NULL);
}

static Status start(const char *uuid) {
        Status status = change(_("Cannot have libvirt start the network with your session"),
                        "net-autostart", uuid);

        return status == STATUS_OK ? change(_("Cannot start the network"), "net-start", uuid)
                                   : status;
}

/* name: of a bridge that vnicd lists, so it needs no quoting. */
static Status define(const char *name, const char *uuid) {
        static const char *const arguments[] = { "net-define", "/dev/stdin", NULL };
        char definition[256];
        Status status;

        snprintf(definition, sizeof(definition),
                        "<network><name>%s</name><uuid>%s</uuid><forward mode='bridge'/><bridge name='%s'/></network>\n",
                        name, uuid, name);
        status = virsh_run(_("Cannot define the network"), arguments, definition, NULL);
        if (status == STATUS_OK)
                status = start(uuid);
        if (status == STATUS_OK)
                printf(_("defined %s\n"), name);
        return status;
}

static Status provide(const Session *session, const char *name) {
        char uuid[UUID_SIZE];

        uuid_of(name, uuid);
        if (contains(session->inactive, uuid)) /* an earlier attempt may have been interrupted */
                return start(uuid);
        if (contains(session->uuids, uuid))
                return STATUS_OK;
        if (contains(session->names, name))
                return complain(STATUS_TAKEN,
                                _("Your libvirt session has a network '%s' of your own, which stays as it is. To get one for the bridge of that name, rename yours or remove it (virsh -c qemu:///session net-undefine %s)."),
                                name, name);
        return define(name, uuid);
}

static Status remove_network(const Session *session, const char *uuid) {
        const char *const arguments[] = { "net-name", uuid, NULL };
        _cleanup_free_ char *name = NULL;
        Status status = virsh_run(_("Cannot get the name of the network"), arguments, NULL, &name);

        if (status == STATUS_OK && !contains(session->inactive, uuid))
                status = change(_("Cannot stop the network"), "net-destroy", uuid);
        if (status == STATUS_OK)
                status = change(_("Cannot remove the network"), "net-undefine", uuid);
        if (status == STATUS_OK)
                printf(_("removed %.*s\n"), (int)strcspn(name, "\n"), name);
        return status;
}

/* A failure does not stop the others; the first failure is the exit status. */
static void note(Status *first, Status status) {
        if (*first == STATUS_OK)
                *first = status;
}

static Status remove_others(const Session *session, const json_t *wanted) {
        Status first = STATUS_OK;
        json_t *uuid;
        size_t i;

        json_array_foreach(session->uuids, i, uuid) {
                const char *text = json_string_value(uuid);

                if (is_ours(text) && !contains(wanted, text))
                        note(&first, remove_network(session, text));
        }
        return first;
}

/* Without an answer of polkit "no" only means that nobody knows. Takes an older service's silence
 * about that for such a "no". */
static bool is_certain(const json_t *bridge) {
        return strcmp(json_string_value(json_object_get(bridge, "access")), "no") != 0 ||
                        json_is_true(json_object_get(bridge, "polkit_answered"));
}

static Status synchronise(const Session *session, const json_t *bridges) {
        _cleanup_(json_decrefp) json_t *wanted = json_array();
        Status first = STATUS_OK;
        bool certain = true;
        json_t *bridge;
        size_t i;

        json_array_foreach(bridges, i, bridge) {
                const char *name = json_string_value(json_object_get(bridge, "name"));
                char uuid[UUID_SIZE];

                certain = certain && is_certain(bridge);
                if (strcmp(json_string_value(json_object_get(bridge, "access")), "no") == 0)
                        continue;
                uuid_of(name, uuid);
                if (json_array_append_new(wanted, json_string(uuid)) < 0)
                        return complain_errno(ENOMEM, _("Cannot list the bridges"));
                note(&first, provide(session, name));
        }
        if (certain)
                note(&first, remove_others(session, wanted));
        else
                note(&first,
                                complain(STATUS_UNREACHABLE,
                                                _("polkit did not say which bridges you may use, so no network was removed. See whether polkit is running (systemctl status polkit), and repeat this.")));
        return first;
}

static Status list_bridges(const Options *options, json_t **ret) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "ListBridges", .answer = "aa{sv}" };
        _cleanup_(client_freep) Client *client = NULL;
        Status status = client_open(options, &client);

        return status == STATUS_OK ? client_call(client, &method, NULL, ret) : status;
}

static Status read_session(Session *session) {
        Status status = list("--all", "--uuid", &session->uuids);

        if (status == STATUS_OK)
                status = list("--inactive", "--uuid", &session->inactive);
        if (status == STATUS_OK)
                status = list("--all", "--name", &session->names);
        return status;
}

Status verb_libvirt(const Options *options) {
        const bool remove = strcmp(options->arguments[0], "remove") == 0;
        _cleanup_(json_decrefp) json_t *answer = NULL;
        _cleanup_(session_done) Session session = {};
        Status status = STATUS_OK;

        if (!remove && strcmp(options->arguments[0], "sync") != 0)
                return complain(STATUS_USAGE,
                                _("libvirt takes sync or remove, not '%s'; see vnicctl libvirt --help."),
                                options->arguments[0]);
        if (!remove)
                status = list_bridges(options, &answer);
        if (status == STATUS_OK)
                status = read_session(&session);
        if (status == STATUS_OK)
                status = remove ? remove_others(&session, NULL)
                                : synchronise(&session, json_array_get(answer, 0));
        note(&status, print_flush());
        return status;
}
