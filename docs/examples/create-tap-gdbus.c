/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create-tap-gdbus BRIDGE: makes a tap with two queues and holds it until standard input ends.
 * Debian packages: vnicd-dev, libglib2.0-dev, libglib2.0-dev-bin.
 *   xml=$(pkg-config --variable=interfaces_dir vnicd)
 *   gdbus-codegen --glib-min-required 2.64 --interface-prefix org.vnicd1. --c-namespace Vnicd \
 *     --c-generate-autocleanup all --generate-c-code bindings $xml/org.vnicd1.*.xml
 *   cc -o create-tap-gdbus *.c $(pkg-config --cflags --libs gio-unix-2.0) */
#include <gio/gunixfdlist.h>
#include <stdio.h>

#include "bindings.h"

static gboolean create_tap(
                GDBusConnection *bus, const char *bridge, GUnixFDList **ret_fds, GError **error) {
        g_autoptr(VnicdManager) manager = vnicd_manager_proxy_new_sync(
                        bus, G_DBUS_PROXY_FLAGS_NONE, "org.vnicd1", "/org/vnicd1", NULL, error);
        g_autofree char *path = NULL, *interface = NULL, *text = NULL;
        g_autoptr(VnicdEndpoint) endpoint = NULL;
        g_autoptr(GVariant) queues = NULL;
        g_auto(GStrv) offloads = NULL;
        GVariantDict options;

        g_variant_dict_init(&options, NULL);
        g_variant_dict_insert(&options, "queues", "u", 2);
        /* polkit may ask a person, for 120 s: wait longer than that */
        if (!manager ||
                        !vnicd_manager_call_create_tap_sync(manager, bridge, TRUE /* vnet_hdr */,
                                        TRUE /* multiqueue */, g_variant_dict_end(&options),
                                        G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, 150000,
                                        NULL, &path, &interface, &offloads, &queues, ret_fds, NULL,
                                        error))
                return FALSE;
        endpoint = vnicd_endpoint_proxy_new_sync(
                        bus, G_DBUS_PROXY_FLAGS_NONE, "org.vnicd1", path, NULL, error);
        if (!endpoint)
                return FALSE;
        text = g_strjoinv(" ", offloads);
        /* The queues are indexes into the list, which has them in order. */
        printf("%s: guest MAC %s, %d queues, offloads: %s\n", interface,
                        vnicd_endpoint_get_guest_mac(endpoint), g_unix_fd_list_get_length(*ret_fds),
                        text);
        fflush(stdout);
        return TRUE;
}

int main(int argc, char *argv[]) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GUnixFDList) fds = NULL; /* closes what nobody has stolen */
        g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &error);

        if (!bus || argc != 2 || !create_tap(bus, argv[1], &fds, &error)) {
                fprintf(stderr, "%s\n", error ? error->message : "Usage: create-tap-gdbus BRIDGE");
                return 1;
        }
        /* Here a VMM would take the queues, with g_unix_fd_list_steal_fds(). */
        while (getchar() != EOF)
                ;
        return 0;
}
