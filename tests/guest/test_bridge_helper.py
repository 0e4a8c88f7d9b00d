# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU calls vnic-bridge-helper itself, as it calls its own helper."""

import pwd

import pytest
from vnic import guest, kernel
from vnic.frames import frame_lengths
from vnic.process import open_fds, status_field

HOST = "192.0.2.1"
ADDRESS = "192.0.2.10"
MAC = "52:54:00:00:10:21"
SIZE = 20 * 1000 * 1000

pytestmark = pytest.mark.deadline(120)


def booted(world, netdev, *extra, env=None, mac=MAC, **words):
    """A guest whose network card is the whole -netdev argument; {helper} in it is vnic-bridge-helper."""
    netdev = netdev.format(helper=world.tool("vnic-bridge-helper"))
    argv = guest.qemu_argv(words, kind=netdev, mac=mac)
    return guest.Guest(argv=[argv[0], *extra, *argv[1:]], env=env)


@pytest.mark.parametrize("netdev", [
    "bridge,id=n0,br=yes0,helper={helper}",
    # With a blank in the helper's name QEMU uses a shell, and a --br given there counts.
    "tap,id=n0,helper={helper} --br=yes0",
])
def test_a_guest_is_on_the_network_and_tcp_crosses_in_large_segments(world, lan, netdev, sink):
    """20 MB to the host: segments uncut on the tap, and every byte as it was sent."""
    with booted(world, netdev, "-sandbox", "on", ip=f"{ADDRESS}/24", ping=HOST, send=f"{HOST}:{sink.port}:{SIZE}",
                wait=60) as vm:
        tap = vm.tap()
        with frame_lengths(tap) as lengths:
            assert vm.pings(HOST)
            sent = vm.wait_for(f"VNIC-RESULT sent {SIZE} ")
        assert sent.endswith(" ok") and sink.md5() == sent.split()[3]
        assert max(lengths) > 10 * 1514 and sum(length > 1514 for length in lengths) > 100
        assert kernel.link(tap)["master"] == lan
        assert kernel.ethtool_features(tap)["tx-tcp-segmentation"]
        # The helper has exited; QEMU is alice's and without any capability, and holds the one queue.
        assert list(open_fds(vm.pid).values()).count("/dev/net/tun") == 1
        assert status_field(vm.pid, "Uid").split() == [str(pwd.getpwnam("alice").pw_uid)] * 4
        assert int(status_field(vm.pid, "CapEff"), 16) == 0
    assert kernel.wait_gone(tap)


@pytest.mark.parametrize("sandbox", [
    "on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny", "on,elevateprivileges=children"])
def test_it_works_under_the_sandbox_of_qemu(world, lan, sandbox):
    """The helper inherits QEMU's seccomp filter, and with elevateprivileges=children NoNewPrivs."""
    with booted(world, "bridge,id=n0,br=yes0,helper={helper}", "-sandbox", sandbox, ip=f"{ADDRESS}/24",
                ping=HOST, wait=60) as vm:
        assert vm.pings(HOST)
        assert status_field(vm.pid, "Seccomp") == "2"


def test_a_sandbox_that_denies_spawning_denies_every_helper(world, lan):
    """QEMU then cannot start a program at all: `vnicctl run` gives it the queue instead."""
    with booted(world, "bridge,id=n0,br=yes0,helper={helper}", "-sandbox", "on,spawn=deny") as vm:
        assert vm.wait() != 0
    assert kernel.our_links() == []
    argv = guest.qemu_argv({"ip": f"{ADDRESS}/24", "ping": HOST}, "{fd}", kind="fd")
    with guest.Guest(argv=[world.tool("vnicctl"), "run", "--bridge", lan, "--", argv[0], "-sandbox",
                           "on,spawn=deny", *argv[1:]]) as vm:
        assert vm.pings(HOST)


def test_the_environment_reaches_the_helper_through_qemu(world, alice, lan):
    with booted(world, "bridge,id=n0,br=yes0,helper={helper}",
                env={"VNIC_LABEL": "web", "VNIC_GUEST_MAC": MAC, "VNIC_ISOLATED": "yes"},
                ip=f"{ADDRESS}/24", ping=HOST, wait=60) as vm:
        tap = vm.tap()
        assert vm.pings(HOST)
        assert alice.call("/org/vnicd1", "org.vnicd1.Manager", "GetEndpoint", "s", ("web",))[0].endswith(tap)
        assert kernel.bridge_port(tap)["isolated"] and kernel.bridge_port(tap)["locked"]


def test_a_refusal_reaches_whoever_started_qemu(world, bridges):
    bridges("no0")
    with booted(world, "bridge,id=n0,br=no0,helper={helper}") as vm:
        assert vm.wait() != 0
        said = vm.console()
    assert "org.vnicd1.use-bridge" in said and "/etc/polkit-1/rules.d" in said
    assert kernel.our_links() == []


def test_without_a_bridge_of_that_name_qemu_does_not_start(world):
    with booted(world, "bridge,id=n0,br=gone0,helper={helper}") as vm:
        assert vm.wait() != 0
        assert "gone0" in vm.console()
