# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmarks, each a function of a Found and of whether it is to be quick. run.py runs them inside a
world."""

import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import time

from gi.repository import Gio, GLib

from beside import floods_broker, floods_daemon
from managers import libvirt, networkmanager, private
from parts import profile
from stage import (ASKED, CONFIGURATION, GRANTED, Broken, Found, Program, Stage, World, kernel, load_together, percentile)
from vnic.client import NAME, OBJECTS, ROOT, Client
from vnic.process import cpu_seconds

QUEUES = (1, 2, 4, 8)


def create(found, quick, bus):
    """CreateTap beside the steps that it cannot do without."""
    tasks = {"ping": "ping:alice", "ping_root": "ping:root", "polkit": f"polkit:{ASKED}",
             "polkit_1": f"create:alice:{ASKED}:1:0", "bare_same_1": f"bare:{GRANTED}:1:0:same"}
    for queues in QUEUES:
        multi = int(queues > 1)
        tasks[f"bare_{queues}"] = f"bare:{GRANTED}:{queues}:{multi}:plain"
        if multi:
            tasks[f"bare_noqueue_{queues}"] = f"bare:{GRANTED}:{queues}:{multi}:noqueue"
        tasks[f"root_{queues}"] = f"create:root:{GRANTED}:{queues}:{multi}"
        tasks[f"granted_{queues}"] = f"create:alice:{GRANTED}:{queues}:{multi}"
    with Stage(quick, bus) as stage:
        samples = stage.calls(5 if quick else 80, **tasks)
    m = {name: found.row(name, values) for name, values in samples.items()}
    found.ratio("CreateTap(1) of root / (limit + bus)", m["root-1"] / (m["bare-1"] + m["ping-root"]), 1.3)
    found.ratio("CreateTap(1) granted / (limit + bus)", m["granted-1"] / (m["bare-1"] + m["ping"]), 1.3)
    found.ratio("CreateTap(1) by polkit / (limit + bus + polkit)",
                m["polkit-1"] / (m["bare-1"] + m["ping"] + m["polkit"]), 1.15)
    found.ratio("bare, all that the service sets / limit", m["bare-same-1"] / m["bare-1"])
    for queues in QUEUES[1:]:
        found.ratio(f"CreateTap({queues}) granted / (CreateTap(1) + {12 * queues} µs)",
                    m[f"granted-{queues}"] / (m["granted-1"] + 12 * queues), 1.1)
        found.ratio(f"bare {queues} queues, noqueue first / by default",
                    m[f"bare-noqueue-{queues}"] / m[f"bare-{queues}"])


def create_daemon(found, quick):
    """CreateTap and its parts under dbus-daemon."""
    create(found, quick, "dbus-daemon")


def create_broker(found, quick):
    """CreateTap and its parts under dbus-broker."""
    create(found, quick, "dbus-broker")


def processes(found, quick):
    """vnic-bridge-helper and vnicctl run as processes, beside qemu-bridge-helper, ip and lxc-user-nic."""
    with Stage(quick) as stage, contextlib.ExitStack() as stack:
        helper, vnicctl = (stage.world.tool(name) for name in ("vnic-bridge-helper", "vnicctl"))
        tasks = {"limit": f"bare:{GRANTED}:1:0:plain", "ping": "ping:alice", "polkit": f"polkit:{ASKED}",
                 "call_granted": f"create:alice:{GRANTED}:1:0",
                 "call_polkit": f"create:alice:{ASKED}:1:0", "start_of_true": "run:alice:/bin/true",
                 "vnic_bridge_helper_granted": f"helper:alice:{GRANTED}:{helper}",
                 "vnic_bridge_helper_polkit": f"helper:alice:{ASKED}:{helper}",
                 "vnicctl_run_true": f"run:alice:{vnicctl} run --bridge {GRANTED} -- /bin/true"}
        peers(found, stage, stack, tasks)
        samples = stage.calls(4 if quick else 50, **tasks)
    m = {name: found.row(name, values) for name, values in samples.items()}
    for name in m:
        if name not in ("limit", "ping", "polkit") and "/" not in name:
            found.ratio(f"{name} / limit", m[name] / m["limit"])
    if "qemu-bridge-helper" in m:
        theirs = m["qemu-bridge-helper"]
        found.ratio("qemu-bridge-helper / CreateTap granted, from a running client", theirs / m["call-granted"], 3,
                    at_most=False)
        found.ratio("vnic-bridge-helper, polkit included / qemu-bridge-helper",
                    m["vnic-bridge-helper-polkit"] / theirs, 1.6)
        # The best that these two could be, without any overhead of vnicd's own.
        least = m["limit"] + m["ping"]
        found.ratio("qemu-bridge-helper / (limit + bus)", theirs / least)
        found.ratio("(a start + limit + bus + polkit) / qemu-bridge-helper",
                    (m["start-of-true"] + least + m["polkit"]) / theirs)
        found.ratio("vnic-bridge-helper, granted / qemu-bridge-helper", m["vnic-bridge-helper-granted"] / theirs)
    # This is measured on hosts without QEMU too.
    beyond = m["vnic-bridge-helper-granted"] - m["call-granted"] - m["start-of-true"]
    found.ratio("vnic-bridge-helper beyond its call and a start of a program", beyond / 1e3, 5, unit="ms")
    found.note("vnicctl run true ends with the last close of its tap, which sleeps some 15 ms in the kernel.")


def peers(found, stage, stack, tasks):
    """Add the peers that are installed. Those that need privileges run as root, to spare them the cost of
    gaining them."""
    here = pathlib.Path(__file__).resolve().parent
    qemu = pathlib.Path("/usr/lib/qemu/qemu-bridge-helper")
    stack.enter_context(private("/etc/qemu", "/etc/lxc"))
    for file, text in (("qemu/bridge.conf", "allow all\n"), ("lxc/lxc-usernet", f"root veth {GRANTED} 1000\n")):
        (pathlib.Path("/etc") / file).write_text(text)
    if qemu.exists():
        tasks["qemu_bridge_helper"] = f"helper:root:{GRANTED}:{qemu}"
    else:
        found.note("qemu-bridge-helper is not installed.")
    script = here / "ip-tap"
    tasks["ip_tuntap_and_link"] = f"run:root:/bin/sh {script} {GRANTED}|ip link del peer0"
    lxc = pathlib.Path("/usr/libexec/lxc/lxc-user-nic")
    if lxc.exists():
        container = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        stack.callback(container.kill)
        time.sleep(0.2)
        tasks["lxc_user_nic"] = (f"run:root:{lxc} create /root lxcname {container.pid} veth {GRANTED} eth0"
                                 f"|ip -n {give_name(container.pid)} link del eth0")
    else:
        found.note("lxc-user-nic is not installed.")
    found.note("libvirt, NetworkManager: see the benchmarks of that name. systemd-networkd needs systemd: it is left "
               "to the system tier.")


def give_name(pid):
    """A name under which ip -n finds a process's network namespace."""
    pathlib.Path("/run/netns").mkdir(exist_ok=True)
    subprocess.run(["ip", "netns", "attach", "bench", str(pid)], check=True, timeout=10)
    return "bench"


@contextlib.contextmanager
def sysctl(path, value):
    file = pathlib.Path("/proc/sys") / path
    before = file.read_text()
    file.write_text(value)
    try:
        yield
    finally:
        file.write_text(before)


@contextlib.contextmanager
def settings(snooping=True, ipv6=True):
    """Settings that an administrator may choose; both apply to bridges that are created within the block."""
    with contextlib.ExitStack() as stack:
        if not ipv6:
            stack.enter_context(sysctl("net/ipv6/conf/default/disable_ipv6", "1"))
        yield [] if snooping else ["mcast_snooping", "0"]


def sample_at(found, hold, rounds, curve, label, count):
    samples = hold.ask(f"sample {rounds}")
    m = {name: statistics.median(values) for name, values in samples.items()}
    for name, what in (("same", "by hand"), ("create", "CreateTap")):
        found.point(curve, f"{what}, {label}", count, m[name])
    found.row(f"{label}: CreateTap at {count}", samples["create"])
    found.row(f"{label}: bare at {count}", samples["bare"])
    found.row(f"{label}: bare, same settings, at {count}", samples["same"])
    return m


VARIANTS = (("default", True, True), ("snooping off", False, True), ("IPv6 off", True, False),
            ("both off", False, False))


def ports(found, quick):
    """The k-th port of one bridge, with the settings that an administrator may choose."""
    counts = (20, 50) if quick else (50, 250, 500, 1000)
    first = {}
    for label, snooping, ipv6 in VARIANTS:
        if quick and label not in ("default", "both off"):
            continue
        with settings(snooping, ipv6) as options, Stage(quick) as stage:
            stage.bridge("dense0")
            if options:
                kernel.run("ip", "link", "set", "dense0", "type", "bridge", *options)
            with Program(stage, "bench-hold", 280, "dense", 1, 1) as hold:
                for count in counts:
                    hold.ask(f"fill {count - 1}")
                    m = sample_at(found, hold, 2 if quick else 15, "ports", label, count)
                    first.setdefault(label, m["create"])
        if label == "default":
            found.ratio(f"port {counts[-1]}, default settings / bare, same settings", m["create"] / m["same"], 1.5)
        if label == "both off":
            found.ratio(f"port {counts[-1]} / port {counts[0]}, recommended settings",
                        m["create"] / first[label], 2.0)


def taps(found, quick):
    """The k-th tap of a host with many bridges, with and without IPv6; enumeration, memory and restart beside it."""
    counts = (50, 100) if quick else (100, 1000, 3000, 10000)
    for label, ipv6 in (("IPv6 off", False), ("default", True)):
        with settings(ipv6=ipv6), Stage(quick) as stage:
            for i in range(20):
                stage.bridge(f"many{i}")
            with Program(stage, "bench-hold", 580, "many", 20, 1) as hold:
                for count in counts:
                    made = hold.ask(f"fill {count - 1}", 500)
                    found.row(f"{label}: a tap of the {made['made']} up to {count}, pipelined",
                              [made["us"] / made["made"]])
                    m = sample_at(found, hold, 2 if quick else 8, "taps", label, count)
                    if label == "IPv6 off":
                        first = m if count == counts[0] else first
                        enumerate_all(found, stage, count)
                        restart(found, stage, hold, count)
                found.ratio(f"tap {counts[-1]}, {label} / bare, same settings", m["create"] / m["same"], 1.5)
                if label == "IPv6 off":
                    found.ratio(f"tap {counts[-1]} / tap {counts[0]}, recommended settings",
                                m["create"] / first["create"], 2.0)
                    removed = hold.ask("delete")
                    found.row(f"{counts[-1]} taps deleted by one message, each", [removed["us"] / removed["taps"]])


def milliseconds(action):
    begin = time.perf_counter()
    result = action()
    return (time.perf_counter() - begin) * 1e3, result


def raw_call(client, path, interface, member, timeout=60):
    """The reply, not unpacked: that would take longer than the call."""
    try:
        return client.connection.call_sync(NAME, path, interface, member, None, None, Gio.DBusCallFlags.NO_AUTO_START,
                                           timeout * 1000, None)
    except GLib.Error as error:
        raise Broken(f"{member}: {error.message}") from None


def enumerate_all(found, stage, count):
    """GetManagedObjects and vnicctl list, with that many endpoints."""
    with Client(stage.world, "alice") as client:
        ms, reply = milliseconds(lambda: raw_call(client, ROOT, OBJECTS, "GetManagedObjects"))
        before = cpu_seconds(stage.world.pid)
        for _ in range(10 if count >= 1000 else 0):
            raw_call(client, ROOT, OBJECTS, "GetManagedObjects")
        part = (cpu_seconds(stage.world.pid) - before) / 10 * 1e3
    n = reply.get_child_value(0).n_children()
    if n < count - 1:
        raise Broken(f"GetManagedObjects gave {n} objects of {count - 1}")
    found.point("enumeration", "GetManagedObjects", count, ms)
    found.row(f"GetManagedObjects of {n}", [ms], "ms")
    if count >= 1000:
        found.row(f"GetManagedObjects of {n}, the service's part", [part], "ms")
    found.row(f"GetManagedObjects of {n}, reply", [reply.get_size() / 1024], "KiB")
    ms, (status, out, err) = milliseconds(lambda: stage.world.output_as(
        "alice", [stage.world.tool("vnicctl"), "list", "--all"], timeout=60))
    if status != 0:
        raise Broken(f"vnicctl list: {err.strip()}")
    found.point("enumeration", "vnicctl list", count, ms)
    found.row(f"vnicctl list --all of {n}", [ms], "ms")
    found.row(f"memory with {n} endpoints", [stage.rss() / 1024], "MiB")


def restart(found, stage, hold, count):
    """From the start of the program to its first answer, with all endpoints adopted."""
    times = []
    for _ in range(1 if stage.quick else 3):
        stage.world.stop_service()
        ms = start_and_ask(stage)
        with Client(stage.world, "root") as client:
            reply = raw_call(client, ROOT, OBJECTS, "GetManagedObjects")
            adopted = reply.get_child_value(0).n_children()
            if adopted < count - 1:
                raise Broken(f"after a restart {adopted} of {count - 1} endpoints are there")
        times.append(ms)
    median = found.row(f"restart with {count} endpoints", times, "ms")
    found.point("restart", "until the first answer", count, median)
    target = {1000: 150, 10000: 1000}.get(count)
    if target:
        found.ratio(f"restart with {count} endpoints", median, target, unit="ms")


def start_and_ask(stage):
    """Milliseconds until the started service answers a Ping."""
    with Client(stage.world, "root") as client:
        begin = time.perf_counter()
        stage.world.start_service(wait=False)
        while time.perf_counter() - begin < 60:
            try:
                client.connection.call_sync(NAME, ROOT, "org.freedesktop.DBus.Peer", "Ping", None, None,
                                            Gio.DBusCallFlags.NO_AUTO_START, 60000, None)
                return (time.perf_counter() - begin) * 1e3
            except GLib.Error:
                time.sleep(0.0005)
    raise Broken("the service does not answer in 60 s")


def throughput(found, quick):
    """Create and release, one client pipelining and 1 to 64 clients, beside closing by hand."""
    seconds = 0.5 if quick else 3
    with Stage(quick) as stage:
        rates = {}
        for name, load in (("bare, one after the other", ("root", "bare", GRANTED, 0)),
                           ("bare, 8 closing threads", ("root", "bare-threads", GRANTED, 8)),
                           ("one client, 32 calls on their way, closing", ("root", "close", GRANTED, 32)),
                           ("one client, 32 calls on their way, Release", ("root", "release", GRANTED, 32))):
            # It runs twice, and the better run counts: a burst of other work on the machine hits one of them.
            answers = [load_together(stage, load, seconds=seconds)[0] for _ in range(1 if quick else 2)]
            rates[name] = max(answer["cycles"] / answer["seconds"] for answer in answers)
            found.row(name, [rates[name]], "cycles/s")
        serial, threads, closing, release = rates.values()
        best = max(closing, release)
        found.ratio("one client pipelining / serial bare open and close", best / serial, 5, at_most=False)
        found.ratio("one client pipelining / 8 bare closer threads", best / threads, 0.9, at_most=False)
        for clients in (1, 4) if quick else (1, 2, 4, 8, 16, 32, 64):
            answers = load_together(stage, *[("root", "close", GRANTED, 1)] * clients, seconds=seconds)
            rate = sum(answer["cycles"] / answer["seconds"] for answer in answers)
            latencies = [value for answer in answers for value in answer["create"]]
            found.point("throughput", "cycles a second", clients, rate)
            found.point("throughput latency", "median", clients, statistics.median(latencies))
            found.point("throughput latency", "p99", clients, percentile(latencies, 0.99))
            found.row(f"{clients} clients", [rate], "cycles/s")
            found.row(f"{clients} clients: CreateTap", latencies)


def others(found, quick):
    """How long an honest client waits while others call and hang up at full speed, or make many calls."""
    seconds = 0.5 if quick else 4
    asked, granted = ("bob", "abuse", ASKED, 0), ("bob", "abuse", GRANTED, 0)
    connecting = ("bob", "connect", "-", 0)
    # name, the limit of creations in 20 s (None: lifted), the other clients, the target
    cases = (("alone", None, [], None), ("beside 1 who calls and disconnects, default limits", 100, [granted], 5),
             ("beside 4 who call and disconnect, default limits", 100, [granted] * 4, 5),
             ("beside 1 who calls and disconnects, no limit", None, [granted], 5),
             ("beside 4 who call and disconnect, no limit", None, [granted] * 4, None),
             # The service has no part in this: it is the cost of the bus and the processors.
             ("beside 4 who connect and disconnect and call nobody here", None, [connecting] * 4, None),
             ("beside 1 of whom polkit is asked, no limit", None, [asked], 5),
             ("beside 16 busy clients", None, [("root", "close", GRANTED, 1)] * 16, None),
             ("beside 64 busy clients", None, [("root", "close", GRANTED, 1)] * (8 if quick else 64), None))
    p99 = {}
    for name, limit, load, target in cases:
        with Stage(quick) as stage:
            if limit:
                stage.world.configure(f"{CONFIGURATION.format(GRANTED)}Creations={limit}\n")
                stage.world.reload()
            # Which part of the wait is the bus daemon's, the service's, and the kernel's.
            answers = load_together(stage, ("alice", "honest", GRANTED, 0), ("alice", "ping", "-", 0),
                                    ("alice", "bus", "-", 0), *load, seconds=seconds)
        for who, answer in zip(("CreateTap", "Ping of the service", "GetId of the bus daemon"), answers):
            found.row(f"{who} {name}", answer["create"])
        found.ratio(f"p99 of CreateTap {name}", percentile(answers[0]["create"], 0.99) / 1e3, target, unit="ms")
        p99[name] = percentile(answers[0]["create"], 0.99)
        if load and load[0][1] in ("abuse", "connect"):
            found.row(f"{name}: calls", [sum(a["cycles"] / a["seconds"] for a in answers[3:])], "calls/s")
    found.ratio("p99 beside 4 who call and disconnect, default limits / beside 4 who call nobody here",
                p99[cases[2][0]] / p99[cases[5][0]])


def release(found, quick):
    """The cost of removing many taps."""
    count = 16 if quick else 128
    with Stage(quick) as stage:
        for i in range(4):
            stage.bridge(f"rel{i}")
        with Program(stage, "bench-hold", 200, "rel", 4, 1) as hold:
            for _ in range(1 if quick else 3):
                for command in ("releaseall", "close", "delete"):
                    hold.ask(f"fill {count}")
                    answer = hold.ask(command)
                    found.rows.setdefault(command, []).append(answer["us"] / answer["taps"])
    words = {"releaseall": "ReleaseAll", "close": "closed by 8 threads", "delete": "one RTM_DELLINK by IFLA_GROUP"}
    values = {command: found.rows.pop(command) for command in words}
    m = {command: found.row(f"{words[command]}, a tap of {count}", values[command]) for command in words}
    found.ratio("ReleaseAll / one RTM_DELLINK by IFLA_GROUP", m["releaseall"] / m["delete"])


def memory(found, quick):
    """Resident memory: idle, for each endpoint, and after many cycles."""
    cycles = 300 if quick else 20000
    with settings(ipv6=False), Stage(quick) as stage:
        for i in range(10):
            stage.bridge(f"mem{i}")
        idle = stage.rss() / 1024
        found.row("idle, resident", [idle], "MiB")
        found.row("idle, private", [stage.rss("Private") / 1024], "MiB")
        found.ratio("idle resident memory", stage.rss() * 1024 / 1e6, 5, unit="MB")
        with Program(stage, "bench-hold", 280, "mem", 10, 1) as hold:
            count = 100 if quick else 4000
            hold.ask("fill 50")
            before = stage.rss()
            hold.ask(f"fill {50 + count}")
            each = (stage.rss() - before) / count
            found.row("an endpoint", [each], "KiB")
            found.ratio("memory of an endpoint", each, 1, unit="KiB")
            hold.ask("delete")
        time.sleep(0.5)
        churn(found, stage, cycles)


def churn(found, stage, cycles):
    first, done = None, 0
    while done < cycles:
        done += load_together(stage, ("root", "close", "mem0", 32), seconds=0.4 if stage.quick else 5)[0]["cycles"]
        time.sleep(0.2)
        now = stage.rss()
        found.point("memory", "resident, KiB", done, now)
        first = first or now
    found.row(f"growth over {done} cycles", [now - first], "KiB")
    found.ratio(f"growth over {done} cycles", now - first, 64, unit="KiB")


def activation(found, quick):
    """From a cold start: the bus starts the service, and the first reply arrives."""
    services = pathlib.Path("/run/vnicd-world/services")
    world = World(bus="dbus-daemon", bus_extra=f"<user>root</user><servicedir>{services}</servicedir>")
    services.mkdir(mode=0o755, exist_ok=True)
    text = (world.build / "dbus" / "org.vnicd1.service").read_text()
    command = "Exec=/usr/bin/env " + " ".join(world.service_command())
    (services / "org.vnicd1.service").write_text(re.sub(r"^Exec=.*$", command, text, flags=re.M))
    world.start(service=False)
    times, create_times = [], []
    try:
        kernel.make_bridge(ASKED)
        with Client(world, "alice") as client:
            for _ in range(2 if quick else 15):
                ms, _ = milliseconds(lambda: client.call(ROOT, "org.freedesktop.DBus.Peer", "Ping"))
                times.append(ms)
                end(client)
                ms, tap = milliseconds(lambda: client.create_tap(ASKED))
                create_times.append(ms)
                tap.close()
                end(client)
    finally:
        world.stop()
    found.ratio("first reply", found.row("first reply: Ping", times, "ms"), 100, unit="ms")
    found.row("first reply: CreateTap by polkit", create_times, "ms")
    found.note("The start goes through env and setpriv, as the tests' unit; the program is in the page cache.")


def end(client):
    pid = client.bus_call("GetConnectionUnixProcessID", "s", (NAME,))[0]
    os.kill(pid, 15)
    for _ in range(500):
        if client.owner_of(NAME) is None:
            return
        time.sleep(0.01)
    raise Broken("the service does not end")


def switches(pid):
    total = 0
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def idle(found, quick):
    """How often the service wakes up while nothing happens, with taps present."""
    seconds = 3 if quick else 30
    with Stage(quick) as stage:
        with Program(stage, "bench-hold", 100, GRANTED[:-1], 1, 1) as hold:
            hold.ask("fill 20")
            # A bridge has timers of its own, the last some 15 s after a port was added: the kernel reports that.
            time.sleep(2 if quick else 20)
            before = switches(stage.world.pid)
            time.sleep(seconds)
            wakes = switches(stage.world.pid) - before
    found.row("wake-ups a minute", [wakes * 60 / seconds], "")
    found.ratio("wake-ups a minute", wakes * 60 / seconds, 0, unit="")


def data(found, quick):
    """TCP through a tap of the service and through a hand-made one with the same settings."""
    queues = (1, 2) if quick else (1, 2, 4)
    with Stage(quick) as stage:
        stage.bridge("data0", address="198.51.100.1/24")
        # With a port of its own it keeps its carrier: after losing it the kernel takes up to a second to send again.
        kernel.run("ip", "link", "add", "data1", "master", "data0", "up", "type", "veth", "peer", "name", "data2")
        kernel.run("ip", "link", "set", "data2", "up")
        samples = stage.run("bench-data", 280, "data0", 1 if quick else 14, 0.2 if quick else 0.3, *queues,
                            timeout=280)
    m = {}
    for name, values in samples.items():
        is_calls = name.endswith("/calls")
        m[name] = found.row(name, values if is_calls else [value / 1e3 for value in values],
                            "calls/GB" if is_calls else "Gbit/s")
    for n in queues:
        for mode in ("plain", "header", "offloads"):
            pairs = [a / b for a, b in zip(samples[f"{mode}-{n}-service"], samples[f"{mode}-{n}-hand"])]
            found.ratio(f"{mode}, {n} queues: of the service / by hand", statistics.median(pairs), 0.98, at_most=False)
    found.ratio("offloads / plain, of the service", m["offloads-1-service"] / m["plain-1-service"], 4.5, at_most=False)


ALL = {"create": create_daemon, "create-broker": create_broker, "processes": processes,
       "libvirt": libvirt, "networkmanager": networkmanager, "ports": ports, "taps": taps,
       "throughput": throughput, "others": others, "floods": floods_daemon, "floods-broker": floods_broker,
       "release": release, "memory": memory, "activation": activation,
       "idle": idle, "data": data, "profile": profile}

__all__ = ["ALL", "Found"]
