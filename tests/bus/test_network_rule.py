# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rule of package vnicd-networks lets vnicd do with systemd's units, according to the real
polkitd."""

import os
import pathlib

import pytest
from gi.repository import GLib
from vnic.polkit import AUTHORITY, NAME, PATH
from vnic.process import ROOM

ACTION = "org.freedesktop.systemd1.manage-units"
UNIT = "vnicd-network@vnicbr0.service"
# As in systemd's own file: it requires an administrator's password.
POLICY = f"""<?xml version="1.0"?>
<!DOCTYPE policyconfig PUBLIC "-//freedesktop//DTD polkit Policy Configuration 1.0//EN"
  "http://www.freedesktop.org/software/polkit/policyconfig-1.dtd">
<policyconfig><action id="{ACTION}"><description>Manage units</description><message>Manage units</message>
<defaults><allow_any>auth_admin</allow_any><allow_inactive>auth_admin</allow_inactive>
<allow_active>auth_admin_keep</allow_active></defaults></action></policyconfig>
"""


@pytest.fixture
def rule(world):
    """The rule as it is installed, and the action that it decides."""
    policy = ROOM / "actions" / "org.freedesktop.systemd1.policy"
    policy.write_text(POLICY, encoding="ascii")
    policy.chmod(0o644)
    world.polkit.add_rule((pathlib.Path(os.environ["VNICD_SOURCE"]) / "networks" / "60-vnicd-networks.rules")
                          .read_text(encoding="ascii"), "60-vnicd-networks")
    world.polkit.restart()
    yield
    world.polkit.remove_rule("60-vnicd-networks")
    policy.unlink()
    world.polkit.restart()


def allowed(world, user, details, action=ACTION):
    """systemd asks this way: about the caller, with the unit and the verb."""
    with world.client(user) as caller:
        name = caller.connection.get_unique_name()
        answer = world.root.call(PATH, AUTHORITY, "CheckAuthorization", "(sa{sv})sa{ss}us",
                                 (("system-bus-name", {"name": GLib.Variant("s", name)}), action, details, 0, ""),
                                 destination=NAME)
    return answer[0][0]


def test_vnicd_may_start_stop_and_reload_the_service_of_a_network(world, rule):
    for verb in ("start", "stop", "reload"):
        for unit in (UNIT, "vnicd-network@a.service", "vnicd-network@lab-2-abcdefghi.service"):
            assert allowed(world, "vnicd", {"unit": unit, "verb": verb})


def test_vnicd_may_do_nothing_else_to_it(world, rule):
    for verb in ("restart", "reload-or-restart", "kill", "set-property", "reset-failed", "try-restart", "starts", ""):
        assert not allowed(world, "vnicd", {"unit": UNIT, "verb": verb})
    assert not allowed(world, "vnicd", {"unit": UNIT})
    assert not allowed(world, "vnicd", {"verb": "start"})
    assert not allowed(world, "vnicd", {})


@pytest.mark.parametrize("unit", ["sshd.service", "vnicd.service", "vnicd-network-forward@vnicbr0.service",
                                  "vnicd-network@.service", "vnicd-network@vnicbr0.socket",
                                  "vnicd-network@../x.service", "vnicd-network@1a.service",
                                  "vnicd-network@vnicbr0.service\nsshd.service",
                                  "sshd.service\nvnicd-network@vnicbr0.service",
                                  "xvnicd-network@vnicbr0.service", "vnicd-network@vnicbr0xservice",
                                  "vnicd-network@abcdefghijklmnop.service"])
def test_vnicd_may_touch_no_other_unit(world, rule, unit):
    assert not allowed(world, "vnicd", {"unit": unit, "verb": "start"})


def test_nobody_else_may_start_it(world, rule):
    for user in ("alice", "carol", "vnicd-network"):
        assert not allowed(world, user, {"unit": UNIT, "verb": "start"})


def test_no_other_action_comes_with_it(world, rule):
    assert not allowed(world, "vnicd", {"unit": UNIT, "verb": "start", "bridge": "ask0"},
                       "org.vnicd1.use-bridge")
