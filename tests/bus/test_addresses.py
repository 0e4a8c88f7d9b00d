# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which addresses a guest has: Endpoint.Addresses, and the leases of networks with their endpoints. On a network
the leases say so; on every bridge the host's neighbour table, as far as it speaks of this guest. Whatever has
gone is shown no longer, and whatever guests claim costs no more than a few signals."""

import contextlib
import ctypes
import ipaddress
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import pytest
from gi.repository import Gio, GLib
from vnic import frames, kernel
from vnic.client import PROPERTIES
from vnic.machine import Machine
from vnic.networks import LEASES, NETWORK, network
from vnic.process import ROOM, cpu_seconds, poll, status_field

pytestmark = [pytest.mark.deadline(180), pytest.mark.once]

needs_dnsmasq = pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")

GUEST, OTHER = "52:54:00:00:ad:01", "52:54:00:00:ad:02"
HOST = "10.88.0.1"
MOST = 16


@pytest.fixture
def lan(bridges):
    """A bridge of the host, on which the host has an address."""
    return bridges("yes0", mac="02:00:00:00:00:01", address=f"{HOST}/16")


@pytest.fixture
def net(root):
    with network(root, "yesaddr", addresses=["10.77.0.1/28"]) as made:
        yield made


@pytest.fixture
def bare(root):
    """A network without services, where nobody gives leases."""
    with network(root, "yesbare", services=False, addresses=["10.78.0.1/24"]) as made:
        yield made


def claim(tap, address, mac=None, host=HOST):
    """What a guest sends to find the host: the host notes who asked."""
    frames.send(tap.fds[0], frames.arp_request(mac or tap.get("GuestMac"), address, host))


def shows(tap, *expected, timeout=5):
    return poll(lambda: tap.get("Addresses") == list(expected), timeout)


def forget(bridge, address):
    kernel.run("ip", "neigh", "del", address, "dev", bridge)


def states(bridge):
    """address → state, as the host's neighbour table has it."""
    lines = [line.split() for line in kernel.run("ip", "neigh", "show", "dev", bridge).splitlines()]
    return {words[0]: words[-1] for words in lines}


def list_leases(net, client=None):
    return (client or net.client).call(net.path, NETWORK, "ListLeases")[0]


# On bridges of the host

def test_what_the_hosts_neighbour_table_knows_of_the_guest_is_shown(alice, bob, lan):
    signals = bob.subscribe(PROPERTIES)
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
        assert tap.get("Addresses") == []
        claim(tap, "10.88.0.9")
        assert shows(tap, "10.88.0.9"), tap.get("Addresses")
        signals.wait_for(lambda path, _interface, _member, values:
                         path == tap.endpoint and values[1].get("Addresses") == ["10.88.0.9"])
        claim(tap, "10.88.0.10")
        assert shows(tap, "10.88.0.9", "10.88.0.10"), tap.get("Addresses")
        forget(lan, "10.88.0.9")
        assert shows(tap, "10.88.0.10"), tap.get("Addresses")


def test_addresses_stand_in_order_and_ipv4_comes_first(alice, lan):
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
        for address in ("fd00::2", "10.88.1.1", "fe80::1", "10.88.0.200", "10.88.0.30"):
            kernel.run("ip", "neigh", "replace", address, "lladdr", GUEST, "dev", lan, "nud", "stale")
        assert shows(tap, "10.88.0.30", "10.88.0.200", "10.88.1.1", "fd00::2", "fe80::1"), tap.get("Addresses")


def test_an_entry_that_rests_is_shown_and_one_that_fails_is_not(alice, lan):
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
        for state in ("reachable", "stale", "delay", "probe", "stale", "permanent"):
            kernel.run("ip", "neigh", "replace", "10.88.0.9", "lladdr", GUEST, "dev", lan, "nud", state)
            assert shows(tap, "10.88.0.9"), (state, tap.get("Addresses"))
        kernel.run("ip", "neigh", "replace", "10.88.0.9", "dev", lan, "nud", "failed")
        assert shows(tap), tap.get("Addresses")


def test_an_address_goes_over_to_whoever_the_host_knows_it_of_now(alice, lan):
    with alice.create_tap(lan, False, guest_mac=GUEST) as first, \
            alice.create_tap(lan, False, guest_mac=OTHER) as second:
        claim(first, "10.88.0.9")
        assert shows(first, "10.88.0.9")
        kernel.run("ip", "neigh", "replace", "10.88.0.9", "lladdr", OTHER, "dev", lan, "nud", "reachable")
        assert shows(second, "10.88.0.9") and shows(first)


def test_an_address_on_another_bridge_is_not_this_guests(alice, lan, bridges):
    other = bridges("yes1", mac="02:00:00:00:00:02", address="10.89.0.1/16")
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
        kernel.run("ip", "neigh", "replace", "10.89.0.9", "lladdr", GUEST, "dev", other, "nud", "reachable")
        claim(tap, "10.88.0.9")
        assert shows(tap, "10.88.0.9")
        kernel.run("ip", "link", "set", tap.interface, "master", other)
        assert shows(tap, "10.89.0.9"), tap.get("Addresses")
        kernel.run("ip", "link", "set", tap.interface, "nomaster")
        assert shows(tap), tap.get("Addresses")


def test_a_guest_whose_mac_was_known_before_it_came_has_its_address(alice, lan):
    """The kernel tells nothing when the guest uses the address again."""
    for others in ([], [OTHER]):
        with contextlib.ExitStack() as stack:
            for mac in others:
                stack.enter_context(alice.create_tap(lan, False, guest_mac=mac))
            kernel.run("ip", "neigh", "replace", "10.88.0.9", "lladdr", GUEST, "dev", lan, "nud", "stale")
            time.sleep(0.5)  # until nothing else makes the service look
            with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
                assert shows(tap, "10.88.0.9"), others


def test_neighbours_on_a_bridge_without_endpoints_wake_nobody(world, alice, lan, bridges):
    other = bridges("yes1", mac="02:00:00:00:00:02", address="10.89.0.1/16")

    def wakes(bridge, subnet):
        """How often the service runs while forty neighbours come, one at a time; it may have other reasons."""
        time.sleep(0.5)
        before = int(status_field(world.pid, "voluntary_ctxt_switches"))
        for i in range(1, 41):
            known_to_the_host(bridge, f"{subnet}.7.{i}", OTHER)
            time.sleep(0.03)
        return int(status_field(world.pid, "voluntary_ctxt_switches")) - before

    with alice.create_tap(lan, False, guest_mac=GUEST):
        assert wakes(other, "10.89") < 20
        with alice.create_tap(other, False) as tap:
            claim(tap, "10.89.0.9", host="10.89.0.1")
            assert shows(tap, "10.89.0.9")
    # The first is enough to find out that nobody is there any more.
    assert wakes(lan, "10.88") < 20


def test_on_more_links_than_are_told_apart_all_are_heard(root):
    """Taps on no bridge have a link each."""
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(root.create_tap("-", False)) for _ in range(36)]
        for i in (0, 35):
            known_to_the_host(taps[i].interface, f"10.90.0.{i + 1}", taps[i].get("GuestMac"))
            assert shows(taps[i], f"10.90.0.{i + 1}"), i
        for tap in taps[:-1]:
            tap.release()
        forget(taps[35].interface, "10.90.0.36")
        assert shows(taps[35])


def test_a_station_behind_another_port_that_uses_the_mac_counts_for_nothing(alice, lan):
    """Nobody has tied this MAC to the tap, so that anybody on the LAN may use it."""
    kernel.make_veth("up0", "wire0", master=lan)
    try:
        with alice.create_tap(lan, False) as tap, \
                socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            mac = tap.get("GuestMac")
            assert not tap.get("AntiSpoof")
            wire.bind(("wire0", 0))
            assert poll(lambda: wire.send(frames.arp_request(mac, "10.88.0.66", HOST)) and "10.88.0.66" in states(lan), 5)
            time.sleep(0.5)
            assert tap.get("Addresses") == []
            claim(tap, "10.88.0.9")
            assert shows(tap, "10.88.0.9"), tap.get("Addresses")
            wire.send(frames.arp_request(mac, "10.88.0.67", HOST))
            assert poll(lambda: "10.88.0.67" in states(lan), 5)
            time.sleep(0.5)
            assert tap.get("Addresses") == ["10.88.0.9"]
            # What is confirmed while another port has the MAC is not this guest's any more.
            wire.send(frames.arp_request(mac, "10.88.0.67", HOST))
            kernel.run("ip", "neigh", "replace", "10.88.0.9", "lladdr", mac, "dev", lan, "nud", "reachable")
            assert shows(tap), tap.get("Addresses")
    finally:
        kernel.del_link("up0")


def test_no_more_than_sixteen_are_kept_and_one_that_was_left_out_takes_a_free_place(alice, lan):
    addresses = [f"10.88.0.{i}" for i in range(10, 10 + MOST + 4)]
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
        for address in addresses:
            kernel.run("ip", "neigh", "replace", address, "lladdr", GUEST, "dev", lan, "nud", "reachable")
        assert poll(lambda: len(tap.get("Addresses")) == MOST, 5)
        gone = tap.get("Addresses")[:4]
        for address in gone:
            forget(lan, address)
        assert poll(lambda: set(tap.get("Addresses")) == set(addresses) - set(gone), 10), tap.get("Addresses")


def test_multicast_and_the_like_are_nobodys(alice, lan):
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
        for address in ("ff02::7", "224.0.0.7", "127.0.0.9"):
            kernel.run("ip", "neigh", "replace", address, "lladdr", GUEST, "dev", lan, "nud", "permanent", check=False)
        claim(tap, "10.88.0.9")
        assert shows(tap, "10.88.0.9"), tap.get("Addresses")


def test_a_tap_on_no_bridge_shows_whom_the_host_talks_to_there(root):
    with root.create_tap("-", False, guest_mac=GUEST) as tap:
        kernel.run("ip", "address", "add", "10.90.0.1/24", "dev", tap.interface)
        claim(tap, "10.90.0.9", host="10.90.0.1")
        assert shows(tap, "10.90.0.9"), tap.get("Addresses")


@pytest.mark.restarts
def test_a_service_that_is_started_again_knows_them_and_forgets_what_went_meanwhile(world, alice, lan):
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(alice.create_tap(lan, False, guest_mac=f"52:54:00:00:ae:0{i}")) for i in range(4)]
        for i, tap in enumerate(taps):
            claim(tap, f"10.88.0.1{i}")
            assert shows(tap, f"10.88.0.1{i}")
        world.stop_service()
        forget(lan, "10.88.0.10")
        world.start_service()
        assert shows(taps[1], "10.88.0.11") and shows(taps[3], "10.88.0.13")
        assert taps[0].get("Addresses") == []


def test_events_that_were_lost_are_made_up_for(alice, lan):
    """More than the socket has room for, while the service is busy with as many."""
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap:
        claim(tap, "10.88.0.9")
        assert shows(tap, "10.88.0.9")
        lines = []
        for i in range(12000):
            lines.append(f"neigh replace 10.88.100.{1 + i % 250} lladdr {OTHER} dev {lan} nud "
                         + ("stale", "reachable")[i // 250 % 2])
        lines[9000:9000] = [f"neigh del 10.88.0.9 dev {lan}",
                            f"neigh replace 10.88.0.10 lladdr {GUEST} dev {lan} nud stale"]
        batch = ROOM / "neighbours"
        batch.write_text("\n".join(lines), encoding="ascii")
        kernel.run("ip", "-batch", batch)
        assert shows(tap, "10.88.0.10", timeout=20), tap.get("Addresses")


def test_a_storm_of_claims_makes_few_signals_and_keeps_nobody_waiting(alice, bob, lan):
    signals = bob.subscribe(PROPERTIES)
    ended = threading.Event()
    with alice.create_tap(lan, False, guest_mac=GUEST) as tap, alice.create_tap(lan, False, guest_mac=OTHER) as calm:
        mac = tap.get("GuestMac")

        def claims():
            while not ended.is_set():
                for i in range(500):
                    frames.send(tap.fds[0], frames.arp_request(mac, f"10.88.{200 + i // 250}.{1 + i % 250}", HOST))
                kernel.run("ip", "neigh", "flush", "dev", lan)

        thread = threading.Thread(target=claims, daemon=True)
        thread.start()
        try:
            begin = time.monotonic()
            time.sleep(2)
            claim(calm, "10.88.0.9")
            assert poll(lambda: bob.get(tap.endpoint, "org.vnicd1.Endpoint", "Owner") is not None, 5)
            ended.set()
            thread.join(10)
            took = time.monotonic() - begin
            told = [one for one in signals.all() if one[0] == tap.endpoint and "Addresses" in one[3][1]]
            assert len(told) <= 11 * took, len(told)
            assert len(tap.get("Addresses")) <= MOST
        finally:
            ended.set()
            thread.join(10)
        kernel.run("ip", "neigh", "flush", "dev", lan)
        assert shows(tap, timeout=20), (tap.get("Addresses"), states(lan))


# On networks

def test_a_network_counts_only_its_own_addresses(alice, bare):
    with alice.create_tap(bare.name, False, guest_mac=GUEST) as tap:
        for address in ("10.78.0.9", "192.0.2.9", "fe80::9", "2001:db8::9"):
            kernel.run("ip", "neigh", "replace", address, "lladdr", GUEST, "dev", bare.name, "nud", "reachable")
        assert shows(tap, "10.78.0.9", "fe80::9"), tap.get("Addresses")


@needs_dnsmasq
def test_an_address_is_known_within_a_second_of_the_dhcpack(alice, net):
    with alice.create_tap(net.name, False) as tap, Machine(tap, "guest") as machine:
        waits = alice.subscribe(PROPERTIES, path=tap.endpoint)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
            wire.bind((tap.interface, 0))
            acknowledged, known = [], []

            def listen():
                wire.settimeout(10)
                with contextlib.suppress(OSError):
                    while True:
                        frame = wire.recv(4096)
                        # UDP from the server's port; option 53 with the value 5.
                        if frame[12:14] == b"\x08\x00" and frame[34:38] == b"\0\x43\0\x44" and b"\x35\x01\x05" in frame:
                            acknowledged.append(time.monotonic())
                            return

            thread = threading.Thread(target=listen, daemon=True)
            thread.start()
            told = machine.dhcp()
            thread.join(10)
            waits.wait_for(lambda *one: one[3][1].get("Addresses") == [told["ip"]] and not known.append(time.monotonic()))
        assert acknowledged and known[0] - acknowledged[0] < 1.0, known[0] - acknowledged[0]
        assert tap.get("Addresses") == [told["ip"]]


@needs_dnsmasq
def test_leases_are_listed_with_their_endpoints(alice, bob, net):
    with alice.create_tap(net.name, False) as tap, Machine(tap, "guest") as machine:
        told = machine.dhcp()
        assert shows(tap, told["ip"])
        (lease,) = poll(lambda: list_leases(net, bob), 5)
        assert {**lease, "expires": 0} == {"address": told["ip"], "mac": machine.mac, "hostname": "guest", "expires": 0,
                                           "endpoint": tap.endpoint}
        assert 3000 < lease["expires"] - time.time() < 3700
        assert [(one["address"], one["mac"], one["hostname"], one["expires"]) for one in list_leases(net)] \
            == [tuple(one) for one in net.leases()]
    kernel.wait_gone(tap.interface)
    assert poll(lambda: list_leases(net) == [], 10), list_leases(net)


def write_leases(net, *lines):
    (LEASES / net.name / "leases").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def in_future(seconds=3000):
    return int(time.time()) + seconds


@needs_dnsmasq
def test_an_address_goes_when_its_lease_is_given_up_although_the_host_remembers_it(alice, net):
    with alice.create_tap(net.name, False) as tap:
        mac = tap.get("GuestMac")
        write_leases(net, f"{in_future()} {mac} 10.77.0.5 guest *")
        kernel.run("ip", "neigh", "replace", "10.77.0.5", "lladdr", mac, "dev", net.name, "nud", "reachable")
        assert shows(tap, "10.77.0.5")
        write_leases(net, f"{in_future()} {mac} 10.77.0.6 guest *")
        assert shows(tap, "10.77.0.6"), tap.get("Addresses")
        # Looking at the neighbour tables again does not bring it back.
        kernel.run("ip", "neigh", "replace", "10.77.0.5", "lladdr", mac, "dev", net.name, "nud", "stale")
        with alice.create_tap(net.name, False, guest_mac=OTHER) as other:
            kernel.run("ip", "neigh", "replace", "10.77.0.7", "lladdr", OTHER, "dev", net.name, "nud", "reachable")
            assert shows(other, "10.77.0.7")
        time.sleep(0.5)
        assert tap.get("Addresses") == ["10.77.0.6"]
        # But the guest that answers under it has it.
        kernel.run("ip", "neigh", "replace", "10.77.0.5", "lladdr", mac, "dev", net.name, "nud", "reachable")
        assert shows(tap, "10.77.0.5", "10.77.0.6"), tap.get("Addresses")


@needs_dnsmasq
def test_a_lease_whose_time_is_over_counts_no_longer_though_nobody_removes_it(alice, net):
    with alice.create_tap(net.name, False) as tap:
        mac = tap.get("GuestMac")
        write_leases(net, f"{in_future(2)} {mac} 10.77.0.5 guest *", f"{in_future()} {mac} 10.77.0.6 guest *")
        assert shows(tap, "10.77.0.5", "10.77.0.6"), tap.get("Addresses")
        assert shows(tap, "10.77.0.6", timeout=20), tap.get("Addresses")
        assert [one["address"] for one in list_leases(net)] == ["10.77.0.6"]


@needs_dnsmasq
def test_a_lease_that_ends_in_ages_keeps_the_service_no_busier(world, alice, net):
    """So many seconds that as many microseconds do not fit into 64 bits: only a service that was taken over writes that."""
    with alice.create_tap(net.name, False) as tap:
        mac = tap.get("GuestMac")
        write_leases(net, f"{in_future(2 ** 64 // 10 ** 6)} {mac} 10.77.0.5 guest *", f"{in_future()} {mac} 10.77.0.6 guest *")
        assert shows(tap, "10.77.0.6"), tap.get("Addresses")
        before = cpu_seconds(world.pid)
        time.sleep(1)
        assert cpu_seconds(world.pid) - before < 0.3


@needs_dnsmasq
@pytest.mark.restarts
def test_what_a_network_remembers_does_not_count_after_a_restart(world, alice, net):
    """Its lease ended while vnicd was not there to see that."""
    with alice.create_tap(net.name, False) as tap:
        mac = tap.get("GuestMac")
        kernel.run("ip", "neigh", "replace", "10.77.0.5", "lladdr", mac, "dev", net.name, "nud", "stale")
        write_leases(net, f"{in_future()} {mac} 10.77.0.6 guest *")
        world.restart_service()
        assert shows(tap, "10.77.0.6"), tap.get("Addresses")
        time.sleep(0.5)
        assert tap.get("Addresses") == ["10.77.0.6"]


@contextlib.contextmanager
def openings(folder):
    """Returns a function that gives how often a file in the folder was opened."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK)
    assert fd >= 0 and libc.inotify_add_watch(fd, os.fsencode(folder), 0x20) >= 0  # IN_OPEN
    seen = []

    def count():
        with contextlib.suppress(BlockingIOError):
            seen.append(os.read(fd, 1 << 20).count(b"leases\0"))
        return sum(seen)

    yield count
    os.close(fd)


@needs_dnsmasq
def test_leases_that_are_written_all_the_time_stay_shown_and_are_read_now_and_then(alice, root):
    """A guest that asks for its address again and again has the file emptied and written as often."""
    with network(root, "yesbusy", addresses=["10.72.0.1/16"]) as net, alice.create_tap(net.name, False) as tap:
        lines = [f"{in_future()} 52:54:00:00:{i // 250:02x}:{i % 250:02x} 10.72.{1 + i // 250}.{1 + i % 250} * *" for i in range(999)]
        write_leases(net, *lines, f"{in_future()} {tap.get('GuestMac')} 10.72.0.5 guest *")
        file = LEASES / net.name / "leases"
        content = file.read_bytes()
        assert shows(tap, "10.72.0.5")
        signals = alice.subscribe(PROPERTIES, path=tap.endpoint)
        with openings(file.parent) as opened, open(file, "r+b", buffering=0) as writing:
            before = opened()
            begin = time.monotonic()
            while time.monotonic() < begin + 2:
                opened()  # the kernel tells the same thing once until that is read
                writing.seek(0)
                writing.truncate()
                time.sleep(0.0005)
                writing.write(content)
                time.sleep(0.0015)
            assert opened() - before < 40 * (time.monotonic() - begin)
        # An address that goes and comes back is two.
        assert len(signals.all()) <= 2, signals.all()
        assert tap.get("Addresses") == ["10.72.0.5"]


@needs_dnsmasq
@pytest.mark.restarts
def test_at_a_start_the_leases_are_not_searched_for_each_endpoint(world, alice, net):
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(alice.create_tap(net.name, False)) for _ in range(10)]
        write_leases(net, *[f"{in_future()} {tap.get('GuestMac')} 10.77.0.{i + 2} guest *" for i, tap in enumerate(taps)])
        assert all(shows(tap, f"10.77.0.{i + 2}") for i, tap in enumerate(taps))
        with openings(LEASES / net.name) as opened:
            world.restart_service()
            assert all(shows(tap, f"10.77.0.{i + 2}") for i, tap in enumerate(taps))
            assert 0 < opened() <= 3


@needs_dnsmasq
def test_list_leases_opens_no_file(alice, net):
    with alice.create_tap(net.name, False, guest_mac=GUEST) as tap:
        write_leases(net, f"{in_future()} {GUEST} 10.77.0.5 guest *")
        assert shows(tap, "10.77.0.5")
        with openings(LEASES / net.name) as opened:
            for _ in range(20):
                assert list_leases(net)
            assert opened() == 0
            net.leases()
            assert opened() == 1


@needs_dnsmasq
def test_a_lease_beats_what_is_only_heard_where_there_is_no_room(alice, root):
    with network(root, "yeswide", addresses=["10.76.0.1/24"]) as net, \
            alice.create_tap(net.name, False) as tap:
        mac = tap.get("GuestMac")
        for i in range(100, 100 + MOST + 2):
            kernel.run("ip", "neigh", "replace", f"10.76.0.{i}", "lladdr", mac, "dev", net.name, "nud", "reachable")
        assert poll(lambda: len(tap.get("Addresses")) == MOST, 5)
        write_leases(net, f"{in_future()} {mac} 10.76.0.5 guest *")
        assert poll(lambda: tap.get("Addresses")[0] == "10.76.0.5", 5), tap.get("Addresses")
        assert len(tap.get("Addresses")) == MOST


@needs_dnsmasq
def test_nobody_gets_an_address_by_a_claim_about_another_guests_mac(alice, root):
    """Whoever asks for an IPv6 address names any MAC, and whoever writes the file names any address."""
    with network(root, "yesclaim", addresses=["10.73.0.1/24", "fd00:73::1/64"]) as net, \
            alice.create_tap(net.name, False) as tap:
        mac = tap.get("GuestMac")
        write_leases(net, "duid 00:01", f"{in_future()} 7 fd00:73::9 thief 00:03:00:01:{mac}",
                     f"{in_future()} {mac} 192.0.2.9 guest *", f"{in_future()} {mac} 10.73.0.5 guest *")
        assert shows(tap, "10.73.0.5"), tap.get("Addresses")
        assert {one["address"]: one.get("endpoint") for one in list_leases(net)} == {
            "fd00:73::9": None, "192.0.2.9": None, "10.73.0.5": tap.endpoint}
        # The guest that uses it has it.
        known_to_the_host(net.name, "fd00:73::9", mac)
        assert shows(tap, "10.73.0.5", "fd00:73::9")
        assert {one.get("endpoint") for one in list_leases(net) if ":" in one["address"]} == {tap.endpoint}


@needs_dnsmasq
def test_leases_of_a_service_that_comes_late_or_comes_back_are_heard(alice, root):
    with network(root, "yeslate", services=False, addresses=["10.75.0.1/24"]) as net, \
            alice.create_tap(net.name, False) as tap:
        mac, folder = tap.get("GuestMac"), LEASES / net.name
        for last, goes in ((5, folder), (6, LEASES), (7, LEASES)):
            folder.mkdir(parents=True)
            write_leases(net, f"{in_future()} {mac} 10.75.0.{last} guest *")
            assert shows(tap, f"10.75.0.{last}"), tap.get("Addresses")
            shutil.rmtree(goes)
            assert shows(tap) and list_leases(net) == []


@needs_dnsmasq
def test_a_guest_that_comes_back_has_the_lease_that_was_kept_for_it(alice, net):
    with alice.create_tap(net.name, False, guest_mac=GUEST) as tap:
        write_leases(net, f"{in_future()} {GUEST} 10.77.0.5 guest *")
        assert shows(tap, "10.77.0.5")
    kernel.wait_gone(tap.interface)
    assert "endpoint" not in list_leases(net)[0]
    with alice.create_tap(net.name, False, guest_mac=GUEST) as tap:
        assert shows(tap, "10.77.0.5")
        assert list_leases(net)[0]["endpoint"] == tap.endpoint


@needs_dnsmasq
def test_a_real_guest_on_a_network_has_both_its_addresses(alice, root):
    with network(root, "yesboth", addresses=["10.74.0.1/24", "fd00:74::1/64"]) as net, \
            alice.create_tap(net.name, False) as tap, Machine(tap, "guest") as machine:
        told = machine.dhcp()
        own = machine.ipv6()
        assert own and machine.pings(net.address(6))
        assert poll(lambda: {told["ip"], own} <= set(tap.get("Addresses")), 10), tap.get("Addresses")
        assert tap.get("Addresses") == sorted(tap.get("Addresses"), key=lambda one: (":" in one, ipaddress.ip_address(one)))


# vnicctl

@contextlib.contextmanager
def vnicctl(world, *arguments):
    """It runs for the length of the `with`."""
    child = world.run_as("alice", [world.tool("vnicctl"), *arguments], stdin=subprocess.PIPE)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(5)
        for stream in (child.stdin, child.stdout, child.stderr):
            stream.close()


def known_to_the_host(bridge, address, mac):
    kernel.run("ip", "neigh", "replace", address, "lladdr", mac, "dev", bridge, "nud", "reachable")


def status(pid, key):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return dict(line.split(":\t", 1) for line in lines)[key]


def processes(key, value):
    """Those with this in their status."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if status(folder.name, key) == str(value):
                found.append(int(folder.name))
    return found


def tellers(pid):
    """The processes that vnicctl, now pid, has left to tell the address."""
    return [one for one in processes("Name", "vnicctl") if one != pid]


def test_create_tells_the_address_when_it_is_known_and_list_and_show_have_it(world, alice, lan):
    with vnicctl(world, "create", "--json", "--bridge", lan, "--guest-mac", GUEST) as child:
        said = json.loads(child.stdout.readline())
        known_to_the_host(lan, "fe80::9", GUEST)
        assert poll(lambda: alice.get(said["path"], "org.vnicd1.Endpoint", "Addresses") == ["fe80::9"], 5)
        known_to_the_host(lan, "10.88.0.9", GUEST)
        assert child.stderr.readline() == f"vnicctl: The address of the guest on {said['interface']} is 10.88.0.9.\n"
        _, out, _ = world.output_as("alice", [world.tool("vnicctl"), "list"])
        header, line = out.splitlines()
        assert line[header.index("ADDRESSES"):].split()[0] == "10.88.0.9" and "fe80" not in line
        _, out, _ = world.output_as("alice", [world.tool("vnicctl"), "list", "--json"])
        assert json.loads(out)[0]["addresses"] == ["10.88.0.9", "fe80::9"]
        _, out, _ = world.output_as("alice", [world.tool("vnicctl"), "show", said["interface"]])
        assert "10.88.0.9 fe80::9" in out
        assert child.poll() is None


def test_run_tells_each_address_once_and_the_program_has_no_other_process(world, lan):
    with vnicctl(world, "run", "--bridge", lan, "--guest-mac", GUEST, "--and", "--bridge", lan, "--guest-mac", OTHER,
                 "--", "sh", "-c", "echo {ifname1} {ifname2}; exec sleep 60") as child:
        first, second = child.stdout.readline().split()
        assert poll(lambda: tellers(child.pid), 5)
        assert processes("PPid", child.pid) == []
        known_to_the_host(lan, "10.88.0.10", OTHER)
        assert child.stderr.readline() == f"vnicctl: The address of the guest on {second} is 10.88.0.10.\n"
        known_to_the_host(lan, "10.88.0.11", OTHER)
        known_to_the_host(lan, "10.88.0.9", GUEST)
        assert child.stderr.readline() == f"vnicctl: The address of the guest on {first} is 10.88.0.9.\n"
        assert poll(lambda: tellers(child.pid) == [], 5)
        assert child.poll() is None and kernel.exists(first)


def test_who_waits_for_an_address_ends_with_the_program_and_keeps_nothing_open(world, lan):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    child = world.run_as("alice", [world.tool("vnicctl"), "run", "--bridge", lan, "--", "sh", "-c", "echo {ifname}; cat"],
                         stdin=subprocess.PIPE, pass_fds=[writer])
    os.close(writer)
    name = child.stdout.readline().strip()
    (teller,) = poll(lambda: tellers(child.pid), 5)

    def held():
        return [os.readlink(one) for one in pathlib.Path(f"/proc/{teller}/fd").iterdir()]

    assert poll(lambda: "/dev/net/tun" not in held() and f"pipe:[{os.fstat(reader).st_ino}]" not in held(), 5), held()
    out, err = child.communicate("", timeout=10)
    assert (out, err) == ("", "")
    assert kernel.wait_gone(name) and poll(lambda: not pathlib.Path(f"/proc/{teller}").exists(), 5)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_nobody_else_makes_vnicctl_tell_an_address(world, bob, lan):
    with vnicctl(world, "create", "--json", "--bridge", lan, "--guest-mac", GUEST) as child:
        said = json.loads(child.stdout.readline())
        assert poll(lambda: tellers(child.pid), 5)
        message = Gio.DBusMessage.new_signal(said["path"], PROPERTIES, "PropertiesChanged")
        message.set_body(GLib.Variant("(sa{sv}as)", ("org.vnicd1.Endpoint", {
            "Addresses": GLib.Variant("as", ["10.88.0.66"])}, [])))
        for name in bob.bus_call("ListNames")[0]:
            if name.startswith(":") and name != bob.unique:
                message = message.copy()
                message.set_destination(name)
                bob.send(message)
        known_to_the_host(lan, "10.88.0.9", GUEST)
        assert "10.88.0.9" in child.stderr.readline()
