#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may own the name and talk to it, whose signals are believed, and what polkit is asked: the files against
the code."""

import re
import sys
import xml.etree.ElementTree as tree

from tap import Report, c_files, source, without_comments

NAME = "org.vnicd1"
USER = "vnicd"
OWNER = ("org.freedesktop.policykit.owner", f"unix-user:{USER}")
LOST_QUEUES = [
    ({"user": USER}, {"send_type": "error", "send_error": f"{NAME}.Error.NotSupported",
                      "send_requested_reply": "false"}),
    ({"context": "default"}, {"receive_sender": NAME, "receive_type": "error",
                              "receive_error": f"{NAME}.Error.NotSupported",
                              "receive_requested_reply": "false"}),
]
DEFAULTS = {"allow_any", "allow_inactive", "allow_active"}
# A network lets nobody out of it; and of managing networks there is no bridge to be remembered for.
EXCEPTIONS = {
    "org.vnicd1.use-network": {"allow_active": "yes"},
    "org.vnicd1.manage-networks": {"allow_active": "auth_admin_keep"},
}


def check_bus(root, report):
    policies = tree.parse(root / "dbus" / f"{NAME}.conf").getroot().findall("policy")
    rules = [(policy, rule) for policy in policies for rule in policy]
    allows = [(policy, rule) for policy, rule in rules if rule.tag == "allow"]
    # Only from the service, and only with the name that tells a client that its queues are lost.
    lost = [(policy.attrib, rule.attrib) for policy, rule in allows if "error" in rule.attrib.values()]
    report.case("only the service may send an error that the bus does not expect, and only one",
                [] if lost == LOST_QUEUES else [str(lost)])
    allows = [(policy, rule) for policy, rule in allows if "error" not in rule.attrib.values()]

    owning = [(policy.attrib, rule.attrib) for policy, rule in allows
              if any(key.startswith("own") for key in rule.attrib)]
    report.case(f"only the user {USER} may own the name, and no other name",
                [] if owning == [({"user": USER}, {"own": NAME})] else [str(owning)])
    report.case("whatever may be sent may be sent to the service only",
                [str(rule.attrib) for _, rule in allows
                 if any(key.startswith("send_") for key in rule.attrib)
                 and rule.get("send_destination") != NAME])
    report.case("nothing else is allowed", [
        str(rule.attrib) for _, rule in allows
        if not set(rule.attrib) <= {"own", "send_destination", "send_type"}])
    # Of every interface: the service itself answers for one that does not exist, as clients expect.
    report.case("what may be sent is method calls, and those of every interface", [
        str(rule.attrib) for _, rule in allows
        if "send_destination" in rule.attrib and rule.get("send_type") != "method_call"])

    default = [rule for policy, rule in rules if policy.get("context") == "default"]
    denies = [rule.attrib for rule in default if rule.tag == "deny"]
    wanted = {"send_destination": NAME, "min_fds": "1"}
    report.case("a message with fds does not get through",
                [] if wanted in denies else [f"no deny of {wanted}"])
    # The last rule that matches decides.
    last_allow = max((i for i, rule in enumerate(default) if rule.tag == "allow"), default=-1)
    first_fds = min((i for i, rule in enumerate(default) if rule.get("min_fds")), default=-1)
    report.case("and no later rule lets it through again",
                [] if first_fds > last_allow else ["an allow stands after it"])

    wanted = {"send_type": "signal", "send_broadcast": "false", "send_destination": NAME}
    report.case("nobody sends the service a signal of their own, and no other policy allows it", [] if [
        rule.attrib for policy, rule in rules
        if policy.attrib == {"context": "mandatory"} and rule.tag == "deny"] == [wanted]
        else [f"no mandatory deny of {wanted}"])



def actions_in_code(root):
    """The strings of the code that name an action: lower case after the service's name."""
    text = "".join(without_comments(path.read_text()) for path in c_files(root, "service/bus", "service/access", "service/api"))
    return set(re.findall(rf'"({re.escape(NAME)}\.[a-z][a-z-]*)"', text))


def actions_in(path):
    return re.findall(rf'"{re.escape(NAME)}\.[a-z][a-z-]*"', without_comments(path.read_text()))


def check_polkit(root, report):
    path = root / "polkit" / f"{NAME}.policy"
    actions = tree.parse(path).getroot().findall("action")
    names = [action.get("id") for action in actions]
    text = re.sub(r"<!--.*?-->", "", path.read_text(), flags=re.DOTALL)

    report.case("there is an action for what the code asks", [
        f"asked, but not in the policy: {name}"
        for name in sorted(actions_in_code(root) - set(names))])
    report.case("there is no action that the code does not ask for", [
        f"in the policy, but not asked: {name}"
        for name in sorted(set(names) - actions_in_code(root))])
    report.case("actions stand in the policy table only, never in a handler", [
        f"{path}: names an action" for path in c_files(root, "service")
        if path.name != "policy.c" and actions_in(path)])
    report.case("the code asks for something", [] if actions_in_code(root) else ["for nothing"])
    report.case("no action is there twice", [] if len(names) == len(set(names)) else names)
    report.case("every action lets the service pass details", [
        action.get("id") for action in actions
        if OWNER not in [(note.get("key"), note.text) for note in action.findall("annotate")]])
    report.case("every action says what holds for whom, and asks an administrator", [
        action.get("id") for action in actions
        if {one.tag: one.text for one in action.findall("defaults/*")}
        != {**dict.fromkeys(DEFAULTS, "auth_admin"), **EXCEPTIONS.get(action.get("id"), {})}])
    report.case("nothing else is kept", re.findall(r"\w+_keep\w*", text)[1:])
    report.case("nothing else is allowed by itself", re.findall(r">\s*yes\s*<", text)[1:])
    report.case("every action has words for people", [
        action.get("id") for action in actions
        if not (action.findtext("description") and action.findtext("message"))])
    words = {word for action in actions
             for word in re.findall(r"\$\(([a-z]+)\)", action.findtext("message") or "")}
    keys = set(re.findall(r'\[DETAIL_[A-Z]+\] = "([a-z]+)"', "".join(
        one.read_text() for one in c_files(root, "service/bus", "service/access", "service/api"))))
    report.case("the code sends something", [] if keys else ["no details"])
    report.case("a message names only details that the code sends", sorted(words - keys))


def check_subject(root, report):
    for word in ("unix-process", "unix-session"):
        report.case(f"the code never names the subject {word}", [
            str(path.relative_to(root)) for path in c_files(root, "service")
            if word in path.read_text()])
    report.case("the subject is the caller's name on the bus", [] if any(
        '"system-bus-name"' in path.read_text() for path in c_files(root, "service/bus", "service/access", "service/api"))
        else ["system-bus-name does not occur"])


# What installs a match, for signals; sd-bus's tracks do so themselves, and compare no sender.
MATCHES = re.compile(r"\b(sd_bus_(?:add_match|match_signal|track_new)\w*|AddMatch)\b")


def check_matches(root, report):
    """A match without a comparison of the sender believes anybody."""
    used = {str(path.relative_to(root)): MATCHES.findall(without_comments(path.read_text()))
            for path in c_files(root, "common", "service", "networks", "client-cli")}
    users = {path for path, found in used.items() if found}
    report.case("signals are matched where their sender is compared, and nowhere else", sorted(
        users ^ {"service/bus/signal-match.c", "client-cli/verb-monitor.c", "client-cli/forwarding.c",
                 "client-cli/address-teller.c"}))
    waiting = [body for name in ("forwarding.c", "address-teller.c")
               for body in re.findall(r"^static int on_\w+\(sd_bus_message .*?\{(.*?)^}",
                                      without_comments((root / "client-cli" / name).read_text()), re.DOTALL | re.MULTILINE)]
    report.case("or where a signal, whoever sent it, only makes vnicctl ask the service", [
        body for body in waiting if body.split() != ["*(bool", "*)userdata", "=", "true;", "return", "0;"]]
        if waiting else ["it has no handler"])
    monitor = without_comments((root / "client-cli" / "verb-monitor.c").read_text())
    handlers = re.findall(r"^static int (on_\w+)\(sd_bus_message .*?^}", monitor,
                          flags=re.DOTALL | re.MULTILINE)
    bodies = {name: re.search(rf"^static int {name}\(.*?^}}", monitor, flags=re.DOTALL | re.MULTILINE)
              for name in handlers}
    report.case("and so does each handler of vnicctl's", [] if handlers else ["it has none"])
    report.case("which compares it before anything else", [
        name for name, body in bodies.items()
        if not re.search(r"\b(comes_from|read_signal)\(", body.group(0))])


def main():
    root = source()
    report = Report()

    check_bus(root, report)
    check_polkit(root, report)
    check_subject(root, report)
    check_matches(root, report)
    return report.done()


sys.exit(main())
