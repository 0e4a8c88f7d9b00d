# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service stops and comes back; the taps stay, with all of their settings."""

import contextlib
import os
import signal

import pytest
import system
from vnic.client import MANAGER, ROOT


def kill():
    os.kill(system.pid(), signal.SIGKILL)


def restart():
    system.restart()


def stop():
    system.run("systemctl", "stop", "vnicd")


def facts(tap):
    """What must not change, as the kernel reports it."""
    link = system.taps()[tap.interface]
    port = link["linkinfo"].get("info_slave_data", {})
    return {key: link.get(key) for key in ("ifindex", "address", "mtu", "master", "ifalias", "flags")} | \
        link["linkinfo"]["info_data"] | {key: port.get(key) for key in ("learning", "locked", "isolated", "flood")}


@pytest.mark.parametrize("how", [kill, restart, stop])
def test_live_taps_stay_as_they_are(bridge, carol, how):
    system.configure("[Group vm]\nAllowBridges=br0\n")
    system.restart()
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(carol.create_tap(bridge, True, True, queues=2)) for _ in range(5)]
        before, pid = [facts(tap) for tap in taps], system.pid()
        how()
        # The next call starts it, if systemd has not.
        assert system.poll(lambda: system.pid() != pid or system.show("ActiveState") == "inactive", 5)
        assert len(carol.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]) >= 5
        assert system.pid() not in (0, pid)
        assert [facts(tap) for tap in taps] == before
        assert {carol.call(ROOT, MANAGER, "GetEndpoint", "s", (tap.interface,))[0] for tap in taps} == \
            {tap.endpoint for tap in taps}


def test_a_service_that_hangs_is_started_again(alice):
    system.drop_in("watchdog", "WatchdogSec=2\nTimeoutAbortSec=1")
    system.restart()
    pid = system.pid()
    os.kill(pid, signal.SIGSTOP)
    assert system.poll(lambda: system.pid() not in (0, pid), 15)
    assert alice.get(ROOT, MANAGER, "Version")


def test_a_configuration_with_an_error_is_not_tried_again():
    system.configure("[Limits]\nNonsense=1\n")
    system.said("systemctl", "start", "vnicd")
    assert system.show("ActiveState") == "failed" and system.show("NRestarts") == "0"
    assert system.show("ExecMainStatus") == "78"
