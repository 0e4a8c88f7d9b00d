# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel's view. The kernel is asked whether a device is gone, never the service's own list."""

import contextlib
import ctypes
import fcntl
import json
import os
import re
import struct
import subprocess

from .process import poll

TUNSETIFF = 0x400454CA
TUNSETPERSIST = 0x400454CB
TUNSETOWNER = 0x400454CC
TUNGETFEATURES = 0x800454CF
TUNSETOFFLOAD = 0x400454D0
TUNGETIFF = 0x800454D2
TUNGETVNETHDRSZ = 0x800454D7
TUNSETVNETHDRSZ = 0x400454D8
TUNSETQUEUE = 0x400454D9
SIOCSIFHWADDR = 0x8924

IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x0002, 0x1000, 0x4000, 0x0100
IFF_TUN_EXCL, IFF_ATTACH_QUEUE, IFF_DETACH_QUEUE, IFF_PERSIST = 0x8000, 0x0200, 0x0400, 0x0800
OFFLOADS = {"csum": 0x01, "tso4": 0x02, "tso6": 0x04, "tso-ecn": 0x08, "uso4": 0x20, "uso6": 0x40,
            "udp-tunnel-gso": 0x80, "udp-tunnel-gso-csum": 0x100}

OURS = re.compile(r"^vnic[0-9a-f]{8}$")
CLONE_NEWNET = 0x40000000
TIMEOUT = 10


def run(*argv, check=True):
    """A tool's output; a failure includes its error output."""
    done = subprocess.run([str(part) for part in argv], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=TIMEOUT, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _json(*argv):
    text = run(*argv, check=False).strip()
    return json.loads(text) if text else []


# Links

def links():
    """name → `ip -d -j link show`, of every link of this namespace."""
    return {entry["ifname"]: entry for entry in _json("ip", "-d", "-j", "link", "show") if entry}


def link(name):
    """One link, or None. An alternative name finds it too."""
    entries = [entry for entry in _json("ip", "-d", "-j", "link", "show", "dev", name) if entry]
    return entries[0] if entries else None


def exists(name):
    return os.path.exists(f"/sys/class/net/{name}")


def our_links():
    """The names of the links that look like the service's."""
    return sorted(name for name in os.listdir("/sys/class/net") if OURS.match(name))


def wait_gone(name, timeout=2.0):
    """Wait for a last close, which takes some 15 ms; false if the link is still there at the deadline."""
    return poll(lambda: not exists(name), timeout, 0.002)


def wait_link(name, predicate, timeout=2.0):
    """The link, as soon as the predicate holds for it; None at the deadline."""
    def question():
        entry = link(name)
        return entry if entry and predicate(entry) else None
    return poll(question, timeout)


def tun(name):
    """The tun part of a link: type, vnet_hdr, multi_queue, numqueues, numdisabled, persist, user, group."""
    return link(name)["linkinfo"]["info_data"]


def owner(name):
    """The uid that may open the tap by name; None if it was never set."""
    text = _sysfs(name, "owner")
    return None if text is None or text == "-1" else int(text)


def numqueues(name):
    """(attached, detached) queues."""
    data = tun(name)
    # A single-queue device reports neither number.
    return data.get("numqueues", 0), data.get("numdisabled", 0)


def alias(name):
    """The tag."""
    entry = link(name)
    return entry.get("ifalias") if entry else None


def _sysfs(name, file):
    try:
        with open(f"/sys/class/net/{name}/{file}", encoding="utf-8") as opened:
            return opened.read().strip()
    except OSError:
        return None


def carrier(name):
    return _sysfs(name, "carrier") == "1"


def addresses(name):
    """Every address of a link as text, IPv6 too."""
    entries = _json("ip", "-j", "address", "show", "dev", name)
    return [f"{info['local']}/{info['prefixlen']}" for entry in entries
            for info in entry.get("addr_info", [])]


def ethtool_features(name):
    """feature → on or off."""
    features = {}
    for line in run("ethtool", "-k", name).splitlines()[1:]:
        key, _, value = line.strip().partition(": ")
        if value:
            features[key] = value.split()[0] == "on"
    return features


# Bridges

def bridge_port(name):
    """`bridge -d -j link` of a port: state, learning, flood, isolated, locked, master..., or None."""
    for entry in _json("bridge", "-d", "-j", "link", "show", "dev", name):
        return entry
    return None


def ports(bridge):
    return sorted(os.listdir(f"/sys/class/net/{bridge}/brif"))


def fdb(bridge):
    """The forwarding table: entries with mac, ifname, flags, state."""
    return [entry for entry in _json("bridge", "-j", "fdb", "show", "br", bridge) if entry]


def fixed_fdb(bridge):
    """The configured entries, without learnt ones and without the groups that the bridge itself is in."""
    return [entry for entry in fdb(bridge)
            if entry["state"] in ("static", "permanent") and "self" not in entry["flags"]]


def make_bridge(name, mtu=None, mac=None, up=True, address=None):
    """Create a bridge; without `mac` its MAC is not pinned and follows its ports."""
    command = ["ip", "link", "add", name]
    if mac:
        command += ["address", mac]
    run(*command, "type", "bridge")
    if mtu:
        run("ip", "link", "set", name, "mtu", mtu)
    if address:
        run("ip", "address", "add", address, "dev", name)
    if up:
        run("ip", "link", "set", name, "up")
    return name


def del_link(name):
    run("ip", "link", "del", name, check=False)


def next_ifindex():
    """The ifindex of the next device: the one after the last that anybody created."""
    run("ip", "link", "add", "counter0", "type", "bridge")
    index = link("counter0")["ifindex"]
    del_link("counter0")
    return index + 1


@contextlib.contextmanager
def bridge(name, **how):
    """A bridge for the length of a `with`."""
    make_bridge(name, **how)
    try:
        yield name
    finally:
        del_link(name)


def make_veth(name, peer, master=None, namespace=None):
    """Create a veth pair, up; `name` is a port of `master`, `peer` is in another network namespace if
    requested."""
    run("ip", "link", "add", name, "type", "veth", "peer", "name", peer)
    if master:
        run("ip", "link", "set", name, "master", master)
    if namespace:
        run("ip", "link", "set", peer, "netns", namespace)
        run("ip", "-n", namespace, "link", "set", peer, "up")
    else:
        run("ip", "link", "set", peer, "up")
    run("ip", "link", "set", name, "up")


@contextlib.contextmanager
def namespace(name):
    """A named network namespace with lo up: another machine on the link."""
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name, check=False)


@contextlib.contextmanager
def inside(namespace_name):
    """Move this thread to that network namespace (with its sockets, ioctls and children)."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{namespace_name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace_name}")
        yield
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


# Invariants of foreign links

# A bridge legitimately gains and loses carrier, promiscuity and segmentation limits with its ports.
_VOLATILE = ("stats64", "stats", "linkinfo", "promiscuity", "allmulti", "operstate", "tso_max_size",
             "tso_max_segs")
_CARRIER = {"NO-CARRIER", "LOWER_UP", "PROMISC"}


def snapshot():
    """name → what a test may not change of a link that is not the service's."""
    kept = {}
    for name, entry in links().items():
        if OURS.match(name):
            continue
        kept[name] = {key: value for key, value in entry.items() if key not in _VOLATILE}
        kept[name]["flags"] = sorted(set(entry["flags"]) - _CARRIER)
        kept[name]["kind"] = entry.get("linkinfo", {}).get("info_kind")
        kept[name]["port"] = entry.get("linkinfo", {}).get("info_slave_data")
        if kept[name]["port"]:
            kept[name]["port"] = {key: value for key, value in kept[name]["port"].items()
                                  if "timer" not in key}
    return kept


def differences(before, after):
    """Sentences about the differences between two snapshots."""
    result = [f"{name} is gone" for name in before if name not in after]
    result += [f"{name} is new" for name in after if name not in before]
    for name in before.keys() & after.keys():
        for key in sorted(before[name].keys() | after[name].keys()):
            old, new = before[name].get(key), after[name].get(key)
            if old != new:
                result.append(f"{name}: {key} was {old!r} and is {new!r}")
    return result


# Packet filters

@contextlib.contextmanager
def tables_of_somebody_else(name, families):
    """Tables of that name that only their owner may change, so that the kernel refuses them to everybody
    else, just as one without nf_tables refuses all."""
    with subprocess.Popen(["nft", "--interactive"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, text=True) as owner:
        # This is one transaction, since the service could act between two.
        owner.stdin.write("; ".join(f"add table {family} {name}; delete table {family} {name}; "
                                    f"add table {family} {name} {{ flags owner; }}" for family in families) + "\n")
        owner.stdin.flush()
        if not poll(lambda: run("nft", "list", "ruleset").count("flags owner") == len(families), 5):
            raise RuntimeError("nft does not take tables for its own")
        try:
            yield
        finally:
            owner.stdin.close()
            owner.wait(TIMEOUT)


# Queues, by their fd

def open_tap(name="", flags=IFF_TAP | IFF_NO_PI | IFF_VNET_HDR):
    """A tap created by the test itself, as root: (fd, name)."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        request = fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    except OSError:
        os.close(fd)
        raise
    return fd, request[:16].rstrip(b"\0").decode()


def queue_info(fd):
    """(interface, flags) by TUNGETIFF."""
    request = fcntl.ioctl(fd, TUNGETIFF, bytes(40))
    return request[:16].rstrip(b"\0").decode(), struct.unpack_from("H", request, 16)[0]


def flags(fd):
    return queue_info(fd)[1]


def vnet_hdr_size(fd):
    return struct.unpack("i", fcntl.ioctl(fd, TUNGETVNETHDRSZ, bytes(4)))[0]


def set_vnet_hdr_size(fd, size):
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", size))


def set_offloads(fd, *names):
    """Declare which offloads the reader of this tap can handle, as its consumer would."""
    fcntl.ioctl(fd, TUNSETOFFLOAD, sum(OFFLOADS[name] for name in names))


def detach(fd, attach=False):
    """TUNSETQUEUE."""
    fcntl.ioctl(fd, TUNSETQUEUE,
                struct.pack("16sH22x", b"", IFF_ATTACH_QUEUE if attach else IFF_DETACH_QUEUE))


# What a holder may do with a queue, without any privilege

def set_mac(fd, name, mac):
    """Set the MAC of the link behind a queue."""
    fcntl.ioctl(fd, SIOCSIFHWADDR, struct.pack("16sH6s16x", name.encode(), 1, bytes.fromhex(mac.replace(":", ""))))


def set_persistent(fd, persistent=True):
    fcntl.ioctl(fd, TUNSETPERSIST, int(persistent))


def set_owner(fd, uid):
    fcntl.ioctl(fd, TUNSETOWNER, uid)


def up(name):
    run("ip", "link", "set", name, "up")
