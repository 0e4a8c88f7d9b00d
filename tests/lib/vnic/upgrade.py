# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a restart or an upgrade is measured by: frames that pass meanwhile, and the tags that 0.1.0 wrote."""

import contextlib
import os
import threading
import time

from . import frames, kernel

OLDER_NETWORK = "vnicd-net:1 kind={Kind} life={life} dhcp={Dhcp:d} apart={GuestsIsolated:d} lan={ReachLan:d} " \
                "host={HostAccess:d}{addresses} ports={PortsMax} each={PortsPerUser} domain={Domain} guard={guard:d}{own}"
OLDER = "vnicd:1 uid={uid} life={life} queues={queues} nonce={nonce} hdr={hdr} mac={mac} at=1795353600{label}"


def older_tag(name, life="fd"):
    """The tag that 0.1.0 would have given to this tap of the current version."""
    words = dict(word.split("=", 1) for word in kernel.alias(name).split()[1:])
    label = f" label={words['label']}" if "label" in words else ""
    return OLDER.format(uid=words["uid"], life=life, queues=words["queues"], nonce=words["nonce"], hdr=words["hdr"],
                        mac=words["mac"], label=label)


def older_network_tag(name, properties):
    """The tag that 0.1.0 would have given to this network of today's, by its properties on the bus."""
    addresses = "".join(f" v{6 if ':' in text else 4}={text}" for text in properties["Addresses"])
    return OLDER_NETWORK.format(**properties, life="kept" if properties["Kept"] else "config", addresses=addresses,
                                guard="guard-ipv6" in kernel.alias(name).split(),
                                own=" own" if properties["GuardAddresses"] else "")


class Traffic:
    """Pairs of taps that send each other numbered frames all the time; every one has to arrive."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.macs = {tap.interface: tap.get("GuestMac") for pair in pairs for tap in pair}
        self.sent = dict.fromkeys(self.macs, 0)
        self.got = {name: set() for name in self.macs}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def send(self, one, other):
        self.sent[one.interface] += 1
        frame = frames.plain(self.macs[other.interface], self.macs[one.interface],
                             b"load" + self.sent[one.interface].to_bytes(8, "big"))
        os.write(one.fds[0], frames.hdr() + frame)

    def receive(self, tap):
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = os.read(tap.fds[0], 2048)[10:]
                if frame[14:18] == b"load" and frame[:6] == frames.mac_bytes(self.macs[tap.interface]):
                    self.got[tap.interface].add(int.from_bytes(frame[18:26], "big"))

    def run(self):
        while not self.stop.is_set():
            for one, other in self.pairs:
                self.send(one, other)
                self.send(other, one)
            for pair in self.pairs:
                for tap in pair:
                    self.receive(tap)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        time.sleep(0.2)
        for pair in self.pairs:
            for tap in pair:
                self.receive(tap)

    def lost(self):
        return {one.interface: self.sent[other.interface] - len(self.got[one.interface])
                for pair in self.pairs for one, other in (pair, pair[::-1])
                if self.sent[other.interface] != len(self.got[one.interface])}
