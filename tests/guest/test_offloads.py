# SPDX-License-Identifier: LGPL-2.1-or-later
"""The offloads that a real guest negotiates, and later changes, are announced."""

import pytest
from vnic import guest, kernel
from vnic.client import TAP

MAC = "52:54:00:00:10:09"

pytestmark = pytest.mark.deadline(120)


def told(signals, tap, wanted, timeout=60.0):
    """The first OffloadsChanged of the tap for which wanted(names) holds."""
    return signals.wait_for(lambda path, _interface, member, values:
                            path == tap.endpoint and member == "OffloadsChanged" and wanted(values[0]),
                            timeout)[3][0]


def test_what_the_guest_negotiates_and_turns_off_again_is_told(alice, lan):
    signals = alice.subscribe(TAP)
    with alice.create_tap(lan, guest_mac=MAC) as tap:
        assert tap.get("OffloadsActive") == []
        with guest.Guest(tap.fds, MAC, ip="192.0.2.10/24", shell=60) as vm:
            names = told(signals, tap, lambda names: "tso4" in names)
            assert {"csum", "tso4", "tso6"} <= set(names)
            vm.wait_for("VNIC-READY")
            assert kernel.ethtool_features(tap.interface)["tx-tcp-segmentation"]
            assert "tso4" in tap.get("OffloadsActive")
            # What the host sends to the guest is what the guest accepts: its receive offloads.
            signals.clear()
            vm.run("ethtool -K eth0 lro off gro-hw off 2>&1; ethtool -K eth0 rx-gro-hw off 2>&1")
            assert told(signals, tap, lambda names: "tso4" not in names, 10) is not None
            assert not kernel.ethtool_features(tap.interface)["tx-tcp-segmentation"]
