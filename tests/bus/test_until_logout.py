# SPDX-License-Identifier: LGPL-2.1-or-later
"""Taps that stay until their owner has logged out. logind is a stand-in here; the system tier has the real one."""

import json
import os
import time

import pytest
from gi.repository import Gio
from vnic import kernel, variant
from vnic.client import ACCESS_DENIED, ENDPOINT, MANAGER, ROOT, TAP, Client
from vnic.logind import FakeLogind
from vnic.process import poll
from vnic.systemd import FakeSystemd

FENCE = r'<policy context="mandatory">.*?</policy>'
# From the end of the last session to that of the tap.
SECONDS = 5


@pytest.fixture
def logind(world):
    with FakeLogind(world) as fake:
        yield fake
        for session in list(fake.sessions):
            session.end()
        # It is forgotten who was logged in.
        assert poll(lambda: not kernel.our_links(), SECONDS)


@pytest.fixture
def systemd(world):
    with FakeSystemd(world) as fake:
        yield fake


def is_gone(tap):
    return poll(lambda: not kernel.exists(tap.interface), SECONDS)


def stays(tap, logind, looks=1):
    """Also after logind was asked so often."""
    before = len(logind.asked)
    assert poll(lambda: len(logind.asked) >= before + looks, SECONDS)
    assert not kernel.wait_gone(tap.interface, 0.3)


def service_has_read(client):
    client.call(ROOT, MANAGER, "ListBridges")


def test_it_is_handed_over_idle_and_every_program_of_its_owner_can_open_it(logind, alice, bob, world, bridge):
    logind.login(alice.uid)
    tap = alice.create_tap(bridge, True, True, queues=2, until_logout=True)
    assert tap.fds == []
    assert kernel.tun(tap.interface)["persist"] and kernel.owner(tap.interface) == alice.uid
    assert tap.get("Persistent") and tap.get("UntilLogout") and tap.get("State") == "idle"
    assert tap.get("Warnings") == []
    assert " persistent=logout queues=2 " in kernel.alias(tap.interface)
    assert bob.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).name == ACCESS_DENIED
    with Client(world, "alice") as again:
        tap.open_queues(2, again)
    assert tap.get("Queues") == 2
    tap.close()
    assert poll(lambda: tap.get("State") == "idle", 2)
    assert kernel.exists(tap.interface)


def test_other_taps_are_not_until_logout(alice, bridge):
    with alice.create_tap(bridge) as tap:
        assert not tap.get("UntilLogout") and not tap.get("Persistent")
    tap = alice.create_tap(bridge, persistent=True)
    assert tap.get("Persistent") and not tap.get("UntilLogout")
    tap.release()


def test_more_queues_by_name_than_were_asked_for_are_tampering(logind, alice, bridge):
    logind.login(alice.uid)
    tap = alice.create_tap(bridge, True, True, queues=2, until_logout=True)
    signals = alice.subscribe(MANAGER, "EndpointRemoved")
    fds = [kernel.open_tap(tap.interface, 0x5102)[0] for _ in range(3)]
    assert signals.wait_for(lambda *_: True)[3][2] == "tampered"
    for fd in fds:
        os.close(fd)


def test_its_queues_are_charged_at_creation(logind, alice, bridge):
    logind.login(alice.uid)
    for _ in range(4):
        alice.create_tap(bridge, True, True, queues=16, until_logout=True)
    assert alice.create_tap_error(bridge).short == "QuotaExceeded"


# Who counts as logged in

@pytest.mark.parametrize("kind, state", [("user", "online"), ("user", "active"), ("user", "opening")])
def test_a_session_of_a_user_counts(logind, alice, bridge, kind, state):
    logind.login(alice.uid, kind, state)
    assert alice.can_create_tap(bridge, until_logout=True)[0] == "yes"
    alice.create_tap(bridge, until_logout=True)


@pytest.mark.parametrize("kind, state", [
    ("user", "closing"), ("greeter", "active"), ("lock-screen", "active"), ("background", "active"),
    ("manager", "active"), ("user-early", "active"), ("user-incomplete", "active"), ("userx", "active"), ("", "")])
def test_other_sessions_do_not(logind, alice, bridge, kind, state):
    logind.login(alice.uid, kind, state)
    error = alice.create_tap_error(bridge, until_logout=True)
    assert error.short == "InvalidOption" and "until_logout" in error.message and "loginctl" in error.message
    assert alice.can_create_tap(bridge, until_logout=True) == ("no", error.message)


def test_lingering_is_not_enough_and_neither_is_somebody_else(logind, alice, bob, bridge):
    logind.login(bob.uid)
    assert alice.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    logind.lingering.add(alice.uid)
    assert alice.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    logind.login(alice.uid)
    alice.create_tap(bridge, until_logout=True)


def test_one_session_that_counts_is_enough(logind, alice, bridge):
    for kind, state in (("background", "active"), ("user", "closing"), ("user", "online"), ("greeter", "active")):
        logind.login(alice.uid, kind, state)
    alice.create_tap(bridge, until_logout=True)


def test_a_session_that_ends_before_it_is_looked_at_does_not_count(logind, alice, bridge):
    logind.login(alice.uid)

    def go(_):
        logind.sessions[0].vanish()
        logind.on_list = None

    logind.on_list = go
    assert alice.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    logind.login(alice.uid)
    logind.login(alice.uid)
    logind.on_list = go
    alice.create_tap(bridge, until_logout=True)


def test_without_logind_it_is_not_supported(world, alice, bridge):
    error = alice.create_tap_error(bridge, until_logout=True)
    assert error.short == "NotSupported" and "systemd-logind" in error.message
    assert alice.can_create_tap(bridge, until_logout=True) == ("no", error.message)
    assert kernel.our_links() == []


@pytest.mark.parametrize("name", ["org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.Failed",
                                  "org.freedesktop.DBus.Error.LimitsExceeded"])
def test_a_logind_that_refuses_to_say_is_none(logind, alice, bridge, name):
    logind.login(alice.uid)
    logind.error = name
    assert alice.create_tap_error(bridge, until_logout=True).short == "NotSupported"
    logind.error = None
    alice.create_tap(bridge, until_logout=True)


# What it takes

def test_it_takes_no_more_than_a_tap_that_lives_by_its_queues(logind, alice, carol, bridges):
    for name in ("no0", "ask0", "carol0"):
        bridges(name)
    logind.login(alice.uid)
    logind.login(carol.uid)
    for name in ("no0", "ask0", "-"):
        refused = alice.create_tap_error(name)
        assert (refused.name, refused.message) == (lambda error: (error.name, error.message))(
            alice.create_tap_error(name, until_logout=True))
    # She may use it, but have no persistent tap there.
    assert carol.create_tap_error("carol0", persistent=True).name != "org.vnicd1.Error.InvalidOption"
    carol.create_tap("carol0", until_logout=True)


def test_it_is_for_somebody_else_only_with_manage_endpoints(logind, alice, bob, carol, bridge):
    logind.login(alice.uid)
    refused = bob.create_tap_error(bridge, owner=alice.uid)
    assert bob.create_tap_error(bridge, owner=alice.uid, until_logout=True).name == refused.name
    tap = carol.create_tap(bridge, owner=alice.uid, until_logout=True)  # carol is not logged in
    assert tap.get("Owner") == alice.uid
    assert carol.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    logind.sessions[0].end()
    assert is_gone(tap)


def test_it_goes_with_no_option_that_contradicts_it(logind, alice, bridge):
    logind.login(alice.uid)
    error = alice.create_tap_error(bridge, until_logout=True, persistent=True)
    assert error.short == "InvalidOption" and "until_logout" in error.message
    error = alice.open_tap_error(bridge, until_logout=True)
    assert error.short == "InvalidOption" and "until_logout" in error.message
    with alice.create_tap(bridge, until_logout=False) as tap:
        assert len(tap.fds) == 1 and not tap.get("UntilLogout")


# Its end

def test_it_goes_when_the_last_session_has_ended_and_no_other_tap_does(logind, alice, bob, bridge):
    first, second = logind.login(alice.uid), logind.login(alice.uid)
    logind.login(bob.uid)
    tap = alice.create_tap(bridge, True, True, queues=2, until_logout=True)
    tap.open_queues(2)  # somebody has it open
    others = [alice.create_tap(bridge, persistent=True), alice.create_tap(bridge),
              bob.create_tap(bridge, until_logout=True)]
    signals = alice.subscribe(MANAGER, "EndpointRemoved")
    first.end()
    second.end()
    assert is_gone(tap)
    assert signals.wait_for(lambda *_: True)[3] == (tap.endpoint, tap.interface, "logout")
    assert not kernel.wait_gone(others[2].interface, 0.3)  # what is deleted with it goes a moment later
    assert [kernel.exists(other.interface) for other in others] == [True] * 3
    tap.close()
    others[1].close()
    others[0].release()


@pytest.mark.parametrize("order", [0, 1])
def test_the_end_of_one_session_of_two_ends_nothing(logind, alice, bridge, order):
    sessions = [logind.login(alice.uid), logind.login(alice.uid)]
    tap = alice.create_tap(bridge, until_logout=True)
    sessions.pop(order).end()
    service_has_read(alice)
    if order == 0:  # the one that was remembered: logind is asked for another
        stays(tap, logind)
    sessions.pop().end()
    assert is_gone(tap)


def test_a_new_login_before_the_old_one_ends_keeps_it(logind, alice, bridge):
    old = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    for _ in range(5):
        new = logind.login(alice.uid)
        old.end()
        stays(tap, logind)
        old = new


def test_a_session_that_is_left_with_processes_ends_it(logind, systemd, alice, bridge):
    """logind says nothing when a session begins to close; systemd says that its scope has changed."""
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    systemd.client.send(session.scope_changed())  # something else
    stays(tap, logind)
    session.close(systemd)
    assert is_gone(tap)


def test_a_session_that_says_that_it_closes_ends_it(logind, alice, bridge):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    logind.client.send(session.changed())
    stays(tap, logind)
    session.state = "closing"
    logind.client.send(session.changed("Active"))
    assert is_gone(tap)


def test_a_session_that_begins_while_the_last_one_ends_is_not_missed(logind, alice, bridge):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)

    def come_behind_the_list(uid):
        logind.on_list = None
        logind.login(uid)

    logind.lingering.add(alice.uid)
    logind.on_list = come_behind_the_list
    session.end()
    stays(tap, logind, 2)


def test_a_holder_who_ends_its_persistence_loses_it_earlier(logind, alice, bridge):
    logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    tap.open_queue()
    kernel.set_persistent(tap.fds[0], False)
    assert poll(lambda: not tap.get("Persistent"), 2) and tap.get("UntilLogout") and tap.get("Warnings")
    tap.close()
    assert is_gone(tap)


def test_an_administrator_who_writes_another_tag_decides_how_long_it_stays(logind, world, alice, bridge):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    alias = kernel.alias(tap.interface)

    def write(life):
        kernel.run("ip", "link", "set", "dev", tap.interface, "alias", alias.replace("persistent=logout", life))

    write("persistent=1")
    assert poll(lambda: not tap.get("UntilLogout"), 2)
    before = len(logind.asked)
    session.end()
    assert poll(lambda: len(logind.asked) > before, SECONDS)
    assert tap.get("Persistent") and kernel.exists(tap.interface)
    write("persistent=logout")
    assert is_gone(tap)


# Who is believed

@pytest.mark.parametrize("with_policy", [True, False])
def test_only_logind_and_systemd_are_heard(world, logind, systemd, alice, bob, bridge, with_policy):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    before = len(logind.asked)

    def lie():
        for message in (session.removed, session.changed, session.scope_changed):
            for liar in (alice, bob):
                for destination in (None, world.root.owner_of("org.vnicd1")):
                    forged = message()
                    forged.set_destination(destination)
                    liar.send(forged)
        # Each is believed in what it knows only.
        logind.client.send(session.scope_changed())
        systemd.client.send(session.removed())
        service_has_read(alice)
        service_has_read(bob)
        assert not poll(lambda: len(logind.asked) > before, 0.5)

    if with_policy:
        lie()
    else:
        with world.bus_policy_without(FENCE):
            lie()
    assert kernel.exists(tap.interface)
    session.end()
    assert is_gone(tap)


# Restarts

@pytest.mark.restarts
def test_a_logout_while_the_service_is_down_is_seen_at_its_start(world, logind, alice, bob, bridge):
    session, _ = logind.login(alice.uid), logind.login(bob.uid)
    tap, other = alice.create_tap(bridge, until_logout=True), bob.create_tap(bridge, until_logout=True)
    before = len(logind.asked)
    world.restart_service()
    assert poll(lambda: len(logind.asked) >= before + 2, SECONDS)
    world.stop_service()
    session.end()
    assert kernel.exists(tap.interface)
    world.start_service()
    assert is_gone(tap)
    assert kernel.exists(other.interface)
    assert other.get("UntilLogout")


@pytest.mark.restarts
def test_a_logout_after_a_restart_ends_it(world, logind, alice, bridge):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    world.restart_service()
    assert world.root.get(tap.endpoint, ENDPOINT, "UntilLogout")
    session.end()
    assert is_gone(tap)


@pytest.mark.restarts
def test_a_logout_and_a_login_while_the_service_is_down_end_nothing(world, logind, alice, bridge):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    world.stop_service()
    session.end()
    logind.login(alice.uid)
    before = len(logind.asked)
    world.start_service()
    assert poll(lambda: len(logind.asked) > before, SECONDS)
    assert tap.get("UntilLogout") and kernel.exists(tap.interface)


@pytest.mark.restarts
def test_without_logind_at_the_start_it_stays_until_logind_is_there(world, logind, alice, bridge):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    logind.stop()
    world.restart_service()
    session.vanish()
    assert alice.create_tap_error(bridge, until_logout=True).short == "NotSupported"
    assert kernel.exists(tap.interface)
    logind.start()
    assert is_gone(tap)


def test_a_logout_while_logind_is_away_is_seen_when_it_is_back(logind, alice, bob, bridge):
    session, _ = logind.login(alice.uid), logind.login(bob.uid)
    tap, other = alice.create_tap(bridge, until_logout=True), bob.create_tap(bridge, until_logout=True)
    logind.stop()
    session.vanish()
    service_has_read(alice)
    assert kernel.exists(tap.interface)
    logind.start()
    assert is_gone(tap)
    assert kernel.exists(other.interface)


@pytest.mark.parametrize("name", ["LimitsExceeded", "AccessDenied", "Failed"])
def test_a_logind_that_does_not_answer_ends_nothing_and_is_asked_again(logind, alice, bridge, name):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    logind.error = f"org.freedesktop.DBus.Error.{name}"
    session.end()
    stays(tap, logind)
    logind.error = None
    assert poll(lambda: not kernel.exists(tap.interface), 20)


def test_a_logind_that_does_not_run_is_not_started(logind, alice, bridge):
    logind.login(alice.uid)
    alice.create_tap(bridge, until_logout=True)
    assert len(logind.flags) >= 3 and all(flags & Gio.DBusMessageFlags.NO_AUTO_START for flags in logind.flags)


def test_a_logind_that_ends_while_it_is_asked_is_asked_again(logind, alice, bridge):
    logind.login(alice.uid)
    logind.silent = True
    pending = alice.start_create_tap(bridge, until_logout=True)
    assert poll(lambda: logind.unanswered, SECONDS)
    logind.unanswered.clear()
    logind.leave_name()
    logind.silent = False
    logind.take_name()
    assert pending.result()


# Many

def test_a_silent_logind_holds_up_nobody_else_and_only_so_many_calls(logind, world, alice, bob, bridge):
    logind.login(alice.uid)
    logind.silent = True
    waiting = [alice.start_create_tap(bridge, until_logout=True) for _ in range(33)]
    with Client(world, "alice") as again, bob.create_tap(bridge), again.create_tap(bridge):
        pass
    assert waiting[32].error().short == "LimitsExceeded"
    assert not any(pending.done() for pending in waiting[:32])
    assert logind.asked == [alice.uid]
    waiting[0].discard()
    logind.speak()
    for pending in waiting[1:32]:
        pending.result()


def test_logind_is_asked_about_a_few_users_at_a_time(logind, alice, bridge):
    logind.silent = True
    waiting = [alice.start(ROOT, MANAGER, "CanCreateTap", "sbba{sv}",
                           (bridge, True, False, variant.options({"until_logout": True, "owner": 5000 + i})))
               for i in range(30)]
    assert poll(lambda: len(logind.asked) == 8, SECONDS)
    service_has_read(alice)
    assert len(logind.asked) == 8
    logind.speak()
    for i, pending in enumerate(waiting):
        answer, reason = pending.result()
        assert answer == "no" and f"user {5000 + i} " in reason
    assert sorted(logind.asked) == list(range(5000, 5030))


def test_a_logind_that_never_answers_is_none(logind, alice, bridge):
    logind.silent = True
    error = alice.start_create_tap(bridge, until_logout=True).error()
    assert error.short == "NotSupported" and "systemd-logind" in error.message
    assert kernel.our_links() == []


@pytest.mark.restarts
def test_a_service_that_stops_tells_whoever_waits(world, logind, alice, bridge):
    logind.silent = True
    pending = alice.start_create_tap(bridge, until_logout=True)
    assert poll(lambda: logind.asked, SECONDS)
    world.stop_service()
    assert "stopping" in pending.error().message
    world.start_service()


def test_a_caller_who_has_left_waits_for_nothing(logind, world, alice, bridge):
    logind.login(alice.uid)
    logind.silent = True
    for _ in range(4):
        with Client(world, "alice") as client:
            for _ in range(16):
                client.start_create_tap(bridge, until_logout=True).discard()
            service_has_read(client)
    logind.speak()
    service_has_read(alice)
    assert kernel.our_links() == []
    alice.create_tap(bridge, until_logout=True)


def test_a_flood_of_logins_postpones_no_answer(logind, alice, bob, bridge):
    logind.login(alice.uid)
    logind.lingering.add(bob.uid)
    # With each list that is made somebody else has come.
    logind.on_list = lambda _: logind.client.send(logind.sessions[0].new())
    assert alice.create_tap(bridge, until_logout=True)
    assert bob.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    assert 1 < logind.asked.count(bob.uid) <= 4


@pytest.mark.restarts
def test_callers_who_ask_again_and_again_fill_no_log_and_hasten_no_further_try(world, logind, alice, bob, bridge):
    for client in (alice, bob):
        logind.login(client.uid)
        client.create_tap(bridge, until_logout=True)
    logind.error = "org.freedesktop.DBus.Error.LimitsExceeded"
    world.restart_service()
    assert poll(lambda: "whether uid" in world.service.output(), SECONDS)
    began = time.monotonic()
    logind.asked.clear()
    for owner in [alice.uid, 5000] * 100:
        assert alice.can_create_tap(bridge, until_logout=True, owner=owner)[0] == "no"
    periods = 1 + (time.monotonic() - began) / 5
    assert logind.asked.count(alice.uid) >= 100
    assert logind.asked.count(bob.uid) <= periods
    assert world.service.output().count("whether uid") <= 1 + periods
    logind.error = None


def test_a_flood_of_changes_costs_few_questions_and_hides_no_logout(logind, alice, bridge):
    session = logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    before = len(logind.asked)
    for _ in range(2000):
        logind.client.send(session.changed())
    stays(tap, logind)
    service_has_read(alice)
    assert len(logind.asked) - before < 200
    session.end()
    for _ in range(500):
        logind.client.send(session.changed())
    assert is_gone(tap)


def test_many_logins_and_logouts_of_others_cost_no_question(logind, alice, bob, bridge):
    logind.login(alice.uid)
    tap = alice.create_tap(bridge, until_logout=True)
    before = len(logind.asked)
    for _ in range(200):
        logind.login(bob.uid).end()
    logind.login(alice.uid).end()
    service_has_read(alice)
    assert not poll(lambda: len(logind.asked) > before, 0.5)
    assert kernel.exists(tap.interface)


def test_vnicctl_creates_and_shows_one(world, logind, alice, bridge):
    def vnicctl(*words):
        return world.output_as("alice", [world.tool("vnicctl"), *words])

    status, _, error = vnicctl("create", "--bridge", bridge, "--until-logout")
    assert status != 0 and "until_logout" in error and kernel.our_links() == []
    session = logind.login(alice.uid)
    status, output, error = vnicctl("create", "--bridge", bridge, "--until-logout", "--queues", "2", "--json")
    assert status == 0, error
    made = json.loads(output)
    assert made["queues"] == 0 and kernel.exists(made["interface"])
    with alice.create_tap(bridge) as other:
        header, *rows = vnicctl("list")[1].splitlines()
        kept = {row.split()[0]: row[header.index("KEPT"):].split()[0] for row in rows}
        assert kept == {made["interface"]: "until-logout", other.interface: "-"}
    assert "until-logout yes" in " ".join(vnicctl("show", made["interface"])[1].split())
    assert json.loads(vnicctl("show", made["interface"], "--json")[1])["until_logout"] is True
    session.end()
    assert kernel.wait_gone(made["interface"], SECONDS)
