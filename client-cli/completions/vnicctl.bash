# bash completion for vnicctl                                              -*- shell-script -*-
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Verbs and options are read from vnicctl's own help, bridges and endpoints from the service, which is
# never made to ask anybody for that.

_vnicctl_verbs() {
    vnicctl --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p'
}

_vnicctl_options() {  # verb
    vnicctl "$1" --help 2>/dev/null | sed -n 's/^  \(--[a-z][a-z-]*\).*/\1/p'
}

_vnicctl_bridges() {
    vnicctl bridges 2>/dev/null | awk '!NF { exit } NR > 1 { print $1 }'
}

_vnicctl_networks() {
    vnicctl network list 2>/dev/null | awk '!NF { exit } NR > 1 { print $1 }'
}

_vnicctl_endpoints() {
    vnicctl list 2>/dev/null | awk 'NR > 1 { print $1; if ($4 != "-") print $4 }'
}

_vnicctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    local i choices=
    COMPREPLY=()

    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$(_vnicctl_verbs) --help --version" -- "$word")
        return
    fi
    if [[ $verb == run ]]; then
        for ((i = 2; i < COMP_CWORD; i++)); do
            if [[ ${COMP_WORDS[i]} == -- ]]; then  # from here on it is another program's line
                if declare -F _command_offset >/dev/null; then
                    _command_offset $((i + 1))
                elif ((COMP_CWORD == i + 1)); then
                    mapfile -t COMPREPLY < <(compgen -c -- "$word")
                else
                    mapfile -t COMPREPLY < <(compgen -f -- "$word")
                fi
                return
            fi
        done
    fi
    case $before in
    --bridge) choices=$(_vnicctl_bridges) ;;
    --vnet-hdr-size) choices='10 12 20 24' ;;
    --offloads) choices='csum tso4 tso6 tso-ecn uso4 uso6 udp-tunnel-gso udp-tunnel-gso-csum' ;;
    --kind) choices='nat isolated' ;;
    --address | --domain | --ports-max | --ports-per-user | --queues | --label | --label-prefix | --guest-mac | --mtu) return ;;
    *)
        if [[ $word == -* ]]; then
            choices=$(_vnicctl_options "$verb")
        else
            case $verb in
            show | release) choices=$(_vnicctl_endpoints) ;;
            explain) choices=$(_vnicctl_bridges) ;;
            network)
                case $before in
                network) choices='create list show delete leases' ;;
                show | delete | leases) choices=$(_vnicctl_networks) ;;
                esac
                ;;
            libvirt) choices='sync remove' ;;
            esac
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -F _vnicctl vnicctl
