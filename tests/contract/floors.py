#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The floors of the house: every crossing is an #include line, arrows point down only, and no circle of files is left.

A file and its header are one room. A room stands on another if it includes its header or calls a function that is defined
there, whatever header declares it.
"""

import fnmatch
import re
import sys

from tap import Report, c_files, source, without_comments

LIBC = r"(?!systemd/|libnl|netlink/|jansson|linux/)[a-z0-9_/-]+\.h"
LINUX = r"linux/((netfilter|tc_act)/)?[a-z0-9_-]+\.h"

# Folder, in common/ and service/: the folders that "..." may name, and what <...> may name.
FLOORS = {
    "common": ("common", rf"{LIBC}|systemd/sd-(bus|event)\.h"),
    "kernel": ("common kernel", rf"{LIBC}|{LINUX}|netlink/.*|nftables/.*"),
    "config": ("common config", LIBC),
    "networks": ("common kernel config networks", rf"{LIBC}|systemd/sd-(event|id128)\.h"),
    "taps": ("common kernel config networks taps", rf"{LIBC}|systemd/sd-(event|id128)\.h"),
    "bus": ("common bus", rf"{LIBC}|systemd/sd-(bus|event)\.h"),
    "access": ("common config bus access", rf"{LIBC}|systemd/sd-(bus|event|journal)\.h"),
    "api": ("common kernel config networks taps bus access api", rf"{LIBC}|systemd/sd-(bus|event|daemon)\.h"),
    "": ("common bus api", rf"{LIBC}|systemd/sd-(bus|event|daemon)\.h"),
}

# Crossings and circles that there are still. No line may be added.
UPWARDS = {
    "networks/lease-book taps/tag",
    "bus/property common/mac",
}

# Rooms with fewer doors than their floor: file without its ending, and what "..." may name there beside itself.
ROOMS = {
    "access/audit": "common/*",
    "access/authorization": "access/caller bus/polkit-client common/*",
    "access/call": "access/authorization access/caller access/policy access/run-queue bus/bus-cleanup bus/message-size common/*",
    "access/caller": "access/credentials bus/bus-cleanup bus/read-ahead bus/signal-match common/* config/config",
    "access/credentials": "bus/bus-cleanup",
    "access/run-queue": "bus/read-ahead common/*",
    "bus/logins": "bus/bus-cleanup bus/signal-match common/*",
    "bus/polkit-client": "bus/bus-cleanup",
    "bus/read-ahead": "common/*",
    "bus/signal-match": "bus/bus-cleanup common/*",
    "bus/systemd-client": "bus/bus-cleanup bus/signal-match common/*",
    "common/bus-error": "common/failure",
    "common/cleanup": "",
    "common/failure": "common/printable",
    "common/fdset": "common/cleanup",
    "common/ifname": "",
    "common/list": "",
    "common/printable": "",
    "common/quota": "common/cleanup common/clock common/failure common/rate-limit common/user",
    "common/user": "common/clock common/list common/rate-limit",
    "config/config": "common/* config/config-file config/config-network config/config-parse config/network-plan config/config-section",
    "config/config-file": "common/*",
    "config/config-lines": "common/* config/config-file",
    "config/config-names": "common/*",
    "config/config-network": "config/config-file config/config-lines config/network-plan",
    "config/config-parse": "common/* config/config config/config-file config/config-lines config/config-names config/config-section",
    "config/config-section": "common/*",
    "config/network-plan": "common/*",
    "kernel/event-socket": "",
    "kernel/filter": "common/* kernel/filter-batch kernel/filter-library kernel/netlink",
    "kernel/filter-batch": "common/* kernel/netlink",
    "kernel/filter-digest": "common/* kernel/filter-batch kernel/filter-table kernel/netlink",
    "kernel/filter-drop": "common/* kernel/filter-batch common/mac kernel/netlink",
    "kernel/filter-events": "common/* kernel/event-socket kernel/filter-table",
    "kernel/filter-library": "common/*",
    "kernel/filter-table": "",
    "common/mac": "",
    "kernel/netlink": "common/*",
    "kernel/offload": "common/*",
    "kernel/tap": "common/* kernel/owner-race-guard",
    "kernel/owner-race-guard": "",
    "networks/device-set": "",
    "networks/filter-guard": "common/* kernel/filter-digest",
    "networks/group": "",
    "networks/ifindex-map": "common/*",
    "networks/lan": "common/* kernel/route",
    "networks/leases": "common/* common/mac networks/network-service",
    "networks/network-filter": "config/network-plan networks/lan networks/network-tag",
    "networks/network-service": "common/* config/network-plan",
    "networks/network-tag": "config/network-plan kernel/link networks/group",
    "networks/uplink-filter": "kernel/route networks/device-set networks/lan networks/network-filter",
    "networks/uplink-switch": "common/* kernel/device-settings kernel/forwarding kernel/netlink networks/device-set networks/network-tag",
    "taps/tag": "kernel/link common/mac",
    "taps/tap-filter": "common/* kernel/filter-drop kernel/filter-table kernel/netlink networks/group networks/network-filter",
    "taps/tap-port": "kernel/bridge kernel/link networks/group taps/tag taps/tap-filter",
    "taps/tap-request": "common/* common/mac config/network-plan kernel/offload taps/tag",
}

# These alone may name the library's errors or know the bus at all.
ONLY_IN = {
    r"\bNLE_[A-Z_]+": ("kernel/netlink", "kernel/rtnl-gaps"),
    r"\bTUNSET[A-Z]+\b": ("kernel/tap", "kernel/owner-race-guard", "kernel/offload"),
    r"org\.vnicd1\.Error": ("common/bus-error",),
    r"nftables/libnftables\.h": ("kernel/filter-library",),
    r"\bget(pw|gr)nam_r\b": ("config/config-names",),
}

# Messages of rtnetlink are built and read by libnl-route, except for what it does not have. A filter that the kernel
# runs may name a header inside the two macros of kernel/message-filter.h: they are numbers, with which nothing can
# be built or read.
HEADERS = r"\bstruct (br_port_msg|br_vlan_msg|ifaddrlblmsg|ifaddrmsg|if_stats_msg|ifinfomsg|ndmsg|ndtmsg|netconfmsg|" \
          r"nhmsg|rtgenmsg|rtmsg|tcmsg)\b"
OFFSETS = r"\b(MESSAGE_AT|ATTRIBUTES_AFTER)\(struct [a-z_]+"
HEADERS_IN = "service/kernel/rtnl-gaps.c"
CACHES = r"\b(nl_cache_[a-z_]+|rtnl_[a-z_]+_alloc_cache[a-z_]*)\b"

CLIENT = r"(?!.*/).*\.h|common/.*"


def includes(path):
    """(line, opening, name) of each #include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def check(path, ours, theirs):
    """ours: patterns for names of headers without their ending; None: any."""
    complaints = []
    for number, opening, name in includes(path):
        if opening == '"' and ours is not None:
            allowed = any(fnmatch.fnmatch(name.removesuffix(".h"), pattern) for pattern in ours)
        else:
            allowed = opening == '"' or theirs is None or re.fullmatch(theirs, name)
        if not allowed:
            complaints.append(f"{path}:{number}: may not include {name}")
    return complaints


def room_of(root, path):
    """common/list, kernel/tap, main."""
    path = path.relative_to(root).with_suffix("")
    return str(path.relative_to("service")) if path.parts[0] == "service" else str(path)


def stands_on(rooms):
    """Room: the rooms that it includes, or of which it calls a function."""
    defined = {}
    for room, paths in rooms.items():
        for path in paths:
            if path.suffix == ".c":
                for name in re.findall(r"^(?!static\b)[a-zA-Z][\w \*]*?\b(\w+)\([^;{}]*\)\s*\{", without_comments(path.read_text()),
                                       re.MULTILINE):
                    defined[name] = room
    edges = {}
    for room, paths in rooms.items():
        below = {name.removesuffix(".h") for path in paths for _, opening, name in includes(path) if opening == '"'}
        for path in paths:
            if path.suffix == ".c":
                below |= {defined[name] for name in re.findall(r"\b(\w+)\b", without_comments(path.read_text()))
                          if name in defined}
        edges[room] = {name for name in below if name in rooms} - {room}
    return edges


def circles(edges):
    """Each set of rooms that stand on each other (Tarjan's strongly connected components, of two and more)."""
    index, low, stack, found = {}, {}, [], []

    def visit(room):
        index[room] = low[room] = len(index)
        stack.append(room)
        for below in edges[room]:
            if below not in index:
                visit(below)
                low[room] = min(low[room], low[below])
            elif below in stack:
                low[room] = min(low[room], index[below])
        if low[room] == index[room]:
            circle = set()
            while room not in circle:
                circle.add(stack.pop())
            if len(circle) > 1:
                found.append(circle)

    for room in sorted(edges):
        if room not in index:
            visit(room)
    return found


def main():
    root = source()
    report = Report()
    files = c_files(root, "common", "service")
    rooms = {}
    for path in files:
        rooms.setdefault(room_of(root, path), []).append(path)

    for floor, (ours, theirs) in FLOORS.items():
        complaints = []
        for room, paths in rooms.items():
            if room.rpartition("/")[0] == floor:
                patterns = [f"{folder}/*" for folder in ours.split()]
                for path in paths:
                    complaints += check(path, patterns, theirs)
        report.case(f"floor {floor or 'main'} includes only what lies below", complaints)

    report.case("every folder is a floor",
                [f"{room}: no floor of the table" for room in rooms if room.rpartition("/")[0] not in FLOORS])

    for room, doors in ROOMS.items():
        complaints = [f"{room}: there is no such room"] if room not in rooms else []
        for path in rooms.get(room, []):
            complaints += check(path, [room, *doors.split()], None)
        report.case(f"room {room} has only its own doors", complaints)

    names = {}
    for path in c_files(root, "common", "service"):
        names.setdefault(path.name, []).append(str(path))
    report.case("no two files have one name", [" ".join(paths) for paths in names.values() if len(paths) > 1])

    report.case("no rooms stand on each other in a circle",
                [" ".join(sorted(circle)) for circle in circles(stands_on(rooms))])

    for word, allowed in ONLY_IN.items():
        complaints = [
            f"{path}: {match.group(0)}"
            for path in files
            if room_of(root, path) not in allowed
            for match in [re.search(word, without_comments(path.read_text()))]
            if match
        ]
        report.case(f"{word} stands only in {', '.join(allowed)}", complaints)

    everything = {path: without_comments(path.read_text())
                  for path in c_files(root, "common", "service", "client-cli", "networks")}
    complaints = [f"{path}: {match.group(0)}" for path, text in everything.items() if path != root / HEADERS_IN
                  for match in [re.search(HEADERS, re.sub(OFFSETS, "", text))] if match]
    report.case(f"messages of rtnetlink are put together by hand only in {HEADERS_IN}", complaints)
    complaints = [f"{path}: {match.group(0)}" for path, text in everything.items()
                  for match in [re.search(CACHES, text)] if match]
    report.case("no cache of libnl stands between us and the kernel", complaints)

    complaints = []
    for path in c_files(root, "client-cli"):
        complaints += [line for line in check(path, None, None)]
        complaints += [f"{path}:{number}: may not include {name}" for number, opening, name in includes(path)
                       if opening == '"' and not re.fullmatch(CLIENT, name)]
    report.case("the client shares only what is common", complaints)
    return report.done()


sys.exit(main())
