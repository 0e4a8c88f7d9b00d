# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile frames, written straight into a tap's queue, on each kind of network: none reaches another guest or
the host, and what honest guests send arrives as it was sent."""

import contextlib
import dataclasses
import ipaddress
import os
import pathlib
import socket
import struct
import threading
import time

import pytest
from vnic import hostile, kernel
from vnic.frames import BROADCAST, ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_P_ALL, drain, ethernet, receive, send, tcp, udp
from vnic.machine import Machine
from vnic.networks import network
from vnic.process import poll

pytestmark = pytest.mark.deadline(120)
KINDS = ("nat", "isolated")
ATTACKER_MAC, VICTIM_MAC = "52:54:00:00:aa:01", "52:54:00:00:bb:02"
QUIET = 0.15


def member(subnet, number):
    """An address beside the host's own."""
    return f"{subnet.rpartition('.')[0]}.{number}" if "." in subnet else f"{subnet.rpartition(':')[0]}:{number:x}"


def bare(frame):
    """The frame without padding, which a filter of the host may cut off."""
    return frame.rstrip(b"\0")


class Scene:
    """A network with an attacker and a victim, and a listener at the host's side of the bridge."""

    def __init__(self, net, attacker, victim):
        self.net, self.attacker, self.victim = net, attacker.fds[0], victim.fds[0]
        gateway, gateway6 = net.address(4), net.address(6)
        self.stage = hostile.Stage(
            attacker.get("GuestMac"), member(gateway, 77), member(gateway6, 0x77),
            victim.get("GuestMac"), member(gateway, 88), member(gateway6, 0x88),
            net.get("Mac"), gateway, gateway6)
        self.host = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)  # it receives from no link until it is bound
        self.host.bind((net.name, ETH_P_ALL))
        self.host.setblocking(False)
        self.fences = 0

    def close(self):
        self.host.close()

    def heard_by_host(self):
        """The frames that the bridge has handed to the host since."""
        frames = []
        with contextlib.suppress(BlockingIOError):
            while True:
                frames.append(self.host.recv(70000))
        return frames

    def heard_by_victim(self):
        frames = []
        while got := receive(self.victim, 0.001, 0):
            frames.append(got[1])
        return frames

    def fence(self):
        """An honest frame after the others: once it has arrived, so have all others that pass."""
        self.fences += 1
        mark = b"fence-%d-" % self.fences
        send(self.attacker, ethernet(BROADCAST, self.stage.mac, ETH_IPV4, udp(
            self.stage.ip, "255.255.255.255", 9, 9, mark)))
        frames, end = [], time.monotonic() + 3
        while not any(mark in frame for frame in frames):
            assert time.monotonic() < end, "an honest frame did not arrive"
            if got := receive(self.victim, 0.2, 0):
                frames.append(got[1])
        return frames

    def arrived(self, sent):
        """Which of these frames reached the victim, and which the host."""
        drain([self.victim])
        self.heard_by_host()
        for frame in sent:
            send(self.attacker, frame)
        guest, host = self.fence(), self.heard_by_host()
        return self.among(sent, guest), self.among(sent, host)

    def among(self, sent, heard):
        """Those of the received frames that are among the sent ones, also without their padding or their
        tag."""
        known = {bare(frame) for frame in sent}
        return [frame for frame in heard if bare(frame) in known or self.stage.mark in frame]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(params=[1, 0], ids=["br_netfilter", "bare"])
def bridged(request):
    """Whether IP's own filters see frames that cross a bridge; if so, they hold fragments until they are
    complete."""
    calls = sorted(pathlib.Path("/proc/sys/net/bridge").glob("bridge-nf-call-*"))
    before = [file.read_text(encoding="ascii") for file in calls]
    for file in calls:
        file.write_text(str(request.param), encoding="ascii")
    yield
    for file, text in zip(calls, before, strict=True):
        file.write_text(text, encoding="ascii")


@contextlib.contextmanager
def scene(root, alice, bob, kind, **options):
    with network(root, "yesnet", kind, services=False, **options) as net, \
            alice.create_tap("yesnet", False, guest_mac=ATTACKER_MAC) as attacker, \
            bob.create_tap("yesnet", False, guest_mac=VICTIM_MAC) as victim:
        made = Scene(net, attacker, victim)
        try:
            yield made
        finally:
            made.close()


@pytest.mark.usefixtures("bridged")
def test_no_hostile_frame_reaches_another_guest_or_the_host(root, alice, bob, kind):
    with scene(root, alice, bob, kind) as there:
        frames = hostile.hostile(there.stage)
        assert len(frames) > 30
        reached = {}
        for name, sent in frames.items():
            guest, host = there.arrived(sent)
            if guest or host:
                reached[name] = ("guest" if guest else "") + (" host" if host else "")
        assert reached == {}


@pytest.mark.usefixtures("bridged")
def test_what_honest_guests_send_arrives_as_it_was_sent(root, alice, bob, kind):
    with scene(root, alice, bob, kind) as there:
        missing = [name for name, frame in hostile.legal(there.stage).items() if not there.arrived([frame])[0]]
        assert missing == []


def test_the_matrix_can_fail(alice, bob, bridge):
    """On a bridge of the host nothing inspects what a guest sends: nearly all of it arrives."""
    with alice.create_tap(bridge, False, guest_mac=ATTACKER_MAC) as attacker, \
            bob.create_tap(bridge, False, guest_mac=VICTIM_MAC) as victim:
        stage = hostile.Stage(ATTACKER_MAC, "10.9.8.77", "fd00::77", VICTIM_MAC, "10.9.8.88", "fd00::88",
                              kernel.link(bridge)["address"], "10.9.8.1", "fd00::1")
        arrived = 0
        for sent in hostile.hostile(stage).values():
            drain(victim.fds)
            for frame in sent:
                send(attacker.fds[0], frame)
            arrived += receive(victim.fds[0], QUIET, 0, want=sent[0].__eq__) is not None
        assert arrived > 20


def test_filters_stand_before_the_first_frame(root, alice, bob, kind):
    """A guest that floods from its first instant, again and again, never gets a frame through."""
    with network(root, "yesnet", kind, services=False) as net, \
            bob.create_tap("yesnet", False, guest_mac=VICTIM_MAC) as victim:
        gateway, gateway6 = net.address(4), net.address(6)
        stage = hostile.Stage(ATTACKER_MAC, member(gateway, 77), member(gateway6, 0x77), VICTIM_MAC,
                              member(gateway, 88), member(gateway6, 0x88), net.get("Mac"), gateway, gateway6)
        flood = [frame for sent in hostile.hostile(stage).values() for frame in sent]
        drain(victim.fds)
        for _ in range(20):
            with alice.create_tap("yesnet", False, guest_mac=ATTACKER_MAC) as attacker:
                for frame in flood:
                    os.write(attacker.fds[0], frame)
            kernel.wait_gone(attacker.interface)
        time.sleep(QUIET)
        heard = []
        while got := receive(victim.fds[0], 0.001, 0):
            heard.append(got[1])
        known = {bare(frame) for frame in flood}
        assert [frame for frame in heard if bare(frame) in known or stage.mark in frame] == []


def test_a_flood_while_the_network_changes_is_heard_not_once(root, alice, bob):
    """Other taps come and go, and each change of a filter is one transaction."""
    with scene(root, alice, bob, "nat") as there:
        flood = hostile.hostile(there.stage)["router advertisement"]
        ended = threading.Event()

        def shout():
            while not ended.is_set():
                with contextlib.suppress(BlockingIOError):
                    os.write(there.attacker, flood[0])

        drain([there.victim])
        there.heard_by_host()
        shouting = threading.Thread(target=shout, daemon=True)
        shouting.start()
        try:
            for number in range(10):
                with alice.create_tap("yesnet", False), network(root, f"yesother{number}", services=False):
                    pass
        finally:
            ended.set()
            shouting.join(5)
        time.sleep(QUIET)
        assert flood[0] not in there.heard_by_victim()
        assert flood[0] not in there.heard_by_host()


# Threat 49: forged answers to a socket of the host

@pytest.mark.parametrize("family", [4, 6])
def test_no_forged_answer_reaches_a_socket_of_the_host(root, alice, bob, kind, family):
    with scene(root, alice, bob, kind) as there, \
            socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM) as asking:
        stage = there.stage
        asking.bind(("::" if family == 6 else "0.0.0.0", 0))
        asking.settimeout(QUIET)
        port = asking.getsockname()[1]
        host = stage.gateway6 if family == 6 else stage.gateway
        sources = (hostile.OUTSIDE6, "::1", "fd00:1::1", host) if family == 6 else \
            (hostile.OUTSIDE4, "127.0.0.1", "192.168.250.1", "0.0.0.0", host)
        own = stage.ip6 if family == 6 else stage.ip
        for source in (*sources, own):
            for answering in (53, 4000):
                packet = hostile.udp6(source, host, answering, port, b"forged") if family == 6 else \
                    udp(source, host, answering, port, b"forged")
                send(there.attacker, ethernet(stage.gateway_mac, stage.mac, ETH_IPV6 if family == 6 else ETH_IPV4,
                                              packet))
        with pytest.raises(TimeoutError):
            asking.recv(100)


def test_services_of_the_host_are_closed(root, alice, bob, kind):
    """Except for DHCP, DNS and ICMP: an open port of the host answers nothing."""
    with network(root, "yesnet", kind, services=False) as net, alice.create_tap("yesnet", False) as tap, \
            Machine(tap, "guest") as guest, socket.create_server(("0.0.0.0", 8080)) as server:
        guest.ip("address", "add", member(net.address(4), 9) + "/24", "dev", "eth0")
        assert guest.pings(net.address(4))
        assert not guest.connects(net.address(4), 8080, 1)
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


ELSEWHERE4, ELSEWHERE6 = "192.0.2.129", "2001:db8:77::1"  # the host's, but not the network's
SERVERS6 = "ff02::1:2"  # all of DHCPv6


@contextlib.contextmanager
def addresses_elsewhere():
    addresses = f"{ELSEWHERE4}/32", f"{ELSEWHERE6}/128"
    for address in addresses:
        kernel.run("ip", "address", "add", address, "dev", "lo")
    try:
        yield
    finally:
        for address in addresses:
            kernel.run("ip", "address", "del", address, "dev", "lo")


class Listeners:
    """Everything that could answer on the host: a socket on all of its addresses for each port."""

    def __init__(self, stack, net, udp_ports, tcp_ports):
        self.sockets = [stack.enter_context(self._socket(net, family, kind, port))
                        for kind, ports in ((socket.SOCK_DGRAM, udp_ports), (socket.SOCK_STREAM, tcp_ports))
                        for family in (socket.AF_INET, socket.AF_INET6) for port in ports]

    @staticmethod
    def _socket(net, family, kind, port):
        made = socket.socket(family, kind)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
        made.setblocking(False)
        if kind == socket.SOCK_STREAM:
            made.listen()
        elif family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, SERVERS6) +
                            struct.pack("@I", socket.if_nametoindex(net.name)))
        return made

    def heard(self):
        """The source ports of the datagrams that have arrived since."""
        ports = set()
        for each in self.sockets:
            with contextlib.suppress(OSError):
                while each.type == socket.SOCK_DGRAM:
                    ports.add(each.recvfrom(100)[1][1])
        return ports


def question(stage, protocol, address, port, source_port):
    """A frame from the attacker to a port of the host: a datagram, or the first packet of a connection."""
    mac = {"255.255.255.255": BROADCAST, SERVERS6: "33:33:00:01:00:02"}.get(address, stage.gateway_mac)
    if ":" not in address:
        packet = udp(stage.ip, address, source_port, port, b"") if protocol == "udp" else \
            tcp(stage.ip, address, source_port, port, b"", flags=2)
        return ethernet(mac, stage.mac, ETH_IPV4, packet)
    own = hostile.link_local(stage.mac) if address in ("fe80::1", SERVERS6) else stage.ip6
    packet = hostile.udp6(own, address, source_port, port, b"") if protocol == "udp" else \
        hostile.syn6(own, address, source_port, port)
    return ethernet(mac, stage.mac, ETH_IPV6, packet)


def answered(fd):
    """The destination ports of the connections that the host accepts in the received frames."""
    ports = set()
    while got := receive(fd, 0.001, 0):
        frame = got[1]
        protocol, at = (frame[23], 34) if frame[12:14] == b"\x08\x00" else (frame[20], 54)
        if frame[12:14] in (b"\x08\x00", b"\x86\xdd") and protocol == 6 and frame[at + 13] & 0x12 == 0x12:
            ports.add(int.from_bytes(frame[at + 2:at + 4], "big"))
    return ports


def test_of_the_host_dhcp_and_dns_are_open_and_on_the_addresses_of_the_network_only(root, alice, bob, kind):
    """Whatever else listens there, on any of its addresses, is not for guests."""
    with scene(root, alice, bob, kind) as there, addresses_elsewhere(), contextlib.ExitStack() as stack:
        stage, asked, heard = there.stage, {}, set()
        own, own6 = stage.gateway, stage.gateway6
        directed = str(ipaddress.ip_interface(f"{own}/24").network.broadcast_address)
        listeners = Listeners(stack, there.net, (53, 67, 547, 4000), (53, 4000))
        for address in (stage.ip, stage.ip6, hostile.link_local(stage.mac)):
            kernel.run("ip", "neigh", "replace", address, "lladdr", stage.mac, "dev", "yesnet")
        for address in (own, "255.255.255.255", directed, ELSEWHERE4, own6, "fe80::1", SERVERS6, ELSEWHERE6):
            for protocol, port in (("udp", 53), ("udp", 547 if ":" in address else 67), ("udp", 4000), ("tcp", 53),
                                   ("tcp", 4000)):
                source_port = 20000 + len(asked)
                asked[source_port] = protocol, address, port
                send(there.attacker, question(stage, protocol, address, port, source_port))
        wanted = {("udp", own, 53), ("tcp", own, 53), ("udp", own, 67), ("udp", "255.255.255.255", 67),
                  ("udp", own6, 53), ("tcp", own6, 53), ("udp", own6, 547), ("udp", SERVERS6, 547),
                  ("udp", "fe80::1", 53), ("tcp", "fe80::1", 53), ("udp", "fe80::1", 547)}

        def listen():
            heard.update(asked[port] for port in listeners.heard() | answered(there.attacker))
            return wanted <= heard

        poll(listen, 3)
        time.sleep(QUIET)
        listen()
        assert heard == wanted


# Guests that are isolated from each other

def test_isolated_guests_do_not_hear_each_other(root, alice, bob, kind):
    with scene(root, alice, bob, kind, guests_isolated=True) as there:
        drain([there.victim])
        there.heard_by_host()
        sent = list(hostile.legal(there.stage).values())
        for frame in sent:
            send(there.attacker, frame)
        time.sleep(QUIET)
        assert there.among(sent, there.heard_by_victim()) == []
        # The host receives broadcasts.
        assert there.among([hostile.legal(there.stage)["IPv4 broadcast"]], there.heard_by_host())


@contextlib.contextmanager
def forwarding_host():
    """A host that forwards IP whatever vnicd does, as one with Docker or libvirt does."""
    files = [pathlib.Path("/proc/sys/net", file) for file in ("ipv4/ip_forward", "ipv6/conf/all/forwarding")]
    before = [file.read_text(encoding="ascii") for file in files]
    try:
        for file in files:
            file.write_text("1", encoding="ascii")
        yield
    finally:
        for file, text in zip(files, before, strict=True):
            file.write_text(text, encoding="ascii")


def went_around(stage, attacker, victim, bridge, macs):
    """Through which MACs of the host, and with which protocol, a packet for the victim reached it."""
    # The victim is an honest stack that has answered the host.
    for address in (stage.victim, stage.victim6):
        kernel.run("ip", "neigh", "replace", address, "lladdr", stage.victim_mac, "dev", bridge)
    drain([victim])
    for name, mac in macs.items():
        mark = b"around " + name.encode()
        send(attacker, ethernet(mac, stage.mac, ETH_IPV4, udp(stage.ip, stage.victim, 4000, 4001, mark + b" by IPv4")))
        send(attacker, ethernet(mac, stage.mac, ETH_IPV6,
                                hostile.udp6(stage.ip6, stage.victim6, 4000, 4001, mark + b" by IPv6")))
    came = set()
    while got := receive(victim, QUIET, 0, want=lambda frame: b"around" in frame):
        came.add(got[1][got[1].index(b"around") + len(b"around "):].rstrip(b"\0").decode())
    return came


@pytest.mark.usefixtures("bridged")
def test_nor_does_the_host_send_it_back(root, alice, bob, kind):
    """A host that forwards would send it back, since its own MACs lead to it: the bridge's, and that of each
    tap's link."""
    with forwarding_host(), network(root, "yesnet", kind, services=False, guests_isolated=True) as net, \
            alice.create_tap("yesnet", False, guest_mac=ATTACKER_MAC) as attacker, \
            bob.create_tap("yesnet", False, guest_mac=VICTIM_MAC) as victim:
        there = Scene(net, attacker, victim)
        try:
            macs = {"the bridge": net.get("Mac"), "its own tap": attacker.get("HostMac"),
                    "the neighbour's tap": victim.get("HostMac")}
            assert went_around(there.stage, there.attacker, there.victim, "yesnet", macs) == set()
        finally:
            there.close()


def test_on_a_bridge_of_the_host_routing_is_the_hosts_own(alice, bob, bridge):
    """Isolated ports are separated: no frame passes from one to the other. What the host routes is for its
    administrator to filter, through whichever of its MACs it came."""
    kernel.run("ip", "address", "add", "10.9.8.1/24", "dev", bridge)
    kernel.run("ip", "address", "add", "fd98::1/64", "dev", bridge, "nodad")
    with forwarding_host(), alice.create_tap(bridge, False, guest_mac=ATTACKER_MAC, isolated=True) as attacker, \
            bob.create_tap(bridge, False, guest_mac=VICTIM_MAC, isolated=True) as victim:
        stage = hostile.Stage(ATTACKER_MAC, "10.9.8.77", "fd98::77", VICTIM_MAC, "10.9.8.88", "fd98::88",
                              kernel.link(bridge)["address"], "10.9.8.1", "fd98::1")
        assert poll(lambda: went_around(stage, attacker.fds[0], victim.fds[0], bridge, {
            "the bridge": stage.gateway_mac, "its own tap": attacker.get("HostMac")}) == {
                "the bridge by IPv4", "the bridge by IPv6", "its own tap by IPv4", "its own tap by IPv6"}, 5)


# Addresses that another guest uses

def claims(stage, mac, address, address6):
    """name → a frame by which the guest of that MAC claims these addresses."""
    own, nobody = hostile.link_local(mac), "00:00:00:00:00:00"
    target = hostile.neighbour(dataclasses.replace(stage, mac=mac), address6)
    asked = bytes(4) + socket.inet_pton(socket.AF_INET6, stage.victim6)
    options = bytes([hostile.ICMPV6, 0, 1, 4, 0, 0, 0, 0])
    arp = {"ARP request": hostile.arp(1, mac, address, nobody, stage.victim),
           "ARP reply": hostile.arp(2, mac, address, BROADCAST, stage.victim),
           "gratuitous ARP": hostile.arp(1, mac, address, nobody, address)}
    ip6 = {"IPv6": hostile.udp6(address6, stage.victim6, 4000, 4001, stage.mark),
           "solicitation": hostile.icmp6(address6, hostile.ALL_NODES, 135, asked),
           "advertisement": hostile.icmp6(own, hostile.ALL_NODES, 136, target),
           "advertisement behind options": hostile.ipv6(own, hostile.ALL_NODES, hostile.HOP_BY_HOP, options +
                                                        hostile.icmp6_body(own, hostile.ALL_NODES, 136, target))}
    return {**{name: ethernet(BROADCAST, mac, ETH_ARP, packet) for name, packet in arp.items()},
            "IPv4": ethernet(BROADCAST, mac, ETH_IPV4, udp(address, stage.victim, 4000, 4001, stage.mark)),
            **{name: ethernet(BROADCAST, mac, ETH_IPV6, packet) for name, packet in ip6.items()}}


def reached(there, fd, frames):
    """The names of those that reach the victim or the host when this guest sends them."""
    names = set()
    for name, frame in frames.items():
        drain([there.victim])
        there.heard_by_host()
        send(fd, frame)
        guest = receive(there.victim, QUIET, 0, want=lambda got, sent=frame: bare(got) == bare(sent))
        if guest or bare(frame) in map(bare, there.heard_by_host()):
            names.add(name)
    return names


@contextlib.contextmanager
def third_guest(alice, there, mac="52:54:00:00:cc:03"):
    """Another guest on the network of the scene, once its port forwards."""
    with alice.create_tap("yesnet", False, guest_mac=mac) as tap:
        there.heard_by_host()
        probe = ethernet(BROADCAST, mac, ETH_ARP, hostile.arp(1, mac, "0.0.0.0", mac, there.stage.ip))
        assert poll(lambda: reached(there, tap.fds[0], {"": probe}), 5)
        yield tap.fds[0], mac


def test_nobody_takes_a_guarded_address(root, alice, bob, kind):
    with scene(root, alice, bob, kind, guard_addresses=True) as there, third_guest(alice, there) as (thief, mac):
        stage = there.stage
        assert there.net.get("GuardAddresses") is True
        own = claims(stage, stage.mac, stage.ip, stage.ip6)
        assert reached(there, there.attacker, own) == set(own)
        assert reached(there, thief, claims(stage, mac, stage.ip, stage.ip6)) == set()
        # The holder of the address keeps it, and everything else that the other guest sends passes.
        assert reached(there, there.attacker, own) == set(own)
        free = claims(stage, mac, member(stage.gateway, 99), member(stage.gateway6, 0x99))
        assert reached(there, thief, free) == set(free)


def test_a_claim_by_any_one_way_is_enough(root, alice, bob):
    """Whatever kind of frame claims an address first, the address is its sender's in all other kinds."""
    with scene(root, alice, bob, "nat", guard_addresses=True) as there, third_guest(alice, there) as (thief, mac):
        for number, way in enumerate(claims(there.stage, mac, "0.0.0.0", "::1"), 100):
            place = member(there.stage.gateway, number), member(there.stage.gateway6, number)
            own = claims(there.stage, there.stage.mac, *place)[way]
            assert reached(there, there.attacker, {way: own}) == {way}
            same = {name: frame for name, frame in claims(there.stage, mac, *place).items()
                    if (frame[12:14] == b"\x86\xdd") == (own[12:14] == b"\x86\xdd")}
            assert reached(there, thief, same) == set(), way


def test_addresses_that_ipv6_makes_itself_pass_the_guard(root, alice, bob):
    """Duplicate detection has no source address; then come the link-local and privacy addresses."""
    with scene(root, alice, bob, "nat", guard_addresses=True) as there, third_guest(alice, there) as (guest, mac):
        stage = there.stage
        prefix = stage.gateway6.rpartition(":")[0].rstrip(":")
        frames = {}
        for address in (hostile.link_local(mac), f"{prefix}:5054:ff:fe00:cc03", f"{prefix}:a1b2:c3d4:e5f6:1",
                        f"{prefix}:77ab:12cd:9e01:2"):
            packed = socket.inet_pton(socket.AF_INET6, address)
            check = hostile.icmp6("::", hostile.ALL_NODES, 135, bytes(4) + packed)
            frames[f"check for {address}"] = ethernet(BROADCAST, mac, ETH_IPV6, check)
            for name, frame in claims(stage, mac, stage.victim, address).items():
                if frame[12:14] == b"\x86\xdd":
                    frames[f"{name} of {address}"] = frame
        assert reached(there, guest, frames) == set(frames)
        # The guest that has an address receives another's duplicate detection: otherwise it could not object.
        assert reached(there, there.attacker, {name: ethernet(BROADCAST, stage.mac, ETH_IPV6, frame[14:])
                                               for name, frame in frames.items() if name.startswith("check")})


def test_a_guest_that_claims_hundreds_is_stopped_and_others_are_not(root, alice, bob):
    with scene(root, alice, bob, "nat", guard_addresses=True) as there, third_guest(alice, there) as (greedy, mac):
        stage, base = there.stage, member(there.stage.gateway6, 0x1000)[:-4]
        there.heard_by_host()
        for number in range(600):
            packet = hostile.udp6(f"{base}{number + 0x1000:x}", stage.victim6, 4000, 4001, stage.mark)
            send(greedy, ethernet(BROADCAST, mac, ETH_IPV6, packet))
        time.sleep(QUIET)
        assert 10 <= sum(stage.mark in frame for frame in there.heard_by_host()) <= 25
        own = claims(stage, stage.mac, member(stage.gateway, 99), f"{base}{0x1234:x}")
        assert reached(there, there.attacker, own) == set(own)
        assert reached(there, greedy, claims(stage, mac, member(stage.gateway, 98), f"{base}{0x1235:x}")) == set()


def test_without_the_guard_a_guest_may_take_anothers_address(root, alice, bob):
    with scene(root, alice, bob, "nat") as there, third_guest(alice, there) as (thief, mac):
        assert there.net.get("GuardAddresses") is False
        own = claims(there.stage, there.stage.mac, there.stage.ip, there.stage.ip6)
        taken = claims(there.stage, mac, there.stage.ip, there.stage.ip6)
        assert reached(there, there.attacker, own) == set(own)
        assert reached(there, thief, taken) == set(taken)
