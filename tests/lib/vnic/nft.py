# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel's view of packet filters, and its notifications of changes, over a socket of the test's own."""

import contextlib
import socket
import struct

from . import kernel
from .process import poll

NETLINK_NETFILTER, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, SO_RCVBUFFORCE = 12, 270, 1, 33
GROUP, SUBSYSTEM, NEWTABLE, DELTABLE, NEWGEN = 7, 10, 0, 2, 15
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR, BATCH_BEGIN, BATCH_END = 1, 4, 2, 0x10, 0x11
FAMILIES = {"inet": 1, "arp": 3, "bridge": 7}


def run(commands):
    """One transaction."""
    kernel.run("nft", commands)


def _message(kind, flags, family, resource, attributes=b""):
    body = struct.pack("=BB", family, 0) + struct.pack("!H", resource) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def delete_table(family, name):
    """Do it in one step: nft(8) starts again each time another program changes something. False: there is
    none."""
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), 1) + text + bytes(-len(text) % 4)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernels:
        kernels.bind((0, 0))
        kernels.send(_message(BATCH_BEGIN, 0, 0, SUBSYSTEM) +
                     _message(SUBSYSTEM << 8 | DELTABLE, NLM_F_ACK, FAMILIES[family], 0, attribute) +
                     _message(BATCH_END, 0, 0, SUBSYSTEM))
        kernels.settimeout(5)
        _length, kind, _flags, _sequence, _port, error = struct.unpack_from("=IHHIIi", kernels.recv(1 << 16))
    assert kind == NLMSG_ERROR and error in (0, -2), (kind, error)
    return error == 0


def tables():
    """(family, name) of every table of vnicd."""
    words = [line.split() for line in kernel.run("nft", "list", "tables").splitlines()]
    return {(family, name) for _table, family, name in words if name.startswith("vnicd-")}


def ruleset():
    """table → its rules and the contents of its sets, without what packets change."""
    listed = {}
    for family, name in sorted(tables()):
        text = kernel.run("nft", "--stateless", "list", "table", family, name, check=False)
        listed[family, name] = without_dynamic(text)
    return listed


def without_dynamic(text):
    """Elements that packets add to a set are left out."""
    lines, dynamic, inside = [], False, False
    for line in text.splitlines():
        dynamic = "dynamic" in line if "flags" in line else dynamic and line.strip() != "}"
        inside = dynamic and (inside or "elements = {" in line)
        if not inside:
            lines.append(line)
        inside = inside and "}" not in line
    return "\n".join(lines)


class Changes:
    """Every message of the kernel about packet filters since this was opened."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, GROUP)
        self.socket.setblocking(False)
        self.seen = []  # (type, attributes)

    def read(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self.socket.recv(1 << 17)
                while len(data) >= 16:
                    length, kind = struct.unpack_from("=IH", data)
                    if kind >> 8 == SUBSYSTEM:
                        self.seen.append((kind & 0xFF, data[20:length]))
                    data = data[(length + 3) & ~3:]
        return self.seen

    def transactions(self):
        """How many transactions there were."""
        return sum(kind == NEWGEN for kind, _ in self.read())

    def made(self, table):
        """How often a table of that name was created."""
        return sum(kind == NEWTABLE and table.encode() + b"\0" in what for kind, what in self.read())

    def close(self):
        self.socket.close()


@contextlib.contextmanager
def changes():
    """The changes during a `with`."""
    made = Changes()
    try:
        yield made
    finally:
        made.close()


def wait_for(rules, timeout=5.0):
    """Waits until the tables are as before; returns sentences about those that are not."""
    poll(lambda: ruleset() == rules, timeout, 0.02)
    now = ruleset()
    return [f"{what}: {now.get(what, 'gone')}" for what in rules.keys() | now.keys() if now.get(what) != rules.get(what)]
