# SPDX-License-Identifier: LGPL-2.1-or-later
"""A port that only its guest can use, and the MACs that nobody may claim."""

import pytest
from vnic import frames, kernel

VICTIM, NEIGHBOUR, FORGED = "52:54:00:00:0c:01", "52:54:00:00:0d:01", "52:54:00:00:0e:01"


def entry(bridge, mac):
    """The bridge's FDB entry for a guest's MAC."""
    found = [entry for entry in kernel.fdb(bridge) if entry["mac"] == mac]
    assert len(found) <= 1
    return found[0] if found else None


def crosses(sender, receiver, destination, source, timeout=1.0):
    frame = frames.plain(destination, source, b"to " + destination.encode())
    frames.send(sender.fds[0], frame, frames.hdr())
    return frames.receive(receiver.fds[0], timeout, want=lambda got: got == frame) is not None


def test_a_guest_mac_gets_a_locked_port_with_one_static_and_sticky_entry(alice, bridge):
    with alice.create_tap(bridge, guest_mac=VICTIM) as tap:
        port = kernel.bridge_port(tap.interface)
        assert port["locked"] and not port["learning"]
        tied = entry(bridge, VICTIM)
        assert tied["ifname"] == tap.interface and tied["state"] == "static"
        assert "sticky" in tied["flags"]
        others = [known for known in kernel.fdb(bridge) if known["ifname"] == tap.interface
                  and "self" not in known["flags"]]
        assert {known["mac"] for known in others} == {VICTIM, "fe" + VICTIM[2:]}
        assert tap.get("AntiSpoof")


def test_it_can_be_asked_for_with_a_generated_mac(alice, bridge):
    with alice.create_tap(bridge, anti_spoof=True) as tap:
        assert entry(bridge, tap.get("GuestMac"))["state"] == "static"
        assert kernel.bridge_port(tap.interface)["locked"]


def test_it_can_be_turned_off(alice, bridge):
    with alice.create_tap(bridge, guest_mac=VICTIM, anti_spoof=False) as tap:
        assert entry(bridge, VICTIM) is None
        assert kernel.bridge_port(tap.interface)["learning"]


def test_only_the_guests_mac_may_be_a_source(alice, bridge):
    with alice.create_tap(bridge, guest_mac=VICTIM) as one, \
            alice.create_tap(bridge, guest_mac=NEIGHBOUR) as other:
        assert crosses(one, other, NEIGHBOUR, VICTIM)
        for source in (FORGED, NEIGHBOUR, "fe" + VICTIM[2:], kernel.link(bridge)["address"]):
            assert not crosses(one, other, NEIGHBOUR, source, 0.15), source
        assert entry(bridge, FORGED) is None


def test_threat_32_a_victim_keeps_its_traffic_while_a_neighbour_forges_its_mac(alice, bob, bridge):
    """The neighbour's port is unlocked and learns; an entry that is static but not sticky would move to
    it."""
    with alice.create_tap(bridge, guest_mac=VICTIM) as victim, bob.create_tap(bridge) as thief, \
            alice.create_tap(bridge, guest_mac=NEIGHBOUR) as friend:
        for _ in range(50):
            frames.send(thief.fds[0], frames.plain(NEIGHBOUR, VICTIM, b"forged"), frames.hdr())
            assert entry(bridge, VICTIM)["ifname"] == victim.interface
            assert crosses(friend, victim, VICTIM, NEIGHBOUR)
        frame = frames.plain(VICTIM, NEIGHBOUR, b"secret")
        frames.send(friend.fds[0], frame, frames.hdr())
        assert frames.receive(thief.fds[0], 0.2, want=lambda got: b"secret" in got) is None


def test_without_it_a_forged_frame_does_move_the_traffic(alice, bob, bridge):
    """The control: this is what the port is locked against."""
    with alice.create_tap(bridge) as victim, bob.create_tap(bridge) as thief, \
            alice.create_tap(bridge, guest_mac=NEIGHBOUR) as friend:
        mac = victim.get("GuestMac")
        assert crosses(victim, friend, NEIGHBOUR, mac)
        assert crosses(thief, friend, NEIGHBOUR, mac)
        assert entry(bridge, mac)["ifname"] == thief.interface
        assert crosses(friend, thief, mac, NEIGHBOUR)


@pytest.mark.parametrize("anti_spoof", [True, False])
def test_threat_50_a_mac_that_the_bridge_knows_cannot_be_claimed(alice, bob, bridge, anti_spoof):
    kernel.make_veth("uplink", "gateway", master=bridge)
    try:
        kernel.run("ip", "link", "set", "gateway", "address", "02:00:00:00:99:01")
        kernel.run("bridge", "fdb", "add", "02:00:00:00:99:02", "dev", "uplink", "master", "static")
        with alice.create_tap(bridge, guest_mac=VICTIM) as tap, alice.create_tap(bridge) as learnt:
            frames.send(learnt.fds[0], frames.plain("ff:ff:ff:ff:ff:ff", FORGED), frames.hdr())
            before = kernel.fixed_fdb(bridge)
            for mac in (kernel.link(bridge)["address"], kernel.link("uplink")["address"],
                        "02:00:00:00:99:02", VICTIM, "fe" + VICTIM[2:], learnt.get("GuestMac"), FORGED):
                error = bob.create_tap_error(bridge, guest_mac=mac, anti_spoof=anti_spoof)
                assert error.short == "MacInUse" and bridge in error.message, mac
            assert kernel.fixed_fdb(bridge) == before
            tap.release()
        with bob.create_tap(bridge, guest_mac=VICTIM, anti_spoof=anti_spoof) as again:
            assert again.get("GuestMac") == VICTIM
    finally:
        kernel.del_link("uplink")


def test_the_same_mac_is_free_on_another_bridge(alice, bridge, bridges):
    bridges("yes1")
    with alice.create_tap(bridge, guest_mac=VICTIM), alice.create_tap("yes1", guest_mac=VICTIM) as other:
        assert entry("yes1", VICTIM)["ifname"] == other.interface
