# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnicctl libvirt: the networks of a user's libvirt session follow the bridges that they may use, and theirs stay."""

import contextlib
import os

import pytest
from vnic import kernel, libvirt
from vnic.networks import network
from vnic.process import ROOM

pytestmark = [
    pytest.mark.deadline(120),
    pytest.mark.skipif(not libvirt.is_installed(), reason="libvirt is not installed"),
]

OWN = "<network><name>{name}</name><forward mode='bridge'/><bridge name='{bridge}'/></network>"


@pytest.fixture
def session(world):
    with contextlib.closing(libvirt.Session(world)) as opened:
        yield opened


def synchronised(session):
    status, out, err = session.vnicctl("sync")
    assert (status, err) == (0, "")
    return sorted(out.splitlines())


def test_each_bridge_that_the_user_may_use_becomes_a_network(session, bridges, root):
    for name in ("yes0", "ask0", "no0", "yes.1+a@b_c-d", "yes01", "yes10"):
        bridges(name)
    with network(root, "yeslab", "isolated", services=False):
        made = ["ask0", "yes.1+a@b_c-d", "yes0", "yes01", "yes10", "yeslab"]
        assert synchronised(session) == [f"defined {name}" for name in made]
        assert session.networks("--all") == session.networks("--autostart") == session.networks() == made
        assert session.networks("--inactive") == []
        for name in made:
            definition = session.network(name)
            assert definition.find("forward").get("mode") == "bridge"
            assert definition.find("bridge").get("name") == name
        before = [session.virsh("net-dumpxml", name) for name in made]
        assert synchronised(session) == []
        assert [session.virsh("net-dumpxml", name) for name in made] == before


def test_what_may_be_used_no_longer_is_removed(session, world, bridges):
    bridges("yes0")
    bridges("yes1")
    kernel.make_bridge("yes2")
    synchronised(session)
    kernel.del_link("yes2")
    world.polkit.add_rule("polkit.addRule(function (action) { if (action.lookup('bridge') == 'yes1') "
                          "{ return polkit.Result.NO; } });")
    try:
        assert synchronised(session) == ["removed yes1", "removed yes2"]
    finally:
        world.polkit.remove_rule()
    assert session.networks() == ["yes0"]
    assert synchronised(session) == ["defined yes1"]


def test_networks_of_the_user_are_left_alone(session, bridges):
    """Also one with the name of a bridge, one on such a bridge, and what they have changed in one of ours."""
    bridges("yes0")
    bridges("yes1")
    session.define_network(OWN.format(name="yes0", bridge="elsewhere"))
    session.define_network(OWN.format(name="mine", bridge="yes1"))
    theirs = [session.virsh("net-dumpxml", name) for name in ("yes0", "mine")]
    status, out, err = session.vnicctl("sync")
    assert (status, out) == (8, "defined yes1\n") and "'yes0' of your own" in err, err

    ours = session.virsh("net-dumpxml", "yes1")[1].replace("</name>", "</name><metadata><a:b xmlns:a='x'/></metadata>")
    session.define_network(ours)
    status, out, _ = session.vnicctl("sync")
    assert (status, out) == (8, "") and "<a:b" in session.virsh("net-dumpxml", "--inactive", "yes1")[1]

    assert session.vnicctl("remove") == (0, "removed yes1\n", "")
    assert session.networks() == ["mine", "yes0"]
    assert [session.virsh("net-dumpxml", name) for name in ("yes0", "mine")] == theirs


def test_while_polkit_does_not_answer_nothing_is_removed(session, world, bridges):
    """A bridge that has really gone is kept too, until polkit answers again."""
    bridges("yes0")
    kernel.make_bridge("yes1")
    synchronised(session)
    kernel.del_link("yes1")
    with world.polkit_as("none"):
        status, out, err = session.vnicctl("sync")
        assert (status, out) == (11, "") and "no network was removed" in err, err
    assert session.networks() == ["yes0", "yes1"]
    assert synchronised(session) == ["removed yes1"]


def test_a_denial_by_the_configuration_needs_no_polkit(session, world, bridges, alice):
    bridges("yes0")
    synchronised(session)
    world.configure("[User alice]\nDenyBridges=yes0\n")
    world.reload()
    try:
        with world.polkit_as("none"):
            assert alice.list_bridges()["yes0"]["polkit_answered"]
            assert synchronised(session) == ["removed yes0"]
    finally:
        world.configure()
        world.reload()


@pytest.mark.restarts
def test_without_the_service_nothing_changes_and_remove_works(session, world, bridges):
    bridges("yes0")
    synchronised(session)
    world.stop_service()
    try:
        status, out, err = session.vnicctl("sync")
        assert (status, out) == (11, "") and err
        assert session.networks() == ["yes0"]
        assert session.vnicctl("remove") == (0, "removed yes0\n", "")
        assert session.networks() == []
        assert session.vnicctl("remove") == (0, "", "")
    finally:
        world.start_service()


def test_an_interrupted_run_is_completed(session, bridges):
    bridges("yes0")
    synchronised(session)
    for verb in (["net-destroy", "yes0"], ["net-autostart", "yes0", "--disable"]):
        assert session.virsh(*verb)[0] == 0
    assert synchronised(session) == []
    assert session.networks("--autostart") == ["yes0"] and session.networks("--inactive") == []
    assert session.virsh("net-destroy", "yes0")[0] == 0
    assert session.vnicctl("remove") == (0, "removed yes0\n", "")
    assert session.networks("--all") == []


def test_virsh_may_be_missing_or_fail(world, bridges):
    bridges("yes0")
    for folder, wanted, words in (("/nonexistent", 9, "libvirt-clients"), (os.environ["PATH"], 1, "virsh failed")):
        for verb in ("sync", "remove"):
            # There is no libvirt session where no runtime directory can be made.
            status, out, err = world.output_as("alice", [world.tool("vnicctl"), "libvirt", verb], timeout=40, env={
                "PATH": folder, "XDG_RUNTIME_DIR": "/proc/nowhere", "HOME": "/proc/nowhere"})
            assert (status, out) == (wanted, "") and words in err and "list the networks" in err, err


def test_virsh_that_never_stops_printing_is_not_waited_for(world):
    program = ROOM / "home" / "alice" / "virsh"
    program.write_text("#!/bin/sh\nexec yes\n")
    program.chmod(0o755)
    try:
        status, out, err = world.output_as("alice", [world.tool("vnicctl"), "libvirt", "remove"], timeout=40, env={
            "PATH": f"{program.parent}:{os.environ['PATH']}"})
    finally:
        program.unlink()
    assert (status, out) == (1, "") and "what virsh prints" in err, err


@pytest.mark.parametrize("words", [[], ["list"], ["sync", "yes0"], ["--remove"]])
def test_wrong_words_are_refused(world, words):
    status, out, err = world.output_as("alice", [world.tool("vnicctl"), "libvirt", *words])
    assert (status, out) == (2, "") and "vnicctl libvirt" in err
