# SPDX-License-Identifier: LGPL-2.1-or-later
"""A MAC that a bridge has learnt behind an uplink is not necessarily in use there now: a guest that has moved
here may have used it there. Root and callers authorized for manage-endpoints may take it over, others may
where the administrator has listed the bridge; nobody may take an entry that somebody has set, or a MAC that a
tap of vnicd uses."""

import contextlib
import socket

import pytest
from vnic import frames, kernel
from vnic.agent import Agent
from vnic.process import poll
from vnic.world import CONFIGURATION

MOVED, NEIGHBOUR = "52:54:00:00:4d:01", "52:54:00:00:4d:02"


@pytest.fixture
def uplink(bridge):
    """A cable to another machine, which sends from any source: uplink(mac)."""
    kernel.make_veth("up0", "wire0", master=bridge)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("wire0", 0))

        def send(mac, destination=frames.BROADCAST):
            wire.send(frames.plain(destination, mac, b"from beyond"))

        try:
            yield send
        finally:
            kernel.del_link("up0")


@pytest.fixture
def moved(bridge, uplink):
    """The bridge has just learnt the MAC behind the uplink."""
    assert poll(lambda: uplink(MOVED) or entry(bridge)["ifname"] == "up0", 5)
    assert entry(bridge)["state"] == ""
    return MOVED


@pytest.fixture
def allowed(world):
    """allowed("[User *]", "yes0"): sets what the configuration says."""
    def apply(section, names):
        world.configure(f"{CONFIGURATION}{section}\nAllowLearntMacs={names}\n")
        world.reload()
    yield apply
    world.configure(CONFIGURATION)
    world.reload()


def entry(bridge, mac=MOVED):
    found = [known for known in kernel.fdb(bridge) if known["mac"] == mac]
    assert len(found) <= 1
    return found[0] if found else {"ifname": "", "state": "", "flags": []}


def is_tied(bridge, tap, mac=MOVED):
    known = entry(bridge, mac)
    return known["ifname"] == tap.interface and known["state"] == "static" and "sticky" in known["flags"]


def refused(client, bridge, mac=MOVED, **options):
    error = client.create_tap_error(bridge, guest_mac=mac, **options)
    assert error.short == "MacInUse", error
    return error.message


def test_root_takes_it_over_and_it_stays_here(root, bridge, uplink, moved):
    with root.create_tap(bridge, guest_mac=moved) as tap, root.create_tap(bridge, guest_mac=NEIGHBOUR) as other:
        assert is_tied(bridge, tap)
        uplink(MOVED)  # a last frame of it, or another machine that claims it there
        frame = frames.plain(MOVED, NEIGHBOUR, b"for the guest")
        frames.send(other.fds[0], frame, frames.hdr())
        assert frames.receive(tap.fds[0], 5, want=lambda got: got == frame)
        assert is_tied(bridge, tap)


def test_whoever_manages_endpoints_may(carol, bridge, moved):
    assert carol.can_create_tap(bridge, guest_mac=moved)[0] == "yes"
    with carol.create_tap(bridge, guest_mac=moved) as tap:
        assert is_tied(bridge, tap)


@pytest.mark.parametrize("anti_spoof", [True, False])
def test_others_may_not_and_are_told_what_would_allow_it(bob, bridge, moved, anti_spoof):
    text = refused(bob, bridge, anti_spoof=anti_spoof)
    assert "up0" in text and "AllowLearntMacs" in text
    answer, reason = bob.can_create_tap(bridge, guest_mac=moved)
    assert answer == "no" and "AllowLearntMacs" in reason
    assert entry(bridge)["ifname"] == "up0"


def test_nobody_is_asked_for_a_password(world, alice, bridge, moved):
    """Polkit would ask an administrator, who could not know what for."""
    with Agent(world, alice, "accept") as agent:
        refused(alice, bridge, interactive=True)
        assert agent.prompts == []


def test_nor_for_the_bridge_when_the_mac_is_refused_all_the_same(world, alice, bridges):
    bridges("ask0")
    kernel.make_veth("up1", "wire1", master="ask0")
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire, Agent(world, alice, "accept") as agent:
            wire.bind(("wire1", 0))
            assert poll(lambda: wire.send(frames.plain(frames.BROADCAST, MOVED)) and entry("ask0")["ifname"] == "up1", 5)
            refused(alice, "ask0", interactive=True)
            assert agent.prompts == []
    finally:
        kernel.del_link("up1")


@pytest.mark.parametrize(("section", "names"), [("[User *]", "yes0"), ("[User bob]", "no9 *"), ("[Group vm]", "yes0")])
def test_an_administrator_allows_it_on_bridges(allowed, bob, carol, bridge, moved, section, names):
    allowed(section, names)
    user = carol if "Group" in section else bob
    with user.create_tap(bridge, guest_mac=moved) as tap:
        assert is_tied(bridge, tap)


def test_on_no_other_bridge_and_for_nobody_else(allowed, bob, bridge, moved):
    allowed("[User *]", "yes1")
    refused(bob, bridge)
    allowed("[User alice]", "yes0")
    refused(bob, bridge)


def test_what_another_program_has_learnt_for_the_bridge_is_no_proof_either(root, bob, bridge, uplink):
    """EVPN's daemon enters the guests of other hosts this way."""
    kernel.run("bridge", "fdb", "add", MOVED, "dev", "up0", "master", "dynamic", "extern_learn")
    assert "extern_learn" in entry(bridge)["flags"]
    refused(bob, bridge)
    with root.create_tap(bridge, guest_mac=MOVED) as tap:
        assert is_tied(bridge, tap)


def test_the_host_sides_address_is_no_other_case(root, bridge, uplink):
    host_side = "fe" + MOVED[2:]
    assert poll(lambda: uplink(host_side) or entry(bridge, host_side)["ifname"] == "up0", 5)
    with root.create_tap(bridge, guest_mac=MOVED) as tap:
        assert is_tied(bridge, tap)


def test_a_tap_without_a_filter_takes_it_with_its_first_frame(root, bridge, moved):
    with root.create_tap(bridge, guest_mac=moved, anti_spoof=False) as tap:
        frames.send(tap.fds[0], frames.plain(frames.BROADCAST, MOVED), frames.hdr())
        assert poll(lambda: entry(bridge)["ifname"] == tap.interface, 5)


@pytest.mark.parametrize("kind", ["static", "permanent"])
def test_what_somebody_has_set_is_in_use_for_root_too(root, bridge, uplink, kind):
    kernel.run("bridge", "fdb", "add", MOVED, "dev", "up0", "master", kind if kind == "static" else "local")
    refused(root, bridge)
    assert entry(bridge)["ifname"] == "up0"


def test_what_a_tap_of_vnicd_uses_is_in_use_for_root_too(allowed, root, alice, bridge):
    allowed("[User *]", "*")
    with alice.create_tap(bridge) as learnt:
        frames.send(learnt.fds[0], frames.plain(frames.BROADCAST, MOVED), frames.hdr())
        assert poll(lambda: entry(bridge)["ifname"] == learnt.interface, 5)
        refused(root, bridge)


@pytest.mark.restarts
def test_it_is_tied_after_a_restart_too(world, root, bridge, uplink, moved):
    with root.create_tap(bridge, guest_mac=moved) as tap:
        world.restart_service()
        uplink(MOVED)
        with contextlib.closing(root.create_tap(bridge)):  # the service has read everything that came before
            assert is_tied(bridge, tap)
