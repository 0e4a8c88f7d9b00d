# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples/qmp-hotplug: a running guest is given a card, uses it, and the card is removed again."""

import json
import os
import pwd
import socket

import pytest
from vnic import LONG, guest, kernel
from vnic.frames import frame_lengths
from vnic.process import ROOM, poll

HOST = "192.0.2.1"
SIZE = 20 * 1000 * 1000

pytestmark = pytest.mark.deadline(120)


def without_card(path):
    """QEMU with no network at all, and a QMP socket."""
    argv = guest.qemu_argv({"shell": 60}, kind="none")
    start = argv.index("-netdev")
    return [*argv[:start], *argv[start + 4:], "-nic", "none", "-qmp", f"unix:{path},server=on,wait=off"]


def unplug(path, card):
    """The script's first lines give these commands."""
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.settimeout(30)
        qmp.connect(path)
        lines = qmp.makefile(encoding="utf-8")
        lines.readline()

        def call(wanted, **command):
            qmp.sendall(json.dumps(command).encode())
            for line in lines:
                answer = json.loads(line)
                assert "error" not in answer, answer
                if "return" in answer:
                    wanted.discard("return")
                else:
                    wanted.discard((answer["event"], answer["data"].get("device")))
                if not wanted:
                    return

        call({"return"}, execute="qmp_capabilities")
        call({"return", ("DEVICE_DELETED", card)}, execute="device_del", arguments={"id": card})
        call({"return"}, execute="netdev_del", arguments={"id": f"n-{card}"})


@pytest.mark.parametrize("queues", [1, 2] if LONG else [2])
def test_a_running_guest_gets_a_card_and_loses_it(world, lan, sink, queues):
    folder = ROOM / "home" / "alice"
    path = str(folder / f"qmp-{queues}")
    with guest.Guest(argv=without_card(path)) as vm:
        vm.wait_for("VNIC-READY shell")
        status, out, err = world.output_as("alice", [
            world.tool("vnicctl"), "run", "--bridge", lan, "--queues", queues, "--",
            world.source / "docs" / "examples" / "qmp-hotplug", path, "{fds}", "{mac}"])
        assert status == 0, err
        tap = vm.tap()
        vm.run("until [ -e /sys/class/net/eth0 ]; do usleep 50000; done")
        vm.run("ip link set eth0 up; ip address add 192.0.2.10/24 dev eth0")
        if queues > 1:
            assert vm.run(f"ethtool -L eth0 combined {queues}")[0] == 0
            assert kernel.numqueues(tap) == (queues, 0)
        assert vm.run(f"ping -c 1 -W 5 {HOST}")[0] == 0
        with frame_lengths(tap) as lengths:
            _, said = vm.run(f"while cat /bin/busybox; do :; done 2>/dev/null | head -c {SIZE} >/tmp/p;"
                             f" md5sum </tmp/p; nc {HOST} {sink.port} </tmp/p", 60)
        assert sink.md5() == said[0].split()[0]
        assert max(lengths) > 10 * 1514
        unplug(path, out.strip())
        assert kernel.wait_gone(tap), "QEMU still holds a queue"
        assert vm.popen.poll() is None


def test_the_script_says_what_qemu_refuses(world, lan):
    folder = ROOM / "home" / "alice"
    script = world.source / "docs" / "examples" / "qmp-hotplug"
    path = str(folder / "qmp-refused")
    with guest.Guest(argv=without_card(path)):
        assert poll(lambda: os.path.exists(path), 20)
        status, _, err = world.output_as("alice", [world.tool("vnicctl"), "run", "--bridge", lan, "--", script,
                                                   path, "{fds}", "no-mac"])
        assert status == 1 and err.startswith("device_add: ")
    assert pwd.getpwuid(os.stat(path).st_uid).pw_name == "alice"
    assert poll(lambda: not kernel.our_links(), 5)
