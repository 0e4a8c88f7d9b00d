# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user of the bus: calls with every flag, fds as plain descriptors, signals in a queue.

A Client is a connection of its own under its user's uid. It belongs to this process (so does its polkit
subject); where a test needs a caller that is a process, World.run_as starts one.
"""

import concurrent.futures
import contextlib
import os
import pwd
import threading
import time

from gi.repository import Gio, GLib

from . import loop, variant
from .process import identity

NAME = "org.vnicd1"
ROOT = "/org/vnicd1"
MANAGER = "org.vnicd1.Manager"
ENDPOINT = "org.vnicd1.Endpoint"
TAP = "org.vnicd1.Tap"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
DBUS = "org.freedesktop.DBus"
ACCESS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"
MAY_ASK = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
# This is longer than the service waits for polkit.
TIMEOUT = 25.0

_identity_lock = threading.Lock()


class BusError(Exception):
    """An error reply: `name` is its D-Bus name, `message` its text."""

    def __init__(self, name, message=""):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message

    @property
    def short(self):
        """The last word of the name."""
        return self.name.rpartition(".")[2]


@contextlib.contextmanager
def acting_as(user):
    """Connections and messages made here appear to others as this user's (the whole process does)."""
    who = identity(user)
    with _identity_lock:
        before = os.getgroups(), os.getegid()
        os.setgroups(who["extra_groups"])
        os.setegid(who["group"])
        os.seteuid(who["user"])
        try:
            yield who["user"]
        finally:
            os.seteuid(0)
            os.setegid(before[1])
            os.setgroups(before[0])


@contextlib.contextmanager
def cancelled_late():
    """A Gio.Cancellable for what GIO does while a test waits: it ends at the deadline."""
    cancellable = Gio.Cancellable()
    timer = threading.Timer(loop.DEADLINE, cancellable.cancel)
    timer.start()
    try:
        yield cancellable
    finally:
        timer.cancel()


def raise_local(error):
    """Raise GDBus's own errors (time-out, closed connection) under the D-Bus name they would have."""
    if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT):
        name = "org.freedesktop.DBus.Error.Timeout"
    elif error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED):
        name = "org.freedesktop.DBus.Error.Disconnected"
    else:
        name = Gio.DBusError.get_remote_error(error) or f"{error.domain}.{error.code}"
    raise BusError(name, error.message) from None


def take_fds(message):
    """The descriptors of a message, which the caller owns from now on."""
    fd_list = message.get_unix_fd_list()
    return list(fd_list.steal_fds()) if fd_list else []


def read_reply(message):
    """The unpacked body of a reply, or BusError."""
    fds = take_fds(message)
    body = message.get_body()
    values = variant.unpack(body, fds) if body else ()
    if message.get_message_type() == Gio.DBusMessageType.ERROR:
        for fd in fds:
            os.close(fd)
        raise BusError(message.get_error_name(), str(values[0]) if values else "")
    return values


def close_fds(value):
    """Close the descriptors in an unpacked reply of CreateTap, CreateEndpoint, OpenTap, OpenQueues or OpenQueue."""
    for part in value:
        for fd in part if isinstance(part, list) else (part,):
            if isinstance(fd, variant.Fd):
                with contextlib.suppress(OSError):
                    os.close(fd)


class Pending:
    """A call in flight. `result` waits for it; `discard` gives it up and closes fds that still arrive."""

    def __init__(self, member):
        self.member = member
        self.serial = 0
        self._future = concurrent.futures.Future()

    def done(self):
        return self._future.done()

    def finish(self, read):
        try:
            value, error = read(), None
        except BusError as problem:
            value, error = None, problem
        if not self._future.set_running_or_notify_cancel():
            close_fds(value or ())
        elif error:
            self._future.set_exception(error)
        else:
            self._future.set_result(value)

    def result(self, timeout=TIMEOUT):
        try:
            return self._future.result(timeout)
        except concurrent.futures.TimeoutError:
            raise BusError("tests.NoReply", f"{self.member}: no answer in {timeout} s") from None

    def error(self, timeout=TIMEOUT):
        """The BusError it ends with; anything else is a failure."""
        try:
            value = self.result(timeout)
        except BusError as error:
            return error
        close_fds(value)
        raise AssertionError(f"{self.member} was expected to fail and gave {value!r}")

    def discard(self):
        if not self._future.cancel() and not self._future.exception(0):
            close_fds(self._future.result(0))


class Signals:
    """What a subscription has delivered, in order: (path, interface, member, values)."""

    def __init__(self):
        self._arrived = threading.Condition()
        self._items = []
        self.cancel = lambda: None

    def add(self, *item):
        with self._arrived:
            self._items.append(item)
            self._arrived.notify_all()

    def all(self):
        with self._arrived:
            return list(self._items)

    def clear(self):
        with self._arrived:
            self._items.clear()

    def wait_for(self, predicate, timeout=5.0):
        """The first signal for which predicate(path, interface, member, values) holds."""
        end = time.monotonic() + timeout
        seen = 0
        with self._arrived:
            while True:
                for item in self._items[seen:]:
                    if predicate(*item):
                        return item
                seen = len(self._items)
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"the signal did not come in {timeout} s; came: {self._items}")
                self._arrived.wait(left)

    def close(self):
        self.cancel()


class Tap:
    """An endpoint with its queues. Leaving the `with` closes the queues, and so ends the tap."""

    def __init__(self, client, endpoint, interface, offloads, fds):
        self.client = client
        self.endpoint = endpoint
        self.interface = interface
        self.offloads = offloads
        self.fds = list(fds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        while self.fds:
            os.close(self.fds.pop())

    def release(self, client=None, **how):
        (client or self.client).call(self.endpoint, ENDPOINT, "Release", **how)

    def open_queues(self, count, client=None):
        """Open more queues; they are added to `fds`."""
        (fds,) = (client or self.client).call(self.endpoint, TAP, "OpenQueues", "u", (count,))
        self.fds.extend(fds)
        return fds

    def open_queue(self, client=None):
        """Open one more queue; it is added to `fds`."""
        (fd,) = (client or self.client).call(self.endpoint, TAP, "OpenQueue")
        self.fds.append(fd)
        return fd

    def get(self, name):
        """A property, of Endpoint or Tap."""
        both = self.client.get_all(self.endpoint, ENDPOINT) | self.client.get_all(self.endpoint, TAP)
        return both[name]


class Client:
    """A connection to the world's bus as `user`."""

    def __init__(self, world, user="alice"):
        self.world = world
        self.user = user
        self.uid = pwd.getpwnam(user).pw_uid
        self._signals = []
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
                 Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        try:
            with cancelled_late() as cancellable, acting_as(user):
                self.connection = Gio.DBusConnection.new_for_address_sync(
                    world.bus.address, flags, None, cancellable)
        except GLib.Error as error:
            raise_local(error)
        self.connection.set_exit_on_close(False)
        self.unique = self.connection.get_unique_name()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _message(self, path, interface, member, signature, values, destination, interactive, fds):
        message = Gio.DBusMessage.new_method_call(destination, path, interface, member)
        flags = Gio.DBusMessageFlags.NONE
        if interactive:
            flags |= Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        message.set_flags(flags)
        body = variant.arguments(signature, values)
        if body is not None:
            message.set_body(body)
        if fds:
            fd_list = Gio.UnixFDList.new()
            for fd in fds:
                fd_list.append(fd)
            message.set_unix_fd_list(fd_list)
        return message

    def start(self, path, interface, member, signature="", values=(), *, interactive=False,
              timeout=TIMEOUT, destination=NAME, fds=()):
        """Send a call and return at once with a Pending."""
        message = self._message(path, interface, member, signature, values, destination, interactive, fds)
        pending = Pending(member)

        def arrived(connection, result):
            def read():
                try:
                    reply = connection.send_message_with_reply_finish(result)
                except GLib.Error as error:
                    raise_local(error)
                return read_reply(reply)
            pending.finish(read)

        def send():
            pending.serial = self.connection.send_message_with_reply(
                message, Gio.DBusSendMessageFlags.NONE, int(timeout * 1000), None, arrived)

        loop.do(send)
        return pending

    def call(self, path, interface, member, signature="", values=(), *, interactive=False,
             timeout=TIMEOUT, destination=NAME, fds=()):
        """The unpacked values of the reply; BusError for an error."""
        return self.start(path, interface, member, signature, values, interactive=interactive,
                          timeout=timeout, destination=destination, fds=fds).result(timeout + 1)

    def error(self, *call, **how):
        """The BusError of a call that has to fail."""
        return self.start(*call, **how).error()

    def send_without_reply(self, path, interface, member, signature="", values=(), interactive=False):
        """The same call with NO_REPLY_EXPECTED; it is on the wire when this returns."""
        message = self._message(path, interface, member, signature, values, NAME, interactive, ())
        message.set_flags(message.get_flags() | Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
        self.connection.send_message(message, Gio.DBusSendMessageFlags.NONE)
        with cancelled_late() as cancellable:
            self.connection.flush_sync(cancellable)

    def send(self, message):
        """Any message, such as a signal; it is on the wire when this returns."""
        self.connection.send_message(message, Gio.DBusSendMessageFlags.NONE)
        with cancelled_late() as cancellable:
            self.connection.flush_sync(cancellable)

    def bus_call(self, member, signature="", values=()):
        """A call to the bus itself."""
        return self.call("/org/freedesktop/DBus", DBUS, member, signature, values, destination=DBUS)

    def owner_of(self, name):
        """The unique name behind a name, or None."""
        try:
            return self.bus_call("GetNameOwner", "s", (name,))[0]
        except BusError as error:
            if error.short == "NameHasNoOwner":
                return None
            raise

    # The methods of the contract

    def start_create_tap(self, bridge, vnet_hdr=True, multiqueue=False, *, interactive=False,
                         timeout=TIMEOUT, **options):
        return self.start(ROOT, MANAGER, "CreateTap", "sbba{sv}",
                          (bridge, vnet_hdr, multiqueue, variant.options(options)),
                          interactive=interactive, timeout=timeout)

    def create_tap(self, bridge, vnet_hdr=True, multiqueue=False, *, interactive=False,
                   timeout=TIMEOUT, **options):
        """A Tap; its queues are closed by the `with` that should stand around it."""
        pending = self.start_create_tap(bridge, vnet_hdr, multiqueue, interactive=interactive,
                                        timeout=timeout, **options)
        return Tap(self, *pending.result(timeout + 1))

    def start_open_tap(self, bridge, vnet_hdr=True, *, interactive=False, timeout=TIMEOUT, **options):
        return self.start(ROOT, MANAGER, "OpenTap", "sba{sv}",
                          (bridge, vnet_hdr, variant.options(options)),
                          interactive=interactive, timeout=timeout)

    def open_tap(self, bridge, vnet_hdr=True, *, interactive=False, timeout=TIMEOUT, **options):
        """Like create_tap, by the method that hands over a single queue."""
        pending = self.start_open_tap(bridge, vnet_hdr, interactive=interactive, timeout=timeout, **options)
        endpoint, interface, offloads, fd = pending.result(timeout + 1)
        return Tap(self, endpoint, interface, offloads, [fd])

    def start_create_endpoint(self, bridge, *, kind="tap", interactive=False, timeout=TIMEOUT, **options):
        return self.start(ROOT, MANAGER, "CreateEndpoint", "ssa{sv}", (kind, bridge, variant.options(options)),
                          interactive=interactive, timeout=timeout)

    def create_endpoint(self, bridge, *, timeout=TIMEOUT, **options):
        """Like create_tap, by the method whose result is a dictionary: that is `result` of the Tap."""
        endpoint, result, fds = self.start_create_endpoint(bridge, timeout=timeout, **options).result(timeout + 1)
        tap = Tap(self, endpoint, result["interface"], result["offloads"], fds)
        tap.result = result
        return tap

    def create_endpoint_error(self, bridge, **options):
        return self.start_create_endpoint(bridge, **options).error()

    def release_endpoints(self, **given):
        """How many of the user's endpoints were released."""
        return self.call(ROOT, MANAGER, "ReleaseEndpoints", "a{sv}", (variant.options(given),))[0]

    def open_tap_error(self, *arguments, **options):
        return self.start_open_tap(*arguments, **options).error()

    def create_tap_error(self, *arguments, **options):
        return self.start_create_tap(*arguments, **options).error()

    def can_create_tap(self, bridge, vnet_hdr=True, multiqueue=False, **options):
        return self.call(ROOT, MANAGER, "CanCreateTap", "sbba{sv}",
                         (bridge, vnet_hdr, multiqueue, variant.options(options)))

    def list_bridges(self):
        """name → what ListBridges reports about it."""
        return {entry["name"]: entry for entry in self.call(ROOT, MANAGER, "ListBridges")[0]}

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, "Get", "ss", (interface, name))[0]

    def get_all(self, path, interface):
        return self.call(path, PROPERTIES, "GetAll", "s", (interface,))[0]

    def managed_objects(self):
        return self.call(ROOT, OBJECTS, "GetManagedObjects")[0]

    def subscribe(self, interface=None, member=None, path=None, sender=NAME):
        """A Signals that has begun to listen when this returns."""
        signals = Signals()

        def arrived(_connection, _sender, where, which, name, values, *_):
            signals.add(where, which, name, variant.unpack(values))

        number = loop.do(lambda: self.connection.signal_subscribe(
            sender, interface, member, path, None, Gio.DBusSignalFlags.NONE, arrived))
        signals.cancel = lambda: loop.do(self.connection.signal_unsubscribe, number)
        self.bus_call("GetId")  # the match rule went before it
        return signals

    # Closing the connection

    def closed(self):
        return self.connection.is_closed()

    def close(self):
        """Leave the bus politely."""
        if not self.connection.is_closed():
            with contextlib.suppress(GLib.Error), cancelled_late() as cancellable:
                self.connection.close_sync(cancellable)

    def drop(self):
        """Leave like a process that is killed: the socket is shut down under the connection."""
        with contextlib.suppress(GLib.Error):
            self.connection.get_stream().get_socket().shutdown(True, True)
