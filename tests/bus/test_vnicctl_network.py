# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnicctl network: what it creates, shows and deletes, and how it refuses."""

import json
import re
import shutil

import pytest
from vnic import kernel
from vnic.machine import Machine
from vnic.networks import network
from vnic.process import poll


@pytest.fixture
def vnicctl(world):
    """vnicctl("list", user="root") → (status, out, err) of "vnicctl network list"."""
    def run(*words, user="root", **how):
        return world.output_as(user, [world.tool("vnicctl"), "network", *words], **how)
    return run


@pytest.fixture
def made(vnicctl):
    """made("yeslab", "--kind", "isolated") → what is printed about it as JSON; it is deleted afterwards."""
    names = []

    def run(name, *words):
        status, out, err = vnicctl("create", name, *words, "--json")
        assert (status, err) == (0, ""), err
        names.append(name)
        return json.loads(out)
    yield run
    for name in names:
        vnicctl("delete", name)
        poll(lambda: not kernel.exists(name), 5)


def test_a_network_is_made_shown_and_deleted(vnicctl):
    status, out, err = vnicctl("create", "yeslab", "--kind", "isolated", "--address", "10.20.30.1/24,fd12::1/64",
                               "--mtu", "1400", "--ports-max", "5", "--dhcp=no", "--guard-addresses")
    assert (status, err) == (0, "")
    assert kernel.exists("yeslab")
    facts = dict(re.split(r"  +", line, maxsplit=1) for line in out.splitlines() if "  " in line)
    assert facts["name"] == "yeslab" and facts["kind"] == "isolated" and facts["mtu"] == "1400"
    assert "10.20.30.1/24" in kernel.addresses("yeslab") and "fd12::1/64" in kernel.addresses("yeslab")
    shown = json.loads(vnicctl("show", "yeslab", "--json", user="alice")[1])
    assert shown["addresses"] == ["10.20.30.1/24", "fd12::1/64"]
    assert (shown["dhcp"], shown["guard_addresses"], shown["ports_max"], shown["mtu"]) == (False, True, 5, 1400)
    rows = vnicctl("list", user="alice")[1].splitlines()
    assert rows[0].split()[:3] == ["NAME", "KIND", "ADDRESSES"] and any(row.startswith("yeslab ") for row in rows)
    assert vnicctl("delete", "yeslab") == (0, "", "")
    assert poll(lambda: not kernel.exists("yeslab"), 5)
    assert vnicctl("show", "yeslab")[0] == 5


def test_by_default_it_is_of_kind_nat_with_addresses_of_its_own(made):
    network_made = made("yeslab")
    assert network_made["kind"] == "nat" and network_made["dhcp"] and not network_made["guard_addresses"]
    assert [":" in address for address in network_made["addresses"]] == [False, True]


def test_several_are_listed_in_the_order_of_their_names(made, vnicctl):
    for name in ("yesb", "yesc", "yesa"):
        made(name, "--kind", "isolated")
    names = [entry["name"] for entry in json.loads(vnicctl("list", "--json")[1])]
    assert [name for name in names if name in ("yesa", "yesb", "yesc")] == ["yesa", "yesb", "yesc"]


def test_who_may_not_is_told(vnicctl):
    status, out, err = vnicctl("create", "yeslab", user="alice")
    assert (status, out) == (4, "") and err
    assert not kernel.exists("yeslab")


@pytest.mark.parametrize("words, status", [
    ((), 2), (("make", "yeslab"), 2), (("create",), 2), (("create", "a", "b"), 2), (("list", "a"), 2), (("show",), 2),
    (("delete",), 2), (("leases",), 2), (("create", "a", "--address", "1,2,3,4"), 2), (("create", "a", "--nope"), 2),
    (("create", "NO"), 7), (("create", "yeslab", "--kind", "bridge"), 7), (("create", "yeslab", "--mtu", "1"), 7),
    (("create", "yeslab", "--address", "nonsense"), 7), (("show", "nosuch"), 5), (("delete", "nosuch"), 5),
    (("leases", "nosuch"), 5)])
def test_what_cannot_be_has_its_exit_status_and_a_sentence(vnicctl, words, status):
    result = vnicctl(*words)
    assert (result[0], result[1]) == (status, "") and len(result[2]) > 10, result
    assert not kernel.exists("yeslab")


def test_a_name_that_is_taken_is_refused(made, vnicctl, bridges):
    bridges("yesbr")
    assert vnicctl("create", "yesbr")[0] == 8
    made("yeslab")
    assert vnicctl("create", "yeslab")[0] == 8


def test_delete_goes_on_after_one_that_fails(made, vnicctl):
    made("yeslab")
    status, _, err = vnicctl("delete", "nosuch", "yeslab")
    assert status == 5 and "nosuch" in err
    assert poll(lambda: not kernel.exists("yeslab"), 5)


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")
def test_leases_are_shown_with_the_time_of_here(root, alice, vnicctl):
    with network(root, "yeslab") as net, alice.create_tap(net.name, False) as tap, Machine(tap, "web") as web:
        told = web.dhcp()
        given = json.loads(vnicctl("leases", "yeslab", "--json", user="alice")[1])
        assert [(one["address"], one["mac"], one["name"]) for one in given] == [(told["ip"], web.mac, "web")]
        rows = vnicctl("leases", "yeslab", user="alice")[1].splitlines()
        assert rows[0].split() == ["ADDRESS", "MAC", "NAME", "EXPIRES"]
        assert re.fullmatch(rf"{told['ip']} +{web.mac} +web +\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d", rows[1])


def test_monitor_tells_of_endpoints_only(world, made, alice):
    watching = world.run_as("alice", [world.tool("vnicctl"), "monitor"])
    assert watching.stderr.readline()
    made("yeslab")
    with alice.create_tap("yeslab") as tap:
        assert tap.interface in watching.stdout.readline()
    watching.terminate()
    said = watching.communicate(timeout=10)[0]
    assert all("vnic" in line for line in said.splitlines()) and "yeslab  " not in said
