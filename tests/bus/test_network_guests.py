# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests on networks of vnicd, with a real dnsmasq and the real filters: they get addresses, find each other
and the host by name, and reach the Internet if they may; nobody outside reaches them."""

import contextlib
import shutil
import socket
import time

import pytest
from vnic import kernel
from vnic.machine import Machine
from vnic.networks import Internet, internet, network
from vnic.process import poll, stopped

pytestmark = [pytest.mark.deadline(120), pytest.mark.once,
              pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")]


@contextlib.contextmanager
def machines(client, net, *names):
    """Guests of these names, each with a tap of the client's."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Machine(stack.enter_context(client.create_tap(net.name, False)), name))
               for name in names]


@pytest.fixture
def world_outside():
    with internet() as outside:
        yield outside


@pytest.fixture
def nat(root, world_outside):
    """A network of kind nat, on a host that has Internet access."""
    with network(root, "yesnat") as net:
        world_outside.knows_the_way_to(net)
        yield net


@pytest.fixture
def isolated(root, world_outside):
    with network(root, "yesiso", "isolated") as net:
        world_outside.knows_the_way_to(net)
        yield net


def test_guests_get_addresses_and_find_each_other_and_the_host_by_name(alice, nat):
    with machines(alice, nat, "web", "db") as (web, db):
        told = web.dhcp(), db.dhcp()
        assert {one["router"] for one in told} == {one["dns"] for one in told} == {nat.address(4)}
        assert {one["domain"] for one in told} == {"yesnat.internal"}
        assert web.addresses(4) == [told[0]["ip"]] != db.addresses(4) == [told[1]["ip"]]
        assert web.ipv6() and db.ipv6() and web.ipv6() != db.ipv6()
        assert "via fe80::1" in web.ip("-6", "route", "show", "default")

        server = nat.address(4)
        for name in ("db", "db.yesnat.internal"):
            assert told[1]["ip"] in web.resolve(name, server)
        assert set(web.resolve("host", server)) == {nat.address(4), nat.address(6)}
        assert nat.address(4) in web.resolve(socket.gethostname(), server)
        assert nat.address(4) in web.resolve("host", nat.address(6))
        assert web.resolve("nobody.yesnat.internal", server) == []
        # The name that was resolved to an IPv4 address also gets the address that the guest generated itself.
        assert poll(lambda: db.ipv6() in web.resolve("db", server), 15, 0.5)
        for address in (told[1]["ip"], db.ipv6(), nat.address(4), nat.address(6)):
            assert web.pings(address), address


def test_guests_that_keep_to_their_addresses_do_not_notice_a_guard(root, alice, world_outside):
    with network(root, "yesnat", guard_addresses=True) as net, machines(alice, net, "web", "db") as (web, db):
        told = web.dhcp(), db.dhcp()
        assert web.ipv6() and db.ipv6()
        for address in (told[1]["ip"], db.ipv6(), net.address(4), net.address(6), world_outside.SERVER4,
                        world_outside.SERVER6):
            assert web.pings(address), address
        # Another address, as privacy extensions generate it: checked for duplicates, then used.
        temporary = net.address(6).rpartition(":")[0].rstrip(":") + ":a1b2:c3d4:e5f6:7"
        db.ip("address", "add", f"{temporary}/64", "dev", "eth0")
        assert poll(lambda: web.pings(temporary), 5, 0.2)
        assert db.pings(told[0]["ip"])


def test_leases_say_who_has_what(alice, nat):
    with machines(alice, nat, "web") as (web,):
        told = web.dhcp()
        lease = next(one for one in nat.leases() if one[0] == told["ip"])
        assert lease[1:3] == (web.mac, "web")
        assert 3000 < lease[3] - time.time() < 4000
    assert nat.get("Ports") == 0 or poll(lambda: nat.get("Ports") == 0, 5)


# They are copies of one image: each identifies itself in the same way.
CLIENT_ID = bytes.fromhex("ff56504d98000200007a6f21c0ffee4d3b5b11")
DUID = bytes.fromhex("0002000000ab1121c0ffee4d3b5b119d7c55")


def test_guests_of_one_image_get_an_address_each(alice, nat):
    with machines(alice, nat, "web", "db") as (web, db):
        told = web.dhcp(client_id=CLIENT_ID), db.dhcp(client_id=CLIENT_ID)
        assert all(told)
        assert told[0]["ip"] != told[1]["ip"]
        # When they ask again, each still has its own.
        assert [one.dhcp(client_id=CLIENT_ID)["ip"] for one in (web, db)] == [one["ip"] for one in told]
        assert {one[0]: one[1] for one in nat.leases()} == {told[0]["ip"]: web.mac, told[1]["ip"]: db.mac}


def test_guests_of_one_image_are_not_given_one_ipv6_address(alice, nat):
    with machines(alice, nat, "web", "db") as (web, db):
        assert web.ipv6() and db.ipv6() and web.ipv6() != db.ipv6()
        (given, servers), (given_too, _) = web.dhcp6(DUID), db.dhcp6(DUID)
        assert not set(given) & set(given_too)
        assert servers == [nat.address(6)]


def test_a_guest_cannot_take_the_name_of_the_host(alice, nat):
    with machines(alice, nat, "host", "wpad") as (host, wpad):
        told = host.dhcp(), wpad.dhcp()
        assert all(told)
        assert told[0]["ip"] not in host.resolve("host", nat.address(4))
        assert host.resolve("wpad.yesnat.internal", nat.address(4)) == []


def test_guests_reach_the_internet_by_the_addresses_of_the_host(alice, nat, world_outside):
    outside = world_outside
    with machines(alice, nat, "web") as (web,), outside.listening(outside.SERVER4, 80) as seen4, \
            outside.listening(outside.SERVER6, 80) as seen6:
        assert web.dhcp() and web.ipv6()
        assert web.pings(outside.SERVER4) and web.pings(outside.SERVER6)
        assert web.connects(outside.SERVER4, 80) and web.connects(outside.SERVER6, 80)
        assert seen4 == [Internet.HOST4] and seen6 == [Internet.HOST6]


def test_the_host_stays_the_router_of_its_guests(alice, nat, world_outside):
    """It also does so after they have checked whether it is still there: its answer has to say that it is a
    router."""
    with machines(alice, nat, "web") as (web,):
        assert web.ipv6()
        web.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/neigh/eth0/delay_first_probe_time; "
                            "echo 1000 >/proc/sys/net/ipv6/neigh/eth0/base_reachable_time_ms")
        for _ in range(5):
            assert web.pings(world_outside.SERVER6)
            time.sleep(1)
        assert "via fe80::1" in web.ip("-6", "route", "show", "default")


def test_the_internet_does_not_reach_in(world, alice, nat, world_outside):
    with machines(alice, nat, "web") as (web,):
        told = web.dhcp()
        for address in (told["ip"], web.ipv6()):
            assert not world_outside.pings(address)
        # The control: the path exists, and the filters close it, which nobody restores meanwhile.
        with stopped(world.pid):
            for table in ("yesnat", "uplinks-"):
                kernel.run("nft", "delete", "table", "inet", f"vnicd-{table}")
            assert world_outside.pings(told["ip"]) and world_outside.pings(web.ipv6())
        assert poll(lambda: not world_outside.pings(told["ip"]), 5)


def test_an_isolated_network_has_no_way_out(alice, isolated, world_outside):
    with machines(alice, isolated, "web", "db") as (web, db):
        told = web.dhcp(), db.dhcp()
        assert "router" not in told[0] and web.ipv6()
        assert web.ip("-6", "route", "show", "default") == ""
        assert web.pings(told[1]["ip"]) and web.pings(isolated.address(4)) and web.pings(db.ipv6())
        web.ip("route", "add", "default", "via", isolated.address(4))
        web.ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
        assert not web.pings(world_outside.SERVER4, 1) and not web.pings(world_outside.SERVER6, 1)
        assert not world_outside.pings(told[0]["ip"])
        assert web.resolve("host", isolated.address(4))


def test_guests_that_are_isolated_see_the_host_and_not_each_other(root, alice, world_outside):
    with network(root, "yesapart", guests_isolated=True) as net, machines(alice, net, "web", "db") as (web, db):
        told = web.dhcp(), db.dhcp()
        assert web.ipv6() and db.ipv6()
        assert not web.pings(told[1]["ip"], 1) and not web.pings(db.ipv6(), 1)
        # Nor do they through the host, to which every other guest is then sent.
        web.ip("route", "replace", f"{told[1]['ip']}/32", "via", net.address(4))
        assert not web.pings(told[1]["ip"], 1)
        assert web.pings(net.address(4)) and web.pings(world_outside.SERVER4) and web.pings(world_outside.SERVER6)


@pytest.fixture
def lan(world_outside):
    """The host's own LAN: a printer at a private address behind the same uplink, and neighbours with public
    ones."""
    world_outside.ip("address", "add", "192.168.77.5/32", "dev", "lo")
    return "192.168.77.5", world_outside.ROUTER4, world_outside.ROUTER6


def test_the_lan_of_the_host_is_closed_unless_it_is_opened(root, alice, lan, world_outside):
    with network(root, "yesclosed") as closed, network(root, "yesopen", reach_lan=True) as opened:
        for net, reached in (closed, False), (opened, True):
            with machines(alice, net, "web") as (web,):
                assert web.dhcp() and web.ipv6()
                for address in lan:
                    assert web.pings(address, 1) == reached, (net.name, address)
                assert web.pings(world_outside.SERVER4) and web.pings(world_outside.SERVER6)


def test_networks_do_not_reach_each_other(root, alice, nat):
    with network(root, "yesother") as other, machines(alice, nat, "web") as (web,), \
            machines(alice, other, "db") as (db,):
        told = web.dhcp(), db.dhcp()
        assert all(told)
        for address in (told[1]["ip"], db.ipv6()):
            assert not web.pings(address, 1), address


def test_without_dhcp_there_are_names_and_no_addresses(root, alice, world_outside):
    with network(root, "yesnodhcp", dhcp=False) as net, machines(alice, net, "web") as (web,):
        assert web.dhcp() == {} and not web.ipv6(2)
        web.ip("address", "add", net.address(4).rpartition(".")[0] + ".9/24", "dev", "eth0")
        assert net.address(4) in web.resolve("host", net.address(4))


def test_a_mac_keeps_its_address_and_the_mtu_is_told(root, alice, world_outside):
    with network(root, "yesmtu", mtu=1400) as net:
        had = []
        for _ in range(2):
            with alice.create_tap(net.name, False, guest_mac="52:54:00:00:77:01") as tap, Machine(tap, "web") as web:
                told = web.dhcp()
                had.append(told["ip"])
                assert told["mtu"] == "1400"
                assert web.ipv6()
                assert poll(lambda: "mtu 1400" in web.ip("-6", "route", "show", "default") or "1400" in web.run(
                    "cat", "/proc/sys/net/ipv6/conf/eth0/mtu")[1], 5)
            kernel.wait_gone(tap.interface)
        assert had[0] == had[1]


def test_forwarding_is_as_before_when_the_last_network_has_gone(root, alice, world_outside):
    def state():
        return kernel.run("sysctl", "-a", "-r", r"^net\.ipv[46]\.conf\..*\.(force_)?forwarding$|accept_ra$")

    before = state()
    with network(root, "yesone") as one, network(root, "yestwo"):
        assert state() != before
        with machines(alice, one, "web") as (web,):
            assert web.dhcp() and web.pings(world_outside.SERVER4)
    assert poll(lambda: state() == before, 5)
