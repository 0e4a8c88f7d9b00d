# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tap lives exactly as long as its last queue fd, whoever holds it and whatever happens to the service."""

import fcntl
import os
import re
import struct
import subprocess
import threading
import time

import pytest
from vnic import LONG, kernel
from vnic.client import ENDPOINT, MANAGER, ROOT, TAP, BusError, Client, Tap, close_fds
from vnic.process import poll
from vnic.rawclient import RawClient
from vnic.variant import options


def netlink_drops():
    """Messages that the kernel dropped for the listening netlink sockets of the world."""
    with open("/proc/net/netlink", encoding="ascii") as lines:
        rows = [line.split() for line in lines][1:]
    # Columns: sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
    return sum(int(row[8]) for row in rows if row[3] != "00000000")


def removed(signals, tap, timeout=2.0):
    """The reason of EndpointRemoved for the tap."""
    values = signals.wait_for(lambda _path, _interface, member, values:
                              member == "EndpointRemoved" and values[0] == tap.endpoint, timeout)[3]
    assert values[1] == tap.interface
    return values[2]


def test_closing_the_last_queue_ends_the_tap(alice, bridge):
    signals = alice.subscribe(MANAGER)
    with alice.create_tap(bridge, True, True, queues=3) as tap:
        while len(tap.fds) > 1:
            os.close(tap.fds.pop())
        time.sleep(0.1)
        assert kernel.exists(tap.interface)
        assert kernel.numqueues(tap.interface) == (1, 0)
    assert kernel.wait_gone(tap.interface)
    assert removed(signals, tap) == "closed"
    assert tap.endpoint not in alice.managed_objects()


def test_it_outlives_the_connection_that_made_it(world, bridge, bob):
    client = Client(world, "alice")
    with client.create_tap(bridge) as tap:
        client.close()
        time.sleep(0.1)
        assert kernel.exists(tap.interface)
        assert tap.endpoint in bob.managed_objects()
    assert kernel.wait_gone(tap.interface)


def test_it_outlives_its_maker_in_another_process(world, alice, bridge):
    tap = alice.create_tap(bridge)
    with subprocess.Popen(["sleep", "30"], pass_fds=tap.fds) as child:
        tap.close()
        time.sleep(0.1)
        assert kernel.exists(tap.interface)
        child.kill()
    assert kernel.wait_gone(tap.interface)


def test_the_service_keeps_no_queue(alice, bridge, world):
    with alice.create_tap(bridge, True, True, queues=8) as tap:
        assert poll(lambda: not any("tun" in str(what) for what in world.service_fd_list().values()), 1.0)
        assert kernel.exists(tap.interface)


def test_who_closes_at_once_and_makes_the_next_stays_within_his_limits(world, bridge):
    """The service closes its own copy a moment later, outside the loop: the tap counts until then, so that a
    caller who has reached the limit because of it waits for that."""
    world.configure("[Limits]\nCreations=100000\n[User carol]\nEndpoints=2\n")
    world.reload()
    try:
        with Client(world, "carol") as carol:
            for _ in range(30):
                carol.create_tap(bridge).close()
            with carol.create_tap(bridge), carol.create_tap(bridge):
                assert carol.create_tap_error(bridge).short == "QuotaExceeded"
    finally:
        world.configure()
        world.reload()


def test_what_a_closed_tap_had_is_free_for_the_next(alice, bridge):
    for _ in range(10):
        with alice.create_tap(bridge, label="web", guest_mac="52:54:00:00:0a:01") as tap:
            pass
    with alice.create_tap(bridge, label="web", guest_mac="52:54:00:00:0a:01"):
        assert kernel.wait_gone(tap.interface)
        assert alice.create_tap_error(bridge, label="web").short == "NameTaken"
        assert alice.create_tap_error(bridge, guest_mac="52:54:00:00:0a:01").short == "MacInUse"


@pytest.mark.restarts
def test_a_stop_and_a_start_of_the_service_take_nothing_away(world, bridge):
    with Client(world, "alice") as client:
        tap = client.create_tap(bridge, True, True, queues=2, label="web", guest_mac="52:54:00:00:00:05",
                                isolated=True, vnet_hdr_size=12)
    before = world.root.managed_objects()[tap.endpoint]
    assert world.stop_service() == 0
    assert kernel.exists(tap.interface)
    world.start_service()
    assert world.root.managed_objects()[tap.endpoint] == before
    with Client(world, "alice") as client:
        assert client.create_tap_error(bridge, label="web").short == "NameTaken"
        client.call(tap.endpoint, ENDPOINT, "Release")
    assert not kernel.exists(tap.interface)
    tap.close()


@pytest.mark.restarts
def test_threat_45_a_killed_service_finds_its_endpoints_again(world, bridge):
    with Client(world, "alice") as client, client.create_tap(bridge) as stays:
        goes = client.create_tap(bridge)
        world.kill_service()
        goes.close()
        assert kernel.wait_gone(goes.interface)
        world.start_service()
        assert set(world.root.managed_objects()) == {stays.endpoint}
    assert kernel.wait_gone(stays.interface)
    assert poll(lambda: not world.root.managed_objects(), 2.0)


@pytest.mark.restarts
def test_threat_44_what_only_looks_like_ours_is_left_alone(world, bridge):
    """These are an interface with vnicd's name pattern but no tag, vnicd's tag on another kind of link, and
    tags that are not quite valid."""
    tag = "vnicd:1 uid=1001 life=fd queues=1 nonce={} hdr=10 mac=52:54:00:00:00:01 at=1"
    fds = []
    for number, alias in enumerate((None, tag.format("00000001") + " ", tag.format("2").upper(),
                                    "x" + tag.format("00000003"), tag.format("00000004") + " label=a b",
                                    tag.format("00000005").replace("uid=1001", "uid=-1"))):
        fd, name = kernel.open_tap(f"vnic0000000{number}")
        fds.append(fd)
        if alias:
            kernel.run("ip", "link", "set", name, "alias", alias)
    kernel.run("ip", "link", "add", "decoy0", "type", "veth", "peer", "name", "decoy1")
    kernel.run("ip", "link", "set", "decoy0", "alias", tag.format("00000006"))
    try:
        for _ in range(2):
            assert world.root.managed_objects() == {}
            assert world.root.call(ROOT, MANAGER, "ReleaseAll") == (0,)
            world.restart_service()
        assert len(kernel.our_links()) == 6
    finally:
        for fd in fds:
            os.close(fd)
        kernel.del_link("decoy0")
        assert all(kernel.wait_gone(name) for name in kernel.our_links())


def test_an_endpoint_that_somebody_deletes_leaves(alice, bridge):
    signals = alice.subscribe(MANAGER)
    with alice.create_tap(bridge) as tap:
        kernel.del_link(tap.interface)
        assert removed(signals, tap) == "closed"
        assert alice.managed_objects() == {}


def test_an_endpoint_that_is_renamed_keeps_its_path(alice, bridge):
    with alice.create_tap(bridge) as tap:
        kernel.run("ip", "link", "set", tap.interface, "name", "renamed0")
        assert poll(lambda: tap.get("Interface") == "renamed0", 2.0)
        assert alice.call(ROOT, MANAGER, "GetEndpoint", "s", ("renamed0",)) == (tap.endpoint,)
        tap.release()
        assert not kernel.exists("renamed0")


def test_changes_from_outside_are_told(alice, bridge, bridges):
    bridges("other0")
    signals = alice.subscribe("org.freedesktop.DBus.Properties")
    with alice.create_tap(bridge, True, True, queues=2) as tap:
        def changed(name, value):
            return signals.wait_for(lambda path, _interface, _member, values:
                                    path == tap.endpoint and values[1].get(name) == value)

        kernel.run("ip", "link", "set", tap.interface, "mtu", 9000)
        changed("Mtu", 9000)
        kernel.run("ip", "link", "set", tap.interface, "master", "other0")
        changed("Bridge", "other0")
        kernel.detach(tap.fds[1])
        changed("QueuesDisabled", 1)
        os.close(tap.fds.pop())
        changed("QueuesDisabled", 0)
        tap.release()


def test_appearing_and_leaving_are_told_by_the_object_manager(alice, bob, bridge):
    signals = bob.subscribe("org.freedesktop.DBus.ObjectManager")
    with alice.create_tap(bridge, label="web") as tap:
        _, _, _, values = signals.wait_for(lambda *signal: signal[2] == "InterfacesAdded")
        assert values[0] == tap.endpoint
        assert values[1][ENDPOINT]["Label"] == "web" and values[1][ENDPOINT]["Owner"] == alice.uid
    _, _, _, values = signals.wait_for(lambda *signal: signal[2] == "InterfacesRemoved")
    assert values[0] == tap.endpoint
    assert {"org.vnicd1.Endpoint", "org.vnicd1.Tap"} <= set(values[1])


def test_what_is_announced_is_finished(alice, bob, bridge):
    """The steps of its creation are not announced as changes: clients hear of a complete tap."""
    signals = bob.subscribe("org.freedesktop.DBus.Properties")
    with alice.create_tap(bridge, True, True, queues=4, guest_mac="52:54:00:00:00:11") as tap:
        bob.get(ROOT, MANAGER, "Version")
        assert signals.all() == []
        tap.open_queues(2)
        signals.wait_for(lambda path, _interface, _member, values: values[1].get("Queues") == 6)
        tap.release()


def test_a_release_is_answered_when_the_link_is_gone(alice, bridge):
    signals = alice.subscribe(MANAGER)
    with alice.create_tap(bridge) as tap:
        tap.release()
        assert not kernel.exists(tap.interface)
        assert removed(signals, tap) == "released"
        with pytest.raises(OSError):
            os.read(tap.fds[0], 2048)


def test_port_flags_that_are_set_through_the_bridge_are_followed(alice, bridge):
    """The kernel reports them in other messages than those about the link. More protection than requested
    stays; what was requested is restored (test_host_moves_ports)."""
    with alice.create_tap(bridge, guest_mac="52:54:00:00:00:12") as tap:
        assert tap.get("AntiSpoof") and not tap.get("Isolated")
        kernel.run("bridge", "link", "set", "dev", tap.interface, "isolated", "on")
        assert poll(lambda: tap.get("Isolated"), 2.0)
        kernel.run("bridge", "link", "set", "dev", tap.interface, "isolated", "off")
        assert poll(lambda: not tap.get("Isolated"), 2.0) and tap.get("AntiSpoof")
        tap.release()


def test_queues_of_a_tap_under_deletion_are_not_opened_and_make_no_device(alice, bridge):
    """TUNSETIFF would create a new device of that name, without an owner and beyond all limits."""
    with subprocess.Popen(["ip", "-o", "monitor", "link"], stdout=subprocess.PIPE, text=True) as monitor:
        time.sleep(0.1)
        known = set()
        for _ in range(25):
            with alice.create_tap(bridge, True, True, queues=1) as tap:
                known.add(tap.interface)
                release = alice.start(tap.endpoint, ENDPOINT, "Release")
                opening = [alice.start(tap.endpoint, TAP, *call) for _ in range(2)
                           for call in (("OpenQueues", "u", (1,)), ("OpenQueue",))]
                for pending in opening:
                    try:
                        close_fds(pending.result())
                    except BusError as error:
                        assert error.short in ("Stale", "UnknownObject"), error
                release.result()
                assert not kernel.exists(tap.interface)
        time.sleep(0.2)
        monitor.terminate()
        seen = set(re.findall(r"^(?:Deleted )?\d+: ([\w.]+)", monitor.stdout.read(), re.M))
    assert seen - known <= {bridge}, "a device was made anew"
    assert kernel.our_links() == []


@pytest.mark.restarts
def test_calls_that_wait_are_answered_when_the_service_stops(world, alice, bridge):
    taps = [alice.create_tap(bridge) for _ in range(31)]
    releases = [alice.start(tap.endpoint, ENDPOINT, "Release") for tap in taps]
    assert poll(lambda: len(kernel.our_links()) < 31, 2.0)
    world.stop_service()
    answered = 0
    for pending in releases:
        try:
            answered += pending.result() == ()
        except BusError as error:  # its turn had not come yet, or it was not read any more
            assert "is stopping" in str(error) or error.short in ("NoReply", "ServiceUnknown")
    assert answered >= 31 - len(kernel.our_links())
    for tap in taps:
        tap.close()
    world.start_service()


@pytest.mark.deadline(120)
def test_threat_40_while_many_endpoints_die_others_are_answered(root, bob, bridge, bridges):
    """Each last close sleeps 15 ms in the kernel; none of them does so in the service's loop."""
    bridges("yes1")
    taps = [root.create_tap(("yes0", "yes1")[number % 2]) for number in range(512 if LONG else 128)]
    with bob.create_tap(bridge) as mine:
        released = root.start(ROOT, MANAGER, "ReleaseAll", timeout=60)
        waits = []
        while kernel.our_links() != [mine.interface]:
            began = time.monotonic()
            assert bob.get(mine.endpoint, ENDPOINT, "State") == "active"
            waits.append(time.monotonic() - began)
        assert released.result() == (len(taps),)
        assert sorted(waits)[int(len(waits) * 0.99)] <= 0.25, max(waits)
    for tap in taps:
        tap.close()


def test_every_release_of_one_endpoint_is_answered(alice, bridge):
    with alice.create_tap(bridge) as tap:
        first, *others = [alice.start(tap.endpoint, ENDPOINT, "Release") for _ in range(5)]
        assert first.result() == ()
        for pending in others:
            try:
                assert pending.result() == ()
            except BusError as error:  # it was already gone when this one was read
                assert error.short == "UnknownObject"
        assert alice.error(tap.endpoint, ENDPOINT, "Release").short == "UnknownObject"


def test_release_all_takes_the_callers_and_no_others(alice, bob, root, bridge):
    """This holds for root's call as well, though root may release any endpoint individually."""
    with bob.create_tap(bridge) as other:
        for client in (alice, root):
            taps = [client.create_tap(bridge) for _ in range(5)]
            assert client.call(ROOT, MANAGER, "ReleaseAll") == (5,)
            assert kernel.our_links() == [other.interface]
            assert client.call(ROOT, MANAGER, "ReleaseAll") == (0,)
            for tap in taps:
                tap.close()


def test_the_mac_of_an_endpoint_under_deletion_is_waited_for(alice, bridge):
    """A guest is restarted with its own MAC: the second call is sent before the first is answered."""
    mac = "52:54:00:00:00:0b"
    with alice.create_tap(bridge, guest_mac=mac) as tap:
        release = alice.start(tap.endpoint, ENDPOINT, "Release")
        again = alice.start_create_tap(bridge, guest_mac=mac)
        with Tap(alice, *again.result()) as new:
            release.result()
            assert new.interface != tap.interface and new.get("GuestMac") == mac


def test_a_call_without_a_reply_makes_nothing(alice, bridge):
    signals = alice.subscribe("org.freedesktop.DBus.ObjectManager")
    for multiqueue in (False, True):
        alice.send_without_reply(ROOT, MANAGER, "CreateTap", "sbba{sv}", (bridge, True, multiqueue, {}))
    alice.get(ROOT, MANAGER, "Version")
    assert kernel.our_links() == [] and signals.all() == []


@pytest.mark.deadline(900)
def test_a_caller_who_does_not_take_his_queues_leaves_no_tap(world, bridge):
    """The caller leaves before the call is read, while polkit is consulted, while the call is executed, or
    before the reply is read: at any time up to 50 ms after the call."""
    rounds = 5000 if LONG else 100
    for step in range(rounds):
        client = RawClient(world, "alice")
        for _ in range(3):
            client.send(ROOT, MANAGER, "CreateTap", "sbba{sv}", (bridge, True, True, options({"queues": 2})))
        client.send_open_tap(bridge)
        time.sleep(step % 500 * 0.0001)
        client.socket.close()
    assert all(kernel.wait_gone(name) for name in kernel.our_links())
    assert poll(lambda: not world.root.managed_objects(), 2.0)


def test_nothing_piles_up_with_a_caller_who_does_not_read(world, bridge, bob):
    client = RawClient(world, "alice")
    for _ in range(100):
        client.send(ROOT, MANAGER, "CreateTap", "sbba{sv}", (bridge, True, False, {}))
    with bob.create_tap(bridge) as tap:
        assert kernel.exists(tap.interface)
    # Queues that were not read are held by the bus, within the user's limits, until the connection closes.
    assert len(kernel.our_links()) <= 33
    client.socket.close()
    assert poll(lambda: not kernel.our_links(), 5.0)


@pytest.mark.once
def test_threat_42_a_storm_of_links_loses_no_endpoint(alice, bridge, world):
    """When its receive buffer has overrun, the service compares its state with a dump."""
    with alice.create_tap(bridge) as tap:
        os.kill(world.pid, 19)  # SIGSTOP: it cannot read
        try:
            goes = [kernel.open_tap("")[0] for _ in range(300)]
            for fd in goes:
                os.close(fd)
            for _ in range(3):
                subprocess.run(["ip", "-batch", "-"], input="".join(
                    f"link set {tap.interface} mtu {1500 + i % 2}\n" for i in range(3000)),
                    text=True, check=True, timeout=30)
            assert netlink_drops() > 0, "the storm was too small to lose anything"
        finally:
            os.kill(world.pid, 18)
        assert set(alice.managed_objects()) == {tap.endpoint}
        assert poll(lambda: tap.get("Mtu") == kernel.link(tap.interface)["mtu"], 2.0)
    assert kernel.wait_gone(tap.interface)
    assert poll(lambda: not alice.managed_objects(), 2.0)


@pytest.mark.restarts
def test_the_end_of_the_bus_ends_the_service_and_takes_no_tap(world, bridge):
    with Client(world, "alice") as client:
        tap = client.create_tap(bridge)
    world.restart_bus()
    # It does not exit as after a signal: its supervisor should start it again.
    assert poll(lambda: not world.service.alive(), 5.0) and world.service.wait() == 1
    assert kernel.exists(tap.interface)
    world.start_service()
    assert set(world.root.managed_objects()) == {tap.endpoint}
    tap.close()
    assert kernel.wait_gone(tap.interface)
