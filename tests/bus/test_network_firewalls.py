# SPDX-License-Identifier: LGPL-2.1-or-later
"""Firewalls beside a network: the network warns about those that drop packets guests depend on, whenever they
were set up, until they let the packets pass; what cannot be determined is reported as such; and the commands
of the documentation help."""

import contextlib
import os
import pathlib
import shutil

import pytest
from vnic import kernel
from vnic.client import MANAGER, PROPERTIES, ROOT
from vnic.machine import Machine
from vnic.networks import NETWORK, internet, network
from vnic.process import poll

SOURCE = pathlib.Path(os.environ["VNICD_SOURCE"])
RULESETS = SOURCE / "tests/unit/rulesets"
NETFILTER = pathlib.Path("/proc/sys/net/bridge")
DROP_FORWARDED = "type filter hook forward priority 0; policy drop;"

pytestmark = [pytest.mark.deadline(90),
              pytest.mark.skipif(not shutil.which("iptables-nft"), reason="iptables is not installed")]


def shell(script):
    kernel.run("sh", "-ec", script)


@contextlib.contextmanager
def firewall(*names, bridge="vnicbr0"):
    """The ruleset of a real firewall, for that bridge."""
    try:
        for name in names:
            tool = {".nft": "nft -f -", ".v4": "iptables-nft-restore", ".v6": "ip6tables-nft-restore"}
            shell(f"sed s/vnicbr0/{bridge}/g {RULESETS / name} | {tool[pathlib.Path(name).suffix]}")
        yield
    finally:
        tables = kernel.run("nft", "list", "tables").splitlines()
        for table in tables:
            if "vnicd-" not in table:
                kernel.run("nft", "delete", *table.split())


def documented(program, bridge):
    """The commands that docs/networks.md gives for it."""
    text = (SOURCE / "docs/networks.md").read_text(encoding="utf-8")
    section = text.partition(f"\n### {program}\n")[2].partition("\n#")[0]
    commands = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    assert commands
    return commands.replace("vnicbr0", bridge)


def look_again(root):
    root.call(ROOT, MANAGER, "Reload")


def warned(net):
    """The warnings about firewalls only: there is no systemd here, about which there is one too."""
    return [text for text in net.get("Warnings") if "another firewall" in text]


def tells_warnings(_path, _interface, _member, values):
    return values[0] == NETWORK and "Warnings" in values[1]


def settles(root, net, predicate):
    """Whether the warnings become like this, once the service has been made to check again."""
    look_again(root)
    return poll(lambda: predicate(warned(net)), 20, 0.05)


@contextlib.contextmanager
def one_more_chain(root, net):
    """An additional chain, by which it is known when the service has checked."""
    kernel.run("nft", f"add table ip seen; add chain ip seen forward {{ {DROP_FORWARDED} }}")
    try:
        assert settles(root, net, lambda texts: any("ip seen forward" in text for text in texts))
        yield
    finally:
        kernel.run("nft", "delete", "table", "ip", "seen")
        assert settles(root, net, lambda texts: not any("ip seen forward" in text for text in texts))


@pytest.mark.parametrize("files, chains", [
    (("docker.v4",), ["ip filter FORWARD"]),
    (("firewalld.nft",), ["inet firewalld filter_IN_public", "inet firewalld filter_IN_public",
                          "inet firewalld filter_FWD_public"]),
    (("ufw.v4", "ufw.v6"), ["ip filter ufw-skip-to-policy-input", "ip filter INPUT", "ip filter FORWARD"]),
], ids=["docker", "firewalld", "ufw"])
def test_a_firewall_that_comes_after_the_network_is_told_and_so_is_its_end(root, files, chains):
    with network(root, "yesnat", services=False) as net:
        signals = root.subscribe(PROPERTIES, "PropertiesChanged", net.path)
        assert settles(root, net, lambda texts: not texts)
        signals.clear()
        with firewall(*files):
            assert settles(root, net, lambda texts: [text.split('"')[1] for text in texts] == chains), warned(net)
            signals.wait_for(tells_warnings)
            assert all("yesnat" in text for text in warned(net))
            signals.clear()
        assert settles(root, net, lambda texts: not texts), warned(net)
        signals.wait_for(tells_warnings)


def test_nobody_has_to_say_that_a_firewall_has_come_or_gone(root):
    with network(root, "yesnat", services=False) as net:
        with firewall("docker.v4"):
            assert poll(lambda: len(warned(net)) == 1, 20, 0.02)
            shell(documented("Docker", "yesnat"))
            assert poll(lambda: warned(net) == [], 20, 0.02)
            shell("iptables-nft -F DOCKER-USER")
            assert poll(lambda: len(warned(net)) == 1, 20, 0.02)
        assert poll(lambda: warned(net) == [], 20, 0.02)


def test_a_firewall_that_lets_guests_pass_is_not_warned_of(root):
    with firewall("firewalld-zone.nft", "ufw-told.v4", "ufw-told.v6", bridge="yesnat"), \
            network(root, "yesnat", services=False) as net:
        with one_more_chain(root, net):
            pass
        assert warned(net) == [] and net.get("UndecidedFilters") == []


@pytest.mark.parametrize("has_ipv6", [False, True], ids=["IPv4", "IPv4 and IPv6"])
def test_the_commands_for_docker_let_guests_out(root, alice, has_ipv6):
    """This includes a Docker without IPv6, which has no such chain: then nothing has to be done about it, and
    nothing fails."""
    with internet() as outside, network(root, "yesnat") as net, firewall("docker.v4"), \
            alice.create_tap("yesnat", False) as tap, Machine(tap, "guest") as guest:
        if has_ipv6:
            shell("ip6tables-nft -N DOCKER-USER; ip6tables-nft -A DOCKER-USER -j RETURN; "
                  "ip6tables-nft -A FORWARD -j DOCKER-USER; ip6tables-nft -P FORWARD DROP")
        outside.knows_the_way_to(net)
        guest.dhcp()
        assert guest.ipv6()
        assert not guest.pings(outside.SERVER4)
        assert settles(root, net, lambda texts: len(texts) == 1), warned(net)
        shell(documented("Docker", "yesnat"))
        assert poll(lambda: guest.pings(outside.SERVER4) and guest.pings(outside.SERVER6), 20, 0.1)
        assert settles(root, net, lambda texts: not texts), warned(net)


def test_the_firewall_of_ufw_drops_and_told_as_documented_it_does_not(root, alice):
    """The rulesets are those of the program before and after these commands."""
    assert documented("ufw", "vnicbr0").splitlines() == ["ufw allow in on vnicbr0 to any app vnicd",
                                                         "ufw route allow in on vnicbr0"]
    with internet() as outside, network(root, "yesnat") as net, alice.create_tap("yesnat", False) as tap, \
            Machine(tap, "guest") as guest, outside.listening(outside.SERVER4, 80):
        guest.dhcp()
        with firewall("ufw.v4", "ufw.v6"):
            assert guest.resolve("host", net.address(4)) == [] and not guest.connects(outside.SERVER4, 80)
        with firewall("ufw-told.v4", "ufw-told.v6", bridge="yesnat"):
            assert poll(lambda: net.address(4) in guest.resolve("host", net.address(4)) and
                        guest.connects(outside.SERVER4, 80), 20, 0.1)


def test_what_cannot_be_told_is_listed_with_its_chain_and_not_warned_of(world, root):
    with network(root, "yesnat", services=False) as net:
        try:
            kernel.run("nft", f"add table inet mine; add chain inet mine guard {{ {DROP_FORWARDED} }};"
                              "add rule inet mine guard meta mark 7 accept; add rule inet mine guard ct state "
                              "established accept")
            look_again(root)
            assert poll(lambda: net.get("UndecidedFilters") == ["inet mine guard"], 20, 0.05)
            assert warned(net) == []
            _, out, _ = world.output_as("alice", [world.tool("vnicctl"), "doctor"])
            lines = out.splitlines()
            at = next(number for number, line in enumerate(lines) if "undecided-filter" in line)
            assert lines[at].startswith("note") and "yesnat" in lines[at] and "inet mine guard" in lines[at]
            assert lines[at + 1].strip() == "-> look at it: nft list chain inet mine guard"
        finally:
            kernel.run("nft", "delete", "table", "inet", "mine")
        look_again(root)
        assert poll(lambda: net.get("UndecidedFilters") == [], 20, 0.05)


@pytest.fixture
def br_netfilter():
    if not NETFILTER.exists():
        pytest.skip("a kernel without br_netfilter")
    before = {file: file.read_text() for file in NETFILTER.glob("bridge-nf-call-ip*tables")}
    for file in before:
        file.write_text("1")
    yield
    for file, value in before.items():
        file.write_text(value)


def test_what_drops_ipv6_is_warned_of_only_where_br_netfilter_shows_that_to_it(root, alice, bridge, br_netfilter):
    """There is a switch for each family."""
    def told():
        look_again(root)
        return [text for text in alice.list_bridges()["yes0"]["warnings"] if "br_netfilter" in text]

    def show(*families):
        for family in ("iptables", "ip6tables"):
            (NETFILTER / f"bridge-nf-call-{family}").write_text(str(int(family in families)))

    try:
        show("ip6tables")
        kernel.run("nft", f"add table ip6 mine; add chain ip6 mine guard {{ {DROP_FORWARDED} }}")
        assert poll(told, 20, 0.1) and "ip6 mine guard" in told()[0]
        show("iptables")
        assert not told()
        show("iptables", "ip6tables")
        assert told()
    finally:
        kernel.run("nft", "delete", "table", "ip6", "mine")


def test_br_netfilter_is_warned_of_only_where_something_drops(root, alice, bridge, br_netfilter):
    def told():
        look_again(root)
        return any("br_netfilter" in text for text in alice.list_bridges()["yes0"]["warnings"])

    assert not told()
    with firewall("docker.v4"):
        assert poll(told, 20, 0.1)
        assert any("ip filter FORWARD" in text for text in alice.list_bridges()["yes0"]["warnings"])
        shell("iptables-nft -I DOCKER-USER -m physdev --physdev-is-bridged -j ACCEPT")
        assert poll(lambda: not told(), 20, 0.1)
        shell("iptables-nft -F DOCKER-USER; iptables-nft -I DOCKER-USER -m mark --mark 3 -j ACCEPT")
        assert poll(lambda: (look_again(root), alice.list_bridges()["yes0"]["undecided_filters"])[1] ==
                    ["ip filter DOCKER-USER"], 20, 0.1)
        assert not told()
