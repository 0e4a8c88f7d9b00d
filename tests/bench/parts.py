# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the service's time goes, by perf (Debian package linux-perf): samples of its main thread, by purpose.

The samples are of CPU time; what a call waits for (a lock, polkit, the bus daemon) is not included. After
each CreateTap the queues are closed, so the service's work on the removal of a tap is included.
"""

import pathlib
import re
import shutil
import signal
import subprocess
import time

from stage import GRANTED, Broken, Stage

# The first entry of which a stack has a function decides; the names are functions of the kernel and of libraries.
PARTS = (
    ("TUNSETIFF: make the device", ("tun_set_iff", "__tun_chr_ioctl")),
    ("set: up (NETIF up, qdisc)", ("netif_change_flags", "__dev_change_flags", "dev_change_flags")),
    ("set: join the bridge", ("do_set_master", "br_add_if")),
    ("set: port flags", ("br_setlink",)),
    ("set: the rest (alias, MAC, MTU, IPv6)", ("rtnl_setlink", "rtnl_newlink", "do_setlink")),
    ("get: links", ("rtnl_getlink",)),
    ("get: forwarding table", ("rtnl_fdb_get", "br_fdb_get")),
    ("get: offloads by ethtool", ("ethnl_default_doit", "genl_rcv")),
    ("netlink, the rest", ("netlink_sendmsg", "netlink_recvmsg", "netlink_unicast")),
    ("bus: send", ("unix_stream_sendmsg",)),
    ("bus: receive", ("unix_stream_recvmsg", "unix_stream_read_generic")),
    ("wait and wake up", ("do_epoll_wait", "__x64_sys_epoll_wait", "__x64_sys_futex")),
    ("files: sysfs, tun, log, close", ("do_sys_openat2", "ksys_write", "ksys_read", "iterate_dir", "__x64_sys_close",
                                                "vfs_fstat", "fput_close_sync")),
    ("other kernel", ("entry_SYSCALL_64_after_hwframe", "asm_sysvec_apic_timer_interrupt")),
    ("user: libnl", ("libnl",)),
    ("user: libsystemd", ("libsystemd",)),
    ("user: vnicd, libc", ("",)),
)


def classify(stack):
    text = " ".join(stack)
    for part, names in PARTS:
        if any(name in text for name in names):
            return part
    return PARTS[-1][0]


def record(stage, task, rounds):
    """Samples of the service's main thread while it works: part → number."""
    file = pathlib.Path("/run/vnicd-world/perf.data")
    perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "20000", "-g", "-t", str(stage.world.pid),
                             "-o", file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        time.sleep(1)
        medians = stage.calls(rounds, work=task)["work"]
        perf.send_signal(signal.SIGINT)
        _, said = perf.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        raise Broken("perf did not end in 60 s") from None
    finally:
        perf.kill()
    if not file.exists():
        raise Broken(f"perf: {said.decode().strip()}")
    done = subprocess.run(["perf", "script", "-i", file, "-F", "comm,ip,sym,dso"], capture_output=True, text=True,
                          errors="replace", timeout=120, check=False)
    parts = {part: 0 for part, _ in PARTS}
    for block in re.split(r"\n\s*\n", done.stdout):
        stack = block.strip().splitlines()[1:]
        if stack:
            parts[classify(stack)] += 1
    return parts, medians


def profile(found, quick):
    """What the service's CPU time is spent on in cycles of CreateTap and close."""
    if not shutil.which("perf"):
        found.note("perf is not installed (linux-perf): not measured.")
        return
    rounds = 10 if quick else 150
    with Stage(quick) as stage:
        for name, task in (("one queue", f"create:root:{GRANTED}:1:0"), ("four queues", f"create:root:{GRANTED}:4:1")):
            parts, _ = record(stage, task, rounds)
            total = sum(parts.values())
            if not total:
                found.note("perf has taken no samples here.")
                return
            for part, samples in parts.items():
                found.row(f"{name}: {part}", [100 * samples / total], "%")
