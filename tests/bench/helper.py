#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much vnic-bridge-helper takes beyond the CreateTap call that it makes.

    sudo tests/lib/world --build build tests/bench/helper.py [--rounds N] [--check]

In turns, round by round: the bare call on a connection that stands, a start of /bin/true, and the helper as QEMU
starts it, until the queue is there and it has ended. --check: fails if the helper takes more than 5 ms longer than
the call and the start of a program together.
"""

import argparse
import os
import pathlib
import socket
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from vnic import kernel  # noqa: E402
from vnic.process import identity, variables  # noqa: E402
from vnic.world import World  # noqa: E402

LIMIT_MS = 5.0
WORDS = (("call", "CreateTap, bare"), ("start", "start of /bin/true"), ("helper", "vnic-bridge-helper"))
# More creations than these in 20 s the service refuses a user; the two users share the rounds.
ROUNDS_MAX = 90


def milliseconds(action):
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1e3


def start(argv, env, fds=()):
    """A child as bob that inherits these fds; by fork alone, as QEMU does it."""
    who = identity("bob")
    child = os.fork()
    if child == 0:
        os.setgroups(who["extra_groups"])
        os.setgid(who["group"])
        os.setuid(who["user"])
        for fd in fds:
            os.set_inheritable(fd, True)
        os.execve(argv[0], argv, env)
    return child


def run_helper(program, env):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        child = start([program, "--use-vnet", f"--fd={theirs.fileno()}", "--br=yes0"], env, [theirs.fileno()])
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        _, status = os.waitpid(child, 0)
    if status != 0 or len(fds) != 1:
        sys.exit(f"the helper ended with {status}")
    return fds[0]


def measure(rounds):
    with World() as world, kernel.bridge("yes0", mac="02:00:00:00:00:01"), world.client("alice") as alice:
        env = variables("bob", world.bus.address)
        program = str(world.tool("vnic-bridge-helper"))
        kept = []
        actions = {"call": lambda: kept.append(alice.create_tap("yes0")),
                   "start": lambda: os.waitpid(start(["/bin/true"], env), 0),
                   "helper": lambda: kept.append(run_helper(program, env))}
        samples = {name: [] for name in actions}
        for _ in range(rounds):
            for name, action in actions.items():
                samples[name].append(milliseconds(action))
            # The last close of a tap sleeps: it is not what is measured.
            os.close(kept.pop())
            kept.pop().close()
        return {name: statistics.median(values) for name, values in samples.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS_MAX)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    result = measure(min(arguments.rounds, ROUNDS_MAX))

    print(f"{f'median of {min(arguments.rounds, ROUNDS_MAX)} rounds':<28}{'ms':>8}")
    for key, words in WORDS:
        print(f"{words:<28}{result[key]:>8.2f}")
    more = result["helper"] - result["call"] - result["start"]
    print(f"{'helper beyond the two':<28}{more:>8.2f}")
    print(f"{'helper / the two':<28}{result['helper'] / (result['call'] + result['start']):>8.2f}")
    if arguments.check and more > LIMIT_MS:
        sys.exit(f"The helper takes {more:.1f} ms more than a call and a start; {LIMIT_MS} are the most.")


if __name__ == "__main__":
    main()
