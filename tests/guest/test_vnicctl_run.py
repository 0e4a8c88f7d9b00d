# SPDX-License-Identifier: LGPL-2.1-or-later
"""The purpose of the project: an ordinary user runs QEMU through `vnicctl run`, and the guest is on the
network, with every offload."""

import os
import pwd

import pytest
from vnic import LONG, guest, kernel
from vnic.frames import frame_lengths
from vnic.process import open_fds, status_field

HOST = "192.0.2.1"
SEGMENTATION = ("tx-tcp-segmentation", "tx-tcp6-segmentation")

pytestmark = pytest.mark.deadline(120)


def run(world, lan, *options, kind="fds", **words):
    """A guest behind `vnicctl run`, as alice."""
    vnicctl = [world.tool("vnicctl"), "run", "--bridge", lan, *options, "--"]
    return guest.Guest(argv=[*vnicctl, *guest.qemu_argv(words, f"{{{kind}}}", kind=kind)])


def test_a_guest_with_two_queues_is_on_the_network_with_its_offloads(world, lan):
    with run(world, lan, "--queues", 2, ip="192.0.2.10/24", queues=2, ping=HOST, wait=60) as vm:
        tap = vm.tap()
        before = kernel.ethtool_features(tap)
        assert not any(before[feature] for feature in SEGMENTATION), "on before a driver asked for it"

        assert vm.pings(HOST)
        assert vm.feature("tcp-segmentation-offload") == "on"
        for feature in ("tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-checksum-ip-generic"):
            assert vm.feature(feature) == "on"
        assert vm.wait_for("VNIC-CHANNELS").endswith(" combined 2")

        after = kernel.ethtool_features(tap)
        assert all(after[feature] for feature in SEGMENTATION), "the guest has it, the tap has not"
        assert kernel.numqueues(tap) == (2, 0)
        assert kernel.link(tap)["master"] == lan

        vm.wait_for("VNIC-READY wait")
        vm.type("quit")
        assert vm.wait() == 0
        assert kernel.wait_gone(tap)


def test_qemu_is_an_ordinary_process_of_its_user(world, lan):
    """vnicctl has executed it in its place: no capability, no other uid, and nothing of the tap but the
    queues."""
    with run(world, lan, "--queues", 2) as vm:
        tap = vm.tap()
        vm.wait_for("VNIC-LINK mac")
        assert os.path.basename(os.readlink(f"/proc/{vm.pid}/exe")) == guest.QEMU
        alice = pwd.getpwnam("alice")
        assert status_field(vm.pid, "Uid").split() == [str(alice.pw_uid)] * 4
        assert status_field(vm.pid, "Gid").split() == [str(alice.pw_gid)] * 4
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status_field(vm.pid, capabilities), 16) == 0, capabilities
        assert list(open_fds(vm.pid).values()).count("/dev/net/tun") == 2
        vm.kill()
        assert kernel.wait_gone(tap)


def test_the_guest_has_the_mac_that_the_bridge_expects(world, lan):
    """{mac}, and one queue by {fd}; the port is locked to that MAC, so a ping shows that it is the same."""
    with run(world, lan, "--anti-spoof", kind="fd", ip="192.0.2.10/24", ping=HOST, wait=60) as vm:
        tap = vm.tap()
        assert vm.pings(HOST)
        mac = vm.wait_for("VNIC-LINK mac ").rpartition(" ")[2]
        assert kernel.link(tap)["address"] == "fe" + mac[2:]
        assert kernel.bridge_port(tap)["locked"]


def test_a_guest_with_two_cards_is_on_two_networks(world, lan, bridges):
    """Each card has its own tap, queues and MAC: both ports are locked to theirs."""
    bridges("yes1", mac="02:00:00:00:00:02", address="198.51.100.1/24")
    argv = guest.qemu_argv({"ip": "192.0.2.10/24", "ping": HOST, "shell": 60}, "{fds1}", "{mac1}", "{vectors1}")
    argv += ["-netdev", "tap,id=n1,fd={fd2}", "-device", "virtio-net-pci,netdev=n1,mac={mac2},romfile="]
    with guest.Guest(argv=[world.tool("vnicctl"), "run", "--bridge", lan, "--queues", 2, "--anti-spoof", "--and",
                           "--bridge", "yes1", "--anti-spoof", "--", *argv]) as vm:
        assert vm.pings(HOST)
        status, said = vm.run("ip link set eth1 up && ip address add 198.51.100.10/24 dev eth1 && "
                              "for n in 1 2 3 4 5 6 7 8; do ping -c 1 -W 1 -I eth1 198.51.100.1 && exit 0; done; exit 1")
        assert status == 0, said
        taps = {kernel.link(name)["master"]: name for name in kernel.our_links()}
        assert set(taps) == {lan, "yes1"}
        assert sum(kernel.numqueues(taps[lan])) == 2
        _status, said = vm.run("cat /sys/class/net/eth0/address /sys/class/net/eth1/address")
        # On the same terminal vnicctl tells the guest's addresses.
        macs = [line for line in said if not line.startswith("vnicctl: ")]
        assert ["fe" + mac[2:] for mac in macs] == [kernel.link(taps[name])["address"] for name in (lan, "yes1")]
        vm.type("quit")
        assert vm.wait() == 0
        assert all(kernel.wait_gone(name) for name in taps.values())


@pytest.mark.parametrize("queues", [1, 2, 4] if LONG else [1, 4])
def test_tcp_crosses_in_large_segments_with_any_number_of_queues(world, lan, sink, queues):
    """20 MB to the host, and every byte as it was sent."""
    size = 20 * 1000 * 1000
    words = {"queues": queues} if queues > 1 else {}
    with run(world, lan, "--queues", queues, kind="fds" if queues > 1 else "fd", ip="192.0.2.10/24", ping=HOST,
             send=f"{HOST}:{sink.port}:{size}", wait=60, **words) as vm:
        tap = vm.tap()
        with frame_lengths(tap) as lengths:
            assert vm.pings(HOST)
            sent = vm.wait_for(f"VNIC-RESULT sent {size} ")
        assert sent.endswith(" ok") and sink.md5() == sent.split()[3]
        assert max(lengths) > 10 * 1514 and sum(length > 1514 for length in lengths) > 100
        if queues > 1:
            assert kernel.numqueues(tap) == (queues, 0)
