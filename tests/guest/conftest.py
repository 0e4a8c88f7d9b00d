# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest tier: real QEMU guests, without KVM, as ordinary users. What is asserted is what the guest says
of itself and what the kernel of the host says of the tap."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

pytest_plugins = ["vnic.fixtures"]

HOST = "192.0.2.1"


@pytest.fixture(autouse=True)
def needs_guests(guest_ready):
    """Every test of this tier boots a guest, or is skipped with the reason why none can."""


@pytest.fixture
def lan(bridges):
    """A bridge on which everybody may have taps, with the host at HOST: someone who answers pings."""
    return bridges("yes0", mac="02:00:00:00:00:01", address=f"{HOST}/24")
