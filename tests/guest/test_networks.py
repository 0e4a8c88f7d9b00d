# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real guests on a network of vnicd: an operating system that knows nothing of vnicd gets an address, finds
the other guest by name, and reaches the Internet by IPv4 and IPv6, through a tap with offloads."""

import shutil

import pytest
from vnic import guest
from vnic.networks import internet, network
from vnic.process import poll

pytestmark = [pytest.mark.deadline(180),
              pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")]
WEB_MAC, DB_MAC = "52:54:00:00:51:01", "52:54:00:00:52:01"

def answers(vm, command):
    status, said = vm.run(command, timeout=40)
    assert status == 0, (command, said)
    return "\n".join(said)


def test_two_guests_get_addresses_find_each_other_and_reach_out(root, alice, bob):
    with internet() as outside, network(root, "yesnat") as net, \
            alice.create_tap("yesnat", True, True, queues=2, guest_mac=WEB_MAC) as one, \
            bob.create_tap("yesnat", True, guest_mac=DB_MAC) as other, \
            guest.Guest(one.fds, WEB_MAC, shell=120, queues=2) as web, \
            guest.Guest(other.fds, DB_MAC, "bob", shell=120) as db:
        web.get_address("web")
        db.get_address("db")
        for vm in (web, db):
            answers(vm, "for i in 1 2 3 4 5 6 7 8 9; do ip -6 route | grep -q ^default && break; sleep 1; done; "
                        "ip -6 address show dev eth0 scope global | grep inet6")
        names = {lease[2] for lease in net.leases()}
        assert {"web", "db"} <= names
        for tap, mac in ((one, WEB_MAC), (other, DB_MAC)):
            leased, = (lease[0] for lease in net.leases() if lease[1] == mac and "." in lease[0])
            assert poll(lambda: leased in tap.get("Addresses"), 5), tap.get("Addresses")
        answers(web, "ping -c 1 -W 3 db")
        answers(db, "ping -c 1 -W 3 web.yesnat.internal")
        answers(web, "ping -c 1 -W 3 host")
        for vm in (web, db):
            answers(vm, f"ping -c 2 -W 3 {outside.SERVER4}")
            answers(vm, f"ping -c 2 -W 3 {outside.SERVER6}")
        for tap in (one, other):
            assert poll(lambda: [word for word in tap.get("Addresses") if word[:2] == "fd"], 5)
        with outside.listening(outside.SERVER4, 80) as seen4, outside.listening(outside.SERVER6, 80) as seen6:
            answers(web, f"nc -w 3 {outside.SERVER4} 80 </dev/null")
            answers(web, f"nc -w 3 {outside.SERVER6} 80 </dev/null")
        assert seen4 == [outside.HOST4] and seen6 == [outside.HOST6]


def test_a_guest_that_lies_about_its_mac_is_heard_by_nobody(root, alice):
    with network(root, "yesnat") as net, alice.create_tap("yesnat", True, guest_mac=WEB_MAC) as tap, \
            guest.Guest(tap.fds, WEB_MAC, shell=120) as vm:
        vm.get_address("web")
        answers(vm, f"ping -c 1 -W 3 {net.address(4)}")
        vm.run(f"ip link set eth0 address {DB_MAC}")
        assert vm.run(f"ping -c 2 -W 2 {net.address(4)}")[0] != 0
        vm.run(f"ip link set eth0 address {WEB_MAC}")
        answers(vm, f"ping -c 2 -W 3 {net.address(4)}")


# Guests whose MAC vnicd was not told

def answers_the_host(vm, net, alice, mac):
    """It has an address of the network, which is assigned by its MAC, and the host answers."""
    vm.get_address("web")
    answers(vm, f"ping -c 2 -W 3 {net.address(4)}")
    tap = vm.tap()
    path = alice.call("/org/vnicd1", "org.vnicd1.Manager", "GetEndpoint", "s", (tap,))[0]
    endpoint = alice.get_all(path, "org.vnicd1.Endpoint")
    assert endpoint["GuestMac"] == mac and endpoint["AntiSpoof"] and endpoint["Warnings"] == []
    assert mac in [lease[1] for lease in net.leases()]


@pytest.mark.parametrize("mac", [None, WEB_MAC])
@pytest.mark.parametrize("netdev", ["bridge,id=n0,br=vnicbr0,helper={helper}",
                                    "tap,id=n0,helper={helper} --br=vnicbr0"])
def test_a_guest_of_the_bridge_helper_is_heard_with_the_mac_that_qemu_gave_it(world, root, alice, netdev, mac):
    """QEMU does not tell its helper the MAC of the card, whether QEMU chose it or the command line gives
    it."""
    with network(root, "vnicbr0") as net:
        argv = guest.qemu_argv({"shell": 120}, kind=netdev.format(helper=world.tool("vnic-bridge-helper")), mac=mac)
        with guest.Guest(argv=argv) as vm:
            answers_the_host(vm, net, alice, mac or "52:54:00:12:34:56")


def test_a_guest_that_was_not_told_its_mac_is_heard(world, root, alice):
    """The user forgot mac={mac}."""
    with network(root, "vnicbr0") as net:
        argv = guest.qemu_argv({"shell": 120}, "{fd}", mac=None, kind="fd")
        with guest.Guest(argv=[world.tool("vnicctl"), "run", "--bridge", "vnicbr0", "--", *argv]) as vm:
            answers_the_host(vm, net, alice, "52:54:00:12:34:56")


def test_a_nested_machine_is_not_heard_and_is_warned_of(world, root, alice):
    with network(root, "yesnat") as net:
        argv = guest.qemu_argv({"shell": 120}, kind=f"bridge,id=n0,br=yesnat,helper={world.tool('vnic-bridge-helper')}",
                               mac=WEB_MAC)
        with guest.Guest(argv=argv) as vm:
            answers_the_host(vm, net, alice, WEB_MAC)
            path = alice.call("/org/vnicd1", "org.vnicd1.Manager", "GetEndpoint", "s", (vm.tap(),))[0]
            vm.run(f"ip link set eth0 address {DB_MAC}")
            assert vm.run(f"ping -c 2 -W 2 {net.address(4)}")[0] != 0
            vm.run(f"ip link set eth0 address {WEB_MAC}")
            answers(vm, f"ping -c 2 -W 3 {net.address(4)}")
            endpoint = alice.get_all(path, "org.vnicd1.Endpoint")
            assert endpoint["GuestMac"] == WEB_MAC and len(endpoint["Warnings"]) == 1
