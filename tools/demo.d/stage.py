# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the demonstration looks: numbered steps, the command that is typed, what it prints. Knows nothing of
what is shown."""

import os
import shlex
import signal
import subprocess
import sys
import textwrap

WIDTH = 100
INDENT = "   "


class Failed(Exception):
    """A step did not show what it should; the text is for people."""


def _bold(text):
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return text if plain else f"\033[1m{text}\033[0m"


def _fold(text, width=WIDTH, **how):
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False, **how)


def output(lines):
    """What a program says, as it says it."""
    for line in lines:
        print(f"{INDENT}{line}".rstrip(), flush=True)


def say(text):
    """A sentence of ours about what is seen."""
    print()
    output(_fold(text))


def _word(text):
    """As it would be typed: {fds} needs no quotes, a word with a space does."""
    return text if text and not set(text) & set(" \t'\"\\$*?|&;<>()") else shlex.quote(text)


def _typed(argv):
    """A command as text. What belongs together, an option and its value, has \0 in place of a space."""
    text = ""
    before = ""
    for word in argv:
        together = before.startswith("-") and not word.startswith("-")
        text += ("\0" if together else " " if text else "") + _word(word).replace(" ", "\0")
        before = word
    return text


def prompt(user, command):
    """What is typed (a line, or a list of words), folded where it is long."""
    sign = "#" if user in ("root", "guest") else "$"
    typed = command.replace(" ", "\0") if isinstance(command, str) else _typed(command)
    lines = _fold(f"{user}{sign}\0{typed}", WIDTH - 2, subsequent_indent="    ")
    print()
    output([_bold(line.replace("\0", " ") + (" \\" if line is not lines[-1] else "")) for line in lines])


class Stage:
    """The steps, and the users who type. `env` is what their programs find besides an ordinary login."""

    def __init__(self, world, env, first, deadline=150):
        self.world = world
        self.env = env
        self.number = first - 1
        signal.signal(signal.SIGALRM, self._late)
        signal.alarm(deadline)

    def _late(self, _number, _frame):
        raise Failed("it takes too long")

    def step(self, title):
        self.number += 1
        print("\n" + _bold(f"{self.number}. {title}"), flush=True)

    def start(self, user, argv):
        """A program that goes on; its lines are read with `hear`."""
        prompt(user, argv)
        return self.world.run_as(user, argv, env=self.env, stdin=subprocess.PIPE, stderr=subprocess.STDOUT)

    def type(self, user, argv, status=0, typed=None):
        """A program that ends: its output is shown; another exit status than `status` is a failure."""
        prompt(user, typed or argv)
        got, out, err = self.world.output_as(user, argv, env=self.env)
        lines = (out + err).splitlines()
        output(lines)
        if status:
            output([f"(exit status {got})"])
        if got != status:
            raise Failed(f"the exit status was {got}, not {status}")
        return lines

    def shell(self, user, line):
        """A line for the shell."""
        return self.type(user, ["sh", "-c", line], typed=line)


def hear(program, count=1):
    """The next lines of a program that was started; shown and returned."""
    lines = []
    for _ in range(count):
        line = program.stdout.readline()
        if not line:
            raise Failed("the program ended early: " + " ".join(lines or ["it said nothing"]))
        lines.append(line.rstrip("\n"))
        output(lines[-1:])
    return lines


def expect(holds, otherwise):
    if not holds:
        raise Failed(otherwise)
