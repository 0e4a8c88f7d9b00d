# SPDX-License-Identifier: LGPL-2.1-or-later
"""A caller that sends and does not read, for callers that die between the call and the reply.

GDBus always reads in the background, so this speaks the wire protocol over a plain socket.
"""

import array
import os
import socket
import struct

from gi.repository import Gio

from . import variant
from .client import DBUS, MANAGER, NAME, ROOT, acting_as

NO_REPLY = int(Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
INTERACTIVE = int(Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION)
# So many messages every bus writes to a service that does not read at the moment. The kernel says that a UNIX socket can
# be written to only while less than a quarter of its buffer is full, and dbus-broker keeps the rest until it says so.
WRITTEN = 12


class RawClient:
    """A connection that has said Hello; nothing is read unless `receive` is called. Without `fds` it does not
    negotiate fd passing."""

    def __init__(self, world, user="alice", timeout=10.0, *, fds=True):
        self._serial = 0
        path = world.bus.address.partition("path=")[2].partition(",")[0]
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.settimeout(timeout)
        self._buffer = b""
        self._fds = []
        with acting_as(user) as uid:
            self.socket.connect(path)
            self.socket.sendall(b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n")
        self._expect(b"OK ")
        if fds:
            self.socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
            self._expect(b"AGREE_UNIX_FD")
        self.socket.sendall(b"BEGIN\r\n")
        self.send("/org/freedesktop/DBus", DBUS, "Hello", destination=DBUS)
        hello, _ = self.receive()
        self.unique = variant.unpack(hello.get_body())[0]

    def _expect(self, start):
        line = b""
        while not line.endswith(b"\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise ConnectionError("the bus hung up while we said who we are")
            line += byte
        if not line.startswith(start):
            raise ConnectionError(f"the bus said {line!r}")

    def send(self, path, interface, member, signature="", values=(), *, destination=NAME, flags=0):
        """Put a call on the wire and return its serial."""
        message = Gio.DBusMessage.new_method_call(destination, path, interface, member)
        self._serial += 1
        message.set_serial(self._serial)
        message.set_flags(Gio.DBusMessageFlags(flags))
        body = variant.arguments(signature, values)
        if body is not None:
            message.set_body(body)
        self.send_bytes(bytes(message.to_blob(Gio.DBusCapabilityFlags.UNIX_FD_PASSING)))
        return self._serial

    def send_bytes(self, data):
        """Send bytes, for messages that no library would build."""
        self.socket.sendall(data)

    def send_create_tap(self, bridge, vnet_hdr=True, multiqueue=False, *, flags=0, **options):
        return self.send(ROOT, MANAGER, "CreateTap", "sbba{sv}",
                         (bridge, vnet_hdr, multiqueue, variant.options(options)), flags=flags)

    def send_open_tap(self, bridge, vnet_hdr=True, *, flags=0, **options):
        return self.send(ROOT, MANAGER, "OpenTap", "sba{sv}",
                         (bridge, vnet_hdr, variant.options(options)), flags=flags)

    def send_create_endpoint(self, bridge, *, flags=0, **options):
        return self.send(ROOT, MANAGER, "CreateEndpoint", "ssa{sv}", ("tap", bridge, variant.options(options)),
                         flags=flags)

    def wait_for_the_bus(self):
        """Wait until it has passed on what was sent. It reads that in order, but may write a reply before it
        writes to the service: it has certainly done so when it answers what came after that reply."""
        for _ in range(2):
            self.receive_reply(self.send("/org/freedesktop/DBus", DBUS, "GetId", destination=DBUS))

    def receive(self):
        """The next message and the descriptors that came with it (owned by the caller)."""
        while len(self._buffer) < 16 or len(self._buffer) < self._length():
            data, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(253 * 4),
                                                      socket.MSG_CMSG_CLOEXEC)
            for level, kind, payload in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    numbers = array.array("i")
                    numbers.frombytes(payload[:len(payload) - len(payload) % 4])
                    self._fds.extend(numbers)
            if not data:
                raise ConnectionError("the bus hung up")
            self._buffer += data
        length = self._length()
        blob, self._buffer = self._buffer[:length], self._buffer[length:]
        message = Gio.DBusMessage.new_from_blob(blob, Gio.DBusCapabilityFlags.UNIX_FD_PASSING)
        count = message.get_num_unix_fds()
        fds, self._fds = self._fds[:count], self._fds[count:]
        return message, fds

    def receive_reply(self, serial):
        """The reply to this call; anything that arrives before it is dropped."""
        while True:
            message, fds = self.receive()
            if message.get_reply_serial() == serial:
                return message, fds
            for fd in fds:
                os.close(fd)

    def _length(self):
        order = "<" if self._buffer[0:1] == b"l" else ">"
        body, = struct.unpack(order + "I", self._buffer[4:8])
        fields, = struct.unpack(order + "I", self._buffer[12:16])
        return 16 + (fields + 7) // 8 * 8 + body

    def close(self):
        """Close the connection, with whatever was still in flight."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []
        self.socket.close()


def watch_questions(watcher):
    """From now on this connection of root sees about whom the service asks the bus."""
    watcher.receive_reply(watcher.send("/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring", "BecomeMonitor",
                                       "asu", (["member='GetConnectionCredentials'"], 0), destination=DBUS))


def asked_about(watcher, quiet=0.5):
    """The names in the questions that have arrived, until none comes for that long."""
    watcher.socket.settimeout(quiet)
    asked = set()
    try:
        while True:
            message, _ = watcher.receive()
            if message.get_member() == "GetConnectionCredentials":
                asked.update(variant.unpack(message.get_body()))
    except TimeoutError:
        return asked
