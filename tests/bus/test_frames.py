# SPDX-License-Identifier: LGPL-2.1-or-later
"""The purpose of the service: frames with a virtio_net_hdr cross, whole and unfinished, in one system
call."""

import os

import pytest
from vnic import frames, kernel

A, B = "52:54:00:00:0a:01", "52:54:00:00:0b:01"


def pair(client, bridge, **options):
    """Two taps whose bridge knows both MACs."""
    return (client.create_tap(bridge, True, guest_mac=A, **options),
            client.create_tap(bridge, True, guest_mac=B, **options))


def to(mac):
    return lambda frame: frame[:6] == frames.mac_bytes(mac)


def test_a_frame_with_a_header_crosses(alice, bridge):
    one, other = pair(alice, bridge)
    with one, other:
        frame = frames.plain(B, A, b"hello" * 20)
        frames.send(one.fds[0], frame, frames.hdr())
        header, got = frames.receive(other.fds[0], want=to(B))
        assert got == frame
        assert frames.parse_hdr(header)["gso_type"] == frames.GSO_NONE


@pytest.mark.parametrize("size", [10, 12, 20])
def test_a_64_kib_segment_with_a_partial_checksum_arrives_whole(alice, bridge, size):
    one, other = pair(alice, bridge, vnet_hdr_size=size)
    with one, other:
        kernel.set_offloads(other.fds[0], "csum", "tso4", "tso6")
        payload = os.urandom(65535 - 40 - 14)  # the kernel's largest (gso_max_size) is below 64 KiB
        header, frame = frames.tcp_gso(A, B, "192.0.2.1", "192.0.2.2", payload, size=size)
        frames.send(one.fds[0], frame, header)
        got_header, got = frames.receive(other.fds[0], header=size, want=to(B))
        assert len(got) == len(frame) == 65535 and got.endswith(payload)
        fields = frames.parse_hdr(got_header)
        assert fields["gso_type"] == frames.GSO_TCPV4 and fields["gso_size"] == 1448
        assert fields["flags"] & frames.NEEDS_CSUM
        assert (fields["csum_start"], fields["csum_offset"]) == (34, 16)


def test_what_the_receiver_cannot_take_arrives_cut_and_finished(alice, bridge):
    """It has negotiated no offload: the kernel segments for it and fills in the checksums."""
    one, other = pair(alice, bridge)
    with one, other:
        payload = os.urandom(14480)
        header, frame = frames.tcp_gso(A, B, "192.0.2.1", "192.0.2.2", payload)
        frames.send(one.fds[0], frame, header)
        parts = []
        while sum(map(len, parts)) < len(payload):
            got_header, got = frames.receive(other.fds[0], want=to(B))
            assert frames.parse_hdr(got_header)["gso_type"] == frames.GSO_NONE
            assert frames.checksums_are_right(got)
            parts.append(got[54:])
        assert b"".join(parts) == payload and len(parts) == 10


def test_without_a_header_frames_are_plain(alice, bridge):
    with alice.create_tap(bridge, False, guest_mac=A) as one, \
            alice.create_tap(bridge, False, guest_mac=B) as other:
        frame = frames.plain(B, A)
        frames.send(one.fds[0], frame)
        _, got = frames.receive(other.fds[0], header=0, want=to(B))
        assert got == frame


def test_every_queue_of_a_multiqueue_tap_sends_and_flows_arrive(alice, bridge):
    with alice.create_tap(bridge, True, True, queues=4, guest_mac=A) as one, \
            alice.create_tap(bridge, True, True, queues=4, guest_mac=B) as other:
        for number, fd in enumerate(one.fds):
            packet = frames.udp("192.0.2.1", "192.0.2.2", 1000 + number, 2000,
                                b"queue %d" % number * 8)
            frame = frames.ethernet(B, A, frames.ETH_IPV4, packet)
            frames.send(fd, frame, frames.hdr())
            _, _, got = frames.receive_any(other.fds, want=to(B))
            assert got == frame


def test_a_frame_reaches_a_tap_at_once_after_the_reply(alice, bridge):
    """The port forwards when the call is answered: there is nothing to wait for."""
    with alice.create_tap(bridge, True, guest_mac=A) as one:
        for number in range(20):
            with alice.create_tap(bridge, True) as other:
                mac = other.get("GuestMac")
                frame = frames.plain("ff:ff:ff:ff:ff:ff", A, b"%d" % number)
                frames.send(one.fds[0], frame, frames.hdr())
                assert frames.receive(other.fds[0], want=to("ff:ff:ff:ff:ff:ff"))[1] == frame, mac


def test_isolated_taps_do_not_see_each_other_but_the_rest(alice, bridge):
    everybody = "ff:ff:ff:ff:ff:ff"
    with alice.create_tap(bridge, isolated=True) as one, alice.create_tap(bridge, isolated=True) as other, \
            alice.create_tap(bridge) as third:
        frame = frames.plain(everybody, one.get("GuestMac"), b"isolated")
        frames.send(one.fds[0], frame, frames.hdr())
        wanted = lambda got: got == frame
        assert frames.receive(third.fds[0], want=wanted)
        assert frames.receive(other.fds[0], timeout=0.2, want=wanted) is None
