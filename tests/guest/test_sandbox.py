# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Flatpak as the kernel and the bus see it: namespaces by bwrap, and only those parts of the system bus
that a filter passes. --system-talk-name=org.vnicd1 of a manifest corresponds to --talk= here."""

import contextlib
import re
import subprocess

import pytest
from vnic import guest, kernel
from vnic.frames import frame_lengths
from vnic.process import ROOM, Process, identity, poll, variables

HOST = "192.0.2.1"
MAC = "52:54:00:00:10:41"
SIZE = 20 * 1000 * 1000
# There is no /dev/net/tun, an empty network namespace, no /run of the host, and no other processes.
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
         "--tmpfs", "/run"]

pytestmark = pytest.mark.deadline(120)


@contextlib.contextmanager
def filtered_bus(world, *rules):
    """The socket of a proxy as Flatpak starts it, as alice."""
    path = ROOM / "home" / "alice" / "bus"
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    proxy = Process("xdg-dbus-proxy", ["xdg-dbus-proxy", world.bus.address, path, "--filter", *rules],
                    env=variables("alice", world.bus.address), **identity("alice"))
    try:
        assert poll(path.exists, 10), proxy.output()
        yield path
    finally:
        proxy.stop()


def inside(world, bus):
    """The command prefix that runs a command in the sandbox."""
    # /run is empty there: those parts of the build and of the tree that lie below it are mounted again.
    back = [word for folder in (world.build, world.source, ROOM / "home")
            if str(folder).startswith("/run/") for word in ("--ro-bind", str(folder), str(folder))]
    return [*BWRAP, *back, "--ro-bind", str(bus), "/run/dbus/system_bus_socket",
            "--setenv", "DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket"]


def proxy_version():
    """Before 0.1.6 the proxy loses clients that do not wait during the handshake: sd-bus's, and so vnicctl
    too."""
    said = subprocess.run(["xdg-dbus-proxy", "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:3]))


def test_a_guest_in_a_sandbox_is_on_the_network(world, lan, sink):
    """The client is docs/examples/create-tap.py, which becomes QEMU."""
    with filtered_bus(world, "--talk=org.vnicd1") as bus:
        argv = guest.qemu_argv({"ip": "192.0.2.10/24", "queues": 2, "ping": HOST, "wait": 60,
                                "send": f"{HOST}:{sink.port}:{SIZE}"}, kind="none")
        with guest.Guest(argv=[*inside(world, bus), "/usr/bin/python3",
                               world.source / "docs" / "examples" / "create-tap.py", lan,
                               *argv[1:argv.index("-netdev")]]) as vm:
            tap = vm.tap()
            with frame_lengths(tap) as lengths:
                assert vm.pings(HOST)
                sent = vm.wait_for(f"VNIC-RESULT sent {SIZE} ")
            assert sent.endswith(" ok") and sink.md5() == sent.split()[3]
            assert max(lengths) > 10 * 1514
            assert kernel.numqueues(tap) == (2, 0)
            # The uid is the boundary: another program of alice's, outside the sandbox, may release it.
            status, _, err = world.output_as("alice", [world.tool("vnicctl"), "release", tap])
            assert status == 0, err
        assert kernel.wait_gone(tap)


def test_vnicctl_and_the_bridge_helper_work_in_a_sandbox(world, lan):
    if proxy_version() < (0, 1, 6):
        pytest.skip("this xdg-dbus-proxy knows no sd-bus")
    with filtered_bus(world, "--talk=org.vnicd1") as bus:
        argv = guest.qemu_argv({"ip": "192.0.2.10/24", "ping": HOST}, "{fd}", kind="fd")
        with guest.Guest(argv=[*inside(world, bus), world.tool("vnicctl"), "run", "--bridge", lan, "--",
                               *argv]) as vm:
            assert vm.pings(HOST)
        netdev = f"bridge,id=n0,br={lan},helper={world.tool('vnic-bridge-helper')}"
        argv = guest.qemu_argv({"ip": "192.0.2.10/24", "ping": HOST}, kind=netdev, mac=MAC)
        with guest.Guest(argv=[*inside(world, bus), *argv]) as vm:
            assert vm.pings(HOST)
    assert poll(lambda: not kernel.our_links(), 5)


def test_the_sandbox_is_one(world, lan):
    """The control: there is no tap device in it, no interface, and no bus except for what the filter
    passes."""
    def run(bus, *words):
        return world.output_as("alice", [*inside(world, bus), *words])

    def names(bus):
        status, out, err = run(bus, "gdbus", "call", "--system", "-d", "org.freedesktop.DBus", "-o",
                               "/org/freedesktop/DBus", "-m", "org.freedesktop.DBus.ListNames")
        assert status == 0, err
        return out

    def bridges(bus):
        return run(bus, "gdbus", "call", "--system", "-d", "org.vnicd1", "-o", "/org/vnicd1", "-m",
                   "org.vnicd1.Manager.ListBridges")

    with filtered_bus(world, "--talk=org.vnicd1") as bus:
        assert run(bus, "test", "-e", "/dev/net/tun")[0] == 1
        assert run(bus, "ip", "link", "show", lan)[0] == 1
        assert "org.vnicd1" in names(bus) and "org.freedesktop.PolicyKit1" not in names(bus)
        assert bridges(bus)[0] == 0
    with filtered_bus(world) as bus:
        assert "org.vnicd1" not in names(bus)
        assert bridges(bus)[0] != 0
