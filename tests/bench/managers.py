# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peers that are daemons: libvirt and NetworkManager, started in the world only.

Both are driven through their tools, so each is measured as a process beside the same tool with a trivial
request; the difference is their work. To install NetworkManager is to start it: it may instead be unpacked
(dpkg -x, with libnm0, libndp0, libteamdctl0, libmm-glib0, libbluetooth3) into a folder that VNICD_BENCH_PEERS
names.
"""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import time

from stage import GRANTED, Broken, Program, Stage
from vnic.process import Process, poll

LIBVIRTD = "/usr/sbin/libvirtd"
DOMAIN = """<domain type='qemu'><name>bench</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
<devices><emulator>{qemu}</emulator><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"""
NM_CONFIG = "[main]\nplugins=keyfile\ndns=none\nauth-polkit=false\nno-auto-default=*\n[logging]\nlevel=WARN\n"


@contextlib.contextmanager
def private(*folders):
    """Empty folders of this world only in the place of those; folders that did not exist are removed
    afterwards."""
    made, mounted = [], []
    try:
        for folder in map(pathlib.Path, folders):
            if not folder.is_dir():
                folder.mkdir()
                made.append(folder)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder], check=True, timeout=10)
            mounted.append(folder)
        yield
    finally:
        for folder in mounted:
            subprocess.run(["umount", "-l", folder], check=False, timeout=10)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def timed(argv, env):
    begin = time.perf_counter()
    try:
        done = subprocess.run([str(part) for part in argv], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        raise Broken(f"{argv[0]} did not end in 30 s") from None
    if done.returncode != 0:
        raise Broken(f"{' '.join(map(str, argv))}: {(done.stderr or done.stdout).strip()}")
    return (time.perf_counter() - begin) * 1e6


def compare(found, stage, name, rounds, nothing, work, undo, env):
    """In turns: the tool with nothing to do, with the work, and by hand and by the service beside it."""
    series = {"nothing": [], "work": [], "bare": [], "create": []}
    with Program(stage, "bench-hold", 280, GRANTED[:-1], 1, 1) as hold:
        for i in range(rounds):
            series["nothing"].append(timed(nothing, env))
            series["work"].append(timed(work(i), env))
            if undo:
                timed(undo, env)
            beside = hold.ask("sample 1")
            series["bare"] += beside["bare"]
            series["create"] += beside["create"]
    m = {key: statistics.median(values) for key, values in series.items()}
    for key, words in (("nothing", f"{name}, the tool alone"), ("work", name), ("bare", "limit, beside it"),
                       ("create", "CreateTap of root, beside it")):
        found.row(words, series[key])
    found.ratio(f"{name}, without the tool / limit", (m["work"] - m["nothing"]) / m["bare"])
    found.ratio(f"{name}, without the tool / CreateTap", (m["work"] - m["nothing"]) / m["create"])


def add_user(name):
    """Add a user to the world's copies of passwd and group; a package would have created it on the host."""
    for file, line in (("passwd", f"{name}:x:64055:64055::/nonexistent:/usr/sbin/nologin"), ("group", f"{name}:x:64055:")):
        path = pathlib.Path("/etc") / file
        if not any(row.startswith(f"{name}:") for row in path.read_text().splitlines()):
            with path.open("a") as opened:
                opened.write(line + "\n")


def libvirt(found, quick):
    """libvirt's system daemon: a bridge interface attached to a running domain, its card in QEMU included."""
    qemu = shutil.which("qemu-system-x86_64")
    if not (os.path.exists(LIBVIRTD) and shutil.which("virsh") and qemu):
        found.note("libvirt or QEMU is not installed: not measured.")
        return
    with private("/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt"), Stage(quick) as stage:
        env = stage.environment() | {"HOME": "/run/vnicd-world", "XDG_CACHE_HOME": "/run/vnicd-world"}
        add_user("libvirt-qemu")
        etc = pathlib.Path("/etc/libvirt")
        (etc / "qemu.conf").write_text('stdio_handler = "file"\nsecurity_driver = "none"\nuser = "root"\n'
                                       'group = "root"\ncgroup_controllers = []\nnamespaces = []\n')
        (etc / "libvirtd.conf").write_text('auth_unix_rw = "none"\nauth_unix_ro = "none"\n')
        daemon = Process("libvirtd", [LIBVIRTD], env=env)
        try:
            virsh = ["virsh", "-q", "-c", "qemu:///system"]
            if not poll(lambda: os.path.exists("/run/libvirt/libvirt-sock") or not daemon.alive(), 20):
                raise Broken(f"libvirtd does not start: {daemon.output()[-300:]}")
            file = pathlib.Path("/run/vnicd-world/bench.xml")
            file.write_text(DOMAIN.format(qemu=qemu))
            # A paused domain cannot release a card: each round adds one, and a PCI bus has some thirty slots.
            timed([*virsh, "create", "--paused", file], env)
            compare(found, stage, "virsh attach-interface", 3 if quick else 24, [*virsh, "domid", "bench"],
                    lambda i: [*virsh, "attach-interface", "bench", "bridge", GRANTED, "--model", "virtio"], None, env)
            timed([*virsh, "destroy", "bench"], env)
        finally:
            daemon.stop()


def networkmanager(found, quick):
    """NetworkManager: a profile of a tap, activated."""
    root = pathlib.Path(os.environ.get("VNICD_BENCH_PEERS", "/"))
    program, nmcli = root / "usr/sbin/NetworkManager", root / "usr/bin/nmcli"
    if not program.exists() or not nmcli.exists():
        found.note("NetworkManager is not there: not measured. See tests/bench/managers.py for how to unpack it.")
        return
    policy = '<policy user="root"><allow send_destination="org.freedesktop.NetworkManager"/></policy>'
    with private("/etc/NetworkManager", "/var/lib/NetworkManager"), Stage(quick, bus_extra=policy) as stage:
        env = stage.environment() | {"LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu")}
        config = pathlib.Path("/etc/NetworkManager/NetworkManager.conf")
        config.write_text(NM_CONFIG + f"[keyfile]\nunmanaged-devices=interface-name:{GRANTED};interface-name:vnic*;"
                                      "interface-name:bare*\n")
        pathlib.Path("/etc/NetworkManager/system-connections").mkdir()
        # There is no udev here to report that a device is ready; with a read-only sysfs NetworkManager does not wait.
        subprocess.run(["mount", "-o", "remount,ro,bind", "/sys"], check=True, timeout=10)
        daemon = Process("NetworkManager", [program, "--no-daemon"], env=env)
        try:
            stage.world.wait_for_name("org.freedesktop.NetworkManager", daemon)
            timed([nmcli, "connection", "add", "type", "tun", "ifname", "nmtap0", "mode", "tap", "con-name", "bench",
                   "autoconnect", "no", "tun.vnet-hdr", "yes", "ipv4.method", "disabled", "ipv6.method", "disabled"],
                  env)
            compare(found, stage, "nmcli connection up", 3 if quick else 20, [nmcli, "general"],
                    lambda i: [nmcli, "connection", "up", "bench"], [nmcli, "connection", "down", "bench"], env)
        except Broken as error:
            raise Broken(f"{error}; NetworkManager said: {daemon.output()[-300:]}") from None
        finally:
            daemon.stop()
    found.note("Its tap is on no bridge.")
