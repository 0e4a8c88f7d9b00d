# SPDX-License-Identifier: LGPL-2.1-or-later
"""polkit in the world: the real polkitd, or a mock that hangs until the test decides on its answer."""

import pathlib
import threading

from gi.repository import Gio, GLib

from . import loop, variant
from .client import Client
from .process import Process, poll

NAME = "org.freedesktop.PolicyKit1"
PATH = "/org/freedesktop/PolicyKit1/Authority"
AUTHORITY = "org.freedesktop.PolicyKit1.Authority"
RULES = pathlib.Path("/etc/polkit-1/rules.d")
INTERACTIVE = 1  # the flag AllowUserInteraction

MOCK_INTERFACE = f"""<node><interface name="{AUTHORITY}">
<method name="CheckAuthorization">
  <arg type="(sa{{sv}})" direction="in"/><arg type="s" direction="in"/><arg type="a{{ss}}" direction="in"/>
  <arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{{ss}})" direction="out"/>
</method>
<method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method>
<signal name="Changed"/>
<property name="BackendName" type="s" access="read"/>
<property name="BackendVersion" type="s" access="read"/>
<property name="BackendFeatures" type="u" access="read"/>
</interface></node>"""


class RealPolkit:
    """polkitd with vnicd's actions and the tests' rules."""

    kind = "real"

    def __init__(self, world):
        self.world = world
        self.process = None

    def start(self):
        # It becomes user polkitd by itself.
        self.process = Process("polkitd", ["/usr/lib/polkit-1/polkitd", "--no-debug"],
                               env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                    "DBUS_SYSTEM_BUS_ADDRESS": self.world.bus.address})
        self.world.wait_for_name(NAME, self.process)

    def stop(self):
        if self.process:
            self.process.stop()
            self.world.wait_for_no_name(NAME)

    def kill(self):
        self.process.kill()
        self.world.wait_for_no_name(NAME)

    def restart(self):
        self.stop()
        self.start()

    def _change_rules(self, change):
        """Change a file of rules; returns when polkitd has read them all again."""
        with Client(self.world, "root") as client:
            signals = client.subscribe(AUTHORITY, "Changed", sender=NAME)
            change()
            signals.wait_for(lambda *_: True)
            # One file can cause several changes for its monitor.
            poll(lambda: False, 0.05)

    def add_rule(self, script, name="10-extra"):
        """Add a rule (JavaScript) that is consulted before the tests' own."""
        def write():
            draft = RULES / f".{name}"
            draft.write_text(script)
            draft.chmod(0o644)
            draft.rename(RULES / f"{name}.rules")
        self._change_rules(write)

    def remove_rule(self, name="10-extra"):
        self._change_rules((RULES / f"{name}.rules").unlink)


class Check:
    """A CheckAuthorization that the mock has received. `answer` or `fail` ends it, once."""

    def __init__(self, invocation, sender, values):
        self._invocation = invocation
        self.sender = sender
        self.subject, self.action, self.details, self.flags, self.cancellation = values
        self.interactive = bool(self.flags & INTERACTIVE)
        self.cancelled = False
        self.answered = False

    @property
    def bus_name(self):
        """The caller that the check is about."""
        return self.subject[1].get("name")

    def answer(self, authorized, challenge=False, details=None):
        self.answered = True
        body = GLib.Variant("((bba{ss}))", ((authorized, challenge, details or {}),))
        loop.do(self._invocation.return_value, body)

    def fail(self, name="org.freedesktop.PolicyKit1.Error.Failed", message="the test says so"):
        self.answered = True
        loop.do(self._invocation.return_dbus_error, name, message)


class HangingPolkit:
    """Owns polkit's name and answers nothing by itself. `checks` and `cancels` are what it was asked.

    `auto` may be set to a function of a Check that returns (is_authorized, is_challenge, details), or None to
    leave it hanging.
    """

    kind = "hang"

    def __init__(self, world):
        self.world = world
        self.checks = []
        self.cancels = []
        self.auto = None
        self._arrived = threading.Condition()
        self._client = None

    def start(self):
        self._client = Client(self.world, "polkitd")
        interface = Gio.DBusNodeInfo.new_for_xml(MOCK_INTERFACE).interfaces[0]
        loop.do(lambda: self._client.connection.register_object(
            PATH, interface, self._called, self._property, None))
        self._client.bus_call("RequestName", "su", (NAME, 4))
        self.world.wait_for_name(NAME)

    def _property(self, _connection, _sender, _path, _interface, name):
        return {"BackendName": GLib.Variant("s", "mock"), "BackendVersion": GLib.Variant("s", "122"),
                "BackendFeatures": GLib.Variant("u", 1)}[name]

    def _called(self, _connection, sender, _path, _interface, member, parameters, invocation):
        values = variant.unpack(parameters)
        if member == "CancelCheckAuthorization":
            self._cancelled(sender, values[0])
            invocation.return_value(None)
            return
        check = Check(invocation, sender, values)
        verdict = self.auto(check) if self.auto else None
        with self._arrived:
            self.checks.append(check)
            self._arrived.notify_all()
        if verdict is not None:
            check.answer(*verdict)

    def _cancelled(self, sender, cancellation):
        """As with polkitd, the check that is cancelled gets an error."""
        with self._arrived:
            self.cancels.append(cancellation)
            for check in self.checks:
                if check.sender == sender and check.cancellation == cancellation:
                    check.cancelled = True
                    if not check.answered:
                        check.fail("org.freedesktop.PolicyKit1.Error.Cancelled", "cancelled")
            self._arrived.notify_all()

    def _wait(self, predicate, timeout, what):
        with self._arrived:
            found = self._arrived.wait_for(predicate, timeout)
        assert found, (f"polkit was not {what} in {timeout} s; {len(self.checks)} checks, "
                       f"{len(self.cancels)} cancellations")
        return found

    def wait_for_check(self, count=1, timeout=5.0):
        """The count-th check."""
        return self._wait(lambda: self.checks[count - 1] if len(self.checks) >= count else None,
                          timeout, "asked")

    def wait_for_cancel(self, check, timeout=5.0):
        return self._wait(lambda: check.cancelled, timeout, "told to cancel")

    def stop(self):
        """Polkit goes away; pending checks are never answered."""
        if self._client:
            self._client.close()
            self._client = None
            self.world.wait_for_no_name(NAME)

    kill = stop

    def restart(self):
        self.stop()
        self.start()


class NoPolkit:
    """Nobody owns the name."""

    kind = "none"

    def __init__(self, world):
        pass

    def start(self):
        pass

    stop = kill = restart = start


KINDS = {"real": RealPolkit, "hang": HangingPolkit, "none": NoPolkit}
