# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients to which the bus does not deliver fds: they are told, and nothing is left.

dbus-daemon refuses the service's reply, which would leave the client waiting; dbus-broker disconnects the
client. There are also tests of the methods for bindings that lose arrays of fds, OpenTap and OpenQueue.
"""

import os
import pathlib
import subprocess
import sys
import time

import pytest
from vnic import frames, kernel
from vnic.client import ENDPOINT, MANAGER, ROOT, TAP, BusError, Client, Tap, read_reply
from vnic.process import poll
from vnic.rawclient import NO_REPLY, RawClient

AT_ONCE = 3.0  # a loaded machine takes most of a second; clients wait for 25


@pytest.fixture
def without_fds(world):
    """A connection of alice that did not negotiate fd passing, and gives up soon."""
    client = RawClient(world, "alice", timeout=AT_ONCE, fds=False)
    yield client
    client.close()


def refusal(world, client, serial):
    """The error that the client gets at once, or None if the bus has disconnected it instead."""
    begin = time.monotonic()
    try:
        reply, fds = client.receive_reply(serial)
    except ConnectionError:
        assert world.bus.kind == "dbus-broker"
        return None
    assert world.bus.kind == "dbus-daemon" and fds == []
    assert time.monotonic() - begin < AT_ONCE
    with pytest.raises(BusError) as caught:
        read_reply(reply)
    return caught.value


def check(error):
    if error:
        assert error.name == "org.vnicd1.Error.NotSupported" and "negotiate" in error.message


@pytest.mark.parametrize("send", (RawClient.send_create_tap, RawClient.send_open_tap,
                                  RawClient.send_create_endpoint))
def test_who_negotiated_no_fds_is_told_at_once_and_no_tap_is_left(world, alice, bridge, without_fds, send):
    check(refusal(world, without_fds, send(without_fds, bridge, label="lost")))
    assert poll(lambda: kernel.our_links() == [], 1.0)
    assert poll(lambda: world.root.managed_objects() == {}, 1.0)
    with alice.create_tap(bridge, label="lost"):  # neither name nor charge is left
        pass


@pytest.mark.parametrize("member,signature,values", (("OpenQueues", "u", (2,)), ("OpenQueue", "", ())))
def test_who_negotiated_no_fds_is_told_at_once_and_no_queue_is_left(
        world, carol, bridge, member, signature, values):
    """The tap existed before, and stays."""
    client = RawClient(world, "carol", timeout=AT_ONCE, fds=False)
    with carol.create_tap(bridge, True, True, queues=1, persistent=True) as tap:
        check(refusal(world, client, client.send(tap.endpoint, TAP, member, signature, values)))
        client.close()
        assert poll(lambda: kernel.numqueues(tap.interface) == (0, 0), 1.0)
        assert kernel.exists(tap.interface)
        if world.bus.kind == "dbus-daemon":  # the service is told: they are not charged either
            assert poll(lambda: " queues=1 " in kernel.alias(tap.interface), 1.0), kernel.alias(tap.interface)
        assert kernel.queue_info(tap.open_queue())[0] == tap.interface
        tap.release()


def test_a_persistent_tap_needs_no_fds(world, carol, bridge):
    client = RawClient(world, "carol", timeout=AT_ONCE, fds=False)
    reply, _ = client.receive_reply(client.send_create_tap(bridge, persistent=True))
    endpoint, interface, _, queues = read_reply(reply)
    client.close()
    assert queues == [] and kernel.exists(interface)
    carol.call(endpoint, ENDPOINT, "Release")


def test_many_who_negotiated_no_fds_leave_nothing_and_others_are_served(world, bob, bridge):
    """There are more of them than the service remembers, each told or disconnected, and a capable client in
    between."""
    clients = [RawClient(world, "alice", timeout=5.0, fds=False) for _ in range(80)]
    calls = [(client, client.send_open_tap(bridge)) for client in clients]
    with bob.open_tap(bridge) as tap:
        told = [refusal(world, client, serial).short for client, serial in calls] \
            if world.bus.kind == "dbus-daemon" else []
        assert set(told) <= {"NotSupported", "QuotaExceeded", "LimitsExceeded"}
        for client in clients:
            client.close()
        assert poll(lambda: kernel.our_links() == [tap.interface], 2.0)
    assert kernel.wait_gone(tap.interface)


def test_an_error_that_a_stranger_forges_takes_nothing_away(world):
    """This runs in a world of its own, whose bus lets bob send errors that nobody asked for."""
    here = pathlib.Path(__file__).resolve().parent
    done = subprocess.run([here.parent / "lib" / "world", "--build", world.build, "--source", world.source,
                           sys.executable, here / "forged_errors.py"], timeout=50, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


# OpenTap and OpenQueue

def test_open_tap_gives_one_queue_that_works_and_the_tap_ends_with_it(alice, bridge):
    with alice.create_tap(bridge) as neighbour, alice.open_tap(bridge, label="single") as tap:
        (queue,) = tap.fds
        assert kernel.queue_info(queue)[0] == tap.interface
        assert not os.get_blocking(queue) and not os.get_inheritable(queue)
        assert kernel.link(tap.interface)["master"] == bridge
        assert (tap.get("Label"), tap.get("Multiqueue"), tap.get("VnetHdr")) == ("single", False, True)
        assert tap.offloads == neighbour.offloads
        frame = frames.plain(frames.BROADCAST, "52:54:00:00:00:71", b"out")
        frames.send(queue, frame, frames.hdr())
        assert frames.receive(neighbour.fds[0], 2.0, want=lambda got: got == frame)
    assert kernel.wait_gone(tap.interface)


@pytest.mark.parametrize("options,name,word", (
    ({"queues": 2}, "InvalidOption", "CreateTap"), ({"queues": 0}, "InvalidOption", "queues"),
    ({"persistent": True}, "InvalidOption", "persistent"), ({"mtu": 12}, "InvalidOption", "mtu"),
    ({"nonsense": 1}, "InvalidOption", "nonsense"), ({"guest_mac": "x"}, "InvalidOption", "guest_mac")))
def test_open_tap_refuses_options_that_do_not_fit_by_name(alice, bridge, options, name, word):
    error = alice.open_tap_error(bridge, **options)
    assert error.short == name and word in error.message
    assert kernel.our_links() == []


def test_open_tap_takes_the_options_that_say_what_it_does_anyway(alice, bridge):
    with alice.open_tap(bridge, queues=1, persistent=False, mtu=1500, vnet_hdr_size=12) as tap:
        assert tap.get("VnetHdrSize") == 12
    error = alice.open_tap_error(bridge, False, vnet_hdr_size=12)
    assert error.short == "VnetHdrRequired"
    assert alice.open_tap_error("gone0").short == "NoSuchBridge"


def test_open_tap_counts_as_create_tap_does(world, alice, bridge):
    taps = [(alice.open_tap if number % 2 else alice.create_tap)(bridge) for number in range(32)]
    assert alice.open_tap_error(bridge).short == alice.create_tap_error(bridge).short == "QuotaExceeded"
    for tap in taps:
        tap.close()
    assert poll(lambda: kernel.our_links() == [], 3.0)
    world.configure("[Limits]\nCreations=100000\n[User carol]\nCreations=10\n")
    world.reload()
    try:
        errors = []
        with Client(world, "carol") as client:
            for _ in range(15):
                try:
                    client.open_tap(bridge).close()
                except BusError as error:
                    errors.append(error.short)
        assert set(errors) == {"LimitsExceeded"} and len(errors) >= 3
    finally:
        world.configure()
        world.reload()


def test_open_tap_asks_polkit_what_create_tap_asks(world, bob, bridges):
    """It also continues after a yes, though it is dispatched a second time for that."""
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        asked = []
        for start in (bob.start_create_tap, bob.start_open_tap):
            polkit.checks.clear()
            polkit.auto = lambda check: (True, False, {}) if check.interactive else (False, True, {})
            pending = start("br0", interactive=True, owner=1001)
            endpoint, interface, _, fds = pending.result()
            asked.append({(check.action, *check.details.items()) for check in polkit.checks})
            assert kernel.link(interface)["master"] == "br0"
            Tap(bob, endpoint, interface, [], fds if isinstance(fds, list) else [fds]).close()
            assert kernel.wait_gone(interface)
            polkit.auto = lambda check: (False, False, {})
            assert start("br0").error().short == "AccessDenied"
        assert asked[0] == asked[1] and len(asked[0]) == 2
    assert kernel.our_links() == []


def test_open_queue_is_for_the_holder_and_gives_one(world, alice, bob, bridge):
    with alice.create_tap(bridge, True, True, queues=1) as tap:
        assert kernel.queue_info(tap.open_queue())[0] == tap.interface
        assert kernel.numqueues(tap.interface) == (2, 0)
        with Client(world, "alice") as another:
            for client in (bob, another):
                assert client.error(tap.endpoint, TAP, "OpenQueue").short == "AccessDenied"
    with alice.open_tap(bridge) as tap:
        assert alice.error(tap.endpoint, TAP, "OpenQueue").short == "NotMultiqueue"


def test_without_a_reply_nothing_is_opened(world, carol, bridge):
    """A device would have taken an ifindex; the service's copies of a queue live 10 ms, in which a carrier
    would be seen."""
    client = RawClient(world, "carol")
    client.receive_reply(client.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",)))
    tap = carol.create_tap(bridge, True, True, persistent=True)
    carrier = pathlib.Path("/sys/class/net", tap.interface, "carrier")
    before = kernel.next_ifindex()
    client.send_open_tap(bridge, flags=NO_REPLY)
    client.receive_reply(client.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",)))
    assert not poll(lambda: len(kernel.our_links()) > 1, 0.3)
    assert kernel.next_ifindex() == before + 1
    client.send(tap.endpoint, TAP, "OpenQueue", flags=NO_REPLY)
    assert not poll(lambda: carrier.read_text() == "1\n", 0.3, 0.001)
    client.close()
    tap.open_queue()
    assert carrier.read_text() == "1\n"
    tap.close()
    tap.release()
