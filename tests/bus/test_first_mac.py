# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests on networks that use another MAC than the generated one, because nobody told them that. The first
other one replaces it, once; frames from any further one are dropped, with a warning."""

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from vnic import kernel
from vnic.client import ENDPOINT, MANAGER, PROPERTIES, ROOT
from vnic.frames import BROADCAST, arp_request, drain, ethernet, mac_bytes, plain, receive, send
from vnic.invariants import account
from vnic.machine import Machine
from vnic.networks import network
from vnic.process import poll, status_field

OTHER, THIRD, GIVEN = "52:54:00:00:f1:01", "52:54:00:00:f1:02", "52:54:00:00:f1:03"
NEIGHBOUR = "52:54:00:00:f1:99"
WARNING = "Its guest sent frames with other MACs than GuestMac: they are dropped."
LOG_GROUP = 0x766E
QUIET = 0.3

pytestmark = pytest.mark.deadline(120)


@pytest.fixture
def net(root):
    with network(root, "yesnet", "isolated", services=False) as made:
        yield made


@pytest.fixture
def neighbour(bob, net):
    """A neighbour on the network that receives broadcasts."""
    with bob.create_tap(net.name, False, guest_mac=NEIGHBOUR) as tap:
        yield tap


def broadcast(mac, number=0):
    """What any guest may send to all: a probe for an address."""
    return arp_request(mac, "0.0.0.0", f"192.0.2.{number}")


def is_heard(tap, listener, mac, timeout=1.0):
    """Whether one frame with this source arrives."""
    drain(listener.fds)
    is_heard.count = getattr(is_heard, "count", 0) % 250 + 1
    frame = broadcast(mac, is_heard.count)
    send(tap.fds[0], frame)
    return receive(listener.fds[0], timeout, 0, want=frame.__eq__) is not None


def speaks(tap, listener, mac, timeout=5.0):
    """Send from this source until a frame arrives, as guests do."""
    return poll(lambda: is_heard(tap, listener, mac, 0.2), timeout, 0.01)


def static_macs(tap):
    """The static entries of the bridge for the port, without the host side's own."""
    link = kernel.link(tap.interface)
    return sorted(entry["mac"] for entry in kernel.fixed_fdb(link["master"])
                  if entry["ifname"] == tap.interface and entry["mac"] != link["address"])


def entries(tap):
    """How many entries of the bridge lead to the port, its own included."""
    return sum(entry["ifname"] == tap.interface and "self" not in entry["flags"]
               for entry in kernel.fdb(kernel.link(tap.interface)["master"]))


def host_side(mac):
    return "fe" + mac[2:]


def changes(client, tap):
    return client.subscribe(PROPERTIES, "PropertiesChanged", tap.endpoint)


def told(signals, name):
    """The values of a property that PropertiesChanged announced."""
    return [values[1][name] for _, _, _, values in signals.all() if values[0] == ENDPOINT and name in values[1]]


# One guest

def test_the_generated_mac_is_heard_from_its_first_frame(alice, neighbour):
    for _ in range(10):
        with alice.create_tap("yesnet", False) as tap:
            mac = tap.get("GuestMac")
            assert kernel.bridge_port(tap.interface)["locked"]
            assert is_heard(tap, neighbour, mac)
            assert static_macs(tap) == [mac]


def test_the_first_other_source_replaces_the_generated_mac(world, alice, neighbour):
    with alice.create_tap("yesnet", False) as tap:
        generated = tap.get("GuestMac")
        signals = changes(alice, tap)
        assert speaks(tap, neighbour, OTHER)
        signals.wait_for(lambda *item: item[3][1].get("GuestMac") == OTHER)
        assert poll(lambda: tap.get("HostMac") == host_side(OTHER), 2)
        assert tap.get("GuestMac") == OTHER and tap.get("AntiSpoof") and tap.get("Warnings") == []
        assert told(signals, "GuestMac") == [OTHER] and told(signals, "HostMac") == [host_side(OTHER)]
        assert kernel.link(tap.interface)["address"] == host_side(OTHER)
        assert static_macs(tap) == [OTHER]
        port = kernel.bridge_port(tap.interface)
        assert port["locked"] and not port["learning"]
        assert not is_heard(tap, neighbour, generated, QUIET)
        # No frame is lost from now on either.
        assert all(is_heard(tap, neighbour, OTHER) for _ in range(20))
        # Frames to it arrive.
        frame = ethernet(OTHER, NEIGHBOUR, 0x0806, arp_request(NEIGHBOUR, "0.0.0.0", "192.0.2.7")[14:])
        send(neighbour.fds[0], frame)
        assert receive(tap.fds[0], 2, 0, want=frame.__eq__)
        assert account(world) == []


def test_a_guest_that_used_the_generated_one_for_a_moment_may_still_have_its_own(alice, neighbour):
    """Firmware that boots from the network does that."""
    with alice.create_tap("yesnet", False) as tap:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert is_heard(tap, neighbour, tap.get("GuestMac"))
        assert speaks(tap, neighbour, OTHER)
        assert poll(lambda: tap.get("GuestMac") == OTHER, 2)


def test_it_is_replaced_once_and_the_rest_is_dropped_and_told_of_in_one_warning(world, alice, neighbour):
    with alice.create_tap("yesnet", False) as tap:
        assert speaks(tap, neighbour, OTHER)
        signals = changes(alice, tap)
        assert not speaks(tap, neighbour, THIRD, 1)
        assert poll(lambda: tap.get("Warnings") == [WARNING], 5)
        for number in range(50):
            assert not is_heard(tap, neighbour, f"52:54:00:00:f2:{number:02x}", 0.02)
        assert is_heard(tap, neighbour, OTHER)
        assert tap.get("GuestMac") == OTHER and static_macs(tap) == [OTHER]
        assert told(signals, "Warnings") == [[WARNING]] and told(signals, "GuestMac") == []
        assert world.service.output().count(f"by {tap.interface} are dropped") == 1


@pytest.mark.parametrize("sent", [OTHER, "02:00:00:00:00:0a"])
def test_a_given_mac_is_never_replaced(alice, neighbour, sent):
    with alice.create_tap("yesnet", False, guest_mac=GIVEN) as tap:
        assert not speaks(tap, neighbour, sent, 1)
        assert poll(lambda: tap.get("Warnings") == [WARNING], 5)
        assert tap.get("GuestMac") == GIVEN and static_macs(tap) == [GIVEN]
        assert is_heard(tap, neighbour, GIVEN)


def test_a_persistent_tap_keeps_what_its_guest_told(alice, neighbour):
    with alice.create_tap("yesnet", False, persistent=True) as tap:
        try:
            opened = alice.call(tap.endpoint, "org.vnicd1.Tap", "OpenQueues", "u", (1,))[0]
            tap.fds.extend(opened)
            assert speaks(tap, neighbour, OTHER)
            assert poll(lambda: tap.get("GuestMac") == OTHER, 2)
        finally:
            tap.release()


def test_ports_that_are_open_to_all_learn_as_before(root, neighbour):
    with root.create_tap("yesnet", False, anti_spoof=False) as tap:
        mac = tap.get("GuestMac")
        assert is_heard(tap, neighbour, OTHER) and is_heard(tap, neighbour, THIRD)
        assert tap.get("GuestMac") == mac and tap.get("Warnings") == []


def test_on_a_bridge_of_the_host_the_mac_is_who_asked_for_its_own(alice, bob, bridge):
    """Callers that request anti_spoof there are told the MAC that goes with it."""
    with alice.create_tap(bridge, False, anti_spoof=True) as tap, bob.create_tap(bridge, False) as listener:
        mac = tap.get("GuestMac")
        for _ in range(5):
            send(tap.fds[0], plain(BROADCAST, OTHER))
        assert receive(listener.fds[0], QUIET, 0, want=lambda got: got[6:12] == mac_bytes(OTHER)) is None
        assert tap.get("GuestMac") == mac and static_macs(tap) == [mac] and tap.get("Warnings") == []


# MACs that may not be taken

def refused(case, net, tap, neighbour):
    return {"the gateway's": net.get("Mac"), "a neighbour's": NEIGHBOUR, "a neighbour's host side": host_side(NEIGHBOUR),
            "its own host side": tap.get("HostMac"), "one whose host side is a neighbour's": host_side(NEIGHBOUR),
            "a group's": "01:00:5e:00:00:01", "everybody's": BROADCAST, "nobody's": "00:00:00:00:00:00"}[case]


@pytest.mark.parametrize("case", ["the gateway's", "a neighbour's", "a neighbour's host side", "its own host side",
                                  "a group's", "everybody's", "nobody's"])
def test_a_source_that_could_not_be_given_is_refused_and_the_next_may_be_taken(alice, net, neighbour, case):
    with alice.create_tap("yesnet", False) as tap:
        mac, generated = refused(case, net, tap, neighbour), tap.get("GuestMac")
        before = kernel.fdb("yesnet")
        for _ in range(20):
            send(tap.fds[0], broadcast(mac))
        assert not speaks(tap, neighbour, mac, 1)
        assert tap.get("GuestMac") == generated and static_macs(tap) == [generated]
        assert kernel.fdb("yesnet") == before
        assert is_heard(tap, neighbour, generated)
        assert speaks(tap, neighbour, OTHER)
        assert poll(lambda: tap.get("GuestMac") == OTHER, 2) and static_macs(tap) == [OTHER]


def test_a_mac_that_is_in_use_is_taken_when_it_is_free(alice, bob, net, neighbour):
    """This is a clone beside the guest from which it was copied, until that one is gone."""
    with alice.create_tap("yesnet", False) as tap:
        with bob.create_tap("yesnet", False, guest_mac=OTHER) as original:
            assert not speaks(tap, neighbour, OTHER, 1)
            assert is_heard(original, neighbour, OTHER)
        assert speaks(tap, neighbour, OTHER)


def test_a_mac_that_is_heard_behind_another_port_of_the_network_is_not_taken_over(alice, net, neighbour):
    """It is in use there, and nobody has authorized taking it over."""
    def holders():
        return [(entry["ifname"], entry["state"]) for entry in kernel.fdb("yesnet") if entry["mac"] == OTHER]

    with alice.create_tap("yesnet", False) as tap:
        generated = tap.get("GuestMac")
        kernel.make_veth("left0", "right0", master="yesnet")
        try:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
                wire.bind(("right0", 0))
                assert poll(lambda: wire.send(broadcast(OTHER)) and holders() == [("left0", "")], 5)
            assert not speaks(tap, neighbour, OTHER, 1)
            assert tap.get("GuestMac") == generated and static_macs(tap) == [generated]
            assert holders() == [("left0", "")]
        finally:
            kernel.del_link("left0")
        assert speaks(tap, neighbour, OTHER)


def test_two_guests_that_take_the_same_mac_at_once_are_not_both_heard(alice, neighbour):
    with alice.create_tap("yesnet", False) as one, alice.create_tap("yesnet", False) as other:
        for _ in range(20):
            send(one.fds[0], broadcast(OTHER))
            send(other.fds[0], broadcast(OTHER))
        assert poll(lambda: OTHER in (one.get("GuestMac"), other.get("GuestMac")), 5)
        assert [one.get("GuestMac"), other.get("GuestMac")].count(OTHER) == 1
        assert sorted(static_macs(one) + static_macs(other)).count(OTHER) == 1


def test_an_entry_that_somebody_deletes_comes_back(alice, neighbour):
    """This holds for the entry that replaced that of the generated MAC, and only for that."""
    with alice.create_tap("yesnet", False) as tap:
        assert speaks(tap, neighbour, OTHER)
        for _ in range(3):
            kernel.run("bridge", "fdb", "del", OTHER, "dev", tap.interface, "master")
            assert poll(lambda: static_macs(tap) == [OTHER], 5)
        assert is_heard(tap, neighbour, OTHER)


# Restarts

@pytest.mark.restarts
def test_it_goes_on_where_it_was_after_a_restart(world, alice, bob, net):
    with bob.create_tap(net.name, False, guest_mac=NEIGHBOUR) as neighbour, \
            alice.create_tap(net.name, False) as tap, alice.create_tap(net.name, False, guest_mac=GIVEN) as given:
        world.restart_service()
        assert speaks(tap, neighbour, OTHER)
        assert poll(lambda: tap.get("GuestMac") == OTHER, 2)
        world.restart_service()
        assert tap.get("GuestMac") == OTHER and tap.get("HostMac") == host_side(OTHER)
        assert is_heard(tap, neighbour, OTHER) and static_macs(tap) == [OTHER]
        assert not speaks(tap, neighbour, THIRD, 1) and not speaks(given, neighbour, "52:54:00:00:f1:05", 1)
        assert poll(lambda: tap.get("Warnings") == given.get("Warnings") == [WARNING], 5)
        world.restart_service()
        assert tap.get("GuestMac") == OTHER and given.get("GuestMac") == GIVEN
        assert tap.get("Warnings") == given.get("Warnings") == [WARNING]
        assert account(world) == []


@pytest.mark.restarts
def test_what_is_told_while_the_service_is_away_is_told_again(world, alice, bob, net):
    with bob.create_tap(net.name, False, guest_mac=NEIGHBOUR) as neighbour, alice.create_tap(net.name, False) as tap:
        world.kill_service()
        assert not speaks(tap, neighbour, OTHER, 1)
        world.start_service()
        assert speaks(tap, neighbour, OTHER)


# Floods

def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wake_ups(pid):
    return int(status_field(pid, "voluntary_ctxt_switches"))


@contextlib.contextmanager
def flooding(tap, frames):
    """Send these frames again and again from another thread; returns a list whose length is how many were
    accepted."""
    sent, ended = [], threading.Event()

    def shout():
        while not ended.is_set():
            for frame in frames:
                with contextlib.suppress(BlockingIOError):
                    sent.append(os.write(tap.fds[0], frame))

    thread = threading.Thread(target=shout, daemon=True)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join(5)


def test_threat_60_a_hundred_thousand_forged_sources_cost_a_few_events(world, alice, bob, net, neighbour):
    with alice.create_tap("yesnet", False) as hostile, bob.create_tap("yesnet", False) as guest:
        frames = [plain(BROADCAST, ":".join(f"{byte:02x}" for byte in b"\x52\x54" + struct.pack("!I", number)))
                  for number in range(100000)]
        signals = changes(alice, hostile)
        before, woken, began = cpu_seconds(world.pid), wake_ups(world.pid), time.monotonic()
        for frame in frames:
            send(hostile.fds[0], frame)
        assert speaks(guest, neighbour, OTHER, 1), "a second guest waits beside a flood"
        seconds = time.monotonic() - began
        woken, spent = wake_ups(world.pid) - woken, cpu_seconds(world.pid) - before
        print(f"100,000 sources in {seconds:.2f} s: {woken} wake-ups, {spent:.2f} s of processor, "
              f"{len(signals.all())} signals, {entries(hostile)} entries")
        # The guest's MAC, whichever was the first, and the link's own.
        assert entries(hostile) == 2 and len(static_macs(hostile)) == 1
        assert hostile.get("GuestMac") == static_macs(hostile)[0]
        assert len(told(signals, "GuestMac")) == 1 and len(told(signals, "Warnings")) <= 1
        # Each event causes some about the link, of which the service is told as well.
        assert woken < 20 + 20 * seconds and spent < 0.1 + 0.05 * seconds


@pytest.mark.parametrize("guarded", [False, True], ids=["open", "guard_addresses"])
def test_forged_sources_do_not_use_up_what_filters_remember_of_others(root, alice, bob, guarded):
    """A frame passes the filters before the lock of its port: what they count is counted for the port."""
    with network(root, "yesnet", "isolated", services=False, guard_addresses=guarded) as net, \
            bob.create_tap("yesnet", False, guest_mac=NEIGHBOUR) as neighbour, \
            alice.create_tap("yesnet", False, guest_mac=GIVEN) as hostile, \
            bob.create_tap("yesnet", False, guest_mac=OTHER) as guest:
        gateway = net.address(4)
        subnet = gateway.rpartition(".")[0]
        for number in range(100000):
            mac = ":".join(f"{byte:02x}" for byte in b"\x52\x54" + struct.pack("!I", number))
            send(hostile.fds[0], arp_request(mac, f"{subnet}.{number % 200 + 2}", gateway))
        drain(neighbour.fds)
        for number in (2, 77, 203):
            frame = arp_request(OTHER, f"{subnet}.{number}", gateway)
            send(guest.fds[0], frame)
            if number == 203 or not guarded:
                assert receive(neighbour.fds[0], 1, 0, want=frame.__eq__), number
        if guarded:
            # The flood has not taken more from the others than a guest may.
            heard = 0
            for number in range(100, 200):
                frame = arp_request(NEIGHBOUR, f"{subnet}.{number}", gateway)
                send(neighbour.fds[0], frame)
                heard += receive(guest.fds[0], 0.05, 0, want=frame.__eq__) is not None
            assert heard >= 15


@pytest.mark.parametrize("given", [False, True], ids=["generated", "given"])
def test_a_guest_is_heard_beside_one_that_claims_the_gateways_mac_without_end(world, alice, bob, net, neighbour, given):
    """That guest's MAC stays as it is, and so its port keeps reporting."""
    options = {"guest_mac": GIVEN} if given else {}
    with alice.create_tap("yesnet", False, **options) as hostile:
        with flooding(hostile, [broadcast(net.get("Mac"))]) as sent:
            assert poll(lambda: len(sent) > 1000, 5)
            for number in range(3):
                with bob.create_tap("yesnet", False) as guest:
                    assert speaks(guest, neighbour, f"52:54:00:00:f3:{number:02x}", 1)
            before, woken = cpu_seconds(world.pid), wake_ups(world.pid)
            time.sleep(2)
            woken, spent = wake_ups(world.pid) - woken, cpu_seconds(world.pid) - before
            print(f"{len(sent)} frames: {woken} wake-ups in 2 s, {spent:.2f} s of processor")
            assert woken < 20 and spent < 0.1
        assert hostile.get("GuestMac") != net.get("Mac") and len(static_macs(hostile)) == 1


def test_guests_that_keep_to_their_mac_wake_nobody(world, alice, neighbour):
    with alice.create_tap("yesnet", False) as tap, alice.create_tap("yesnet", False, guest_mac=GIVEN) as given:
        assert speaks(tap, neighbour, OTHER)
        assert is_heard(given, neighbour, GIVEN)
        assert poll(lambda: tap.get("GuestMac") == OTHER, 2)
        assert is_heard(tap, neighbour, OTHER)
        time.sleep(QUIET)
        woken = wake_ups(world.pid)
        for _ in range(100):
            assert is_heard(tap, neighbour, OTHER) and is_heard(given, neighbour, GIVEN)
        # The service's own timers are not among them.
        assert wake_ups(world.pid) < woken + 5


@pytest.mark.long
def test_a_generated_mac_that_was_in_use_for_a_minute_is_its_guests_own(alice, neighbour):
    """This keeps a nested machine's frame from silencing the guest that holds it."""
    with alice.create_tap("yesnet", False) as tap:
        mac, end = tap.get("GuestMac"), time.monotonic() + 64
        group = kernel.link(tap.interface)["group"]
        while time.monotonic() < end and kernel.link(tap.interface)["group"] == group:
            assert is_heard(tap, neighbour, mac)
            time.sleep(0.5)
        assert kernel.link(tap.interface)["group"] != group
        assert not speaks(tap, neighbour, OTHER, 1)
        assert is_heard(tap, neighbour, mac)
        assert poll(lambda: tap.get("Warnings") == [WARNING], 5)
        assert tap.get("GuestMac") == mac


# What it costs, and what it requires

def test_neither_a_tap_nor_its_mac_changes_a_filter(alice, neighbour):
    with subprocess.Popen(["nft", "monitor"], stdout=subprocess.PIPE, text=True) as monitor:
        try:
            # It has opened the group once it has reported a change.
            kernel.run("nft", "add", "table", "ip", "vnic-probe")
            kernel.run("nft", "delete", "table", "ip", "vnic-probe")
            for number in range(10):
                with alice.create_tap("yesnet", False) as tap:
                    assert speaks(tap, neighbour, f"52:54:00:00:f4:{number:02x}")
            kernel.run("nft", "add", "table", "ip", "vnic-end")
            kernel.run("nft", "delete", "table", "ip", "vnic-end")
            said = []
            for line in monitor.stdout:
                said.append(line)
                if "delete table ip vnic-end" in line:
                    break
        finally:
            monitor.terminate()
    assert not [line for line in said if "vnicd-" in line], said


@pytest.mark.once
def test_a_guest_of_another_mac_gets_an_address_by_dhcp_and_again_when_it_comes_back(root, alice):
    with network(root, "yesnat") as net:
        had = []
        for _ in range(2):
            with alice.create_tap("yesnat", False) as tap, Machine(tap, "web", mac=OTHER) as web:
                lease = poll(web.dhcp, 20)
                assert lease and tap.get("GuestMac") == OTHER
                assert web.pings(net.address(4))
                assert next(one for one in net.leases() if one[0] == lease["ip"])[1] == OTHER
                had.append(lease["ip"])
            assert kernel.wait_gone(tap.interface)
            # Another program holds it meanwhile.
            with alice.create_tap("yesnat", False, guest_mac=THIRD) as between, Machine(between, "db") as db:
                had.append(db.dhcp()["ip"])
        assert had[0] == had[2] and had[1] != had[0]


@contextlib.contextmanager
def log_group_of_somebody_else():
    """Another program that listens to vnicd's group of nfnetlink_log."""
    def attribute(kind, value):
        return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as listener:
        listener.bind((0, 0))
        body = struct.pack("!BBH", 0, 0, LOG_GROUP) + attribute(1, b"\1")
        listener.send(struct.pack("IHHII", 16 + len(body), 4 << 8 | 1, 5, 1, 0) + body)
        assert struct.unpack_from("i", listener.recv(4096), 16)[0] == 0
        yield


@pytest.mark.restarts
def test_where_another_program_listens_it_is_as_it_was_and_doctor_says_so(world, root, alice, bob):
    world.stop_service()
    with log_group_of_somebody_else():
        world.start_service()
        with network(root, "yesnet", "isolated", services=False), \
                bob.create_tap("yesnet", False, guest_mac=NEIGHBOUR) as neighbour, \
                alice.create_tap("yesnet", False) as tap:
            mac = tap.get("GuestMac")
            assert not speaks(tap, neighbour, OTHER, 1) and tap.get("GuestMac") == mac
            assert is_heard(tap, neighbour, mac)
            (warning,) = root.get(ROOT, MANAGER, "Warnings")
            assert str(LOG_GROUP) in warning
            said = world.output_as("alice", [world.tool("vnicctl"), "doctor"])[1]
            assert re.search(rf"nfnetlink_log.*{LOG_GROUP}|{LOG_GROUP}.*nfnetlink_log", said)
    changed = root.subscribe(PROPERTIES, "PropertiesChanged", ROOT)
    # systemctl reload does this.
    world.signal_service(signal.SIGHUP)
    changed.wait_for(lambda *item: item[3][1].get("Warnings") == [])
    with network(root, "yesnet", "isolated", services=False), \
            bob.create_tap("yesnet", False, guest_mac=NEIGHBOUR) as neighbour, \
            alice.create_tap("yesnet", False) as tap:
        assert speaks(tap, neighbour, OTHER)
