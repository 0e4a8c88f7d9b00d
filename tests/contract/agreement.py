#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A number or a word that the C code has, and that has to stand somewhere else too (a udev rule, a script,
a man page), is the same in both places. The C code is where it comes from."""

import re
import sys
import xml.etree.ElementTree as xml

from tap import Report, c_files, source, without_comments

HEX8 = "[0-9a-f]" * 8
# What Qt calls the types that it does not know by their signatures. Programs declare VnicdLease themselves.
QT_TYPES = {"au": "QList<uint>", "a{sv}": "QVariantMap", "aa{sv}": "QList<QVariantMap>",
            "ah": "QList<QDBusUnixFileDescriptor>", "a(sssx)": "QList<VnicdLease>"}
QT_KNOWS = {*"sogbynqiuxtdhv", "as", "ao", "av", "ay"}


class Tree:
    """The source, read once; a file or a constant that is not there is a complaint, not a traceback."""

    def __init__(self, root):
        self.root = root
        self.missing = []

    def text(self, name):
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except OSError as error:
            self.missing.append(f"{name}: {error.strerror}")
            return ""

    def find(self, name, pattern):
        """The first group of the pattern in the file."""
        found = re.search(pattern, self.text(name), re.M)
        if not found:
            self.missing.append(f"{name}: nothing there is like {pattern}")
        return found.group(1) if found else ""

    def define(self, name, constant):
        """The value of a #define: a string without its quotes, or a number."""
        value = self.find(name, rf"^#define {constant}\s+(\"[^\"]*\"|0x[0-9a-fA-F]+U?|\d+)")
        if value.startswith('"'):
            return value[1:-1]
        return int(value.rstrip("U") or "0", 0)

    def lacks(self, name, *words):
        """Complaints about words that the file does not have."""
        text = self.text(name)
        return [f"{name}: '{word}' is missing" for word in words if word not in text]

    def differs(self, name, pattern, wanted):
        """Complaints where the pattern's group is anything but what is wanted, or is nowhere."""
        found = re.findall(pattern, self.text(name), re.M)
        return [f"{name}: {value} should be {wanted}" for value in found if value != str(wanted)] or \
            ([] if found else [f"{name}: nothing there is like {pattern}"])


def plain(page):
    """A man page's words: without requests and escapes."""
    page = re.sub(r"\\[&-]?", "", page)
    return re.sub(r"^\.(Sy|Pa|Dl|Ql|Dv|It|Xr|Ar|Nm|Pq|Cm|Em) ?", "", page, flags=re.M)


def check_groups(tree):
    """The group of networks is how udev, the kernel's filters and the purge know their bridges."""
    group = tree.define("service/networks/group.h", "NETWORK_GROUP")
    mask = tree.define("service/networks/group.h", "TAP_GROUP_BRIDGED_MASK")
    bits = tree.define("service/networks/group.h", "TAP_GROUP_BRIDGED_BITS")
    bridged = tree.define("service/networks/group.h", "TAP_GROUP_BRIDGED")
    complaints = [] if group == int.from_bytes(b"vnic", "big") else [f"{group} is not \"vnic\" as a number"]
    if bridged != group & 0xFF000000:
        complaints.append(f"the groups of taps begin with {bridged:#x}, not with the first byte of {group:#x}")
    mask, bits = (tree.define("service/networks/group.h", f"TAP_GROUP_BRIDGED_{name}") for name in ("MASK", "BITS"))
    for kind in ("BRIDGED", "AWAITING", "UNTOLD"):
        if tree.define("service/networks/group.h", f"TAP_GROUP_{kind}") & mask != bits:
            complaints.append(f"TAP_GROUP_{kind} is none of a tap on a bridge")
    return complaints + \
        tree.differs("coexistence/70-vnicd.rules", r'ATTR\{netdev_group\}=="(\d+)"', group) + \
        tree.differs("debian/vnicd.postrm", r"^network_group=(\d+)$", group) + \
        tree.differs("debian/vnicd.postrm", r"^tap_group_mask=(\d+)", mask) + \
        tree.differs("debian/vnicd.postrm", r"^tap_group_bits=(\d+)", bits) + \
        tree.differs("docs/man/vnicd.8", r"bridge of the group (\d+)", group) + \
        check_log_group(tree)


def check_log_group(tree):
    """By which number the kernel tells of source MACs, for administrators whose programs listen there, too."""
    number = tree.define("service/networks/network-filter.h", "SOURCE_LOG_GROUP")
    return tree.differs("service/api/manager-interface.c", r"listens to group (\d+) of", number) + \
        tree.differs("docs/man/vnicd.8", r"group (\d+) of nfnetlink_log", number) + \
        tree.differs("docs/networks.md", r"group (\d+) of nfnetlink_log", number)


def check_names(tree):
    """A tap is known by its name before it has a tag."""
    prefix = tree.define("common/ifname.h", "IFNAME_PREFIX")
    return tree.differs("coexistence/70-vnicd.rules", r'KERNEL!="([^"]*)"', prefix + HEX8) + \
        tree.differs("coexistence/10-vnicd.link", r"^OriginalName=(.*)$", f"{prefix}*") + \
        tree.differs("coexistence/10-vnicd.network", r"^Name=(.*)$", f"{prefix}*") + \
        tree.differs("coexistence/10-vnicd.conf", r"interface-name:(\S+)", f"{prefix}*") + \
        tree.differs("debian/vnicd.postrm", r"^tap_name='(.*)'$", prefix + HEX8) + \
        tree.differs("tests/lib/vnic/kernel.py", r'^OURS = re\.compile\(r"\^(.*)\$"\)', prefix + "[0-9a-f]{8}")


def check_owner(tree):
    """Who says that it manages our links, and who asks for exactly that."""
    name = tree.find("service/api/context.h", r'^#define SERVICE_NAME\s+"(.*)"')
    return tree.differs("coexistence/70-vnicd.rules", r'ID_NET_MANAGED_BY\}="([^"]*)"', name) + \
        tree.differs("coexistence/10-vnicd-networks.network", r"^Property=ID_NET_MANAGED_BY=(.*)$", name)


def check_firewalls(tree):
    """The default network is what the zone of firewalld is about, and both files allow what guests ask the host for."""
    name = tree.find("service/api/context.h", r'^#define DEFAULT_NETWORK "(.*)"')
    ports = set(re.findall(r"dport (\d+) accept", tree.text("service/networks/network-filter.c")))
    told = set(re.findall(r"\d+", tree.find("coexistence/ufw-profile", r"^ports=(.*)$")))
    services = {"67": "dhcp", "547": "dhcpv6", "53": "dns"}
    complaints = [] if ports == set(services) else [f"service/networks/network-filter.c: the ports {ports} were found"]
    complaints += [f"coexistence/ufw-profile: {told} are not the ports {ports}"] if told != ports else []
    return complaints + \
        tree.differs("coexistence/firewalld-zone.xml", r'<interface name="(.*)"/>', name) + \
        tree.lacks("coexistence/firewalld-zone.xml", *(f'<service name="{services.get(port)}"/>' for port in ports)) + \
        tree.lacks("docs/networks.md", "`/usr/lib/firewalld/zones/vnicd.xml`")


def network_fields(tree):
    """The rows of the table: (type, member, key, word, default, least, most, argument, help)."""
    rows = re.findall(r"\bFIELD\((\w+), (\w+), \"(\w+)\", \"([a-z-]+)\", ([^,]*), (\d+), (\d+), \"([^\"]*)\",\s*\"(.*?)\"\)",
                      tree.text("common/network-fields.h").replace("\\\n", "\n"))
    if len(rows) != tree.text("common/network-fields.h").count(" FIELD("):
        tree.missing.append(f"common/network-fields.h: only {[row[1] for row in rows]} were understood")
    return rows


def check_fields(tree):
    """A field of a network has one name, in as many spellings as there are places for it."""
    complaints = []
    for _, member, key, word, *_ in network_fields(tree):
        kebab = member.replace("_", "-")
        if kebab.removesuffix("es") != word.removesuffix("es"):
            complaints.append(f"{member} is {word} in the tag and for vnicctl")
        if "".join(part.capitalize() for part in word.split("-")) != key:
            complaints.append(f"{member} is {key} in the configuration")
        if f".It Fl Fl {word} " not in tree.text("docs/man/vnicctl.1"):
            complaints.append(f"docs/man/vnicctl.1: --{word} is missing")
        if member != "kind" and not re.search(rf"^\.(It )?Ar {member}\b", tree.text("docs/man/org.vnicd1.5"), re.M):
            complaints.append(f"docs/man/org.vnicd1.5: the option {member} is missing")
    return complaints


def check_tags(tree):
    """Every part of a tag that the service writes, the purge reads and the man page shows; also of older tags."""
    complaints = []
    formats = {name: "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', tree.find(file, rf'(?s){name}\(.*?snprintf\(\w+, \w+,\s*((?:MAGIC|")[^;]*?)(?:tag->|network_kind)')))
               for file, name in (("service/taps/tag.c", "tag_format"), ("service/networks/network-tag.c", "format_today"),
                                  ("service/networks/network-tag.c", "format_older"))}
    keys = {name: set(re.findall(r"(?:^| )([a-z][a-z0-9-]*(?:=|:1)?)", text)) for name, text in formats.items()}
    # The bridge itself has the MTU.
    keys["format_today"] |= {row[3] for row in network_fields(tree)} - {"mtu"} | \
        set(re.findall(r'" ([a-z0-9-]+(?:=[a-z]*)?)"', tree.find("service/networks/network-tag.c", r"(?s)format_today\((.*?)^}"))) | {"fwd="}
    for name, shell, page in (("tag_format", "tap_tag", r"^(vnicd:1 .*\n.*)$"),
                              ("format_today", "network_tag", None), ("format_older", "older_network_tag", None)):
        if len(keys[name]) < 8:
            complaints.append(f"{name}(): only {keys[name]} was found")
        pattern = tree.find("debian/vnicd.postrm", rf'^{shell}="(.*)"')
        complaints += [f"debian/vnicd.postrm: {shell} has no '{key}'" for key in sorted(keys[name]) if key not in pattern]
        if page:
            shown = tree.find("docs/man/vnicd.8", page)
            complaints += [f"docs/man/vnicd.8: the example has no '{key}'" for key in sorted(keys[name]) if key not in shown]
    own = keys["format_today"] - {row[3] for row in network_fields(tree)}
    section = tree.text("docs/man/vnicd.8").partition(".Ss Networks")[2].partition(".Ss ")[0]
    return complaints + [f"docs/man/vnicd.8: nothing is said of '{key}'" for key in sorted(own)
                         if key.rstrip("=") not in section]


def check_tables(tree):
    """What our tables are called, and in which families they are."""
    prefix = tree.define("service/networks/network-filter.h", "NETWORK_TABLE_PREFIX")
    families = set()
    for path in c_files(tree.root, "service/networks", "service/taps"):
        text = without_comments(path.read_text(encoding="utf-8"))
        families |= set(re.findall(r'"(?:create |delete )?table (arp|bridge|inet|ip6?|netdev) ', text))
        families |= set(re.findall(r'write_table\(\w+, "(\w+)"', text))
    complaints = [] if {"bridge", "inet"} <= families else [f"only {families} were found"]
    purged = tree.find("debian/vnicd.postrm", r"^table_families='(.*)'$").split()
    complaints += [f"debian/vnicd.postrm: tables of the family {family} stay" for family in families - set(purged)]
    return complaints + tree.differs("debian/vnicd.postrm", r"^table_prefix=(.*)$", prefix) + \
        tree.lacks("docs/networks.md", f"grep {prefix}")


def check_folders(tree):
    """The folders that units, scripts and programs share."""
    runtime = tree.find("service/api/network-units.c", r'^#define DIRECTORY\s+"(.*)"')
    leases = tree.define("service/networks/network-service.h", "NETWORK_LEASES_DIRECTORY")
    settings = tree.define("service/config/config.h", "CONFIG_DIRECTORY")
    journal = tree.find("networks/forward.c", r'^#define LEDGER_FOLDER "(.*)"')
    return tree.differs("dbus/vnicd.service.in", r"^RuntimeDirectory=(.*)$", runtime.removeprefix("/run/")) + \
        tree.differs("dbus/vnicd.service.in", r"^ConfigurationDirectory=(.*)$", settings.removeprefix("/etc/")) + \
        tree.differs("networks/vnicd-network@.service.in", r"^RuntimeDirectory=(.*)/%i$", leases.removeprefix("/run/")) + \
        tree.differs("networks/vnicd-network-forward@.service.in", r"^RuntimeDirectory=(.*)$",
                     journal.removeprefix("/run/")) + \
        tree.differs("networks/forward.c", r'^#define CONFIGURATION "(.*)/networks/%s\.conf"', runtime) + \
        tree.differs("client-cli/checks-networks.c", r'^#define DEFINITIONS "(.*)/networks/\*\.conf"', settings) + \
        tree.differs("dbus/vnicd.tmpfiles", rf"^d ({settings}) ", settings) + \
        tree.lacks("debian/vnicd.postrm", f"rm -rf {runtime}\n", f"find {settings} ")


def check_errors(tree):
    """Every error that the service has a name for is in its man page, and none that it has not."""
    text = tree.text("common/bus-error.c")
    ours = set(re.findall(r'OURS\("(\w+)"\)', text))
    # sd-bus itself answers with the last two.
    standard = set(re.findall(r'STANDARD\("(\w+)"\)', text)) - {"Failed"} | {"UnknownProperty", "PropertyReadOnly"}
    section = tree.text("docs/man/org.vnicd1.5").partition(".Sh ERROR NAMES")[2].partition(".Sh ")[0]
    told = {name: bool(star) for name, star in re.findall(r"^\.It Sy (\w+)( Ns \*)?$", section, re.M)}
    complaints = [] if len(ours) > 15 else [f"common/bus-error.c: only {ours} were found"]
    complaints += [f"org.vnicd1(5): {name} is missing, or has the wrong prefix" for name in sorted(ours)
                   if told.get(name) is not False]
    complaints += [f"org.vnicd1(5): {name} is missing, or has the wrong prefix" for name in sorted(standard)
                   if told.get(name) is not True]
    return complaints + [f"org.vnicd1(5): there is no error {name}" for name in sorted(set(told) - ours - standard)]


def check_warnings(tree):
    """Every word for a warning is used, explained and in the XML; every warning that is enumerated has one."""
    codes = dict(re.findall(r'^#define WARNING_(\w+)\s+"([a-z0-9-]+)"', tree.text("common/warning.h"), re.M))
    used = {name for path in c_files(tree.root, "service")
            for name in re.findall(r"(?<!\w)WARNING_(\w+)", without_comments(path.read_text(encoding="utf-8")))}
    section = tree.text("docs/man/org.vnicd1.5").partition(".Sh WARNING CODES")[2].partition(".Sh ")[0]
    told = re.findall(r"^\.It Sy (\S+)$", section, re.M)
    listed = {name: {word for text in re.findall(r"(?s)<!--(.*?)-->", tree.text(f"dbus/org.vnicd1.{name}.xml"))
                     if " word for each of " in text for word in re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text)}
              for name in ("Manager", "Endpoint", "Network")}
    complaints = [] if len(codes) > 30 else [f"common/warning.h: only {codes} were found"]
    complaints += [f"common/warning.h: {code} is there twice" for code in codes.values()
                   if list(codes.values()).count(code) > 1]
    complaints += [f"WARNING_{name}: not both defined and used" for name in sorted(used ^ set(codes))]
    complaints += [f"org.vnicd1(5): {code}" for code in sorted(set(told) ^ set(codes.values()))]
    complaints += [f"dbus/: {code} is not listed" for code in sorted(set(codes.values()) - set().union(*listed.values()))]
    for header, file in (("service/taps/endpoint.h", "endpoint"), ("service/networks/network.h", "network")):
        kinds = set(re.findall(r"^        ((?:ENDPOINT|NETWORK)_WARNING_\w+)", tree.text(header), re.M))
        rows = set(re.findall(r"(\w+_WARNING_\w+)(?:\] =|,) WARNING_\w+", re.sub(
            r"\s+", " ", tree.text(f"service/api/{file}-interface.c"))))
        complaints += [f"{header}: {kind} has no word" for kind in sorted(kinds - rows - {"NETWORK_WARNING_MAX"})]
    return complaints


def check_statuses(tree):
    """The exit statuses of vnicctl, their numbers and what they mean."""
    numbers = dict(re.findall(r"^        (STATUS_\w+) = (\d+),", tree.text("client-cli/status.h"), re.M))
    meanings = dict(re.findall(r'^        \[(STATUS_\w+)\] = N_\(\s*"(.*)"\),', tree.text("client-cli/status.c"), re.M))
    section = tree.text("docs/man/vnicctl.1").partition(".Sh EXIT STATUS")[2].partition(".El")[0]
    told = {number: " ".join(words.split()).replace(".Nm", "vnicctl")
            for number, words in re.findall(r"^\.It (\d+)\n((?:(?!\.It|\.El).*\n)+)", section, re.M)}
    wanted = {numbers[name]: words for name, words in meanings.items() if name in numbers}
    complaints = [] if len(wanted) > 10 and len(wanted) == len(numbers) else [f"client-cli/status.c: {wanted}"]
    return complaints + [f"vnicctl(1): status {number} is '{told.get(number)}', not '{words}'"
                         for number, words in wanted.items() if told.get(number) != words] + \
        [f"vnicctl(1): there is no status {number}" for number in told.keys() - wanted.keys()]


def check_limits(tree):
    """What a user may have, as the code, the man pages, README and the example say it."""
    usual = dict(re.findall(r"\.(endpoints|queues|creations) = (\d+)", tree.text("common/quota.h")))
    seconds = tree.define("common/quota.h", "QUOTA_BURST_SEC")
    fds = tree.define("common/fdset.h", "FDSET_MAX")
    ports = next((row[6] for row in network_fields(tree) if row[1] == "ports_max"), "0")
    most = {key: tree.define("service/config/config-section.h", f"CONFIG_{key.upper()}_MAX")
            for key in ("endpoints", "queues", "creations")}
    complaints = [] if len(usual) == 3 else [f"common/quota.h: only {usual} were found"]
    for key, value in usual.items():
        word = key.capitalize()
        complaints += tree.differs("docs/man/org.vnicd1.5", rf"^\.It {key} of a user \+ Ta (\d+)", value)
        complaints += tree.differs("docs/examples/vnicd.conf", rf"(?s)\[Limits\].*?^#?{word}=(\d+)", value)
        complaints += tree.differs("docs/man/vnicd.conf.5", rf"(?s)^\.It Sy {word}= .*?: (0 to \d+, by default \d+)\.",
                                   f"0 to {most[key]}, by default {value}")
    bridge = tree.define("service/config/config-section.h", "CONFIG_PORTS_PER_BRIDGE_MAX")
    return complaints + \
        tree.differs("docs/man/org.vnicd1.5", r"^\.It creations of a user \+ Ta \d+ in (\d+) seconds", seconds) + \
        tree.differs("docs/man/vnicd.conf.5", r"in (\d+) seconds: 0 to", seconds) + \
        tree.differs("docs/man/org.vnicd1.5", r"^\.It queues in one call Ta (\d+)", fds) + \
        tree.differs("docs/man/org.vnicd1.5", r"^\.It ports of a bridge \+ Ta (\d+)", bridge) + \
        tree.differs("docs/man/vnicd.conf.5", r"^1 to (\d+), which is the default", bridge) + \
        tree.differs("docs/man/vnicd-network.5", r"(?s)^\.It Sy PortsMax .*?(\d{3,})", ports) + \
        tree.lacks("README.md", f"| endpoints of a user | {usual.get('endpoints')},",
                   f"| queues given to a user, over all their endpoints | {usual.get('queues')},",
                   f"| creations of a user in {seconds} seconds | {usual.get('creations')},",
                   f"| queues in one `CreateTap` or `OpenQueues` | {fds} |", f"| ports of a bridge | {bridge},")


def check_keys(tree):
    """Every key that the configuration may have is in its man page."""
    complaints = []
    general = set(re.findall(r'"((?:[A-Z][a-z]+)+)"', without_comments(tree.text("service/config/config-parse.c"))))
    for file, keys, page in (
            ("service/config/config-parse.c", general - {"User", "Group", "Limits", "Bridges"}, "docs/man/vnicd.conf.5"),
            ("common/network-fields.h", {row[2] for row in network_fields(tree)} |
             {tree.find("service/config/config-network.c", rf'^#define {key} +"(\w+)"') for key in ("DESCRIPTION", "HOST")}, "docs/man/vnicd-network.5")):
        told = set(re.findall(r"^\.It Sy (\w+)(?: Ns )?=", tree.text(page), re.M))
        if len(keys) < 4:
            complaints.append(f"{file}: only {keys} were found")
        complaints += [f"{page}: {key} is missing" for key in sorted(keys - told)]
        complaints += [f"{page}: {file} knows no {key}" for key in sorted(told - keys)]
    return complaints


def check_reconcile(tree):
    """Each row of the page has a test that exists, or says by a dash that it has none."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in sorted((tree.root / "tests").rglob("test*"))
                      if path.suffix in (".py", ".c"))
    files = {path.name for path in (tree.root / "tests").rglob("test*")}
    rows = [line.strip("|").split(" | ") for line in tree.text("docs/reconcile.md").splitlines()
            if line.startswith("| ") and not line.startswith("| fact |")]
    complaints = [] if len(rows) > 40 else [f"docs/reconcile.md: only {len(rows)} rows were found"]
    for row in rows:
        fact, told = row[0].strip(), row[-1].strip()
        if len(row) != 5:
            complaints.append(f"docs/reconcile.md: the row of {fact} has {len(row)} columns")
        names = re.findall(r"`([^`]+)`", told)
        if not names and told != "—":
            complaints.append(f"docs/reconcile.md: {fact} has no test")
        for name in names:
            if name.rpartition("/")[2] not in files and name.strip("…") not in tests:
                complaints.append(f"docs/reconcile.md: there is no test {name}")
    return complaints


def wanted_annotations(member):
    """Those that generators need for this method, signal or property."""
    if member.tag == "property":
        signatures = {"org.qtproject.QtDBus.QtTypeName": member.get("type")}
    else:
        ways = {"in": [], "out": []}
        for argument in member.findall("arg"):
            ways[argument.get("direction", "out")].append(argument.get("type"))
        signatures = {f"org.qtproject.QtDBus.QtTypeName.{way.capitalize()}{number}": signature
                      for way, found in ways.items() for number, signature in enumerate(found)}
    wanted = {name: QT_TYPES.get(signature, "?") for name, signature in signatures.items() if signature not in QT_KNOWS}
    if member.tag == "method" and any("h" in signature for signature in signatures.values()):
        wanted["org.gtk.GDBus.C.UnixFD"] = "true"
    return wanted


def check_annotations(tree):
    """Without them generators stop (Qt), or make calls that lose the fds (GLib)."""
    complaints = []
    members = [(path.name, member) for path in sorted((tree.root / "dbus").glob("org.vnicd1.*.xml"))
               for member in xml.parse(path).getroot().find("interface") if member.tag != "annotation"]
    for name, member in members:
        found = {note.get("name"): note.get("value") for note in member.findall("annotation")
                 if not note.get("name").startswith("org.freedesktop.DBus.")}
        if found != wanted_annotations(member):
            complaints.append(f"dbus/{name}: {member.get('name')} should have {wanted_annotations(member)}, not {found}")
    return complaints if len(members) > 40 else [f"only {len(members)} members were found"]


def main():
    tree, report = Tree(source()), Report()
    cases = {
        "the group of networks is the same number wherever it stands": check_groups,
        "the names of taps are the same pattern wherever it stands": check_names,
        "udev says of our links what networkd is told to leave alone": check_owner,
        "the files for firewalls are about the default network, and what its guests ask for": check_firewalls,
        "a field of a network has one name": check_fields,
        "the parts of both tags are those that the purge and the man page know": check_tags,
        "the tables of filters have one prefix, and the purge knows all their families": check_tables,
        "units, scripts and programs mean the same folders": check_folders,
        "org.vnicd1(5) has exactly the errors that the service has": check_errors,
        "every warning has a word, which org.vnicd1(5) and the XML have": check_warnings,
        "vnicctl(1) has exactly the statuses that vnicctl has": check_statuses,
        "the limits are those that the documents say": check_limits,
        "the man pages have exactly the keys that the configuration has": check_keys,
        "the interfaces have the annotations that generators of bindings need": check_annotations,
        "the page about what others change names tests that exist": check_reconcile,
    }
    for name, check in cases.items():
        complaints = check(tree)
        report.case(name, tree.missing + complaints)
        tree.missing = []
    return report.done()


sys.exit(main())
