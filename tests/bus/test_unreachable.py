# SPDX-License-Identifier: LGPL-2.1-or-later
"""What vnicctl and the bridge helper report when the bus, or the way to the service, fails: a sentence that
says what to do, and status 11. The buses here are the tests' own, beside the world's."""

import contextlib
import os
import signal
import socket
import tempfile
import types

import pytest
from gi.repository import Gio
from vnic import bus as buses
from vnic import kernel
from vnic.client import DBUS
from vnic.process import ROOM
from vnic.rawclient import RawClient

pytestmark = [pytest.mark.deadline(120)]

VERBS = (["capabilities"], ["bridges"], ["create"], ["run", "--", "true"], ["list"], ["show", "web"],
         ["release", "web"], ["release", "--all"], ["monitor"], ["explain", "br0"], ["network", "list"],
         ["network", "create", "net0"], ["network", "show", "net0"], ["network", "delete", "net0"],
         ["network", "leases", "net0"], ["libvirt", "sync"])
CALLABLE = """<policy user="root"><allow own="org.vnicd1"/></policy>
<policy context="default"><allow send_destination="org.vnicd1"/></policy>"""
# The bare text of strerror(), which is no sentence.
BARE = {os.strerror(number) for number in range(1, 134)}


@pytest.fixture
def room():
    with tempfile.TemporaryDirectory(dir=ROOM) as folder:
        os.chmod(folder, 0o755)
        yield folder


@contextlib.contextmanager
def listening(path, accepts=True):
    """A socket on which nobody accepts a connection; with accepts=False nobody even listens."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        if accepts:
            listener.listen(16)
        yield f"unix:path={path}"


@contextlib.contextmanager
def own_bus(world, room, extra=""):
    """A bus of the world's kind without clients."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buses, "SOCKET", type(ROOM)(room) / "bus")
        patch.setattr(buses, "ROOM", type(ROOM)(room))
        made = buses.Bus(world.bus.kind, [], extra)
        made.start()
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def silent_service(bus):
    """A client that owns the service's name and answers nothing: a RawClient that reads what is sent to
    it."""
    with contextlib.closing(RawClient(types.SimpleNamespace(bus=bus), "root")) as owner:
        serial = owner.send("/org/freedesktop/DBus", DBUS, "RequestName", "su", ("org.vnicd1", 4), destination=DBUS)
        owner.receive_reply(serial)
        yield owner


def start(world, address, *words, program="vnicctl", **how):
    return world.run_as("alice", [world.tool(program), *words], env={"DBUS_SYSTEM_BUS_ADDRESS": address}, **how)


def ended(child, timeout=40):
    """What it printed, once it was checked to be sentences, and not of strerror alone."""
    out, err = child.communicate(timeout=timeout)
    words = child.args[1:]
    assert out == "" and err, words
    for line in err.splitlines():
        program, colon, sentence = line.partition(": ")
        assert colon and program in ("vnicctl", "vnic-bridge-helper"), (words, err)
        assert sentence.endswith(".") and sentence.rstrip(".") not in BARE and len(sentence) > 60, (words, err)
    return child.returncode, err


@contextlib.contextmanager
def helper(world, address):
    """The bridge helper, which has one status for all failures; returns a function for what it printed."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = start(world, address, "--br=br0", f"--fd={theirs.fileno()}", program="vnic-bridge-helper",
                      pass_fds=[theirs.fileno()])

        def said():
            status, err = ended(child)
            assert status == 1
            return err
        yield said


def check(world, address, *wanted, verbs=VERBS):
    """Every verb, and the helper, exit with this message; doctor prints it too, and continues without the
    bus."""
    children = [(words, start(world, address, *words)) for words in verbs]
    doctor = start(world, address, "doctor")
    with helper(world, address) as said:
        for words, child in children:
            status, err = ended(child)
            assert status == 11 and all(word in err for word in wanted), (words, status, err)
        err = said()
        assert all(word in err for word in wanted), err
    out, _ = doctor.communicate(timeout=40)
    line = next(line for line in out.splitlines() if line.split()[:2] == ["problem", "bus"])
    assert doctor.returncode == 1 and all(word in out for word in wanted) and "network" in out.replace(line, ""), (line, out)


def test_there_is_no_socket(world, room):
    check(world, f"unix:path={room}/nothing", "system bus", f"{room}/nothing", "systemctl")


def test_nobody_listens_at_the_socket(world, room):
    with listening(f"{room}/stale", accepts=False) as address:
        check(world, address, "system bus", "listens", "systemctl")


def test_the_socket_may_not_be_opened(world, room):
    """A sandbox that has no access to the bus is like this."""
    with listening(f"{room}/closed") as address:
        os.chmod(f"{room}/closed", 0o600)
        check(world, address, "system bus", "not allowed", "sandbox")


@pytest.mark.parametrize("address", ["nonsense", "unix:", "unix:path=/%zz", "foo:bar=1"])
def test_the_address_is_none(world, address):
    check(world, address, "system bus", "DBUS_SYSTEM_BUS_ADDRESS", address, verbs=(["list"], ["monitor"]))


def test_the_bus_refuses_the_user(world, room):
    with own_bus(world, room, '<policy context="mandatory"><deny user="alice"/></policy>') as bus:
        check(world, bus.address, "system bus", "policy")


def test_the_bus_refuses_calls_to_the_service(world, room):
    with own_bus(world, room, '<policy user="root"><allow own="org.vnicd1"/></policy>') as bus, silent_service(bus):
        for words in VERBS:
            status, err = ended(start(world, bus.address, *words))
            assert status == 11 and "policy" in err and "org.vnicd1" in err, (words, status, err)
        with helper(world, bus.address) as said:
            assert "policy" in said()


def test_neither_a_bus_nor_a_service_that_hangs_is_waited_for_for_ever(world, room):
    """Both are tested at once, since each takes the 25 s that any client waits for a reply; doctor waits no
    longer."""
    world.signal_service(signal.SIGSTOP)
    try:
        child = start(world, world.bus.address, "list")
        with listening(f"{room}/hangs") as address:
            check(world, address, "system bus", "did not answer within", verbs=(["list"], ["create"], ["monitor"]))
        status, err = ended(child)
    finally:
        world.signal_service(signal.SIGCONT)
    assert status == 11 and "in time" in err and "systemctl status vnicd" in err, err
    assert kernel.our_links() == []


def test_the_bus_does_not_take_connections_any_more(world, room):
    with listening(f"{room}/full") as address, contextlib.ExitStack() as stack:
        for _ in range(64):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            try:
                waiting.connect(f"{room}/full")
            except BlockingIOError:
                break
        else:
            pytest.fail("the queue of the socket is never full")
        check(world, address, "system bus", "hangs", verbs=(["list"], ["monitor"]))


def test_the_bus_hangs_up_and_says_nothing(world, room):
    """This may happen at any point of the handshake."""
    with listening(f"{room}/hangs-up") as address, socket.socket(socket.AF_UNIX) as listener:
        os.unlink(f"{room}/hangs-up")
        listener.bind(f"{room}/hangs-up")
        os.chmod(f"{room}/hangs-up", 0o666)
        listener.listen()
        for greeting in (b"", b"REJECTED EXTERNAL\r\n", b"OK 0123456789abcdef0123456789abcdef\r\n",
                         b"OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n", b"nonsense\r\n" * 9):
            child = start(world, address, "list")
            with contextlib.closing(listener.accept()[0]) as connection:
                connection.recv(4096)
                with contextlib.suppress(OSError):
                    connection.sendall(greeting)
            status, err = ended(child)
            assert status == 11 and "system bus" in err, (greeting, status, err)


def test_nobody_has_the_name_of_the_service(world, room):
    with own_bus(world, room, CALLABLE) as bus:
        for words in VERBS:
            status, err = ended(start(world, bus.address, *words))
            assert status == 11 and "org.vnicd1" in err and "systemctl status vnicd" in err, (words, status, err)
        with helper(world, bus.address) as said:
            assert "systemctl status vnicd" in said()


@pytest.mark.parametrize("words", [["list"], ["create"], ["monitor"], ["network", "create", "net0"]], ids=" ".join)
def test_the_bus_ends_while_a_call_is_open(world, room, words):
    with own_bus(world, room, CALLABLE) as bus, silent_service(bus) as service:
        child = start(world, bus.address, *words)
        while service.receive()[0].get_interface() == DBUS:
            pass
        bus.kill()
        status, err = ended(child)
        assert status == 11 and "system bus" in err and "before" in err, (status, err)


@pytest.mark.parametrize("words", [["list"], ["create"], ["monitor"]], ids=" ".join)
def test_the_service_ends_while_a_call_is_open(world, room, words):
    with own_bus(world, room, CALLABLE) as bus, silent_service(bus) as service:
        child = start(world, bus.address, *words)
        while service.receive()[0].get_interface() == DBUS:
            pass
        service.close()
        status, err = ended(child)
        assert status == 11 and "org.vnicd1" in err and "systemctl status vnicd" in err, (status, err)


# How the client programs handle each error of the service; all of them are in tests/unit/test-cli-status.c
STATUSES = {"org.vnicd1.Error.InvalidOption": 7, "org.vnicd1.Error.NoSuchBridge": 5, "org.vnicd1.Error.BridgeFull": 6,
            "org.vnicd1.Error.MacInUse": 8, "org.vnicd1.Error.NameTaken": 8, "org.vnicd1.Error.QuotaExceeded": 6,
            "org.vnicd1.Error.QueueLimit": 6, "org.vnicd1.Error.NotSupported": 9, "org.vnicd1.Error.Stale": 10,
            "org.vnicd1.Error.KernelError": 10, "org.vnicd1.Error.InvalidConfiguration": 1,
            "org.freedesktop.DBus.Error.LimitsExceeded": 6, "org.freedesktop.DBus.Error.AccessDenied": 3,
            "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired": 4,
            "org.freedesktop.DBus.Error.UnknownMethod": 9, "org.freedesktop.DBus.Error.NoMemory": 1,
            "org.freedesktop.DBus.Error.UnknownProperty": 9, "org.freedesktop.DBus.Error.NoReply": 11,
            "org.freedesktop.DBus.Error.Failed": 1, "com.example.Nonsense": 1}


def refuse(service, calls):
    """Answer that many calls of CreateTap: the name of the bridge is the number of the error."""
    names = list(STATUSES)
    while calls > 0:
        call, _fds = service.receive()
        if call.get_member() != "CreateTap":
            continue
        number = int(call.get_body().get_child_value(0).get_string().removeprefix("br"))
        answer = call.new_method_error_literal(names[number], f"This is refusal {number} of the service.")
        answer.set_serial(1000 + calls)
        service.send_bytes(bytes(answer.to_blob(Gio.DBusCapabilityFlags.NONE)))
        calls -= 1


def test_each_refusal_of_the_service_has_its_status(world, room):
    """The bridge helper's callers know 0 and other only: whatever the error is, its status is 1."""
    with own_bus(world, room, CALLABLE) as bus, silent_service(bus) as service, contextlib.ExitStack() as stack:
        ends = [stack.enter_context(end) for _ in STATUSES for end in socket.socketpair()][1::2]
        ctls = [start(world, bus.address, "create", "--bridge", f"br{number}") for number in range(len(STATUSES))]
        helpers = [start(world, bus.address, f"--br=br{number}", f"--fd={end.fileno()}", program="vnic-bridge-helper",
                         pass_fds=[end.fileno()]) for number, end in enumerate(ends)]
        refuse(service, 2 * len(STATUSES))
        said = [child.communicate(timeout=40) for child in ctls + helpers]
    assert {name: child.returncode for name, child in zip(STATUSES, ctls, strict=True)} == STATUSES
    assert [child.returncode for child in helpers] == [1] * len(STATUSES)
    for name, (out, err) in zip([*STATUSES, *STATUSES], said, strict=True):
        assert out == "" and (STATUSES[name] == 11 or "This is refusal" in err), (name, out, err)


@pytest.mark.restarts
def test_monitor_ends_with_the_bus(world):
    """It prints a sentence, and does not exit as if it had been told to."""
    child = start(world, world.bus.address, "monitor")
    try:
        assert "watching" in child.stderr.readline()
        world.stop_service()
        world.restart_bus()
        out, err = child.communicate(timeout=20)
    finally:
        world.start_service()
    assert (child.returncode, out) == (11, "")
    assert err.startswith("vnicctl: ") and "system bus" in err and "again" in err, err
