# SPDX-License-Identifier: LGPL-2.1-or-later
"""A systemd whose jobs end when and how the test says: to the bus, the owner of its name is systemd."""

import threading

from gi.repository import Gio, GLib

from . import loop
from .client import Client

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"

INTERFACE = f"""<node><interface name="{MANAGER}">
<method name="Subscribe"/>
<method name="StartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
<method name="ReloadUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
<method name="StopUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
</interface></node>"""


def job_removed(number, unit, result, destination=None):
    """The signal that reports how a job ended, to be sent by any client."""
    message = Gio.DBusMessage.new_signal(PATH, MANAGER, "JobRemoved")
    message.set_destination(destination)
    message.set_body(GLib.Variant("(uoss)", (number, f"{PATH}/job/{number}", unit, result)))
    return message


def unit_changed(unit, active, sub):
    """The signal that reports the current state of a unit."""
    path = PATH + "/unit/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in unit)
    message = Gio.DBusMessage.new_signal(path, "org.freedesktop.DBus.Properties", "PropertiesChanged")
    message.set_body(GLib.Variant("(sa{sv}as)", (f"{NAME}.Unit", {
        "ActiveState": GLib.Variant("s", active), "SubState": GLib.Variant("s", sub),
        "StateChangeTimestamp": GLib.Variant("t", 1), "Job": GLib.Variant("(uo)", (0, "/"))}, [])))
    return message


class Job:
    """A call of StartUnit or ReloadUnit. `accept` answers it with the job, `fail` with an error."""

    def __init__(self, systemd, number, member, sender, unit, invocation):
        self.systemd = systemd
        self.number = number
        self.member = member
        self.sender = sender
        self.unit = unit
        self._invocation = invocation

    def accept(self):
        loop.do(self._invocation.return_value, GLib.Variant("(o)", (f"{PATH}/job/{self.number}",)))

    def fail(self, name, message):
        loop.do(self._invocation.return_dbus_error, name, message)

    def end(self, result, destination=None):
        """Send it as systemd does: as a broadcast, unless it has a destination."""
        self.systemd.client.send(job_removed(self.number, self.unit, result, destination))


class FakeSystemd:
    """Owns systemd's name for the length of a `with`. `jobs` are what it was asked; `auto` may be set to a
    function of a Job that answers it at once."""

    def __init__(self, world, first_job=4711):
        self.world = world
        self.client = None
        self.jobs = []
        self.auto = Job.accept
        self._next = first_job
        self._arrived = threading.Condition()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.client = Client(self.world, "root")
        interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
        loop.do(lambda: self.client.connection.register_object(PATH, interface, self._called, None, None))
        self.take_name()

    def take_name(self):
        # As with systemd, nobody waits in the queue for the name.
        assert self.client.bus_call("RequestName", "su", (NAME, 4)) == (1,)

    def leave_name(self):
        """It stays on the bus, as an ordinary client."""
        self.client.bus_call("ReleaseName", "s", (NAME,))

    def stop(self):
        if self.client:
            self.client.close()
            self.client = None
            self.world.wait_for_no_name(NAME)

    def _called(self, _connection, sender, _path, _interface, member, parameters, invocation):
        if member == "Subscribe":
            invocation.return_value(None)
            return
        if member == "StopUnit":
            # There is nothing to stop: it answers at once, as systemd does for a unit that it does not have.
            invocation.return_dbus_error("org.freedesktop.systemd1.NoSuchUnit", "not loaded")
            return
        job = Job(self, self._next, member, sender, parameters[0], invocation)
        self._next += 1
        if self.auto:
            # This comes before the test knows of it: systemd does not report the end of a job before its beginning.
            self.auto(job)
        with self._arrived:
            self.jobs.append(job)
            self._arrived.notify_all()

    def wait_for_job(self, count=1, timeout=5.0):
        """The count-th job."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.jobs) >= count, timeout), \
                f"systemd was asked for {len(self.jobs)} jobs in {timeout} s"
            return self.jobs[count - 1]
