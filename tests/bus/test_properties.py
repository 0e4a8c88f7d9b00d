# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that follows the signals knows what a client that reads the properties is told: each property that
can change is changed here, in each way that has a signal of its own, and the state assembled from signals is
compared with the service's answers."""

import contextlib
import os
import pathlib
import signal

import pytest
from vnic import frames, kernel
from vnic.client import MANAGER, OBJECTS, PROPERTIES, ROOT, Client
from vnic.contract import interfaces
from vnic.networks import Network
from vnic.process import ROOM, poll
from vnic.world import CONFIGURATION

GUEST, OTHER = "52:54:00:00:9a:01", "52:54:00:00:9a:02"
DROP_FORWARDED = "type filter hook forward priority 0; policy drop;"


def live_properties():
    """Those that are announced when they change, according to the contract: "Tap.Queues", ..."""
    return {f"{interface.get('name').rpartition('.')[2]}.{one.get('name')}" for interface in interfaces()
            for one in interface.iter("property")
            if one.find("annotation[@name='org.freedesktop.DBus.Property.EmitsChangedSignal']") is None}


class Follower:
    """A client that reads everything once, and follows signals from then on. Its state: (path, interface,
    property) → value."""

    def __init__(self, client):
        self.client = client
        self.signals = client.subscribe()
        self.begin = self.seen = self.ask()

    def ask(self):
        objects = {ROOT: {MANAGER: self.client.get_all(ROOT, MANAGER)}} | self.client.managed_objects()
        return {(path, interface, name): value for path, interfaces in objects.items()
                for interface, properties in interfaces.items() for name, value in properties.items()}

    def knows(self):
        known = dict(self.begin)
        for path, interface, member, values in self.signals.all():
            if (interface, member) == (PROPERTIES, "PropertiesChanged"):
                known |= {(path, values[0], name): value for name, value in values[1].items()}
            elif (interface, member) == (OBJECTS, "InterfacesAdded"):
                known |= {(values[0], which, name): value for which, properties in values[1].items()
                          for name, value in properties.items()}
            elif (interface, member) == (OBJECTS, "InterfacesRemoved"):
                known = {key: value for key, value in known.items() if key[0] != values[0] or key[1] not in values[1]}
        return known

    def differences(self):
        """key → what it knows, and what it would be told."""
        known, told = self.knows(), self.ask()
        return {key: (known.get(key), told.get(key)) for key in known.keys() | told.keys() if known.get(key) != told.get(key)}

    def changed(self):
        """What has changed since the last check, according to the service's answers."""
        told = self.ask()
        return {f"{key[1].rpartition('.')[2]}.{key[2]}" for key in told.keys() & self.seen.keys() if told[key] != self.seen[key]}

    def wait_for(self, expected):
        """Wait until these have changed, and every change has been announced."""
        assert poll(lambda: expected <= self.changed(), 10), expected - self.changed()
        assert poll(lambda: self.differences() == {}, 5), self.differences()
        self.seen = self.ask()


class Scene:
    """The objects on which the changes are made; they are removed with the test."""

    def __init__(self, world, stack):
        self.world, self.stack = world, stack
        self.root, self.alice = (stack.enter_context(Client(world, user)) for user in ("root", "alice"))

    def afterwards(self, what, *arguments, **options):
        self.stack.callback(what, *arguments, **options)

    def bridge(self, name="yes0", **how):
        self.afterwards(kernel.del_link, name)
        return kernel.make_bridge(name, mac="02:00:00:00:00:01", **how)

    def network(self, kind="isolated", name="yesnet"):
        self.afterwards(Network(self.root, name, kind).delete)

    def tap(self, bridge, *words, client=None, **options):
        return self.stack.enter_context((client or self.alice).create_tap(bridge, *words, **options))

    def reload(self, text=CONFIGURATION, name="vnicd.conf"):
        self.world.configure(text, name)
        self.world.reload()

    def look_again(self):
        self.world.signal_service(signal.SIGHUP)


def ip(*words):
    kernel.run("ip", "link", "set", *words)


WAYS = []


def with_codes(changes):
    """Each warning has a word, which comes and goes with it."""
    return set(changes) | {f"{one.removesuffix('s')}Codes" for one in changes if one.endswith(".Warnings")}


def way(*changes, restarts=False):
    """A way in which these change. It is a generator: until the first yield it sets the scene; at each later
    one, the properties that it yields have changed or, if it yields none, all of them."""
    def add(steps):
        steps.changes, steps.restarts = with_codes(changes), restarts
        WAYS.append(steps)
        return steps
    return add


# Endpoints

@way("Endpoint.Interface", "Endpoint.Warnings")
def a_tap_is_renamed(scene):
    tap = scene.tap(scene.bridge())
    yield
    ip(tap.interface, "name", "other0")
    yield
    ip("other0", "name", tap.interface)
    yield


@way("Endpoint.Bridge", "Endpoint.Warnings")
def a_tap_is_moved(scene):
    tap = scene.tap(scene.bridge())
    scene.bridge("yes1")
    yield
    ip(tap.interface, "master", "yes1")
    yield "Endpoint.Bridge"
    ip(tap.interface, "nomaster")
    yield


@way("Endpoint.Bridge")
def its_bridge_is_renamed(scene):
    scene.tap(scene.bridge())
    scene.afterwards(kernel.del_link, "yes1")
    yield
    ip("yes0", "name", "yes1")
    yield


@way("Endpoint.Bridge")
def the_bridge_of_a_network_is_renamed(scene):
    scene.network()
    scene.tap("yesnet")
    yield
    ip("yesnet", "name", "yes1")
    yield
    ip("yes1", "name", "yesnet")
    yield


@way("Endpoint.Bridge")
def the_bridge_of_a_tap_that_was_made_for_none_is_renamed(scene):
    tap = scene.tap("-", client=scene.root)
    scene.bridge()
    scene.afterwards(kernel.del_link, "yes1")
    yield
    ip(tap.interface, "master", "yes0")
    yield
    ip("yes0", "name", "yes1")
    yield


@way("Endpoint.Bridge", "Endpoint.Warnings")
def its_bridge_is_deleted_and_made_again(scene):
    scene.tap(scene.bridge())
    yield
    kernel.del_link("yes0")
    yield
    kernel.make_bridge("yes0")
    yield


@way("Endpoint.AntiSpoof", "Endpoint.Isolated")
def a_filter_of_a_port_is_turned_on_and_off(scene):
    """This is more protection than was requested: it is the administrator's, and left alone."""
    tap = scene.tap(scene.bridge())
    yield
    for flag, learning in (("on", "off"), ("off", "on")):
        kernel.run("bridge", "link", "set", "dev", tap.interface, "locked", flag, "learning", learning)
        yield "Endpoint.AntiSpoof"
        kernel.run("bridge", "link", "set", "dev", tap.interface, "isolated", flag)
        yield "Endpoint.Isolated"


@way("Endpoint.Bridge", "Endpoint.AntiSpoof", "Endpoint.Isolated", "Endpoint.Warnings")
def a_protected_port_is_taken_off(scene):
    tap = scene.tap(scene.bridge(), guest_mac=GUEST, isolated=True)
    yield
    ip(tap.interface, "nomaster")
    yield
    ip(tap.interface, "master", "yes0")
    yield


@way("Endpoint.Mtu", "Endpoint.Warnings")
def the_mtu_is_changed(scene):
    tap = scene.tap(scene.bridge(mtu=9000))
    yield
    ip(tap.interface, "mtu", 1400)
    yield
    ip("yes0", "mtu", 1400)
    yield "Endpoint.Warnings"
    ip("yes0", "mtu", 9000)
    yield "Endpoint.Warnings"


@way("Endpoint.Warnings")
def a_link_is_taken_down(scene):
    tap = scene.tap(scene.bridge())
    yield
    ip(tap.interface, "down")
    yield
    ip(tap.interface, "up")
    yield


@way("Endpoint.GuestMac", "Endpoint.HostMac")
def a_guest_uses_a_mac_of_its_own(scene):
    scene.network()
    tap = scene.tap("yesnet", False)
    yield
    frames.send(tap.fds[0], frames.plain(frames.BROADCAST, OTHER))
    yield


@way("Endpoint.Addresses")
def a_guest_has_an_address(scene):
    scene.tap(scene.bridge(), guest_mac=GUEST)
    yield
    kernel.run("ip", "neigh", "add", "192.0.2.9", "lladdr", GUEST, "dev", "yes0", "nud", "reachable")
    yield
    kernel.run("ip", "neigh", "del", "192.0.2.9", "dev", "yes0")
    yield


@way("Tap.Queues", "Tap.QueuesDisabled")
def queues_are_opened_and_closed(scene):
    tap = scene.tap(scene.bridge(), True, True, queues=2)
    yield
    tap.open_queues(1)
    yield "Tap.Queues"
    kernel.detach(tap.fds[-1])
    yield
    os.close(tap.fds.pop())
    yield "Tap.QueuesDisabled"


@way("Tap.OffloadsActive")
def offloads_are_turned_on(scene):
    tap = scene.tap(scene.bridge())
    yield
    kernel.set_offloads(tap.fds[0], "csum")
    yield


@way("Endpoint.State", "Endpoint.Forwarding", "Endpoint.Persistent", "Endpoint.Warnings", "Tap.Queues", "Tap.VnetHdr",
     "Tap.OffloadsSupported")
def a_persistent_tap_is_used(scene):
    tap = scene.tap(scene.bridge(), persistent=True)
    scene.afterwards(kernel.del_link, tap.interface)
    assert poll(lambda: not tap.get("Forwarding"), 5)
    yield
    tap.open_queue()
    yield "Endpoint.State", "Endpoint.Forwarding", "Tap.Queues"
    tap.close()
    yield "Endpoint.State", "Endpoint.Forwarding", "Tap.Queues"
    fd, _ = kernel.open_tap(tap.interface, kernel.IFF_TAP | kernel.IFF_NO_PI)
    tap.fds.append(fd)
    yield "Endpoint.State", "Endpoint.Warnings", "Tap.VnetHdr", "Tap.OffloadsSupported"
    kernel.set_persistent(fd, False)
    yield "Endpoint.Persistent", "Endpoint.Warnings"


@way("Endpoint.Warnings")
def what_is_undone_again_and_again_is_left(scene):
    tap = scene.tap(scene.bridge(), isolated=True)
    for _ in range(5):
        kernel.run("bridge", "link", "set", "dev", tap.interface, "isolated", "off")
        assert poll(lambda: kernel.bridge_port(tap.interface)["isolated"], 5)
    yield
    kernel.run("bridge", "link", "set", "dev", tap.interface, "isolated", "off")
    yield


# Networks

@way("Network.Ports")
def taps_of_a_network_come_and_go(scene):
    scene.network()
    yield
    tap = scene.tap("yesnet")
    yield
    ip(tap.interface, "nomaster")
    yield
    ip(tap.interface, "master", "yesnet")
    yield
    tap.close()
    yield


@way("Network.Warnings")
def a_tap_of_a_network_is_made_nobodys(scene):
    scene.network()
    tap = scene.tap("yesnet")
    yield
    ip(tap.interface, "alias", "mine")
    yield


@way("Network.Ports", "Network.Warnings")
def a_network_is_shared(scene):
    scene.network()
    yield
    kernel.make_veth("lan0", "lan1")
    scene.afterwards(kernel.del_link, "lan0")
    ip("lan0", "master", "yesnet")
    yield
    ip("lan0", "nomaster")
    yield


@way("Network.Warnings")
def a_network_loses_its_address(scene):
    scene.network("nat", "yesnat")
    address = next(one for one in kernel.addresses("yesnat") if ":" not in one)
    yield
    kernel.run("ip", "address", "del", address, "dev", "yesnat")
    yield
    kernel.run("ip", "address", "add", address, "dev", "yesnat")
    yield


@way("Network.Warnings", "Network.UndecidedFilters")
def a_firewall_drops(scene):
    """Packets that cross the bridge of a network without egress are dropped as well if br_netfilter is on."""
    scene.network("nat", "yesnat")
    scene.network()
    scene.afterwards(kernel.run, "nft", "delete", "table", "inet", "mine", check=False)
    yield
    kernel.run("nft", f"add table inet mine; add chain inet mine guard {{ {DROP_FORWARDED} }}")
    yield "Network.Warnings"
    kernel.run("nft", "add rule inet mine guard meta mark 7 accept")
    yield
    kernel.run("nft", "delete", "table", "inet", "mine")
    yield "Network.UndecidedFilters"


# The host, and the configuration

@way("Manager.EndpointsPerUser", "Manager.QueuesPerUser")
def limits_are_configured(scene):
    scene.afterwards(scene.reload)
    yield
    scene.reload("[Limits]\nCreations=100000\nEndpoints=7\n")
    yield "Manager.EndpointsPerUser"
    scene.reload("[Limits]\nCreations=100000\nEndpoints=7\nQueues=9\n")
    yield "Manager.QueuesPerUser"


@way("Manager.DefaultBridge")
def a_default_network_is_defined(scene):
    file = scene.world.configuration / "networks" / "vnicbr0.conf"
    scene.afterwards(lambda: (file.unlink(missing_ok=True), scene.world.reload()))
    yield
    scene.reload("[Network]\nKind=isolated\n", "networks/vnicbr0.conf")
    yield
    file.unlink()
    scene.world.reload()
    yield


@way("Manager.Warnings")
def the_filters_of_taps_are_refused(scene):
    yield
    with kernel.tables_of_somebody_else("vnicd-taps-", ("inet",)):
        yield
    scene.look_again()
    yield


@way("Manager.OffloadsSupported", "Manager.OffloadMask", "Manager.VnetHdrSizes", "Manager.MaxQueues", restarts=True)
def the_host_has_no_taps(scene):
    scene.afterwards(os.chmod, "/dev/net/tun", 0o666)
    scene.world.stop_service()
    os.chmod("/dev/net/tun", 0o600)  # this node is the world's own
    scene.world.start_service()
    yield
    os.chmod("/dev/net/tun", 0o666)
    scene.look_again()
    yield


@contextlib.contextmanager
def another_dev():
    """A /dev with everything that the host's has, which itself must not be changed."""
    kept = ROOM / "dev"
    kept.mkdir(exist_ok=True)
    kernel.run("mount", "--rbind", "/dev", kept)
    kernel.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev")
    try:
        for name in os.listdir(kept):
            os.symlink(kept / name, f"/dev/{name}")
        yield pathlib.Path("/dev")
    finally:
        kernel.run("umount", "-l", "/dev")
        kernel.run("umount", "-R", "-l", kept)


@way("Manager.VhostNet")
def vhost_net_comes_and_goes(scene):
    node = scene.stack.enter_context(another_dev()) / "vhost-net"
    yield
    for _ in range(2):
        if node.exists():
            node.unlink()
        else:
            node.touch()
        scene.look_again()
        yield


# What is announced

def assert_words_are_told_with_their_sentences(signals):
    for _path, _interface, member, values in signals:
        if member == "PropertiesChanged" and values[1].keys() & {"Warnings", "WarningCodes"}:
            assert len(values[1]["Warnings"]) == len(values[1]["WarningCodes"]), values


def test_there_is_a_way_for_every_property_that_can_change():
    assert set().union(*(steps.changes for steps in WAYS)) == live_properties()


@pytest.mark.parametrize("steps", [pytest.param(steps, id=steps.__name__, marks=[pytest.mark.restarts] * steps.restarts)
                                   for steps in WAYS])
def test_each_change_is_told(world, steps):
    with contextlib.ExitStack() as stack:
        running = steps(Scene(world, stack))
        next(running)
        follower, seen = Follower(stack.enter_context(Client(world, "bob"))), set()
        for changes in running:
            expected = with_codes([changes] if isinstance(changes, str) else changes or steps.changes)
            follower.wait_for(expected)
            seen |= expected
        assert seen == steps.changes
        assert_words_are_told_with_their_sentences(follower.signals.all())
