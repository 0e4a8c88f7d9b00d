# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host with more than one uplink that forwards nothing by itself: guests reach what it reaches, unrelated
machines on its links do not get through it, and other programs' changes are followed or reported by a
warning."""

import contextlib
import ipaddress
import pathlib
import shutil
import socket

import pytest
from vnic import kernel
from vnic.machine import Machine
from vnic.networks import Internet, Network, forwarding, internet, network
from vnic.process import poll, stopped

pytestmark = [pytest.mark.deadline(300), pytest.mark.once]

SECOND_ROUTER, SECOND_SERVER, SECOND_PRIVATE = "203.0.114.1", "198.51.101.7", "192.168.88.5"
VPN_SERVER = "10.99.0.7"

# A look at the host's routes that had to wait for the kernel is followed by a rest, of a minute at most.
PATIENCE = 70


@pytest.fixture
def outside():
    """The Internet behind the first card."""
    with internet() as made:
        yield made


@contextlib.contextmanager
def wire(name, namespace, address, peer):
    """A card of the host, and on its link a machine that would use the host as its router for everything."""
    with kernel.namespace(namespace):
        kernel.make_veth(name, "wire", namespace=namespace)
        try:
            kernel.run("ip", "address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
            kernel.run("ip", "-n", namespace, "address", "add", peer, "dev", "wire")
            kernel.run("ip", "-n", namespace, "route", "add", "default", "via", address.partition("/")[0])
            yield lambda *words: kernel.run("ip", "-n", namespace, *words)
        finally:
            kernel.del_link(name)


@pytest.fixture
def second():
    """A second card, with a router behind it."""
    with wire("uplink1", "second", "203.0.114.2/24", f"{SECOND_ROUTER}/24") as ip:
        for address in (SECOND_SERVER, SECOND_PRIVATE):
            ip("address", "add", f"{address}/32", "dev", "lo")
        kernel.run("ip", "route", "add", "198.51.101.0/24", "via", SECOND_ROUTER, "dev", "uplink1")
        kernel.run("ip", "route", "add", "192.168.88.0/24", "via", SECOND_ROUTER, "dev", "uplink1")
        yield ip


@contextlib.contextmanager
def vpn():
    """A split tunnel: it has no neighbours, no gateway, and routes for all private addresses."""
    with kernel.namespace("office"):
        kernel.make_veth("vpn0", "wire", namespace="office")
        try:
            kernel.run("ip", "-n", "office", "link", "set", "wire", "address", kernel.link("vpn0")["address"], "arp", "off")
            kernel.run("ip", "link", "set", "vpn0", "arp", "off")
            kernel.run("ip", "address", "add", "10.99.0.2/32", "dev", "vpn0")
            kernel.run("ip", "-n", "office", "address", "add", f"{VPN_SERVER}/32", "dev", "lo")
            kernel.run("ip", "-n", "office", "route", "add", "10.99.0.2/32", "dev", "wire")
            for route in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"):
                kernel.run("ip", "route", "add", route, "dev", "vpn0")
            yield
        finally:
            kernel.del_link("vpn0")


@contextlib.contextmanager
def guest(client, net):
    """A guest with a fixed address, so that no service is needed."""
    subnet = ipaddress.ip_interface(next(text for text in net.get("Addresses") if ":" not in text))
    with client.create_tap(net.name, False) as tap, Machine(tap, "web") as web:
        web.ip("address", "add", f"{subnet.network.network_address + 9}/{subnet.network.prefixlen}", "dev", "eth0")
        web.ip("route", "add", "default", "via", str(subnet.ip))
        yield web


def pings_from(namespace, address):
    return "1 packets received" in kernel.run("ip", "netns", "exec", namespace, shutil.which("busybox"), "ping",
                                              "-c", "1", "-W", "1", address, check=False)


def setting(device, name, value=None, family=4):
    path = pathlib.Path(f"/proc/sys/net/ipv{family}/conf/{device}/{name}")
    if value is not None:
        path.write_text(str(value), encoding="ascii")
    return int(path.read_text(encoding="ascii"))


def passes_on_ipv6(device):
    """Before Linux 6.17 there is one switch for all devices."""
    single = pathlib.Path(f"/proc/sys/net/ipv6/conf/{device}/force_forwarding").exists()
    return setting(device, "force_forwarding", family=6) if single else setting("all", "forwarding", family=6)


def let_pass_ipv6(device):
    """An administrator would do this: before Linux 6.17 vnicd's setting covers all devices that do not have
    their own."""
    setting(device, "forwarding", 1, family=6)
    if pathlib.Path(f"/proc/sys/net/ipv6/conf/{device}/force_forwarding").exists():
        setting(device, "force_forwarding", 1, family=6)


def forwarding_devices():
    return [name for name in sorted(kernel.links()) if setting(name, "forwarding")]


def test_guests_reach_what_is_behind_a_second_card(root, alice, outside, second):
    with network(root, "yesnet", services=False) as net, guest(alice, net) as web:
        assert web.pings(outside.SERVER4)
        assert web.pings(SECOND_SERVER)
        # Without ReachLan guests reach neither private addresses nor neighbours.
        assert not web.pings(SECOND_PRIVATE, 1) and not web.pings(SECOND_ROUTER, 1)
    with network(root, "yeslan", services=False, reach_lan=True) as net, guest(alice, net) as web:
        for address in (SECOND_SERVER, SECOND_PRIVATE, SECOND_ROUTER, outside.SERVER4):
            assert web.pings(address), address
    assert poll(lambda: forwarding_devices() == [], PATIENCE), forwarding_devices()


def test_guests_reach_what_is_behind_a_vpn_if_they_may(root, alice, outside):
    with network(root, "yesnet", services=False, reach_lan=True) as net, guest(alice, net) as web:
        with vpn():
            assert poll(lambda: web.pings(VPN_SERVER, 1), 15)
            assert web.pings(outside.SERVER4)
            # A network comes up beside it, both by default and at an address that was given.
            for options in ({}, {"addresses": ["10.71.3.1/24"]}):
                with network(root, "yesmore", services=False, **options) as more:
                    assert more.get("Addresses")
        assert poll(lambda: "vpn0" not in kernel.links(), PATIENCE)


def test_without_any_default_route_guests_reach_the_rest(root, alice, second):
    with network(root, "yesnet", services=False) as net, guest(alice, net) as web:
        assert web.pings(SECOND_SERVER)


def test_a_stranger_on_one_wire_reaches_nothing_beyond_another(world, root, alice, outside, second):
    """The routes exist in both directions, and the filter closes them: the control removes it."""
    outside.ip("route", "add", "203.0.114.0/24", "via", Internet.HOST4)
    with network(root, "yesnet", services=False, reach_lan=True) as net, guest(alice, net) as web:
        assert web.pings(SECOND_SERVER) and web.pings(outside.SERVER4)
        assert forwarding_devices() == ["uplink0", "uplink1", "yesnet"]
        assert not pings_from("second", outside.SERVER4)
        assert not outside.pings(SECOND_ROUTER)
        # Nor does it get back to its own link, nor to the guest.
        kernel.run("ip", "route", "add", "198.51.102.0/24", "via", SECOND_ROUTER)
        second("address", "add", "198.51.102.1/32", "dev", "lo")
        assert not pings_from("second", web.addresses(4)[0])
        with stopped(world.pid):  # the service would restore them
            kernel.run("nft", "flush", "chain", "inet", "vnicd-uplinks-", "forward")
            assert pings_from("second", outside.SERVER4)


def test_nothing_forwards_where_the_filter_against_strangers_cannot_be_made(root, outside):
    with kernel.tables_of_somebody_else("vnicd-uplinks-", ["inet"]):
        with network(root, "yesnet", services=False):
            assert forwarding_devices() == []
    assert poll(lambda: forwarding_devices() == [], PATIENCE), forwarding_devices()


def test_what_could_not_be_made_is_warned_of_and_made_as_soon_as_it_can_be(root, outside):
    """The pauses are 1, 2, 4 seconds and so on; no event reports that the obstacle is gone."""
    with contextlib.ExitStack() as stack:
        with kernel.tables_of_somebody_else("vnicd-uplinks-", ["inet"]):
            net = stack.enter_context(network(root, "yesnet", services=False))
            assert poll(lambda: warnings(net, "Forwarding cannot be set up"), PATIENCE)
        assert poll(lambda: "yesnet" in forwarding_devices(), PATIENCE), forwarding_devices()
        assert poll(lambda: not warnings(net, "Forwarding"), PATIENCE)


def far(number, family):
    """The addresses of the host and of a machine on its bridge, and the length of their prefix."""
    return (f"2001:db8:{number + 1}::1", f"2001:db8:{number + 1}::2", 64) if family == 6 else \
        (f"198.18.{number}.1", f"198.18.{number}.2", 24)


@pytest.mark.parametrize("family", [4, 6])
def test_a_stranger_on_a_bridge_reaches_nothing_beyond_another(world, root, outside, family):
    """Both uplinks are bridges, on which frames that only cross one bridge have to pass."""
    nodad = ["nodad"] if family == 6 else []
    with contextlib.ExitStack() as stack:
        for number, name in enumerate(("lan0", "lan1")):
            host, machine, prefix = far(number, family)
            stack.enter_context(kernel.namespace(f"far{number}"))
            stack.enter_context(kernel.bridge(name))
            kernel.make_veth(f"port{number}", "wire", master=name, namespace=f"far{number}")
            stack.callback(kernel.del_link, f"port{number}")
            kernel.run("ip", "address", "add", f"{host}/{prefix}", "dev", name, *nodad)
            kernel.run("ip", "-n", f"far{number}", "address", "add", f"{machine}/{prefix}", "dev", "wire", *nodad)
            kernel.run("ip", "-n", f"far{number}", f"-{family}", "route", "add", "default", "via", host)
            assert poll(lambda n=number: pings_from(f"far{n}", far(n, family)[0]), PATIENCE)
        with network(root, "yesnet", services=False, reach_lan=True), forwarding("yesnet"):
            assert passes_on_ipv6("lan0") if family == 6 else setting("lan0", "forwarding")
            assert poll(lambda: "lan1" in kernel.run("nft", "list", "table", "inet", "vnicd-uplinks-"), PATIENCE)
            assert not pings_from("far0", far(1, family)[1])
            with stopped(world.pid):  # the service would restore them
                kernel.run("nft", "flush", "chain", "inet", "vnicd-uplinks-", "forward")
                assert pings_from("far0", far(1, family)[1])


@contextlib.contextmanager
def hears(namespace, address, port):
    """Returns a function that tells whether a datagram has arrived there."""
    with kernel.inside(namespace):
        listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with listener:
        listener.bind((address, port))
        listener.settimeout(0.5)

        def heard():
            try:
                return bool(listener.recv(100))
            except TimeoutError:
                return False

        yield heard


@pytest.mark.parametrize("bridged", [False, True], ids=["on a wire", "on a bridge"])
def test_a_stranger_where_the_host_has_no_address_of_its_own_is_not_led_out_by_ipv6(world, root, outside, bridged):
    """With one switch for all devices, those that lead nowhere would forward packets as well. The reply would
    find no way back, so outgoing packets are observed where they arrive."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(kernel.namespace("far"))
        if bridged:
            stack.enter_context(kernel.bridge("lan0"))
        kernel.make_veth("port0", "wire", master="lan0" if bridged else None, namespace="far")
        stack.callback(kernel.del_link, "port0")
        device = "lan0" if bridged else "port0"
        own = poll(lambda: [text for text in kernel.addresses(device) if text.startswith("fe80")], 5)[0]
        kernel.run("ip", "-n", "far", "address", "add", "2001:db8:9::2/64", "dev", "wire", "nodad")
        kernel.run("ip", "-n", "far", "-6", "route", "add", "default", "via", own.partition("/")[0], "dev", "wire")
        heard = stack.enter_context(hears(outside.NAMESPACE, outside.SERVER6, 4242))

        def goes_out():
            with kernel.inside("far"), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"out", (outside.SERVER6, 4242))
            return heard()

        with network(root, "yesnet", services=False), forwarding("yesnet"):
            let_pass_ipv6(device)
            assert not poll(goes_out, 3)  # the first ones may wait for neighbour resolution
            with stopped(world.pid):  # the service would restore them
                kernel.run("nft", "flush", "chain", "inet", "vnicd-uplinks-", "forward")
                assert poll(goes_out, 10)


def test_a_port_that_an_administrator_has_published_stays_open(root, outside):
    """An example is a container: packets that arrive from an uplink are forwarded to it, though it is not a
    guest."""
    with wire("ctr0", "container", "172.20.0.1/24", "172.20.0.2/24"):
        kernel.run("nft", "add table ip others; add chain ip others published "
                   "{ type nat hook prerouting priority dstnat; }; "
                   f"add rule ip others published ip daddr {outside.HOST4} tcp dport 8080 dnat to 172.20.0.2:80")
        try:
            with kernel.inside("container"):
                server = socket.create_server(("172.20.0.2", 80))
            with server, network(root, "yesnet", services=False):
                setting("ctr0", "forwarding", 1)
                assert "uplink0" in forwarding_devices()
                with kernel.inside(outside.NAMESPACE), socket.socket() as client:
                    client.settimeout(5)
                    assert client.connect_ex((outside.HOST4, 8080)) == 0
        finally:
            kernel.run("nft", "delete table ip others")


@pytest.mark.restarts
def test_after_a_crash_all_is_taken_back_though_the_network_is_gone(world, root, outside, second):
    Network(root, "yesnet", reach_lan=True)
    assert forwarding_devices() == ["uplink0", "uplink1", "yesnet"]
    world.kill_service()
    kernel.del_link("yesnet")
    world.start_service()
    assert poll(lambda: forwarding_devices() == [], PATIENCE), forwarding_devices()
    assert poll(lambda: "vnicd-" not in kernel.run("nft", "list", "tables").replace("vnicd-taps-", ""), PATIENCE)


# Changes by other programs

def warnings(net, words):
    return [sentence for sentence in net.get("Warnings") if words in sentence]


@pytest.mark.parametrize("family", [4, 6])
def test_an_address_that_the_bridge_has_lost_is_warned_of_until_it_is_back(root, outside, family):
    with network(root, "yesnet", services=False) as net:
        address = next(text for text in net.get("Addresses") if (":" in text) == (family == 6))
        assert warnings(net, address) == []
        kernel.run("ip", "address", "del", address, "dev", "yesnet")
        assert poll(lambda: warnings(net, address), PATIENCE)
        kernel.run("ip", "address", "add", address, "dev", "yesnet", *(["nodad"] if family == 6 else []))
        assert poll(lambda: not warnings(net, address), PATIENCE)
        # Another one in its place is not the same.
        kernel.run("ip", "address", "del", address, "dev", "yesnet")
        kernel.run("ip", "address", "add", address.partition("/")[0] + ("/25" if family == 4 else "/80"), "dev", "yesnet")
        assert poll(lambda: warnings(net, address), PATIENCE)


def test_the_address_by_which_guests_know_the_host_is_missed_though_another_network_has_it(root, outside):
    with network(root, "yesnet", services=False) as net, network(root, "yesmore", services=False) as other:
        kernel.run("ip", "address", "del", "fe80::1/64", "dev", "yesnet")
        assert poll(lambda: warnings(net, "fe80::1/64"), PATIENCE)
        assert warnings(other, "fe80::1/64") == []
        kernel.run("ip", "address", "add", "fe80::1/64", "dev", "yesnet", "nodad")
        assert poll(lambda: not warnings(net, "fe80::1/64"), PATIENCE)


def test_ipv6_that_is_switched_off_is_warned_of(root, outside):
    with network(root, "yesnet", "isolated", services=False) as net:
        setting("yesnet", "disable_ipv6", 1, family=6)
        assert poll(lambda: warnings(net, "disable_ipv6"), PATIENCE)
        assert poll(lambda: warnings(net, "fe80::1/64"), PATIENCE)


@pytest.mark.parametrize("kind", ["nat", "isolated"])
def test_a_subnet_that_comes_later_is_warned_of_until_it_is_gone(root, outside, kind):
    with network(root, "yesnet", kind, services=False) as net:
        subnet = ipaddress.ip_interface(next(text for text in net.get("Addresses") if ":" not in text)).network
        narrower = str(next(subnet.subnets(new_prefix=26)))
        assert warnings(net, "hides") == []
        for commands in ((["route", "add", narrower, "via", Internet.ROUTER4], ["route", "del", narrower]),
                         (["route", "add", "unreachable", narrower], ["route", "del", "unreachable", narrower]),
                         (["address", "add", f"{subnet.supernet(new_prefix=16).network_address + 5}/16", "dev", "uplink0"],
                          ["address", "del", f"{subnet.supernet(new_prefix=16).network_address + 5}/16", "dev", "uplink0"])):
            kernel.run("ip", *commands[0])
            assert poll(lambda: warnings(net, "hides"), PATIENCE), commands
            kernel.run("ip", *commands[1])
            assert poll(lambda: not warnings(net, "hides"), PATIENCE), commands
        # A wider route is a VPN's.
        kernel.run("ip", "route", "add", str(subnet.supernet(new_prefix=12)), "via", Internet.ROUTER4)
        kernel.run("ip", "route", "add", narrower, "via", Internet.ROUTER4)
        assert poll(lambda: warnings(net, narrower), PATIENCE)


def test_forwarding_that_is_switched_off_again_and_again_is_warned_of(root, alice, outside):
    with network(root, "yesnet", services=False) as net, guest(alice, net) as web:
        for _ in range(5):
            setting("uplink0", "forwarding", 0)
            assert poll(lambda: setting("uplink0", "forwarding") == 1, PATIENCE)
            assert warnings(net, "again and again") == []
        setting("uplink0", "forwarding", 0)
        assert poll(lambda: warnings(net, "net.ipv4.conf.uplink0.forwarding"), PATIENCE)
        assert setting("uplink0", "forwarding") == 0 and not web.pings(outside.SERVER4, 1)
        setting("uplink0", "forwarding", 1)
        assert poll(lambda: warnings(net, "again and again") == [], PATIENCE)
        assert web.pings(outside.SERVER4)


def test_a_bridge_that_is_kept_from_forwarding_forwards_again(root, alice, outside):
    with network(root, "yesnet", services=False) as net, guest(alice, net) as web:
        setting("yesnet", "forwarding", 0)
        assert poll(lambda: setting("yesnet", "forwarding") == 1, PATIENCE)
        assert web.pings(outside.SERVER4)


@pytest.mark.parametrize("mark", [0, 77], ids=["marked by vnicd", "marked by somebody else"])
def test_a_host_that_has_become_a_router_stays_one_when_the_last_network_goes(root, outside, mark):
    whole = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
    setting("uplink0", "tag", mark)
    try:
        with network(root, "yesnet", services=False):
            assert "uplink0" in forwarding_devices()
            whole.write_text("1", encoding="ascii")
        assert poll(lambda: not kernel.exists("yesnet"), PATIENCE)
        assert not poll(lambda: setting("uplink0", "forwarding") == 0, 1)
    finally:
        whole.write_text("0", encoding="ascii")


def test_ipv6_forwarding_that_ends_is_warned_of_until_it_is_back(root, outside):
    with network(root, "yesnet", services=False) as net:
        setting("yesnet", "forwarding", 1, family=6)
        assert not poll(lambda: warnings(net, "IPv6"), 1)
        setting("yesnet", "forwarding", 0, family=6)
        assert poll(lambda: warnings(net, "IPv6 was forwarded"), 20)
        setting("yesnet", "forwarding", 1, family=6)
        assert poll(lambda: not warnings(net, "IPv6"), PATIENCE)


def test_a_host_that_forwards_all_for_a_while_forwards_for_guests_afterwards(root, alice, outside):
    """Another program enables and disables it: without a pause, and with a check in between."""
    whole = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
    with network(root, "yesnet", services=False) as net, guest(alice, net) as web:
        for look in (False, True):
            whole.write_text("1", encoding="ascii")
            assert not look or poll(lambda: setting("uplink0", "tag") == 0, PATIENCE)
            whole.write_text("0", encoding="ascii")
            assert poll(lambda: forwarding_devices() == ["uplink0", "yesnet"], PATIENCE)
            assert web.pings(outside.SERVER4)
    assert poll(lambda: forwarding_devices() == [], PATIENCE), forwarding_devices()


def test_a_card_that_is_taken_out_and_put_back_forwards_again(root, outside):
    with network(root, "yesnet", services=False, reach_lan=True):
        for _ in range(2):
            with wire("uplink1", "second", "203.0.114.2/24", f"{SECOND_ROUTER}/24"):
                assert poll(lambda: setting("uplink1", "forwarding") == 1, PATIENCE)
            assert not kernel.exists("uplink1")
    assert poll(lambda: forwarding_devices() == [], PATIENCE), forwarding_devices()


def test_ipv6_that_the_host_has_not_is_left_out_and_said(root):
    setting("default", "disable_ipv6", 1, family=6)
    try:
        with network(root, "yesnet", services=False) as net:
            assert [":" in text for text in net.get("Addresses")] == [False]
            assert warnings(net, "disable_ipv6")
    finally:
        setting("default", "disable_ipv6", 0, family=6)
