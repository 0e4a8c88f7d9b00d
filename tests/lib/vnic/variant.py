# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python values to D-Bus values and back, with file descriptors as descriptors."""

from gi.repository import GLib

# The types of CreateTap's options, as the contract has them; a GLib.Variant has its own type.
OPTION_TYPES = {
    "queues": "u", "label": "s", "guest_mac": "s", "mtu": "u", "persistent": "b", "until_logout": "b", "owner": "u",
    "isolated": "b", "anti_spoof": "b", "rate_to_guest": "t", "rate_from_guest": "t", "vlan": "q",
    "vlan_trunk": "aq", "vnet_hdr_size": "u", "offloads": "as",
}


def guess(value):
    """The D-Bus type of an option that the contract does not know."""
    if isinstance(value, bool):
        return "b"
    if isinstance(value, int):
        return "u" if value >= 0 else "i"
    if isinstance(value, (list, tuple)):
        return "as"
    return "s"


def options(values):
    """A dict for the argument a{sv} of CreateTap."""
    result = {}
    for key, value in values.items():
        if not isinstance(value, GLib.Variant):
            value = GLib.Variant(OPTION_TYPES.get(key) or guess(value), value)
        result[key] = value
    return result


def arguments(signature, values):
    """A message body. `signature` is that of the arguments together, such as "sba{sv}"."""
    return GLib.Variant(f"({signature})", tuple(values)) if signature else None


class Fd(int):
    """A descriptor, distinguished from other numbers."""


def unpack(value, fds=()):
    """Plain Python values from a variant; a handle becomes the descriptor of the message that it stands
    for."""
    kind = value.get_type_string()
    if kind == "h":
        number = value.get_handle()
        return Fd(fds[number] if number < len(fds) else -1)
    if kind == "v":
        return unpack(value.get_variant(), fds)
    if kind.startswith("a{"):
        pairs = (value.get_child_value(i) for i in range(value.n_children()))
        return {unpack(pair.get_child_value(0), fds): unpack(pair.get_child_value(1), fds)
                for pair in pairs}
    if kind == "ay":
        return bytes(value.get_child_value(i).get_byte() for i in range(value.n_children()))
    if kind.startswith("a"):
        return [unpack(value.get_child_value(i), fds) for i in range(value.n_children())]
    if kind.startswith("("):
        return tuple(unpack(value.get_child_value(i), fds) for i in range(value.n_children()))
    return value.unpack()
