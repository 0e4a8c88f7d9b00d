# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnicctl doctor on a host with each problem set up, and vnicctl explain with its rule applied as printed."""

import contextlib
import json
import os
import pathlib
import pwd

import pytest
from gi.repository import Gio, GLib
from vnic import kernel, loop
from vnic.client import MANAGER, ROOT, Client
from vnic.networks import network
from vnic.process import ROOM, poll

pytestmark = pytest.mark.deadline(60)
NETFILTER = pathlib.Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


@contextlib.contextmanager
def covered(folder):
    """An empty folder in the place of this one, for the length of the `with`."""
    kernel.run("mount", "-t", "tmpfs", "tmpfs", str(folder))
    try:
        yield pathlib.Path(folder)
    finally:
        kernel.run("umount", str(folder))


@contextlib.contextmanager
def mounted(source, target):
    kernel.run("mount", "--bind", str(source), str(target))
    try:
        yield
    finally:
        kernel.run("umount", str(target))


@contextlib.contextmanager
def standing_in(world, name):
    """A client that owns a name on the bus, as root may, and answers nothing."""
    owner = world.client("root")
    try:
        assert owner.bus_call("RequestName", "su", (name, 0))[0] == 1
        yield
    finally:
        owner.close()


@contextlib.contextmanager
def dropping(chain):
    """A firewall with nothing but a policy for forwarded packets."""
    family, table, name = chain.split()
    kernel.run("nft", f"add table {family} {table}; add chain {family} {table} {name} "
                      "{ type filter hook forward priority 0; policy drop; }")
    try:
        yield
    finally:
        kernel.run("nft", "delete", "table", family, table)


@pytest.fixture
def doctor(world):
    """doctor() as alice: {check: entry}, with the exit status under "status"."""
    def run(user="alice", **env):
        status, out, err = world.output_as(user, [world.tool("vnicctl"), "doctor", "--json"], env=env)
        assert err == "", err
        found = {}
        for entry in json.loads(out):
            assert entry["cure"] or entry["state"] == "ok", entry
            found[entry["check"]] = entry
        return {**found, "status": status}
    return run


@pytest.fixture
def filters_off():
    """A host without br_netfilter's calls."""
    before = {}
    for name in ("bridge-nf-call-iptables", "bridge-nf-call-ip6tables"):
        file = NETFILTER.with_name(name)
        if file.exists():
            before[file] = file.read_text()
            file.write_text("0")
    yield
    for file, value in before.items():
        file.write_text(value)


def test_on_a_good_host_there_is_no_problem(doctor, bridge, filters_off):
    found = doctor()
    assert found["status"] == 0, found
    for check in ("tun", "br_netfilter", "bridge-mac", "polkit", "vnicd"):
        assert found[check]["state"] == "ok", found[check]


def test_it_sees_filters_on_bridges(doctor, root, bridge, filters_off):
    """It is no problem that they see frames; it is one that one of them drops frames, as Docker's does."""
    def state():
        root.call(ROOT, MANAGER, "Reload")
        return doctor()["br_netfilter"]["state"]

    if not NETFILTER.exists():
        pytest.skip("a kernel without br_netfilter")
    NETFILTER.write_text("1")
    assert state() == "ok" and "none of them drops" in doctor()["br_netfilter"]["text"]
    with dropping("ip docker FORWARD"):
        assert poll(lambda: state() == "problem", 20, 0.1)
        found = doctor()
        assert found["status"] == 1
        assert "yes0" in found["br_netfilter"]["text"] and "ip docker FORWARD" in found["br_netfilter"]["text"]
        NETFILTER.write_text("0")
        assert state() == "ok"
        pathlib.Path("/sys/class/net/yes0/bridge/nf_call_iptables").write_text("1")
        assert doctor()["br_netfilter"]["state"] == "problem"
    assert poll(lambda: state() == "ok", 20, 0.1)


@pytest.mark.restarts
def test_without_the_service_nobody_knows_what_filters_on_bridges_do(doctor, world, bridge, filters_off):
    if not NETFILTER.exists():
        pytest.skip("a kernel without br_netfilter")
    NETFILTER.write_text("1")
    world.stop_service()
    try:
        assert doctor()["br_netfilter"]["state"] == "note"
    finally:
        world.start_service()


def test_it_sees_a_bridge_whose_address_nobody_set(doctor, bridges, filters_off):
    bridges("yes0")
    found = doctor()
    assert found["bridge-mac"]["state"] == "note" and found["status"] == 0


@pytest.mark.restarts
def test_it_sees_that_the_filters_of_taps_do_not_stand(world, doctor, bridge, filters_off):
    assert doctor()["tap-filters"]["state"] == "ok"
    with kernel.tables_of_somebody_else("vnicd-taps-", ("bridge", "inet", "arp")):
        world.restart_service()
        found = doctor()
        assert found["status"] == 1 and found["tap-filters"]["state"] == "problem"
        assert "reload" in found["tap-filters"]["cure"]
    world.restart_service()
    assert doctor()["tap-filters"]["state"] == "ok"


SERVICE = f"""<node><interface name="{MANAGER}">
<method name="ListBridges"><arg type="aa{{sv}}" direction="out"/></method>
<property name="Warnings" type="as" access="read"/><property name="WarningCodes" type="as" access="read"/>
</interface></node>"""


@contextlib.contextmanager
def service_that_warns(world, **properties):
    """Stands in for the service, with these properties of the manager; ListBridges has the same of yes0."""
    words = {name: GLib.Variant("as", value) for name, value in properties.items()}
    bridge = {"name": GLib.Variant("s", "yes0"), "warnings": words["Warnings"], "warning_codes": words["WarningCodes"]}
    with Client(world, "vnicd") as owner:
        loop.do(lambda: owner.connection.register_object(
            ROOT, Gio.DBusNodeInfo.new_for_xml(SERVICE).interfaces[0],
            lambda *call: call[-1].return_value(GLib.Variant("(aa{sv})", ([bridge],))),
            lambda *asked: words[asked[-1]], None))
        assert owner.bus_call("RequestName", "su", ("org.vnicd1", 4)) == (1,)
        yield
    world.wait_for_no_name("org.vnicd1")


@pytest.mark.restarts
def test_it_goes_by_the_words_of_warnings_and_not_by_their_sentences(world, doctor, bridge, filters_off):
    world.stop_service()
    try:
        with service_that_warns(world, Warnings=["This was said better."], WarningCodes=["guest-macs-taken"]):
            found = doctor()
            assert found["guest-macs"]["state"] == "note" and found["guest-macs"]["text"] == "This was said better."
            assert found["tap-filters"]["state"] == "ok"
        with service_that_warns(world, Warnings=["Not even nfnetlink_log is there."], WarningCodes=["lost-taps"]):
            found = doctor()
            assert found["tap-filters"]["state"] == "problem" and "guest-macs" not in found
        if NETFILTER.exists():
            NETFILTER.write_text("1")
            with service_that_warns(world, Warnings=["br_netfilter is fine.", "Frames are lost."],
                                    WarningCodes=["bridge-mac-not-set", "br-netfilter"]):
                found = doctor()["br_netfilter"]
                assert found["state"] == "problem" and found["text"] == "yes0: Frames are lost."
    finally:
        world.start_service()


def test_it_sees_that_there_is_no_bridge(doctor):
    assert doctor()["bridges"]["state"] == "note"


def test_it_sees_a_missing_and_a_closed_tap_device(doctor):
    with covered("/dev/net"):
        found = doctor()
        assert found["status"] == 1 and "missing" in found["tun"]["text"]
        assert "modprobe" in found["tun"]["cure"]
    os.chmod("/dev/net/tun", 0o600)
    try:
        found = doctor()
        assert found["status"] == 1 and "600" in found["tun"]["text"]
    finally:
        os.chmod("/dev/net/tun", 0o666)
    with mounted("/dev/null", "/dev/net/tun"):
        assert "not the tun device" in doctor()["tun"]["text"]


def test_it_sees_whether_vhost_can_be_used(doctor):
    found = doctor()["vhost-net"]
    assert found["state"] == ("ok" if os.path.exists("/dev/vhost-net") and
                              os.stat("/dev/vhost-net").st_mode & 0o006 == 0o006 else "note")


def test_it_sees_that_polkit_is_missing(doctor, world):
    with world.polkit_as("none"):
        found = doctor()
        assert found["status"] == 1 and found["polkit"]["state"] == "problem"
        assert "polkitd" in found["polkit"]["cure"]
    assert doctor()["polkit"]["state"] == "ok"


@pytest.mark.restarts
def test_it_sees_that_the_service_or_the_bus_is_missing(doctor, world):
    world.stop_service()
    found = doctor()
    assert found["status"] == 1 and found["vnicd"]["state"] == "problem"
    world.start_service()
    found = doctor(DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
    assert found["status"] == 1 and found["bus"]["state"] == "problem"


def test_it_sees_who_could_be_asked(doctor):
    """There is no login session here; without pkttyagent not even a terminal would help."""
    assert "no login session" in doctor()["agent"]["text"]
    assert "no pkttyagent" in doctor(PATH="/nonexistent")["agent"]["text"]




@contextlib.contextmanager
def manager_files(*folders):
    """Empty folders of configuration; returns the last of them. Those that had to be created are removed
    again."""
    with contextlib.ExitStack() as stack:
        for folder in folders:
            # Those below /run are the world's own; the others are covered where the host has them.
            if folder.startswith("/run/"):
                os.makedirs(folder, exist_ok=True)
            if os.path.isdir(folder):
                stack.enter_context(covered(folder))
        yield pathlib.Path(folders[-1])


def test_it_sees_a_networkmanager_that_would_take_taps(doctor, world):
    assert "networkmanager" not in doctor()
    with standing_in(world, "org.freedesktop.NetworkManager"), \
            manager_files("/etc/NetworkManager", "/usr/lib/NetworkManager", "/run/NetworkManager") as files:
        found = doctor()["networkmanager"]
        assert found["state"] == "problem" and "unmanaged-devices" in found["cure"]
        (files / "conf.d").mkdir()
        (files / "conf.d" / "90-vnicd.conf").write_text("[keyfile]\nunmanaged-devices+=interface-name:vnic*\n")
        assert doctor()["networkmanager"]["state"] == "ok"


@pytest.mark.parametrize("files, state", [
    ({}, "ok"),
    ({"80-all": "[Match]\nName=*\n[Network]\nDHCP=yes\n"}, "problem"),
    ({"80-all": "[Match]\nName = vnic*\n"}, "problem"),
    ({"80-all": ""}, "ok"),
    ({"80-all": "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"}, "ok"),
    ({"80-all": "[Match]\nName=!en*\n"}, "problem"),
    ({"80-all": "[Match]\nType=ether\n"}, "problem"),
    ({"80-all": "[Match]\nType=ether\nKind=!*\n"}, "ok"),
    ({"80-all": "[Match]\nName=*\nPath=pci-*\n"}, "ok"),
    ({"80-all": "# all\n[Network]\nDHCP=yes\n"}, "problem"),
    ({"80-all": "[Match]\nName=*\n", "05-vnicd": "[Match]\nName=vnic*\n\n[Link]\nUnmanaged=yes\n"}, "ok"),
    *(({"80-all": "[Match]\nName=*\n", "05-vnicd": f"[Match]\nName=vnic*\n\n[Link]\nUnmanaged={yes}\n"}, "ok")
      for yes in ("true", "1", "on", "T")),
    *(({"80-all": "[Match]\nName=*\n", "05-vnicd": f"[Match]\nName=vnic*\n\n[Link]\nUnmanaged={no}\n"}, "problem")
      for no in ("no", "off", "0", "")),
    ({"80-all": "[Match]\nName=*\n", "95-vnicd": "[Match]\nName=vnic*\n\n[Link]\nUnmanaged=yes\n"}, "problem"),
])
def test_it_sees_a_networkd_that_would_take_taps(doctor, world, files, state):
    with standing_in(world, "org.freedesktop.network1"), \
            manager_files("/etc/systemd/network", "/usr/lib/systemd/network", "/run/systemd/network") as folder:
        for name, text in files.items():
            (folder / f"{name}.network").write_text(text)
        found = doctor()["networkd"]
        assert found["state"] == state, found
        if state == "problem":
            assert any(f"{name}.network" in found["text"] for name in files) and "Unmanaged=yes" in found["cure"]


def test_a_file_of_networkd_that_another_hides_does_not_count(doctor, world):
    with standing_in(world, "org.freedesktop.network1"), \
            manager_files("/etc/systemd/network", "/usr/lib/systemd/network", "/run/systemd/network") as folder:
        if not os.path.isdir("/usr/lib/systemd/network"):
            pytest.skip("no folder of systemd-networkd")
        pathlib.Path("/usr/lib/systemd/network/80-all.network").write_text("[Match]\nName=*\n")
        assert doctor()["networkd"]["state"] == "problem"
        (folder / "80-all.network").symlink_to("/dev/null")
        assert doctor()["networkd"]["state"] == "ok"


def test_for_people_each_line_begins_with_its_state(world, bridge):
    _, out, _ = world.output_as("alice", [world.tool("vnicctl"), "doctor"])
    for line in out.splitlines():
        assert line.split()[0] in ("ok", "note", "problem", "->"), line
    assert "/dev/net/tun can be opened" in out


# explain

@pytest.fixture
def explain(world):
    def run(bridge, user="alice"):
        status, out, err = world.output_as(user, [world.tool("vnicctl"), "explain", "--json", bridge])
        assert status == 0, err
        return json.loads(out)
    return run


def test_explain_tells_the_answer_and_its_reason(explain, alice, bridges):
    for name, answer in (("yes0", "yes"), ("ask0", "challenge"), ("no0", "no")):
        bridges(name)
        said = explain(name)
        assert (said["bridge"], said["answer"]) == (name, answer)
        assert [said["answer"], said["reason"]] == list(alice.can_create_tap(name))
        assert (said["rule"] is None) == (answer == "yes")
    assert explain("no0", user="root")["answer"] == "yes"


def test_explain_of_no_bridge_fails_as_other_verbs_do(world):
    status, out, err = world.output_as("alice", [world.tool("vnicctl"), "explain", "gone0"])
    assert (status, out) == (5, "") and "gone0" in err


def test_the_rule_that_explain_writes_allows_it_and_nothing_else(world, explain, bridges):
    for name in ("ask0", "ask1"):
        bridges(name)
    said = explain("ask0")
    rules = ROOM / "rules" / os.path.basename(said["rule_file"])
    assert os.path.dirname(said["rule_file"]) == "/etc/polkit-1/rules.d"
    rules.write_text(said["rule"])
    rules.chmod(0o644)
    try:
        assert poll(lambda: explain("ask0")["answer"] == "yes", 10, 0.1)
        assert explain("ask1")["answer"] == "challenge"
        assert explain("ask0", user="bob")["answer"] == "challenge"
    finally:
        rules.unlink()
    assert poll(lambda: explain("ask0")["answer"] == "challenge", 10, 0.1)
    assert pwd.getpwnam("alice").pw_name in said["rule"]


def test_no_name_can_write_code_into_a_rule(world, bridges):
    """The kernel allows such a name; the service does not, so there is nothing to write a rule for."""
    bridges('ask"+1')
    status, out, _ = world.output_as("alice", [world.tool("vnicctl"), "explain", 'ask"+1'])
    assert (status, out) == (5, "")


# Networks of vnicd's own

def test_without_any_network_it_says_how_to_get_one(doctor):
    found = doctor()
    assert found["networks"]["state"] == "note" and "vnicd-networks" in found["networks"]["cure"]


def test_a_network_whose_service_cannot_start_is_a_problem(doctor, root):
    """There is no systemd here: the service reports that, and doctor shows it."""
    with network(root, "yesnet", "isolated", services=False) as net:
        assert poll(lambda: net.get("Warnings"), 5)
        found = doctor()
        assert found["status"] == 1
        assert found["network"]["state"] == "problem" and "yesnet" in found["network"]["text"]
        assert any("systemd" in text and "by hand" in text for text in net.get("Warnings"))


@pytest.mark.skipif(not os.path.exists("/usr/sbin/dnsmasq"), reason="dnsmasq is not installed")
def test_a_network_without_dnsmasq_is_a_problem(doctor, root):
    with network(root, "yesnet", "isolated", services=False):
        assert doctor()["dnsmasq"]["state"] == "ok"
        with mounted("/dev/null", "/usr/sbin/dnsmasq"):
            found = doctor()["dnsmasq"]
            assert found["state"] == "problem" and "vnicd-networks" in found["cure"]


def test_a_filter_of_somebody_else_that_drops_what_is_forwarded_is_shown(doctor, root):
    with dropping("ip docker FORWARD"), network(root, "yesnat", services=False) as net:
        assert poll(lambda: any('"ip docker FORWARD"' in text for text in net.get("Warnings")), 20, 0.05)
        assert doctor()["network"]["state"] == "problem"
