# SPDX-License-Identifier: LGPL-2.1-or-later
"""The purpose of it all: a virtual machine of an ordinary user, on a tap from the installed service."""

import pytest
import system
from vnic import guest

HOST = "192.0.2.1"
# In a machine the guest is nested, and no processor feature helps with either.
PATIENCE = 60 if system.is_container() else 600


@pytest.fixture
def lan(bridge):
    """A bridge on which the host answers."""
    system.run("ip", "addr", "add", f"{HOST}/24", "dev", bridge)
    return bridge


@pytest.mark.skipif(guest.why_not() != "", reason=guest.why_not())
def test_a_guest_of_a_granted_user_is_on_the_network(lan):
    system.configure("[Group vm]\nAllowBridges=br0\n")
    system.restart()
    vnicctl = ["vnicctl", "run", "--bridge", lan, "--"]
    argv = [*vnicctl, *guest.qemu_argv({"ip": "192.0.2.10/24", "ping": HOST}, kind="fds")]
    with guest.Guest(argv=argv, user="carol", bus_address=system.WORLD.bus.address) as vm:
        assert system.poll(system.taps, 20), vm.console()
        ((name, link),) = system.taps().items()
        assert link["master"] == lan and "uid=1003" in link["ifalias"]
        assert vm.pings(HOST, PATIENCE)
        assert vm.feature("tcp-segmentation-offload", PATIENCE) == "on"
        features = system.run("ethtool", "-k", name)
        assert "tx-tcp-segmentation: on" in features, features
        assert vm.wait(PATIENCE) == 0
    assert system.poll(lambda: not system.taps(), 5)
