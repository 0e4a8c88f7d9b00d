# SPDX-License-Identifier: LGPL-2.1-or-later
"""Purging the package: the script removes what the service takes for its own, and nothing else. Both see the
same links: the service shows what it takes for its own by what it exports or deletes at its start, the script
by what it deletes."""

import os
import pathlib
import subprocess

import pytest
from vnic import kernel, networks
from vnic.client import ENDPOINT
from vnic.process import ROOM, poll

pytestmark = [pytest.mark.restarts, pytest.mark.deadline(120)]

SCRIPT = pathlib.Path(os.environ["VNICD_SOURCE"]) / "debian" / "vnicd.postrm"
GROUP, TAPS, AWAITING, UNTOLD = 0x766E6963, 0x76000000, 0x74000000, 0x72000000
TAP = "vnicd:1 uid=1001 life=persistent queues=1 nonce={} hdr=10 mac=52:54:00:00:00:01 at=1795353600"
TODAY = "vnicd:1 uid=1001 persistent=1 queues=1 nonce={} hdr=10 mac=52:54:00:00:00:01 guest=given at=1795353600 " \
        "isolated=0 anti_spoof=0 bpdu_guard=0"
LAB = "vnicd-net:1 kind=isolated life=kept dhcp=1 apart=0 lan=0 host=1{} ports=1023 each=8 domain=lab.internal guard=0"
NAT = LAB.replace("isolated", "nat")
SINCE = "vnicd-net:1 kind=isolated kept{} ports-per-user=8 domain=lab.internal"  # as written after 0.1.0
SINCE_NAT = SINCE.replace("isolated", "nat")
BARE = LAB.replace("dhcp=1", "dhcp=0").replace("host=1", "host=0")

# The name and the alias of a tap; those of the first table are vnicd's, whatever their name.
OUR_TAPS = {
    "vnic00000001": TAP.format("00000001"),
    "renamed": TAP.format("00000002") + " label=web_1.x-Y",
    "vnic00000003": TAP.format("00000003").replace("uid=1001", "uid=4294967294").replace("queues=1", "queues=16"),
    "vnic00000004": TAP.format("00000004").replace("hdr=10", "hdr=0") + " label=" + "a" * 32,
    "vnic00000005": TODAY.format("00000005"),
    "vnic0000000a": TODAY.format("0000000a") + " network=lab label=web ip=10.70.3.9",
    "vnic00000006": TODAY.format("00000006").replace("given", "told") + " bridge=br=0\x01 label=web",
    "vnic00000007": TODAY.format("00000007").replace("given", "generated") + " bridge=" + "a" * 15,
    "vnic00000008": TODAY.format("00000008").replace("persistent=1", "persistent=logout"),
}
OTHER_TAPS = {
    "vnic00000011": "",
    "vnic00000012": "vnicd:1 ",
    "vnic00000013": "vnicd:1 uid=1001 life=persistent my notes",
    "vnic00000014": TAP.format("00000014") + " ",
    "vnic00000015": " " + TAP.format("00000015"),
    "vnic00000015": TODAY.format("00000015") + " label=web ip=10.70.3.256",
    "vnic00000016": TAP.format("00000016") + " label=",
    "vnic00000017": TAP.format("00000017") + " label=" + "a" * 33,
    "vnic00000018": TAP.format("00000018") + " label=a b",
    "vnic00000019": TAP.format("19"),
    "vnic0000001a": TAP.format("0000001A"),
    "vnic0000001b": TAP.format("0000001b").replace("uid=1001", "uid=01001"),
    "vnic0000001c": TAP.format("0000001c").replace("uid=1001", "uid=4294967296"),
    "vnic0000001d": TAP.format("0000001d").replace("uid=1001", "uid=-1"),
    "vnic0000001e": TAP.format("0000001e").replace("52:54", "52-54"),
    "vnic0000001f": TAP.format("0000001f").replace("00:01 ", "00:0A "),
    "vnic00000020": TAP.format("00000020").replace(" hdr", "  hdr"),
    "vnic00000021": TAP.format("00000021").replace("persistent", "for-ever"),
    "vnic00000022": TAP.format("00000022") + "\n",
    "vnic00000023": "mine\n" + TAP.format("00000023"),
    "vnic00000024": TAP.format("00000024") + "\nmine",
    "vnic00000025": TAP.format("00000025").replace("vnicd:1", "vnicd:2"),
    "vnic00000026": "\"'`$(touch /run/vnicd-pwned)` %s%n \\ * ;",
    "vnic00000071": TODAY.format("00000071") + " vlan=5",
    "vnic0000007a": TODAY.format("0000007a").replace("persistent=1", "persistent=2"),
    "vnic0000007b": TODAY.format("0000007b").replace("persistent=1", "persistent=logout1"),
    "vnic00000072": TODAY.format("00000072").replace("given", "guessed"),
    "vnic00000073": TODAY.format("00000073").replace("isolated=0", "isolated=2"),
    "vnic00000074": TODAY.format("00000074") + " bridge=" + "a" * 16,
    "vnic00000075": TODAY.format("00000075") + " bridge=a:b",
    "vnic00000076": TODAY.format("00000076") + " bridge=a\tb",
    "vnic00000077": TODAY.format("00000077") + " bridge=br0 network=br0",
    "vnic00000078": TODAY.format("00000078") + " label=web bridge=br0",
    "vnic00000079": TAP.format("00000079") + " bridge=br0",
    "$(id)": "vnicd:1 uid=$(touch /run/vnicd-pwned) life=persistent ",
    "a'b\"c*": "%d " + TAP.format("00000028"),
}

OUR_NETWORKS = {
    "lab": LAB.format(" v4=10.70.3.1/24 v6=fd70:3::1/64") + " own",
    "nat0": NAT.format(" v4=10.71.3.1/24").replace("lan=0", "lan=1"),
    "bare": BARE.format(""),
    "baredhcp": LAB.format("").replace("host=1", "host=0"),
    "a-b": LAB.format("").replace("each=8", "each=1023").replace("lab.internal", "a.b-c.d"),
    "since": SINCE.format(" address=10.73.3.1/24,fd73:3::1/64"),
    "sincev4": SINCE.format(" address=10.74.3.1/24 dhcp=no guests-isolated guard-addresses").replace(" kept", ""),
    "sincev6": SINCE.format(" address=fd75:3::1/64"),
    "sincenat": SINCE_NAT.format(" address=10.76.3.1/24 reach-lan ports-max=20") + " ipv6=none guard-ipv6 fwd=2147483647",
    "sincebare": SINCE.format(" dhcp=no host-access=no").replace(" ports-per-user=8", ""),
    "half": "",
    "-half": "",  # setup got no further than that, whatever kind of tap it was to be
}
OTHER_NETWORKS = {
    "note": "vnicd-net:1 a note of mine",
    "tail": LAB.format("") + " ",
    "head": "x" + LAB.format(""),
    "line": LAB.format("") + "\n",
    "lines": "mine\n" + LAB.format(""),
    "order": LAB.format("").replace("kind=isolated life=kept", "life=kept kind=isolated"),
    "ports": LAB.format("").replace("ports=1023", "ports=1024"),
    "noport": LAB.format("").replace("each=8", "each=0"),
    "lan": LAB.format("").replace("lan=0", "lan=1"),
    "nohost": NAT.format("").replace("host=1", "host=0"),
    "bareip": BARE.format(" v4=10.72.3.1/24"),
    "octet": LAB.format(" v4=10.70.256.1/24"),
    "zero": LAB.format(" v4=10.70.03.1/24"),
    "wide": LAB.format(" v4=10.70.3.1/7"),
    "subnet": LAB.format(" v4=10.70.3.0/24"),
    "broadcast": LAB.format(" v4=10.70.3.255/24"),
    "loopback": LAB.format(" v4=127.0.0.2/24"),
    "multicast": LAB.format(" v4=224.0.0.2/24"),
    "linklocal": LAB.format(" v4=169.254.1.1/24"),
    "v6prefix": LAB.format(" v6=fd70:3::1/63"),
    "v6upper": LAB.format(" v6=FD70:3::1/64"),
    "v6link": LAB.format(" v6=fe80::1/64"),
    "v6multi": LAB.format(" v6=ff02::1/64"),
    "domain": LAB.format("").replace("lab.internal", "lab..internal"),
    "domainlong": LAB.format("").replace("lab.internal", "a" * 33),
    "domaindash": LAB.format("").replace("lab.internal", "lab-.internal"),
    "twice": LAB.format("") + " own own",
    "fwdnone": NAT.format("") + " fwd=",
    "fwdzero": NAT.format("") + " fwd=0",
    "fwdmany": NAT.format("") + " fwd=2,3,4,5,6",
    "sincetail": SINCE.format("") + " ",
    "sincev2": SINCE.format("").replace("net:1", "net:2"),
    "sinceorder": SINCE.format("").replace("kind=isolated kept", "kept kind=isolated"),
    "sincemixed": SINCE.format(" apart=1"),
    "sinceyes": SINCE.format(" guests-isolated=yes"),
    "sincedhcp": SINCE.format(" dhcp"),
    "sinceusual": SINCE.format(" ports-max=1023"),
    "sinceports": SINCE.format(" ports-max=1024"),
    "sincelan": SINCE.format(" reach-lan"),
    "sincenohost": SINCE_NAT.format(" host-access=no"),
    "sincebareip": SINCE.format(" address=10.72.3.1/24 dhcp=no host-access=no"),
    "sinceoctet": SINCE.format(" address=10.70.256.1/24"),
    "sincesubnet": SINCE.format(" address=10.70.3.0/24,fd70:3::1/64"),
    "sincetwo": SINCE.format(" address=10.70.3.1/24,10.71.3.1/24"),
    "sincev6first": SINCE.format(" address=fd70:3::1/64,10.70.3.1/24"),
    "sincev6link": SINCE.format(" address=10.70.3.1/24,fe80::1/64"),
    "sincev6multi": SINCE.format(" address=ff02::1/64"),
    "sincenodomain": SINCE.format("").replace(" domain=lab.internal", ""),
    "sincedomain": SINCE.format("").replace("lab.internal", "a" * 33),
    "sincetwice": SINCE.format(" guests-isolated guests-isolated"),
    "sincefwdnone": SINCE_NAT.format("") + " fwd=",
    "sincefwdmany": SINCE_NAT.format("") + " fwd=2,3,4,5,6",
    "Capital": LAB.format(""),
    "dash-": LAB.format(""),
    "vnic00000031": LAB.format(""),
    "$(id;touch x)".replace(";", "_").replace(" ", "_"): LAB.format(""),
}


def make_tap(name, alias, mode="tap", group=0):
    kernel.run("ip", "tuntap", "add", "dev", name, "mode", mode)
    kernel.run("ip", "link", "set", "dev", name, "up", "group", group, "alias", alias)


def make_bridge(name, alias, group=GROUP, mtu=None, kind="bridge"):
    """kind: of the link, if it is to be another one; veth needs a name for its peer."""
    more = ["peer", "name", f"{name}-peer"[-15:]] if kind == "veth" else []
    kernel.run("ip", "link", "add", "name", name, "group", group, "type", kind, *more)
    kernel.run("ip", "link", "set", "dev", name, "alias", alias, *(["mtu", mtu] if mtu else []))


def make_all():
    """All links of the tables, and those that are not vnicd's for more reasons than their alias. Returns
    their names."""
    before = set(os.listdir("/sys/class/net"))
    for name, alias in {**OUR_NETWORKS, **OTHER_NETWORKS}.items():
        make_bridge(name, alias)
    for name, alias in {**OUR_TAPS, **OTHER_TAPS}.items():
        make_tap(name, alias)
    # Another kind of link, and another group.
    make_tap("vnic00000041", TAP.format("00000041"), mode="tun")
    make_bridge("vnic00000042", TAP.format("00000042"), group=0, kind="veth")
    make_bridge("vnic00000043", TAP.format("00000043"), group=0)
    make_bridge("vethnet", LAB.format(""), kind="veth")
    make_bridge("nogroup", LAB.format(""), group=0)
    make_bridge("tapgroup", LAB.format(""), group=TAPS + 1)
    make_bridge("smallmtu", LAB.format(""), mtu=1279)
    make_bridge("vethhalf", "", kind="veth")
    # An administrator's port, and taps of vnicd: on a network, and of one that is gone.
    kernel.run("ip", "link", "add", "vnicuplink", "type", "veth", "peer", "name", "far0")
    kernel.run("ip", "link", "set", "vnicuplink", "master", "lab")
    lab = kernel.link("lab")["ifindex"]
    make_tap("vnic00000051", TAP.format("00000051"), group=TAPS + lab)
    kernel.run("ip", "link", "set", "vnic00000051", "master", "lab")
    make_tap("vnic00000052", TAP.format("00000052"), group=TAPS + 0xFFFFF0)
    make_tap("vnic00000053", "", group=TAPS + lab)
    # Its first source is awaited; then nothing is reported of its sources.
    make_tap("vnic00000054", TAP.format("00000054"), group=AWAITING + lab)
    make_tap("vnic00000055", TAP.format("00000055"), group=UNTOLD + 0xFFFFF0)
    return set(os.listdir("/sys/class/net")) - before


OURS = {*OUR_TAPS, *OUR_NETWORKS, "vnic00000051", "vnic00000052", "vnic00000054", "vnic00000055"}


def delete_all(names):
    kernel.run("ip", "link", "delete", "group", GROUP, check=False)
    for name in names & set(os.listdir("/sys/class/net")):
        kernel.run("ip", "link", "delete", "dev", name, check=False)


def purge():
    """Run the script as dpkg calls it after debhelper has completed it. Files of the host are not covered
    here."""
    text = SCRIPT.read_text().replace("#DEBHELPER#", "")
    file = ROOM / "postrm"
    file.write_text(text)
    done = subprocess.run(["unshare", "-m", "sh", "-c", "[ ! -d /etc/vnicd ] || mount -t tmpfs tmpfs /etc/vnicd; "
                           f"exec sh {file} purge"], stdin=subprocess.DEVNULL, text=True, capture_output=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def tables():
    return set(kernel.run("nft", "list", "tables").splitlines())


@pytest.fixture
def stopped(world):
    """A world in which no service runs; afterwards one runs again, and nothing is left of what a test has
    made."""
    before, filters = set(os.listdir("/sys/class/net")), tables()
    world.stop_service()
    yield world
    if world.service.alive():
        world.stop_service()
    delete_all(set(os.listdir("/sys/class/net")) - before)
    for table in tables() - filters:
        kernel.run("nft", "delete", *table.split())
    world.start_service()


def taken_by_service(world, made):
    """What the service exports, and what it has deleted at its start."""
    world.start_service()
    # Those that it deletes are all gone once the last of them is.
    poll(lambda: not {"half", "-half", "vnic00000052"} & set(os.listdir("/sys/class/net")), 10)
    shown = set()
    for interfaces in world.root.managed_objects().values():
        if ENDPOINT in interfaces:
            shown.add(interfaces[ENDPOINT]["Interface"])
        if networks.NETWORK in interfaces:
            shown.add(interfaces[networks.NETWORK]["Name"])
    taken = (shown & made) | (made - set(os.listdir("/sys/class/net")))
    world.stop_service()
    return taken


def taken_by_script(made):
    purge()
    return made - set(os.listdir("/sys/class/net"))


@pytest.mark.once
def test_the_script_takes_for_ours_what_the_service_does_and_nothing_else(stopped):
    made = make_all()
    assert taken_by_service(stopped, made) == OURS
    delete_all(made)
    made = make_all()
    assert taken_by_script(made) == OURS
    assert kernel.link("vnicuplink").get("master") is None
    assert not pathlib.Path("/run/vnicd-pwned").exists()


def test_a_persistent_tap_that_somebody_has_open_stays(stopped):
    make_tap("vnic00000061", TAP.format("00000061"))
    make_tap("vnic00000062", TAP.format("00000062").replace("persistent", "fd"))
    fd, name = kernel.open_tap("vnic00000061", kernel.IFF_TAP | kernel.IFF_NO_PI)
    try:
        assert kernel.carrier(name)
        purge()
        assert kernel.exists("vnic00000061") and kernel.exists("vnic00000062")
    finally:
        os.close(fd)
    purge()
    assert not kernel.exists("vnic00000061")
    assert kernel.exists("vnic00000062"), "one that lives by its queues ends with them"


def test_a_tap_that_is_in_use_on_a_bridge_of_the_host_stays_and_is_left_no_way_past_the_bridge(stopped):
    """The table that keeps its reserved frames away is purged: the port must not forward them any more."""
    def mask(name):
        return int(pathlib.Path(f"/sys/class/net/{name}/brport/group_fwd_mask").read_text(), 0)

    other, ours = "other0", "vnic00000063"
    with kernel.bridge("yes0"):
        fds = []
        try:
            for name in (ours, other):
                fds.append(kernel.open_tap(name, kernel.IFF_TAP | kernel.IFF_NO_PI)[0])
                kernel.run("ip", "link", "set", "dev", name, "group", TAPS, "master", "yes0", "up")
                kernel.run("ip", "link", "set", "dev", name, "type", "bridge_slave", "group_fwd_mask", "0xfffd")
            kernel.run("ip", "link", "set", "dev", ours, "alias", TAP.format("00000063").replace("persistent", "fd"))
            kernel.run("nft", "add", "table", "bridge", "vnicd-taps-")
            purge()
            assert (mask(ours), mask(other)) == (0, 0xfffd)
            assert "table bridge vnicd-taps-" not in tables()
        finally:
            for fd in fds:
                os.close(fd)


@pytest.mark.parametrize("of_others", (False, True))
def test_forwarding_that_a_network_needed_is_switched_off_unless_the_host_forwards(stopped, of_others):
    switch = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
    switch.write_text("0\n")  # a world may have inherited it from its host
    try:
        devices = {}
        for name in ("up0", "up1", "up2"):
            kernel.run("ip", "link", "add", name, "type", "bridge")
            devices[name] = pathlib.Path(f"/proc/sys/net/ipv4/conf/{name}/forwarding")
            devices[name].write_text("1\n")
        indexes = [kernel.link(name)["ifindex"] for name in ("up0", "up1")]
        make_bridge("lab", NAT.format(" v4=10.70.3.1/24") + f" fwd={indexes[0]},{indexes[1]}")
        make_bridge("note", f"vnicd-net:1 a note of mine fwd={kernel.link('up2')['ifindex']}")
        switch.write_text(f"{int(of_others)}\n")
        for file in devices.values():  # the switch for all has set them
            file.write_text("1\n")
        purge()
        assert not kernel.exists("lab") and kernel.exists("note")
        wanted = "1\n" if of_others else "0\n"
        assert {name: file.read_text() for name, file in devices.items()} == \
            {"up0": wanted, "up1": wanted, "up2": "1\n"}
        assert switch.read_text() == f"{int(of_others)}\n"
    finally:
        switch.write_text("0\n")


@pytest.mark.parametrize("of_others", (False, True))
def test_devices_that_say_that_vnicd_switched_them_on_forward_no_more(stopped, of_others):
    """A device whose number another program uses is not vnicd's, nor is one that forwards for another
    reason."""
    switch = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
    switch.write_text("0\n")
    conf = pathlib.Path("/proc/sys/net/ipv4/conf")
    try:
        for name, tag in (("up0", GROUP), ("up1", 7), ("up2", 0)):
            kernel.run("ip", "link", "add", name, "type", "bridge")
            (conf / name / "tag").write_text(f"{tag}\n")
        switch.write_text(f"{int(of_others)}\n")
        for name in ("up0", "up1", "up2"):
            (conf / name / "forwarding").write_text("1\n")
        purge()
        assert [(conf / name / "forwarding").read_text().strip() for name in ("up0", "up1", "up2")] == \
            ["1" if of_others else "0", "1", "1"]
        assert [(conf / name / "tag").read_text().strip() for name in ("up0", "up1")] == ["0", "7"]
    finally:
        switch.write_text("0\n")


def test_the_device_for_checksums_goes_if_it_is_vnicds(stopped):
    def add(alias):
        kernel.run("ip", "link", "add", "vnicd_csum", "type", "ifb")
        kernel.run("ip", "link", "set", "vnicd_csum", "alias", alias)

    add("mine")
    purge()
    assert kernel.exists("vnicd_csum")
    kernel.run("ip", "link", "del", "vnicd_csum")
    add("DHCP replies of vnicd's networks get their checksums here")
    purge()
    assert not kernel.exists("vnicd_csum")


def test_tables_go_by_their_family_and_the_beginning_of_their_name(stopped):
    ours = {"table bridge vnicd-lab", "table inet vnicd-lab", "table inet vnicd-uplinks-", "table bridge vnicd-x_Y",
            "table arp vnicd-static"}
    others = {"table ip vnicd-lab", "table ip6 vnicd-lab", "table netdev vnicd-lab", "table inet my-vnicd-lab",
              "table bridge vnicdlab", "table inet vnic"}
    for table in ours | others:
        kernel.run("nft", "create", *table.split())
    stopped.start_service()
    left = tables()
    stopped.stop_service()
    assert left & (ours | others) - {"table arp vnicd-static"} == others, "as the service sees it"
    for table in ours - left:
        kernel.run("nft", "create", *table.split())
    purge()
    assert tables() & (ours | others) == others
