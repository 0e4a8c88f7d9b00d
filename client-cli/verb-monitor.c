/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl monitor": prints one event a line, until it gets a Unix signal. On the bus anybody may
 * send anybody a signal that looks like the service's, so we follow the owner of the service's name
 * and only accept its signals.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "cell.h"
#include "client-call.h"
#include "decode.h"
#include "endpoint.h"
#include "language.h"
#include "print.h"
#include "verb.h"

#define BUS_NAME        "org.freedesktop.DBus"
#define LOCAL_NAME      "org.freedesktop.DBus.Local" /* sd-bus itself */
#define ENDPOINT_PREFIX VNICD_PATH "/endpoint/"

typedef struct Monitor {
        sd_event *event;
        char *service; /* the unique name of the service; NULL: it does not run */
        bool json, all;
        Status status; /* why the loop ended */
} Monitor;

static void monitor_done(Monitor *monitor) {
        sd_event_unref(monitor->event);
        free(monitor->service);
}

static void monitor_end(Monitor *monitor, Status status) {
        monitor->status = status;
        (void)sd_event_exit(monitor->event, 0);
}

/* Networks are added and removed on the bus too. */
static bool is_endpoint(const char *path) {
        return strncmp(path, ENDPOINT_PREFIX, strlen(ENDPOINT_PREFIX)) == 0;
}

static const char *path_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static void print_member(const json_t *object, const char *key) {
        _cleanup_free_ char *text = cell_text(object, key);

        if (text)
                printf("  %s=%s", key, text);
}

/* Prints all members; but a new endpoint has very many, so only those that distinguish it. */
static void print_members(const char *event, const json_t *details) {
        static const char *const telling[] = { "bridge", "owner", "label", "guest_mac", "queues" };
        const char *key;
        json_t *value;

        if (strcmp(event, "added") == 0) {
                for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
                        print_member(details, telling[i]);
                return;
        }
        json_object_foreach((json_t *)details, key, value) {
                if (strcmp(key, "interface") != 0 && strcmp(key, "warning_codes") != 0)
                        print_member(details, key);
        }
}

static Status print_for_people(const char *event, const json_t *object, const json_t *details) {
        printf("%-7s  %s", event, json_string_value(json_object_get(object, "interface")));
        print_members(event, details);
        putchar('\n');
        return print_flush();
}

/* In JSON the details are members beside the event. If the details have no interface, the name of
 * the object is used. A write error ends the loop. */
static void print_event(Monitor *monitor, const char *event, const char *path, json_t *details) {
        _cleanup_(json_decrefp) json_t *object = json_pack("{s:s, s:s, s:s}", "event", event,
                        "path", path, "interface", path_name(path));
        Status status;

        if (!object || json_object_update(object, details) < 0)
                status = complain_errno(ENOMEM, _("Cannot describe an event"));
        else if (monitor->json)
                status = print_json_line(object);
        else
                status = print_for_people(event, object, details);
        if (status != STATUS_OK)
                monitor_end(monitor, status);
}

/* name: NULL: nobody. */
static bool comes_from(sd_bus_message *message, const char *name) {
        const char *sender = sd_bus_message_get_sender(message);

        return sender && name && strcmp(sender, name) == 0;
}

/* The arguments of the signal if the service sent it and it has this signature; otherwise NULL. */
static json_t *read_signal(const Monitor *monitor, sd_bus_message *message, const char *signature) {
        json_t *body;

        if (!comes_from(message, monitor->service))
                return NULL;
        if (!sd_bus_message_has_signature(message, signature))
                return NULL;
        return decode_body(message, &body) < 0 ? NULL : body;
}

static int on_added(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Monitor *monitor = userdata;
        _cleanup_(json_decrefp) json_t *body = read_signal(monitor, message, "oa{sa{sv}}");
        _cleanup_(json_decrefp) json_t *endpoint = NULL;
        const char *path;

        if (!body)
                return 0;
        path = json_string_value(json_array_get(body, 0));
        if (!is_endpoint(path))
                return 0;
        if (endpoint_from_interfaces(path, json_array_get(body, 1), &endpoint) < 0)
                return 0;
        print_event(monitor, "added", path, endpoint);
        return 0;
}

static int on_removed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Monitor *monitor = userdata;
        _cleanup_(json_decrefp) json_t *body = read_signal(monitor, message, "oss");
        _cleanup_(json_decrefp) json_t *details = NULL;

        if (!body)
                return 0;
        details = json_pack("{s:O, s:O}", "interface", json_array_get(body, 1), "reason",
                        json_array_get(body, 2));
        print_event(monitor, "removed", json_string_value(json_array_get(body, 0)), details);
        return 0;
}

/* Properties that were only invalidated have no value to show, but vnicd always sends values. */
static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Monitor *monitor = userdata;
        _cleanup_(json_decrefp) json_t *body = read_signal(monitor, message, "sa{sv}as");
        _cleanup_(json_decrefp) json_t *details = json_object();

        if (!body || !is_endpoint(sd_bus_message_get_path(message)) ||
                        decode_add_properties(details, json_array_get(body, 1)) < 0)
                return 0;
        print_event(monitor, "changed", sd_bus_message_get_path(message), details);
        return 0;
}

/* It is about no endpoint, so who has not asked for it does not expect it. */
static int on_bridges(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Monitor *monitor = userdata;
        _cleanup_(json_decrefp) json_t *body = read_signal(monitor, message, "");
        _cleanup_(json_decrefp) json_t *object = json_pack("{s:s}", "event", "bridges");
        Status status;

        if (!body || !monitor->all)
                return 0;
        if (!object)
                status = complain_errno(ENOMEM, _("Cannot describe an event"));
        else if (monitor->json)
                status = print_json_line(object);
        else {
                printf("%s\n", json_string_value(json_object_get(object, "event")));
                status = print_flush();
        }
        if (status != STATUS_OK)
                monitor_end(monitor, status);
        return 0;
}

/* owner: "": nobody. */
static void set_service(Monitor *monitor, const char *owner) {
        free(monitor->service);
        monitor->service = *owner ? strdup(owner) : NULL;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *name, *owner;

        if (comes_from(message, BUS_NAME) &&
                        sd_bus_message_read(message, "sss", &name, NULL, &owner) > 0)
                set_service(userdata, owner);
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        if (comes_from(message, LOCAL_NAME))
                monitor_end(userdata,
                                complain(STATUS_UNREACHABLE,
                                                _("The connection to the system bus was lost, and events with it. When the bus is back, start monitor again.")));
        return 0;
}

#define FROM_SERVICE "type='signal',sender='" VNICD_NAME "',"

static const struct {
        const char *match;
        sd_bus_message_handler_t handler;
} matches[] = {
        { "type='signal',sender='" BUS_NAME "',member='NameOwnerChanged',arg0='" VNICD_NAME "'",
                        on_owner_changed },
        { FROM_SERVICE "path='" VNICD_PATH "',interface='" DBUS_OBJECTMANAGER
                       "',member='InterfacesAdded'",
                        on_added },
        { FROM_SERVICE "path='" VNICD_PATH "',interface='" VNICD_MANAGER
                       "',member='EndpointRemoved'",
                        on_removed },
        { FROM_SERVICE "path='" VNICD_PATH "',interface='" VNICD_MANAGER
                       "',member='BridgesChanged'",
                        on_bridges },
        { FROM_SERVICE "path_namespace='" VNICD_PATH "/endpoint',interface='" DBUS_PROPERTIES
                       "',member='PropertiesChanged'",
                        on_changed },
        { "type='signal',sender='" LOCAL_NAME "',interface='" LOCAL_NAME "',member='Disconnected'",
                        on_disconnected },
};

static int watch_bus(Monitor *monitor, sd_bus *bus) {
        for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
                int r = sd_bus_add_match(bus, NULL, matches[i].match, matches[i].handler, monitor);

                if (r < 0)
                        return r;
        }
        return sd_bus_attach_event(bus, monitor->event, SD_EVENT_PRIORITY_NORMAL);
}

static int watch_signals(sd_event *event) {
        static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
        sigset_t signals;

        sigemptyset(&signals);
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                sigaddset(&signals, numbers[i]);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                int r = sd_event_add_signal(event, NULL, numbers[i], NULL, NULL);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* For when the bus, or the service on it, goes away while monitor is starting. */
static Status complain_watch(int error) {
        return complain(STATUS_UNREACHABLE,
                        _("Cannot watch org.vnicd1 on the system bus: %s. See \"systemctl status dbus vnicd\", and try again."),
                        strerror(abs(error)));
}

/* Starts the service if it does not run, since without it there are no events. */
static Status learn_service(Monitor *monitor, Client *client) {
        _cleanup_(json_decrefp) json_t *properties = NULL;
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        const char *owner;
        Status status;
        int r;

        status = client_get_properties(client, VNICD_PATH, VNICD_MANAGER, &properties);
        if (status != STATUS_OK)
                return status;
        r = sd_bus_get_name_creds(client_bus(client), VNICD_NAME, SD_BUS_CREDS_UNIQUE_NAME, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_unique_name(creds, &owner);
        if (r < 0)
                return complain_watch(r);
        set_service(monitor, owner);
        return STATUS_OK;
}

Status verb_monitor(const Options *options) {
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(monitor_done) Monitor monitor = { .json = options->json, .all = options->all };
        Status status;
        int r;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        r = sd_event_new(&monitor.event);
        if (r >= 0)
                r = watch_signals(monitor.event);
        if (r < 0)
                return complain_errno(r, _("Cannot wait for events"));
        r = watch_bus(&monitor, client_bus(client));
        if (r < 0)
                return complain_watch(r);
        status = learn_service(&monitor, client);
        if (status != STATUS_OK)
                return status;

        fputs("watching " VNICD_NAME " ...\n", stderr);
        r = sd_event_loop(monitor.event);
        return r < 0 ? complain_watch(r) : monitor.status;
}
