# SPDX-License-Identifier: LGPL-2.1-or-later
"""A logind whose users log in and out when the test says: to the bus, the owner of its name is logind."""

import itertools

from gi.repository import Gio, GLib

from . import loop
from .client import Client
from .systemd import NAME as SYSTEMD, PATH as SYSTEMD_PATH

NAME = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = "org.freedesktop.login1.Manager"
SESSION = "org.freedesktop.login1.Session"
PROPERTIES = "org.freedesktop.DBus.Properties"

INTERFACES = f"""<node>
<interface name="{MANAGER}">
<method name="GetUser"><arg type="u" direction="in"/><arg type="o" direction="out"/></method>
</interface>
<interface name="{PROPERTIES}">
<method name="Get"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="out"/></method>
<method name="GetAll"><arg type="s" direction="in"/><arg type="a{{sv}}" direction="out"/></method>
</interface></node>"""


def signal(path, interface, member, signature, *values):
    """A signal of logind's or systemd's, to be sent by any client."""
    message = Gio.DBusMessage.new_signal(path, interface, member)
    message.set_body(GLib.Variant(signature, values))
    return message


class Session:
    """One login. `end` and `close` report it as logind does."""

    def __init__(self, logind, number, uid, kind, state):
        self.logind, self.uid, self.kind, self.state = logind, uid, kind, state
        self.id = f"c{number}"
        self.path = f"{PATH}/session/{self.id}"
        self.scope = f"session-{self.id}.scope"

    def new(self):
        return signal(PATH, MANAGER, "SessionNew", "(so)", self.id, self.path)

    def removed(self):
        return signal(PATH, MANAGER, "SessionRemoved", "(so)", self.id, self.path)

    def changed(self, name="IdleHint"):
        return signal(self.path, PROPERTIES, "PropertiesChanged", "(sa{sv}as)", SESSION,
                      {name: GLib.Variant("b", True)}, [])

    def scope_changed(self):
        """What systemd says when logind abandons the scope; logind itself says nothing then."""
        path = f"{SYSTEMD_PATH}/unit/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in self.scope)
        return signal(path, PROPERTIES, "PropertiesChanged", "(sa{sv}as)", f"{SYSTEMD}.Scope",
                      {"Result": GLib.Variant("s", "success")}, [])

    def vanish(self):
        """It is gone, and nobody was told."""
        self.logind.sessions.remove(self)

    def end(self):
        self.vanish()
        self.logind.client.send(self.removed())

    def close(self, systemd):
        """The user has logged out and left a process behind."""
        self.state = "closing"
        systemd.client.send(self.scope_changed())


class FakeLogind:
    """Owns logind's name for the length of a `with`. `asked` are the uids it was asked about. `error` may be set to
    the name of an error that is its answer; while `silent`, it does not answer before speak()."""

    def __init__(self, world):
        self.world = world
        self.client = None
        self.sessions, self.lingering, self.asked, self.unanswered = [], set(), [], []
        self.error, self.silent = None, False
        self.flags = []  # of the messages that asked
        self.on_list = None  # called with the uid when sessions are listed, after the list is made
        self._numbers = itertools.count(1)
        self._objects = {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.client = Client(self.world, "root")
        self._objects = {}
        node = Gio.DBusNodeInfo.new_for_xml(INTERFACES)
        self._interfaces = {interface.name: interface for interface in node.interfaces}
        loop.do(self._register, PATH, MANAGER)
        for session in self.sessions:
            self._register_session(session)
        self.take_name()

    def take_name(self):
        assert self.client.bus_call("RequestName", "su", (NAME, 4)) == (1,)

    def leave_name(self):
        self.client.bus_call("ReleaseName", "s", (NAME,))

    def stop(self):
        if self.client:
            self.client.close()
            self.client = None
            self.world.wait_for_no_name(NAME)

    def login(self, uid, kind="user", state="active", quietly=False):
        session = Session(self, next(self._numbers), uid, kind, state)
        self.sessions.append(session)
        if self.client:
            self._register_session(session)
            if not quietly:
                self.client.send(session.new())
        return session

    def speak(self):
        """It answers what it was asked, and from now on at once."""
        self.silent = False
        while self.unanswered:
            loop.do(self._answer, *self.unanswered.pop(0))

    def _user_path(self, uid):
        return f"{PATH}/user/_{uid}"

    def _register(self, path, interface):
        if path not in self._objects:
            self._objects[path] = self.client.connection.register_object(
                path, self._interfaces[interface], self._called, None, None)

    def _register_session(self, session):
        loop.do(self._register, self._user_path(session.uid), PROPERTIES)
        loop.do(self._register, session.path, PROPERTIES)

    def _answer(self, uid, invocation):
        if self.error:
            invocation.return_dbus_error(self.error, "Words of logind")
        elif uid in self.lingering or any(session.uid == uid for session in self.sessions):
            self._register(self._user_path(uid), PROPERTIES)
            invocation.return_value(GLib.Variant("(o)", (self._user_path(uid),)))
        else:
            invocation.return_dbus_error(f"{NAME}.NoSuchUser", f"User ID {uid} is not logged in or lingering")

    def _called(self, _connection, _sender, path, _interface, member, parameters, invocation):
        self.flags.append(invocation.get_message().get_flags())
        if member == "Get":
            invocation.return_value(GLib.Variant("(v)", (self._list(int(path.rpartition("_")[2])),)))
        elif member == "GetAll":
            self._tell(path, invocation)
        else:
            (uid,) = parameters
            self.asked.append(uid)
            if self.silent:
                self.unanswered.append((uid, invocation))
            else:
                self._answer(uid, invocation)

    def _list(self, uid):
        listed = [(session.id, session.path) for session in self.sessions if session.uid == uid]
        if self.on_list:
            self.on_list(uid)
        return GLib.Variant("a(so)", listed)

    def _tell(self, path, invocation):
        session = next((session for session in self.sessions if session.path == path), None)
        if not session:
            invocation.return_dbus_error("org.freedesktop.DBus.Error.UnknownObject", f"Unknown object '{path}'.")
            return
        texts = {"Id": session.id, "Class": session.kind, "State": session.state, "Scope": session.scope}
        invocation.return_value(GLib.Variant("(a{sv})", (
            {"VTNr": GLib.Variant("u", 0)} | {name: GLib.Variant("s", text) for name, text in texts.items()},)))
