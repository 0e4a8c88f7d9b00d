#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
// create-tap.js BRIDGE: makes a tap with two queues and holds it until the end of standard input.
// Debian package: gjs.
const { Gio, GLib } = imports.gi;
const System = imports.system;

if (ARGV.length !== 1) {
    printerr('Usage: create-tap.js BRIDGE');
    System.exit(1);
}

const bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, null);

function createTap(bridge) {
    // Polkit may ask a person: the service lets a question stand for 120 s, so wait longer than that.
    const [reply, list] = bus.call_with_unix_fd_list_sync(
        'org.vnicd1', '/org/vnicd1', 'org.vnicd1.Manager', 'CreateTap',
        new GLib.Variant('(sbba{sv})', [bridge, true, true, { queues: GLib.Variant.new_uint32(2) }]),
        new GLib.VariantType('(osasah)'),
        Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, 150000, null, null);
    const [endpoint, name, offloads, handles] = reply.deepUnpack();
    const received = list.steal_fds(); // get() would make duplicates
    return { endpoint, name, offloads, fds: handles.map(handle => received[handle]) };
}

function guestMac(endpoint) {
    const [value] = bus.call_sync('org.vnicd1', endpoint, 'org.freedesktop.DBus.Properties', 'Get',
        new GLib.Variant('(ss)', ['org.vnicd1.Endpoint', 'GuestMac']), null,
        Gio.DBusCallFlags.NONE, -1, null).deepUnpack();
    return value.deepUnpack();
}

try {
    const tap = createTap(ARGV[0]);
    print(`${tap.name}: guest MAC ${guestMac(tap.endpoint)}, fds ${tap.fds.join(' ')}, ` +
        `offloads: ${tap.offloads.join(' ')}`);
} catch (error) {
    printerr(error.message);
    System.exit(1);
}

// Here a program would hand the fds to its VMM, with Gio.SubprocessLauncher.take_fd().
const input = GLib.IOChannel.unix_new(0);
while (input.read_line()[0] === GLib.IOStatus.NORMAL)
    ;
