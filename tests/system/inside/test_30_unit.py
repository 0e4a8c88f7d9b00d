# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sandbox: each thing that is granted is needed, and everything else is denied."""

import contextlib
import os
import pathlib
import re
import stat
import time

import pytest
import system
from vnic.client import MANAGER, ROOT, BusError

PROBE = pathlib.Path(__file__).resolve().parent / "probe"
# What the probe must be told, in any of these words. Everything else is "allowed".
DENIED = {
    "read-home": "EACCES ENOENT", "read-root": "EACCES ENOENT", "read-shadow": "EACCES",
    "read-journal": "EACCES ENOENT", "write-etc": "EROFS EACCES", "write-tmp": "EROFS EACCES",
    "write-run": "EROFS EACCES", "write-sysctl": "EROFS EACCES", "read-process-1": "ENOENT EPERM EACCES",
    "open-kmsg": "EPERM EACCES ENOENT", "open-other-device": "EPERM", "open-vhost-net": "EPERM EACCES ENOENT",
    "make-device": "EPERM", "mount": "EPERM", "chroot": "EPERM", "unlink": "EROFS EACCES EPERM",
    "socket-inet": "EAFNOSUPPORT", "socket-inet6": "EAFNOSUPPORT", "socket-packet": "EAFNOSUPPORT",
    "socket-vsock": "EAFNOSUPPORT", "socket-bluetooth": "EAFNOSUPPORT",
    "setns": "EPERM", "unshare-user": "EPERM", "unshare-net": "EPERM", "ptrace": "EPERM", "kill": "EPERM",
    "setuid": "EPERM", "keyring": "EPERM", "bpf": "EPERM", "io-uring": "EPERM", "module": "EPERM",
    "reboot": "EPERM", "personality": "EPERM", "write-and-execute": "EPERM EACCES", "sched-fifo": "EPERM",
    "sethostname": "EPERM", "exec": "EACCES EPERM",
}
ALLOWED = {"tun", "socket-netlink", "socket-unix", "read-configuration", "write-runtime"}


@pytest.fixture
def other_device():
    """A device that everybody may use according to its mode: the kernel's log."""
    node = "/dev/vnicd-test-node"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(node)
    os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 11))
    os.chmod(node, 0o666)
    yield
    os.unlink(node)


def devices_are_held():
    """In a container the kernel may not let systemd attach the program that controls access to devices."""
    return not system.is_container()


def test_a_program_in_its_place_is_denied_all_the_rest(other_device):
    program = re.search(r"path=(\S+)", system.show("ExecStart"))[1]
    system.said("systemctl", "stop", "vnicd")
    system.drop_in("probe", f"Type=oneshot\nRestart=no\nBindReadOnlyPaths={PROBE}:{program}")
    begin = time.time()
    system.said("systemctl", "start", "vnicd")
    lines = [record["MESSAGE"] for record in system.journal("-u", "vnicd.service", since=begin)
             if record.get("_TRANSPORT") == "stdout"]
    assert "end" in lines, lines
    told = dict(line.split() for line in lines if " " in line)
    wrong = {what: told.get(what) for what in ALLOWED if told.get(what) != "allowed"}
    wrong |= {what: told.get(what) for what, words in DENIED.items() if told.get(what) not in words.split()}
    if not devices_are_held():
        wrong.pop("open-other-device", None)
    assert wrong == {}
    assert set(told) == ALLOWED | set(DENIED)


def starts(carol):
    return carol.get(ROOT, MANAGER, "Version")


def creates(carol):
    with carol.create_tap("br0", True) as tap:
        return tap.interface


def is_granted_by_configuration(carol):
    return carol.can_create_tap("br0")[0] == "yes"


def reads_the_folder_of_the_configuration(carol):
    folder = pathlib.Path("/etc/vnicd/vnicd.conf.d")
    (folder / "grant.conf").write_text("[Group vm]\nAllowBridges=br0\n")
    system.configure("")
    system.restart()
    return is_granted_by_configuration(carol)


def closes_taps_off_its_loop(carol):
    creates(carol)
    return len(os.listdir(f"/proc/{system.pid()}/task")) > 1


def knows_the_offloads(carol):
    return carol.get(ROOT, MANAGER, "OffloadsSupported")


def tells_dnsmasq_of_a_network(carol):
    file = pathlib.Path("/run/vnicd/networks/vnicbr0.conf")
    file.unlink(missing_ok=True)
    try:
        with carol.create_tap(""):
            return "vnicbr0" in file.read_text()
    except FileNotFoundError:
        return False
    finally:
        system.said("ip", "link", "delete", "vnicbr0")


def works(feature, carol):
    """A service that does not start offers nothing either; the bus would report that only after a while."""
    try:
        return system.succeeds("systemctl", "start", "vnicd") and bool(feature(carol))
    except BusError:
        return False


# What is taken away: the lines that do it, and the feature that breaks.
GRANTS = {
    "User": ("User=nobody", starts),
    "CapabilityBoundingSet": ("CapabilityBoundingSet=", creates),
    "AmbientCapabilities": ("AmbientCapabilities=", creates),
    "AF_UNIX": ("RestrictAddressFamilies=\nRestrictAddressFamilies=AF_NETLINK", starts),
    "AF_NETLINK": ("RestrictAddressFamilies=\nRestrictAddressFamilies=AF_UNIX", starts),
    "DeviceAllow": ("DeviceAllow=\nPrivateDevices=yes", knows_the_offloads),
    "ConfigurationDirectory": ("ConfigurationDirectory=\nInaccessiblePaths=/etc/vnicd",
                               is_granted_by_configuration),
    "ExecPaths of the program": ("ExecPaths=\nExecPaths=/usr/lib /lib64", starts),
    "ExecPaths of its libraries": ("ExecPaths=\nExecPaths=/usr/libexec/vnicd", starts),
    "files": ("SystemCallFilter=~openat", starts),
    "ioctl": ("SystemCallFilter=~ioctl", creates),
    "getdents64": ("SystemCallFilter=~getdents64", reads_the_folder_of_the_configuration),
    "sockets": ("SystemCallFilter=~socket", starts),
    "sendmsg": ("SystemCallFilter=~sendmsg", starts),
    "recvmsg": ("SystemCallFilter=~recvmsg", starts),
    "setsockopt": ("SystemCallFilter=~setsockopt", starts),
    "the loop": ("SystemCallFilter=~epoll_wait epoll_pwait epoll_pwait2", starts),
    "epoll": ("SystemCallFilter=~epoll_create1", starts),
    "timers": ("SystemCallFilter=~timerfd_create", starts),
    "signals": ("SystemCallFilter=~signalfd4", starts),
    "RuntimeDirectory": ("RuntimeDirectory=\nExecStartPre=+rm -rf /run/vnicd", tells_dnsmasq_of_a_network),
    "files that are replaced": ("SystemCallFilter=~renameat renameat2 rename", tells_dnsmasq_of_a_network),
    "threads": ("SystemCallFilter=~clone3 clone", closes_taps_off_its_loop),
}


@pytest.mark.parametrize("grant", GRANTS)
def test_what_is_granted_is_needed(grant, carol, bridge):
    lines, feature = GRANTS[grant]
    system.configure("[Group vm]\nAllowBridges=br0 vnicbr0\n")
    system.restart()
    assert works(feature, carol)
    system.said("systemctl", "reset-failed", "vnicd")
    system.drop_in("less", f"{lines}\nRestart=no\nTimeoutStartSec=2\nTimeoutStopSec=1")
    system.said("systemctl", "stop", "vnicd")
    assert not works(feature, carol), f"without {grant} {feature.__name__} still works"


def test_the_filter_is_made_from_the_trace():
    """All calls that were seen are allowed, and the unit's own lines say why an unseen one is allowed."""
    listed = PROBE.parent.parent / "syscalls"
    seen = {line.split()[0] for line in listed.read_text().splitlines() if line and line[0] != "#"}
    default = set(system.run("systemd-analyze", "syscall-filter", "@default").split())
    filters = re.findall(r"^SystemCallFilter=(.*)$", pathlib.Path(system.show("FragmentPath")).read_text(), re.M)
    named = set(" ".join(filters).split())
    assert seen - named - default == set()
    first = set(" ".join(filters[:5]).split())
    assert first - seen == set(), "the first lines hold what was seen and nothing else"
