# SPDX-License-Identifier: LGPL-2.1-or-later
"""pytest fixtures of the world. In a conftest.py: pytest_plugins = ["vnic.fixtures"].

Markers: @pytest.mark.restarts (the test may restart the service), @pytest.mark.deadline(seconds) (instead
of 60; a test that takes longer fails where it stands), @pytest.mark.once (tools/test runs it in one of its
tiers only, unless it is told --long), @pytest.mark.leaves (no check afterwards; say why).
"""

import contextlib
import signal

import pytest

from . import guest as guests
from . import LONG, kernel
from .client import BusError, Client
from .invariants import Before
from .world import World

DEADLINE = 60
LOG_TAIL = 6000

_world = None


def pytest_configure(config):
    config.addinivalue_line("markers", "restarts: the test may restart the service")
    config.addinivalue_line("markers", "deadline(seconds): how long the test may take")
    config.addinivalue_line("markers", "once: long, and the same under any bus and any compiler")
    config.addinivalue_line("markers", "long: it waits for minutes; only tools/test --long runs it")
    config.addinivalue_line("markers", "leaves: nothing is checked after the test")


def pytest_collection_modifyitems(config, items):
    """The short form leaves out tests that wait for minutes."""
    late = [] if LONG else [item for item in items if item.get_closest_marker("long")]
    if late:
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the servers logged: their logs end with the world."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and _world is not None:
        for process in (_world.service, _world.bus.process, getattr(_world.polkit, "process", None)):
            if process is not None:
                report.sections.append((f"{process.name} (pid {process.pid})", process.output()[-LOG_TAIL:]))


def warm_up(world):
    """What the service opens at its first use is not a leak, so one tap is created before anything is
    counted."""
    with kernel.bridge("yeswarmup"), Client(world, "alice") as client:
        with contextlib.suppress(BusError), client.create_tap("yeswarmup"):
            pass
    for name in kernel.our_links():
        kernel.wait_gone(name)


@pytest.fixture(scope="session")
def world():
    """The servers, for all tests of this run."""
    global _world
    _world = World()
    try:
        _world.start()
        warm_up(_world)
        yield _world
        # A sanitizer reports its findings in the exit status, at the very end.
        if _world.service.alive():
            status = _world.stop_service()
            assert status == 0, f"the service ended with {status}: {_world.service.output()[-LOG_TAIL:]}"
    finally:
        _world.stop()
        _world = None


@pytest.fixture(autouse=True)
def deadline(request):
    """No test waits for ever, whatever it waits for."""
    marker = request.node.get_closest_marker("deadline")
    seconds = marker.args[0] if marker else DEADLINE

    def late(_number, _frame):
        raise AssertionError(f"the test took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def leaves_nothing(request):
    """After every test that used the world, its links, fds and foreign links are as they were before."""
    if "world" not in request.fixturenames:
        yield
        return
    world = request.getfixturevalue("world")
    if not world.service or not world.service.alive():
        world.start_service()  # the test before has failed for it
    before = Before(world)
    yield
    if request.node.get_closest_marker("leaves"):
        return
    problems = before.problems(request.node.get_closest_marker("restarts") is not None)
    if problems:
        # The next test should not fail for this one.
        for name in set(kernel.our_links()) - before.ours:
            kernel.del_link(name)
        for name in kernel.snapshot().keys() - before.links.keys():
            kernel.del_link(name)
        pytest.fail("the test left something:\n  " + "\n  ".join(problems), pytrace=False)


def _client(world, user):
    with Client(world, user) as client:
        yield client


@pytest.fixture
def alice(world):
    """An ordinary user."""
    yield from _client(world, "alice")


@pytest.fixture
def bob(world):
    """An ordinary user who may never manage other users' endpoints."""
    yield from _client(world, "bob")


@pytest.fixture
def carol(world):
    """A user of group vm, whom the rules allow more."""
    yield from _client(world, "carol")


@pytest.fixture
def root(world):
    yield from _client(world, "root")


@pytest.fixture
def bridges():
    """bridges("yes0", mtu=9000, …) creates a bridge that is removed with the test."""
    made = []

    def make(name, **how):
        made.append(name)
        return kernel.make_bridge(name, **how)

    yield make
    for name in reversed(made):
        kernel.del_link(name)


@pytest.fixture
def bridge(bridges):
    """A bridge on which everybody may have taps."""
    return bridges("yes0", mac="02:00:00:00:00:01")


@pytest.fixture
def guest_ready():
    """Skips where no guest can run."""
    reason = guests.why_not()
    if reason:
        pytest.skip(reason)
