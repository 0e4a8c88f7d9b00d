#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The floors of the house: every crossing is an #include line, and arrows point down only."""

import re
import sys

from tap import Report, c_files, source, without_comments

LIBC = r"(?!systemd/|libnl|netlink/|jansson|linux/)[a-z0-9_/-]+\.h"
LINUX = r"linux/((netfilter|tc_act)/)?[a-z0-9_-]+\.h"

# Folder of service/: what "..." may name, and what <...> may name.
FLOORS = {
    "util": (r"util/.*", LIBC),
    "kernel": (r"(util|kernel)/.*", rf"{LIBC}|{LINUX}|netlink/.*|nftables/.*"),
    "model": (r"(util|kernel|model)/.*", rf"{LIBC}|systemd/sd-(event|id128)\.h"),
    "bus": (r"(util|kernel|model|bus)/.*", rf"{LIBC}|systemd/sd-(bus|event|daemon|journal)\.h"),
    "": (r"(util|model|bus)/.*", rf"{LIBC}|systemd/sd-(bus|event|daemon)\.h"),
}

# Rooms with fewer doors than their floor: file without its ending, and what "..." may name there.
ROOMS = {
    "util/cleanup": r"$^",
    "util/list": r"$^",
    "util/failure": r"util/(failure|printable)\.h",
    "util/printable": r"util/printable\.h",
    "util/fdset": r"util/.*",
    "kernel/ifname": r"util/.*|kernel/ifname\.h",
    "kernel/mac": r"util/.*|kernel/mac\.h",
    "kernel/tap": r"util/.*|kernel/(tap|tap-escort|ifname)\.h",
    "kernel/tap-escort": r"kernel/tap-escort\.h",
    "kernel/offload": r"util/.*|kernel/(offload|tap)\.h",
    "kernel/filter-library": r"util/.*|kernel/filter-library\.h",
    "kernel/filter-table": r"$^",
    "kernel/event-socket": r"kernel/event-socket\.h",
    "kernel/filter-batch": r"util/.*|kernel/(filter-batch|netlink)\.h",
    "kernel/filter-events": r"util/.*|kernel/(filter-(events|table)|event-socket)\.h",
    "kernel/filter-digest": r"util/.*|kernel/(filter-(batch|digest|table)|netlink)\.h",
    "kernel/filter-drop": r"util/.*|kernel/(filter-(batch|drop)|mac|netlink)\.h",
    "kernel/filter": r"util/.*|kernel/(filter|filter-batch|filter-library|netlink)\.h",
    "kernel/netlink": r"util/.*|kernel/netlink\.h",
    "model/config-section": r"model/config-section\.h|util/.*",
    "model/config-file": r"util/.*|model/config-file\.h",
    "model/config-names": r"util/.*|model/config-names\.h",
    "model/config-lines": r"util/.*|model/config-(file|lines)\.h",
    "model/config-parse": r"util/.*|kernel/ifname\.h|model/(config|quota|config-[a-z]+)\.h",
    "model/config": r"util/.*|kernel/ifname\.h|model/(config|quota|network-plan|config-[a-z]+)\.h",
    "model/quota": r"util/.*|model/quota\.h",
    "model/config-network": r"util/.*|model/(config-(file|lines|network)|network-plan)\.h",
    "model/network-plan": r"util/.*|kernel/ifname\.h|model/network-plan\.h",
    "model/group": r"model/group\.h",
    "model/filter-guard": r"util/.*|kernel/filter-(digest|table)\.h|model/(filter-guard|reconcile)\.h",
    "model/tap-filter": r"util/.*|kernel/(filter-(drop|table)|netlink)\.h|model/(group|network-filter|tap-filter)\.h",
    "model/tap-port": r"kernel/(bridge|link)\.h|model/(group|tag|tap-filter|tap-port)\.h",
    "model/network-tag": r"util/.*|kernel/link\.h|model/(group|network-(plan|tag))\.h",
    "model/lan": r"util/.*|kernel/route\.h|model/lan\.h",
    "model/network-filter": r"util/.*|model/(network-(filter|plan|tag)|lan)\.h",
    "model/uplink-filter": r"util/.*|kernel/route\.h|model/(device-set|lan|uplink-filter|network-filter)\.h",
    "model/uplink-switch": r"util/.*|kernel/(device-settings|forwarding|netlink)\.h|model/(device-set|network-tag|uplink-switch)\.h",
    "model/device-set": r"model/device-set\.h",
    "model/clash": r"util/.*|kernel/(address|route)\.h|model/(clash|network-plan)\.h",
    "model/network-service": r"util/.*|model/network-(plan|service)\.h",
    "model/leases": r"util/.*|kernel/mac\.h|model/(leases|network-service)\.h",
    "model/tag": r"util/.*|kernel/(link|mac|ifname)\.h|model/tag\.h",
    "model/tap-request": r"util/.*|kernel/(ifname|mac|offload)\.h|model/(tag|tap-request)\.h",
    "bus/authority": r"util/.*|bus/(caller|authority|query|polkit|cleanup)\.h",
    "bus/query": r"util/.*|bus/(caller|authority|query|prompt|polkit|signal-match|error|cleanup)\.h",
    "bus/prompt": r"util/.*|bus/(authority|query|prompt)\.h",
    "bus/polkit": r"util/.*|bus/(polkit|cleanup)\.h",
    "bus/signal-match": r"util/.*|bus/(signal-match|cleanup)\.h",
    "bus/systemd": r"util/.*|bus/(systemd|signal-match|cleanup)\.h",
    "bus/credentials": r"util/.*|bus/(credentials|cleanup)\.h",
    "bus/lines": r"util/.*|bus/lines\.h",
    "bus/read-ahead": r"util/.*|bus/read-ahead\.h",
    "bus/turns": r"util/.*|bus/(lines|turns|read-ahead)\.h",
    "bus/caller": r"util/.*|model/config\.h|"
                  r"bus/(caller|credentials|message-size|turns|read-ahead|signal-match|cleanup|error)\.h",
    "bus/error": r"util/.*|bus/error\.h",
}

# These alone may name the library's errors or know the bus at all.
ONLY_IN = {
    r"\bNLE_[A-Z_]+": ("kernel/netlink", "kernel/rtnl-gaps"),
    r"\bTUNSET[A-Z]+\b": ("kernel/tap", "kernel/tap-escort", "kernel/offload"),
    r"org\.vnicd1\.Error": ("bus/error",),
    r"nftables/libnftables\.h": ("kernel/filter-library",),
    r"<ini\.h>": ("model/config-lines",),
    r"\bget(pw|gr)nam_r\b": ("model/config-names",),
}

# Messages of rtnetlink are built and read by libnl-route, except for what it does not have. A filter that the kernel
# runs may name a header inside the two macros of kernel/message-filter.h: they are numbers, with which nothing can
# be built or read.
HEADERS = r"\bstruct (br_port_msg|br_vlan_msg|ifaddrlblmsg|ifaddrmsg|if_stats_msg|ifinfomsg|ndmsg|ndtmsg|netconfmsg|" \
          r"nhmsg|rtgenmsg|rtmsg|tcmsg)\b"
OFFSETS = r"\b(MESSAGE_AT|ATTRIBUTES_AFTER)\(struct [a-z_]+"
HEADERS_IN = "service/kernel/rtnl-gaps.c"
CACHES = r"\b(nl_cache_[a-z_]+|rtnl_[a-z_]+_alloc_cache[a-z_]*)\b"

CLIENT = r"(?!.*/).*\.h|bus/error\.h|kernel/ifname\.h|util/.*"


def includes(path):
    """(line, opening, name) of each #include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def check(path, ours, theirs):
    complaints = []
    for number, opening, name in includes(path):
        allowed = ours if opening == '"' else theirs
        if allowed and not re.fullmatch(allowed, name):
            complaints.append(f"{path}:{number}: may not include {name}")
    return complaints


def main():
    root = source()
    service = root / "service"
    report = Report()
    files = c_files(root, "service")

    for floor, (ours, theirs) in FLOORS.items():
        complaints = []
        for path in files:
            parts = path.relative_to(service).parts
            if (parts[0] if len(parts) > 1 else "") == floor:
                complaints += check(path, ours, theirs)
        report.case(f"floor {floor or 'main'} includes only what lies below", complaints)

    known = set(FLOORS)
    report.case("every folder of service/ is a floor",
                [f"{path}: no floor of the table" for path in files
                 if (path.relative_to(service).parts[:-1] or ("",))[0] not in known])

    for room, ours in ROOMS.items():
        doors = [service / f"{room}{ending}" for ending in (".c", ".h")]
        there = [path for path in doors if path.is_file()]
        complaints = [f"{room}: there is no such room"] if not there else []
        for path in there:
            complaints += check(path, ours, None)
        report.case(f"room {room} has only its own doors", complaints)

    for word, rooms in ONLY_IN.items():
        complaints = [
            f"{path}: {match.group(0)}"
            for path in files
            if str(path.relative_to(service).with_suffix("")) not in rooms
            for match in [re.search(word, without_comments(path.read_text()))]
            if match
        ]
        report.case(f"{word} stands only in {', '.join(rooms)}", complaints)

    everything = {path: without_comments(path.read_text()) for path in c_files(root, "service", "client-cli", "networks")}
    complaints = [f"{path}: {match.group(0)}" for path, text in everything.items() if path != root / HEADERS_IN
                  for match in [re.search(HEADERS, re.sub(OFFSETS, "", text))] if match]
    report.case(f"messages of rtnetlink are put together by hand only in {HEADERS_IN}", complaints)
    complaints = [f"{path}: {match.group(0)}" for path, text in everything.items()
                  for match in [re.search(CACHES, text)] if match]
    report.case("no cache of libnl stands between us and the kernel", complaints)

    complaints = []
    for path in c_files(root, "client-cli"):
        complaints += check(path, CLIENT, None)
    report.case("the client shares only the table of errors, the names of interfaces and the lowest floor", complaints)
    return report.done()


sys.exit(main())
