# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real guest: QEMU without KVM, as an ordinary user, on queue fds that it was given.

tests/guest/build-guest makes the kernel and the initramfs, whose init executes the `vnic.…` words on the
kernel command line (see tests/guest/init) and reports in lines that start with VNIC-.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

from . import kernel
from .process import ROOM, identity, poll, variables

BOOT = 60.0
QEMU = "qemu-system-x86_64"


def cache():
    return pathlib.Path(os.environ.get("VNICD_TEST_CACHE") or "/var/cache/vnicd-tests")


def build(source=None, folder=None):
    """(kernel, initramfs); builds them when they are missing or old. This may need the network, so it runs
    outside the world."""
    source = pathlib.Path(source or os.environ["VNICD_SOURCE"])
    done = subprocess.run([source / "tests" / "guest" / "build-guest", folder or cache()],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    kernel, initramfs = done.stdout.split()
    return pathlib.Path(kernel), pathlib.Path(initramfs)


def why_not():
    """Why no guest can run here, as a sentence; empty if one can."""
    if not shutil.which(QEMU):
        return f"{QEMU} is not installed"
    for file in ("vmlinuz", "initramfs.gz"):
        if not (cache() / file).exists():
            return f"{cache() / file} is missing: run tests/guest/build-guest"
    return ""


def command_line(options):
    """Words of init for a dict: {"ip": "192.0.2.10/24", "ping": ["a", "b"]}."""
    words = []
    for key, value in options.items():
        if isinstance(value, (list, tuple)):
            value = ",".join(map(str, value))
        words.append(f"vnic.{key}={value}")
    return " ".join(words)


def qemu_argv(options, fds="{fds}", mac="{mac}", vectors="{vectors}", kind="fds", memory=128,
              netdev_extra="", device_extra=""):
    """QEMU's command line. With the default placeholders it is a template for `vnicctl run -- …`.

    kind: "fds" (fds=a:b with queues), "fd" (one), or a whole -netdev argument with id=n0. `mac` None: QEMU's
    own.
    """
    if kind in ("fds", "fd"):
        netdev = f"tap,id=n0,{kind}={fds}{netdev_extra}"
    else:
        netdev = kind
    queues = f",mq=on,vectors={vectors}" if kind == "fds" else ""
    address = f",mac={mac}" if mac else ""
    # init exits by itself; panic=-1 and -no-reboot end a guest whose init fails.
    append = f"console=ttyS0 quiet panic=-1 {command_line(options)}"
    # With room for a second processor the guest keeps its memory barriers. Before 8.1 QEMU leaves them out for a
    # guest with one (its commit c914d46d0a64), although the thread of the devices runs beside it: a virtio-net
    # interrupt is then lost now and then, and a transfer to the host stalls for good.
    return [QEMU, "-accel", "tcg", "-smp", "1,maxcpus=2", "-m", str(memory), "-nodefaults", "-no-user-config", "-display", "none",
            "-monitor", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", str(cache() / "vmlinuz"), "-initrd", str(cache() / "initramfs.gz"),
            "-append", append, "-netdev", netdev,
            "-device", f"virtio-net-pci,netdev=n0{queues}{address},romfile={device_extra}"]


# A script for busybox's udhcpc, and its call.
DHCP = ("printf '#!/bin/sh\\n[ $1 = bound ] || exit 0\\nip address add $ip/$mask dev eth0\\n"
        "ip route add default via $router\\nmkdir -p /etc\\necho nameserver $dns >/etc/resolv.conf\\n' >/tmp/dhcp; "
        "chmod 755 /tmp/dhcp; udhcpc -i eth0 -n -q -x hostname:NAME -s /tmp/dhcp")


def outside(pid=None):
    """What the host sees of a guest that prints nothing: whether QEMU is running, its taps, and its
    connections."""
    looks = [["ip", "-s", "link", "show", "type", "tun"], ["ss", "-tino"], ["ip", "neighbour"]]
    if pid:
        looks.append(["ps", "-L", "-o", "stat,time,wchan:32,comm", "-p", str(pid)])
    return "\n".join(subprocess.run(look, capture_output=True, text=True, check=False).stdout for look in looks)


class Guest:
    """A running guest; its console is in `lines`. Leaving the `with` kills it.

    Guest(fds=tap.fds, mac=..., ip="192.0.2.10/24", ping=["192.0.2.1"]) or, with another starter in front or a
    command of one's own, Guest(argv=[...]). The caller may close its copies of the fds at once.
    """

    count = 0

    def __init__(self, fds=(), mac=None, user="alice", argv=None, prefix=(), env=None, bus_address=None,
                 kind=None, **options):
        self.lines = []
        self._arrived = threading.Condition()
        self._ended = False
        self.started = time.monotonic()
        fds = list(fds)
        if argv is None:
            kind = kind or ("fds" if len(fds) != 1 else "fd")
            numbers = ":".join(map(str, fds))
            argv = qemu_argv(options, numbers, mac, 2 * len(fds) + 2, kind)
        Guest.count += 1
        self.log = ROOM / "log" / f"guest-{Guest.count}"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        address = bus_address or os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "")
        self.argv = [str(part) for part in [*prefix, *argv]]
        self.popen = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=fds, cwd="/", env=variables(user, address, env), start_new_session=True,
            **identity(user))
        threading.Thread(target=self._read, name="guest", daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self.popen.pid

    def _read(self):
        with self.log.open("w", encoding="utf-8") as log:
            for raw in self.popen.stdout:
                line = raw.decode(errors="replace").strip("\r\n")
                print(line, file=log, flush=True)
                with self._arrived:
                    self.lines.append(line)
                    self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def wait_for(self, text, timeout=BOOT):
        """The first line with this text; at the deadline or the guest's end an error with the console."""
        end = time.monotonic() + timeout
        seen = 0
        with self._arrived:
            while True:
                for line in self.lines[seen:]:
                    if text in line:
                        return line
                seen = len(self.lines)
                left = end - time.monotonic()
                if left <= 0 or self._ended:
                    why = "the guest ended" if self._ended else f"{timeout} s passed"
                    raise AssertionError(f"{why} without {text!r}; its console:\n{self.console()}\n{outside(self.pid)}")
                self._arrived.wait(left)

    def console(self):
        return "\n".join(self.lines)

    def has(self, text):
        return any(text in line for line in self.lines)

    def tap(self, timeout=20.0):
        """The service's only tap, as soon as it exists."""
        names = poll(kernel.our_links, timeout)
        if len(names) != 1:
            raise AssertionError(f"there are the taps {names}; the guest says:\n{self.console()}")
        return names[0]

    def feature(self, name, timeout=BOOT):
        """What ethtool -k in the guest reports: "on", "off", "off [fixed]"."""
        line = self.wait_for(f"VNIC-ETHTOOL {name}: ", timeout)
        return line.partition(f"{name}: ")[2]

    def pings(self, address, timeout=BOOT):
        """Whether the ping of the command line was answered."""
        return self.wait_for(f"VNIC-RESULT ping {address} ", timeout).endswith(" ok")

    def type(self, line):
        """Type a line at the guest's console ("quit", or a shell command with vnic.shell)."""
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def run(self, command, timeout=20.0):
        """Run a command in a guest with vnic.shell; (exit status, its lines)."""
        self.wait_for("VNIC-READY shell")
        with self._arrived:
            start = len(self.lines)
        self.type(command)
        end = time.monotonic() + timeout
        with self._arrived:
            while True:
                for number in range(start, len(self.lines)):
                    if self.lines[number].startswith("VNIC-RAN "):
                        return int(self.lines[number].split()[1]), self.lines[start:number]
                left = end - time.monotonic()
                if left <= 0 or self._ended:
                    raise AssertionError(f"{command!r} did not end in the guest:\n{self.console()}")
                self._arrived.wait(left)

    def get_address(self, name, timeout=40.0):
        """Request an address by DHCP, under this name; for a guest with vnic.shell."""
        status, said = self.run(DHCP.replace("NAME", name), timeout)
        assert status == 0, said

    def wait(self, timeout=BOOT):
        """QEMU's exit status when the guest has powered itself off."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the guest still runs; its console:\n{self.console()}") from None

    def seconds(self):
        return time.monotonic() - self.started

    def kill(self):
        """Kill it at once, like a crash; a starter in front of QEMU and QEMU itself are one process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(10)
        with contextlib.suppress(OSError):
            self.popen.stdin.close()
