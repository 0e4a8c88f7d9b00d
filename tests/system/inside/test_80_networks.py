# SPDX-License-Identifier: LGPL-2.1-or-later
"""The default network, as the package defines it, with everything real: systemd starts its services, logind
knows who sits at the machine, and a guest that knows nothing of vnicd reaches the Internet through it."""

import json
import os
import pathlib
import signal
import subprocess

import pytest
import system
from vnic import guest
from vnic.client import ACCESS_DENIED, MAY_ASK

NET = "vnicbr0"
SERVICE = f"vnicd-network@{NET}.service"
FORWARD = f"vnicd-network-forward@{NET}.service"
MAC = "52:54:00:00:61:01"
PATIENCE = 1 if system.is_container() else 10
# It is removed ten seconds after its last tap.
IDLE = 10 + 10 * PATIENCE

NO_SEAT = ("systemd-run", "--quiet", "--pipe", "--wait", "-p", "PAMName=login")
# With virtual terminals, the active session is the one in front.
FRONT = pathlib.Path("/sys/class/tty/tty0/active")
VT = () if system.is_container() or not FRONT.exists() else (f"XDG_VTNR={FRONT.read_text().strip()[3:]}",)
SEAT = (*NO_SEAT, "-p", " ".join(("Environment=XDG_SEAT=seat0", *VT)))
CAN_CREATE = ("busctl", "--system", "call", "org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager", "CanCreateTap",
              "sbba{sv}", "", "true", "false", "0")


def session(kind, user):
    return [*kind, "-p", f"User={user}", "--"]


def is_active(unit):
    return system.said("systemctl", "is-active", unit).strip() == "active"


def tables():
    """The tables of networks: the filters of taps stay."""
    return [line for line in system.run("nft", "list", "tables").splitlines()
            if "vnicd-" in line and "vnicd-taps-" not in line]


def forwarding():
    """What is forwarded, by protocol and device."""
    return {str(file): file.read_text().strip()
            for family in ("ipv4", "ipv6") for file in pathlib.Path(f"/proc/sys/net/{family}/conf").glob("*/forwarding")}


@pytest.fixture
def network(uplink):
    """Nothing of it exists before, and nothing is left of it afterwards."""
    before = forwarding()
    system.restart()
    assert NET not in system.links() and tables() == []
    yield NET
    if NET in system.links():
        system.run("vnicctl", "network", "delete", NET)
    assert NET not in system.links()
    assert system.poll(lambda: not is_active(SERVICE) and not is_active(FORWARD), 20 * PATIENCE)
    assert system.poll(lambda: tables() == [], 5 * PATIENCE), tables()
    assert system.poll(lambda: forwarding() == before, 5 * PATIENCE), forwarding()
    assert system.poll(lambda: system.said("pgrep", "-u", "vnicd-network") == "", 10 * PATIENCE)


def test_who_sits_at_the_machine_gets_a_tap_without_a_question(network):
    assert system.run(*session(SEAT, "alice"), *CAN_CREATE).startswith('ss "yes"')
    argv = [*session(SEAT, "alice"), "vnicctl", "run", "--", "sleep", "60"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as running:
        assert system.poll(system.taps, 20 * PATIENCE)
        ((name, link),) = system.taps().items()
        assert link["master"] == NET and "uid=1001" in link["ifalias"]
        # The tap is there before the program is.
        assert system.poll(lambda: system.succeeds("pkill", "-u", "alice", "-x", "sleep"), 20 * PATIENCE)
        running.wait(20 * PATIENCE)
    assert system.poll(lambda: name not in system.links(), 5)
    assert system.poll(lambda: NET not in system.links(), IDLE), system.run("ip", "addr", "show", NET)


def test_who_does_not_sit_there_is_asked(network, alice):
    assert system.run(*session(NO_SEAT, "alice"), *CAN_CREATE).startswith('ss "challenge"')
    assert alice.create_tap_error("").name in (MAY_ASK, ACCESS_DENIED)
    with system.agent(alice, "accept") as agent, alice.create_tap("", interactive=True) as tap:
        assert system.taps()[tap.interface]["master"] == NET
        assert [prompt.action for prompt in agent.prompts] == ["org.vnicd1.use-network"]


@pytest.fixture
def granted():
    system.configure(f"[Group vm]\nAllowBridges={NET}\n")


def test_its_services_run_in_their_own_sandboxes(network, granted, carol):
    system.restart()
    with carol.create_tap("", True):
        assert system.poll(lambda: is_active(SERVICE) and is_active(FORWARD), 20 * PATIENCE), \
            system.why_not_active(SERVICE, FORWARD)
        process = pathlib.Path(f"/proc/{system.show('MainPID', SERVICE)}")
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        assert status["Uid"].split() == [system.run("id", "-u", "vnicd-network").strip()] * 4
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        for unit, most in ((SERVICE, 35), (FORWARD, 30)):
            system.run("systemd-analyze", "security", "--offline=yes", f"--threshold={most}",
                       system.show("FragmentPath", unit))
        os.kill(int(process.name), signal.SIGKILL)
        assert system.poll(lambda: is_active(SERVICE) and system.show("MainPID", SERVICE) not in ("0", process.name),
                           10 * PATIENCE)


def test_a_restart_and_a_kill_leave_it_as_it_is(network, granted, carol):
    system.restart()
    with carol.create_tap("", True) as tap:
        assert system.poll(lambda: is_active(SERVICE), 20 * PATIENCE), system.why_not_active(SERVICE, FORWARD)
        before, filters = system.links()[NET], system.run("nft", "list", "ruleset")
        pid = system.show("MainPID", SERVICE)
        system.restart()
        killed = system.pid()
        os.kill(killed, signal.SIGKILL)
        assert system.poll(lambda: system.pid() not in (0, killed) and system.show("ActiveState") == "active", 10)
        assert carol.get("/org/vnicd1", "org.vnicd1.Manager", "DefaultBridge") == NET
        after = system.links()[NET]
        assert {key: after[key] for key in ("ifindex", "address", "ifalias", "addr_info", "flags")} == \
            {key: before[key] for key in ("ifindex", "address", "ifalias", "addr_info", "flags")}
        assert system.run("nft", "list", "ruleset") == filters and system.show("MainPID", SERVICE) == pid
        assert system.taps()[tap.interface]["master"] == NET


def test_an_address_is_reserved_by_a_file_and_freed_by_a_reload_of_the_service(network, granted, carol):
    """dnsmasq reads the file without being told to, and forgets it without a restart."""
    system.restart()
    with carol.create_tap("", True):
        assert system.poll(lambda: is_active(SERVICE), 20 * PATIENCE), system.why_not_active(SERVICE, FORWARD)
        gateway = next(entry["local"] for entry in system.links()[NET]["addr_info"] if entry["family"] == "inet")
        address, pid = gateway.rpartition(".")[0] + ".77", system.show("MainPID", SERVICE)
        folder = pathlib.Path(f"/run/vnicd/networks/{NET}.hosts")

        def read():
            return system.run("journalctl", "-b", "-u", SERVICE, "-o", "cat").count(f"read {folder}/{MAC},{address}")

        with carol.create_tap("", True, guest_mac=MAC, address=address):
            assert [file.name for file in folder.iterdir()] == [f"{MAC},{address}"]
            assert system.poll(lambda: read() > 0, 5 * PATIENCE)
        assert system.poll(lambda: list(folder.iterdir()) == [], 10 * PATIENCE)
        assert system.poll(lambda: "Reloaded " in system.run("journalctl", "-b", "-u", SERVICE, "-o", "cat"),
                           10 * PATIENCE)
        assert is_active(SERVICE) and system.show("MainPID", SERVICE) == pid
    assert system.poll(lambda: NET not in system.links(), IDLE)
    assert system.poll(lambda: not folder.exists(), 5 * PATIENCE), system.run("journalctl", "-b", "-u", "vnicd.service")


@pytest.mark.skipif(guest.why_not() != "", reason=guest.why_not())
def test_a_guest_gets_its_address_and_its_lease_is_told(network, granted, carol):
    system.restart()
    with carol.create_tap("", True, guest_mac=MAC) as tap, \
            guest.Guest(tap.fds, MAC, "carol", bus_address=system.WORLD.bus.address, shell=600) as vm:
        vm.wait_for("VNIC-READY shell", 60 * PATIENCE)
        assert system.poll(lambda: is_active(SERVICE), 20 * PATIENCE), system.why_not_active(SERVICE, FORWARD)
        vm.get_address("web", 60 * PATIENCE)
        (lease,) = json.loads(system.run("vnicctl", "network", "leases", NET, "--json"))
        assert lease["mac"].lower() == MAC and lease["name"] == "web"
        gateway = next(entry["local"] for entry in system.links()[NET]["addr_info"] if entry["family"] == "inet")
        status, said = vm.run(f"ping -c 1 -W 5 {gateway} && nslookup web.{NET}.internal {gateway}", 60 * PATIENCE)
        assert status == 0 and any(lease["address"] in line for line in said), said
