# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who gets a tap on a bridge of the host: a group by configuration, anybody else if an administrator
authenticates."""

import time

import system
from vnic.client import ACCESS_DENIED, MAY_ASK


def test_a_group_that_was_granted_a_bridge_gets_a_tap_without_a_question(carol, bridge):
    system.configure("[Group vm]\nAllowBridges=br0\n")
    system.restart()
    begin = time.time()
    with system.agent(carol, "dismiss") as agent, carol.create_tap(bridge, True) as tap:
        link = system.taps()[tap.interface]
        assert link["master"] == "br0" and "UP" in link["flags"] and "uid=1003" in link["ifalias"]
        assert agent.prompts == []
    (record,) = system.journal("VNICD_VERDICT=granted", since=begin)
    assert record["VNICD_UID"] == "1003" and record["VNICD_BRIDGE"] == "br0"
    assert record["VNICD_ACTION"] == "org.vnicd1.use-bridge" and record["_SYSTEMD_UNIT"] == "vnicd.service"


def test_without_the_grant_and_without_a_person_it_is_refused(alice, bridge):
    begin = time.time()
    assert alice.create_tap_error(bridge).name in (MAY_ASK, ACCESS_DENIED)
    (record,) = system.journal("VNICD_VERDICT=denied", since=begin)
    assert record["VNICD_UID"] == "1001" and record["VNICD_BRIDGE"] == "br0"


def test_without_the_grant_the_prompt_appears_and_yes_gives_a_tap(alice, bridge):
    with system.agent(alice, "accept") as agent:
        with alice.create_tap(bridge, interactive=True) as tap:
            assert system.taps()[tap.interface]["master"] == "br0"
        (prompt,) = agent.prompts
        assert prompt.action == "org.vnicd1.use-bridge" and "br0" in f"{prompt.message} {prompt.details}"


def test_and_no_gives_none(alice, bridge):
    with system.agent(alice, "dismiss") as agent:
        assert alice.create_tap_error(bridge, interactive=True).name == ACCESS_DENIED
        assert len(agent.prompts) == 1
    assert system.taps() == {}


def test_a_release_is_in_the_journal(carol, bridge):
    system.configure("[Group vm]\nAllowBridges=br0\n")
    system.restart()
    begin = time.time()
    with carol.create_tap(bridge) as tap:
        tap.release()
        (record,) = system.journal("VNICD_VERDICT=released", since=begin)
        assert record["VNICD_ENDPOINT"] == tap.interface
