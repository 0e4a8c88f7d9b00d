# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks of vnicd in the world: root creates them, their services are started by hand as vnicd-network(8)
describes (there is no systemd), and there is an Internet around the host."""

import contextlib
import ipaddress
import os
import pathlib
import shutil
import socket
import threading

from . import kernel, variant
from .client import MANAGER, ROOT, BusError
from .process import ROOM, Process, poll

NETWORK = "org.vnicd1.Network"
CONFIGURATIONS = pathlib.Path("/run/vnicd/networks")
LEASES = pathlib.Path("/run/vnicd-network")
LEDGER = pathlib.Path("/run/vnicd-network-forward")


def path_of(name):
    """Encode it as sd_bus_path_encode() does."""
    return ROOT + "/network/" + "".join(c if c.isalnum() and not (i == 0 and c.isdigit()) else f"_{ord(c):02x}"
                                        for i, c in enumerate(name))


def as_service(*capabilities):
    """Do what systemd would do before it runs the program."""
    wanted = ",".join(["-all", *(f"+{word}" for word in capabilities)])
    return ["setpriv", "--reuid", "vnicd-network", "--regid", "vnicd-network", "--clear-groups",
            "--inh-caps", wanted, "--ambient-caps", wanted, "--bounding-set", wanted, "--no-new-privs"]


@contextlib.contextmanager
def forwarding(name):
    """vnicd-network-forward, once it has reported that it is ready; its settings are undone afterwards."""
    program = [*as_service("net_admin"), os.environ["VNICD_BUILD"] + "/networks/vnicd-network-forward"]
    LEDGER.mkdir(exist_ok=True)
    shutil.chown(LEDGER, "vnicd-network", "vnicd-network")
    told = ROOM / f"notify-{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(told))
        told.chmod(0o777)
        listener.settimeout(10)
        process = Process(f"forward-{name}", [*program, "on", name], env={**os.environ, "NOTIFY_SOCKET": str(told)})
        try:
            assert b"READY=1" in listener.recv(4096), process.output()
            yield process
        finally:
            process.stop()
            told.unlink()
            kernel.run(*program, "off", name)


@contextlib.contextmanager
def served(name):
    """The services of a network that is up, as the units start them."""
    file = CONFIGURATIONS / f"{name}.conf"
    assert poll(file.exists, 5), f"{file} was not written"
    folder = LEASES / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, "vnicd-network", "vnicd-network")
    with forwarding(name):
        dnsmasq = Process(f"dnsmasq-{name}", [*as_service("net_admin", "net_raw", "net_bind_service"),
                                              "/usr/sbin/dnsmasq", "--keep-in-foreground", f"--conf-file={file}"])
        try:
            assert poll(lambda: "started" in dnsmasq.output() or not dnsmasq.alive(), 10) and dnsmasq.alive(), \
                dnsmasq.output()
            yield dnsmasq
        finally:
            dnsmasq.stop()
            shutil.rmtree(folder)


class Network:
    """A network that root has created."""

    def __init__(self, client, name, kind="nat", **options):
        self.client = client
        self.name = name
        self.path = client.call(ROOT, MANAGER, "CreateNetwork", "ssa{sv}",
                                (name, kind, variant.options(options)))[0]

    def get(self, what):
        return self.client.get(self.path, NETWORK, what)

    def address(self, family):
        """The host's own address on it, without the prefix."""
        colons = family == 6
        return next(text.partition("/")[0] for text in self.get("Addresses") if (":" in text) == colons)

    def leases(self):
        return self.client.call(self.path, NETWORK, "GetLeases")[0]

    def delete(self):
        self.client.call(self.path, NETWORK, "Delete")


@contextlib.contextmanager
def defined(world, timeout):
    """Yields write("Host=…", …): the network yesdef with these lines, in force. At the end it is gone, in so many
    seconds at most."""
    file = world.configuration / "networks" / "yesdef.conf"

    def write(*lines):
        world.configure("[Network]\nKind=isolated\nAddress=10.79.0.1/28\n" + "".join(line + "\n" for line in lines),
                        "networks/yesdef.conf")
        world.reload()

    yield write
    file.unlink()
    world.reload()
    with contextlib.suppress(BusError):
        world.root.call(path_of("yesdef"), NETWORK, "Delete")
    assert poll(lambda: not kernel.exists("yesdef"), timeout)


@contextlib.contextmanager
def network(client, name, kind="nat", services=True, **options):
    """A network for the length of a `with`, with its services."""
    made = Network(client, name, kind, **options)
    try:
        with served(name) if services else contextlib.nullcontext():
            yield made
    finally:
        made.delete()
        poll(lambda: not kernel.exists(name), 5)


# The world outside

class Internet:
    """The part behind the host's uplink: a router, and a server at addresses that nobody uses here."""

    UPLINK, NAMESPACE = "uplink0", "internet"
    HOST4, ROUTER4, SERVER4 = "203.0.113.2", "203.0.113.1", "198.51.100.7"
    HOST6, ROUTER6, SERVER6 = "2001:db8:f::2", "2001:db8:f::1", "2001:db8:7::7"

    def __init__(self):
        kernel.make_veth(self.UPLINK, "wire0", namespace=self.NAMESPACE)
        for address in (f"{self.HOST4}/24", f"{self.HOST6}/64"):
            kernel.run("ip", "address", "add", address, "dev", self.UPLINK, *(["nodad"] if ":" in address else []))
        for address, link in ((f"{self.ROUTER4}/24", "wire0"), (f"{self.ROUTER6}/64", "wire0"),
                              (f"{self.SERVER4}/32", "lo"), (f"{self.SERVER6}/128", "lo")):
            self.ip("address", "add", address, "dev", link, *(["nodad"] if ":" in address else []))
        kernel.run("ip", "route", "add", "default", "via", self.ROUTER4, "dev", self.UPLINK)
        kernel.run("ip", "-6", "route", "add", "default", "via", self.ROUTER6, "dev", self.UPLINK)
        # Until the address of the link is settled, the routes still change.
        poll(lambda: "fe80" in kernel.run("ip", "-6", "address", "show", "dev", self.UPLINK, "-tentative"), 5, 0.05)

    def ip(self, *words):
        return kernel.run("ip", "-n", self.NAMESPACE, *words)

    def knows_the_way_to(self, network_object):
        """The server could answer guests at their own addresses: only filters and NAT are in between."""
        for text in network_object.get("Addresses"):
            self.ip("route", "replace", str(ipaddress.ip_interface(text).network), "via",
                    self.HOST6 if ":" in text else self.HOST4)

    def pings(self, address):
        return "1 packets received" in kernel.run("ip", "netns", "exec", self.NAMESPACE, shutil.which("busybox"),
                                                  "ping", "-c", "1", "-W", "1", address, check=False)

    @contextlib.contextmanager
    def listening(self, address, port):
        """A TCP server in the Internet; returns the list of the addresses that have connected."""
        seen = []
        with kernel.inside(self.NAMESPACE):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
        listener.bind((address, port))
        listener.listen()
        listener.settimeout(0.2)
        ended = []

        def serve():
            while not ended:
                with contextlib.suppress(OSError):
                    connection, peer = listener.accept()
                    seen.append(peer[0])
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            ended.append(True)
            thread.join(5)
            listener.close()

    def close(self):
        kernel.del_link(self.UPLINK)


@contextlib.contextmanager
def internet():
    with kernel.namespace(Internet.NAMESPACE):
        made = Internet()
        try:
            yield made
        finally:
            made.close()
