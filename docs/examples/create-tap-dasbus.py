#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""create-tap-dasbus.py BRIDGE: makes a tap with two queues and holds it until the end of standard input.
dasbus asks the service itself for its interfaces. Debian package: python3-dasbus."""

import sys

from dasbus.connection import SystemMessageBus
from dasbus.error import DBusError
from dasbus.typing import get_variant
from dasbus.unix import GLibClientUnix
from gi.repository import Gio

if len(sys.argv) != 2:
    sys.exit(__doc__)

bus = SystemMessageBus()
# Its default client loses the queues: it returns indexes instead, closes them, and the tap is gone.
manager = bus.get_proxy("org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager", client=GLibClientUnix)
try:
    # Polkit may ask a person: the service lets a question stand for 120 s, so wait longer than that.
    path, interface, offloads, queues = manager.CreateTap(
        sys.argv[1], True, True, {"queues": get_variant("u", 2)},
        flags=Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, timeout=150_000)
    mac = bus.get_proxy("org.vnicd1", path, "org.vnicd1.Endpoint").GuestMac
except DBusError as error:
    sys.exit(error)

print(f"{interface}: guest MAC {mac}, fds {queues}, offloads: {' '.join(offloads)}", flush=True)
sys.stdin.read()
