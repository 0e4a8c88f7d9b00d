# SPDX-License-Identifier: LGPL-2.1-or-later
#
# fish completion for vnicctl. Verbs and options are read from vnicctl's own help, bridges and endpoints
# from the service, which is never made to ask anybody for that.

function __vnicctl_verb --description 'The verb of the line; fails where there is none yet'
    set -l words (commandline -opc)
    test (count $words) -ge 2; and echo $words[2]
end

function __vnicctl_verb_is
    contains -- (__vnicctl_verb) $argv
end

function __vnicctl_in_program --description 'Behind the -- of run'
    __vnicctl_verb_is run; and contains -- -- (commandline -opc)
end

function __vnicctl_after --description 'Whether the word before is this option'
    test (commandline -opc)[-1] = $argv[1]
end

function __vnicctl_verbs
    vnicctl --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
end

function __vnicctl_options
    vnicctl (__vnicctl_verb) --help 2>/dev/null | sed -n 's/^  \(--[a-z][a-z-]*\)[^ ]*  *\(.*\)/\1\t\2/p'
end

function __vnicctl_bridges
    vnicctl bridges 2>/dev/null | awk '!NF { exit } NR > 1 { print $1 }'
end

function __vnicctl_networks
    vnicctl network list 2>/dev/null | awk '!NF { exit } NR > 1 { print $1 }'
end

function __vnicctl_endpoints
    vnicctl list 2>/dev/null | awk 'NR > 1 { print $1; if ($4 != "-") print $4 }'
end

complete -c vnicctl -f
complete -c vnicctl -n 'not __vnicctl_verb >/dev/null' -a '(__vnicctl_verbs)'
complete -c vnicctl -n 'not __vnicctl_verb >/dev/null' -a '--help --version'
complete -c vnicctl -n '__vnicctl_verb >/dev/null; and not __vnicctl_in_program; and string match -q -- "-*" (commandline -ct)' -a '(__vnicctl_options)'
complete -c vnicctl -n 'not __vnicctl_in_program; and __vnicctl_after --bridge' -a '(__vnicctl_bridges)'
complete -c vnicctl -n 'not __vnicctl_in_program; and __vnicctl_after --vnet-hdr-size' -a '10 12 20 24'
complete -c vnicctl -n 'not __vnicctl_in_program; and __vnicctl_after --offloads' -a 'csum tso4 tso6 tso-ecn uso4 uso6 udp-tunnel-gso udp-tunnel-gso-csum'
complete -c vnicctl -n '__vnicctl_verb_is show release' -a '(__vnicctl_endpoints)'
complete -c vnicctl -n '__vnicctl_verb_is network; and __vnicctl_after network' -a 'create list show delete leases'
complete -c vnicctl -n '__vnicctl_verb_is network; and __vnicctl_after show' -a '(__vnicctl_networks)'
complete -c vnicctl -n '__vnicctl_verb_is network; and __vnicctl_after delete' -a '(__vnicctl_networks)'
complete -c vnicctl -n '__vnicctl_verb_is network; and __vnicctl_after leases' -a '(__vnicctl_networks)'
complete -c vnicctl -n '__vnicctl_verb_is network; and __vnicctl_after --kind' -a 'nat isolated'
complete -c vnicctl -n '__vnicctl_verb_is explain' -a '(__vnicctl_bridges)'
complete -c vnicctl -n '__vnicctl_verb_is libvirt' -a 'sync remove'
complete -c vnicctl -n __vnicctl_in_program -F -a '(__fish_complete_subcommand --fcs-skip 0 2>/dev/null)'
