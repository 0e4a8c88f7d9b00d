# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service of a network sends guests DHCP messages with complete checksums: clients that bypass a network
stack (old DHCP clients, boot ROMs) drop packets without one, and a VMM that set TUN_F_CSUM gets packets
without."""

import contextlib
import shutil
import socket
import struct

import pytest
from vnic import frames, kernel
from vnic.networks import network
from vnic.process import poll

pytestmark = [pytest.mark.deadline(120), pytest.mark.once,
              pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")]

DEVICE = "vnicd_csum"
PREFERENCE_V6 = 0x766F
ALL_SERVERS = "33:33:00:01:00:02"
# A guest asks by broadcast, and is answered by broadcast, or at the address that it is to get.
BROADCAST = {True: 0x8000, False: 0}


def rules_of(name):
    """The egress rules of a bridge, one line for each action."""
    return [line for line in kernel.run("tc", "filter", "show", "dev", name, "egress").splitlines()
            if "action order" in line]


def has_action(name):
    """Whether the kernel completes checksums itself (act_csum); otherwise a device is needed for that."""
    return any("csum (" in line for line in rules_of(name))


@pytest.fixture
def nat(root):
    with network(root, "yesnat") as net:
        yield net


def discover(mac, broadcast, transaction):
    bootp = struct.pack("!BBBBIHH16x6s10x192xI", 1, 1, 6, 0, transaction, 0, BROADCAST[broadcast],
                        frames.mac_bytes(mac), 0x63825363)
    packet = frames.udp("0.0.0.0", "255.255.255.255", 68, 67, bootp + bytes([53, 1, 1, 255]))
    return frames.ethernet(frames.BROADCAST, mac, frames.ETH_IPV4, packet)


GUEST6 = "fe80::5254:ff:fe00:7"


def ipv6(source, target, protocol, body, checksum_at, hops):
    """An IPv6 packet with the checksum of its body filled in."""
    addresses = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
    total = frames.checksum(body, frames.checksum(addresses + struct.pack("!II", len(body), protocol))) ^ 0xFFFF
    body = body[:checksum_at] + struct.pack("!H", total) + body[checksum_at + 2:]
    return struct.pack("!IHBB", 0x60000000, len(body), protocol, hops) + addresses + body


def ask_who_is_the_router(mac):
    """The sender is a known neighbour from then on: the server needs no further answer from the test to reach
    it."""
    target = socket.inet_pton(socket.AF_INET6, "fe80::1")
    body = struct.pack("!BBHI", 135, 0, 0, 0) + target + b"\x01\x01" + frames.mac_bytes(mac)
    return frames.ethernet("33:33:ff:00:00:01", mac, frames.ETH_IPV6,
                           ipv6(GUEST6, "ff02::1:ff00:1", 58, body, 2, 255))


def ask_for_information(mac, transaction):
    """A DHCPv6 request for name servers."""
    message = struct.pack("!I", 11 << 24 | transaction) + struct.pack("!HHHH", 1, 10, 3, 1) + frames.mac_bytes(mac) + \
        struct.pack("!HHHHHH", 8, 2, 0, 6, 2, 23)
    segment = struct.pack("!HHHH", 546, 547, 8 + len(message), 0) + message
    return frames.ethernet(ALL_SERVERS, mac, frames.ETH_IPV6, ipv6(GUEST6, "ff02::1:2", frames.UDP, segment, 6, 1))


def is_whole(header, frame):
    """Nothing is left for the reader to do, and the checksum is right."""
    assert header[0] & frames.NEEDS_CSUM == 0, "the checksum is left to the reader"
    if frame[12:14] == b"\x08\x00":
        return frames.checksums_are_right(frame)
    body = frame[54:54 + struct.unpack_from("!H", frame, 18)[0]]
    return frames.checksum(frame[22:54] + struct.pack("!II", len(body), frames.UDP) + body) == 0xFFFF


def answer(tap, frame, port, carries):
    """(header, frame) of the DHCP server's answer to that port."""
    fd = tap.fds[0]
    size = kernel.vnet_hdr_size(fd)
    segment = {68: 14 + 20, 546: 14 + 40}[port]

    def wanted(got):
        return got[segment + 2:segment + 4] == struct.pack("!H", port) and carries in got
    for _ in range(10):
        frames.send(fd, frame, frames.hdr(size=size))
        got = frames.receive(fd, 1, size, wanted)
        if got:
            return got
    raise AssertionError("the server does not answer")


@contextlib.contextmanager
def taps(client, net):
    """Two taps: one whose VMM accepts packets without checksums, and one whose VMM does not."""
    with client.create_tap(net.name) as one, client.create_tap(net.name) as other:
        kernel.set_offloads(one.fds[0], "csum", "tso4", "tso6")
        kernel.set_offloads(other.fds[0])
        yield one, other


def answers_are_whole(both):
    for tap in both:
        mac = tap.get("GuestMac")
        for broadcast in (True, False):
            header, frame = answer(tap, discover(mac, broadcast, 0x1000 + broadcast), 68, frames.mac_bytes(mac))
            assert is_whole(header, frame), (tap.interface, broadcast)
        frames.send(tap.fds[0], ask_who_is_the_router(mac), frames.hdr(size=kernel.vnet_hdr_size(tap.fds[0])))
        header, frame = answer(tap, ask_for_information(mac, 0x77), 546, b"\x07\x00\x00\x77")
        assert is_whole(header, frame), tap.interface


def test_dhcp_replies_have_whole_checksums_with_offloads_and_without(alice, nat):
    with taps(alice, nat) as both:
        answers_are_whole(both)


def test_offloads_of_the_bridge_and_of_taps_stay(alice, nat):
    with taps(alice, nat) as (one, other):
        answers_are_whole((one, other))
        assert kernel.ethtool_features(one.interface)["tx-checksum-ip-generic"]
    with alice.create_tap(nat.name) as tap:
        kernel.set_offloads(tap.fds[0], "csum", "tso4", "tso6")
        assert poll(lambda: kernel.ethtool_features(nat.name)["tx-checksum-ip-generic"], 5)


def test_replies_are_whole_again_when_what_finishes_them_was_taken_away(alice, nat):
    with taps(alice, nat) as both:
        answers_are_whole(both)
        if has_action(nat.name):
            assert not kernel.exists(DEVICE)
            return
        for undo in (["ip", "link", "del", DEVICE], ["ip", "link", "set", DEVICE, "down"],
                     ["ethtool", "-K", DEVICE, "tx", "on"]):
            if undo[0] == "ethtool" and not shutil.which("ethtool"):
                continue
            kernel.run(*undo)
            assert poll(lambda: kernel.exists(DEVICE) and "UP" in kernel.link(DEVICE)["flags"] and
                        not kernel.ethtool_features(DEVICE)["tx-checksum-ip-generic"], 5), undo
            answers_are_whole(both)


@pytest.fixture
def restored_nothing_yet(world, nat):
    """A service with its full number of restorations available, since it has restored nothing in the last
    minute."""
    world.restart_service()
    return nat


@pytest.mark.restarts
def test_rules_that_somebody_deletes_are_made_again(alice, restored_nothing_yet):
    nat = restored_nothing_yet
    with taps(alice, nat) as both:
        rules = rules_of(nat.name)
        assert rules
        for undo in (["filter", "del", "dev", nat.name, "egress"], ["qdisc", "del", "dev", nat.name, "clsact"],
                     ["filter", "del", "dev", nat.name, "egress", "pref", str(PREFERENCE_V6)]):
            kernel.run("tc", *undo)
            assert poll(lambda: len(rules_of(nat.name)) == len(rules), 5), undo
            answers_are_whole(both)
        assert not any("checksum" in sentence for sentence in nat.get("Warnings"))


@pytest.mark.restarts
def test_rules_that_are_deleted_again_and_again_are_warned_of(restored_nothing_yet):
    nat = restored_nothing_yet

    def warned():
        return any("tc filter show" in sentence for sentence in nat.get("Warnings"))

    rules = len(rules_of(nat.name))
    for _ in range(5):
        kernel.run("tc", "filter", "del", "dev", nat.name, "egress")
        assert poll(lambda: len(rules_of(nat.name)) == rules, 5)
    assert not warned()
    kernel.run("tc", "filter", "del", "dev", nat.name, "egress")
    assert poll(warned, 5)
    assert rules_of(nat.name) == []


@pytest.mark.restarts
def test_other_rules_at_the_bridge_cause_nothing(restored_nothing_yet):
    """Other programs' rules come and go, also at the same place."""
    nat = restored_nothing_yet
    before = kernel.run("tc", "filter", "show", "dev", nat.name, "egress")
    for _ in range(20):
        for change in ("add", "del"):
            kernel.run("tc", "filter", change, "dev", nat.name, "egress", "pref", "7", "protocol", "ip", "u32",
                       "match", "ip", "dport", "9", "0xffff", "flowid", "1:1")
    assert not any("checksum" in sentence for sentence in nat.get("Warnings"))
    assert kernel.run("tc", "filter", "show", "dev", nat.name, "egress") == before


@pytest.mark.restarts
def test_replies_are_whole_after_a_restart_of_vnicd_too(world, alice, nat):
    with taps(alice, nat) as both:
        rules = rules_of(nat.name)
        world.restart_service()
        answers_are_whole(both)
        assert len(rules_of(nat.name)) == len(rules) > 0


def test_what_finishes_checksums_goes_with_the_last_network(root):
    with network(root, "yesone", services=False):
        with network(root, "yestwo", services=False):
            pass
        assert rules_of("yesone")
        assert has_action("yesone") or kernel.exists(DEVICE)
    assert poll(lambda: not kernel.exists(DEVICE), 5)


def test_where_it_cannot_be_done_the_network_says_so(root):
    """Another link has the name of the device; anything that the kernel lacks is reported in the same way."""
    kernel.make_veth(DEVICE, "elsewhere0")
    try:
        with network(root, "yesnat", services=False) as net:
            if has_action(net.name):
                assert rules_of(net.name) and not net.get("Warnings")
                return
            assert any("checksum" in sentence for sentence in net.get("Warnings")), net.get("Warnings")
    finally:
        kernel.del_link(DEVICE)
