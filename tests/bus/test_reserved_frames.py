# SPDX-License-Identifier: LGPL-2.1-or-later
"""What arrives from a tap itself is never for the host. A bridge does not forward frames to 01:80:c2:00:00:00
to 0F; by default it hands them to the host as if the port had received them, past the port's lock and past
every filter of the bridge. The same holds for a tap that has lost its bridge."""

import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from vnic import LONG, hostile, kernel
from vnic.client import NAME
from vnic.frames import (BROADCAST, ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_P_ALL, bpdu, ethernet, mac_bytes, receive, send,
                         udp)
from vnic.networks import network
from vnic.process import poll

pytestmark = pytest.mark.deadline(120)

GUEST, FORGED, BRIDGE_MAC = "52:54:00:00:aa:01", "52:54:00:00:66:66", "02:00:00:00:00:01"
ETH_LLDP, ETH_EAPOL, ETH_SLOW, ETH_P_802_2 = 0x88CC, 0x888E, 0x8809, 0x0004
HOST4, HOST6, STRANGER4, STRANGER6, PORT = "10.9.9.1", "fd99::1", "10.9.9.66", "fd99::66", 7777
RESERVED = [f"01:80:c2:00:00:{last:02x}" for last in range(16)]
BPDU = bytes.fromhex("424203" "0000000000") + b"\x10\x00" + bytes(30)
QUIET = 0.2
OLDER = "d8290af"  # the last without filters of taps
TABLES = ("bridge", "inet", "arp")
BRIDGED_TAPS, AWAITING_TAPS, UNBRIDGED_TAPS = 0x76000000, 0x74000000, 0x77000000


def setting(path, value):
    pathlib.Path("/proc/sys/net", path).write_text(str(value), encoding="ascii")


def group(name):
    return int(pathlib.Path(f"/sys/class/net/{name}/netdev_group").read_text(encoding="ascii"))


def mask(name):
    return int(pathlib.Path(f"/sys/class/net/{name}/brport/group_fwd_mask").read_text(encoding="ascii"), 16)


def tables():
    """The families of the table that covers all taps."""
    lines = kernel.run("nft", "list", "tables").splitlines()
    return {line.split()[1] for line in lines if line.split()[2] == "vnicd-taps-"}


def is_root(bridge):
    """Whether the bridge is the root of the spanning tree. (The root_id that ip shows is the bridge's own ID,
    whichever bridge is the root.)"""
    root_id, bridge_id = (pathlib.Path(f"/sys/class/net/{bridge}/bridge/{name}").read_text(encoding="ascii")
                          for name in ("root_id", "bridge_id"))
    return root_id == bridge_id


@contextlib.contextmanager
def address_elsewhere():
    """Put the host's addresses on another interface, without reverse path filtering."""
    kernel.make_bridge("mgmt0", address=f"{HOST4}/24")
    kernel.run("ip", "address", "add", f"{HOST6}/64", "dev", "mgmt0", "nodad")
    before = {name: pathlib.Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").read_text(encoding="ascii")
              for name in ("all", "default")}
    for name in (*before, "mgmt0"):
        setting(f"ipv4/conf/{name}/rp_filter", 0)
    try:
        yield
    finally:
        for name, value in before.items():
            setting(f"ipv4/conf/{name}/rp_filter", value)
        kernel.del_link("mgmt0")


class Ears:
    """Everything by which the host, or a neighbour on the link, could receive from a guest."""

    def __init__(self, tap, bridge, stack):
        self.tap, self.bridge = tap, bridge
        self.raw = {}
        for link in (tap.interface, bridge):
            setting(f"ipv4/conf/{link}/rp_filter", 0)
            for protocol in (ETH_LLDP, ETH_EAPOL, ETH_SLOW, ETH_P_802_2):
                self.raw[link, protocol] = stack.enter_context(self.listen(link, protocol))
        self.wire = stack.enter_context(self.listen("wire0", ETH_P_ALL))
        self.udp = {}
        for family, address in ((socket.AF_INET, HOST4), (socket.AF_INET6, HOST6)):
            self.udp[family] = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            self.udp[family].bind((address, PORT))
            self.udp[family].setblocking(False)
        self.fences = 0

    @staticmethod
    def listen(link, protocol):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)  # it receives from no link until it is bound to this one
        made.bind((link, protocol))
        made.setblocking(False)
        return made

    @staticmethod
    def read(listener):
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(listener.recv(2048))
        return heard

    def wait_for_wire(self):
        """An honest frame after the others: all of those have arrived once it is on the link."""
        self.fences += 1
        mark = b"fence-%d-" % self.fences
        frame = ethernet(BROADCAST, GUEST, ETH_IPV4, udp("0.0.0.0", "255.255.255.255", 68, 67, mark))
        heard = []

        def arrived():
            send(self.tap.fds[0], frame)
            time.sleep(0.02)
            heard.extend(self.read(self.wire))
            return any(mark in got for got in heard)

        assert poll(arrived, 8), "an honest frame did not reach the wire"
        return heard

    def heard(self):
        """Sentences about what has been received since the last time."""
        wire = self.wait_for_wire()
        problems = [f"the wire: a frame to {got[:6].hex(':')} of type {got[12:14].hex()}" for got in wire
                    if got[:5] == mac_bytes(RESERVED[0])[:5] and got[6:12] in (mac_bytes(GUEST), mac_bytes(FORGED))]
        for (link, protocol), listener in self.raw.items():
            name = "the tap" if link == self.tap.interface else "the bridge"
            problems += [f"a socket for {protocol:#06x} on {name}: {got[:6].hex(':')} from {got[6:12].hex(':')}"
                         for got in self.read(listener)]
        for listener in self.udp.values():
            problems += [f"a UDP socket of the host: {got.decode()}" for got in self.read(listener)]
        for link in (self.tap.interface, self.bridge, "mgmt0"):
            text = kernel.run("ip", "neigh", "show", "dev", link)
            problems += [f"the neighbour table of {link}: {line}" for line in text.splitlines()
                         if STRANGER4 in line or STRANGER6 in line]
        return problems


def frames_to(destination, source):
    """One frame of each kind that some part of the host listens for."""
    text = f"to {destination} from {source}".encode()
    return [ethernet(destination, source, ETH_IPV4, udp(STRANGER4, HOST4, 4000, PORT, b"IPv4 " + text)),
            ethernet(destination, source, ETH_IPV6, hostile.udp6(STRANGER6, HOST6, 4000, PORT, b"IPv6 " + text)),
            ethernet(destination, source, ETH_ARP,
                     hostile.arp(1, source, STRANGER4, "00:00:00:00:00:00", HOST4)),
            ethernet(destination, source, ETH_LLDP, b"\x02\x07\x04forged"),
            ethernet(destination, source, ETH_EAPOL, b"\x01\x01\x00\x00"),
            ethernet(destination, source, ETH_SLOW, b"\x01\x01" + bytes(108)),
            ethernet(destination, source, len(BPDU), BPDU)]


@contextlib.contextmanager
def wired(bridge):
    """A cable to another machine."""
    kernel.make_veth("up0", "wire0", master=bridge)
    try:
        yield
    finally:
        kernel.del_link("up0")


@contextlib.contextmanager
def scene(root, bridges, where, **options):
    """A tap on a bridge of the host or on a network, a link on the same bridge, and listeners everywhere."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(address_elsewhere())
        if where == "host bridge":
            bridge = bridges("yes0", mac=BRIDGE_MAC)
        else:
            bridge = stack.enter_context(network(root, "yesnet", where, services=False)).name
        tap = stack.enter_context(root.create_tap(bridge, False, guest_mac=GUEST, **options))
        stack.enter_context(wired(bridge))
        ears = Ears(tap, bridge, stack)
        ears.wait_for_wire()
        yield ears


@pytest.fixture(params=["host bridge", "nat", "isolated"])
def where(request):
    return request.param


@pytest.mark.parametrize("stp", [False, True], ids=["", "spanning tree"])
@pytest.mark.parametrize("anti_spoof", [True, False], ids=["anti_spoof", "any MAC"])
def test_reserved_frames_reach_nobody(root, bridges, where, anti_spoof, stp):
    with scene(root, bridges, where, anti_spoof=anti_spoof) as ears:
        if stp:
            kernel.run("ip", "link", "set", ears.bridge, "type", "bridge", "stp_state", "1", "forward_delay", "200")
            ears.wait_for_wire()
        assert ears.tap.get("AntiSpoof") is anti_spoof
        for destination in RESERVED:
            for source in (GUEST, FORGED):
                for frame in frames_to(destination, source):
                    send(ears.tap.fds[0], frame)
        assert ears.heard() == []
        assert is_root(ears.bridge)  # what a guest says about the tree is not believed


@pytest.mark.restarts
def test_reserved_frames_reach_nobody_after_a_firewall_has_flushed_all_tables(world, root, bridges, where):
    """Ports forward them to where the filter should be: it is restored before they could be on the link for
    long."""
    world.restart_service()  # restorations made for another test do not count here
    with scene(root, bridges, where) as ears:
        kernel.run("nft", "flush", "ruleset")
        assert poll(lambda: tables() == set(TABLES), 5)
        assert mask(ears.tap.interface) == 0xFFFD
        ears.read(ears.wire)
        for destination in RESERVED:
            for source in (GUEST, FORGED):
                for frame in frames_to(destination, source):
                    send(ears.tap.fds[0], frame)
        assert ears.heard() == []
        assert root.get("/org/vnicd1", "org.vnicd1.Manager", "Warnings") == []


def test_the_honest_ways_are_open(root, bridges):
    """These lead to the bridge's own MAC, and from guest to guest."""
    with scene(root, bridges, "host bridge") as ears, \
            root.create_tap("yes0", False, guest_mac="52:54:00:00:bb:02") as other:
        for frame in frames_to(BRIDGE_MAC, GUEST)[:2]:
            send(ears.tap.fds[0], frame)
        assert len([what for what in ears.heard() if "UDP" in what]) == 2
        assert poll(lambda: send(ears.tap.fds[0], ethernet("52:54:00:00:bb:02", GUEST, 0x88B5, b"guest to guest"))
                    or receive(other.fds[0], 0.1, 0, want=lambda frame: b"guest to guest" in frame), 5)


def test_a_host_firewall_for_the_bridge_is_not_passed(root, bridges):
    with scene(root, bridges, "host bridge") as ears:
        kernel.run("nft", "add table inet fw; add chain inet fw input { type filter hook input priority 0; }; "
                          "add rule inet fw input iifname yes0 drop")
        try:
            for destination in (BRIDGE_MAC, *RESERVED):
                for source in (GUEST, FORGED):
                    for frame in frames_to(destination, source)[:2]:
                        send(ears.tap.fds[0], frame)
            assert ears.heard() == []
        finally:
            kernel.run("nft", "delete", "table", "inet", "fw")


# A tap that has lost its bridge

def heard_of_lost(ears, destinations):
    fd = ears.tap.fds[0]
    for destination in destinations:
        for frame in frames_to(destination, GUEST)[:3]:
            send(fd, frame)
    time.sleep(QUIET)
    problems = [f"a UDP socket of the host: {got.decode()}" for listener in ears.udp.values()
                for got in ears.read(listener)]
    problems += kernel.run("ip", "neigh", "show", "dev", ears.tap.interface).splitlines()
    if receive(fd, 0.01, 0, want=lambda frame: frame[12:14] == b"\x08\x06"):
        problems.append("an ARP reply to the guest")
    return problems


# The taps of a network are removed with its bridge.
@pytest.mark.parametrize(("where", "how"), [("host bridge", "bridge deleted"), ("host bridge", "taken off"),
                                            ("nat", "taken off"), ("isolated", "taken off")])
def test_a_tap_that_has_lost_its_bridge_does_not_reach_the_host(root, bridges, where, how):
    with scene(root, bridges, where) as ears:
        name = ears.tap.interface
        if how == "taken off":
            kernel.run("ip", "link", "set", name, "nomaster")
        else:
            kernel.del_link("yes0")
        setting(f"ipv4/conf/{name}/rp_filter", 0)
        assert heard_of_lost(ears, (ears.tap.get("HostMac"), BROADCAST, *RESERVED)) == []


def test_nor_is_what_it_sends_forwarded(root, bridges):
    with scene(root, bridges, "host bridge") as ears, kernel.namespace("beyond"):
        kernel.make_veth("lan0", "lan1", namespace="beyond")
        forwarding = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
        before = forwarding.read_text(encoding="ascii")
        try:
            kernel.run("ip", "address", "add", "172.31.0.1/24", "dev", "lan0")
            kernel.run("ip", "neigh", "replace", "172.31.0.2", "lladdr", FORGED, "dev", "lan0")
            setting("ipv4/conf/lan0/rp_filter", 0)
            forwarding.write_text("1", encoding="ascii")
            kernel.run("ip", "link", "set", ears.tap.interface, "nomaster")
            with ears.listen("lan0", ETH_P_ALL) as lan, root.create_tap("-", False) as free:
                def forwarded_from(tap):
                    setting(f"ipv4/conf/{tap.interface}/rp_filter", 0)
                    send(tap.fds[0], ethernet(tap.get("HostMac"), tap.get("GuestMac"), ETH_IPV4,
                                              udp(STRANGER4, "172.31.0.2", 4000, PORT, b"forwarded")))
                    time.sleep(QUIET)
                    return [frame for frame in ears.read(lan) if b"forwarded" in frame]

                assert forwarded_from(free), "what is to be shown is not there without the filter either"
                assert not forwarded_from(ears.tap)
        finally:
            forwarding.write_text(before, encoding="ascii")
            kernel.del_link("lan0")


def test_a_tap_on_no_bridge_reaches_the_host(root):
    """It is created for that (use-bridge), so it is not in the group of those that must not."""
    with address_elsewhere(), root.create_tap("-", False, guest_mac=GUEST) as tap, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST4, PORT))
        server.settimeout(2)
        setting(f"ipv4/conf/{tap.interface}/rp_filter", 0)
        assert group(tap.interface) == UNBRIDGED_TAPS
        send(tap.fds[0], frames_to(tap.get("HostMac"), GUEST)[0])
        assert server.recv(100).startswith(b"IPv4")


def test_a_tap_on_no_bridge_that_is_put_into_a_vrf_still_reaches_the_host(world, root):
    """Not every master is a bridge: vnicd does not care about other kinds."""
    if subprocess.run(["ip", "link", "add", "vrf0", "type", "vrf", "table", "10"], check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("no VRFs")
    try:
        kernel.run("ip", "link", "set", "vrf0", "up")
        with root.create_tap("-", False, guest_mac=GUEST) as tap:
            before = world.service.output()
            kernel.run("ip", "link", "set", tap.interface, "master", "vrf0")
            assert not poll(lambda: group(tap.interface) != UNBRIDGED_TAPS, 0.5)
            assert "up to date" not in world.service.output()[len(before):]
    finally:
        kernel.del_link("vrf0")


# The order of steps at the start and at an upgrade

def as_an_older_version_made_it(name, network_group=0):
    """Before there were filters of taps, taps on bridges of the host had no group, and no port was told to
    forward such frames."""
    kernel.run("ip", "link", "set", name, "group", network_group)
    if pathlib.Path(f"/sys/class/net/{name}/brport").exists():
        kernel.run("ip", "link", "set", name, "type", "bridge_slave", "group_fwd_mask", "0")


@contextlib.contextmanager
def flooding(fd, frames):
    """Send these frames all the time, from a thread."""
    ended = threading.Event()

    def shout():
        while not ended.is_set():
            for frame in frames:
                with contextlib.suppress(OSError):
                    send(fd, frame, timeout=0.1)

    thread = threading.Thread(target=shout, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(5)


def older_program(world):
    """vnicd as it was before there was a filter of taps: built once, from the history."""
    if given := os.environ.get("VNICD_TEST_OLDER_SERVICE"):
        return pathlib.Path(given)
    folder = pathlib.Path(os.environ.get("VNICD_TEST_CACHE") or "/var/cache/vnicd-tests") / f"older-{OLDER}"
    program = folder / "build" / "service" / "vnicd"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(["git", "-c", "safe.directory=*", "-C", world.source, "archive", OLDER],
                                capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
        for command in (["meson", "setup", "build"], ["ninja", "-C", "build", "service/vnicd"]):
            subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return program


@contextlib.contextmanager
def older_service(world, how):
    """Returns a function after which taps and networks are as the older version made them, and the service is
    down."""
    program = world.program
    if how == "really":
        world.stop_service()
        world.program = older_program(world)
        world.start_service()

    def leave(name, on_network):
        world.stop_service()
        world.program = program
        if how == "really":
            assert (group(name), mask(name)) == (on_network, 0)
        else:
            as_an_older_version_made_it(name, on_network)
        for family in tables():
            kernel.run("nft", "delete", "table", family, "vnicd-taps-")
        if on_network and how != "really":
            kernel.run("nft", "delete", "chain", "bridge", "vnicd-yesnet", "input")

    try:
        yield leave
    finally:
        world.program = program


@pytest.mark.restarts
@pytest.mark.deadline(600)
@pytest.mark.parametrize("how", ["by hand", *(["really"] if LONG or "VNICD_TEST_OLDER_SERVICE" in os.environ else [])])
def test_taps_of_an_older_version_are_brought_up_to_date(world, root, bridges, where, how):
    """They are updated while in use, and in an order in which nothing leaks: no LACP or EAPOL frame is on the
    link at any moment."""
    with older_service(world, how) as leave, scene(root, bridges, where) as ears:
        name = ears.tap.interface
        on_network = group(name) if where != "host bridge" else 0
        leave(name, on_network)
        ears.read(ears.wire)
        # A bridge without the spanning tree protocol forwards those to :00 by itself.
        with flooding(ears.tap.fds[0], [frame for destination in RESERVED[1:] for frame in
                                        frames_to(destination, GUEST)[3:]]):
            world.start_service()
            assert poll(lambda: mask(name) == 0xFFFD, 1), hex(mask(name))
            assert tables() == set(TABLES)
            leaked = [got for got in ears.read(ears.wire) if got[:5] == mac_bytes(RESERVED[0])[:5]
                      and got[6:12] == mac_bytes(GUEST)]
            assert leaked == []
        assert group(name) == (on_network or BRIDGED_TAPS)
        if on_network:
            assert "hook input" in kernel.run("nft", "list", "table", "bridge", "vnicd-yesnet")
        ears.heard()  # from before, when the host did receive it
        kernel.run("ip", "neigh", "flush", "dev", name)
        for destination in RESERVED:
            for frame in frames_to(destination, GUEST) + frames_to(destination, FORGED):
                send(ears.tap.fds[0], frame)
        assert ears.heard() == []
        # The exceptions are the MACs that are not its guest's, from which frames were sent here.
        assert [text for text in ears.tap.get("Warnings") if "other MACs" not in text] == []


@pytest.mark.restarts
def test_an_older_tap_without_a_bridge_keeps_its_way_to_the_host(world, root):
    with root.create_tap("-", False, guest_mac=GUEST) as tap:
        world.kill_service()
        as_an_older_version_made_it(tap.interface)
        world.start_service()
        assert poll(lambda: group(tap.interface) == UNBRIDGED_TAPS, 1)


@pytest.mark.restarts
def test_filters_stand_again_before_the_service_takes_its_name(world, root, bridges, where):
    """A firewall was restarted while the service was down, and deleted all tables. The service cannot get its
    name from a bus that does nothing."""
    def of_network():
        return kernel.run("nft", "list", "tables").count(" vnicd-yesnet")

    with scene(root, bridges, where) as ears:
        world.stop_service()
        assert tables() == set(TABLES)  # taps live on, and so do their filters
        before = of_network()
        assert (before > 0) is (where != "host bridge")
        kernel.run("nft", "flush", "ruleset")
        os.kill(world.bus.pid, signal.SIGSTOP)
        try:
            world.start_service(wait=False)
            assert poll(lambda: tables() == set(TABLES) and of_network() == before, 5), kernel.run("nft", "list", "tables")
        finally:
            os.kill(world.bus.pid, signal.SIGCONT)
        world.wait_for_name(NAME, world.service)
        for frame in frames_to(RESERVED[14], FORGED):
            send(ears.tap.fds[0], frame)
        assert ears.heard() == []


@pytest.mark.restarts
def test_without_the_table_the_host_is_not_made_worse_and_it_is_said(world, root, bridges):
    """Without the rule the ports must not forward: guests could send LACP and EAPOL to the LAN."""
    with scene(root, bridges, "host bridge") as ears:
        with kernel.tables_of_somebody_else("vnicd-taps-", TABLES):
            world.restart_service()
            name = ears.tap.interface
            assert poll(lambda: mask(name) == 0, 1)
            with root.create_tap("yes0", False) as late:
                assert mask(late.interface) == 0 and group(late.interface) == BRIDGED_TAPS
            for frame in frames_to(RESERVED[2], GUEST):
                send(ears.tap.fds[0], frame)
            assert [what for what in ears.heard() if "the wire" in what] == []
            assert "vnicctl doctor" in world.service.output()
            said = root.get("/org/vnicd1", "org.vnicd1.Manager", "Warnings")
            assert any("01:80:c2" in text for text in said) and any("lost its bridge" in text for text in said)
            _status, out, _err = world.output_as("alice", [world.tool("vnicctl"), "capabilities"])
            assert "01:80:c2" in out
        # As after a module was loaded: it is tried again on demand.
        world.service.popen.send_signal(1)
        assert poll(lambda: mask(name) == 0xFFFD, 2)
        assert tables() == set(TABLES)
        assert root.get("/org/vnicd1", "org.vnicd1.Manager", "Warnings") == []


SAID = {"bridge": "01:80:c2", "inet": "lost its bridge", "arp": "lost its bridge"}


@pytest.mark.restarts
@pytest.mark.parametrize("family", SAID)
def test_what_a_filter_that_is_missing_would_have_done_is_said_and_nothing_else(world, root, family):
    with kernel.tables_of_somebody_else("vnicd-taps-", (family,)):
        world.restart_service()
        said = root.get("/org/vnicd1", "org.vnicd1.Manager", "Warnings")
        assert len(said) == 1 and SAID[family] in said[0], said
    world.signal_service(signal.SIGHUP)
    assert poll(lambda: root.get("/org/vnicd1", "org.vnicd1.Manager", "Warnings") == [], 2)


def send_bpdus(ears):
    """Send more than the one that would do; later frames on the link have passed the bridge after them."""
    for _ in range(3):
        send(ears.tap.fds[0], bpdu(GUEST))
    ears.wait_for_wire()


def switch_on_the_tree(ears):
    kernel.run("ip", "link", "set", ears.bridge, "type", "bridge", "stp_state", "1", "forward_delay", "200")
    ears.wait_for_wire()


def test_a_bpdu_of_a_guest_is_dropped_before_the_tree_sees_it(root, bridges):
    """This tests the filter alone: even without root block the guest does not become the root of the host's
    spanning tree."""
    with scene(root, bridges, "host bridge", isolated=True) as ears:
        switch_on_the_tree(ears)
        kernel.run("ip", "link", "set", ears.tap.interface, "type", "bridge_slave", "root_block", "off")
        send_bpdus(ears)
        assert is_root(ears.bridge)


@pytest.mark.restarts
def test_a_guest_does_not_become_the_root_where_there_is_no_filter(world, root, bridges):
    """This is a kernel without nftables: the bridge's own protocol gets the frame, and the port has root
    block."""
    with kernel.tables_of_somebody_else("vnicd-taps-", TABLES):
        world.restart_service()
        with scene(root, bridges, "host bridge", isolated=True) as ears:
            assert mask(ears.tap.interface) == 0
            switch_on_the_tree(ears)
            send_bpdus(ears)
            assert is_root(ears.bridge)
    world.service.popen.send_signal(1)
    assert poll(lambda: tables() == set(TABLES), 2)


def test_a_tap_that_is_put_on_another_bridge_is_told_anew(root, bridges):
    """A port's flags are lost when it leaves its bridge."""
    bridges("yes1")
    with scene(root, bridges, "host bridge") as ears:
        kernel.run("ip", "link", "set", ears.tap.interface, "nomaster")
        kernel.run("ip", "link", "set", ears.tap.interface, "master", "yes1")
        assert poll(lambda: mask(ears.tap.interface) == 0xFFFD, 2)


def test_every_tap_is_in_the_group_of_its_kind(root, bridges):
    bridges("yes0", mac=BRIDGE_MAC)
    with network(root, "yesnet", services=False), root.create_tap("yesnet") as on_network, \
            root.create_tap("yesnet", guest_mac=GUEST) as given, root.create_tap("yes0") as on_bridge, \
            root.create_tap("-") as on_none:
        bridge = kernel.link("yesnet")["ifindex"]
        assert [group(tap.interface) for tap in (on_network, given, on_bridge, on_none)] == \
            [AWAITING_TAPS | bridge, BRIDGED_TAPS | bridge, BRIDGED_TAPS, UNBRIDGED_TAPS]
        assert group("yesnet") == struct.unpack("!I", b"vnic")[0]
        assert [mask(tap.interface) for tap in (on_network, on_bridge)] == [0xFFFD, 0xFFFD]
