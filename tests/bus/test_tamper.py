# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the holder of a queue can do to a tap without any privilege, and how the service reacts."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from test_atomic import failing
from vnic import LONG, frames, kernel
from vnic.client import ENDPOINT, MANAGER, ROOT, BusError, Client
from vnic.process import poll, stopped

VICTIM, FRIEND, STRANGE = "52:54:00:00:0c:01", "52:54:00:00:0d:01", "02:00:00:00:0f:01"


def reason(signals, tap, timeout=2.0):
    """The reason of the tap's EndpointRemoved."""
    return signals.wait_for(lambda _path, _interface, member, values:
                            member == "EndpointRemoved" and values[0] == tap.endpoint, timeout)[3][2]


def host_mac(tap):
    return "fe" + tap.get("GuestMac")[2:]


def tied(bridge, mac):
    """Whether the bridge has a static and sticky entry for a guest's MAC there."""
    return [row["ifname"] for row in kernel.fdb(bridge)
            if row["mac"] == mac and row["state"] == "static" and "sticky" in row["flags"]]


# Threat 31: the netdev's MAC

def test_a_mac_that_its_holder_changed_is_put_back(alice, bridge):
    with alice.create_tap(bridge) as tap:
        kernel.set_mac(tap.fds[0], tap.interface, STRANGE)
        assert kernel.wait_link(tap.interface, lambda link: link["address"] == host_mac(tap), 0.5)
        time.sleep(0.1)
        assert kernel.exists(tap.interface) and tap.get("HostMac") == host_mac(tap)


def test_a_mac_that_was_another_for_a_moment_only_counts_too(alice, bridge):
    """It is back before anybody checked: the kernel's events report it nevertheless."""
    with alice.create_tap(bridge) as tap:
        mac = host_mac(tap)
        for _ in range(3):
            for strange in (STRANGE, mac):
                with contextlib.suppress(OSError):
                    kernel.set_mac(tap.fds[0], tap.interface, strange)
            time.sleep(0.05)
        assert kernel.wait_gone(tap.interface, 1.0)


def test_changed_twice_within_a_minute_it_ends_the_endpoint(alice, bridge):
    signals = alice.subscribe(MANAGER)
    with alice.create_tap(bridge) as tap:
        mac = host_mac(tap)
        kernel.set_mac(tap.fds[0], tap.interface, STRANGE)
        assert kernel.wait_link(tap.interface, lambda link: link["address"] == mac, 0.5)
        kernel.set_mac(tap.fds[0], tap.interface, STRANGE)
        assert kernel.wait_gone(tap.interface, 1.0)
        assert reason(signals, tap) == "tampered"


def test_an_administrators_change_is_put_back_too(alice, bridge):
    with alice.create_tap(bridge) as tap:
        kernel.run("ip", "link", "set", tap.interface, "address", STRANGE)
        assert kernel.wait_link(tap.interface, lambda link: link["address"] == host_mac(tap), 0.5)


def test_threat_30_a_bridge_that_nobody_pinned_gets_its_mac_back_from_a_low_one(alice, bridges):
    """Threat 30: a bridge with neither an address nor an uplink is not pinned, and takes the lowest MAC of its ports:
    until that of the tap is put back."""
    bridge = bridges("yes0")
    with alice.create_tap(bridge) as tap:
        before = kernel.link(bridge)["address"]
        kernel.set_mac(tap.fds[0], tap.interface, "02:00:00:00:00:00")
        assert poll(lambda: kernel.link(tap.interface)["address"] == host_mac(tap), 0.5)
        assert kernel.link(bridge)["address"] == before


class Talk:
    """Two taps that send each other numbered frames, every 2 ms each way; arriving frames are recorded."""

    def __init__(self, one, other):
        self.taps = (one, other)
        self.macs = [tap.get("GuestMac") for tap in self.taps]
        self.sent = [0, 0]
        self.heard = [set(), set()]
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.talk, args=(side,)) for side in (0, 1)]

    def talk(self, side):
        fd = self.taps[side].fds[0]
        while not self.stop.is_set():
            number = self.sent[side].to_bytes(8, "big")
            frame = frames.plain(self.macs[1 - side], self.macs[side], b"talk" + number)
            with contextlib.suppress(OSError):
                os.write(fd, frames.hdr() + frame)
            self.sent[side] += 1
            time.sleep(0.002)
            self.listen(side, fd)

    def listen(self, side, fd):
        with contextlib.suppress(BlockingIOError):
            while True:
                got = os.read(fd, 2048)[10:]
                if got[14:18] == b"talk" and got[:6] == frames.mac_bytes(self.macs[side]):
                    self.heard[side].add(int.from_bytes(got[18:26], "big"))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def lost(self, side):
        """How many of the frames to that side did not arrive."""
        return self.sent[1 - side] - len(self.heard[side])


def steal(tap, macs, stop, every=0.001):
    """Set the link's MAC to each of them in turn, until the link is gone."""
    while not stop.is_set():
        for mac in macs:
            try:
                kernel.set_mac(tap.fds[0], tap.interface, mac)
            except OSError:
                return
            time.sleep(every)


def test_threat_31_a_thief_of_macs_at_1_khz_costs_his_victim_less_than_a_second(alice, bob, bridge):
    signals = bob.subscribe(MANAGER)
    stop = threading.Event()
    with alice.create_tap(bridge, guest_mac=VICTIM) as victim, \
            alice.create_tap(bridge, guest_mac=FRIEND) as friend, bob.create_tap(bridge) as thief:
        thread = threading.Thread(target=steal, args=(thief, (VICTIM, STRANGE), stop))
        with Talk(victim, friend) as talk:
            time.sleep(0.3)
            thread.start()
            try:
                assert kernel.wait_gone(thief.interface, 1.0)
            finally:
                stop.set()
                thread.join()
            assert poll(lambda: tied(bridge, VICTIM) == [victim.interface], 1.0)
            sent = list(talk.sent)
            time.sleep(0.5)
            assert max(talk.heard[0]) > sent[1] and max(talk.heard[1]) > sent[0], "they talk again"
        for side in (0, 1):
            seconds = talk.lost(side) / max(1, talk.sent[1 - side]) * talk.sent[1 - side] * 0.002
            assert seconds <= 1.0, f"{talk.lost(side)} of {talk.sent[1 - side]} frames were lost"
        assert reason(signals, thief) == "tampered"
        assert tied(bridge, FRIEND) == [friend.interface]


def test_one_theft_that_is_put_back_costs_the_victim_nothing_lasting(alice, bob, bridge):
    with alice.create_tap(bridge, guest_mac=VICTIM) as victim, \
            alice.create_tap(bridge, guest_mac=FRIEND) as friend, bob.create_tap(bridge) as thief:
        kernel.set_mac(thief.fds[0], thief.interface, VICTIM)
        assert poll(lambda: tied(bridge, VICTIM) == [victim.interface], 0.5)
        assert poll(lambda: kernel.link(thief.interface)["address"] == host_mac(thief), 0.5)
        assert kernel.exists(thief.interface)
        for one, other in ((victim, friend), (friend, victim)):
            frame = frames.plain(other.get("GuestMac"), one.get("GuestMac"), b"after")
            frames.send(one.fds[0], frame, frames.hdr())
            assert frames.receive(other.fds[0], want=lambda got: got == frame)


def test_a_victim_has_its_mac_back_however_many_taps_steal_it_once(alice, bob, bridge):
    """There are more of them than the restorations within a minute that other programs on the host can
    cause."""
    with contextlib.ExitStack() as stack:
        victim = stack.enter_context(alice.create_tap(bridge, guest_mac=VICTIM))
        for _ in range(7):
            thief = stack.enter_context(bob.create_tap(bridge))
            kernel.set_mac(thief.fds[0], thief.interface, VICTIM)
            assert kernel.wait_link(thief.interface, lambda link: link["address"] == host_mac(thief), 2.0)
            assert poll(lambda: tied(bridge, VICTIM) == [victim.interface], 2.0)


def test_an_entry_that_is_deleted_alone_comes_back(alice, bridge):
    with alice.create_tap(bridge, guest_mac=VICTIM) as tap:
        kernel.run("bridge", "fdb", "del", VICTIM, "dev", tap.interface, "master")
        assert poll(lambda: tied(bridge, VICTIM) == [tap.interface], 0.5)


@pytest.mark.parametrize("at_once", [True, False])
def test_what_an_administrator_gave_to_another_port_is_left_there(world, alice, bridge, at_once):
    """No event reports that an entry is gone if it is replaced at once; one reports an entry that was deleted
    first."""
    kernel.make_veth("left0", "right0", master=bridge)
    try:
        with alice.create_tap(bridge, guest_mac=VICTIM) as tap:
            with stopped(world.pid):  # before the deleted one is restored
                if not at_once:
                    kernel.run("bridge", "fdb", "del", VICTIM, "dev", tap.interface, "master")
                kernel.run("bridge", "fdb", "replace", VICTIM, "dev", "left0", "master", "static")
            kernel.set_mac(tap.fds[0], tap.interface, STRANGE)  # announced after all that
            assert poll(lambda: kernel.link(tap.interface)["address"] == host_mac(tap), 0.5)
            time.sleep(0.1)
            assert [row["ifname"] for row in kernel.fdb(bridge) if row["mac"] == VICTIM] == ["left0"]
            kernel.run("bridge", "fdb", "del", VICTIM, "dev", "left0", "master")
            kernel.run("bridge", "fdb", "add", VICTIM, "dev", tap.interface, "master", "static", "sticky")
    finally:
        kernel.del_link("left0")


# Threat 23: persistence and ownership

@pytest.mark.parametrize("queues", [1, 3])
def test_threat_23_made_persistent_and_given_away_it_still_ends_with_its_last_queue(alice, bridge, queues):
    signals = alice.subscribe(MANAGER)
    with alice.create_tap(bridge, True, queues > 1, queues=queues) as tap:
        kernel.set_persistent(tap.fds[0])
        kernel.set_owner(tap.fds[0], alice.uid)
        time.sleep(0.2)
        assert kernel.exists(tap.interface), "it lives while somebody holds it"
        assert any("persistent" in warning for warning in tap.get("Warnings"))
        assert not tap.get("Persistent")
        while len(tap.fds) > 1:
            os.close(tap.fds.pop())
        time.sleep(0.1)
        assert kernel.exists(tap.interface)
    assert kernel.wait_gone(tap.interface, 1.0)
    assert reason(signals, tap) == "closed"


@pytest.mark.restarts
@pytest.mark.parametrize("queues", [1, 2])
def test_threat_23_also_if_it_happened_while_the_service_was_down(world, bridge, queues):
    with Client(world, "alice") as client, client.create_tap(bridge, True, queues > 1, queues=queues) as tap:
        world.kill_service()
        kernel.set_persistent(tap.fds[0])
        kernel.set_owner(tap.fds[0], 1001)
    assert kernel.exists(tap.interface)
    world.start_service()
    assert kernel.wait_gone(tap.interface, 1.0)
    assert poll(lambda: world.root.managed_objects() == {}, 1.0)


@pytest.mark.restarts
def test_made_persistent_while_the_service_was_down_it_ends_with_its_last_queue(world, bridge):
    with Client(world, "alice") as client, client.create_tap(bridge) as tap:
        world.kill_service()
        kernel.set_persistent(tap.fds[0])
        world.start_service()
        assert kernel.exists(tap.interface)
        assert tap.endpoint in world.root.managed_objects()
    assert kernel.wait_gone(tap.interface, 1.0)


# Threat 24: queues that were granted to nobody

AS_HIM = """
import errno, fcntl, os, struct, sys
name, flags = sys.argv[1].encode(), int(sys.argv[2])
said = set()
for _ in range(255):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name, flags))
        said.add("attached")
    except OSError as error:
        said.add(errno.errorcode[error.errno])
print(*sorted(said))
"""


def try_by_name(world, user, name, flags):
    """The results of 255 attempts to open a queue by name."""
    status, out, err = world.output_as(user, [sys.executable, "-c", AS_HIM, name, str(flags)])
    assert status == 0, err
    return out.split()


def test_threat_24_not_even_its_owner_opens_queues_by_name(world, alice, bob, bridge):
    flags = kernel.IFF_TAP | kernel.IFF_NO_PI | kernel.IFF_VNET_HDR | kernel.IFF_MULTI_QUEUE
    with alice.create_tap(bridge, True, True, queues=2) as tap:
        for user in ("alice", "bob"):
            assert try_by_name(world, user, tap.interface, flags) == ["EPERM"]
        assert kernel.numqueues(tap.interface) == (2, 0)
        assert tap.get("Queues") == 2


def test_a_queue_that_nobody_was_given_ends_the_endpoint(world, alice, bridge):
    """The holder becomes the device's owner, and then opens queues by name beyond the limits."""
    signals = alice.subscribe(MANAGER)
    flags = kernel.IFF_TAP | kernel.IFF_NO_PI | kernel.IFF_VNET_HDR | kernel.IFF_MULTI_QUEUE
    with alice.create_tap(bridge, True, True, queues=2) as tap:
        kernel.set_owner(tap.fds[0], alice.uid)
        assert "attached" in try_by_name(world, "alice", tap.interface, flags)
        assert kernel.wait_gone(tap.interface, 1.0)
        assert reason(signals, tap) == "tampered"


@pytest.mark.restarts
def test_queues_opened_while_the_service_was_down_end_the_endpoint(world, bridge):
    flags = kernel.IFF_TAP | kernel.IFF_NO_PI | kernel.IFF_VNET_HDR | kernel.IFF_MULTI_QUEUE
    with Client(world, "alice") as client, client.create_tap(bridge, True, True, queues=2) as tap:
        tap.open_queues(2)
        world.restart_service()
        assert tap.endpoint in world.root.managed_objects(), "those that were given are no tampering"
        world.kill_service()
        fd, _name = kernel.open_tap(tap.interface, flags)
        world.start_service()
        assert kernel.wait_gone(tap.interface, 1.0)
        os.close(fd)


RACER = """
import fcntl, os, select, socket, struct, sys
events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
events.bind((0, 1))
attached = got = 0
fds = []
print("ready", flush=True)
while True:
    readable = select.select([events, sys.stdin, *fds], [], [])[0]
    if sys.stdin in readable:
        break
    for fd in [fd for fd in fds if fd in readable]:
        try:
            got += len(os.read(fd, 65536)) > 0
        except OSError:
            fds.remove(fd)
            os.close(fd)
    if events not in readable:
        continue
    message = events.recv(65536)
    at = message.find(b"vnic")
    name = message[at:at + 12]
    for flags in (0x5102, 0x5002, 0x1102, 0x1002):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name, flags))
            attached += 1
            fds.append(fd)
            break
        except OSError:
            os.close(fd)
print(attached, got)
"""


@pytest.mark.once
@pytest.mark.deadline(900)
def test_threat_24_a_racer_who_attaches_to_every_new_link_reads_nothing(world, alice, bridge):
    """The racer may win the moment before the device has its owner; then the device is created anew, and if
    the racer wins every time the caller is told."""
    rounds, lost = 10000 if LONG else 150, 0
    racer = world.run_as("bob", [sys.executable, "-c", RACER], stdin=subprocess.PIPE)
    assert racer.stdout.readline() == "ready\n"
    with alice.create_tap(bridge) as sender:
        for number in range(rounds):
            try:
                tap = alice.create_tap(bridge, True, number % 2 == 0, queues=1)
            except BusError as error:
                assert "was quicker" in error.message
                lost += 1
                continue
            with tap:
                frames.send(sender.fds[0], frames.plain(frames.BROADCAST, FRIEND, b"secret"), frames.hdr())
                if number % 2 == 0:
                    assert kernel.numqueues(tap.interface) == (1, 0)
    assert lost <= rounds / 100
    racer.stdin.write("end\n")
    racer.stdin.flush()
    out, err = racer.communicate(timeout=10)
    assert racer.returncode == 0, err
    assert out.split()[1] == "0", f"attached, frames read: {out}"


# Nothing that a racer keeps is left behind: no tap of vnicd without a tag stays.
KEEPER = RACER.replace("fds.append(fd)", "fds.append(fd); print(name.decode(), flush=True)")


@pytest.mark.restarts
@pytest.mark.once
def test_threat_24_a_racer_keeps_no_scratch_tap_of_a_reload_or_a_start(world, bridge):
    """The service tries out on a tap of its own what the host offers, at each start and each SIGHUP."""
    children = [world.run_as("bob", [sys.executable, "-c", KEEPER], stdin=subprocess.PIPE) for _ in range(2)]
    try:
        for child in children:
            assert child.stdout.readline() == "ready\n"
        for number in range(300 if LONG else 60):
            if number % 20 == 19:
                world.restart_service()
            for _ in range(1 + number % 3):
                world.signal_service(signal.SIGHUP)
            world.root.bus_call("GetId")
            world.root.get(ROOT, MANAGER, "Version")
        assert poll(lambda: not kernel.our_links(), 3.0), [(name, kernel.alias(name)) for name in kernel.our_links()]
    finally:
        ended = [(child, *child.communicate("end\n", timeout=10)) for child in children]
    for child, _out, err in ended:
        assert child.returncode == 0, err
    assert any("vnic" in out for _child, out, _err in ended), "no racer was quick enough for once: this shows nothing"


# Threat 42: events without end

def flood(tap, stop):
    """Turn offloads on and off, as fast as possible: each change makes an event."""
    while not stop.is_set():
        try:
            kernel.set_offloads(tap.fds[0], "csum")
            kernel.set_offloads(tap.fds[0])
        except OSError:
            return


def test_threat_42_events_without_end_end_the_endpoint_and_nobody_else_waits_for_it(alice, bob, bridge):
    signals = alice.subscribe(MANAGER)
    stop = threading.Event()
    with alice.create_tap(bridge) as tap, bob.create_tap(bridge) as other:
        thread = threading.Thread(target=flood, args=(tap, stop))
        thread.start()
        try:
            assert kernel.wait_gone(tap.interface, 20.0)
        finally:
            stop.set()
            thread.join()
        assert reason(signals, tap) == "tampered"
        assert bob.get(other.endpoint, ENDPOINT, "State") == "active"


def test_what_a_consumer_does_at_its_start_is_no_flood(alice, bridge):
    """QEMU does this for each of 16 queues, again and again as its guest restarts."""
    with alice.create_tap(bridge, True, True, queues=16) as tap:
        for _ in range(3):
            for fd in tap.fds:
                for names in (("csum",), ("csum", "tso4"), ("csum", "tso4", "tso6"), ()):
                    kernel.set_offloads(fd, *names)
        time.sleep(0.2)
        assert kernel.exists(tap.interface)


# Changes by an administrator are followed, and reported

def test_renamed_by_root_it_is_the_same_object_under_a_new_name(alice, bridge):
    with alice.create_tap(bridge) as tap:
        kernel.run("ip", "link", "set", tap.interface, "down")
        kernel.run("ip", "link", "set", tap.interface, "name", "other0")
        kernel.run("ip", "link", "set", "other0", "up")
        assert poll(lambda: tap.get("Interface") == "other0", 1.0)
        assert tap.get("Warnings") == ["It was renamed."]
        assert alice.call(ROOT, MANAGER, "GetEndpoint", "s", ("other0",)) == (tap.endpoint,)
        tap.release()
        assert not kernel.exists("other0")


def test_moved_to_another_network_namespace_by_root_it_leaves(alice, bridge):
    signals = alice.subscribe(MANAGER)
    with kernel.namespace("elsewhere"), alice.create_tap(bridge) as tap:
        kernel.run("ip", "link", "set", tap.interface, "netns", "elsewhere")
        assert reason(signals, tap) == "closed"
        assert tap.endpoint not in alice.managed_objects()
        kernel.run("ip", "-n", "elsewhere", "link", "set", tap.interface, "netns", "1")
        assert poll(lambda: tap.endpoint in alice.managed_objects(), 1.0)
        kernel.up(tap.interface)


def test_port_flags_changed_by_root_are_restored_and_its_place_and_state_followed(alice, bridge, bridges):
    """More of this is in test_host_moves_ports."""
    bridges("yes1")
    with alice.create_tap(bridge, guest_mac=VICTIM, isolated=True) as tap:
        assert tap.get("Warnings") == []
        changes = alice.subscribe("org.freedesktop.DBus.Properties", path=tap.endpoint)
        kernel.run("bridge", "link", "set", "dev", tap.interface, "isolated", "off", "locked", "off", "learning", "on")
        assert poll(lambda: kernel.bridge_port(tap.interface)["locked"], 5.0)
        assert poll(lambda: tap.get("AntiSpoof") and tap.get("Isolated") and tap.get("Warnings") == [], 5.0)
        kernel.run("ip", "link", "set", tap.interface, "master", "yes1")
        assert poll(lambda: tap.get("Bridge") == "yes1", 5.0)
        assert poll(lambda: tap.get("AntiSpoof") and tap.get("Warnings") == [], 5.0)
        kernel.run("ip", "link", "set", tap.interface, "mtu", "1400")
        kernel.run("ip", "link", "set", tap.interface, "down")
        assert poll(lambda: tap.get("Mtu") == 1400 and any("down" in text for text in tap.get("Warnings")), 5.0)
        assert changes.wait_for(lambda *signal: "Warnings" in signal[3][1])
        kernel.up(tap.interface)


def test_without_its_tag_it_is_not_ours_any_more(alice, bridge):
    signals = alice.subscribe(MANAGER)
    with alice.create_tap(bridge) as tap:
        tag = kernel.alias(tap.interface)
        kernel.run("ip", "link", "set", tap.interface, "alias", "mine")
        assert reason(signals, tap) == "closed"
        assert kernel.exists(tap.interface)
        kernel.run("ip", "link", "set", tap.interface, "alias", tag)
        assert poll(lambda: tap.endpoint in alice.managed_objects(), 1.0)


# While the service is down

@pytest.mark.restarts
def test_a_mac_stolen_while_the_service_was_down_goes_back(world, bridge):
    with Client(world, "alice") as client, client.create_tap(bridge, guest_mac=VICTIM) as victim, \
            client.create_tap(bridge) as thief:
        mac = host_mac(thief)
        world.kill_service()
        kernel.set_mac(thief.fds[0], thief.interface, VICTIM)
        assert tied(bridge, VICTIM) == []
        world.start_service()
        assert poll(lambda: tied(bridge, VICTIM) == [victim.interface], 1.0)
        assert kernel.link(thief.interface)["address"] == mac


@pytest.mark.restarts
def test_a_filter_that_was_lost_while_the_service_was_down_is_back(world, bridge):
    with Client(world, "alice") as client, client.create_tap(bridge, guest_mac=VICTIM) as victim, \
            client.create_tap(bridge) as thief:
        mac = host_mac(thief)
        world.kill_service()
        kernel.set_mac(thief.fds[0], thief.interface, VICTIM)
        kernel.set_mac(thief.fds[0], thief.interface, mac)
        assert tied(bridge, VICTIM) == []
        world.start_service()
        assert tied(bridge, VICTIM) == [victim.interface]


def test_a_deletion_that_failed_is_tried_again(world, alice, bridge):
    """A tap that its holder left behind makes no further event: nothing would ever check it again."""
    with alice.create_tap(bridge) as tap:
        kernel.set_persistent(tap.fds[0])
        assert poll(lambda: tap.get("Warnings") != [], 1.0)
        with failing(world, "socket", "EMFILE", 1, "-f") as happened:
            tap.close()
            assert poll(happened, 2.0)
    assert kernel.wait_gone(tap.interface, 3.0)


def test_on_a_link_that_was_taken_down_it_is_found_when_that_is_up_again(alice, bridge):
    """A link that is down reports nothing of its queues."""
    with alice.create_tap(bridge) as tap:
        kernel.run("ip", "link", "set", tap.interface, "down")
        kernel.set_persistent(tap.fds[0])
    kernel.up(tap.interface)
    assert kernel.wait_gone(tap.interface, 1.0)
