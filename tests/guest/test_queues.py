# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests on queues that arrived over the bus: how many, with which header, and when they are taken away."""

import time

import pytest
from vnic import guest, kernel

HOST = "192.0.2.1"
MAC = "52:54:00:00:10:01"

pytestmark = pytest.mark.deadline(120)


@pytest.mark.parametrize("queues", [1, 4])
def test_a_guest_works_on_queues_that_a_client_was_given(alice, lan, queues):
    with alice.create_tap(lan, True, queues > 1, queues=queues, guest_mac=MAC) as tap:
        words = {"queues": queues} if queues > 1 else {}
        with guest.Guest(tap.fds, MAC, ip="192.0.2.10/24", ping=HOST, wait=60, **words) as vm:
            interface = tap.interface
            tap.close()  # QEMU has them now, and nobody else
            assert vm.pings(HOST)
            assert vm.feature("tx-tcp-segmentation") == "on"
            assert kernel.ethtool_features(interface)["tx-tcp-segmentation"]
            if queues > 1:
                assert vm.wait_for("VNIC-CHANNELS").endswith(f" combined {queues}")
                assert kernel.numqueues(interface) == (queues, 0)
        assert kernel.wait_gone(interface)


def test_queues_that_the_guest_does_not_use_are_counted_as_such(alice, lan):
    """There is one processor, so the guest's driver opens one queue of four: QEMU detaches the others."""
    with alice.create_tap(lan, True, True, queues=4, guest_mac=MAC) as tap:
        with guest.Guest(tap.fds, MAC, ip="192.0.2.10/24", ping=HOST, wait=60) as vm:
            assert vm.pings(HOST)
            assert kernel.numqueues(tap.interface) == (1, 3)
            assert (tap.get("Queues"), tap.get("QueuesDisabled")) == (1, 3)
            assert tap.get("State") == "active"


def test_without_a_header_the_guest_has_no_segmentation(alice, lan):
    """The control: this is the cost of a tap without vnet_hdr, and the reason for the flag of CreateTap."""
    with alice.create_tap(lan, False, guest_mac=MAC) as tap:
        with guest.Guest(tap.fds, MAC, ip="192.0.2.10/24", ping=HOST, wait=60) as vm:
            assert vm.pings(HOST)
            assert vm.feature("tx-tcp-segmentation") == "off [fixed]"
            assert vm.feature("tx-checksum-ip-generic") == "off [fixed]"
            assert not kernel.ethtool_features(tap.interface)["tx-tcp-segmentation"]


def test_a_tap_can_be_taken_away_under_a_running_guest(alice, lan):
    """QEMU may not like it (some versions busy-loop), but it cannot keep the tap."""
    with alice.create_tap(lan, guest_mac=MAC) as tap:
        with guest.Guest(tap.fds, MAC, ip="192.0.2.10/24", ping=HOST, wait=60) as vm:
            tap.close()
            assert vm.pings(HOST)
            start = time.monotonic()
            tap.release()
            assert kernel.wait_gone(tap.interface, 1.0)
            assert time.monotonic() - start < 1.0
            assert tap.endpoint not in alice.managed_objects()
            assert vm.popen.poll() is None, f"QEMU has ended:\n{vm.console()}"
