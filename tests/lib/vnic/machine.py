# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest without a VMM: a network namespace whose eth0 is the other side of a tap's queue.

Its network stack is a real one, and it starts at once. What it sends goes into the queue as a VMM would put
it there, and nowhere else: the namespace has no other link. A test that wants to send what no stack sends
writes to the queue itself.
"""

import contextlib
import os
import pathlib
import select
import shutil
import subprocess
import threading

from . import kernel
from .process import ROOM, poll

UDHCPC = """#!/bin/sh
# What udhcpc was told, and the address set as it says.
env >"$VNIC_MACHINE.lease"
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
"""


class Machine:
    """Machine(tap, "web"): takes the tap's queue, with the tap's guest MAC. Leave the `with` to end it."""

    def __init__(self, tap, name):
        self.name = name
        self.tap = tap
        self.mac = tap.get("GuestMac")
        self.fd = tap.fds[0]
        kernel.run("ip", "netns", "add", name)
        with kernel.inside(name):
            for setting, value in (("accept_dad", 0), ("router_solicitation_delay", 0)):
                for link in ("all", "default"):
                    pathlib.Path(f"/proc/sys/net/ipv6/conf/{link}/{setting}").write_text(str(value), encoding="ascii")
            self.inner, _ = kernel.open_tap("eth0", kernel.IFF_TAP | kernel.IFF_NO_PI)
        self.ip("link", "set", "eth0", "address", self.mac)
        self._ended, self._end = os.pipe()
        self._pump = threading.Thread(target=self._copy, name=f"machine-{name}", daemon=True)
        self._pump.start()
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", "eth0", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """The machine is gone; the tap stays whoever's it is."""
        if self.inner is None:
            return
        os.close(self._end)
        self._pump.join(5)
        os.close(self._ended)
        os.close(self.inner)
        self.inner = None
        kernel.run("ip", "netns", "del", self.name, check=False)

    def _copy(self):
        other = {self.fd: self.inner, self.inner: self.fd}
        while True:
            ready, _, _ = select.select([self.fd, self.inner, self._ended], [], [])
            if self._ended in ready:
                return
            for fd in ready:
                try:
                    frame = os.read(fd, 70000)
                except BlockingIOError:
                    continue
                except OSError:
                    return  # the tap was deleted under our hands
                # A card that is down takes nothing, and a full queue loses it.
                with contextlib.suppress(OSError):
                    os.write(other[fd], frame)

    def ip(self, *words):
        return kernel.run("ip", "-n", self.name, *words)

    def run(self, *argv, timeout=20):
        """(exit status, all it said) of a program in the machine."""
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, argv)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                              check=False)
        return done.returncode, done.stdout

    def dhcp(self, timeout=8):
        """Gets an IPv4 address under the machine's name; what it was told as a dict, empty without a lease."""
        script = ROOM / "udhcpc"
        script.write_text(UDHCPC, encoding="ascii")
        script.chmod(0o755)
        told = ROOM / f"{self.name}.lease"
        told.unlink(missing_ok=True)
        subprocess.run(["ip", "netns", "exec", self.name, shutil.which("busybox"), "udhcpc", "-i", "eth0", "-q",
                        "-n", "-f", "-t", "4", "-T", "1", "-O", "mtu", "-x", f"hostname:{self.name}", "-s", script],
                       env={**os.environ, "VNIC_MACHINE": str(ROOM / self.name)}, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=timeout, check=False)
        if not told.exists():
            return {}
        words = dict(line.partition("=")[::2] for line in told.read_text(encoding="utf-8").splitlines())
        return words if "ip" in words else {}

    def addresses(self, family, scope="global"):
        words = self.ip("-o", f"-{family}", "address", "show", "dev", "eth0", "scope", scope).split()
        return [words[i + 1].partition("/")[0] for i, word in enumerate(words) if word in ("inet", "inet6")]

    def ipv6(self, timeout=8):
        """The address that it made itself by a router advertisement; None without one."""
        found = poll(lambda: self.addresses(6), timeout, 0.05)
        return found[0] if found else None

    def pings(self, address, timeout=2):
        """Whether an answer comes."""
        return self.run(shutil.which("busybox"), "ping", "-c", "1", "-W", timeout, address)[0] == 0

    def resolve(self, name, server):
        """What busybox's nslookup is told: a list of addresses."""
        status, said = self.run(shutil.which("busybox"), "nslookup", name, server)
        answer = said.partition("\n\n")[2]
        return [line.partition(": ")[2].strip() for line in answer.splitlines()
                if line.startswith("Address")] if status == 0 else []

    def connects(self, address, port, timeout=2):
        """Whether a TCP connection comes about."""
        return self.run("/usr/bin/python3", "-c", "import socket, sys; socket.create_connection("
                        "(sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))", address, port, timeout)[0] == 0
