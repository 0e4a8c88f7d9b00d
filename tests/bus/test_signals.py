# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forged signals, and forged replies: any client of the bus may send another a signal, and no library
compares its sender. Most tests run twice: with the bus policy that keeps such signals away from the service,
and without it, when the service's own check has to suffice."""

import contextlib
import json
import os
import signal
import threading

import pytest
from gi.repository import Gio, GLib
from vnic import kernel
from vnic.client import ACCESS_DENIED, DBUS, MANAGER, NAME, OBJECTS, PROPERTIES, ROOT, BusError, Client
from vnic.networks import Network
from vnic.process import poll
from vnic.rawclient import RawClient
from vnic.systemd import NAME as SYSTEMD, FakeSystemd, job_removed

FENCE = r'<policy context="mandatory">.*?</policy>'
# A control sequence in one byte for terminals, a line of its own, a word written backwards.
ODD = "\u009b31mCall 0900-BOB\n\u202ereverse\u2028\x1b[2J"


@pytest.fixture(params=["policy", "no policy"])
def fence(request):
    """With and without the policy's refusal of signals to the service."""
    if request.param == "policy":
        yield True
        return
    world = request.getfixturevalue("world")
    with world.bus_policy_without(FENCE):
        yield False


@pytest.fixture
def systemd(world):
    with FakeSystemd(world) as fake:
        yield fake


@contextlib.contextmanager
def made_network(client, name):
    made = Network(client, name, "isolated")
    try:
        yield made
    finally:
        made.delete()


def about_its_unit(net):
    """The warnings of the network for which systemd is the reason."""
    return [text for text in net.get("Warnings") if text.startswith(f"vnicd-network@{net.name}.service")]


def odd(text):
    """The characters in it that may affect a terminal or confuse a reader."""
    return [c for c in text if c != "\n" and not c.isprintable()]


def owner_changed(name, destination):
    """The bus's signal that this name has left, sent by any client."""
    message = Gio.DBusMessage.new_signal("/org/freedesktop/DBus", DBUS, "NameOwnerChanged")
    message.set_destination(destination)
    message.set_body(GLib.Variant("(sss)", (name, name, "")))
    return message


def service_has_read(client):
    """The service has handled everything that was sent to it before."""
    client.call(ROOT, "org.freedesktop.DBus.Peer", "Ping")


# The bus: clients that have left

@pytest.mark.parametrize("broadcast", [False, True], ids=["unicast", "broadcast"])
def test_nobody_but_the_bus_says_that_a_caller_has_left(world, fence, alice, bob, bridges, broadcast):
    bridges("ask0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: None if check.interactive else (False, True, {})
        pending = alice.start_create_tap("ask0", interactive=True)
        prompt = polkit.wait_for_check(2)
        assert prompt.interactive
        bob.send(owner_changed(alice.unique, None if broadcast else bob.owner_of(NAME)))
        service_has_read(bob)
        assert not poll(lambda: prompt.cancelled, 1.0), "the open prompt was cancelled"
        prompt.answer(True)
        with alice_has_it(pending):
            pass


@contextlib.contextmanager
def alice_has_it(pending):
    """Whether alice has the tap of a call that succeeded."""
    _path, interface, _offloads, fds = pending.result(5)
    try:
        yield interface
    finally:
        for fd in fds:
            os.close(fd)


def test_a_call_without_a_prompt_goes_on_too(world, fence, alice, bob, bridges):
    bridges("yes1")
    with world.polkit_as("hang") as polkit:
        pending = alice.start_create_tap("yes1")
        check = polkit.wait_for_check()
        bob.send(owner_changed(alice.unique, bob.owner_of(NAME)))
        service_has_read(bob)
        assert not poll(lambda: check.cancelled, 1.0), "the check was cancelled"
        check.answer(True)
        with alice_has_it(pending):
            pass


def test_the_bus_itself_is_heard(world, fence, bob, bridges):
    """The check suppresses nothing genuine: a client that really leaves cancels its question."""
    bridges("yes1")
    with world.polkit_as("hang") as polkit:
        with world.client("alice") as alice:
            alice.start_create_tap("yes1")
            check = polkit.wait_for_check()
        polkit.wait_for_cancel(check)


@pytest.mark.deadline(120)
def test_every_call_is_answered_beside_a_loop_of_forged_signals(world, fence, bob, bridges):
    bridges("yes2")
    service = bob.owner_of(NAME)
    stop = threading.Event()

    def flood():
        with world.client("bob") as other:
            while not stop.is_set():
                for name in other.bus_call("ListNames")[0]:
                    if name.startswith(":") and name not in (other.unique, service):
                        other.send(owner_changed(name, service))

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    answered, errors = 0, []
    try:
        for _ in range(20):
            with world.client("alice") as alice:
                try:
                    with alice.create_tap("yes2", timeout=5.0):
                        answered += 1
                except BusError as error:
                    errors.append(str(error))
    finally:
        stop.set()
        thread.join(10)
    assert answered == 20, errors


# systemd: how a job ended

def forge(bob, job, result, broadcast):
    bob.send(job_removed(job.number, job.unit, result, None if broadcast else bob.owner_of(NAME)))
    service_has_read(bob)


@pytest.mark.parametrize("broadcast", [False, True], ids=["unicast", "broadcast"])
def test_nobody_but_systemd_says_how_a_job_ended(world, fence, root, bob, systemd, broadcast):
    with made_network(root, "yesnet") as net:
        job = systemd.wait_for_job()
        before = world.service.output()
        forge(bob, job, ODD, broadcast)
        assert not poll(lambda: about_its_unit(net), 0.5)
        assert "0900" not in world.service.output()[len(before):]
        job.end("done")


def test_a_forged_end_does_not_hide_a_failed_start(fence, root, bob, systemd):
    with made_network(root, "yesnet") as net:
        job = systemd.wait_for_job()
        forge(bob, job, "done", False)
        job.end("failed")
        assert poll(lambda: about_its_unit(net), 3) == [
            f'{job.unit} cannot be started: the result is "failed". See journalctl -u {job.unit}.']


def test_nobody_but_the_bus_says_that_systemd_is_somebody_else(world, fence, root, bob, systemd):
    with made_network(root, "yesnet") as net:
        job = systemd.wait_for_job()
        message = Gio.DBusMessage.new_signal("/org/freedesktop/DBus", DBUS, "NameOwnerChanged")
        message.set_destination(bob.owner_of(NAME))
        message.set_body(GLib.Variant("(sss)", (SYSTEMD, systemd.client.unique, bob.unique)))
        bob.send(message)
        forge(bob, job, "failed", False)
        service_has_read(bob)
        assert not poll(lambda: about_its_unit(net), 0.5)
        job.end("failed")
        assert poll(lambda: about_its_unit(net), 3), "the real one is not heard any more"


def test_the_job_that_ends_before_anybody_could_ask_is_heard(fence, root, systemd):
    """The end of the very first job follows the reply immediately: it must not be lost."""
    def answer(job):
        job.accept()
        job.end("failed")

    systemd.auto = answer
    with made_network(root, "yesnet") as net:
        assert poll(lambda: about_its_unit(net), 3)


def test_systemd_under_another_name_is_heard_and_the_old_one_is_not(fence, root, systemd, world):
    """systemd leaves the bus and comes back when it is told to re-execute itself."""
    with made_network(root, "yesnet") as net:
        job = systemd.wait_for_job()
        systemd.leave_name()
        with FakeSystemd(world, first_job=5000) as another:
            assert another.client.unique != systemd.client.unique
            for destination in (None, job.sender):
                job.end("done", destination)  # by the old one, which is an unrelated client now
            service_has_read(root)
            another.client.send(job_removed(job.number, job.unit, "failed"))
            assert poll(lambda: about_its_unit(net), 3)
            with made_network(root, "yesother") as other:
                second = another.wait_for_job()
                assert other.name in second.unit
                second.end("timeout")
                assert poll(lambda: about_its_unit(other), 3)


def test_systemd_that_comes_later_is_heard(fence, world, root):
    with made_network(root, "yesfirst") as first:
        assert poll(lambda: about_its_unit(first), 3)
        with FakeSystemd(world) as systemd, made_network(root, "yesnet") as net:
            systemd.wait_for_job().end("failed")
            assert poll(lambda: about_its_unit(net), 3)
            assert '"failed"' in about_its_unit(net)[0]


@pytest.mark.parametrize("word", [ODD, "fail\u009bed", "", "DONE", "nonsense", "x" * 5000],
                         ids=["controls", "c1", "empty", "capitals", "unknown", "long"])
def test_only_words_that_systemd_has_are_repeated(world, root, systemd, word):
    with made_network(root, "yesnet") as net:
        job = systemd.wait_for_job()
        job.end(word)
        (warning,) = poll(lambda: about_its_unit(net), 3)
        assert warning == (f"{job.unit} cannot be started: it ended in a way that vnicd does not know. "
                           f"See journalctl -u {job.unit}.")
        assert not odd(world.service.output())


@pytest.mark.parametrize("word", ["timeout", "failed", "dependency", "invalid", "assert", "unsupported",
                                  "collected", "once", "frozen", "concurrency"])
def test_the_words_that_it_has_are(root, systemd, word):
    with made_network(root, "yesnet") as net:
        systemd.wait_for_job().end(word)
        (warning,) = poll(lambda: about_its_unit(net), 3)
        assert f'the result is "{word}"' in warning


# Text from other programs

@pytest.mark.parametrize("message", [ODD, "é" * 400, "x" + "é" * 400, "xx" + "日" * 300],
                         ids=["controls", "long", "long by one more", "of three bytes"])
def test_the_words_of_a_refusal_are_made_harmless(world, root, systemd, message):
    """Cut in the middle of a character it would not even be a D-Bus string, and nobody could read the
    network's properties."""
    systemd.auto = lambda job: job.fail("org.freedesktop.systemd1.UnitMasked", message)
    with made_network(root, "yesnet") as net:
        (warning,) = poll(lambda: about_its_unit(net), 3)
        assert warning.startswith("vnicd-network@yesnet.service cannot be started: ")
        assert not odd(warning)
        assert warning in root.get_all(net.path, "org.vnicd1.Network")["Warnings"]
        assert root.managed_objects()
        assert not odd(world.service.output()) and "\ufffd" not in world.service.output()


@pytest.mark.parametrize("name", [b"\xff\xfe", b"cut\xc3", b"a\xc2\x9bb", b"a\xe2\x80\xaeb"])
def test_an_interface_whose_name_is_no_text_hides_nothing(alice, bob, bridge, name):
    """The kernel accepts any bytes as a name from an administrator; D-Bus does not, and one such string would
    cost everybody the reply."""
    signals = bob.subscribe(MANAGER, "EndpointRemoved")
    with alice.create_tap(bridge) as tap:
        kernel.run("ip", "link", "set", tap.interface, "down")
        kernel.run("ip", "link", "set", tap.interface, "name", os.fsdecode(name))
        shown = poll(lambda: (tap.get("Interface") != tap.interface) and tap.get("Interface"), 5)
        assert shown == "".join(c if c.isprintable() else "?" for c in name.decode(errors="replace").replace("\ufffd", "?"))
        assert bob.managed_objects()[tap.endpoint]["org.vnicd1.Endpoint"]["Interface"] == shown
    signals.wait_for(lambda _path, _interface, _member, values: tuple(values)[:2] == (tap.endpoint, shown))


@pytest.mark.parametrize("multiqueue", [False, True])
def test_a_tap_whose_queues_are_closed_leaves_without_a_warning(alice, bob, bridge, multiqueue):
    """The kernel takes it down first and says so, and deletes it some milliseconds later."""
    signals = bob.subscribe(PROPERTIES)
    for _ in range(30):
        with alice.create_tap(bridge, multiqueue=multiqueue) as tap:
            pass
        assert poll(lambda: not kernel.exists(tap.interface), 3)
    bob.list_bridges()
    assert not [one for one in signals.all() if "Warnings" in str(one)]


@pytest.mark.restarts
def test_a_question_that_is_open_when_the_service_stops_is_answered(world, alice, bridges):
    bridges("yes1")
    with world.polkit_as("hang") as polkit:
        pending = alice.start_create_tap("yes1")
        polkit.wait_for_check()
        world.stop_service()
        error = pending.error()
        world.start_service()
    assert "The service is stopping" in error.message


@pytest.mark.restarts
def test_words_of_polkit_are_made_harmless_in_the_log(world, alice, bridges):
    bridges("yes1")
    world.restart_service()  # it logs a complaint only once in a while
    with world.polkit_as("hang") as polkit:
        pending = alice.start_create_tap("yes1")
        polkit.wait_for_check().fail(message=ODD)
        assert pending.error().name == ACCESS_DENIED
        assert "polkit did not answer: ?31mCall 0900-BOB" in world.service.output()
        assert not odd(world.service.output())


# Replies to what the service has asked

def answers(unique, service, serials, body):
    for serial in serials:
        message = Gio.DBusMessage()
        message.set_message_type(Gio.DBusMessageType.METHOD_RETURN)
        message.set_destination(service)
        message.set_reply_serial(serial)
        message.set_flags(Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
        message.set_serial(serial)
        message.set_body(body)
        yield bytes(message.to_blob(Gio.DBusCapabilityFlags.NONE))


def answer_everything(world, user, service, body):
    """Answer as if this user had been asked everything that the service asks; the bus may disconnect the user
    for it."""
    raw = RawClient(world, user)
    try:
        for blob in answers(raw.unique, service, range(1, 20000), body):
            raw.send_bytes(blob)
    except OSError:
        pass
    finally:
        raw.close()


def test_nobody_answers_in_polkits_place(world, fence, alice, bob, bridges):
    bridges("no0")
    service = bob.owner_of(NAME)
    with world.polkit_as("hang") as polkit:
        pending = alice.start_create_tap("no0")
        check = polkit.wait_for_check()
        for user in ("bob", "alice"):
            answer_everything(world, user, service, GLib.Variant("((bba{ss}))", ((True, False, {}),)))
        service_has_read(bob)
        assert not pending.done()
        check.answer(False)
        assert pending.error().name == ACCESS_DENIED


def test_nobody_answers_in_systemds_place(world, fence, root, bob, systemd):
    systemd.auto = None
    with made_network(root, "yesnet") as net:
        job = systemd.wait_for_job()
        answer_everything(world, "bob", bob.owner_of(NAME), GLib.Variant("(o)", ("/not/the/job",)))
        service_has_read(bob)
        systemd.auto = lambda other: other.accept()
        job.accept()
        job.end("failed")
        assert poll(lambda: about_its_unit(net), 3)


# The policy itself

@pytest.mark.restarts
def test_the_bus_keeps_signals_away_that_are_sent_to_the_service(world, bob, root):
    """This is seen by a client that owns the service's name and reads everything that the bus delivers."""
    world.stop_service()
    try:
        with Client(world, "vnicd") as owner:
            seen = []
            owner.connection.add_filter(lambda _connection, message, incoming: (
                seen.append((message.get_sender(), message.get_member())) if incoming else None, message)[1])
            assert owner.bus_call("RequestName", "su", (NAME, 4)) == (1,)
            owner.bus_call("AddMatch", "s", ("type='signal',member='Tick'",))
            for sender in (bob, root):
                for destination in (owner.unique, NAME, None):
                    for member in ("NameOwnerChanged", "Tick"):
                        message = Gio.DBusMessage.new_signal("/a", "a.b", member)
                        message.set_destination(destination)
                        sender.send(message)
                sender.bus_call("GetId")
            owner.bus_call("GetId")
            assert poll(lambda: [item for item in seen if item == (root.unique, "Tick")], 3)
            # Only the broadcasts that were requested, and the bus's own.
            assert [item for item in seen if item[0] in (bob.unique, root.unique)] == \
                [(bob.unique, "Tick"), (root.unique, "Tick")]
            assert (DBUS, "NameAcquired") in seen
    finally:
        world.start_service()


# polkitd

def test_polkit_started_again_is_heard(world, fence, alice, bridges):
    bridges("yes1")
    before = world.owner_of("org.freedesktop.PolicyKit1")
    world.polkit.restart()
    assert world.owner_of("org.freedesktop.PolicyKit1") != before
    with alice.create_tap("yes1"):
        pass


# vnicctl monitor

def forged_events(destination):
    path = "/org/vnicd1/endpoint/vnic00000001"
    for where, interface, member, body in (
            (ROOT, OBJECTS, "InterfacesAdded", GLib.Variant("(oa{sa{sv}})", (path, {
                "org.vnicd1.Endpoint": {"Interface": GLib.Variant("s", "forged")}}))),
            (path, PROPERTIES, "PropertiesChanged", GLib.Variant("(sa{sv}as)", (
                "org.vnicd1.Endpoint", {"Interface": GLib.Variant("s", "forged")}, []))),
            (ROOT, MANAGER, "EndpointRemoved", GLib.Variant("(oss)", (path, "forged", "released"))),
            ("/org/freedesktop/DBus", DBUS, "NameOwnerChanged", GLib.Variant("(sss)", (NAME, "", "")))):
        message = Gio.DBusMessage.new_signal(where, interface, member)
        message.set_destination(destination)
        message.set_body(body)
        yield message


def test_monitor_hears_the_service_and_nobody_else(world, alice, bob, bridge):
    before = set(bob.bus_call("ListNames")[0])
    child = world.run_as("alice", [world.tool("vnicctl"), "monitor", "--json"])
    assert "watching" in child.stderr.readline().lower()
    (monitor,) = {name for name in bob.bus_call("ListNames")[0] if name.startswith(":")} - before
    for message in forged_events(monitor):
        bob.send(message)
    with alice.create_tap(bridge) as tap:
        added = json.loads(child.stdout.readline())
        assert added["event"] == "added" and added["interface"] == tap.interface
    child.send_signal(signal.SIGINT)
    out, _err = child.communicate(timeout=5)
    assert child.returncode == 0 and "forged" not in out
