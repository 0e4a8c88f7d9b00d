# SPDX-License-Identifier: LGPL-2.1-or-later
"""Persistent taps: they outlive queues, callers and the service, and their owner opens them by name."""

import concurrent.futures
import os
import socket
import struct
import sys

import pytest
from vnic import frames, kernel
from vnic.client import ACCESS_DENIED, ENDPOINT, MANAGER, ROOT, TAP, Client
from vnic.process import poll

FLAGS = kernel.IFF_TAP | kernel.IFF_NO_PI | kernel.IFF_VNET_HDR

OPEN_BY_NAME = """
import errno, fcntl, os, struct, sys
fd = os.open("/dev/net/tun", os.O_RDWR)
try:
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", sys.argv[1].encode(), int(sys.argv[2])))
    print("opened", flush=True)
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
sys.stdin.read()
"""


class Holder:
    """A process of a user that opens a tap by name and keeps its queue for the length of the `with`."""

    def __init__(self, world, user, name, flags=FLAGS):
        self.child = world.run_as(user, [sys.executable, "-c", OPEN_BY_NAME, name, str(flags)], stdin=-1)
        self.said = self.child.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.communicate(timeout=10)


@pytest.fixture
def tap(alice, bridge):
    """A persistent tap of alice's, idle; it is released at the end."""
    made = alice.create_tap(bridge, persistent=True, vnet_hdr_size=12, label="web")
    yield made
    if kernel.exists(made.interface):
        made.release()


def test_it_is_handed_over_idle_without_queues_and_stays(tap, alice, world):
    assert tap.fds == []
    assert kernel.tun(tap.interface)["persist"] and kernel.owner(tap.interface) == alice.uid
    assert kernel.link(tap.interface)["master"] == "yes0" and "UP" in kernel.link(tap.interface)["flags"]
    assert tap.get("Persistent") and tap.get("State") == "idle" and tap.get("Queues") == 0
    assert " persistent=1 queues=1 " in kernel.alias(tap.interface)
    assert tap.get("Warnings") == []
    assert alice.call(ROOT, MANAGER, "GetEndpoint", "s", ("web",)) == (tap.endpoint,)


@pytest.mark.restarts
def test_it_outlives_the_caller_and_the_service(world, bridge):
    with Client(world, "alice") as client:
        tap = client.create_tap(bridge, persistent=True)
    # Nobody has it open, so its port no longer forwards; the bridge reports that a moment later.
    assert poll(lambda: not world.root.get(tap.endpoint, ENDPOINT, "Forwarding"), 5)
    for _ in range(2):
        before = world.root.get_all(tap.endpoint, ENDPOINT)
        world.restart_service()
        assert world.root.get_all(tap.endpoint, ENDPOINT) == before
    world.kill_service()
    world.start_service()
    with Client(world, "alice") as client:
        client.call(tap.endpoint, ENDPOINT, "Release")
    assert not kernel.exists(tap.interface)


def test_its_owner_opens_it_by_name_and_nobody_else_does(tap, world, bob):
    with Holder(world, "bob", tap.interface) as holder:
        assert holder.said == "EPERM"
    for _ in range(2):
        with Holder(world, "alice", tap.interface) as holder:
            assert holder.said == "opened"
            assert poll(lambda: tap.get("State") == "active", 1.0)
            with Holder(world, "alice", tap.interface) as second:
                assert second.said == "EBUSY"
        assert poll(lambda: tap.get("State") == "idle", 1.0)
        assert kernel.exists(tap.interface)


def test_frames_cross_with_a_header_after_open_queues(tap, alice, bridge):
    with alice.create_tap(bridge) as other:
        tap.open_queues(1)
        assert kernel.vnet_hdr_size(tap.fds[0]) == 12
        assert kernel.flags(tap.fds[0]) & kernel.IFF_VNET_HDR
        frame = frames.plain(other.get("GuestMac"), tap.get("GuestMac"), b"hello")
        frames.send(tap.fds[0], frame, frames.hdr(size=12))
        assert frames.receive(other.fds[0], want=lambda got: got == frame)
        tap.close()
        assert poll(lambda: tap.get("State") == "idle", 1.0)


def test_open_queues_is_for_its_owner_from_any_connection_and_for_nobody_else(tap, world, alice, bob, carol, root):
    for stranger in (bob, carol, root):
        assert stranger.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).name == ACCESS_DENIED
        assert stranger.error(tap.endpoint, TAP, "OpenQueue").name == ACCESS_DENIED
    with Client(world, "alice") as again:
        tap.open_queues(1, again)
        assert again.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).short == "NotMultiqueue"
    tap.close()


def test_threat_21_who_makes_one_for_somebody_else_opens_no_queue_of_it(alice, carol, bridge):
    """Not even the connection that created it may: every holder of a queue reads the owner's traffic."""
    for options in ({"persistent": True}, {}):
        with carol.create_tap(bridge, True, True, queues=2, owner=alice.uid, **options) as tap:
            error = carol.error(tap.endpoint, TAP, "OpenQueues", "u", (1,))
            assert error.name == ACCESS_DENIED and "owner" in error.message
            assert kernel.numqueues(tap.interface) == (len(tap.fds), 0)
            if options:
                tap.open_queues(1, alice)
                assert kernel.numqueues(tap.interface) == (1, 0)
                assert carol.error(tap.endpoint, TAP, "OpenQueues", "u", (1,)).name == ACCESS_DENIED
                assert carol.error(tap.endpoint, TAP, "OpenQueue").name == ACCESS_DENIED
            tap.release()
        assert not kernel.exists(tap.interface)


def test_what_its_last_user_left_on_is_off_for_the_next(tap):
    tap.open_queues(1)
    kernel.set_vnet_hdr_size(tap.fds[0], 24)
    kernel.set_offloads(tap.fds[0], "csum", "tso4")
    assert poll(lambda: tap.get("OffloadsActive") == ["csum", "tso4"], 1.0)
    tap.close()
    assert poll(lambda: tap.get("State") == "idle", 1.0)
    tap.open_queues(1)
    assert kernel.vnet_hdr_size(tap.fds[0]) == 12
    assert poll(lambda: tap.get("OffloadsActive") == [], 1.0)
    tap.close()


def features_on(name):
    """Those that TUNSETOFFLOAD sets, as the kernel reports them."""
    return sorted(feature for feature, on in kernel.ethtool_features(name).items() if on and feature.startswith("tx-")
                  and ("checksum-ip-generic" in feature or "segmentation" in feature) and "gso" not in feature)


@pytest.mark.parametrize("how", ["by name", "OpenQueues", "several queues"])
def test_when_its_last_queue_has_gone_offloads_are_off(how, tap, alice, bridge):
    """No queue is attached for that: a consumer that opens the tap at that moment would get EBUSY."""
    if how == "by name":
        fds = [kernel.open_tap(tap.interface)[0]]
    elif how == "OpenQueues":
        fds = tap.open_queues(1)
        tap.fds.clear()
    else:
        tap.release()
        tap = alice.create_tap(bridge, True, True, persistent=True, queues=2)
        fds = tap.open_queues(2)
        tap.fds.clear()
    kernel.set_offloads(fds[0], "csum", "tso4", "tso6")
    assert features_on(tap.interface) == ["tx-checksum-ip-generic", "tx-tcp-segmentation", "tx-tcp6-segmentation"]
    if len(fds) > 1:
        os.close(fds.pop())
        assert poll(lambda: tap.get("Queues") == 1, 5)
        assert features_on(tap.interface) != []
    os.close(fds[0])
    assert poll(lambda: features_on(tap.interface) == [], 5)
    assert poll(lambda: tap.get("OffloadsActive") == [], 5)
    tap.release()


def test_a_queue_that_is_only_detached_keeps_its_offloads(alice, bridge):
    tap = alice.create_tap(bridge, True, True, persistent=True, queues=1)
    (fd,) = tap.open_queues(1)
    kernel.set_offloads(fd, "csum")
    kernel.detach(fd)
    assert poll(lambda: (tap.get("Queues"), tap.get("QueuesDisabled")) == (0, 1), 5)
    assert features_on(tap.interface) == ["tx-checksum-ip-generic"]
    tap.close()
    assert poll(lambda: features_on(tap.interface) == [], 5)
    tap.release()


def host_sends_right_checksums(tap, fd, address):
    """A datagram of the host, as it arrives at a queue without a header."""
    guest = address.rpartition(".")[0] + ".2"
    kernel.run("ip", "neigh", "replace", guest, "lladdr", tap.get("GuestMac"), "dev", "yes7", "nud", "permanent")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.sendto(b"is the sum right?", (guest, 4000))
        got = frames.receive(fd, 2, 0, want=lambda got: got[12:14] == b"\x08\x00" and b"is the sum right?" in got)
    assert got
    frame = got[1]
    packet = frame[14:14 + struct.unpack("!H", frame[16:18])[0]]
    segment = packet[20:]
    return frames.checksum(segment, frames.checksum(packet[12:20] + struct.pack("!BBH", 0, 17, len(segment)))) == 0xFFFF


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
def test_whoever_opens_it_next_without_a_header_gets_frames_with_checksums(alice, bridges, at_once):
    bridges("yes7", address="10.9.7.1/24")
    tap = alice.create_tap("yes7", persistent=True)
    before, name = kernel.open_tap(tap.interface)
    kernel.set_offloads(before, "csum", "tso4")
    os.close(before)
    if not at_once:
        assert poll(lambda: tap.get("State") == "idle", 5)
    fd, _name = kernel.open_tap(name, kernel.IFF_TAP | kernel.IFF_NO_PI)
    try:
        assert poll(lambda: features_on(name) == [], 5)
        assert host_sends_right_checksums(tap, fd, "10.9.7.1")
        assert poll(lambda: any("it carries no offloads" in text for text in tap.get("Warnings")), 5)
    finally:
        os.close(fd)
    tap.release()


def test_what_its_next_user_turns_on_stays_on(tap):
    for _ in range(10):
        fd, _name = kernel.open_tap(tap.interface)
        kernel.set_offloads(fd, "csum", "tso4")
        assert poll(lambda: tap.get("State") == "active" and tap.get("OffloadsActive") == ["csum", "tso4"], 5)
        assert features_on(tap.interface) == ["tx-checksum-ip-generic", "tx-tcp-segmentation"]
        os.close(fd)
        assert poll(lambda: tap.get("State") == "idle", 5)


@pytest.mark.restarts
def test_what_was_left_on_while_the_service_was_down_is_turned_off_at_its_start(tap, world):
    fd, _name = kernel.open_tap(tap.interface)
    kernel.set_offloads(fd, "csum")
    assert poll(lambda: tap.get("State") == "active", 5)
    world.stop_service()
    os.close(fd)
    assert features_on(tap.interface) == ["tx-checksum-ip-generic"]
    world.start_service()
    assert poll(lambda: features_on(tap.interface) == [], 5)


def test_thirty_taps_are_opened_by_name_five_times_each_without_a_refusal(alice, bridge):
    """The service holds no queue of them when a consumer arrives, even though it does its work just after a
    close."""
    taps = [alice.create_tap(bridge, persistent=True) for _ in range(30)]
    failures = []

    def use(tap):
        for _ in range(5):
            try:
                fd, _name = kernel.open_tap(tap.interface)
            except OSError as error:
                failures.append(error)
                continue
            kernel.set_offloads(fd, "csum", "tso4")
            os.close(fd)

    with concurrent.futures.ThreadPoolExecutor(len(taps)) as pool:
        list(pool.map(use, taps))
    assert failures == []
    assert poll(lambda: all(features_on(tap.interface) == [] for tap in taps), 10)
    for tap in taps:
        tap.release()


def test_opened_without_a_header_it_says_so_and_carries_no_offloads(tap, world):
    """The first consumer that opens an idle tap by name gives it its own flags."""
    assert tap.get("VnetHdr") and tap.get("OffloadsSupported")
    with Holder(world, "alice", tap.interface, FLAGS & ~kernel.IFF_VNET_HDR) as holder:
        assert holder.said == "opened"
        assert poll(lambda: not tap.get("VnetHdr"), 1.0)
        assert tap.get("OffloadsSupported") == []
        assert any("virtio_net_hdr" in warning for warning in tap.get("Warnings"))
    assert poll(lambda: tap.get("State") == "idle", 1.0)
    tap.open_queues(1)
    assert poll(lambda: tap.get("VnetHdr") and tap.get("Warnings") == [], 1.0)
    tap.close()


def test_with_several_queues_its_owner_may_open_those_that_he_asked_for(alice, bridge, world):
    signals = alice.subscribe(MANAGER)
    tap = alice.create_tap(bridge, True, True, persistent=True, queues=2)
    flags = FLAGS | kernel.IFF_MULTI_QUEUE
    with Holder(world, "alice", tap.interface, flags) as one, Holder(world, "alice", tap.interface, flags) as two:
        assert (one.said, two.said) == ("opened", "opened")
        assert poll(lambda: tap.get("Queues") == 2, 1.0)
    assert poll(lambda: tap.get("Queues") == 0, 1.0)
    tap.open_queues(3)
    assert tap.get("Queues") == 3 and " queues=3 " in kernel.alias(tap.interface)
    with Holder(world, "alice", tap.interface, flags) as fourth:
        assert fourth.said == "opened"
        assert kernel.wait_gone(tap.interface, 1.0), "one more than was requested is tampering"
    tap.close()
    assert signals.wait_for(lambda *signal: signal[2] == "EndpointRemoved")[3][2] == "tampered"


def test_its_queues_count_for_its_owners_limits_while_it_is_idle(alice, bridge):
    taps = [alice.create_tap(bridge, True, True, persistent=True, queues=16) for _ in range(4)]
    error = alice.create_tap_error(bridge)
    assert error.short == "QuotaExceeded"
    assert alice.call(ROOT, MANAGER, "ReleaseAll") == (len(taps),)
    with alice.create_tap(bridge):
        pass


def test_its_holder_can_let_it_end(tap):
    tap.open_queues(1)
    kernel.set_persistent(tap.fds[0], False)
    assert poll(lambda: not tap.get("Persistent"), 1.0)
    assert any("not persistent" in warning for warning in tap.get("Warnings"))
    tap.close()
    assert kernel.wait_gone(tap.interface)


def test_given_to_somebody_else_it_says_so(tap, world):
    tap.open_queues(1)
    kernel.set_owner(tap.fds[0], 1002)
    assert poll(lambda: any("somebody else" in warning for warning in tap.get("Warnings")), 1.0)
    assert tap.get("Owner") == 1001, "it still belongs to its owner, on the owner's limits"
    tap.close()


def test_released_while_it_is_in_use_it_is_gone(tap):
    tap.open_queues(1)
    tap.release()
    assert not kernel.exists(tap.interface)
    with pytest.raises(OSError):
        os.read(tap.fds[0], 10)
    tap.close()
