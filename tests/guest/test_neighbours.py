# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two guests on one bridge: what passes between them, in which segments, and what may not pass."""

import pytest
from vnic import guest, kernel
from vnic.frames import frame_lengths
from vnic.process import stopped

HOST = "192.0.2.1"
LEFT, RIGHT = "192.0.2.11", "192.0.2.12"
LEFT_MAC, RIGHT_MAC = "52:54:00:00:11:01", "52:54:00:00:12:01"
WIRE = 1514  # the longest frame that is not several in one

pytestmark = pytest.mark.deadline(120)


def statistic(interface, name):
    with open(f"/sys/class/net/{interface}/statistics/{name}", encoding="ascii") as file:
        return int(file.read())


def reaches(vm, address):
    """Whether the guest gets an answer now."""
    status, _ = vm.run(f"ping -c 2 -W 2 {address}")
    return status == 0


def test_two_guests_ping_each_other_and_tcp_crosses_in_large_segments(alice, bob, lan):
    """Each uncut segment is one frame on the bridge: that is the purpose of the header."""
    size = 20 * 1000 * 1000
    with alice.create_tap(lan, True, True, queues=2, guest_mac=LEFT_MAC) as left, \
            bob.create_tap(lan, guest_mac=RIGHT_MAC) as right, frame_lengths(right.interface) as lengths, \
            guest.Guest(right.fds, RIGHT_MAC, "bob", ip=f"{RIGHT}/24", ping=LEFT, serve=5001,
                        wait=60) as server, \
            guest.Guest(left.fds, LEFT_MAC, ip=f"{LEFT}/24", queues=2, ping=RIGHT, wait=60,
                        send=f"{RIGHT}:5001:{size}") as sender:
        assert server.pings(LEFT) and sender.pings(RIGHT)
        assert sender.feature("tcp-segmentation-offload") == "on"
        sent = sender.wait_for(f"VNIC-RESULT sent {size} ")
        received = server.wait_for(f"VNIC-RESULT received {size} ")
        assert sent.endswith(" ok")
        assert sent.split()[3] == received.split()[3], "the bytes are others than were sent"

        packets = statistic(right.interface, "tx_packets")
        assert statistic(right.interface, "tx_bytes") / packets > WIRE
        assert sum(length > WIRE for length in lengths) > 100
        assert max(lengths) > 10 * WIRE


def test_isolated_guests_reach_the_host_and_not_each_other(world, alice, lan):
    with alice.create_tap(lan, guest_mac=LEFT_MAC, isolated=True) as left, \
            alice.create_tap(lan, guest_mac=RIGHT_MAC, isolated=True) as right, \
            guest.Guest(left.fds, LEFT_MAC, ip=f"{LEFT}/24", ping=HOST, shell=60) as one, \
            guest.Guest(right.fds, RIGHT_MAC, ip=f"{RIGHT}/24", ping=HOST, shell=60) as other:
        assert one.pings(HOST) and other.pings(HOST)
        assert not reaches(one, RIGHT)
        assert not reaches(other, LEFT)
        assert reaches(one, HOST) and reaches(other, HOST)
        # The control: both are there, and the flag separates them. vnicd would restore it.
        with stopped(world.pid):
            kernel.run("bridge", "link", "set", "dev", right.interface, "isolated", "off")
            assert reaches(one, RIGHT)
            kernel.run("bridge", "link", "set", "dev", right.interface, "isolated", "on")


def test_a_guest_with_its_own_mac_is_heard_and_one_that_lies_is_not(alice, lan):
    """anti_spoof, which is the default with guest_mac, does not hinder honest guests."""
    with alice.create_tap(lan, guest_mac=LEFT_MAC) as tap, \
            guest.Guest(tap.fds, LEFT_MAC, ip=f"{LEFT}/24", ping=HOST, shell=60) as vm:
        assert tap.get("AntiSpoof")
        assert vm.pings(HOST)
        vm.run(f"ip link set eth0 address {RIGHT_MAC}")
        assert not reaches(vm, HOST)
        vm.run(f"ip link set eth0 address {LEFT_MAC}")
        assert reaches(vm, HOST)
