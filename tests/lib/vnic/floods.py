# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an unrelated user may send to the service, as whole messages for the program bench-flood, and what
other users experience beside it. Both the benchmark and the tests use it.

A Flood is a list of messages that several connections of bob, who is not allowed any of it, send over and
over. They either get a reply to each (a window of that many calls at a time), or expect none.
"""

import contextlib
import dataclasses
import json
import os
import re
import selectors
import subprocess
import time

from gi.repository import Gio, GLib

from . import kernel, variant
from .client import DBUS, ENDPOINT, MANAGER, NAME, OBJECTS, PROPERTIES, ROOT, TAP
from .networks import NETWORK, path_of
from .process import ROOM, cpu_seconds, descendants

CONNECTIONS = 4
WINDOW = 100  # dbus-daemon lets a connection wait for 128 replies
SECONDS_MAX = 120
IDLE = "org.example.Idle"
INTROSPECTABLE, PEER = "org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus.Peer"
GRANTED, ASKED, DENIED = "no0", "yes0", "no1"
NETWORK_NAME, PORTS = "yesnet", 100
CONFIGURATION = f"""[Limits]
Creations=100000
Endpoints=4096
Queues=4096
[User alice]
AllowBridges={GRANTED}
[User bob]
DenyBridges={DENIED}
"""


class Failed(Exception):
    """A flood, or a measurement beside it, cannot be set up; the text is for users."""


@dataclasses.dataclass
class Flood:
    messages: list
    window: int = 0  # 0: no reply is expected
    hang_up: bool = False


# Messages

def blob(message, reply=True, body=None):
    """Its bytes. The serial is rewritten each time it is sent."""
    message.set_serial(1)
    if not reply:
        message.set_flags(message.get_flags() | Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
    if body is not None:
        message.set_body(body)
    return bytes(message.to_blob(Gio.DBusCapabilityFlags.UNIX_FD_PASSING))


def call(path, interface, member, signature="", values=(), reply=True, destination=NAME):
    message = Gio.DBusMessage.new_method_call(destination, path, interface, member)
    return blob(message, reply, variant.arguments(signature, values))


def signal(path, interface, member, body):
    message = Gio.DBusMessage.new_signal(path, interface, member)
    message.set_destination(NAME)
    return blob(message, False, body)


def create(bridge, options=(), reply=True, member="CreateTap"):
    return call(ROOT, MANAGER, member, "sbba{sv}", (bridge, True, False, dict(options)), reply)


def heavy_array():
    """4,000 empty arrays, each with a signature of 253 bytes to be read."""
    kind = GLib.VariantType.new("a(" + "y" * 250 + ")")
    empty = GLib.Variant.new_array(kind.element(), [])
    return GLib.Variant.new_tuple(GLib.Variant("av", [empty] * 4000))


def heavy(member, reply):
    return blob(Gio.DBusMessage.new_method_call(NAME, ROOT, MANAGER, member), reply, heavy_array())


# The floods. Each takes a Target, and whether replies are expected.

@dataclasses.dataclass
class Target:
    endpoint: str  # of root's tap
    interface: str
    network: str
    root: object  # a Client


def leavers(target, _):
    """Signals claiming that everybody who is connected, or may connect meanwhile, has left."""
    here = {name for name in target.root.bus_call("ListNames")[0] if name.startswith(":")}
    last = max(int(name.rpartition(".")[2]) for name in here)
    names = sorted(here | {f":1.{number}" for number in range(last, last + 300)})
    return [signal("/org/freedesktop/DBus", DBUS, "NameOwnerChanged", GLib.Variant("(sss)", (name, name, "")))
            for name in names]


def jobs(target, _):
    words = ("failed", "done", "\u009b31m" + "x" * 1000)
    return [signal("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved",
                   GLib.Variant("(uoss)", (number, f"/org/freedesktop/systemd1/job/{number}",
                                           f"vnicd-network@{NETWORK_NAME}.service", words[number % 3])))
            for number in range(1, 31)]


def get_all(path, interface):
    return lambda target, reply: [call(getattr(target, path, path), PROPERTIES, "GetAll", "s", (interface,), reply)]


def asking(path, interface, member, signature="", values=()):
    return lambda target, reply: [call(getattr(target, path, path), interface, member, signature, values, reply)]


def unknown(target, reply):
    """A method, an object, a property, an interface of properties, and something that cannot be written."""
    return [call(ROOT, MANAGER, "CreateTab", reply=reply), call(target.endpoint, MANAGER, "CreateTap", reply=reply),
            call(ROOT + "/nobody", ENDPOINT, "Release", reply=reply),
            call(ROOT + "/nobody", ENDPOINT, "Frob", "s", ("x" * 200,), reply),
            call(ROOT, PROPERTIES, "Get", "ss", (MANAGER, "Nothing"), reply),
            call(ROOT, PROPERTIES, "GetAll", "s", ("org.example.Nothing",), reply),
            call(ROOT, PROPERTIES, "Set", "ssv", (MANAGER, "Version", GLib.Variant("s", "0")), reply),
            call("/", INTROSPECTABLE, "Frob", reply=reply)]


def unknown_method(_, reply):
    return [call(ROOT, MANAGER, "CreateTab", reply=reply)]


def heavy_calls(_, reply):
    return [heavy(member, reply) for member in ("CreateTap", "CanCreateTap", "GetEndpoint")]


def many_options(_, reply):
    """The right signature, and 4,000 entries that no call has."""
    options = {f"k{number}": GLib.Variant("y", 0) for number in range(4000)}
    return [create(GRANTED, options, reply), create(GRANTED, options, reply, "CanCreateTap")]


def few_options(_, reply):
    """Just as many entries as are not refused for their size."""
    options = {f"k{number}": GLib.Variant("y", 0) for number in range(2000)}
    return [create(GRANTED, options, reply), create(GRANTED, options, reply, "CanCreateTap")]


def long_strings(_, reply):
    return [create("x" * (1 << 20), {}, reply), call(ROOT, MANAGER, "GetEndpoint", "s", ("x" * (1 << 20),), reply)]


def denied(_, reply):
    return [create(DENIED, {}, reply)]


def foreign(target, reply):
    return [call(target.endpoint, TAP, "OpenQueues", "u", (1,), reply)]


def foreign_release(target, reply):
    return [call(target.endpoint, ENDPOINT, "Release", "", (), reply)]


def callers(target, reply):
    return [create(DENIED), call(ROOT, PROPERTIES, "GetAll", "s", (MANAGER,)), call(ROOT, MANAGER, "ListBridges")]


def creators(_, reply):
    return [create(ASKED)]


SIGNALS = {"forged NameOwnerChanged": leavers, "forged JobRemoved": jobs}
CALLS = {"GetAll of the manager": get_all(ROOT, MANAGER), "GetAll of an endpoint": get_all("endpoint", ENDPOINT),
         "GetAll of a network": get_all("network", NETWORK), "ListBridges": asking(ROOT, MANAGER, "ListBridges"),
         "GetManagedObjects": asking(ROOT, OBJECTS, "GetManagedObjects"),
         "Introspect": asking(ROOT, INTROSPECTABLE, "Introspect"), "Ping": asking(ROOT, PEER, "Ping"),
         "GetLeases": asking("network", NETWORK, "GetLeases"),
         "an unknown method": unknown_method, "unknown methods, objects, properties": unknown,
         "4,000 arrays": heavy_calls, "4,000 options": many_options, "2,000 options": few_options,
         "strings of 1 MiB": long_strings, "CreateTap that is denied": denied,
         "CanCreateTap by polkit": lambda _, reply: [create(ASKED, {}, reply, "CanCreateTap")],
         "Reload that polkit refuses": asking(ROOT, MANAGER, "Reload"),
         "OpenQueues of a foreign endpoint": foreign, "Release of a foreign endpoint": foreign_release}
CALLERS = {"call and hang up": callers, "CreateTap by polkit and hang up": creators}
PAST_POLICY = ", past the bus's policy"
NO_REPLY = ", no reply wanted"


def make(what, target):
    """Make the Flood of that name, which may have a suffix: NO_REPLY, PAST_POLICY."""
    name = what.removesuffix(PAST_POLICY)
    if name in SIGNALS:
        return Flood(SIGNALS[name](target, False))
    if name in CALLERS:
        return Flood(CALLERS[name](target, True), hang_up=True)
    bare = name.removesuffix(NO_REPLY)
    return Flood(CALLS[bare](target, bare == name), WINDOW if bare == name else 0)


def names():
    """All of them."""
    for name in SIGNALS:
        yield from (name, name + PAST_POLICY)
    for name in CALLS:
        yield from (name, name + NO_REPLY)
    yield from CALLERS


@contextlib.contextmanager
def past_policy(source):
    """Worlds that are created meanwhile have a bus that passes signals which the installed policy blocks."""
    text = (source / "dbus" / "org.vnicd1.conf").read_text()
    file = ROOM / "past-policy.conf"
    file.write_text(re.sub(r'<policy context="mandatory">.*?</policy>', "", text, flags=re.DOTALL))
    file.chmod(0o644)
    before = os.environ.get("VNICD_BUS_POLICY")
    os.environ["VNICD_BUS_POLICY"] = str(file)
    try:
        yield
    finally:
        del os.environ["VNICD_BUS_POLICY"]
        if before is not None:
            os.environ["VNICD_BUS_POLICY"] = before


# Programs

class Program:
    """A program of the benchmarks, used line by line; every answer has a time-out."""

    def __init__(self, world, name, *arguments):
        self.name = name
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": world.bus.address, "PATH": "/usr/bin:/bin"}
        self.popen = subprocess.Popen([world.build / "tests" / "bench" / name, *map(str, arguments)], env=environment,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.popen.stdin.close()
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(10)

    def line(self, timeout):
        with selectors.DefaultSelector() as selector:
            selector.register(self.popen.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                raise Failed(f"{self.name} said nothing for {timeout} s")
        text = self.popen.stdout.readline()
        if not text:
            raise Failed(f"{self.name}: {self.popen.stderr.read().strip() or 'has ended'}")
        return text

    def go(self):
        self.line(20)
        self.popen.stdin.write("go\n")
        self.popen.stdin.flush()

    def finish(self, timeout=20):
        """Its final report, as JSON."""
        self.popen.stdin.close()
        return json.loads(self.line(timeout))


@contextlib.contextmanager
def target(world, root, ports=PORTS):
    """Root's tap, and a network with foreign ports."""
    pairs = [(f"p{number}", f"q{number}") for number in range(ports // 2)]
    network = root.call(ROOT, MANAGER, "CreateNetwork", "ssa{sv}", (NETWORK_NAME, "isolated", {}))[0]
    try:
        with root.create_tap(NETWORK_NAME) as tap:
            # They stay down, so that no frame loops.
            ip(f"link add {a} master {NETWORK_NAME} type veth peer name {b}\nlink set {b} master {NETWORK_NAME}"
               for a, b in pairs)
            yield Target(tap.endpoint, tap.interface, path_of(NETWORK_NAME), root)
    finally:
        ip(f"link del {a}" for a, _ in pairs)
        root.call(network, NETWORK, "Delete", timeout=60)


def ip(lines):
    """Run many commands of ip at once; a failure does not end the others."""
    file = ROOM / "ip-commands"
    file.write_text("".join(line + "\n" for line in lines))
    kernel.run("ip", "-force", "-batch", file, check=False)


def write(flood, file):
    """Write the file that bench-flood reads: Hello first."""
    hello = call("/org/freedesktop/DBus", DBUS, "Hello", destination=DBUS)
    file.write_bytes(hello + b"".join(flood.messages))
    file.chmod(0o644)
    return file


@dataclasses.dataclass
class Beside:
    """What was measured beside a flood; times in seconds."""
    kept: list
    new: list
    asked: list
    empty: list
    errors: list
    sent: int = 0  # messages of the flood meanwhile
    bytes: int = 0  # of the flood, from its beginning
    seconds: float = 0
    processor: dict = dataclasses.field(default_factory=dict)  # processor time of the servers meanwhile

    @property
    def granted(self):
        return self.kept + self.new


def meet(world, seconds, rounds, asked=ASKED):
    """alice's calls, and empty ones to another service; a flood may run meanwhile."""
    with Program(world, "bench-beside", "idle", IDLE) as idle:
        idle.line(20)
        with Program(world, "bench-beside", "alice", seconds, rounds, GRANTED, asked, IDLE) as beside:
            said = json.loads(beside.line(seconds + 100))
    times = {name: [value / 1e6 for value in said[name]] for name in ("kept", "new", "asked", "empty")}
    return Beside(**times, errors=said["errors"])


def processor(world):
    """Processor seconds of the servers so far."""
    polkit = getattr(world.polkit, "process", None)
    bus = [world.bus.process.pid, *descendants(world.bus.process.pid)]
    return {"service": cpu_seconds(world.pid), "bus": sum(map(cpu_seconds, bus)),
            "polkit": cpu_seconds(polkit.pid) if polkit else 0}


def meet_beside(world, flood, seconds, rounds, asked=ASKED, head_start=1.0):
    """The same beside a flood from several connections, which has run for a while before."""
    file = write(flood, ROOM / "flood")
    arguments = ("bob", file, SECONDS_MAX, flood.window, *(["hang-up"] if flood.hang_up else []))
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(world, "bench-flood", *arguments)) for _ in range(CONNECTIONS)]
        for program in programs:
            program.go()
        with contextlib.suppress(subprocess.TimeoutExpired):
            programs[0].popen.wait(head_start)
        before, begin = processor(world), time.monotonic()
        found = meet(world, seconds, rounds, asked)
        found.seconds = time.monotonic() - begin
        found.processor = {name: spent - before[name] for name, spent in processor(world).items()}
        said = [program.finish() for program in programs]
    found.sent = sum(one["sent"] / one["seconds"] for one in said) * found.seconds
    found.bytes = sum(one["bytes"] for one in said)
    return found


__all__ = ["ASKED", "Beside", "CONFIGURATION", "DENIED", "Failed", "GRANTED", "NO_REPLY", "PAST_POLICY", "make",
           "meet", "meet_beside", "names", "past_policy", "target"]
