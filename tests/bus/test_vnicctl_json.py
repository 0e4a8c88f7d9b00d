# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/vnicctl-json.schema.json agrees with what vnicctl prints with --json."""

import json
import re
import shutil
import signal
import subprocess

import pytest
from vnic import LONG, kernel
from vnic.networks import LEASES, network

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")


def keys_of(schema, definition, value):
    """Keys in the value that the schema does not describe, at any depth; each a sentence."""
    while "$ref" in definition:
        definition = schema["definitions"][definition["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [said for part in value for said in keys_of(schema, definition.get("items", {}), part)]
    if not isinstance(value, dict):
        return []
    known = dict(definition.get("properties", {}))
    for part in definition.get("allOf", []):
        known |= schema["definitions"][part["$ref"].rpartition("/")[2]].get("properties", {})
    said = [f"{key} is not in the schema" for key in value if key not in known]
    return said + [more for key in value.keys() & known.keys()
                   for more in keys_of(schema, known[key], value[key])]


@pytest.fixture(scope="module")
def schema(world):
    with open(world.source / "docs" / "vnicctl-json.schema.json", encoding="utf-8") as file:
        read = json.load(file)
    jsonschema.Draft7Validator.check_schema(read)
    return read


@pytest.fixture
def fits(schema):
    """fits("list", value): it is valid, and every key is described."""
    def check(verb, value):
        part = {"definitions": schema["definitions"], "$ref": f"#/definitions/{verb}"}
        jsonschema.validate(value, part, cls=jsonschema.Draft7Validator)
        assert keys_of(schema, schema["definitions"][verb], value) == []
        return value
    return check


def test_every_verb_with_json_has_its_definition(world, schema):
    _, out, _ = world.output_as("alice", [world.tool("vnicctl"), "--help"])
    verbs = re.findall(r"^  ([a-z]+)  ", out.partition("Verbs:")[2], re.M)
    assert "doctor" in verbs
    for verb in verbs:
        has_json = "--json" in world.output_as("alice", [world.tool("vnicctl"), verb, "--help"])[1]
        assert has_json == (verb in schema["definitions"]), verb


def test_what_the_verbs_print_is_as_told(world, alice, bridges, fits):
    for name in ("yes0", "ask0", "no0"):
        bridges(name)

    def said(*words):
        status, out, err = world.output_as("alice", [world.tool("vnicctl"), *words, "--json"])
        assert err == "" and (status == 0 or words[0] == "doctor"), err
        return fits(words[0], json.loads(out))

    said("capabilities")
    assert len(said("bridges")) == 3
    for name in ("yes0", "ask0", "no0", "-"):
        said("explain", name)
    said("doctor")
    assert said("list") == []
    with alice.create_tap("yes0", True, True, queues=2, label="web", guest_mac="52:54:00:00:00:61") as tap, \
            alice.create_tap("yes0", False):
        assert len(said("list")) == 2
        said("show", tap.interface)
    if LONG:
        said("bench", "1")


def test_what_create_and_monitor_print_is_as_told(world, alice, bridge, fits):
    watching = world.run_as("alice", [world.tool("vnicctl"), "monitor", "--json"])
    assert watching.stderr.readline()
    keeping = world.run_as("alice", [world.tool("vnicctl"), "create", "--bridge", bridge, "--queues", "2", "--json"],
                           stdin=subprocess.PIPE)
    name = fits("create", json.loads(keeping.stdout.readline()))["interface"]
    keeping.communicate("")
    assert kernel.wait_gone(name)
    events = []
    while "removed" not in events:
        events.append(fits("monitor", json.loads(watching.stdout.readline()))["event"])
    assert events[0] == "added"
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=10)


def test_what_network_prints_is_as_told(world, root, alice, fits):
    with network(root, "yesnat", services=False) as net, alice.create_tap("yesnat"):
        LEASES.joinpath("yesnat").mkdir(parents=True)
        LEASES.joinpath("yesnat", "leases").write_text(
            "1795353600 52:54:00:12:34:56 10.90.7.40 web *\n0 1 fd12::1 * 00:04:01\n", encoding="ascii")
        try:
            for words in (["list"], ["show", "yesnat"], ["leases", "yesnat"]):
                status, out, err = world.output_as("alice", [world.tool("vnicctl"), "network", *words, "--json"])
                assert (status, err) == (0, ""), err
                assert fits(f"network-{words[0]}", json.loads(out))
        finally:
            shutil.rmtree(LEASES / "yesnat")
        assert net.get("Ports") == 1


def test_the_check_sees_a_key_that_is_not_told(schema):
    assert keys_of(schema, schema["definitions"]["list"], [{"colour": "red"}]) == ["colour is not in the schema"]
