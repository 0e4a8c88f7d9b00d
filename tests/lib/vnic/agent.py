# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fake polkit authentication agent: it plays the user in front of the screen, without PAM.

It is registered for the process that asks (all Clients live in this one; there is no logind, so the process
is the scope that polkitd has). polkitd compares the process's real uid, which is root's here, so root
registers the agent for the process. A real agent's helper runs as root and tells polkitd who has
authenticated; here root's connection does so.
"""

import contextlib
import os
import pathlib
import threading

from gi.repository import Gio, GLib

from . import loop, variant
from .polkit import AUTHORITY, NAME, PATH
from .client import BusError, Client

AGENT_PATH = "/org/vnicd/tests/Agent"
AGENT_INTERFACE = """<node><interface name="org.freedesktop.PolicyKit1.AuthenticationAgent">
<method name="BeginAuthentication">
  <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
  <arg type="a{ss}" direction="in"/><arg type="s" direction="in"/><arg type="a(sa{sv})" direction="in"/>
</method>
<method name="CancelAuthentication"><arg type="s" direction="in"/></method>
</interface></node>"""
CANCELLED = "org.freedesktop.PolicyKit1.Error.Cancelled"


def start_time(pid):
    """When the kernel started the process; together with its pid this identifies it for ever."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return int(text.rpartition(")")[2].split()[19])


class Prompt:
    """An authentication prompt."""

    def __init__(self, agent, invocation, values):
        self._agent = agent
        self._invocation = invocation
        self.action, self.message, self.icon, self.details, self.cookie, self.identities = values
        self.cancelled = False
        self.answered = False

    def accept(self):
        """The password was right."""
        self.answered = True
        identity = ("unix-user", {"uid": GLib.Variant("u", 0)})
        # AuthenticationAgentResponse2 would also name the agent's user, who to polkit before 125 is who has registered
        # the agent (root here), and since then whom it was registered for.
        try:
            self._agent.root.call(PATH, AUTHORITY, "AuthenticationAgentResponse", "s(sa{sv})",
                                  (self.cookie, identity), destination=NAME)
        finally:
            loop.do(self._invocation.return_value, None)

    def fail(self):
        """The agent gives up without an authentication (a wrong password)."""
        self.answered = True
        loop.do(self._invocation.return_value, None)

    def dismiss(self):
        """The user closed the window."""
        self.answered = True
        loop.do(self._invocation.return_dbus_error, CANCELLED, "dismissed")


class Agent:
    """Answers the prompts for a client: "accept", "dismiss", "fail", or "hang" until the test answers.

    Only one agent can be registered for a process at a time, and so for one client's user at a time. With
    `pid` it serves another process of the client's user (a vnicctl that a test has started).
    """

    def __init__(self, world, client, policy="accept", pid=None):
        self.world = world
        self.pid = pid or os.getpid()
        self.client = client
        self.policy = policy
        self.prompts = []
        self.root = None
        self._arrived = threading.Condition()
        self._registration = None

    def __enter__(self):
        return self.register()

    def __exit__(self, *_):
        self.unregister()

    def _make_subject(self):
        return ("unix-process", {"pid": GLib.Variant("u", self.pid),
                                 "start-time": GLib.Variant("t", start_time(self.pid)),
                                 "uid": GLib.Variant("i", self.client.uid)})

    def register(self):
        self.root = Client(self.world, "root")
        interface = Gio.DBusNodeInfo.new_for_xml(AGENT_INTERFACE).interfaces[0]
        self._subject = self._make_subject()
        self._registration = loop.do(lambda: self.root.connection.register_object(
            AGENT_PATH, interface, self._called, None, None))
        self.root.call(PATH, AUTHORITY, "RegisterAuthenticationAgent", "(sa{sv})ss",
                       (self._subject, "C.UTF-8", AGENT_PATH), destination=NAME)
        return self

    def unregister(self):
        if self._registration is None:
            return
        self._registration = None
        with contextlib.suppress(BusError):
            self.root.call(PATH, AUTHORITY, "UnregisterAuthenticationAgent", "(sa{sv})s",
                           (self._subject, AGENT_PATH), destination=NAME)
        self.root.close()

    @property
    def cancellations(self):
        return sum(prompt.cancelled for prompt in self.prompts)

    def _called(self, _connection, _sender, _path, _interface, member, parameters, invocation):
        values = variant.unpack(parameters)
        if member == "CancelAuthentication":
            with self._arrived:
                for prompt in self.prompts:
                    if prompt.cookie == values[0]:
                        prompt.cancelled = True
                        if not prompt.answered:
                            prompt.dismiss()
                self._arrived.notify_all()
            invocation.return_value(None)
            return
        prompt = Prompt(self, invocation, values)
        with self._arrived:
            self.prompts.append(prompt)
            self._arrived.notify_all()
        if self.policy != "hang":
            # accept() calls the bus and waits, so it must not run in the loop's own thread.
            threading.Thread(target=getattr(prompt, self.policy), daemon=True).start()

    def wait_for_prompt(self, count=1, timeout=5.0):
        """The count-th prompt."""
        return self._wait(lambda: self.prompts[count - 1] if len(self.prompts) >= count else None,
                          timeout, f"{count} prompts")

    def wait_for_cancel(self, count=1, timeout=5.0):
        return self._wait(lambda: self.cancellations >= count, timeout, f"{count} cancellations")

    def _wait(self, predicate, timeout, what):
        with self._arrived:
            found = self._arrived.wait_for(predicate, timeout)
        assert found, (f"the agent waited {timeout} s for {what}; it had {len(self.prompts)} and "
                       f"{self.cancellations} cancellations")
        return found
