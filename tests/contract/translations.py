#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the clients say to people can be said in every language of po/LINGUAS, and is: no sentence in their
sources is unmarked, and no catalogue lacks one."""

import gettext
import re
import shutil
import subprocess
import sys
import tempfile

from tap import SKIPPED, Report, c_files, source, without_comments

LITERAL = r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*'
MARKED = re.compile(rf"(?<!\w)(?:N?_|ngettext)\(\s*{LITERAL}(?:,\s*{LITERAL})?")
WORDS = re.compile(r"[A-Za-z]{2}[,:;.]? [A-Za-z]")
# A single word counts where it is printed by itself.
PRINTED = re.compile(rf"\b(?:puts|printf|fputs|fprintf|complain|findings_add|leave_out)\((?:std\w+, |STATUS_\w+,\s*)?({LITERAL})")
CONVERSION = re.compile(r"%[-*.0-9]*(?:ll|z)?[a-zA-Z]")

# What programs read, by file: patterns of whole literals.
FOR_PROGRAMS = {
    "client-cli/bridge-helper.c": [r"vnic-bridge-helper .*"],
    "client-cli/checks-networks.c": [r"resolvectl .*"],
    "client-cli/connection.c": [r"Rejected send message", r"Sender is not authorized to send"],  # of the bus
    "client-cli/main.c": [r"vnicctl .*"],
    "client-cli/verb-explain.c": [r"polkit\.addRule.*"],
    "client-cli/verb-monitor.c": [r"watching "],  # scripts wait for it
    "client-cli/verb-libvirt.c": [r"<network>.*"],
    # A configuration, which may be read on other hosts.
    "client-cli/verb-import.c": [r"# .*", r"\\n# .*", r"\[%s\]\\n\w+=%\w\\n", r"\[%s\]\\n%s=%s\\n", r"Queues=%d\\n"],
}


def literals(text, pattern):
    """(line, literal) of what the pattern finds, its parts joined."""
    for match in re.finditer(pattern, text):
        found = match.group(match.lastindex or 0)
        yield text.count("\n", 0, match.start()) + 1, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found))


def unmarked(root, path):
    """Sentences that nobody could translate."""
    name = str(path.relative_to(root))
    text = re.sub(r"^[ \t]*#include.*$", "", without_comments(path.read_text(encoding="utf-8")), flags=re.M)
    text = MARKED.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    found = {entry for entry in literals(text, LITERAL) if WORDS.search(entry[1])}
    found |= {entry for entry in literals(text, PRINTED)
              if re.search(r"[A-Za-z]{2}", re.sub(r"\\.", "", CONVERSION.sub("", entry[1])))}
    return [f"{name}:{line}: {literal}" for line, literal in sorted(found)
            if not any(re.fullmatch(pattern, literal, re.DOTALL) for pattern in FOR_PROGRAMS.get(name, []))]


def check_sources(root, report):
    sources = c_files(root, "client-cli")
    complaints = [complaint for path in sources for complaint in unmarked(root, path)]
    report.case("every sentence of the clients is marked", complaints if sources else ["there are no clients"])
    texts = {str(path.relative_to(root)): without_comments(path.read_text(encoding="utf-8")) for path in sources}
    report.case("the reason for complain_errno() is a whole sentence", [
        f"{name}: {literal}" for name, text in texts.items()
        for _, literal in literals(text, rf"complain_errno\((?:[^(),]|\([^()]*\))*,\s*(?:_\()?({LITERAL})")
        if not literal.startswith("Cannot ")])
    listed = (root / "po" / "POTFILES").read_text(encoding="utf-8").split("\n")[1:-1]
    wanted = [name for name, text in texts.items() if MARKED.search(text)] + \
        ["common/network-fields.h", "polkit/org.vnicd1.policy"]
    report.case("po/POTFILES has every file with messages, and no other",
                sorted(set(listed) ^ set(wanted)) + [name for name in set(listed) if listed.count(name) > 1])


def tool(root, *command):
    """What a tool of gettext has to complain of."""
    done = subprocess.run(command, cwd=root, text=True, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin", "GETTEXTDATADIRS": str(root / "po")})
    return done.stderr.splitlines() if done.returncode or "warning" in done.stderr else []


def read_catalogue(binary):
    """(message, translation) of each that is not plural."""
    with open(binary, "rb") as file:
        messages = gettext.GNUTranslations(file)._catalog  # pylint: disable=protected-access
    return [pair for pair in messages.items() if isinstance(pair[0], str)]


def too_wide(messages):
    """Lines of help that do not fit a terminal, where those in English do. The columns of one line are the program's."""
    return [line for message, translation in messages
            if "\n" in message and max(map(len, message.split("\n"))) <= 80
            for line in translation.split("\n") if len(line) > 80]


def without_details(messages):
    """Translations without what polkit fills in: nobody is to authenticate for a bridge that they are not told."""
    return [translation for message, translation in messages
            if sorted(re.findall(r"\$\(\w+\)", message)) != sorted(re.findall(r"\$\(\w+\)", translation))]


def check_catalogues(root, report, folder):
    options = re.findall(r"'(--[^']+)'", (root / "po" / "meson.build").read_text(encoding="utf-8"))
    template = f"{folder}/vnicd.pot"
    report.case("the messages can be collected", tool(
        root, "xgettext", *options, "--files-from=po/POTFILES", "--output", template))
    languages = (root / "po" / "LINGUAS").read_text(encoding="utf-8").split("\n")[1:]
    for language in filter(None, languages):
        catalogue, binary = f"po/{language}.po", f"{folder}/{language}.mo"
        report.case(f"{language}: formats and headers are right",
                    tool(root, "msgfmt", "--check", "--output-file", binary, catalogue))
        report.case(f"{language}: nothing is untranslated, doubtful or left over",
                    tool(root, "msgcmp", catalogue, template) +
                    re.findall(r"^#~ msgid.*", (root / catalogue).read_text(encoding="utf-8"), re.M))
        messages = read_catalogue(binary)
        report.case(f"{language}: help fits 80 columns", too_wide(messages))
        report.case(f"{language}: polkit fills in what it does in English", without_details(messages))
    catalogues = {path.stem for path in (root / "po").glob("*.po")}
    report.case("po/LINGUAS has every language", sorted(catalogues ^ set(filter(None, languages))))


def main():
    if not all(map(shutil.which, ("xgettext", "msgfmt", "msgcmp"))):
        print("1..0 # SKIP gettext is missing")
        sys.exit(SKIPPED)
    root, report = source(), Report()
    check_sources(root, report)
    with tempfile.TemporaryDirectory() as folder:
        check_catalogues(root, report, folder)
    sys.exit(report.done())


if __name__ == "__main__":
    main()
