# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every option and every name: a wrong one is refused with a typed error, and nothing is changed."""

import pytest
from gi.repository import Gio, GLib
from vnic import kernel
from vnic.client import ENDPOINT, MANAGER, NAME, ROOT
from vnic.networks import network
from vnic.process import poll

V = GLib.Variant


@pytest.fixture(autouse=True)
def nothing_made():
    before = kernel.our_links()
    yield
    assert kernel.our_links() == before


def refused(client, bridge, *arguments, **options):
    before = client.managed_objects()
    error = client.create_tap_error(bridge, *arguments, **options)
    assert client.managed_objects() == before
    return error


@pytest.mark.parametrize("queues", [0, 17, 255, 256, 2 ** 31, 2 ** 32 - 1])
def test_queues_out_of_range_are_refused_and_the_service_lives(alice, bridge, world, queues):
    pid = world.pid
    error = refused(alice, bridge, True, True, queues=queues)
    assert error.short == "InvalidOption" and '"queues"' in error.message
    assert world.pid == pid


@pytest.mark.parametrize("queues", [2, 16])
def test_several_queues_need_multiqueue(alice, bridge, queues):
    error = refused(alice, bridge, True, False, queues=queues)
    assert error.short == "InvalidOption" and "multiqueue" in error.message


@pytest.mark.parametrize("key,value", [
    ("label", V("s", "")), ("label", V("s", "a" * 33)), ("label", V("s", "a b")),
    ("label", V("s", "$(id)")), ("label", V("s", "a\nb")), ("label", V("s", "x" * 50000)),
    ("label", V("s", "vnic0badcafe")), ("label", V("s", "vnic00000000")),
    ("label", V("s", "\u202egnp")), ("label", V("u", 1)), ("label", V("v", V("s", "web"))),
    ("guest_mac", V("s", "")), ("guest_mac", V("s", "52:54:00:12:34")),
    ("guest_mac", V("s", "52:54:00:12:34:5")), ("guest_mac", V("s", "52-54-00-12-34-56")),
    ("guest_mac", V("s", "52:54:00:12:34:56 ")), ("guest_mac", V("s", "00:00:00:00:00:00")),
    ("guest_mac", V("s", "53:54:00:12:34:56")), ("guest_mac", V("s", "ff:ff:ff:ff:ff:ff")),
    ("guest_mac", V("s", "0x:54:00:12:34:56")), ("guest_mac", V("ay", b"\x52\x54\x00\x12\x34\x56")),
    ("mtu", V("u", 0)), ("mtu", V("u", 67)), ("mtu", V("u", 65522)), ("mtu", V("u", 2 ** 32 - 1)),
    ("mtu", V("i", -1)), ("mtu", V("s", "1500")),
    ("isolated", V("u", 1)), ("anti_spoof", V("s", "yes")), ("queues", V("i", 1)), ("queues", V("t", 1)),
    ("vnet_hdr_size", V("u", 0)), ("vnet_hdr_size", V("u", 9)), ("vnet_hdr_size", V("u", 11)),
    ("vnet_hdr_size", V("u", 1000)),
    ("owner", V("u", 2 ** 32 - 1)), ("owner", V("i", -1)), ("owner", V("s", "alice")),
])
def test_a_value_that_is_wrong_is_refused_by_the_name_of_its_option(alice, bridge, key, value):
    error = refused(alice, bridge, True, True, **{key: value})
    assert error.short == "InvalidOption"
    assert f'"{key}"' in error.message


@pytest.mark.parametrize("key,value", [
    ("rate_to_guest", V("t", 1)), ("rate_from_guest", V("t", 1)), ("vlan", V("q", 1)),
    ("vlan_trunk", V("aq", [1])), ("vhost", V("b", True)),
    ("Queues", V("u", 1)), ("x", V("u", 1)),
])
def test_an_option_that_is_not_built_is_refused_not_passed_over(alice, bridge, key, value):
    error = refused(alice, bridge, True, True, **{key: value})
    assert error.short == "InvalidOption"
    assert f'"{key}"' in error.message


@pytest.mark.parametrize("key", ["", "a b", "x" * 60000, "$(id)", "ev\x1bil", "\u202egnp", "a\nb"])
def test_a_strange_key_is_refused_without_being_repeated(alice, bridge, key):
    error = refused(alice, bridge, **{key: V("b", True)})
    assert error.short == "InvalidOption"
    assert len(error.message) < 320 and (not key or key not in error.message)


def test_a_key_that_is_there_twice_is_refused(alice, bridge):
    options = GLib.VariantBuilder(GLib.VariantType("a{sv}"))
    for mtu in (1500, 1600):
        options.add_value(GLib.Variant.new_dict_entry(V("s", "mtu"), V("v", V("u", mtu))))
    message = Gio.DBusMessage.new_method_call(NAME, ROOT, MANAGER, "CreateTap")
    message.set_body(GLib.Variant.new_tuple(V("s", bridge), V("b", True), V("b", False), options.end()))
    reply, _ = alice.connection.send_message_with_reply_sync(
        message, Gio.DBusSendMessageFlags.NONE, 5000, None)
    assert reply.get_error_name() == "org.vnicd1.Error.InvalidOption"
    assert "twice" in reply.get_body().unpack()[0]


def test_a_header_size_without_a_header_is_refused(alice, bridge):
    assert refused(alice, bridge, False, vnet_hdr_size=12).short == "VnetHdrRequired"


@pytest.mark.parametrize("key", ["isolated", "anti_spoof"])
def test_port_flags_need_a_bridge(carol, key):
    error = refused(carol, "-", **{key: True})
    assert error.short == "InvalidOption" and f'"{key}"' in error.message


@pytest.mark.parametrize("name", [
    "yes012345678901", "yes0123456789012", "yes01234567890123", "y" * 4096, "%d", "yes%d", "../x",
    "..", ".", "-rf", "$(id)", "yes 0", "yes0\n", "yes/0", "a:b", "\u00e9", "\u202e", "--",
])
def test_a_name_of_no_bridge_is_refused(alice, name):
    error = refused(alice, name)
    assert error.short == "NoSuchBridge"
    assert len(error.message) < 320


def test_a_name_is_never_cut_into_one_that_exists(alice, bridges):
    bridges("yes012345678901")  # 15 bytes
    with alice.create_tap("yes012345678901"):
        pass
    assert poll(lambda: alice.managed_objects() == {}, 2.0)
    for longer in ("yes0123456789012", "yes01234567890123", "yes012345678901" + "x" * 4081):
        assert refused(alice, longer).short == "NoSuchBridge"


def test_an_alternative_name_is_no_name(alice, bridges):
    bridges("yes0")
    kernel.run("ip", "link", "property", "add", "dev", "yes0", "altname", "yesalt")
    assert refused(alice, "yesalt").short == "NoSuchBridge"


def test_something_else_than_a_bridge_is_not_a_bridge(alice):
    error = refused(alice, "lo")
    assert error.short == "NotABridge" and '"lo"' in error.message


def test_there_is_no_default_network(alice):
    assert refused(alice, "").short == "NoSuchNetwork"


def test_a_label_is_unique_among_the_callers(alice, bob, bridge):
    with alice.create_tap(bridge, label="web") as tap:
        assert refused(alice, bridge, label="web").short == "NameTaken"
        with bob.create_tap(bridge, label="web") as other:
            assert alice.call(ROOT, MANAGER, "GetEndpoint", "s", ("web",)) == (tap.endpoint,)
            assert bob.call(ROOT, MANAGER, "GetEndpoint", "s", ("web",)) == (other.endpoint,)
            other.release()
        tap.release()
    with alice.create_tap(bridge, label="web") as tap:
        tap.release()


def test_what_is_only_like_the_name_of_an_interface_is_a_label(alice, bridge):
    for label in ("vnic0badcaf", "vnic0badcafe0", "VNIC0badcafe", "vnic0BADCAFE", "vnic0badcafg", "xvnic0badcafe", "vnicbr0"):
        with alice.create_tap(bridge, label=label) as tap:
            assert alice.call(ROOT, MANAGER, "GetEndpoint", "s", (label,)) == (tap.endpoint,)
            tap.release()


@pytest.mark.restarts
def test_a_tap_of_an_earlier_release_keeps_a_label_that_is_now_refused(world, alice, bridge):
    """It is found by it, unless an interface has that name."""
    with alice.create_tap(bridge, label="older") as tap, alice.create_tap(bridge) as other:
        world.kill_service()
        for label in ("vnic0badcafe", other.interface):
            kernel.run("ip", "link", "set", tap.interface, "alias",
                       kernel.alias(tap.interface).rpartition("=")[0] + f"={label}")
            world.start_service()
            assert tap.get("Label") == label
            assert alice.call(ROOT, MANAGER, "GetEndpoint", "s", (label,)) == \
                ((other if label == other.interface else tap).endpoint,)
            assert refused(alice, bridge, label=label).short == "InvalidOption"
            world.kill_service()
        world.start_service()
        tap.release()
        other.release()


def test_an_endpoint_is_found_by_its_interface_and_by_nothing_like_it(alice, bob, bridge):
    def find(client, name):
        return client.error(ROOT, MANAGER, "GetEndpoint", "s", (name,)).short

    with alice.create_tap(bridge, label="web") as tap:
        assert bob.call(ROOT, MANAGER, "GetEndpoint", "s", (tap.interface,)) == (tap.endpoint,)
        assert find(bob, "web") == "NoSuchEndpoint"
        for name in ("", "yes0", "lo", tap.interface + "x", tap.interface[:-1], "%d", "../" + tap.interface,
                     "web" + "x" * 5000, tap.interface.upper()):
            assert find(alice, name) == "NoSuchEndpoint"
        kernel.run("ip", "link", "property", "add", "dev", tap.interface, "altname", "vnicalt")
        assert find(alice, "vnicalt") == "NoSuchEndpoint"
        tap.release()


def test_the_arguments_must_be_those_of_the_contract(alice):
    for signature, values in (("s", ("yes0",)), ("ssba{sv}", ("a", "b", True, {})), ("", ())):
        for member in ("CreateTap", "OpenTap", "CanCreateTap"):
            error = alice.error(ROOT, MANAGER, member, signature, values)
            assert error.short == "InvalidArgs"


def test_a_path_of_no_endpoint_is_an_unknown_object(alice):
    for name in ("vnic00000000", "vnicFFFFFFFF", "vnic1", "x", "vnic000000000", "a" * 5000):
        error = alice.error(f"/org/vnicd1/endpoint/{name}", ENDPOINT, "Release")
        assert error.short in ("UnknownObject", "UnknownMethod", "UnknownInterface"), name


# Networks: many in one test, since each check inspects the whole host

BAD_OPTIONS = [
    ("domain", V("s", "")), ("domain", V("s", "a" * 33)), ("domain", V("s", "a" * 50000)), ("domain", V("s", "Lab")),
    ("domain", V("s", "lab..internal")), ("domain", V("s", ".lab")), ("domain", V("s", "lab.")), ("domain", V("s", "-lab")),
    ("domain", V("s", "lab-.internal")), ("domain", V("s", "a_b")), ("domain", V("s", "lab\nport=53")), ("domain", V("u", 1)),
    ("addresses", V("as", ["10.70.3.1"])), ("addresses", V("as", ["10.70.3.1/7"])), ("addresses", V("as", ["10.70.3.1/31"])),
    ("addresses", V("as", ["10.70.3.0/24"])), ("addresses", V("as", ["fd70:3::1/63"])),
    ("addresses", V("as", ["fd70:3::1/65"])), ("addresses", V("as", ["10.70.3.1/24", "10.70.4.1/24"])),
    ("addresses", V("as", ["fd70:3::1/64", "fd70:4::1/64"])), ("addresses", V("as", ["10.70.3.1/24\n"])),
    ("addresses", V("as", ["x" * 50000])), ("addresses", V("s", "10.70.3.1/24")),
    ("mtu", V("i", 1500)), ("dhcp", V("u", 1)), ("guests_isolated", V("s", "yes")), ("guard_addresses", V("u", 0)),
    ("label", V("s", "web")), ("Domain", V("s", "lab"))]
BAD_NUMBERS = [("mtu", 0), ("mtu", 1279), ("mtu", 65522), ("mtu", 2 ** 32 - 1), ("ports_max", 0), ("ports_max", 1024),
               ("ports_per_user", 0), ("ports_per_user", 1024)]
BAD_NAMES = ["", "Yesnet", "1net", "-net", "net-", "net_1", "net.1", "a" * 16, "net\n", "../net", "%d"]


def network_error(client, name, kind, **options):
    return client.error(ROOT, MANAGER, "CreateNetwork", "ssa{sv}", (name, kind, options))


@pytest.fixture
def no_network_made():
    before = kernel.snapshot()
    yield
    assert kernel.snapshot() == before


def test_what_is_wrong_for_a_network_is_refused_by_the_name_of_its_option(root, no_network_made):
    for key, value in BAD_OPTIONS:
        error = network_error(root, "yesnet", "isolated", **{key: value})
        assert error.short == "InvalidOption" and f'"{key}"' in error.message and len(error.message) < 320, (key, value, error)


def test_numbers_and_combinations_that_no_network_has_are_refused(root, no_network_made):
    for key, value in BAD_NUMBERS:
        assert network_error(root, "yesnet", "isolated", **{key: V("u", value)}).short == "InvalidOption", (key, value)
    for kind, key, value in (("isolated", "reach_lan", True), ("nat", "host_access", False)):
        assert network_error(root, "yesnet", kind, **{key: V("b", value)}).short == "InvalidOption", (kind, key)


def test_names_and_kinds_that_no_network_has_are_refused(root, no_network_made):
    for name in BAD_NAMES:
        error = network_error(root, name, "isolated")
        assert error.short == "InvalidArgs" and "name" in error.message, (name, error)
    for kind in ("", "NAT", "bridge", "natt", "isolated "):
        assert network_error(root, "yesnet", kind).short == "InvalidArgs", kind


def test_what_is_at_the_edge_is_taken_as_it_was_given(root):
    domain = "a" * 16 + "." + "b" * 15  # 32 bytes
    with network(root, "a" + "-" * 13 + "b", "isolated", services=False, domain=domain, mtu=65521, ports_max=1023,
                 ports_per_user=1, addresses=["10.70.3.1/30", "fd70:3::1/64"]) as made:
        assert made.get("Domain") == domain and made.get("Mtu") == 65521
        assert (made.get("PortsMax"), made.get("PortsPerUser")) == (1023, 1)
        assert sorted(made.get("Addresses")) == ["10.70.3.1/30", "fd70:3::1/64"]
