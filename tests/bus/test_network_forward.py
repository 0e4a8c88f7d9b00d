# SPDX-License-Identifier: LGPL-2.1-or-later
"""IPv6 forwarding by vnicd-network-forward, in a network namespace that plays the host: it enables what a
network needs, and restores everything afterwards."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest
from vnic import kernel
from vnic.process import ROOM, Process, poll

HOST = "forwardhost"
LEDGER = pathlib.Path("/run/vnicd-network-forward")
CONFIGURATION = pathlib.Path("/run/vnicd/networks")
AS_THE_UNIT = ["setpriv", "--reuid", "vnicd-network", "--regid", "vnicd-network", "--clear-groups",
               "--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin",
               "--bounding-set", "-all,+net_admin", "--no-new-privs"]
# A file that cannot be written hides the setting of newer kernels from the program.
HIDE = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


def conf(name, setting, value=None):
    path = f"/proc/sys/net/ipv6/conf/{name}/{setting}"
    with kernel.inside(HOST):
        if value is not None:
            pathlib.Path(path).write_text(str(value), encoding="ascii")
        return int(pathlib.Path(path).read_text(encoding="ascii"))


def settings():
    """Every IPv6 forwarding setting of every interface."""
    with kernel.inside(HOST):
        names = sorted(os.listdir("/proc/sys/net/ipv6/conf"))
    return {(name, setting): conf(name, setting) for name in names
            for setting in ("forwarding", "force_forwarding", "accept_ra")
            if setting != "force_forwarding" or has_force_forwarding()}


def has_force_forwarding():
    return os.path.exists("/proc/sys/net/ipv6/conf/all/force_forwarding")


needs_force_forwarding = pytest.mark.skipif(not has_force_forwarding(), reason="kernel before 6.17")


def ip(*words):
    kernel.run("ip", "-n", HOST, *words)


@pytest.fixture(autouse=True)
def host():
    """A host with two uplinks, of which the first has the default route, and the bridges of two networks."""
    LEDGER.mkdir(exist_ok=True)
    shutil.chown(LEDGER, "vnicd-network", "vnicd-network")
    CONFIGURATION.mkdir(parents=True, exist_ok=True)
    with kernel.namespace(HOST):
        for number, name in enumerate(("up0", "up1")):
            ip("link", "add", name, "type", "veth", "peer", "name", f"wire{number}")
            ip("link", "set", name, "up")
            ip("link", "set", f"wire{number}", "up")
        for name in ("netone", "nettwo"):
            ip("link", "add", name, "type", "bridge")
            ip("link", "set", name, "up")
            (CONFIGURATION / f"{name}.conf").write_text(f"# vnicd network {name} nat\n", encoding="ascii")
        ip("-6", "address", "add", "2001:db8::2/64", "dev", "up0", "nodad")
        ip("-6", "route", "add", "default", "via", "2001:db8::1", "dev", "up0")
        yield
    shutil.rmtree(LEDGER)
    shutil.rmtree(CONFIGURATION)


def command(verb, network, hidden=False):
    program = [*AS_THE_UNIT, os.environ["VNICD_BUILD"] + "/networks/vnicd-network-forward", verb, network]
    if hidden:
        hide = ["sh", "-c", HIDE, "hide", f"/proc/sys/net/ipv6/conf/{network}/force_forwarding"]
        program = hide + program if has_force_forwarding() else program
    return ["ip", "netns", "exec", HOST, *program]


def off(network):
    done = subprocess.run(command("off", network), capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@contextlib.contextmanager
def on(network, hidden=False):
    """The program runs, and has reported that it is ready, while the block lasts; "off" is for the test."""
    path = ROOM / f"notify-{network}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        path.chmod(0o777)
        listener.settimeout(10)
        env = {**os.environ, "NOTIFY_SOCKET": str(path)}
        process = Process(f"forward-{network}", command("on", network, hidden), env=env)
        try:
            assert b"READY=1" in listener.recv(4096), process.output()
            yield process
        finally:
            process.kill()
            path.unlink()


@needs_force_forwarding
def test_it_is_on_for_the_bridge_and_the_uplink_only_and_then_as_before():
    conf("netone", "accept_ra", 0)
    before = settings()
    with on("netone"):
        during = settings()
        changed = {key: during[key] for key in before if during[key] != before[key]}
        assert changed == {("netone", "force_forwarding"): 1, ("up0", "force_forwarding"): 1,
                           ("netone", "forwarding"): 1}
    off("netone")
    assert settings() == before


@needs_force_forwarding
def test_what_two_networks_need_stays_until_the_last_has_gone():
    before = conf("up0", "force_forwarding")
    with on("netone"), on("nettwo"):
        pass
    off("netone")
    assert conf("up0", "force_forwarding") == 1
    assert conf("netone", "force_forwarding") == 0
    off("nettwo")
    assert conf("up0", "force_forwarding") == before == 0


@needs_force_forwarding
def test_what_was_on_before_stays_on():
    conf("up0", "force_forwarding", 1)
    with on("netone"):
        pass
    off("netone")
    assert conf("up0", "force_forwarding") == 1


@needs_force_forwarding
def test_it_follows_the_default_route():
    with on("netone"):
        assert conf("up1", "force_forwarding") == 0
        ip("-6", "route", "del", "default")
        ip("-6", "address", "add", "2001:db8:1::2/64", "dev", "up1", "nodad")
        ip("-6", "route", "add", "default", "via", "2001:db8:1::1", "dev", "up1")
        assert poll(lambda: conf("up1", "force_forwarding") == 1, 5)
        assert poll(lambda: conf("up0", "force_forwarding") == 0, 5)
    off("netone")
    assert conf("up1", "force_forwarding") == 0


@needs_force_forwarding
def test_every_device_by_which_guests_are_led_out_forwards():
    """There is a second card with a router behind it, a tunnel, and no default route at all."""
    ip("-6", "route", "del", "default")
    ip("link", "add", "vpn0", "type", "veth", "peer", "name", "vpn1")
    for words in (["link", "set", "vpn0", "arp", "off"], ["link", "set", "vpn0", "up"], ["link", "set", "vpn1", "up"],
                  ["-6", "address", "add", "2001:db8:1::2/64", "dev", "up1", "nodad"],
                  ["-6", "route", "add", "2001:db8:77::/48", "via", "2001:db8:1::1", "dev", "up1"],
                  ["-6", "route", "add", "2001:db8:78::/48", "dev", "vpn0"],
                  ["-6", "route", "add", "fd00:78::/32", "dev", "wire0"],
                  # Private addresses stay private behind a router.
                  ["-6", "route", "add", "fd00:79::/32", "via", "fe80::9", "dev", "wire1"]):
        ip(*words)
    before = settings()
    with on("netone"):
        assert [name for name in ("up0", "up1", "vpn0", "wire0", "wire1", "nettwo", "lo")
                if conf(name, "force_forwarding")] == ["up1", "vpn0"]
    off("netone")
    assert {key: value for key, value in settings().items() if key[1] != "accept_ra" or key[0] != "netone"} == \
        {key: value for key, value in before.items() if key[1] != "accept_ra" or key[0] != "netone"}


@needs_force_forwarding
def test_where_guests_may_go_to_the_lan_its_devices_forward_as_well():
    (CONFIGURATION / "netone.conf").write_text("# vnicd network netone nat lan\n", encoding="ascii")
    ip("link", "set", "nettwo", "group", "1986947427")
    for name, prefix in (("up1", "fd00:1::"), ("wire1", "2001:db8:2::"), ("nettwo", "fd00:2::")):
        ip("-6", "address", "add", f"{prefix}2/64", "dev", name, "nodad")
    with on("netone"):
        assert [name for name in ("up0", "up1", "wire0", "wire1", "nettwo", "lo")
                if conf(name, "force_forwarding")] == ["up0", "up1", "wire1"]
    off("netone")


@needs_force_forwarding
def test_a_vpn_that_comes_and_goes_is_followed():
    (CONFIGURATION / "netone.conf").write_text("# vnicd network netone nat lan\n", encoding="ascii")
    with on("netone"):
        for _ in range(2):
            ip("link", "add", "vpn0", "type", "bridge")
            ip("link", "set", "vpn0", "up")
            ip("-6", "route", "add", "fd00:78::/32", "dev", "vpn0")
            assert poll(lambda: conf("vpn0", "force_forwarding") == 1, 10)
            ip("link", "del", "vpn0")
    off("netone")
    assert (LEDGER / "ledger").read_text(encoding="ascii") == ""


@needs_force_forwarding
@pytest.mark.deadline(120)
def test_what_somebody_else_switches_off_comes_back_five_times():
    def comes_back():
        # A busy machine may still be working on the last one.
        assert poll(lambda: "poll" in pathlib.Path(f"/proc/{process.pid}/wchan").read_text(encoding="ascii"), 10)
        conf("netone", "forwarding", 0)
        poll(lambda: conf("netone", "forwarding") == 1 or "again and again" in process.output(), 10)
        return conf("netone", "forwarding") == 1

    with on("netone") as process:
        # If it is disabled during a restoration, that one restores it, and it is not counted twice.
        times = next(number for number in range(9) if not comes_back())
        assert 5 <= times <= 7
        assert "again and again" in process.output()
        assert conf("netone", "forwarding") == 0
    off("netone")


@needs_force_forwarding
def test_what_somebody_else_has_switched_off_since_is_left_alone():
    with on("netone"):
        conf("netone", "force_forwarding", 0)
    conf("netone", "forwarding", 0)
    off("netone")
    assert (conf("netone", "force_forwarding"), conf("netone", "forwarding")) == (0, 0)


def test_an_interface_that_is_gone_is_no_error():
    with on("netone"):
        ip("link", "del", "netone")
        ip("link", "del", "up0")
    off("netone")


def test_guests_steer_the_host_on_no_kind_of_network():
    (CONFIGURATION / "netone.conf").write_text("# vnicd network netone isolated\n", encoding="ascii")
    before = settings()
    with on("netone") as process:
        assert process.wait() == 0  # there is nothing to follow
    after = settings()
    assert {key for key in before if before[key] != after[key]} == {("netone", "accept_ra")}
    assert conf("netone", "accept_ra") == 0


def test_without_a_configuration_nothing_is_done():
    before = settings()
    done = subprocess.run(command("on", "nosuch"), capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1 and "nosuch" in done.stderr
    assert settings() == before


@pytest.mark.parametrize("name", ["", "..", "a/b", "1a", "A", "abcdefghijklmnop"])
def test_a_name_that_no_network_has_is_refused(name):
    for verb in ("on", "off"):
        done = subprocess.run(command(verb, name), capture_output=True, text=True, timeout=10, check=False)
        assert done.returncode == 2 and "Usage" in done.stderr


def test_a_ledger_that_was_tampered_with_reaches_no_other_file():
    before = settings()
    (LEDGER / "ledger").write_text(
        "netone ../../ipv4/conf/all/forwarding 1 0\nnetone all/disable_ipv6 1 0\nnetone ./forwarding 1 0\n"
        "netone up0/accept_ra\nnonsense\n" + "netone " + "x" * 500 + "\n", encoding="ascii")
    off("netone")
    assert settings() == before
    assert (LEDGER / "ledger").read_text(encoding="ascii") == ""


# Kernels without force_forwarding: one switch for all, and a host that must not lose its own IPv6

def test_the_one_switch_of_older_kernels_is_put_back_exactly():
    conf("up1", "forwarding", 1)  # the administrator's router port
    conf("wire1", "accept_ra", 0)
    conf("nettwo", "accept_ra", 2)
    conf("netone", "accept_ra", 0)
    before = settings()
    with on("netone", hidden=True):
        assert conf("all", "forwarding") == 1
        assert conf("up0", "accept_ra") == 2
        assert conf("wire1", "accept_ra") == 0
        assert conf("up1", "accept_ra") == before[("up1", "accept_ra")]
    off("netone")
    assert settings() == before


def test_ports_of_bridges_are_not_in_the_ledger_however_many_there_are():
    conf("netone", "accept_ra", 0)
    before = settings()
    for number in range(20):
        ip("link", "add", f"port{number}a", "type", "veth", "peer", "name", f"port{number}b")
        for end in "ab":
            ip("link", "set", f"port{number}{end}", "master", "nettwo")
    with on("netone", hidden=True):
        assert "port" not in (LEDGER / "ledger").read_text(encoding="ascii")
        assert conf("up0", "accept_ra") == 2
    off("netone")
    after = settings()
    assert {key: after[key] for key in before} == before


def test_two_networks_share_the_one_switch():
    conf("netone", "accept_ra", 0)
    conf("nettwo", "accept_ra", 0)
    conf("up1", "forwarding", 1)
    before = settings()
    with on("netone", hidden=True), on("nettwo", hidden=True):
        pass
    off("netone")
    assert conf("all", "forwarding") == 1 and conf("up0", "accept_ra") == 2
    off("nettwo")
    assert settings() == before


def test_a_host_that_forwards_already_is_not_touched():
    conf("netone", "accept_ra", 0)
    conf("all", "forwarding", 1)
    before = settings()
    with on("netone", hidden=True):
        assert settings() == before
    off("netone")
    assert settings() == before


@pytest.fixture
def router():
    """A router at the other end of up1 that advertises itself: the laptop's own IPv6."""
    with kernel.namespace("router"):
        ip("link", "set", "wire1", "netns", "router")
        kernel.run("ip", "-n", "router", "link", "set", "wire1", "up")
        kernel.run("ip", "-n", "router", "-6", "address", "add", "2001:db8:2::1/64", "dev", "wire1", "nodad")
        daemon = Process("router", ["ip", "netns", "exec", "router", "/usr/sbin/dnsmasq", "--keep-in-foreground",
                                    "--conf-file=/dev/null", "--port=0", "--enable-ra", "--interface=wire1",
                                    "--dhcp-range=2001:db8:2::,ra-only", "--ra-param=wire1,4,60",
                                    "--pid-file=", "--user=root", "--log-facility=-"])
        try:
            yield daemon
        finally:
            daemon.stop()


def advertised():
    return kernel.run("ip", "-n", HOST, "-6", "route", "show", "default", "proto", "ra")


@pytest.mark.deadline(120)
@pytest.mark.once
@pytest.mark.parametrize("hidden", [False, True])
def test_a_laptop_that_lives_by_router_advertisements_keeps_its_ipv6(router, hidden):
    assert poll(advertised, 15), router.output()
    routes = advertised()
    with on("netone", hidden):
        assert conf("all", "forwarding") == int(hidden or not has_force_forwarding())
        assert advertised().split()[:5] == routes.split()[:5]
        # And it keeps listening: what was removed comes back with the next one.
        ip("-6", "route", "flush", "proto", "ra")
        assert poll(advertised, 40)
    off("netone")
    assert advertised() and conf("up1", "accept_ra") == 1


def test_killed_at_any_moment_it_leaves_what_can_be_undone():
    conf("netone", "accept_ra", 0)
    before = settings()
    for hidden in (False, True):
        for delay in range(12):
            process = Process("forward-killed", command("on", "netone", hidden))
            poll(lambda: False, delay * 0.004)
            process.signal(signal.SIGKILL)
            process.wait()
            off("netone")
            assert settings() == before, f"hidden {hidden}, killed after {delay * 4} ms"
