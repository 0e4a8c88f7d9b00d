# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's neighbour table is shared by all of its links: no guest can fill it."""

import ipaddress
import os
import socket

import pytest
from vnic import frames, hostile, kernel, networks
from vnic.process import poll

# As many as one guest may make the host look for at once, and those that become available while a test runs.
MOST = 20 + 15
MANY = 300


def solicitation(mac, source):
    target = socket.inet_pton(socket.AF_INET6, "fe80::1")
    return frames.ethernet("33:33:ff:00:00:01", mac, frames.ETH_IPV6, hostile.icmp6(
        source, "ff02::1:ff00:1", 135, bytes(4) + target + b"\x01\x01" + frames.mac_bytes(mac)))


def echo(mac, bridge_mac, source):
    return frames.ethernet(bridge_mac, mac, frames.ETH_IPV6, hostile.icmp6(source, "fe80::1", 128, b"\0\1\0\1"))


def neighbours(family, link):
    return kernel.run("ip", f"-{family}", "neigh", "show", "dev", link, "nud", "all").splitlines()


@pytest.mark.parametrize("guard", (False, True))
def test_a_guest_with_ever_new_addresses_does_not_fill_the_hosts_table_of_neighbours(root, guard):
    with networks.network(root, "net0", "isolated", services=False, addresses=["10.77.3.1/16", "fd77:3::1/64"],
                          guard_addresses=guard) as network, root.create_tap("net0") as tap:
        mac, gateway = tap.get("GuestMac"), network.address(4)
        bridge_mac = kernel.link("net0")["address"]
        assert poll(lambda: "tentative" not in kernel.run("ip", "-6", "addr", "show", "dev", "net0"), 5)
        before = len(neighbours(6, "net0"))
        for number in range(MANY):
            address = str(ipaddress.ip_address("10.77.9.1") + number)
            os.write(tap.fds[0], frames.hdr() + frames.arp_request(mac, address, gateway))
        assert 1 <= len(neighbours(4, "net0")) <= MOST
        for number in range(MANY):
            os.write(tap.fds[0], frames.hdr() + solicitation(mac, f"fe80::5:{number:x}"))
            os.write(tap.fds[0], frames.hdr() + echo(mac, bridge_mac, f"fe80::6:{number:x}"))
        assert len(neighbours(6, "net0")) - before <= MOST
        # The addresses that it had before still get through.
        assert any(line.startswith("10.77.9.1 ") for line in neighbours(4, "net0"))
