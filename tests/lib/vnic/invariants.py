# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to hold after every test: the service's view and the kernel's are the same."""

import time

from . import kernel
from .client import ENDPOINT, TAP, BusError
from .process import poll

# A last close takes some 15 ms, and a failure may leave a device behind for a second at most.
SETTLE = 2.0


def exported(world):
    """interface → (path, Endpoint's properties, Tap's properties) of what the service exports."""
    objects = world.root.managed_objects()
    return {interfaces[ENDPOINT]["Interface"]: (path, interfaces[ENDPOINT], interfaces.get(TAP, {}))
            for path, interfaces in objects.items() if ENDPOINT in interfaces}


def account(world):
    """Sentences about differences between the exported endpoints and the kernel's links; an empty list is
    right."""
    problems = []
    endpoints = exported(world)
    existing = set(kernel.our_links())
    problems += [f"{name} exists and is not exported" for name in sorted(existing - endpoints.keys())]
    for name, (_path, endpoint, tap) in sorted(endpoints.items()):
        entry = kernel.link(name)
        if entry is None:
            problems.append(f"{name} is exported and does not exist")
            continue
        problems += [f"{name}: {what}" for what in _endpoint(name, endpoint, tap, entry)]
    return problems


def _endpoint(name, endpoint, tap, entry):
    port = kernel.bridge_port(name) or {}
    tun = entry["linkinfo"]["info_data"]
    facts = [
        ("Ifindex", endpoint["Ifindex"], entry["ifindex"]),
        ("Bridge", endpoint["Bridge"], entry.get("master", "")),
        ("HostMac", endpoint["HostMac"], entry["address"]),
        ("Mtu", endpoint["Mtu"], entry["mtu"]),
        ("Isolated", endpoint["Isolated"], port.get("isolated", False)),
        ("AntiSpoof", endpoint["AntiSpoof"], port.get("locked", False)),
        ("VnetHdr", tap.get("VnetHdr"), tun["vnet_hdr"]),
        ("Multiqueue", tap.get("Multiqueue"), tun["multi_queue"]),
    ]
    if tun["multi_queue"]:
        facts += [("Queues", tap.get("Queues"), tun["numqueues"]),
                  ("QueuesDisabled", tap.get("QueuesDisabled"), tun["numdisabled"])]
    wrong = [f"{what} is {said!r}, the kernel has {real!r}" for what, said, real in facts if said != real]
    wrong += _port(endpoint, entry)
    tag = entry.get("ifalias", "")
    words = dict(word.partition("=")[::2] for word in tag.split()[1:])
    if not tag.startswith("vnicd:1 ") or words.get("uid") != str(endpoint["Owner"]):
        wrong.append(f"Owner is {endpoint['Owner']}, the tag is {tag!r}")
    if endpoint["AntiSpoof"] and port:
        if port["learning"]:
            wrong.append("AntiSpoof, and the port learns")
        static = [row for row in kernel.fdb(entry["master"])
                  if row["ifname"] == name and row["mac"] == endpoint["GuestMac"]]
        if len(static) != 1 or static[0]["state"] != "static" or "sticky" not in static[0]["flags"]:
            wrong.append(f"AntiSpoof, and the entry of the guest's MAC is {static}")
    if "UP" not in entry["flags"]:
        wrong.append("the link is down")
    if any(address.startswith("fe80") for address in kernel.addresses(name)):
        wrong.append("it has an IPv6 link-local address")
    if not tun["persist"] and kernel.owner(name) != 0:
        wrong.append(f"its owner in the kernel is {kernel.owner(name)}, not root")
    return wrong


# A tap on a network has one of three groups, which decide about which source MACs vnicd is told.
BRIDGED_TAPS, RESERVED_FRAMES = (0x76000000, 0x74000000, 0x72000000), 0xFFFD


def _port(endpoint, entry):
    """Filters identify a tap by its group, and its port forwards to them what a bridge would deliver to the
    host."""
    wrong, group = [], int(entry.get("group", "0").replace("default", "0"))
    if not endpoint["Bridge"]:
        return [] if group else ["it has no group"]
    if group & 0xFF000000 not in BRIDGED_TAPS:
        wrong.append(f"it is on a bridge, and its group is {group:#x}")
    mask = entry["linkinfo"]["info_slave_data"].get("group_fwd_mask", "0")
    if int(mask, 16) != RESERVED_FRAMES:
        wrong.append(f"its port hands reserved frames to the host ({mask})")
    return wrong


def settle(question, timeout=SETTLE):
    """Check for problems until there are none, or the time is up; returns the last result."""
    result = []

    def none_left():
        nonlocal result
        try:
            result = question()
        except BusError as error:
            result = [f"the service does not answer: {error}"]
        return not result

    if not poll(none_left, timeout, 0.02):
        # One check may have taken all of the time: the kernel's locks are shared with other worlds.
        time.sleep(0.2)
        none_left()
    return result


class Before:
    """The state before a test, to be compared with the state after it."""

    def __init__(self, world):
        self.world = world
        self.service = world.service
        self.pid = world.pid
        self.fds = world.service_fds()
        self.links = kernel.snapshot()
        self.ours = set(kernel.our_links())
        self.time = time.time()

    def problems(self, may_restart=False):
        world = self.world
        if not world.service.alive():
            status = world.service.popen.returncode
            return [f"the service is dead ({status}): {world.service.output()[-2000:]}"]
        result = []
        same = world.pid == self.pid
        if not same and not may_restart:
            result.append(f"the service was restarted: pid {self.pid}, now {world.pid}")
        result += settle(lambda: account(world))
        result += settle(self._left_links)
        result += settle(self._fds)
        result += settle(lambda: kernel.differences(self.links, kernel.snapshot()))
        return result

    def _left_links(self):
        now = set(kernel.our_links())
        return [f"{name} was left" for name in sorted(now - self.ours)] + \
            [f"{name} was taken" for name in sorted(self.ours - now)]

    def _fds(self):
        now = self.world.service_fds()
        # When it was counted, a thread may have had a file or a socket open for what the test before had changed.
        if now <= self.fds:
            return []
        return [f"the service had {self.fds} descriptors and has {now}: {self.world.service_fd_list()}"]
