# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether the service of a network runs: systemd's report about its unit becomes the network's warning, as
long as it lasts."""

import pytest
from vnic.client import Client
from vnic.networks import CONFIGURATIONS, network
from vnic.process import poll
from vnic.systemd import FakeSystemd, unit_changed

UNIT = "vnicd-network@yesnet.service"


@pytest.fixture
def systemd(world):
    with FakeSystemd(world) as fake:
        yield fake


def about_service(net):
    return [sentence for sentence in net.get("Warnings") if UNIT in sentence]


@pytest.mark.parametrize("state", [("failed", "failed"), ("activating", "auto-restart"), ("inactive", "dead")])
def test_a_service_that_ends_is_a_warning_until_it_runs_again(root, systemd, state):
    with network(root, "yesnet", services=False) as net:
        systemd.wait_for_job().end("done")
        assert poll(lambda: not about_service(net), 5), net.get("Warnings")
        signals = root.subscribe("org.freedesktop.DBus.Properties")
        systemd.client.send(unit_changed(UNIT, *state))
        assert poll(lambda: about_service(net), 5)
        assert "journalctl" in about_service(net)[0]
        signals.wait_for(lambda path, _interface, _member, values: path == net.path and "Warnings" in str(values))
        # While it changes state it is neither.
        systemd.client.send(unit_changed(UNIT, "activating", "start"))
        systemd.client.send(unit_changed("vnicd-network@yesother.service", "active", "running"))
        root.get(net.path, "org.vnicd1.Network", "Name")
        assert about_service(net)
        systemd.client.send(unit_changed(UNIT, "active", "running"))
        assert poll(lambda: not about_service(net), 5)


def test_a_service_that_could_not_be_started_is_no_warning_once_it_runs(root, systemd):
    with network(root, "yesnet", services=False) as net:
        systemd.wait_for_job().end("failed")
        assert poll(lambda: about_service(net), 5)
        systemd.client.send(unit_changed(UNIT, "active", "running"))
        assert poll(lambda: not about_service(net), 5)


def test_a_service_that_is_being_started_is_no_warning_before_the_outcome(world, root, systemd):
    """It is inactive until its turn comes, such as when it is still ending for the network before."""
    with network(root, "yesnet", services=False) as net:
        start, before = systemd.wait_for_job(), world.service.output().count("does not run")
        systemd.client.send(unit_changed(UNIT, "inactive", "dead"))
        start.end("done")
        systemd.client.send(unit_changed(UNIT, "active", "running"))
        systemd.client.send(unit_changed(UNIT, "failed", "failed"))
        assert poll(lambda: about_service(net), 5)
        assert world.service.output().count("does not run") == before + 1


def test_what_its_service_is_told_is_for_the_services_user(world, root, systemd):
    """This holds whatever UMask= vnicd's unit has: the service runs as another user, and reads the file with
    its own rights."""
    with network(root, "yesnet", services=False):
        systemd.wait_for_job()
        status, told, complaint = world.output_as("vnicd-network", ["cat", CONFIGURATIONS / "yesnet.conf"])
        assert status == 0 and "interface=yesnet" in told.splitlines(), complaint


def test_nobody_but_systemd_is_believed(world, root, alice, systemd):
    with network(root, "yesnet", services=False) as net:
        systemd.wait_for_job().end("done")
        with Client(world, "bob") as stranger:
            stranger.send(unit_changed(UNIT, "failed", "failed"))
            stranger.get(net.path, "org.vnicd1.Network", "Name")
        assert not about_service(net)
