# SPDX-License-Identifier: LGPL-2.1-or-later
"""Taps that stay until their owner has logged out, with the logind that runs here."""

import contextlib
import itertools
import os
import signal

import pytest
import system
from vnic.client import MANAGER

SECONDS = 5
numbers = itertools.count(1)


class Login:
    """A session of a user, by PAM, as a login on a terminal is one. With `leaves` it leaves a process behind."""

    def __init__(self, user, kind="user", leaves=False):
        self.user, before = user, self._sessions(user)
        self.unit, self.left = f"login-{next(numbers)}.service", f"left-{user}" if leaves else None
        leave = f"(exec -a {self.left} sleep 1000) & " if leaves else ""
        system.run("systemd-run", f"--unit={self.unit}", "-p", "PAMName=login", "-p", f"User={user}", "-p",
                   f"Environment=XDG_SESSION_CLASS={kind}", "bash", "-c", f"{leave}exec sleep 1000")
        assert system.poll(lambda: self._sessions(user) - before, 20)
        (self.id,) = self._sessions(user) - before
        assert system.poll(lambda: self.says("State") in ("active", "online"), 20), self.says("State")
        assert self.says("Class") == kind

    @staticmethod
    def _sessions(user):
        return {line.split()[0] for line in system.run("loginctl", "--no-legend", "list-sessions").splitlines()
                if user in line.split()}

    def says(self, name):
        return system.said("loginctl", "show-session", "--value", "-p", name, self.id).strip()

    def end(self):
        """It has ended, or is closing, when this returns."""
        os.kill(int(system.show("MainPID", self.unit)), signal.SIGKILL)
        assert system.poll(lambda: self.id not in self._sessions(self.user) or self.says("State") == "closing", 30)

    def clean(self):
        if self.left:
            system.said("pkill", "-f", self.left)
        if self.id in self._sessions(self.user):
            system.said("loginctl", "terminate-session", self.id)
        system.said("systemctl", "kill", "--signal=KILL", self.unit)
        system.said("systemctl", "reset-failed", self.unit)
        assert system.poll(lambda: self.id not in self._sessions(self.user), 30)


@pytest.fixture
def login():
    """login(user, …) logs a user in until the end of the test."""
    made = []

    def make(*arguments, **how):
        made.append(Login(*arguments, **how))
        return made[-1]

    yield make
    for each in made:
        each.clean()


@pytest.fixture(autouse=True)
def allowed(bridge):
    system.configure("[Group vm]\nAllowBridges=br0\n")
    system.restart()


def is_gone(tap):
    return system.poll(lambda: tap.interface not in system.taps(), SECONDS)


def test_who_is_not_logged_in_gets_none(login, carol, bridge):
    assert carol.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    login("alice")
    login("carol", "background")
    assert carol.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    system.run("loginctl", "enable-linger", "carol")
    try:
        assert system.poll(lambda: system.succeeds("loginctl", "show-user", "carol"), 10)
        assert carol.create_tap_error(bridge, until_logout=True).short == "InvalidOption"
    finally:
        system.run("loginctl", "disable-linger", "carol")


def test_it_needs_an_administrator_where_a_tap_with_queues_needs_one(login, alice, bridge):
    login("alice")
    error, usual = alice.create_tap_error(bridge, until_logout=True), alice.create_tap_error(bridge)
    assert (error.name, error.message) == (usual.name, usual.message)
    assert "org.vnicd1.use-bridge" in error.message


@pytest.mark.parametrize("leaves", [False, True])
def test_a_logout_ends_it_and_no_other_tap(login, carol, bridge, leaves):
    session = login("carol", leaves=leaves)
    tap = carol.create_tap(bridge, True, True, queues=2, until_logout=True)
    with system.client("root") as root, contextlib.ExitStack() as stack:
        other = stack.enter_context(carol.create_tap(bridge))
        lasting = root.create_tap(bridge, persistent=True)
        stack.callback(lasting.release)
        signals = carol.subscribe(MANAGER, "EndpointRemoved")
        session.end()
        assert not leaves or session.says("State") == "closing"
        assert is_gone(tap)
        assert signals.wait_for(lambda *_: True)[3] == (tap.endpoint, tap.interface, "logout")
        assert {other.interface, lasting.interface} == set(system.taps())


def test_the_first_of_two_logouts_ends_nothing(login, carol, bridge):
    sessions = [login("carol"), login("carol")]
    tap = carol.create_tap(bridge, until_logout=True)
    sessions.pop(0).end()
    assert not system.poll(lambda: tap.interface not in system.taps(), 2)
    sessions.pop().end()
    assert is_gone(tap)


@pytest.mark.parametrize("leaves", [False, True])
def test_it_is_the_same_after_restarts(login, carol, bridge, leaves):
    session = login("carol", leaves=leaves)
    tap = carol.create_tap(bridge, until_logout=True)
    system.restart()
    system.run("systemctl", "restart", "systemd-logind")
    assert carol.get(tap.endpoint, "org.vnicd1.Endpoint", "UntilLogout")
    assert not system.poll(lambda: tap.interface not in system.taps(), 2)
    session.end()
    assert is_gone(tap)


@pytest.mark.parametrize("leaves", [False, True])
def test_a_logout_while_the_service_is_down_is_seen_at_its_start(login, carol, bridge, leaves):
    session = login("carol", leaves=leaves)
    tap = carol.create_tap(bridge, until_logout=True)
    system.run("systemctl", "stop", "vnicd")
    session.end()
    assert tap.interface in system.taps()
    system.run("systemctl", "start", "vnicd")
    assert is_gone(tap)
