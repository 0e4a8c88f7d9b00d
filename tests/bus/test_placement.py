# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a tap is to be: what CanCreateTap and CreateTap find out before anybody is asked, and what decides which
action polkit is asked about."""

import contextlib
import time

import pytest
from vnic import kernel
from vnic.client import MANAGER, ROOT
from vnic.networks import Network, network
from vnic.process import poll

# CanCreateTap in the same breath as what changes its answer


@pytest.mark.parametrize("again", range(3))
def test_can_create_tap_in_the_same_breath_as_a_creation_with_the_label(alice, bridge, world, again):
    """The queues of the tap are on their way to their holder for some 10 ms, during which CreateTap would wait."""
    pid = world.pid
    with alice.create_tap(bridge, label=f"web{again}") as tap:
        answer, sentence = alice.can_create_tap(bridge, label=f"web{again}")
        assert (answer, f"web{again}" in sentence) == ("no", True)
        assert kernel.exists(tap.interface)
    # Held by nobody any more: CreateTap would wait for its end, and then succeed.
    assert alice.can_create_tap(bridge, label=f"web{again}") == ("yes", "You may create this tap.")
    assert not kernel.exists(tap.interface)
    assert world.pid == pid and world.service.alive()


def test_can_create_tap_in_the_same_breath_as_the_last_of_the_quota(alice, bridge):
    with contextlib.ExitStack() as stack:
        for _ in range(32):
            last = stack.enter_context(alice.create_tap(bridge))
        assert alice.can_create_tap(bridge)[0] == "quota"
        last.close()
        assert alice.can_create_tap(bridge)[0] == "yes"
        assert not kernel.exists(last.interface)


def test_can_create_tap_in_the_same_breath_as_a_release(alice, bridge):
    with alice.create_tap(bridge, guest_mac="52:54:00:00:77:01") as tap:
        pending = alice.start(tap.endpoint, "org.vnicd1.Endpoint", "Release")
        assert alice.can_create_tap(bridge, guest_mac="52:54:00:00:77:01")[0] == "yes"
        assert not kernel.exists(tap.interface)
        pending.result()


def test_can_create_tap_in_the_same_breath_as_the_end_of_a_network(root):
    made = Network(root, "yesnet", "isolated")
    pending = root.start(made.path, "org.vnicd1.Network", "Delete")
    answer, sentence = root.can_create_tap("yesnet")
    assert answer == "no" and "yesnet" in sentence
    assert not kernel.exists("yesnet")
    pending.result()
