# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames: built by hand, with right or partial checksums, and sent and received through a tap's queue."""

import contextlib
import errno
import os
import select
import socket
import struct
import threading
import time

ETH_P_ALL = 3
ETH_IPV4, ETH_IPV6, ETH_ARP, ETH_TEST = 0x0800, 0x86DD, 0x0806, 0x88B5
BROADCAST = "ff:ff:ff:ff:ff:ff"
TCP, UDP = 6, 17

# struct virtio_net_hdr
NEEDS_CSUM, DATA_VALID = 1, 2
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_TCPV6, GSO_UDP_L4, GSO_ECN = 0, 1, 3, 4, 5, 0x80
HDR = struct.Struct("<BBHHHH")


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data, start=0):
    """The Internet checksum's sum, not yet complemented."""
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ethernet(destination, source, kind, payload, pad=True):
    frame = mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + payload
    return frame.ljust(60, b"\0") if pad else frame


def plain(destination, source, payload=b"vnic"):
    """A frame of the type for local experiments: no stack answers it."""
    return ethernet(destination, source, ETH_TEST, payload)


def bpdu(source):
    """A configuration BPDU of a bridge with the best priority possible: it tries to become the root of the
    tree."""
    bridge = b"\x00\x00" + mac_bytes(source)
    body = bytes(5) + bridge + bytes(4) + bridge + bytes.fromhex("8001" "0000" "1400" "0200" "0f00")
    return ethernet("01:80:c2:00:00:00", source, 3 + len(body), b"\x42\x42\x03" + body)


def arp_request(source_mac, source, target):
    body = struct.pack("!HHBBH", 1, ETH_IPV4, 6, 4, 1) + mac_bytes(source_mac) + \
        socket.inet_aton(source) + bytes(6) + socket.inet_aton(target)
    return ethernet(BROADCAST, source_mac, ETH_ARP, body)


def ipv4(source, destination, protocol, payload, ttl=64, identity=1):
    def header(check):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identity, 0x4000, ttl, protocol,
                           check, socket.inet_aton(source), socket.inet_aton(destination))
    return header(checksum(header(0)) ^ 0xFFFF) + payload


def pseudo(source, destination, protocol, length):
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, protocol, length)


def _transport(source, destination, protocol, segment, offset, partial):
    """Fill in the checksum at `offset`: a right one, or only the pseudo header's sum (NEEDS_CSUM)."""
    total = checksum(pseudo(source, destination, protocol, len(segment)))
    value = total if partial else checksum(segment, total) ^ 0xFFFF
    if not partial and protocol == UDP and value == 0:
        value = 0xFFFF
    return segment[:offset] + struct.pack("!H", value) + segment[offset + 2:]


def udp(source, destination, source_port, destination_port, payload, partial=False):
    """An IPv4 packet."""
    segment = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    return ipv4(source, destination, UDP, _transport(source, destination, UDP, segment, 6, partial))


def tcp(source, destination, source_port, destination_port, payload, partial=False, sequence=1,
        acknowledged=1, flags=0x18):
    """An IPv4 packet."""
    segment = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, acknowledged, 0x50, flags,
                          65535, 0, 0) + payload
    return ipv4(source, destination, TCP, _transport(source, destination, TCP, segment, 16, partial))


def checksums_are_right(frame):
    """For an Ethernet frame with IPv4 and TCP or UDP: both the header's and the segment's."""
    packet = frame[14:]
    length = struct.unpack_from("!H", packet, 2)[0]
    header, segment = packet[:20], packet[20:length]
    addresses = packet[12:20]
    total = checksum(addresses + struct.pack("!BBH", 0, packet[9], len(segment)))
    return checksum(header) == 0xFFFF and checksum(segment, total) == 0xFFFF


def hdr(flags=0, gso_type=GSO_NONE, hdr_len=0, gso_size=0, csum_start=0, csum_offset=0, size=10):
    """A virtio_net_hdr of `size` bytes."""
    return HDR.pack(flags, gso_type, hdr_len, gso_size, csum_start, csum_offset).ljust(size, b"\0")


def parse_hdr(data):
    """The six fields of a virtio_net_hdr by name."""
    names = ("flags", "gso_type", "hdr_len", "gso_size", "csum_start", "csum_offset")
    return dict(zip(names, HDR.unpack_from(data)))


def tcp_gso(source_mac, destination_mac, source, destination, payload, gso_size=1448, size=10):
    """(header, frame) of one big TCP segment as a guest with TSO hands it over."""
    packet = tcp(source, destination, 1000, 2000, payload, partial=True)
    frame = ethernet(destination_mac, source_mac, ETH_IPV4, packet, pad=False)
    header = hdr(NEEDS_CSUM, GSO_TCPV4, 14 + 20 + 20, gso_size, 14 + 20, 16, size)
    return header, frame


def send(fd, frame, header=b"", timeout=2.0):
    """Write one frame to a queue. `header` is needed on a tap with vnet_hdr (hdr() for a plain frame)."""
    data = header + frame
    end = time.monotonic() + timeout
    while True:
        try:
            written = os.write(fd, data)
        except BlockingIOError:
            left = end - time.monotonic()
            if left <= 0:
                raise
            select.select([], [fd], [], left)
            continue
        if written != len(data):
            raise OSError(errno.EIO, f"the kernel took {written} of {len(data)} bytes")
        return


def receive(fd, timeout=2.0, header=10, want=None):
    """The next (header, frame) of a queue, or None. `header`: bytes of vnet header; 0 for a tap without.

    `want` is a predicate of the frame: frames for which it is false (neighbour discovery, for example) are
    dropped.
    """
    end = time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        if left <= 0:
            return None
        ready, _, _ = select.select([fd], [], [], left)
        if not ready:
            return None
        try:
            data = os.read(fd, 70000)
        except BlockingIOError:
            continue
        head, frame = data[:header], data[header:]
        if want is None or want(frame):
            return head, frame


def receive_any(fds, timeout=2.0, header=10, want=None):
    """The next (fd, header, frame) of several queues: the kernel chooses the queue by flow."""
    end = time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        ready, _, _ = select.select(fds, [], [], max(left, 0))
        for fd in ready:
            got = receive(fd, 0.001, header, want)
            if got:
                return (fd, *got)
        if left <= 0:
            return None


def carries(payload):
    """A predicate for `want`: the frame has these bytes in it."""
    return lambda frame: payload in frame


def drain(fds):
    """Discard the frames that are waiting in the queues."""
    for fd in fds:
        while receive(fd, 0.001, 0):
            pass


@contextlib.contextmanager
def frame_lengths(interface):
    """The lengths of the frames that pass an interface, counted up while the `with` lasts."""
    lengths = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as tapped:  # it receives from no link until it is bound
        tapped.bind((interface, ETH_P_ALL))
        tapped.settimeout(0.2)
        ended = threading.Event()

        def read():
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    # With MSG_TRUNC the kernel reports the whole length and copies one byte.
                    lengths.append(tapped.recv_into(bytearray(1), 1, socket.MSG_TRUNC))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield lengths
        finally:
            ended.set()
            reader.join(5)
