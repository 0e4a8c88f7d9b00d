#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# persistent-tap.sh BRIDGE VMM...: makes a persistent tap with busctl and starts a VMM that opens its tap
# by name (as firecracker does), with the words {tap} and {mac} of its command line filled in. The tap is
# taken away when the VMM has ended. Needs a vnicd that makes persistent taps.

set -eu
[ $# -ge 2 ] || { echo "Usage: persistent-tap.sh BRIDGE VMM..." >&2; exit 2; }
bridge=$1
shift

# One queue, a header, and a life that does not end with busctl's.
reply=$(busctl --system --timeout=150 --allow-interactive-authorization=yes call \
    org.vnicd1 /org/vnicd1 org.vnicd1.Manager CreateTap 'sbba{sv}' "$bridge" true false 1 persistent b true)
endpoint=$(echo "$reply" | cut -d '"' -f 2)
tap=$(echo "$reply" | cut -d '"' -f 4)
trap 'busctl --system call org.vnicd1 "$endpoint" org.vnicd1.Endpoint Release' EXIT
mac=$(busctl --system get-property org.vnicd1 "$endpoint" org.vnicd1.Endpoint GuestMac | cut -d '"' -f 2)

count=$#
while [ "$count" -gt 0 ]; do
    word=$(printf '%s' "$1" | sed "s/{tap}/$tap/g; s/{mac}/$mac/g")
    shift
    set -- "$@" "$word"
    count=$((count - 1))
done
"$@"
