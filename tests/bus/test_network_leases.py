# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long an address belongs to a guest: as long as its tap exists, and longer if it may come back, as long
as there is room for others."""

import contextlib
import os
import shutil
import socket
import struct

import pytest
from vnic import kernel
from vnic.machine import Machine
from vnic.networks import network
from vnic.process import poll

pytestmark = [pytest.mark.deadline(180), pytest.mark.once,
              pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")]

# linux/rtnetlink.h, linux/neighbour.h; a message is a header of 16 bytes, a struct ndmsg of 12, and attributes.
RTMGRP_NEIGH, RTM_NEWNEIGH, NDA_LLADDR, NEIGH_ATTRIBUTES = 4, 28, 2, 28
NUD_NOARP, NUD_PERMANENT = 0x40, 0x80  # a static entry of a port, and one for the port itself

DHCP_CLIENT = b"\0\x44"  # its port

A, B = "52:54:00:00:77:01", "52:54:00:00:77:02"


@contextlib.contextmanager
def guest(client, net, name="guest", **options):
    """A guest with an address; its tap is gone afterwards."""
    with client.create_tap(net.name, False, **options) as tap, Machine(tap, name) as machine:
        machine.told = machine.dhcp()
        yield machine
    kernel.wait_gone(tap.interface)


def had_by(client, net, **options):
    """The address of a guest that came and left."""
    with guest(client, net, **options) as machine:
        return machine.told.get("ip")


def leased(net):
    """address → MAC"""
    return {one[0]: one[1] for one in net.leases() if "." in one[0]}


@pytest.fixture
def sixteen(root):
    with network(root, "yessmall", addresses=["10.77.0.1/28"]) as net:
        yield net


@pytest.fixture
def eight(root):
    """Room for five guests."""
    with network(root, "yestiny", addresses=["10.77.0.1/29"]) as net:
        yield net


def test_a_lease_ends_with_its_guest(alice, sixteen):
    with guest(alice, sixteen) as machine:
        assert leased(sixteen) == {machine.told["ip"]: machine.mac}
    assert poll(lambda: leased(sixteen) == {}, 5), leased(sixteen)


def test_many_leases_end_at_once(alice, sixteen):
    with contextlib.ExitStack() as stack:
        there = [stack.enter_context(guest(alice, sixteen, f"guest{i}")) for i in range(6)]
        stays = stack.pop_all()
        with stays:
            assert len(leased(sixteen)) == 6 and all(one.told for one in there)
    assert poll(lambda: leased(sixteen) == {}, 5), leased(sixteen)


def test_a_small_network_has_room_for_one_guest_after_another(alice, sixteen):
    for i in range(18):
        assert had_by(alice, sixteen), f"guest {i + 1} got no address"


def test_a_given_mac_finds_its_address_again(alice, eight):
    had = had_by(alice, eight, guest_mac=A)
    other = had_by(alice, eight)
    assert had and other
    assert poll(lambda: leased(eight) == {had: A}, 5), leased(eight)
    assert had_by(alice, eight, guest_mac=A) == had


def test_a_label_finds_its_address_again_though_its_mac_is_another_one(alice, bob, eight):
    with guest(alice, eight, label="web") as machine:
        had, mac = machine.told["ip"], machine.mac
    assert leased(eight) == {had: mac}
    with guest(bob, eight, label="web") as machine:
        assert machine.told["ip"] != had
    with alice.create_tap(eight.name, False, label="web") as tap:
        assert tap.get("GuestMac") != mac
        assert poll(lambda: leased(eight).get(had) == tap.get("GuestMac"), 5), leased(eight)
        with Machine(tap, "guest") as machine:
            assert machine.dhcp()["ip"] == had


def dhcp_answers(tap):
    """What a server has sent to the tap, which nobody reads."""
    answers = []
    with contextlib.suppress(BlockingIOError):
        while True:
            frame = os.read(tap.fds[0], 4096)
            if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP and frame[36:38] == DHCP_CLIENT:
                answers.append(frame)
    return answers


def test_who_inherits_and_has_an_address_keeps_that(alice, eight):
    """By its MAC it has an address of its own, and by its label it would get another. When that was requested
    in its name, the server refused."""
    own = had_by(alice, eight, guest_mac=B)
    other = had_by(alice, eight, guest_mac=A, label="web")
    assert poll(lambda: leased(eight) == {own: B, other: A}, 5), leased(eight)
    with alice.create_tap(eight.name, False, guest_mac=B, label="web") as tap:
        assert poll(lambda: leased(eight) == {own: B}, 5), leased(eight)
        assert poll(lambda: kernel.ports(eight.name) == [tap.interface], 5), kernel.ports(eight.name)
        # The server handles one after another: it has answered everything that was sent before.
        assert had_by(alice, eight, name="other")
        assert dhcp_answers(tap) == []
        with Machine(tap, "guest") as machine:
            assert machine.dhcp()["ip"] == own


def test_who_may_come_back_gives_way_to_those_who_are_there(alice, eight):
    first, second = had_by(alice, eight, guest_mac=A), had_by(alice, eight, guest_mac=B)
    assert set(leased(eight)) == {first, second}
    with contextlib.ExitStack() as stack:
        for i in range(4):
            assert stack.enter_context(guest(alice, eight, f"guest{i}")).told
        # The guest that has been gone longest loses its address first.
        assert poll(lambda: first not in leased(eight) or leased(eight)[first] != A, 5)
        assert leased(eight)[second] == B
        assert stack.enter_context(guest(alice, eight, "guest4")).told
        assert poll(lambda: not {A, B} & set(leased(eight).values()), 5)


@pytest.mark.restarts
def test_what_the_dead_had_while_vnicd_was_not_there_gives_way_too(world, alice, eight):
    with contextlib.ExitStack() as stack:
        stays = stack.enter_context(guest(alice, eight, "stays"))
        gone = [stack.enter_context(guest(alice, eight, f"guest{i}", guest_mac=f"52:54:00:00:78:0{i}")) for i in range(4)]
        assert all(one.told for one in gone)
        world.stop_service()
        for one in gone:
            one.close()
            one.tap.close()
        world.start_service()
        assert poll(lambda: not any(kernel.exists(one.tap.interface) for one in gone), 5)
        assert had_by(alice, eight, name="guest9")
        assert leased(eight)[stays.told["ip"]] == stays.mac





@contextlib.contextmanager
def told_of_macs():
    """Returns a function that gives everything the kernel has reported about MACs that bridges know, as (MAC,
    state)."""
    said = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as events:
        events.bind((0, RTMGRP_NEIGH))
        events.setblocking(False)

        def told():
            with contextlib.suppress(BlockingIOError):
                while True:
                    message = events.recv(4096)
                    kind, family, state = struct.unpack_from("4xH10xB7xH", message)
                    size, attribute = struct.unpack_from("HH", message, NEIGH_ATTRIBUTES)
                    if kind == RTM_NEWNEIGH and family == socket.AF_BRIDGE and attribute == NDA_LLADDR and size == 10:
                        said.append((message[NEIGH_ATTRIBUTES + 4:NEIGH_ATTRIBUTES + 10].hex(":"), state))
            return said

        yield told


def test_the_bridge_learns_nothing_from_what_is_said_in_the_name_of_guests(alice, eight):
    """Otherwise the bridge would send frames for those guests to the port on which the frame arrived."""
    with told_of_macs() as told:
        with guest(alice, eight, label="web") as machine:
            had, mac = machine.told["ip"], machine.mac
        with alice.create_tap(eight.name, False, label="web") as tap:
            heir = tap.get("GuestMac")
            assert poll(lambda: leased(eight).get(had) == heir, 5), leased(eight)
            assert poll(lambda: kernel.ports(eight.name) == [tap.interface], 5), kernel.ports(eight.name)
        assert {(mac, NUD_NOARP), (heir, NUD_NOARP)} <= set(told())
        assert [one for one in told() if one[1] not in (NUD_NOARP, NUD_PERMANENT)] == []


def test_nothing_is_seen_of_it_but_that_the_lease_is_gone(root, alice, sixteen):
    """No port appears on the network that would make it shared, and its bridge does not change."""
    before = sixteen.get("Warnings"), kernel.link(sixteen.name)["mtu"], kernel.link(sixteen.name)["address"]
    signals = alice.subscribe("org.freedesktop.DBus.Properties")
    for _ in range(3):
        assert had_by(alice, sixteen)
        assert poll(lambda: leased(sixteen) == {}, 5)
    assert poll(lambda: kernel.ports(sixteen.name) == [], 5), kernel.ports(sixteen.name)
    assert (sixteen.get("Warnings"), kernel.link(sixteen.name)["mtu"], kernel.link(sixteen.name)["address"]) == before
    assert sixteen.get("Ports") == 0
    assert not [one for one in signals.all() if "Warnings" in str(one)]


def test_an_address_is_the_next_guests_where_addresses_are_guarded(root, alice):
    """The filters forget the guest that is gone as well; otherwise the one that now has its address would not
    get through."""
    with network(root, "yesguard", addresses=["10.77.0.1/29"], guard_addresses=True) as net:
        for i in range(8):
            with guest(alice, net) as machine:
                assert machine.told, i
                assert machine.pings(net.address(4)), (i, machine.told["ip"])
        with guest(alice, net, label="web") as machine:
            had = machine.told["ip"]
            assert machine.pings(net.address(4))
        with alice.create_tap(net.name, False, label="web") as tap:
            assert poll(lambda: leased(net).get(had) == tap.get("GuestMac"), 5), leased(net)
            with Machine(tap, "guest") as machine:
                assert machine.dhcp()["ip"] == had
                assert machine.pings(net.address(4))


def test_the_end_of_a_lease_ends_nobody_elses_claim(root, alice):
    """Of two guests that use one address the first gets through, even when the one that has the lease is
    gone."""
    with network(root, "yesguard", addresses=["10.77.0.1/29"], guard_addresses=True) as net, \
            alice.create_tap(net.name, False) as first, Machine(first, "first") as user, \
            alice.create_tap(net.name, False) as second, Machine(second, "second") as thief:
        with guest(alice, net) as machine:
            address = machine.told["ip"]
            user.ip("address", "add", f"{address}/29", "dev", "eth0")
            assert user.pings(net.address(4))
        assert poll(lambda: address not in leased(net), 5), leased(net)
        thief.ip("address", "add", f"{address}/29", "dev", "eth0")
        assert not thief.pings(net.address(4))
        assert user.pings(net.address(4))


def test_a_label_keeps_its_address_where_the_guest_tells_its_own_mac(alice, eight):
    """Nobody gives the MAC to CreateTap: each time a different one is generated, and replaced by the guest's
    own."""
    had = []
    for _ in range(3):
        with alice.create_tap(eight.name, False, label="web") as tap, Machine(tap, "guest", mac=B) as machine:
            machine.told = machine.dhcp(timeout=20)
            assert poll(lambda: tap.get("GuestMac") == B, 5)
            had.append(machine.told.get("ip"))
        kernel.wait_gone(tap.interface)
    assert had[0] and had == had[:1] * 3
    assert poll(lambda: list(leased(eight).values()) == [B], 5), leased(eight)
