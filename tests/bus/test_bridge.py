# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bridge belongs to its administrator: a tap that joins it changes none of its properties."""

import os
import signal
import subprocess

import pytest
from vnic import kernel
from vnic.process import poll


def state(name):
    """MAC, MTU, ports, and which MAC is known behind which port (but not the groups that the bridge itself is
    in)."""
    return (kernel.link(name)["address"], kernel.link(name)["mtu"], kernel.ports(name),
            kernel.fixed_fdb(name))


def test_threat_51_a_bridge_of_mtu_9000_stays_9000(alice, bridges):
    bridges("yes9k", mtu=9000)
    with alice.create_tap("yes9k") as tap:
        assert kernel.link(tap.interface)["mtu"] == 9000
        assert kernel.link("yes9k")["mtu"] == 9000
    assert kernel.wait_gone(tap.interface)
    assert kernel.link("yes9k")["mtu"] == 9000


def test_a_bridge_that_has_its_mtu_from_its_ports_keeps_it(alice, bridges):
    bridges("yes9k")
    kernel.make_veth("uplink", "far", master="yes9k")
    for name in ("uplink", "far"):
        kernel.run("ip", "link", "set", name, "mtu", 9000)
    try:
        assert kernel.link("yes9k")["mtu"] == 9000
        with alice.create_tap("yes9k"):
            assert kernel.link("yes9k")["mtu"] == 9000
    finally:
        kernel.del_link("uplink")


@pytest.mark.parametrize("mtu", [68, 1499, 1500, 8999])
def test_no_option_lowers_a_bridge(alice, bridges, mtu):
    bridges("yes9k", mtu=9000)
    error = alice.create_tap_error("yes9k", mtu=mtu)
    assert error.short == "InvalidOption" and '"mtu"' in error.message
    assert kernel.link("yes9k")["mtu"] == 9000
    assert kernel.ports("yes9k") == []


@pytest.mark.parametrize("ports", [0, 1])
def test_no_option_raises_a_bridge_either(alice, bridges, ports):
    """A bridge whose MTU nobody has set takes the smallest of its ports': with the others gone, the tap's."""
    bridges("yes0")
    if ports:
        kernel.make_veth("uplink", "far", master="yes0")
    try:
        for _ in range(3):
            error = alice.create_tap_error("yes0", mtu=9000)
            assert error.short == "InvalidOption" and '"mtu"' in error.message
            assert kernel.link("yes0")["mtu"] == 1500
        with alice.create_tap("yes0", mtu=1500) as tap:
            assert kernel.link(tap.interface)["mtu"] == 1500
    finally:
        kernel.del_link("uplink")


def test_a_bridge_that_was_made_with_its_mtu_keeps_it_when_the_last_tap_leaves(alice):
    """Such an MTU does not count as set, and the kernel would go back to 1500."""
    kernel.run("ip", "link", "add", "yes9k", "mtu", 9000, "type", "bridge")
    try:
        kernel.run("ip", "link", "set", "yes9k", "up")
        with alice.create_tap("yes9k") as tap:
            assert kernel.link(tap.interface)["mtu"] == 9000
        assert kernel.wait_gone(tap.interface)
        assert kernel.link("yes9k")["mtu"] == 9000
    finally:
        kernel.del_link("yes9k")


def test_a_bridge_with_an_mtu_that_no_tap_can_have_is_not_supported(alice, bridges):
    bridges("yes0", mtu=65535)
    error = alice.create_tap_error("yes0")
    assert error.short == "NotSupported" and "65521" in error.message


def test_an_unpinned_bridge_with_an_uplink_keeps_its_mac(alice, bridges):
    bridges("yes0")
    kernel.make_veth("uplink", "far", master="yes0")
    try:
        before = kernel.link("yes0")["address"]
        with alice.create_tap("yes0") as tap:
            assert kernel.link("yes0")["address"] == before
        assert kernel.wait_gone(tap.interface)
        assert kernel.link("yes0")["address"] == before
    finally:
        kernel.del_link("uplink")


def is_set(name):
    """Whether somebody has set the MAC of the bridge, so that it does not follow its ports."""
    with open(f"/sys/class/net/{name}/addr_assign_type", encoding="ascii") as file:
        return file.read().strip() == "3"


def test_an_unpinned_bridge_without_ports_keeps_the_mac_that_goes_with_its_address(alice, bridges):
    bridges("yes0", address="203.0.113.9/24")
    before = kernel.link("yes0")["address"]
    with alice.create_tap("yes0") as one, alice.create_tap("yes0") as other:
        assert kernel.link("yes0")["address"] == before
    assert kernel.wait_gone(one.interface) and kernel.wait_gone(other.interface)
    assert kernel.link("yes0")["address"] == before


UPLINK = "52:54:00:aa:bb:01"


def add_uplink(bridge):
    kernel.run("ip", "link", "add", "uplink", "address", UPLINK, "type", "veth", "peer", "name", "far")
    kernel.run("ip", "link", "set", "uplink", "master", bridge)


@pytest.mark.restarts
@pytest.mark.parametrize("restarted", [False, True])
def test_a_bridge_that_waits_for_its_uplink_gets_the_mac_of_it(world, alice, bridges, restarted):
    """A DHCP server knows the host by that MAC. From then on no tap changes it, whatever its holder does."""
    bridges("yes0")
    try:
        with alice.create_tap("yes0") as tap, alice.create_tap("yes0", guest_mac="02:00:00:00:00:07"):
            assert not is_set("yes0")
            assert any("MAC" in text for text in alice.list_bridges()["yes0"]["warnings"])
            if restarted:
                world.kill_service()
                world.start_service()
            add_uplink("yes0")
            assert kernel.link("yes0")["address"] == UPLINK
            assert poll(lambda: is_set("yes0"), 2)
            assert kernel.link("yes0")["address"] == UPLINK
            assert not any("MAC" in text for text in alice.list_bridges()["yes0"]["warnings"])
            kernel.set_mac(tap.fds[0], tap.interface, "00:00:00:00:00:09")
            assert kernel.link("yes0")["address"] == UPLINK
        assert kernel.wait_gone(tap.interface)
        assert kernel.link("yes0")["address"] == UPLINK
    finally:
        kernel.del_link("uplink")


def test_an_uplink_that_comes_while_the_service_is_away_gives_its_mac(world, alice, bridges):
    bridges("yes0")
    try:
        with alice.create_tap("yes0") as tap:
            os.kill(world.pid, signal.SIGSTOP)
            try:
                add_uplink("yes0")
                kernel.set_mac(tap.fds[0], tap.interface, "fe:00:00:00:00:09")
            finally:
                os.kill(world.pid, signal.SIGCONT)
            assert poll(lambda: is_set("yes0"), 2)
            assert kernel.link("yes0")["address"] == UPLINK
    finally:
        kernel.del_link("uplink")


# What the first tap does to the interfaces on top of the bridge

MTUS = [1280, 1400, 1500, 9000, 65521]


def sitting(name):
    """The MTU, addresses and IPv6 routes of the interface on top of it."""
    return ({link: kernel.link(link)["mtu"] for link in (name, "above0")},
            sorted(kernel.addresses(name)), kernel.run("ip", "-6", "route", "show", "dev", name))


@pytest.mark.parametrize("mtu", MTUS)
def test_the_first_tap_leaves_what_sits_on_an_empty_bridge_as_it_is(alice, mtu):
    kernel.run("ip", "link", "add", "yes9k", "mtu", mtu, "address", "02:00:00:00:00:08", "type", "bridge")
    try:
        kernel.run("ip", "link", "set", "yes9k", "up")
        kernel.run("ip", "link", "add", "link", "yes9k", "above0", "type", "macvlan", "mode", "bridge")
        kernel.run("ip", "address", "add", "fd00:1::1/64", "dev", "yes9k", "nodad")
        kernel.run("ip", "-6", "route", "add", "fd00:2::/64", "via", "fd00:1::2", "dev", "yes9k")
        before = sitting("yes9k")
        assert before[0] == {"yes9k": mtu, "above0": mtu} and "fd00:2::/64" in before[2]
        with alice.create_tap("yes9k") as tap:
            assert kernel.link(tap.interface)["mtu"] == mtu
            now = sitting("yes9k")
            assert (now[0], "fd00:1::1/64" in now[1], "fd00:2::/64" in now[2]) == (before[0], True, True)
        assert kernel.wait_gone(tap.interface)
        after = sitting("yes9k")
        assert (after[0], "fd00:1::1/64" in after[1], "fd00:2::/64" in after[2]) == (before[0], True, True)
    finally:
        kernel.del_link("above0")
        kernel.del_link("yes9k")


def test_the_port_leaves_nothing_behind(alice, bridges):
    bridges("yes0", mac="02:00:00:00:00:01")
    before = state("yes0")
    with alice.create_tap("yes0", guest_mac="52:54:00:00:00:01") as tap:
        assert len(state("yes0")[3]) == len(before[3]) + 2
    assert kernel.wait_gone(tap.interface)
    assert state("yes0") == before


def test_a_full_bridge_is_said_to_be_full(world, root, alice, bridges):
    """Root, for whom there is no check beforehand, is told by the kernel; others are told before polkit is
    consulted."""
    bridges("yesfull", mac="02:00:00:00:00:02")
    batch = "".join(f"link add p{i}a group 7 master yesfull type veth peer name p{i}b\n" +
                    (f"link set p{i}b master yesfull\n" if i < 511 else "") for i in range(512))
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True, timeout=50)
    try:
        assert len(kernel.ports("yesfull")) == 1023
        error = root.create_tap_error("yesfull")
        assert error.short == "BridgeFull" and "yesfull" in error.message
        assert poll(lambda: kernel.our_links() == [], 2.0)
        error = alice.create_tap_error("yesfull")
        assert error.short == "BridgeFull" and "1023 ports" in error.message
        with world.polkit_as("hang") as polkit:
            polkit.auto = lambda check: (check.interactive, not check.interactive, {})
            assert alice.create_tap_error("yesfull", interactive=True).short == "BridgeFull"
            assert alice.can_create_tap("yesfull")[0] == "no"
            assert polkit.checks == []
        assert len(kernel.ports("yesfull")) == 1023
        entry = root.list_bridges()["yesfull"]
        assert (entry["ports"], entry["ports_max"]) == (1023, 1023)
    finally:
        kernel.run("ip", "link", "del", "group", "7")


def test_the_bridges_are_listed_with_what_the_caller_may_do(alice, bridges):
    bridges("yes0", mac="02:00:00:00:00:03")
    bridges("ask0", mtu=9000)
    bridges("no0")
    bridges("carol0")
    with alice.create_tap("yes0"):
        listed = alice.list_bridges()
    assert {name: entry["access"] for name, entry in listed.items()} == {
        "yes0": "yes", "ask0": "challenge", "no0": "no", "carol0": "no"}
    assert listed["yes0"]["ports"] == 1 and listed["no0"]["ports"] == 0
    assert listed["ask0"]["mtu"] == 9000
    assert all(entry["kind"] == "bridge" for entry in listed.values())
    assert not any("MAC" in text for text in listed["yes0"]["warnings"])
    assert any("MAC" in text for text in listed["ask0"]["warnings"])


def test_root_may_use_every_bridge(root, bridges):
    for name in ("ask0", "no0"):
        bridges(name)
    assert {entry["access"] for entry in root.list_bridges().values()} == {"yes"}
