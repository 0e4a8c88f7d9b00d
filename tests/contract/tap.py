# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the contract tests share: where the source is, which files count, and TAP.

Each test is given the source directory as its only argument; a copy that was broken on purpose shows
that the test can fail.
"""

import pathlib
import re
import subprocess
import sys

SKIPPED = 77


def source():
    """The root of the source: the argument, or where this file lies."""
    if len(sys.argv) > 1:
        return pathlib.Path(sys.argv[1]).resolve()
    return pathlib.Path(__file__).resolve().parents[2]


def c_files(root, *folders):
    """The .c and .h files below the folders, sorted."""
    return sorted(
        path
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.suffix in (".c", ".h") and path.is_file()
    )


def without_comments(text):
    """C text with comments blanked; lines stay where they are."""

    def blank(match):
        word = match.group(0)
        return word if word[0] in "\"'" else re.sub(r"[^\n]", " ", word)

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.DOTALL)


def tracked_files(root):
    """What git tracks; all files where there is no git, but nothing that is built or hidden."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True,
                             check=False)
    if listing.returncode == 0 and (root / ".git").exists():
        names = [name for name in listing.stdout.decode().split("\0") if name]
        return sorted(path for path in map(root.joinpath, names) if path.is_file())
    return sorted(
        path
        for path in root.rglob("*")
        if path.is_file()
        and not any(part.startswith(("build", "__pycache__")) or part == ".git"
                    for part in path.relative_to(root).parts)
    )


class Report:
    """Prints one line per case and remembers whether any failed."""

    def __init__(self):
        self.cases = 0
        self.failed = 0

    def case(self, name, complaints):
        """One case: fails if there are complaints, which are printed below it."""
        self.cases += 1
        self.failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {self.cases} - {name}")
        for complaint in complaints:
            print(f"# {complaint}")

    def done(self):
        """The exit status. No case at all is a failure: a test that looks at nothing proves nothing."""
        if self.cases == 0:
            self.case("there is something to look at", ["there was nothing"])
        print(f"1..{self.cases}")
        return 1 if self.failed else 0
