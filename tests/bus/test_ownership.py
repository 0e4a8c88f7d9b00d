# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ownership: the owner needs no authorization, others do, and only the creator opens further queues."""

import os

import pytest
from gi.repository import GLib
from vnic import kernel
from vnic.agent import Agent
from vnic.client import ACCESS_DENIED, ENDPOINT, MANAGER, MAY_ASK, ROOT, TAP, BusError, Client, close_fds
from vnic.process import poll


def test_the_owner_releases_his_from_any_connection(world, alice, bridge):
    with alice.create_tap(bridge) as tap, Client(world, "alice") as again:
        tap.release(again)
        assert not kernel.exists(tap.interface)


def test_a_stranger_whom_polkit_denies_is_denied(alice, bob, bridge):
    with alice.create_tap(bridge) as tap:
        error = bob.error(tap.endpoint, ENDPOINT, "Release", interactive=True)
        assert error.name == ACCESS_DENIED and "org.vnicd1.manage-endpoints" in error.message
        assert kernel.exists(tap.interface)


def test_a_stranger_whom_polkit_allows_may(alice, carol, bridge):
    with alice.create_tap(bridge) as tap:
        tap.release(carol)
        assert not kernel.exists(tap.interface)


def test_root_may(alice, root, bridge):
    with alice.create_tap(bridge) as tap:
        tap.release(root)
        assert not kernel.exists(tap.interface)


def test_for_others_an_administrator_would_be_asked(bob, alice, bridge, world):
    with bob.create_tap(bridge) as tap:
        assert alice.error(tap.endpoint, ENDPOINT, "Release").name == MAY_ASK
        with Agent(world, alice, "accept") as agent:
            tap.release(alice, interactive=True)
            (prompt,) = agent.prompts
            assert prompt.action == "org.vnicd1.manage-endpoints" and "1002" in prompt.message
        assert not kernel.exists(tap.interface)


def test_polkit_is_told_whose_endpoint_it_is(alice, bob, bridge, world):
    with alice.create_tap(bridge) as tap, world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (False, False, {})
        bob.error(tap.endpoint, ENDPOINT, "Release")
        assert polkit.checks[0].details == {"endpoint": tap.interface, "owner": "1001"}
        assert polkit.checks[0].bus_name == bob.unique


def test_an_endpoint_that_goes_while_it_is_asked_about_is_gone(alice, bob, bridge, world):
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (True, False, {}) if "use-bridge" in check.action else None
        with alice.create_tap(bridge) as tap:
            pending = bob.start(tap.endpoint, ENDPOINT, "Release")
            check = polkit.wait_for_check(2)
            tap.release()
            check.answer(True)
            assert pending.error().short in ("UnknownObject", "UnknownMethod")


def test_everybody_sees_all_endpoints(alice, bob, bridge):
    with alice.create_tap(bridge) as tap:
        assert bob.get(tap.endpoint, ENDPOINT, "Owner") == alice.uid
        assert tap.endpoint in bob.managed_objects()


def test_no_property_can_be_written(alice, bridge):
    with alice.create_tap(bridge) as tap:
        for path, interface, name, value in ((tap.endpoint, ENDPOINT, "Owner", GLib.Variant("u", 0)),
                                             (tap.endpoint, TAP, "Queues", GLib.Variant("u", 9)),
                                             (ROOT, MANAGER, "MaxQueues", GLib.Variant("u", 9))):
            error = alice.error(path, "org.freedesktop.DBus.Properties", "Set", "ssv",
                                (interface, name, value))
            assert error.short in ("PropertyReadOnly", "AccessDenied")


def test_the_maker_opens_further_queues(alice, bridge):
    with alice.create_tap(bridge, True, True, queues=2) as tap:
        assert len(tap.open_queues(3)) == 3
        assert kernel.numqueues(tap.interface) == (5, 0) and tap.get("Queues") == 5
        for fd in tap.fds:
            assert kernel.queue_info(fd)[0] == tap.interface
            assert kernel.flags(fd) & kernel.IFF_VNET_HDR


def test_threat_52_another_connection_of_the_same_user_opens_no_queues(world, alice, root, bridge):
    """Sandboxed apps of one user share the uid, and every holder of a queue reads the traffic."""
    with alice.create_tap(bridge, True, True, queues=2) as tap, Client(world, "alice") as again:
        for other in (again, root):
            assert other.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).name == ACCESS_DENIED
            assert other.error(tap.endpoint, TAP, "OpenQueue").name == ACCESS_DENIED
        assert kernel.numqueues(tap.interface) == (2, 0)


@pytest.mark.restarts
def test_after_a_restart_the_maker_is_not_known_any_more(world, bridge):
    with Client(world, "alice") as client:
        with client.create_tap(bridge, True, True, queues=2) as tap:
            world.restart_service()
            assert client.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).name == ACCESS_DENIED
            assert client.error(tap.endpoint, TAP, "OpenQueue").name == ACCESS_DENIED


@pytest.mark.parametrize("count", [0, 17, 255, 256, 2 ** 32 - 1])
def test_queues_are_opened_sixteen_at_a_time_at_most(alice, bridge, world, count):
    pid = world.pid
    with alice.create_tap(bridge, True, True, queues=1) as tap:
        assert alice.error(tap.endpoint, TAP, "OpenQueues", "u", (count,)).short == "InvalidArgs"
        assert kernel.numqueues(tap.interface) == (1, 0)
    assert world.pid == pid


def test_a_single_queue_tap_has_one(alice, bridge):
    with alice.create_tap(bridge) as tap:
        assert alice.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).short == "NotMultiqueue"


def test_the_kernels_queues_are_the_limit_of_a_device(root, bridge):
    with root.create_tap(bridge, True, True, queues=16) as tap:
        for _ in range(15):
            tap.open_queues(16)
        assert kernel.numqueues(tap.interface) == (256, 0)
        error = root.error(tap.endpoint, TAP, "OpenQueues", "u", (1,))
        assert error.short == "QueueLimit" and "256" in error.message
        assert kernel.numqueues(tap.interface) == (256, 0)


def test_a_user_has_32_endpoints_and_another_user_his_own(alice, bob, bridge):
    taps = [alice.create_tap(bridge) for _ in range(32)]
    error = alice.create_tap_error(bridge)
    assert error.short == "QuotaExceeded" and "32" in error.message
    assert alice.can_create_tap(bridge)[0] == "quota"
    with bob.create_tap(bridge) as tap:
        assert kernel.exists(tap.interface)
    taps.pop().close()
    assert poll(lambda: len(kernel.our_links()) == 31, 2.0)
    taps.append(alice.create_tap(bridge))
    assert alice.call(ROOT, MANAGER, "ReleaseAll") == (32,)
    for tap in taps:
        tap.close()


def test_connections_of_one_user_share_his_limits(world, bridge):
    clients = [Client(world, "alice") for _ in range(8)]
    pending = [client.start_create_tap(bridge) for client in clients for _ in range(5)]
    made, errors = [], []
    for call in pending:
        try:
            made.append(call.result())
        except BusError as error:
            errors.append(error.short)
    assert len(made) == 32 and errors == ["QuotaExceeded"] * 8
    for reply in made:
        close_fds(reply)
    assert poll(lambda: not kernel.our_links(), 3.0)
    for client in clients:
        client.close()


def test_a_user_has_64_queues(alice, bridge):
    taps = [alice.create_tap(bridge, True, True, queues=16) for _ in range(3)]
    with alice.create_tap(bridge, True, True, queues=15) as tap:
        assert alice.create_tap_error(bridge, True, True, queues=2).short == "QuotaExceeded"
        error = alice.error(tap.endpoint, TAP, "OpenQueues", "u", (2,))
        assert error.short == "QuotaExceeded" and "64" in error.message
        with alice.create_tap(bridge):
            assert alice.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).short == "QuotaExceeded"
    for tap in taps:
        tap.close()
    assert poll(lambda: not kernel.our_links(), 2.0)
    with alice.create_tap(bridge, True, True, queues=16):
        pass


def test_queues_that_are_closed_count_no_more(alice, bridge):
    with alice.create_tap(bridge, True, True, queues=16) as tap:
        for _ in range(6):
            tap.open_queues(8)
            for _ in range(8):
                os.close(tap.fds.pop())
        assert poll(lambda: kernel.numqueues(tap.interface) == (16, 0), 2.0)
        tap.open_queues(16)


def test_queues_that_were_closed_still_count_for_they_can_be_opened_again(alice, bridge):
    """Holders who become the device's owner can open by name what they were given once."""
    taps = [alice.create_tap(bridge, True, True, queues=16) for _ in range(4)]
    for tap in taps:
        while len(tap.fds) > 1:
            os.close(tap.fds.pop())
    assert poll(lambda: all(kernel.numqueues(tap.interface) == (1, 0) for tap in taps), 2.0)
    assert alice.create_tap_error(bridge, True, True, queues=1).short == "QuotaExceeded"
    taps[0].open_queues(15)
    assert kernel.numqueues(taps[0].interface) == (16, 0)
    assert alice.error(taps[0].endpoint, TAP, "OpenQueues", "u", (1,)).short == "QuotaExceeded"
    for tap in taps:
        tap.close()
    assert poll(lambda: not kernel.our_links(), 2.0)
    with alice.create_tap(bridge, True, True, queues=16):
        pass
