#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""create-tap.py BRIDGE [QEMU-ARGUMENT...]: makes a tap with two queues and starts QEMU with it.
Without further arguments it only holds the tap until Enter. Debian package: python3-gi."""

import os
import sys

from gi.repository import Gio, GLib

SERVICE, MANAGER = "org.vnicd1", "/org/vnicd1"
if len(sys.argv) < 2:
    sys.exit(__doc__)

bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
options = {"queues": GLib.Variant("u", 2)}
try:
    # Polkit may ask a person: the service lets a question stand for 120 s, so wait longer than that.
    reply, fd_list = bus.call_with_unix_fd_list_sync(
        SERVICE, MANAGER, "org.vnicd1.Manager", "CreateTap",
        GLib.Variant("(sbba{sv})", (sys.argv[1], True, True, options)), GLib.VariantType("(osasah)"),
        Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, 150_000, None)
    endpoint, interface, offloads, queues = reply.unpack()
    received = fd_list.steal_fds()  # get() would make duplicates
    fds = [received[handle] for handle in queues]
    mac = bus.call_sync(SERVICE, endpoint, "org.freedesktop.DBus.Properties", "Get",
                        GLib.Variant("(ss)", ("org.vnicd1.Endpoint", "GuestMac")), None, 0, -1).unpack()[0]
except GLib.Error as error:
    sys.exit(error.message)

print(f"{interface}: guest MAC {mac}, fds {fds}, offloads: {' '.join(offloads)}", flush=True)
if len(sys.argv) == 2:
    input("The tap lives until this program ends: press Enter. ")
    sys.exit()
for fd in fds:
    os.set_inheritable(fd, True)
os.execvp("qemu-system-x86_64", ["qemu-system-x86_64", *sys.argv[2:],
                                 "-netdev", "tap,id=n0,fds=" + ":".join(map(str, fds)),
                                 "-device", f"virtio-net-pci,netdev=n0,mq=on,vectors=6,mac={mac}"])
