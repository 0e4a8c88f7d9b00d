# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bridge that filters VLANs: a locked port passes a guest's frames only in the VLANs in which its MAC has
an entry."""

import json
import subprocess

import pytest
import system
from system import poll
from vnic.client import BusError

GUEST, OTHER = "52:54:00:00:aa:01", "52:54:00:00:bb:02"


@pytest.fixture
def filtering():
    """br7, with an administrator's port in the VLANs 1, 7 and 9."""
    made = subprocess.run(["ip", "link", "add", "br7", "type", "bridge", "vlan_filtering", "1"], capture_output=True,
                          check=False).returncode == 0
    if not made or system.said("bridge", "vlan", "show", "dev", "br7").count("PVID") == 0:
        if made:
            system.run("ip", "link", "del", "br7")
        pytest.skip("a kernel whose bridges filter no VLANs")
    system.run("ip", "link", "set", "br7", "up")
    system.run("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
    system.run("ip", "link", "set", "lan0", "master", "br7", "up")
    for vlan in ("7", "9"):
        system.run("bridge", "vlan", "add", "dev", "lan0", "vid", vlan)
    system.configure("[Group vm]\nAllowBridges=br7\n")
    system.restart()
    yield "br7"
    system.run("ip", "link", "del", "lan0")
    system.run("ip", "link", "del", "br7")


def tied(interface, mac=GUEST):
    """The VLANs in which somebody has set the MAC on this port; None: without a VLAN."""
    entries = json.loads(system.run("bridge", "-j", "fdb", "show", "dev", interface))
    return {entry.get("vlan") for entry in entries if entry["mac"] == mac and entry.get("state") == "static"}


def test_a_guest_is_heard_in_a_vlan_that_is_added_later(carol, filtering):
    with carol.create_tap(filtering, guest_mac=GUEST) as tap:
        assert tap.get("AntiSpoof") and 1 in tied(tap.interface)
        system.run("bridge", "vlan", "add", "dev", tap.interface, "vid", "7")
        assert poll(lambda: 7 in tied(tap.interface), 3), tied(tap.interface)
        system.run("bridge", "vlan", "add", "dev", tap.interface, "vid", "20-22")
        assert poll(lambda: {20, 21, 22} <= tied(tap.interface), 3), tied(tap.interface)
        assert tap.get("Warnings") == []


def test_what_another_port_has_stays_there_and_it_is_said(carol, filtering):
    system.run("bridge", "fdb", "add", GUEST, "dev", "lan0", "master", "static", "vlan", "9")
    with carol.create_tap(filtering, guest_mac=GUEST) as tap:
        system.run("bridge", "vlan", "add", "dev", tap.interface, "vid", "9")
        assert poll(lambda: any("VLAN" in text for text in tap.get("Warnings")), 3), tap.get("Warnings")
        assert tied("lan0") == {9} and 9 not in tied(tap.interface)
        system.run("bridge", "fdb", "del", GUEST, "dev", "lan0", "master", "vlan", "9")
        system.run("bridge", "vlan", "add", "dev", tap.interface, "vid", "7")  # it is checked again at the next change
        assert poll(lambda: {7, 9} <= tied(tap.interface), 3), tied(tap.interface)
        assert poll(lambda: tap.get("Warnings") == [], 3), tap.get("Warnings")


def test_a_mac_that_is_known_in_the_vlan_of_a_new_port_is_in_use(carol, filtering):
    system.run("bridge", "fdb", "add", OTHER, "dev", "lan0", "master", "static", "vlan", "1")
    assert tied("lan0", OTHER) == {1}
    with pytest.raises(BusError) as caught:
        carol.create_tap(filtering, guest_mac=OTHER, anti_spoof=False)
    assert caught.value.short == "MacInUse"
