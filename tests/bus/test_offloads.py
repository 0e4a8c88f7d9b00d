# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which offloads a tap can carry, which its consumer has turned on, and that changes of these are
announced."""

import fcntl
import itertools
import os
import signal
import struct
import threading
import time

import pytest
from vnic import LONG, frames, kernel
from vnic.client import MANAGER, ROOT, TAP, Client
from vnic.process import cpu_seconds, poll

ORDER = list(kernel.OFFLOADS)
GSO_UDP_TUNNEL_IPV4 = 0x20  # linux/virtio_net.h
FEATURES = {"csum": "tx-checksum-ip-generic", "tso4": "tx-tcp-segmentation", "tso6": "tx-tcp6-segmentation",
            "tso-ecn": "tx-tcp-ecn-segmentation", "uso4": "tx-udp-segmentation", "uso6": "tx-udp-segmentation",
            "udp-tunnel-gso": "tx-udp_tnl-segmentation",
            "udp-tunnel-gso-csum": "tx-udp_tnl-csum-segmentation"}


def taken(fd, names):
    """Whether the kernel accepts the set."""
    try:
        kernel.set_offloads(fd, *names)
        return True
    except OSError:
        return False


def on_in_kernel(name):
    features = kernel.ethtool_features(name)
    return [offload for offload in ORDER if features[FEATURES[offload]]]


def changed(signals, tap, timeout=5.0):
    """What the next OffloadsChanged of the tap reports."""
    return signals.wait_for(lambda path, _interface, member, _values:
                            path == tap.endpoint and member == "OffloadsChanged", timeout)[3][0]


def wait_active(tap, names, timeout=5.0):
    assert poll(lambda: tap.get("OffloadsActive") == list(names), timeout), tap.get("OffloadsActive")


def test_nothing_is_on_before_the_consumer_says_so(alice, bridge):
    with alice.create_tap(bridge) as tap:
        assert tap.get("OffloadsActive") == on_in_kernel(tap.interface) == []


def test_every_set_that_the_kernel_takes_is_told_by_name_once(alice, bridge):
    with alice.create_tap(bridge, vnet_hdr_size=24) as tap:
        signals = alice.subscribe(TAP)
        last = []
        sets = [names for size in range(len(ORDER) + 1) for names in itertools.combinations(ORDER, size)]
        for names in sets:
            signals.clear()
            if not taken(tap.fds[0], names):
                continue
            wanted = on_in_kernel(tap.interface)
            assert wanted == list(names)
            if wanted != last:
                assert changed(signals, tap) == wanted
                assert tap.get("OffloadsActive") == wanted
            last = wanted
            alice.get(ROOT, MANAGER, "Version")
            assert len(signals.all()) <= 1


def test_a_set_that_the_kernel_refuses_changes_nothing(alice, bridge):
    with alice.create_tap(bridge) as tap:
        kernel.set_offloads(tap.fds[0], "csum", "tso4")
        wait_active(tap, ["csum", "tso4"])
        signals = alice.subscribe(TAP)
        for names in (["tso4"], ["csum", "tso-ecn"], ["csum", "uso4"], ["csum", "udp-tunnel-gso"]):
            assert not taken(tap.fds[0], names)
        time.sleep(0.2)
        assert signals.all() == [] and tap.get("OffloadsActive") == ["csum", "tso4"]


def test_the_change_is_told_as_a_property_too(alice, bob, bridge):
    signals = bob.subscribe("org.freedesktop.DBus.Properties")
    with alice.create_tap(bridge) as tap:
        kernel.set_offloads(tap.fds[0], "csum")
        signals.wait_for(lambda path, _interface, _member, values:
                         path == tap.endpoint and values[1].get("OffloadsActive") == ["csum"])


def test_it_stays_right_over_detaching_and_attaching_queues(alice, bridge):
    with alice.create_tap(bridge, True, True, queues=2) as tap:
        kernel.set_offloads(tap.fds[0], "csum", "tso4")
        wait_active(tap, ["csum", "tso4"])
        kernel.detach(tap.fds[1])
        kernel.set_offloads(tap.fds[1], "csum")  # for the whole device, even through a queue that is detached
        wait_active(tap, ["csum"])
        kernel.detach(tap.fds[1], attach=True)
        time.sleep(0.2)
        assert tap.get("OffloadsActive") == on_in_kernel(tap.interface) == ["csum"]


@pytest.mark.restarts
def test_it_stays_right_over_a_restart_of_the_service(world, bridge):
    with Client(world, "alice") as client, client.create_tap(bridge) as tap:
        kernel.set_offloads(tap.fds[0], "csum", "tso6")
        wait_active(tap, ["csum", "tso6"])
        world.restart_service()
        assert client.get(tap.endpoint, TAP, "OffloadsActive") == ["csum", "tso6"]
        world.stop_service()
        kernel.set_offloads(tap.fds[0], "csum")
        world.start_service()
        assert client.get(tap.endpoint, TAP, "OffloadsActive") == ["csum"]


def test_a_storm_of_changes_costs_little_and_ends_right(alice, bridge, world):
    signals = alice.subscribe(TAP)
    with alice.create_tap(bridge) as tap:
        before = cpu_seconds(world.pid)
        toggles = 1800  # more would count as tampering
        for _ in range(toggles // 2):
            for mask in (kernel.OFFLOADS["csum"], 0):
                fcntl.ioctl(tap.fds[0], kernel.TUNSETOFFLOAD, mask)
        kernel.set_offloads(tap.fds[0], "csum", "tso4")
        wait_active(tap, ["csum", "tso4"])
        used = cpu_seconds(world.pid) - before
        told = [signal for signal in signals.all() if signal[2] == "OffloadsChanged"]
        assert len(told) < toggles / 20, (len(told), toggles)
        assert used < 1.0, (used, toggles)
        assert told[-1][3][0] == ["csum", "tso4"]


@pytest.mark.once
@pytest.mark.deadline(200)
def test_many_taps_at_once_are_each_told(root, bridge):
    taps = [root.create_tap(bridge) for _ in range(1000 if LONG else 200)]
    threads = [threading.Thread(target=lambda part=part: [kernel.set_offloads(tap.fds[0], "csum", "tso4")
                                                          for tap in part])
               for part in (taps[::2], taps[1::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    objects = {}

    def all_told():
        nonlocal objects
        objects = root.managed_objects()
        return all(objects[tap.endpoint][TAP]["OffloadsActive"] == ["csum", "tso4"] for tap in taps)

    assert poll(all_told, 5.0)
    for tap in taps:
        tap.close()
    assert poll(lambda: not kernel.our_links(), 60.0)


def test_offloads_can_be_set_for_a_consumer_that_cannot(alice, bridge):
    with alice.create_tap(bridge, offloads=["tso4", "csum", "tso6"]) as tap:
        assert on_in_kernel(tap.interface) == ["csum", "tso4", "tso6"]
        assert tap.get("OffloadsActive") == ["csum", "tso4", "tso6"]
    with alice.create_tap(bridge, vnet_hdr_size=24, offloads=ORDER) as tap:
        assert tap.get("OffloadsActive") == ORDER
    with alice.create_tap(bridge, offloads=[]) as tap:
        assert tap.get("OffloadsActive") == []


@pytest.mark.parametrize("names,words", [
    (["tso4"], "needs csum"), (["csum", "tso-ecn"], "tso-ecn needs"), (["csum", "uso4"], "go only together"),
    (["csum", "udp-tunnel-gso"], "udp-tunnel-gso needs"),
    (["csum", "tso4", "udp-tunnel-gso-csum"], "udp-tunnel-gso-csum needs"),
    (["ufo"], "takes csum"), (["CSUM"], "takes csum"), (["x" * 60000], "takes csum"),
    (["csum", "csum"], "twice"),
])
def test_a_set_that_no_kernel_takes_is_refused_with_the_rule(alice, bridge, names, words):
    error = alice.create_tap_error(bridge, offloads=names)
    assert error.short == "InvalidOption" and '"offloads"' in error.message and words in error.message
    assert kernel.our_links() == []


def test_offloads_need_a_header_and_tunnels_one_with_room(alice, bridge):
    assert alice.create_tap_error(bridge, False, offloads=["csum"]).short == "VnetHdrRequired"
    assert alice.create_tap_error(bridge, False, offloads=[]).short == "VnetHdrRequired"
    error = alice.create_tap_error(bridge, offloads=["csum", "tso4", "udp-tunnel-gso"])
    assert error.short == "OffloadUnsupported" and "vnet_hdr_size" in error.message


@pytest.mark.restarts
def test_the_host_is_asked_again_by_a_signal(world):
    """The signal is sent after the module was loaded later than the service was started."""
    world.stop_service()
    os.chmod("/dev/net/tun", 0o600)  # this node is the world's own
    try:
        world.start_service()
        with Client(world, "alice") as client:
            assert client.get(ROOT, MANAGER, "OffloadsSupported") == []
            assert client.get(ROOT, MANAGER, "MaxQueues") == 0
            signals = client.subscribe("org.freedesktop.DBus.Properties", path=ROOT)
            world.signal_service(signal.SIGHUP)  # nothing has changed
            client.get(ROOT, MANAGER, "Version")
            os.chmod("/dev/net/tun", 0o666)
            world.signal_service(signal.SIGHUP)
            values = signals.wait_for(lambda *_: True)[3]
            assert "tso4" in values[1]["OffloadsSupported"] and values[1]["MaxQueues"] == 256
            assert client.get(ROOT, MANAGER, "OffloadsSupported") == values[1]["OffloadsSupported"]
            assert len(signals.all()) == 1
    finally:
        os.chmod("/dev/net/tun", 0o666)


def test_whether_there_is_vhost_net_is_told(alice):

    assert alice.get(ROOT, MANAGER, "VhostNet") == os.path.exists("/dev/vhost-net")



A, B = "52:54:00:00:0a:01", "52:54:00:00:0b:01"


def needs(client, offload):
    """The test needs a newer kernel than some of those that the service supports."""
    if offload not in client.get(ROOT, MANAGER, "OffloadsSupported"):
        pytest.skip(f"this kernel has no {offload}")


def carried(alice, bridge, offloads, header, frame):
    """What a consumer that has these offloads on receives of it: (header, frame)."""
    size = len(header)
    with alice.create_tap(bridge, guest_mac=A, vnet_hdr_size=size) as one, \
            alice.create_tap(bridge, guest_mac=B, vnet_hdr_size=size, offloads=offloads) as other:
        frames.send(one.fds[0], frame, header)
        return frames.receive(other.fds[0], header=size, want=lambda got: got[:6] == frames.mac_bytes(B))


def test_a_big_udp_datagram_crosses_uncut(alice, bridge):
    """UDP segmentation (USO): ten datagrams in one."""
    needs(alice, "uso4")
    payload = os.urandom(14000)
    packet = frames.udp("192.0.2.1", "192.0.2.2", 1000, 2000, payload, partial=True)
    frame = frames.ethernet(B, A, frames.ETH_IPV4, packet)
    header = frames.hdr(frames.NEEDS_CSUM, frames.GSO_UDP_L4, 42, 1400, 34, 6)
    got_header, got = carried(alice, bridge, ["csum", "uso4", "uso6"], header, frame)
    assert got == frame
    assert frames.parse_hdr(got_header) == frames.parse_hdr(header)
    cut_header, cut = carried(alice, bridge, ["csum"], header, frame)
    assert len(cut) == 1442 and frames.parse_hdr(cut_header)["gso_type"] == frames.GSO_NONE


def test_a_big_segment_in_a_udp_tunnel_crosses_uncut(alice, bridge):
    """TCP in VXLAN, with the header of 24 bytes that says where the inner headers are."""
    needs(alice, "udp-tunnel-gso")
    inner = frames.ethernet("52:54:00:00:0d:01", "52:54:00:00:0c:01", frames.ETH_IPV4,
                            frames.tcp("198.51.100.1", "198.51.100.2", 1000, 2000, os.urandom(20000),
                                       partial=True), pad=False)
    vxlan = bytes([8, 0, 0, 0, 0, 0, 42, 0])
    packet = frames.udp("192.0.2.1", "192.0.2.2", 5000, 4789, vxlan + inner)
    packet = packet[:26] + b"\0\0" + packet[28:]  # it has no outer checksum, as VXLAN over IPv4 may
    frame = frames.ethernet(B, A, frames.ETH_IPV4, packet)
    outer_transport, inner_network = 34, 34 + 8 + 8 + 14
    inner_transport = inner_network + 20
    header = frames.hdr(frames.NEEDS_CSUM, frames.GSO_TCPV4 | GSO_UDP_TUNNEL_IPV4, inner_transport + 20,
                        1348, inner_transport, 16, size=20) + struct.pack("<HH", outer_transport, inner_network)
    got_header, got = carried(alice, bridge, ["csum", "tso4", "tso6", "udp-tunnel-gso"], header, frame)
    assert len(got) == len(frame) and got[42:] == frame[42:]
    assert frames.parse_hdr(got_header)["gso_type"] == frames.GSO_TCPV4 | GSO_UDP_TUNNEL_IPV4
    assert struct.unpack("<HH", got_header[20:24]) == (outer_transport, inner_network)
    _, cut = carried(alice, bridge, ["csum", "tso4", "tso6"], header, frame)
    assert len(cut) < 1500
