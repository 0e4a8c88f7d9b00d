# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest without a VMM: a network namespace whose eth0 is the other side of a tap's queue.

Its network stack is a real one, and it starts at once. What it sends goes into the queue as a VMM would put
it there, and nowhere else: the namespace has no other link. A test that has to send what no stack sends
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

# Asks the servers of the link for an address as the client of one identifier, and for their other information. One line for
# each answer: for an address, or for a name server.
DHCP6 = r"""
import socket, struct, sys, time

SOLICIT, ADVERTISE, REQUEST, REPLY, INFORMATION = 1, 2, 3, 7, 11
CLIENT, SERVER, IA_NA, ADDRESS, ELAPSED, DNS = 1, 2, 3, 5, 8, 23
duid, iaid = bytes.fromhex(sys.argv[1]), struct.pack("!I", 7)

def option(code, data):
    return struct.pack("!HH", code, len(data)) + data

def options(data):
    found = []
    while len(data) >= 4:
        code, length = struct.unpack_from("!HH", data)
        found.append((code, data[4:4 + length]))
        data = data[4 + length:]
    return found

def ask(kind, wanted, *more):
    transaction = struct.pack("!I", kind << 24 | kind)
    message = transaction + option(CLIENT, duid) + option(ELAPSED, b"\0\0") + option(6, struct.pack("!H", DNS))
    for _ in range(6):
        wire.sendto(message + b"".join(more), ("ff02::1:2", 547, 0, socket.if_nametoindex("eth0")))
        end = time.monotonic() + 1
        while time.monotonic() < end:
            wire.settimeout(max(0.01, end - time.monotonic()))
            try:
                answer = wire.recv(4096)
            except OSError:
                break
            if answer[0] == wanted and answer[1:4] == transaction[1:]:
                return options(answer[4:])
    return []

def addresses(answer):
    return [inner[:16] for code, data in answer if code == IA_NA for which, inner in options(data[12:])
            if which == ADDRESS]

wire = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
wire.bind(("::", 546, 0, socket.if_nametoindex("eth0")))
offer = ask(SOLICIT, ADVERTISE, option(IA_NA, iaid + bytes(8)))
if addresses(offer):
    wanted = b"".join(option(ADDRESS, one + bytes(8)) for one in addresses(offer))
    server = b"".join(option(code, data) for code, data in offer if code == SERVER)
    for one in addresses(ask(REQUEST, REPLY, server, option(IA_NA, iaid + bytes(8) + wanted))):
        print("address", socket.inet_ntop(socket.AF_INET6, one))
for code, data in ask(INFORMATION, REPLY):
    if code == DNS:
        for i in range(0, len(data), 16):
            print("dns", socket.inet_ntop(socket.AF_INET6, data[i:i + 16]))
"""


class Machine:
    """Machine(tap, "web"): uses the tap's queue, with the tap's guest MAC or one of its own. Leaving the
    `with` ends it."""

    def __init__(self, tap, name, mac=None):
        self.name = name
        self.tap = tap
        self.mac = mac or tap.get("GuestMac")
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
        """End the machine; the tap stays with its owner."""
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
                    return  # the tap was deleted while the machine was using it
                # A card that is down accepts nothing, and a full queue drops the frame.
                with contextlib.suppress(OSError):
                    os.write(other[fd], frame)

    def ip(self, *words):
        return kernel.run("ip", "-n", self.name, *words)

    def run(self, *argv, timeout=20):
        """(exit status, all output) of a program in the machine."""
        done = subprocess.run(["ip", "netns", "exec", self.name, *map(str, argv)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                              check=False)
        return done.returncode, done.stdout

    def dhcp(self, timeout=8, client_id=None):
        """Get an IPv4 address under the machine's name; returns what it was told as a dict, empty without a
        lease. client_id: bytes by which the machine identifies itself, beside its MAC."""
        script = ROOM / "udhcpc"
        script.write_text(UDHCPC, encoding="ascii")
        script.chmod(0o755)
        told = ROOM / f"{self.name}.lease"
        told.unlink(missing_ok=True)
        subprocess.run(["ip", "netns", "exec", self.name, shutil.which("busybox"), "udhcpc", "-i", "eth0", "-q",
                        "-n", "-f", "-t", "4", "-T", "1", "-O", "mtu", "-x", f"hostname:{self.name}", "-s", script,
                        *(["-x", f"0x3d:{client_id.hex()}"] if client_id else [])],
                       env={**os.environ, "VNIC_MACHINE": str(ROOM / self.name)}, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=timeout, check=False)
        if not told.exists():
            return {}
        words = dict(line.partition("=")[::2] for line in told.read_text(encoding="utf-8").splitlines())
        return words if "ip" in words else {}

    def dhcp6(self, duid):
        """DHCPv6's answers for the client of that identifier: addresses, and name servers."""
        status, said = self.run("/usr/bin/python3", "-c", DHCP6, duid.hex(), timeout=30)
        assert status == 0, said
        lines = [line.split() for line in said.splitlines()]
        return [word for kind, word in lines if kind == "address"], [word for kind, word in lines if kind == "dns"]

    def addresses(self, family, scope="global"):
        words = self.ip("-o", f"-{family}", "address", "show", "dev", "eth0", "scope", scope).split()
        return [words[i + 1].partition("/")[0] for i, word in enumerate(words) if word in ("inet", "inet6")]

    def ipv6(self, timeout=8):
        """The address that it generated from a router advertisement; None without one."""
        found = poll(lambda: self.addresses(6), timeout, 0.05)
        return found[0] if found else None

    def pings(self, address, timeout=2):
        """Whether a reply arrives."""
        return self.run(shutil.which("busybox"), "ping", "-c", "1", "-W", timeout, address)[0] == 0

    def resolve(self, name, server):
        """What busybox's nslookup gets: a list of addresses."""
        status, said = self.run(shutil.which("busybox"), "nslookup", name, server)
        answer = said.partition("\n\n")[2]
        return [line.partition(": ")[2].strip() for line in answer.splitlines()
                if line.startswith("Address")] if status == 0 else []

    def connects(self, address, port, timeout=2):
        """Whether a TCP connection can be established."""
        return self.run("/usr/bin/python3", "-c", "import socket, sys; socket.create_connection("
                        "(sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))", address, port, timeout)[0] == 0
