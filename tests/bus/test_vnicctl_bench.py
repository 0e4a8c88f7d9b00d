# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnicctl bench: what it prints, for whom, and that it leaves nothing behind. This tests mechanisms, not
speeds."""

import json
import os
import pathlib
import re

import pytest
from vnic import kernel

TUN = "/dev/net/tun"
SECONDS = ("1",)


@pytest.fixture
def bench(world):
    """bench("--json", …) as alice: (status, stdout, stderr)."""
    def run(*arguments, **options):
        return world.output_as("alice", [world.tool("vnicctl"), "bench", *arguments], **options)
    return run


def processes():
    """The pids of all vnicctl in this pid namespace."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name = (entry / "comm").read_text().strip()
        except OSError:
            continue
        if name == "vnicctl":
            found.append(int(entry.name))
    return found


@pytest.fixture
def nothing_left():
    links = set(kernel.links())
    yield
    assert set(kernel.links()) == links
    assert processes() == []


@pytest.mark.once
def test_offloads_need_fewer_calls_for_the_same_bytes(bench, nothing_left):
    status, out, err = bench("--json", *SECONDS)
    assert (status, err) == (0, "")
    said = json.loads(out)
    modes = said["modes"]
    assert said["seconds"] == 1
    assert [mode["mode"] for mode in modes] == ["plain", "header", "offloads"]
    assert all(mode[key] > 0 for mode in modes for key in ("gbit_per_s", "syscalls_per_gb"))
    calls = {mode["mode"]: mode["syscalls_per_gb"] for mode in modes}
    assert calls["offloads"] < calls["plain"] / 2
    # Without offloads every frame carries at most 1448 bytes, and is read once and written once.
    assert min(calls["plain"], calls["header"]) > 2e9 / 1460
    assert said["speedup"] == pytest.approx(modes[2]["gbit_per_s"] / modes[0]["gbit_per_s"])
    assert said["fewer_calls"] == pytest.approx(calls["plain"] / calls["offloads"])


@pytest.mark.once
def test_people_get_a_table_bars_and_a_sentence(bench, nothing_left):
    # It does not use the bus.
    status, out, err = bench(*SECONDS, env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    assert (status, err) == (0, "")
    table, bars, sentence = out.rstrip().split("\n\n")
    assert table.splitlines()[0].split() == ["MODE", "GBIT/S", "CALLS/GB", "×PLAIN"]
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["plain", "header", "offloads"]
    assert max(line.count("#") for line in bars.splitlines()) == 40
    assert re.search(r"times fewer\s+system calls\.$", sentence)


@pytest.mark.parametrize("seconds", ["0", "11", "x"])
def test_the_seconds_have_a_range(bench, seconds):
    status, out, err = bench(*SECONDS[:-1], seconds)
    assert (status, out) == (2, "") and err.startswith("vnicctl: ")


def test_where_taps_are_not_for_everybody_it_says_so(bench, nothing_left):
    mode = os.stat(TUN).st_mode & 0o7777
    os.chmod(TUN, 0o600)
    try:
        status, out, err = bench(*SECONDS)
    finally:
        os.chmod(TUN, mode)
    assert (status, out) == (9, "") and "/dev/net/tun" in err and err.rstrip().endswith(".")


def test_where_there_are_no_user_namespaces_it_says_so(world, nothing_left):
    # It runs in a user namespace whose own limit is 0, which applies to nobody else.
    script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    status, out, err = world.output_as("alice", ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh",
                                                 world.tool("vnicctl"), "bench", *SECONDS])
    assert (status, out) == (9, "") and "user namespace" in err and err.rstrip().endswith(".")


def test_bench_has_help(bench):
    status, out, _ = bench("--help")
    assert status == 0 and out.startswith("Usage: vnicctl bench")
