# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the demonstration looks: numbered steps, the command that is typed, its output. This file knows nothing
of what is demonstrated."""

import os
import shlex
import signal
import subprocess
import sys
import textwrap

WIDTH = 100
INDENT = "   "


class Failed(Exception):
    """A step did not show what it should; the text is for users."""


def _bold(text):
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return text if plain else f"\033[1m{text}\033[0m"


def _fold(text, width=WIDTH, **how):
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False, **how)


def output(lines):
    """Print a program's output unchanged."""
    for line in lines:
        print(f"{INDENT}{line}".rstrip(), flush=True)


def say(text):
    """Print a sentence that explains what is shown."""
    print()
    output(_fold(text))


def _word(text):
    """As it would be typed: {fds} needs no quotes, a word with a space does."""
    return text if text and not set(text) & set(" \t'\"\\$*?|&;<>()") else shlex.quote(text)


def _typed(argv):
    """A command as text. An option and its value are joined by \0 instead of a space."""
    text = ""
    before = ""
    for word in argv:
        together = before.startswith("-") and not word.startswith("-")
        text += ("\0" if together else " " if text else "") + _word(word).replace(" ", "\0")
        before = word
    return text


def prompt(user, command):
    """Print what is typed (a line, or a list of words), folded if it is long."""
    sign = "#" if user in ("root", "guest") else "$"
    typed = command.replace(" ", "\0") if isinstance(command, str) else _typed(command)
    lines = _fold(f"{user}{sign}\0{typed}", WIDTH - 2, subsequent_indent="    ")
    print()
    output([_bold(line.replace("\0", " ") + (" \\" if line is not lines[-1] else "")) for line in lines])


class Stage:
    """The steps, and the users who type. `env` is added to the environment of an ordinary login."""

    def __init__(self, world, env, first, deadline=150):
        self.world = world
        self.env = env
        self.number = first - 1
        signal.signal(signal.SIGALRM, self._late)
        signal.alarm(deadline)

    def _late(self, _number, _frame):
        raise Failed("the demonstration takes too long")

    def step(self, title):
        self.number += 1
        print("\n" + _bold(f"{self.number}. {title}"), flush=True)

    def start(self, user, argv):
        """Start a program that keeps running; its lines are read with `hear`."""
        prompt(user, argv)
        return self.world.run_as(user, argv, env=self.env, stdin=subprocess.PIPE, stderr=subprocess.STDOUT)

    def type(self, user, argv, status=0, typed=None):
        """Run a program until it exits and show its output; an exit status other than `status` is a failure."""
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
        """Run a line in the shell."""
        return self.type(user, ["sh", "-c", line], typed=line)


def hear(program, count=1):
    """Show and return the next lines of a program that was started."""
    lines = []
    for _ in range(count):
        line = program.stdout.readline()
        if not line:
            raise Failed("the program ended early: " + " ".join(lines or ["it printed nothing"]))
        lines.append(line.rstrip("\n"))
        output(lines[-1:])
    return lines


def expect(holds, otherwise):
    if not holds:
        raise Failed(otherwise)
