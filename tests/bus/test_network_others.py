# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network does nothing to the rest of the host. Other bridges carry what they carried before, even where
br_netfilter passes their frames to the filters of IP."""

import contextlib
import pathlib
import shutil

import pytest
from vnic import kernel
from vnic.networks import network
from vnic.process import poll

BRIDGE = "hostbr"
CALLS = pathlib.Path("/proc/sys/net/bridge")

pytestmark = pytest.mark.deadline(60)
needs_br_netfilter = pytest.mark.skipif(not CALLS.exists(), reason="br_netfilter is not there")


@contextlib.contextmanager
def neighbours():
    """A bridge of the host, through which the host itself has its default routes, and two machines on it."""
    with kernel.namespace("left"), kernel.namespace("right"):
        kernel.run("ip", "link", "add", BRIDGE, "type", "bridge")
        try:
            kernel.run("ip", "link", "set", BRIDGE, "up")
            for address in ("203.0.113.2/24", "2001:db8:f::2/64"):
                kernel.run("ip", "address", "add", address, "dev", BRIDGE, *(["nodad"] if ":" in address else []))
            for number, name in enumerate(("left", "right"), 11):
                kernel.make_veth(f"port-{name}", "eth0", namespace=name)
                kernel.run("ip", "link", "set", f"port-{name}", "master", BRIDGE)
                kernel.run("ip", "-n", name, "address", "add", f"203.0.113.{number}/24", "dev", "eth0")
                kernel.run("ip", "-n", name, "address", "add", f"2001:db8:f::{number}/64", "dev", "eth0", "nodad")
            kernel.run("ip", "route", "add", "default", "via", "203.0.113.1", "dev", BRIDGE)
            kernel.run("ip", "-6", "route", "add", "default", "via", "2001:db8:f::1", "dev", BRIDGE)
            yield
        finally:
            kernel.del_link(BRIDGE)
            for name in ("left", "right"):
                kernel.del_link(f"port-{name}")


def reach(address):
    """Whether the left machine gets an answer from there, on connections that conntrack does not know yet."""
    return "1 packets received" in kernel.run("ip", "netns", "exec", "left", shutil.which("busybox"), "ping", "-c", "1",
                                              "-W", "1", address, check=False)


@needs_br_netfilter
def test_a_nat_network_leaves_the_frames_of_other_bridges_alone(root):
    with neighbours():
        for name in ("iptables", "ip6tables"):
            (CALLS / f"bridge-nf-call-{name}").write_text("1", encoding="ascii")
        assert poll(lambda: reach("203.0.113.12") and reach("2001:db8:f::12"), 10)
        with network(root, "yesnet", "nat", services=False):
            assert "vnicd-uplinks-" in kernel.run("nft", "list", "tables")
            assert reach("203.0.113.12"), kernel.run("nft", "list", "table", "inet", "vnicd-uplinks-")
            assert reach("2001:db8:f::12"), kernel.run("nft", "list", "table", "inet", "vnicd-uplinks-")
