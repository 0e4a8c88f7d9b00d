# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each warning has a word for programs, in the same place of a list of its own. That both lists change in one
signal is in test_properties."""

import json

import pytest
from vnic import kernel
from vnic.client import ENDPOINT, MANAGER, ROOT
from vnic.networks import NETWORK, network
from vnic.process import poll


def pairs(client, path, interface):
    """word → sentence of what an object warns of now."""
    values = client.get_all(path, interface)
    assert len(values["WarningCodes"]) == len(values["Warnings"]), values
    return dict(zip(values["WarningCodes"], values["Warnings"]))


@pytest.mark.parametrize("spoil, word, says", [
    (["mtu", "1400"], "mtu", "MTU"), (["down"], "down", "down"), (["nomaster"], "wrong-bridge", "bridge"),
    (["name", "other0"], "renamed", "renamed")])
def test_what_differs_of_a_tap_has_a_word(alice, bridges, spoil, word, says):
    with alice.create_tap(bridges("yes0", mtu=9000)) as tap:
        assert pairs(alice, tap.endpoint, ENDPOINT) == {}
        kernel.run("ip", "link", "set", tap.interface, *spoil)
        assert poll(lambda: list(pairs(alice, tap.endpoint, ENDPOINT)) == [word], 5), tap.get("WarningCodes")
        assert says in pairs(alice, tap.endpoint, ENDPOINT)[word]


def test_several_warnings_have_their_words_in_their_order(alice, bridges):
    with alice.create_tap(bridges("yes0", mtu=9000)) as tap:
        kernel.run("ip", "link", "set", tap.interface, "down")
        kernel.run("ip", "link", "set", tap.interface, "mtu", "1400")
        kernel.run("ip", "link", "set", tap.interface, "name", "other0")
        assert poll(lambda: len(tap.get("Warnings")) == 3, 5)
        said = pairs(alice, tap.endpoint, ENDPOINT)
        assert list(said) == ["renamed", "mtu", "down"] and list(said.values()) == tap.get("Warnings")


def test_a_network_tells_of_its_service_and_of_a_port_of_somebody_else(root, alice):
    with network(root, "yesnet", "isolated", services=False) as net:
        assert poll(lambda: list(pairs(alice, net.path, NETWORK)) == ["service"], 5)
        kernel.make_veth("lan0", "lan1")
        try:
            kernel.run("ip", "link", "set", "lan0", "master", "yesnet")
            assert poll(lambda: list(pairs(alice, net.path, NETWORK)) == ["service", "foreign-port"], 5)
            listed = alice.list_bridges()["yesnet"]
            assert dict(zip(listed["warning_codes"], listed["warnings"])) == pairs(alice, net.path, NETWORK)
        finally:
            kernel.del_link("lan0")
        assert poll(lambda: list(pairs(alice, net.path, NETWORK)) == ["service"], 5)


def test_a_bridge_of_the_host_has_words_in_the_list(alice, bridges):
    bridges("yes0")
    bridges("yes1", mac="02:00:00:00:00:01")
    listed = alice.list_bridges()
    assert listed["yes0"]["warning_codes"] == ["bridge-mac-not-set"] and "MAC" in listed["yes0"]["warnings"][0]
    assert listed["yes1"]["warning_codes"] == listed["yes1"]["warnings"] == []


@pytest.mark.restarts
def test_the_service_tells_which_filters_it_does_without(world, alice):
    assert pairs(alice, ROOT, MANAGER) == {}
    world.stop_service()
    with kernel.tables_of_somebody_else("vnicd-taps-", ("bridge",)):
        world.start_service()
        said = pairs(alice, ROOT, MANAGER)
        assert list(said) == ["reserved-frames"] and "01:80:c2" in said["reserved-frames"]
    world.restart_service()
    assert pairs(alice, ROOT, MANAGER) == {}


def test_vnicctl_has_the_words_in_json_and_the_sentences_for_people(world, alice, bridge):
    def ctl(*arguments):
        return world.output_as("alice", [world.tool("vnicctl"), *arguments])[1]

    with alice.create_tap(bridge, label="ill") as tap:
        kernel.run("ip", "link", "set", tap.interface, "down")
        assert poll(lambda: tap.get("WarningCodes") == ["down"], 5)
        assert json.loads(ctl("show", "ill", "--json"))["warning_codes"] == ["down"]
        text = ctl("show", "ill")
        assert tap.get("Warnings")[0] in text and "warning-codes" not in text
