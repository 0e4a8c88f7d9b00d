# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks come and go and leave nothing; what belongs to others is left alone; a restart adopts them."""

import contextlib
import ipaddress
import os
import re
import shutil
import socket
import threading

import pytest
from vnic import LONG, kernel
from vnic.client import BusError
from vnic.frames import ETH_IPV4, ethernet, udp
from vnic.machine import Machine
from vnic.networks import CONFIGURATIONS, NETWORK, Network, internet, network, path_of
from vnic.process import poll
from vnic.strace import injected
from vnic.upgrade import older_network_tag

needs_dnsmasq = pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")


def processes():
    """The running programs, except those that list them."""
    names = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                names.append(file.read().strip())
        except OSError:
            continue
    return sorted(name for name in names if name not in ("nft", "ip", "sysctl"))


def everything():
    """Everything that a network could leave behind."""
    return {"links": sorted(kernel.links()), "nft": kernel.run("nft", "list", "ruleset"),
            "routes": kernel.run("ip", "route", "show", "table", "all"),
            "routes6": kernel.run("ip", "-6", "route", "show", "table", "all"),
            "rules": kernel.run("ip", "rule"),
            "sysctls": kernel.run("sysctl", "-a", "-r", r"^net\.ipv[46]\.(conf\.[a-z0-9]*\.(.*forwarding|accept_ra)|ip_forward)",
                                  check=False),
            "files": sorted(os.listdir(CONFIGURATIONS)) if CONFIGURATIONS.exists() else [],
            "processes": processes()}


@pytest.mark.deadline(180)
@pytest.mark.once
def test_many_networks_leave_nothing(root):
    """Fifty exist at a time; the short form has one such round."""
    with internet():
        before = everything()
        for round_ in range(4 if LONG else 1):
            made = [Network(root, f"yes{round_}x{number}", ("nat", "isolated")[number % 2]) for number in range(50)]
            subnets = [ipaddress.ip_interface(text).network for one in made for text in one.get("Addresses")]
            assert not any(a.overlaps(b) for i, a in enumerate(subnets) for b in subnets[:i]
                           if a.version == b.version)
            for one in made:
                one.delete()
            assert poll(lambda: not [name for name in kernel.links() if name.startswith("yes")], 10)
        assert poll(lambda: everything() == before, 5), \
            {key: (before[key], value) for key, value in everything().items() if value != before[key]}


@pytest.mark.deadline(120)
@needs_dnsmasq
def test_with_services_and_guests_nothing_is_left_either(root, alice):
    with internet() as outside:
        before = everything()
        for number in range(3):
            with network(root, f"yesserved{number}") as net, alice.create_tap(net.name, False) as tap, \
                    Machine(tap, "web") as web:
                assert web.dhcp() and web.pings(outside.SERVER4)
        assert poll(lambda: everything() == before, 5), \
            {key: (before[key], value) for key, value in everything().items() if value != before[key]}


def test_a_subnet_that_the_host_has_a_route_to_is_not_chosen(root):
    first = Network(root, "yesfirst", "isolated")
    chosen = ipaddress.ip_interface(first.get("Addresses")[0]).network
    first.delete()
    poll(lambda: not kernel.exists("yesfirst"), 5)
    kernel.make_veth("other0", "other1")
    try:
        kernel.run("ip", "route", "add", str(chosen), "dev", "other0")
        again = Network(root, "yesfirst", "isolated")
        try:
            now = ipaddress.ip_interface(again.get("Addresses")[0]).network
            assert not now.overlaps(chosen)
        finally:
            again.delete()
        with pytest.raises(BusError) as refused:
            Network(root, "yessecond", "isolated", addresses=[f"{chosen.network_address + 1}/24"])
        assert refused.value.short == "AddressInUse" and str(chosen) in refused.value.message
        assert not kernel.exists("yessecond")
    finally:
        poll(lambda: not kernel.exists("yesfirst"), 5)
        kernel.del_link("other0")


def test_a_bridge_of_somebody_else_is_not_taken_for_a_network(root, bridges):
    bridges("yesforeign", mac="02:00:00:00:00:77")
    before = kernel.snapshot()
    with pytest.raises(BusError) as refused:
        Network(root, "yesforeign", "isolated")
    assert refused.value.short == "NameTaken" and "yesforeign" in refused.value.message
    assert kernel.differences(before, kernel.snapshot()) == []


def rules_without_elements():
    """The rules without set elements that were learnt from guests, which come and go."""
    return re.sub(r"\n\s*elements = \{[^}]*\}", "", kernel.run("nft", "list", "ruleset"))



@pytest.mark.restarts
@pytest.mark.deadline(120)
@needs_dnsmasq
@pytest.mark.parametrize("how", ["TERM", "KILL"])
def test_a_restart_takes_up_networks_and_leases(world, root, alice, how):
    with internet() as outside, network(root, "yesnat") as net, alice.create_tap("yesnat", False) as tap, \
            Machine(tap, "web") as web:
        told = web.dhcp()
        facts = {what: net.get(what) for what in ("Name", "Kind", "Addresses", "Dhcp", "Mtu", "Mac", "Ports", "PortsMax")}
        rules = rules_without_elements()
        if how == "TERM":
            world.stop_service()
        else:
            world.kill_service()
        # Nothing that guests do while the service is down is missed.
        assert web.pings(outside.SERVER4) and web.pings(facts["Addresses"][0].partition("/")[0])
        world.start_service()
        assert {what: net.get(what) for what in facts} == facts
        assert [lease[0] for lease in net.leases() if lease[2] == "web"] == [told["ip"]]
        assert sorted(rules_without_elements().split("table ")) == sorted(rules.split("table "))  # in any order
        assert web.pings(outside.SERVER4)


def test_a_port_of_somebody_else_makes_a_network_a_bridge_of_the_host(root, alice, world):
    """It may lead anywhere, so using it requires another authorization."""
    with network(root, "asknet", "isolated", services=False):
        assert alice.list_bridges()["asknet"]["kind"] == "isolated"
        assert "use-network" in explained(world, "asknet")
        kernel.make_veth("foreign0", "foreign1", master="asknet")
        try:
            assert poll(lambda: "use-bridge" in explained(world, "asknet"), 5), explained(world, "asknet")
            assert alice.list_bridges()["asknet"]["kind"] == "bridge"
        finally:
            kernel.del_link("foreign0")
        assert poll(lambda: "use-network" in explained(world, "asknet"), 5)


def explained(world, name):
    return world.output_as("alice", [world.tool("vnicctl"), "explain", name])[1]


# The service dies half-way

CALLS = ("sendmsg", "sendto")


def whole_or_gone(world, name):
    """Two seconds after a start a network is either complete, or nothing of it is left."""
    def is_one():
        exported = world.root.managed_objects().keys() >= {path_of(name)}
        link = kernel.link(name)
        tables = kernel.run("nft", "list", "tables").count(f"vnicd-{name}\n")
        if exported:
            return bool(link and "UP" in link["flags"] and link.get("ifalias", "").startswith("vnicd-net:1 ")
                        and tables == 2 and len(kernel.addresses(name)) >= 2)
        return link is None and tables == 0
    return poll(is_one, 2.5)


@pytest.mark.restarts
@pytest.mark.once
@pytest.mark.deadline(400)
@pytest.mark.parametrize("syscall", CALLS)
def test_killed_at_any_call_of_creating_or_deleting_it_converges(world, root, syscall):
    before = everything()
    for deed in ("create", "delete"):
        number, killed = 0, 1
        while killed:
            number += 1
            name = f"yes{deed}{number}"
            there = Network(root, name, "nat") if deed == "delete" else None
            with injected(world, syscall, "signal=KILL", number, "-f"), contextlib.suppress(BusError):
                if there:
                    there.delete()
                    poll(lambda: not kernel.exists(name), 1)
                else:
                    Network(root, name, "nat")
            killed = not world.service.alive()
            if killed:
                world.start_service()
            assert whole_or_gone(world, name), f"killed at {syscall} {number} of {deed}: {kernel.link(name)}"
            if path_of(name) in world.root.managed_objects():
                root.call(path_of(name), NETWORK, "Delete")
            assert poll(lambda: not kernel.exists(name), 5)
        assert syscall != "sendmsg" or number > 3, "nothing was killed"
    assert poll(lambda: {**everything(), "processes": 0} == {**before, "processes": 0}, 5), everything()


@contextlib.contextmanager
def flooded(tap, address):
    """Forged datagrams to a socket of the host, through its bridge and through the tap itself; returns those
    that arrived."""
    ended, came = [], []
    frames = [ethernet(kernel.link(name)["address"], tap.get("GuestMac"), ETH_IPV4,
                       udp("198.51.100.9", address, 5, 4242, b"forged")) for name in (tap.interface, "yesnet")]

    def send():
        while not ended:
            for frame in frames:
                with contextlib.suppress(OSError):
                    os.write(tap.fds[0], frame)

    def listen(heard):
        while not ended:
            with contextlib.suppress(OSError):
                came.append(heard.recvfrom(100))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind((address, 4242))
        heard.settimeout(0.1)
        threads = [threading.Thread(target=send), threading.Thread(target=listen, args=(heard,))]
        for thread in threads:
            thread.start()
        try:
            yield came
        finally:
            ended.append(True)
            for thread in threads:
                thread.join()


@pytest.mark.restarts
@pytest.mark.parametrize("change", [["del", "yesnet"], ["set", "yesnet", "name", "Foreign_1"],
                                    ["set", "yesnet", "alias", "vnicd-net:1 of=tomorrow"]])
def test_a_guest_whose_network_a_restart_does_not_find_never_reaches_the_host(world, root, alice, change):
    kernel.run("ip", "address", "add", "203.0.113.2/32", "dev", "lo")
    Network(root, "yesnet", "isolated")
    try:
        with alice.create_tap("yesnet", False) as tap, flooded(tap, "203.0.113.2") as came:
            world.kill_service()
            kernel.run("ip", "link", *change)
            world.start_service()
            assert kernel.wait_gone(tap.interface)
            assert came == []
        assert poll(lambda: "vnicd-yesnet" not in kernel.run("nft", "list", "tables"), 3)
    finally:
        kernel.run("ip", "address", "del", "203.0.113.2/32", "dev", "lo")
        for name in ("yesnet", "Foreign_1"):
            if kernel.exists(name):
                kernel.del_link(name)


@pytest.mark.restarts
@pytest.mark.parametrize("kind, options", [
    ("nat", {}),
    ("nat", {"reach_lan": True, "guard_addresses": True, "mtu": 1400, "addresses": ["10.77.3.1/24", "fd77:3::1/64"]}),
    ("isolated", {"guests_isolated": True, "dhcp": False, "ports_max": 20, "ports_per_user": 3, "domain": "lab.example"}),
    ("isolated", {"host_access": False})])
def test_a_network_with_a_tag_of_an_earlier_release_is_taken_up_whole(world, root, alice, kind, options):
    """Its tag stays as it is as long as there is nothing else to write."""
    with network(root, "yesnet", kind, services=False, **options) as made:
        before = world.root.managed_objects()[made.path][NETWORK]
        for key, value in options.items():
            assert before["".join(word.capitalize() for word in key.split("_"))] == value
        older = older_network_tag("yesnet", before)
        assert older != kernel.alias("yesnet")
        with alice.create_tap("yesnet", False) as tap:
            world.kill_service()
            kernel.run("ip", "link", "set", "yesnet", "alias", older)
            world.start_service()
            assert {**world.root.managed_objects()[made.path][NETWORK], "Warnings": []} == {**before, "Warnings": [], "Ports": 1}
            assert kernel.exists(tap.interface)
        assert kernel.alias("yesnet") == older


def library(world):
    """The file of libnftables that the service has loaded, or None."""
    with open(f"/proc/{world.pid}/maps", encoding="utf-8") as file:
        return next((line.split()[-1] for line in file if "libnftables" in line), None)


@pytest.mark.restarts
def test_libnftables_is_loaded_by_the_first_network_and_missed_by_nothing_else(world, root, alice, bridge):
    world.restart_service()
    assert library(world) is None
    with network(root, "lonenet", services=False):
        path = library(world)
        assert path
    assert world.stop_service() == 0
    with contextlib.ExitStack() as stack:
        kernel.run("mount", "--bind", "/dev/null", path)
        stack.callback(kernel.run, "umount", path)
        world.start_service()
        stack.callback(world.restart_service)
        with pytest.raises(BusError, match="libnftables") as refused:
            Network(root, "lonenet")
        assert refused.value.short == "NotSupported"
        assert poll(lambda: not kernel.exists("lonenet"), 5)
        with alice.create_tap(bridge) as tap:
            assert kernel.exists(tap.interface)
