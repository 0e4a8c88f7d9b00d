# SPDX-License-Identifier: LGPL-2.1-or-later
"""Taps on a bridge with the spanning tree protocol: a port that does not forward yet reports this, no guest
becomes the root of the tree, and BPDU guard disables the port of one that tries."""

import contextlib

import pytest
from vnic import frames, kernel
from vnic.client import PROPERTIES
from vnic.process import poll
from vnic.world import CONFIGURATION

GUEST, OTHER = "52:54:00:00:5a:01", "52:54:00:00:5a:02"
DELAY = 2  # the shortest delay that a bridge accepts, in seconds; a port listens that long, and then learns as long

pytestmark = pytest.mark.deadline(90)


@pytest.fixture
def tree(bridges):
    """A bridge with the protocol."""
    bridges("yes0")
    kernel.run("ip", "link", "set", "yes0", "type", "bridge", "stp_state", "1", "forward_delay", str(100 * DELAY))
    return "yes0"


def state(tap):
    return kernel.bridge_port(tap.interface)["state"]


def about_the_tree(tap):
    return [text for text in tap.get("Warnings") if "spanning tree" in text]


def crosses(sender, receiver, source, destination):
    frame = frames.plain(destination, source, b"over the bridge")
    frames.send(sender.fds[0], frame, frames.hdr())
    return frames.receive(receiver.fds[0], 0.2, want=lambda got: got == frame) is not None


def test_a_port_that_listens_says_so_and_says_when_it_forwards(alice, tree):
    with alice.create_tap(tree, guest_mac=GUEST) as one, alice.create_tap(tree, guest_mac=OTHER) as other, \
            contextlib.closing(alice.subscribe(PROPERTIES, "PropertiesChanged", one.endpoint)) as changes:
        assert state(one) == "listening"
        assert not one.get("Forwarding")
        assert len(about_the_tree(one)) == 1 and "does not forward yet" in about_the_tree(one)[0]
        assert not crosses(other, one, OTHER, GUEST)
        assert changes.wait_for(lambda _path, _interface, _member, values: values[1].get("Forwarding") is True, 6 * DELAY)
        assert state(one) == "forwarding"
        assert one.get("Forwarding")
        assert about_the_tree(one) == []
        assert poll(lambda: crosses(other, one, OTHER, GUEST), 6 * DELAY)


def test_without_the_protocol_a_port_forwards_from_the_first(alice, bridge):
    with alice.create_tap(bridge) as tap:
        assert tap.get("Forwarding") and tap.get("Warnings") == []


def test_on_no_bridge_nothing_keeps_frames_back(root):
    with root.create_tap("-") as tap:
        assert tap.get("Forwarding")


def test_a_tap_that_nobody_has_open_forwards_nothing_and_that_is_no_warning(root, bridge):
    with root.create_tap(bridge, persistent=True) as tap:
        assert poll(lambda: not tap.get("Forwarding"), 5)
        assert tap.get("Warnings") == []
        tap.open_queue()
        assert poll(lambda: tap.get("Forwarding"), 5)
        tap.release()


@pytest.mark.parametrize("options", [{}, {"isolated": True, "guest_mac": GUEST}], ids=["plain", "isolated"])
def test_every_port_of_a_guest_has_root_block(alice, bridge, options):
    with alice.create_tap(bridge, **options) as tap:
        assert kernel.bridge_port(tap.interface)["root_block"]


@pytest.mark.restarts
def test_a_port_of_an_older_version_gets_it(world, alice, bridge):
    with alice.create_tap(bridge) as tap:
        world.stop_service()
        kernel.run("ip", "link", "set", tap.interface, "type", "bridge_slave", "root_block", "off")
        world.start_service()
        assert poll(lambda: kernel.bridge_port(tap.interface)["root_block"], 5)


# BPDU guard

@pytest.fixture
def guarded(world):
    world.configure(CONFIGURATION + "[Bridges]\nBpduGuard=yes\n")
    world.reload()
    yield
    world.configure(CONFIGURATION)
    world.reload()


def test_bpdu_guard_closes_the_port_of_a_guest_that_speaks_of_the_tree(guarded, alice, tree):
    with alice.create_tap(tree, guest_mac=GUEST, isolated=True) as tap:
        assert kernel.bridge_port(tap.interface)["guard"]
        assert poll(lambda: tap.get("Forwarding"), 6 * DELAY)
        frames.send(tap.fds[0], frames.bpdu(GUEST), frames.hdr())
        assert poll(lambda: state(tap) == "disabled", 5)
        assert poll(lambda: not tap.get("Forwarding"), 5)
        assert poll(lambda: any("BPDU guard" in text for text in tap.get("Warnings")), 5)
        kernel.run("ip", "link", "set", tap.interface, "down")
        kernel.run("ip", "link", "set", tap.interface, "up")
        assert poll(lambda: tap.get("Forwarding") and tap.get("Warnings") == [], 6 * DELAY)


def test_bpdu_guard_is_off_unless_it_is_configured(alice, tree):
    with alice.create_tap(tree, guest_mac=GUEST) as tap:
        assert not kernel.bridge_port(tap.interface)["guard"]


@pytest.mark.restarts
def test_a_guard_outlives_the_service(guarded, world, alice, tree):
    with alice.create_tap(tree, guest_mac=GUEST) as tap:
        world.restart_service()
        with alice.create_tap(tree, guest_mac=OTHER):  # its events come after all of those from the start
            assert kernel.bridge_port(tap.interface)["guard"]
        assert tap.get("Forwarding") or about_the_tree(tap)
