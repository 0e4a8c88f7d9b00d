# SPDX-License-Identifier: LGPL-2.1-or-later
"""A restart changes nothing: the same objects, the same owners, the same limits, and no frame is lost
meanwhile."""

import contextlib
import os
import resource
import shutil
import time

import pytest
from vnic import LONG, kernel
from vnic.client import ENDPOINT, MANAGER, ROOT, Client
from vnic.process import poll
from vnic.upgrade import Traffic


def objects(world):
    """What is exported, without what is transient."""
    return world.root.managed_objects()


@pytest.mark.restarts
@pytest.mark.deadline(600)
def test_threat_43_restarts_under_load_lose_no_frame_and_no_endpoint(world, bridge):
    """SIGTERM, SIGKILL and another program in its place, with 50 taps that exchange frames."""
    original = world.program
    upgraded = world.program.parent / "vnicd.upgraded"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(world, user)) for user in ("alice", "bob")]
        taps = [stack.enter_context(client.create_tap(bridge, anti_spoof=True))
                for client in clients for _ in range(25)]
        shutil.copy(original, upgraded)
        stack.callback(upgraded.unlink)
        stack.callback(setattr, world, "program", original)
        before = objects(world)
        assert len(before) == 50
        with Traffic(list(zip(taps[::2], taps[1::2]))) as traffic:
            time.sleep(0.2)
            for number in range(100 if LONG else 9):
                world.program = upgraded if number % 3 == 2 else original
                if number % 3 == 1:
                    world.kill_service()
                else:
                    assert world.stop_service() == 0
                world.start_service()
                assert objects(world) == before
        assert sum(traffic.sent.values()) > 1000
        assert traffic.lost() == {}
        world.program = original
        world.restart_service()


@pytest.mark.restarts
def test_limits_are_the_same_after_a_restart(world, bridge):
    with Client(world, "alice") as client, contextlib.ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(client.create_tap(bridge))
        world.kill_service()
        world.start_service()
        assert client.create_tap_error(bridge).short == "QuotaExceeded"
        assert client.can_create_tap(bridge)[0] == "quota"
        client.call(ROOT, MANAGER, "ReleaseAll")
        with client.create_tap(bridge):
            pass


@pytest.mark.once
@pytest.mark.restarts
@pytest.mark.deadline(180)
def test_a_thousand_endpoints_are_back_within_two_seconds(world, bridges):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    for name in ("yes0", "yes1"):
        bridges(name)
    taps = []
    with Client(world, "root") as client:
        try:
            for number in range(1000):
                taps.append(client.create_tap(f"yes{number % 2}"))
            world.kill_service()
            began = time.monotonic()
            world.start_service()
            assert len(objects(world)) == 1000
            took = time.monotonic() - began
            assert took <= 2.0, f"{took:.2f} s"
            assert client.call(ROOT, MANAGER, "ReleaseAll", timeout=60) == (1000,)
        finally:
            for tap in taps:
                tap.close()
            poll(lambda: not kernel.our_links(), 60.0)


@pytest.mark.restarts
def test_what_died_meanwhile_is_gone_and_what_came_meanwhile_is_not_ours(world, bridge):
    with Client(world, "alice") as client, client.create_tap(bridge) as stays:
        gone = client.create_tap(bridge)
        kept = client.create_tap(bridge, persistent=True)
        world.kill_service()
        gone.close()
        fd, foreign = kernel.open_tap("vnic0badcafe")
        world.start_service()
        assert set(objects(world)) == {stays.endpoint, kept.endpoint}
        assert kernel.exists(foreign)
        os.close(fd)
        client.call(kept.endpoint, ENDPOINT, "Release")
