#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# with-vnicctl.sh BRIDGE PROGRAM...: runs PROGRAM on a tap if this user may have one on BRIDGE, and says
# what is missing if not. In PROGRAM's words {fd}, {mac} and the others of vnicctl-run are filled in. The
# tap ends with PROGRAM.

set -eu
[ $# -ge 2 ] || { echo "Usage: with-vnicctl.sh BRIDGE PROGRAM..." >&2; exit 2; }
bridge=$1
shift

status=0
vnicctl run --no-ask --bridge "$bridge" --label "script-$$" -- "$@" || status=$?
case $status in
3 | 4)  # denied, or authentication is required: the file that an administrator would write
    vnicctl explain "$bridge" >&2
    ;;
5)
    echo "There are these bridges:" >&2
    vnicctl bridges >&2
    ;;
esac
exit "$status"
