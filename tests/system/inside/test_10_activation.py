# SPDX-License-Identifier: LGPL-2.1-or-later
"""From an installed package to the first call of an ordinary user, and what systemd then reports of the
service."""

import json
import pathlib
import time

import system

BUSCTL = ("busctl", "--system", "call", "org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager")


def test_the_first_call_of_an_ordinary_user_starts_it():
    assert system.show("ActiveState") == "inactive"
    begin = time.monotonic()
    told = system.run(*system.as_user("alice", "busctl", "--system", "get-property", "org.vnicd1", "/org/vnicd1",
                                      "org.vnicd1.Manager", "Version"))
    print(f"the first call took {time.monotonic() - begin:.3f} s")
    assert told.startswith('s "')
    assert system.show("ActiveState") == "active" and system.show("NotifyAccess") == "main"
    assert json.loads(system.run(*system.as_user("alice", "vnicctl", "capabilities", "--json")))


def test_it_runs_as_its_user_with_one_capability():
    system.run(*BUSCTL, "ListBridges")
    status = pathlib.Path(f"/proc/{system.pid()}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    vnicd = system.run("id", "-u", "vnicd").strip()
    assert fields["Uid"].split() == [vnicd] * 4
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 1 << 12, name
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"


def test_the_unit_is_as_tight_as_promised():
    last = system.run("systemd-analyze", "security", "--offline=yes", "--threshold=15",
                      system.show("FragmentPath")).splitlines()[-1]
    print(last)
    assert "OK" in last


def test_everything_that_was_installed_is_read_without_a_complaint():
    told = system.said("systemd-analyze", "verify", "--man=no", "vnicd.service")
    assert [line for line in told.splitlines() if "vnicd" in line] == []
    assert "vnicd" not in system.said("systemd-tmpfiles", "--create", "vnicd.conf")
    assert system.run("stat", "-c", "%U:%G %a", "/etc/vnicd/vnicd.conf.d").strip() == "root:root 755"


def test_a_reload_by_systemctl_reads_the_configuration(alice, bridge):
    alice.call("/org/vnicd1", "org.vnicd1.Manager", "ListBridges")
    assert alice.can_create_tap(bridge)[0] != "yes"
    system.configure("[User alice]\nAllowBridges=br0\n")
    system.run("systemctl", "reload", "vnicd")
    assert system.poll(lambda: alice.can_create_tap(bridge)[0] == "yes", 5)
