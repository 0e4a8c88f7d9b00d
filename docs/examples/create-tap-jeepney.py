#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""create-tap-jeepney.py BRIDGE: makes a tap with two queues and holds it until the end of standard input.
Pure Python; Debian package: python3-jeepney."""

import os
import sys

from jeepney import DBusAddress, HeaderFields, MessageFlag, MessageType, Properties, new_method_call
from jeepney.io.blocking import open_dbus_connection

if len(sys.argv) != 2:
    sys.exit(__doc__)

# enable_fds: otherwise the bus refuses to pass the queues.
connection = open_dbus_connection(bus=os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "SYSTEM"), enable_fds=True)


def call(message, timeout):
    reply = connection.send_and_get_reply(message, timeout=timeout)
    if reply.header.message_type == MessageType.error:
        sys.exit(f"{reply.header.fields[HeaderFields.error_name]}: {reply.body[0]}")
    return reply.body


manager = DBusAddress("/org/vnicd1", "org.vnicd1", "org.vnicd1.Manager")
create = new_method_call(manager, "CreateTap", "sbba{sv}", (sys.argv[1], True, True, {"queues": ("u", 2)}))
# Polkit may ask a person: the service lets a question stand for 120 s, so wait longer than that.
create.header.flags |= MessageFlag.allow_interactive_authorization
path, interface, offloads, queues = call(create, 150)
endpoint = DBusAddress(path, "org.vnicd1", "org.vnicd1.Endpoint")
mac = call(Properties(endpoint).get("GuestMac"), 10)[0][1]

# They come as objects that own a descriptor; a program that is to inherit them needs them inheritable.
fds = [queue.to_raw_fd() for queue in queues]
print(f"{interface}: guest MAC {mac}, fds {fds}, offloads: {' '.join(offloads)}", flush=True)
sys.stdin.read()
