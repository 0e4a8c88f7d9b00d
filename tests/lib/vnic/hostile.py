# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames with which a guest could impersonate another, and those that every honest guest sends. Each maker
takes a Stage and returns a frame; every frame has the stage's mark in it or is recognized by its bytes."""

import dataclasses
import ipaddress
import socket
import struct

from .frames import (BROADCAST, ETH_ARP, ETH_IPV4, ETH_IPV6, TCP, UDP, arp_request, checksum, ethernet, ipv4, mac_bytes,
                     udp)

ICMPV6, ICMP, FRAGMENT, HOP_BY_HOP, DESTINATION = 58, 1, 44, 0, 60
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"
OTHER_MAC = "52:54:00:00:66:66"  # nobody's
OUTSIDE4, OUTSIDE6 = "198.51.100.99", "2001:db8:66::66"  # of no network here


@dataclasses.dataclass
class Stage:
    """The parties: the attacker, the victim, and the host as the gateway of both."""

    mac: str
    ip: str
    ip6: str
    victim_mac: str
    victim: str
    victim6: str
    gateway_mac: str
    gateway: str
    gateway6: str
    mark: bytes = b"vnic-mark"


def link_local(mac):
    """The address that a stack derives from a MAC."""
    data = mac_bytes(mac)
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes([data[0] ^ 2]) + data[1:3] + b"\xff\xfe" + data[3:]))


def ipv6(source, destination, following, payload, hops=255):
    return struct.pack("!IHBB", 6 << 28, len(payload), following, hops) + \
        socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + payload


def sum6(source, destination, protocol, segment):
    pseudo = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + \
        struct.pack("!IHBB", len(segment), 0, 0, protocol)
    return (checksum(segment, checksum(pseudo)) ^ 0xFFFF) or 0xFFFF


def icmp6_body(source, destination, kind, body, code=0):
    segment = struct.pack("!BBH", kind, code, 0) + body
    return segment[:2] + struct.pack("!H", sum6(source, destination, ICMPV6, segment)) + segment[4:]


def icmp6(source, destination, kind, body, code=0):
    return ipv6(source, destination, ICMPV6, icmp6_body(source, destination, kind, body, code))


def udp6(source, destination, source_port, destination_port, payload):
    segment = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    segment = segment[:6] + struct.pack("!H", sum6(source, destination, UDP, segment)) + segment[8:]
    return ipv6(source, destination, UDP, segment)


def syn6(source, destination, source_port, destination_port):
    """The first packet of a TCP connection."""
    segment = struct.pack("!HHIIBBHHH", source_port, destination_port, 1, 0, 0x50, 2, 65535, 0, 0)
    segment = segment[:16] + struct.pack("!H", sum6(source, destination, TCP, segment)) + segment[18:]
    return ipv6(source, destination, TCP, segment)


def to_all(stage, packet):
    return ethernet(ALL_NODES_MAC, stage.mac, ETH_IPV6, packet)


def to_victim6(stage, packet):
    return ethernet(stage.victim_mac, stage.mac, ETH_IPV6, packet)


def to_victim4(stage, packet, source=None):
    return ethernet(stage.victim_mac, source or stage.mac, ETH_IPV4, packet)


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack("!HHBBH", 1, ETH_IPV4, 6, 4, operation) + mac_bytes(sender_mac) + \
        socket.inet_aton(sender) + mac_bytes(target_mac) + socket.inet_aton(target)


def advertisement(stage):
    """A router advertisement: I am your router, for half an hour, and this is your prefix."""
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 1800, 1800, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8:66::")
    return struct.pack("!BBHII", 64, 0, 1800, 0, 0) + b"\x01\x01" + mac_bytes(stage.mac) + prefix


def fragments(stage, kind, body):
    """The first fragment has only the extension header, so a filter that inspects only that sees no
    ICMPv6."""
    source = link_local(stage.mac)
    whole = struct.pack("!BBBBI", ICMPV6, 0, 1, 4, 0) + icmp6_body(source, ALL_NODES, kind, body)
    first = struct.pack("!BBHI", DESTINATION, 0, 1, 0x766E6963) + whole[:8]
    rest = struct.pack("!BBHI", DESTINATION, 0, 8, 0x766E6963) + whole[8:]
    return [to_all(stage, ipv6(source, ALL_NODES, FRAGMENT, part)) for part in (first, rest)]


def first_fragment(stage, kind, body):
    """It ends before the address that it is about, so a filter that inspects only this fragment cannot
    tell."""
    source = link_local(stage.mac)
    part = struct.pack("!BBHI", ICMPV6, 0, 1, 0x766E6964) + icmp6_body(source, ALL_NODES, kind, body)[:8]
    return to_all(stage, ipv6(source, ALL_NODES, FRAGMENT, part))


def odd_arp(stage, length):
    """The gateway's address is where the ARP header puts it, and an honest one where Ethernet has it."""
    sender = mac_bytes(stage.mac) + socket.inet_aton(stage.ip).ljust(length - 6, b"\0")
    return struct.pack("!HHBBH", 1, ETH_IPV4, length, 4, 2) + sender + socket.inet_aton(stage.gateway) + \
        mac_bytes(BROADCAST).ljust(length, b"\xff") + socket.inet_aton(stage.victim)


def dhcp_offer(stage):
    body = struct.pack("!BBBBIHH4s4s4s4s", 2, 1, 6, 0, 0x12345678, 0, 0, bytes(4), socket.inet_aton(stage.victim),
                       socket.inet_aton(stage.ip), bytes(4)) + mac_bytes(stage.victim_mac).ljust(208, b"\0")
    body = body[:236] + b"\x63\x82\x53\x63" + b"\x35\x01\x02" + b"\x03\x04" + socket.inet_aton(stage.ip) + b"\xff"
    return body + stage.mark


def neighbour(stage, address):
    """An unsolicited advertisement with the override flag: this address is at my MAC."""
    return struct.pack("!I", 0x20000000) + socket.inet_pton(socket.AF_INET6, address) + b"\x02\x01" + \
        mac_bytes(stage.mac)


def tagged(stage, *kinds):
    packet = udp(stage.ip, stage.victim, 4000, 4001, stage.mark)
    tags = b"".join(struct.pack("!HH", kind, 7) for kind in kinds[1:])
    return ethernet(stage.victim_mac, stage.mac, kinds[0],
                    struct.pack("!H", 7) + tags + struct.pack("!H", ETH_IPV4) + packet)


def llc(stage, destination, payload):
    return (mac_bytes(destination) + mac_bytes(stage.mac) + struct.pack("!H", len(payload)) + payload).ljust(60, b"\0")


def redirect6(stage):
    body = bytes(4) + socket.inet_pton(socket.AF_INET6, link_local(stage.mac)) + \
        socket.inet_pton(socket.AF_INET6, OUTSIDE6)
    return to_victim6(stage, icmp6(stage.gateway6, stage.victim6, 137, body))


def redirect4(stage, source):
    quoted = udp(stage.victim, OUTSIDE4, 4000, 4001, b"12345678")[:28]
    segment = struct.pack("!BBH4s", 5, 1, 0, socket.inet_aton(stage.ip)) + quoted
    segment = segment[:2] + struct.pack("!H", checksum(segment) ^ 0xFFFF) + segment[4:]
    return to_victim4(stage, ipv4(source, stage.victim, ICMP, segment))


def hostile(stage):
    """name → frames of which none may reach anybody."""
    own = link_local(stage.mac)
    return {
        "another's source MAC": [to_victim4(stage, udp(stage.ip, stage.victim, 4000, 4001, stage.mark), OTHER_MAC)],
        "the victim's source MAC": [ethernet(BROADCAST, stage.victim_mac, ETH_IPV4, udp(
            stage.ip, "255.255.255.255", 4000, 4001, stage.mark))],
        "the gateway's source MAC": [to_victim4(stage, udp(stage.ip, stage.victim, 4000, 4001, stage.mark),
                                                stage.gateway_mac)],
        "gratuitous ARP for the gateway": [ethernet(BROADCAST, stage.mac, ETH_ARP, arp(
            2, stage.mac, stage.gateway, BROADCAST, stage.gateway))],
        "ARP answer for the gateway": [ethernet(stage.victim_mac, stage.mac, ETH_ARP, arp(
            2, stage.mac, stage.gateway, stage.victim_mac, stage.victim))],
        "ARP for the gateway with long addresses": [ethernet(BROADCAST, stage.mac, ETH_ARP, odd_arp(stage, 10))],
        "ARP question in the gateway's name": [ethernet(BROADCAST, stage.mac, ETH_ARP, arp(
            1, stage.mac, stage.gateway, "00:00:00:00:00:00", stage.victim))],
        "ARP that lies about the MAC": [ethernet(BROADCAST, stage.mac, ETH_ARP, arp(
            2, OTHER_MAC, stage.gateway, BROADCAST, stage.gateway))],
        "DHCP offer": [ethernet(BROADCAST, stage.mac, ETH_IPV4, udp(
            stage.ip, "255.255.255.255", 67, 68, dhcp_offer(stage)))],
        "DHCP offer to the victim": [to_victim4(stage, udp(stage.ip, stage.victim, 67, 68, dhcp_offer(stage)))],
        "DHCPv6 advertisement": [to_victim6(stage, udp6(own, link_local(stage.victim_mac), 547, 546,
                                                        b"\x02\0\0\1" + stage.mark))],
        "router advertisement": [to_all(stage, icmp6(own, ALL_NODES, 134, advertisement(stage)))],
        "router advertisement to the victim": [to_victim6(stage, icmp6(own, link_local(stage.victim_mac), 134,
                                                                       advertisement(stage)))],
        "router advertisement behind a hop-by-hop header": [to_all(stage, ipv6(own, ALL_NODES, HOP_BY_HOP, struct.pack(
            "!BBBBI", ICMPV6, 0, 1, 4, 0) + icmp6_body(own, ALL_NODES, 134, advertisement(stage))))],
        "router advertisement behind a destination header": [to_all(stage, ipv6(own, ALL_NODES, DESTINATION, struct.pack(
            "!BBBBI", ICMPV6, 0, 1, 4, 0) + icmp6_body(own, ALL_NODES, 134, advertisement(stage))))],
        "router advertisement in fragments": fragments(stage, 134, advertisement(stage)),
        "ND redirect": [redirect6(stage)],
        "ND redirect in the name of fe80::1": [to_victim6(stage, icmp6("fe80::1", stage.victim6, 137, bytes(36)))],
        "ICMP redirect": [redirect4(stage, stage.ip)],
        "ICMP redirect in the gateway's name": [redirect4(stage, stage.gateway)],
        "neighbour advertisement for the gateway": [to_all(stage, icmp6(own, ALL_NODES, 136,
                                                                        neighbour(stage, stage.gateway6)))],
        "neighbour advertisement in fragments": [first_fragment(stage, 136, neighbour(stage, stage.gateway6))],
        "neighbour advertisement for fe80::1": [to_all(stage, icmp6(own, ALL_NODES, 136, neighbour(stage, "fe80::1")))],
        "BPDU": [llc(stage, "01:80:c2:00:00:00", b"\x42\x42\x03" + bytes(35) + stage.mark)],
        "BPDU to the victim": [llc(stage, stage.victim_mac, b"\x42\x42\x03" + bytes(35) + stage.mark)],
        "LLDP": [ethernet("01:80:c2:00:00:0e", stage.mac, 0x88CC, b"\x02\x07\x04" + mac_bytes(stage.mac) + stage.mark)],
        "a flow-control frame": [ethernet("01:80:c2:00:00:01", stage.mac, 0x8808, b"\0\1\xff\xff" + stage.mark)],
        "a VLAN tag": [tagged(stage, 0x8100)],
        "a priority tag": [ethernet(stage.victim_mac, stage.mac, 0x8100, b"\0\0" + struct.pack("!H", ETH_IPV4) +
                                    udp(stage.ip, stage.victim, 4000, 4001, stage.mark))],
        "two VLAN tags": [tagged(stage, 0x8100, 0x8100)],
        "a service tag and a VLAN tag": [tagged(stage, 0x88A8, 0x8100)],
        "an IPv4 source outside": [to_victim4(stage, udp(OUTSIDE4, stage.victim, 53, 4001, stage.mark))],
        "the gateway's IPv4 source": [to_victim4(stage, udp(stage.gateway, stage.victim, 53, 4001, stage.mark))],
        "an IPv6 source outside": [to_victim6(stage, udp6(OUTSIDE6, stage.victim6, 53, 4001, stage.mark))],
        "the gateway's IPv6 source": [to_victim6(stage, udp6(stage.gateway6, stage.victim6, 53, 4001, stage.mark))],
        "another protocol": [ethernet(stage.victim_mac, stage.mac, 0x88B5, stage.mark)],
    }


def legal(stage):
    """name → frame that the victim must get as it was sent."""
    own, other = link_local(stage.mac), link_local(stage.victim_mac)
    solicited = socket.inet_pton(socket.AF_INET6, stage.victim6)
    group = "ff02::1:ff" + stage.victim6.rpartition(":")[2].rjust(4, "0")[-4:]
    group = str(ipaddress.IPv6Address(b"\xff\x02" + bytes(9) + b"\x01\xff" + solicited[13:]))
    group_mac = "33:33:ff:" + solicited[13:].hex(":")
    return {
        "ARP question": arp_request(stage.mac, stage.ip, stage.victim),
        "ARP answer": ethernet(stage.victim_mac, stage.mac, ETH_ARP, arp(
            2, stage.mac, stage.ip, stage.victim_mac, stage.victim)),
        "ARP probe": arp_request(stage.mac, "0.0.0.0", stage.victim),
        "gratuitous ARP for itself": ethernet(BROADCAST, stage.mac, ETH_ARP, arp(
            2, stage.mac, stage.ip, BROADCAST, stage.ip)),
        "IPv4": to_victim4(stage, udp(stage.ip, stage.victim, 4000, 4001, stage.mark + b"4")),
        "IPv4 broadcast": ethernet(BROADCAST, stage.mac, ETH_IPV4, udp(
            stage.ip, "255.255.255.255", 4000, 4001, stage.mark + b"b")),
        "IPv6": to_victim6(stage, udp6(stage.ip6, stage.victim6, 4000, 4001, stage.mark + b"6")),
        "IPv6 of the link": to_victim6(stage, udp6(own, other, 4000, 4001, stage.mark + b"l")),
        "echo request": to_victim6(stage, icmp6(stage.ip6, stage.victim6, 128, b"\0\1\0\1" + stage.mark)),
        "neighbour solicitation": ethernet(group_mac, stage.mac, ETH_IPV6, icmp6(
            stage.ip6, group, 135, bytes(4) + solicited + b"\x01\x01" + mac_bytes(stage.mac))),
        "neighbour solicitation without an address": ethernet(group_mac, stage.mac, ETH_IPV6, icmp6(
            "::", group, 135, bytes(4) + solicited)),
        "neighbour advertisement": to_victim6(stage, icmp6(stage.ip6, stage.victim6, 136, neighbour(stage, stage.ip6))),
    }
