# SPDX-License-Identifier: LGPL-2.1-or-later
"""What CreateTap creates, as the kernel sees it."""

import fcntl
import os
import re
import subprocess
import time

import pytest
from vnic import kernel

FLAGS = kernel.IFF_TAP | kernel.IFF_NO_PI | kernel.IFF_VNET_HDR | kernel.IFF_MULTI_QUEUE | kernel.IFF_PERSIST


def test_a_multiqueue_tap_has_no_qdisc_for_each_of_256_queues(alice, bridge):
    """The kernel would create them when the link comes up: 0.6 ms and 190 KiB for queues that nobody
    opens."""
    with alice.create_tap(bridge, True, True, queues=2) as tap:
        lines = kernel.run("tc", "qdisc", "show", "dev", tap.interface).splitlines()
        assert len(lines) == 1 and lines[0].startswith("qdisc noqueue")
        assert kernel.link(tap.interface)["num_tx_queues"] == 256


@pytest.mark.parametrize("vnet_hdr", [True, False])
@pytest.mark.parametrize("multiqueue", [True, False])
def test_the_tap_has_exactly_the_flags_asked_for(alice, bridge, vnet_hdr, multiqueue):
    wanted = (kernel.IFF_TAP | kernel.IFF_NO_PI | (kernel.IFF_VNET_HDR if vnet_hdr else 0) |
              (kernel.IFF_MULTI_QUEUE if multiqueue else 0))
    with alice.create_tap(bridge, vnet_hdr, multiqueue) as tap:
        for fd in tap.fds:
            name, flags = kernel.queue_info(fd)
            assert name == tap.interface
            assert flags & FLAGS == wanted


def test_the_tap_is_up_and_a_port_of_the_bridge_that_was_named(alice, bridge):
    with alice.create_tap(bridge) as tap:
        link = kernel.link(tap.interface)
        assert link["master"] == bridge
        assert "UP" in link["flags"]
        assert kernel.bridge_port(tap.interface)["state"] == "forwarding"


def test_the_name_is_ours_and_random(alice, bridge):
    with alice.create_tap(bridge) as one, alice.create_tap(bridge) as other:
        assert re.fullmatch(r"vnic[0-9a-f]{8}", one.interface)
        assert one.interface != other.interface
        assert one.endpoint == f"/org/vnicd1/endpoint/{one.interface}"


def test_root_owns_the_device_from_the_start(alice, bridge):
    with alice.create_tap(bridge, True, True) as tap:
        assert kernel.owner(tap.interface) == 0
        assert not kernel.tun(tap.interface)["persist"]


def test_its_holder_cannot_open_further_queues_by_name(alice, bridge, world):
    with alice.create_tap(bridge, True, True, queues=2) as tap:
        script = ("import fcntl,struct,os,sys\n"
                  "fd=os.open('/dev/net/tun',os.O_RDWR)\n"
                  f"fcntl.ioctl(fd,0x400454ca,struct.pack('16sH22x',b'{tap.interface}',0x5102))\n")
        status, _, err = world.output_as("alice", ["/usr/bin/python3", "-c", script])
        assert status != 0 and "Operation not permitted" in err
        assert kernel.numqueues(tap.interface) == (2, 0)


@pytest.mark.parametrize("queues", [1, 2, 8, 16])
def test_the_kernel_counts_as_many_queues_as_were_asked_for(alice, bridge, queues):
    with alice.create_tap(bridge, True, True, queues=queues) as tap:
        assert len(tap.fds) == queues
        assert kernel.numqueues(tap.interface) == (queues, 0)
        assert tap.get("Queues") == queues


def test_without_a_number_there_is_a_queue_per_processor_up_to_eight(alice, bridge):
    with alice.create_tap(bridge, True, True) as tap:
        assert len(tap.fds) == min(os.cpu_count(), 8)


def test_every_queue_is_non_blocking_and_close_on_exec_when_it_arrives(alice, bridge):
    with alice.create_tap(bridge, True, True, queues=3) as tap:
        for fd in tap.fds:
            assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
            assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_the_host_side_mac_is_the_guests_with_fe_first(alice, bridge):
    with alice.create_tap(bridge, guest_mac="52:54:00:aa:bb:cc") as tap:
        assert kernel.link(tap.interface)["address"] == "fe:54:00:aa:bb:cc"
        assert tap.get("GuestMac") == "52:54:00:aa:bb:cc"
        assert tap.get("HostMac") == "fe:54:00:aa:bb:cc"


def test_a_guest_mac_that_begins_with_fe_gets_fa_on_the_host_side(alice, bridge):
    with alice.create_tap(bridge, guest_mac="FE:54:00:aa:bb:cc") as tap:
        assert kernel.link(tap.interface)["address"] == "fa:54:00:aa:bb:cc"
        assert tap.get("GuestMac") == "fe:54:00:aa:bb:cc"


def test_a_generated_guest_mac_is_of_the_range_of_qemu(alice, bridge):
    with alice.create_tap(bridge) as tap:
        assert tap.get("GuestMac").startswith("52:54:00:")
        assert kernel.link(tap.interface)["address"] == "fe" + tap.get("GuestMac")[2:]


@pytest.mark.parametrize("size", [10, 12, 20, 24])
def test_the_header_size_is_set_on_the_device(alice, bridge, size):
    with alice.create_tap(bridge, vnet_hdr_size=size) as tap:
        assert kernel.vnet_hdr_size(tap.fds[0]) == size
        assert tap.get("VnetHdrSize") == size


def test_the_tag_says_whose_it_is(alice, bridge):
    before = int(time.time())
    with alice.create_tap(bridge, label="web-1", guest_mac="52:54:00:00:00:07", vnet_hdr_size=12) as tap:
        alias = kernel.alias(tap.interface)
        found = re.fullmatch(r"vnicd:1 uid=1001 persistent=0 queues=1 nonce=([0-9a-f]{8}) hdr=12 "
                             r"mac=52:54:00:00:00:07 guest=given at=(\d+) isolated=0 anti_spoof=1 bpdu_guard=0 "
                             rf"bridge={bridge} label=web-1", alias)
        assert found, alias
        assert "vnic" + found[1] == tap.interface
        assert before <= int(found[2]) <= int(time.time())
        assert tap.get("Created") == int(found[2]) * 1000000


def test_no_ipv6_address_appears_on_the_port(alice, bridge):
    with alice.create_tap(bridge) as tap:
        time.sleep(0.3)
        assert kernel.addresses(tap.interface) == []
        assert kernel.link(tap.interface)["inet6_addr_gen_mode"] == "none"


def test_a_tap_on_no_bridge_is_up_and_has_no_address(carol):
    with carol.create_tap("-") as tap:
        link = kernel.link(tap.interface)
        assert "master" not in link and "UP" in link["flags"]
        assert kernel.addresses(tap.interface) == []
        assert tap.get("Bridge") == ""
        assert not tap.get("AntiSpoof")


def test_a_tap_on_no_bridge_may_have_a_mac_and_an_mtu_of_its_own(carol):
    with carol.create_tap("-", guest_mac="52:54:00:00:00:09", mtu=9000) as tap:
        assert kernel.link(tap.interface)["mtu"] == 9000
        assert kernel.link(tap.interface)["address"] == "fe:54:00:00:00:09"


def test_isolated_is_a_flag_of_the_port(alice, bridge):
    with alice.create_tap(bridge, isolated=True) as tap, alice.create_tap(bridge) as other:
        assert kernel.bridge_port(tap.interface)["isolated"] and tap.get("Isolated")
        assert not kernel.bridge_port(other.interface)["isolated"] and not other.get("Isolated")


def test_a_port_without_a_guest_mac_of_its_own_learns(alice, bridge):
    with alice.create_tap(bridge) as tap:
        port = kernel.bridge_port(tap.interface)
        assert port["learning"] and not port["locked"]
        assert not tap.get("AntiSpoof")


@pytest.mark.parametrize("vnet_hdr", [True, False])
def test_the_offloads_are_told_only_with_a_header(alice, bridge, vnet_hdr):
    supported = alice.get("/org/vnicd1", "org.vnicd1.Manager", "OffloadsSupported")
    with alice.create_tap(bridge, vnet_hdr) as tap:
        without_tunnels = [name for name in supported if not name.startswith("udp-tunnel")]
        assert tap.offloads == (without_tunnels if vnet_hdr else [])
        assert tap.get("OffloadsSupported") == tap.offloads


def test_tunnels_are_told_only_with_a_header_that_has_room_for_them(alice, bridge):
    supported = alice.get("/org/vnicd1", "org.vnicd1.Manager", "OffloadsSupported")
    with alice.create_tap(bridge, vnet_hdr_size=24) as tap:
        assert tap.offloads == supported


def test_what_is_told_the_kernel_takes(alice, bridge):
    with alice.create_tap(bridge, vnet_hdr_size=24) as tap:
        kernel.set_offloads(tap.fds[0], *tap.offloads)
        features = kernel.ethtool_features(tap.interface)
        assert features["tx-tcp-segmentation"] and features["tx-tcp6-segmentation"]


@pytest.mark.restarts
def test_the_probe_leaves_no_device_behind(world):
    world.restart_service()
    assert all(kernel.wait_gone(name) for name in kernel.our_links())


def test_a_frame_cannot_pass_before_the_port_flags_stand(alice, bridge):
    """The kernel's own events show it: when the port first forwards, all of its flags are set."""
    with subprocess.Popen(["stdbuf", "-oL", "bridge", "-d", "monitor", "link"], stdout=subprocess.PIPE,
                          text=True) as events:
        time.sleep(0.2)
        with alice.create_tap(bridge, guest_mac="52:54:00:00:00:0a", isolated=True) as tap:
            time.sleep(0.2)
            events.terminate()
            text = events.stdout.read()
    states = [part for part in re.split(r"\n(?=\d+: |Deleted)", text) if tap.interface in part]
    forwarding = ["state forwarding" in part for part in states]
    first = states[forwarding.index(True)]
    assert forwarding.index(True) > 0, "the port forwarded before anything else was known of it"
    for flag in ("isolated on", "learning off", "locked on"):
        assert flag in first
