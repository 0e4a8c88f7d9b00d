# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnicctl, the bridge helper and polkit in German, with the catalogues of this build in the place of the host's."""

import re
import subprocess

import pytest
from vnic import kernel
from vnic.process import ROOM

LOCALES = ROOM / "locales"
POLKIT = "org.freedesktop.PolicyKit1"


@pytest.fixture(scope="module", name="german_locales")
def make_german_locales():
    """Most hosts have few locales, and a catalogue is read in none that is "C" or "C.UTF-8"."""
    LOCALES.mkdir()
    for name in ("de_DE.UTF-8", "de_DE.ISO-8859-1", "tr_TR.UTF-8"):
        language, charset = name.split(".")
        subprocess.run(["localedef", "-i", language, "-f", charset, LOCALES / name], check=True, timeout=60)


@pytest.fixture
def german(world, german_locales):
    """german("vnicctl", …) as alice, whose language that is: (status, stdout, stderr)."""
    def run(tool, *arguments, locale="de_DE.UTF-8", **others):
        return world.output_as("alice", [world.tool(tool), *arguments], encoding="utf-8",
                               env={"LANG": locale, "LOCPATH": str(LOCALES), **others})

    kernel.run("mount", "--bind", str(world.build / "po"), "/usr/share/locale")
    yield run
    kernel.run("umount", "/usr/share/locale")


def test_the_help_of_every_verb_is_german(german, world):
    status, out, err = german("vnicctl", "--help")
    assert (status, err) == (0, "") and out.startswith("Aufruf: vnicctl VERB") and "Exit-Status:" in out
    verbs = re.findall(r"^  ([a-z]+) ", out, re.M)
    assert len(verbs) > 12
    for verb in verbs:
        english = world.output_as("alice", [world.tool("vnicctl"), verb, "--help"])[1]
        status, out, err = german("vnicctl", verb, "--help")
        assert (status, err) == (0, "") and re.match(rf"Aufruf: vnicctl {verb} .*\n\n[A-Z].*\.\n\nOptionen:\n", out)
        # The options are what they are; what they mean is translated.
        before, after = (dict(re.findall(r"^  (--\S+)(.*)", text, re.M)) for text in (english, out))
        assert before.keys() == after.keys() and not [option for option in before if before[option] == after[option]]


@pytest.mark.parametrize("locale", ["de_DE.UTF-8", "de_DE.ISO-8859-1"])
def test_errors_are_german_and_no_letter_of_them_is_lost(german, locale):
    assert german("vnicctl", "fly", locale=locale) == (
        2, "", "vnicctl: Es gibt kein Verb „fly“; siehe vnicctl --help.\n")
    status, out, err = german("vnicctl", "list", locale=locale, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/run/none")
    assert (status, out) == (11, "") and err.startswith("vnicctl: Es kann keine Verbindung zum Systembus")
    assert "für den" in err and "?" not in err


def test_the_bridge_helper_is_german(german):
    assert "Umgebungsvariablen" in german("vnic-bridge-helper", "--help")[1]
    assert german("vnic-bridge-helper") == (1, "", "vnic-bridge-helper: --br=NAME fehlt: Welche Bridge?\n")


def test_what_the_service_says_is_told_as_it_is(german, world):
    english = world.output_as("alice", [world.tool("vnicctl"), "show", "nobody"])
    assert german("vnicctl", "show", "nobody") == english and english[0] == 5


@pytest.mark.parametrize("arguments", [("doctor", "--json"), ("capabilities", "--json"), ("bridges", "--json"), ("list",),
                                       ("show", "web", "--json"), ("network", "list")])
def test_what_programs_read_is_the_same_in_every_language(german, world, alice, bridge, arguments):
    with alice.create_tap(bridge, label="web"):
        english = world.output_as("alice", [world.tool("vnicctl"), *arguments])
        assert german("vnicctl", *arguments) == english and english[1]
        assert german("vnicctl", *arguments, locale="tr_TR.UTF-8") == english


def test_what_is_behind_a_bridge_is_said_in_german(german, world, bridge):
    english = world.output_as("alice", [world.tool("vnicctl"), "bridges"])[1]
    assert f"{bridge} " in english and "no uplink" in english
    assert german("vnicctl", "bridges") == (0, english.replace("no uplink", "kein Uplink"), "")


def test_an_imported_configuration_is_the_same_in_every_language_and_the_reasons_are_german(german, world, tmp_path):
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    file = tmp_path / "bridge.conf"
    file.write_text("allow br0\nallow a/b\nfly br0\n", encoding="utf-8")
    english = world.output_as("alice", [world.tool("vnicctl"), "import", file])
    status, out, err = german("vnicctl", "import", file)
    assert (status, out) == english[:2] and "NOT CARRIED OVER: vnicd has no bridge" in out
    assert "Nicht übernommen: vnicd kennt keine Bridge" in err and "import: 2 Zeilen wurden nicht übernommen" in err


def test_polkit_asks_in_german_or_english(world, alice):
    for locale, sentence in (("de_DE.UTF-8", "Um eine virtuelle Maschine mit der Netzwerk-Bridge $(bridge) zu verbinden, ist"),
                             ("en_US.UTF-8", "Authentication is required to connect a virtual machine to the network bridge")):
        actions = alice.call("/org/freedesktop/PolicyKit1/Authority", f"{POLKIT}.Authority", "EnumerateActions", "s",
                             (locale,), destination=POLKIT)[0]
        messages = {action[0]: action[2] for action in actions}
        assert messages["org.vnicd1.use-bridge"].startswith(sentence)
        english = [action for action, text in messages.items() if "uthentication is required" in text]
        assert english == (list(messages) if locale[:2] == "en" else [])
