#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
// create-tap-proxy.js BRIDGE: makes a tap with two queues and holds it until the end of standard input.
// Its proxies are made from the installed interfaces. Debian packages: gjs, vnicd-dev.
const { Gio, GLib } = imports.gi;
const ByteArray = imports.byteArray;
const System = imports.system;

if (ARGV.length !== 1) {
    printerr('Usage: create-tap-proxy.js BRIDGE');
    System.exit(1);
}

function proxyClass(name) {
    for (const folder of GLib.get_system_data_dirs()) {
        const file = `${folder}/dbus-1/interfaces/org.vnicd1.${name}.xml`;
        if (GLib.file_test(file, GLib.FileTest.EXISTS))
            return Gio.DBusProxy.makeProxyWrapper(ByteArray.toString(GLib.file_get_contents(file)[1]));
    }
    throw new Error(`org.vnicd1.${name}.xml is not installed: it is in the package vnicd-dev`);
}

try {
    const bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, null);
    const manager = new (proxyClass('Manager'))(bus, 'org.vnicd1', '/org/vnicd1');
    // Polkit may ask a person: the service lets a question stand for 120 s, so wait longer than that.
    manager.set_default_timeout(150000);
    // The list that is passed is empty, but without it GJS does not return the one that was received.
    const [[path, name, offloads, handles], list] = manager.CreateTapSync(ARGV[0], true, true,
        { queues: GLib.Variant.new_uint32(2) }, new Gio.UnixFDList(),
        Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION);
    const received = list.steal_fds(); // get() would make duplicates
    const fds = handles.map(handle => received[handle]);
    const endpoint = new (proxyClass('Endpoint'))(bus, 'org.vnicd1', path);
    print(`${name}: guest MAC ${endpoint.GuestMac}, fds ${fds.join(' ')}, offloads: ${offloads.join(' ')}`);
} catch (error) {
    printerr(error.message);
    System.exit(1);
}

// Here a program would hand the fds to its VMM, with Gio.SubprocessLauncher.take_fd().
const input = GLib.IOChannel.unix_new(0);
while (input.read_line()[0] === GLib.IOStatus.NORMAL)
    ;
