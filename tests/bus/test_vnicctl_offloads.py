# SPDX-License-Identifier: LGPL-2.1-or-later
"""What vnicctl shows of offloads, against the real service: those of the host, those of a tap, and their
changes."""

import contextlib
import json
import re
import signal
import subprocess

import pytest
from vnic import kernel
from vnic.client import MANAGER, ROOT
from vnic.process import poll

ORDER = list(kernel.OFFLOADS)
SINCE = {"csum": "2.6.27", "tso4": "2.6.27", "tso6": "2.6.27", "tso-ecn": "2.6.27", "uso4": "6.2",
         "uso6": "6.2", "udp-tunnel-gso": "6.17", "udp-tunnel-gso-csum": "6.17"}


@pytest.fixture
def ctl(world):
    """ctl("list", …) as alice: (status, stdout, stderr)."""
    def run(*arguments):
        return world.output_as("alice", [world.tool("vnicctl"), *arguments])
    return run


@contextlib.contextmanager
def kept(world, *arguments):
    """The output of a `vnicctl create --json` that keeps its tap for the length of the `with`."""
    child = world.run_as("alice", [world.tool("vnicctl"), "create", "--json", *arguments],
                         stdin=subprocess.PIPE)
    try:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        yield json.loads(line)
    finally:
        child.stdin.close()
        child.wait(5)
        child.stdout.close()
        child.stderr.close()


def table(text):
    """The titles and, by feature, the further cells of the second block of text."""
    lines = text.split("\n\n")[1].splitlines()
    rows = [re.split(r" {2,}", line.strip()) for line in lines]
    return rows[0], {row[0]: row[1:] for row in rows[1:]}


def shown(ctl, tap):
    status, out, err = ctl("show", tap.interface)
    assert status == 0, err
    titles, rows = table(out)
    assert titles == ["FEATURE", "SUPPORTED", "ACTIVE", "MEANING"] and list(rows) == ORDER
    return out, rows


def test_capabilities_has_a_table_of_the_host_for_people(ctl, alice):
    status, out, _ = ctl("capabilities")
    supported = alice.get(ROOT, MANAGER, "OffloadsSupported")
    titles, rows = table(out)
    assert status == 0 and titles == ["FEATURE", "SUPPORTED", "SINCE", "BUYS"] and list(rows) == ORDER
    for name, (yes, since, buys) in rows.items():
        assert yes == ("yes" if name in supported else "no") and since == SINCE[name] and len(buys) > 10
    assert max(map(len, out.split("\n\n")[1].splitlines())) <= 100
    assert out.splitlines()[0].startswith("version ")


def test_capabilities_in_json_are_the_properties_and_nothing_else(ctl, alice):
    status, out, _ = ctl("capabilities", "--json")
    names = {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower() for name in alice.get_all(ROOT, MANAGER)}
    said = json.loads(out)
    assert status == 0 and set(said) == names
    assert said["vhost_net"] is alice.get(ROOT, MANAGER, "VhostNet")


def test_show_tells_what_is_off_and_what_that_means(ctl, alice, bridge):
    with alice.create_tap(bridge) as tap:
        kernel.set_offloads(tap.fds[0], "csum", "tso4", "tso6")
        assert poll(lambda: tap.get("OffloadsActive") == ["csum", "tso4", "tso6"], 2.0)
        out, rows = shown(ctl, tap)
        assert rows["csum"] == rows["tso4"] == rows["tso6"] == ["yes", "yes", "-"]
        assert rows["uso4"][:2] == ["yes", "no"] and "the guest has no UDP segmentation" in rows["uso4"][2]
        assert "has not turned anything on" not in out
        # The default header has no room for them, whatever the kernel can do.
        assert rows["udp-tunnel-gso"] == ["no", "no", "needs a virtio_net_hdr of 24 bytes"]
        said = json.loads(ctl("show", tap.interface, "--json")[1])
        assert said["offloads_active"] == ["csum", "tso4", "tso6"]


def test_show_tells_that_nothing_is_on(ctl, alice, bridge):
    with alice.create_tap(bridge, vnet_hdr_size=24) as tap:
        out, rows = shown(ctl, tap)
        supported = tap.get("OffloadsSupported")
        for name in ORDER:
            assert rows[name][:2] == ["yes" if name in supported else "no", "no"]
        assert out.endswith("\n\nNothing is on: the consumer has not turned anything on (yet).\n")


def test_show_tells_that_without_a_header_nothing_should_be_on(ctl, alice, bridge):
    with alice.create_tap(bridge, False) as tap:
        out, rows = shown(ctl, tap)
        assert set(map(tuple, rows.values())) == {("no", "no", "needs a virtio_net_hdr")}
        assert out.endswith("\n\nNothing is on, nor should be: the frames have no virtio_net_hdr.\n")
        assert json.loads(ctl("show", tap.interface, "--json")[1])["offloads_active"] == []


def test_show_does_not_hide_what_is_on_beyond_the_offer(ctl, alice, bridge):
    """A consumer may set a longer header, and then tunnels, by itself."""
    if "udp-tunnel-gso" not in alice.get(ROOT, MANAGER, "OffloadsSupported"):
        pytest.skip("the kernel has no UDP tunnel offload")
    with alice.create_tap(bridge) as tap:
        kernel.set_offloads(tap.fds[0], "csum", "tso4", "udp-tunnel-gso")
        assert poll(lambda: "udp-tunnel-gso" in tap.get("OffloadsActive"), 2.0)
        row = shown(ctl, tap)[1]["udp-tunnel-gso"]
        assert row == ["no", "yes", "more than was offered when the tap was made"]


def test_show_warns_of_offloads_without_a_header(ctl, alice, bridge):
    """The kernel lets a consumer do that, and gives it unfinished frames."""
    with alice.create_tap(bridge, False) as tap:
        kernel.set_offloads(tap.fds[0], "csum")
        assert poll(lambda: tap.get("OffloadsActive") == ["csum"], 2.0)
        rows = shown(ctl, tap)[1]
        assert rows["csum"] == ["no", "yes", "frames arrive unfinished, and nothing says so"]
        assert rows["tso4"] == ["no", "no", "needs a virtio_net_hdr"]


def on(ctl, said):
    return json.loads(ctl("show", said["interface"], "--json")[1])["offloads_active"]


@pytest.mark.parametrize("given,wanted", [("csum,tso4", ["csum", "tso4"]), ("tso6,csum", ["csum", "tso6"]),
                                          ("csum", ["csum"]), ("", [])])
def test_create_turns_on_what_it_is_told(world, ctl, bridge, given, wanted):
    with kept(world, "--bridge", bridge, "--offloads", given) as said:
        assert on(ctl, said) == wanted


def test_run_turns_on_what_it_is_told(world, ctl, bridge):
    command = f"{world.tool('vnicctl')} show --json {{ifname}}"
    status, out, err = ctl("run", "--bridge", bridge, "--offloads=csum,tso4,tso-ecn", "--",
                           "sh", "-c", command)
    assert status == 0, err
    assert json.loads(out)["offloads_active"] == ["csum", "tso4", "tso-ecn"]
    assert poll(lambda: not kernel.our_links(), 2.0)


@pytest.mark.parametrize("wanted,words,arguments", [
    (7, "needs csum", ["--offloads", "tso4"]), (7, "takes csum", ["--offloads", "csum,,tso4"]),
    (7, "takes csum", ["--offloads", "csum, tso4"]), (7, "twice", ["--offloads", "csum,csum"]),
    (7, "vnet_hdr", ["--no-vnet-hdr", "--offloads", "csum"]),
    (9, "vnet_hdr_size", ["--offloads", "csum,tso4,udp-tunnel-gso"]),
    (2, "missing", ["--offloads"]),
])
def test_a_wrong_list_is_refused_with_the_reason(ctl, bridge, wanted, words, arguments):
    status, out, err = ctl("create", "--bridge", bridge, *arguments)
    assert (status, out) == (wanted, "") and words in err, err
    assert kernel.our_links() == []


def test_the_help_has_the_option(ctl):
    for verb in ("create", "run"):
        assert re.search(r"^  --offloads LIST +\S", ctl(verb, "--help")[1], re.M)
    assert "--offloads" not in ctl("list", "--help")[1]


@pytest.fixture
def monitor(world):
    """monitor(…): the lines that a `vnicctl monitor …` of bob's prints from now on."""
    with contextlib.ExitStack() as stack:
        def begin(*arguments):
            child = stack.enter_context(world.run_as("bob", [world.tool("vnicctl"), "monitor", *arguments]))
            stack.callback(child.wait, 5)
            stack.callback(child.send_signal, signal.SIGINT)
            assert "watching" in child.stderr.readline()
            return child.stdout
        yield begin


def test_monitor_has_a_line_for_each_change(monitor, alice, bridge):
    lines, objects = monitor(), monitor("--json")
    with alice.create_tap(bridge) as tap:
        assert lines.readline().startswith(f"added    {tap.interface}")
        assert json.loads(objects.readline())["event"] == "added"
        for names in (["csum"], ["csum", "tso4"], []):
            kernel.set_offloads(tap.fds[0], *names)
            assert lines.readline() == f"changed  {tap.interface}  offloads_active={' '.join(names) or '-'}\n"
            event = json.loads(objects.readline())
            assert event["event"] == "changed" and event["offloads_active"] == names
