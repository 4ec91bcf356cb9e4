# shellcheck shell=bash
# Network namespaces, bridges and processes of the demo, and that nothing of them stays.
# To be sourced by bash, after output.sh and processes.sh; then call open_lab first of all.

# What the lab's names begin with, so that two labs at once do not meet.
readonly LAB="understudy-$$"
readonly NAMESPACES=(unit client server1 server2 server3)
# The lab's files, and the unit's log among them.
WORK=''
UNIT_LOG=''

# open_lab: makes the work folder; from here on, whatever ends the script also removes the lab.
open_lab() {
    trap close_lab EXIT
    exit_on_signals
    WORK=$(mktemp --directory --tmpdir "$LAB.XXXXXX")
    UNIT_LOG="$WORK/unit.log"
}

close_lab() {
    local status=$?
    trap '' HUP INT TERM
    set +e
    [[ $status -ne 1 || ! -s "$UNIT_LOG" ]] || show_unit_log
    end_all
    local name
    for name in "${NAMESPACES[@]}"; do
        [[ ! -e "/run/netns/$LAB-$name" ]] || ip netns del "$LAB-$name"
    done
    [[ -z "$WORK" ]] || rm -rf "$WORK"
    exit "$status"
}

show_unit_log() {
    complain "The unit's log:"
    tail -n 60 "$UNIT_LOG" | sed 's/^/   /' >&2
}

# within NAMESPACE COMMAND...: runs a command in a namespace of the lab.
within() {
    ip netns exec "$LAB-$1" "${@:2}"
}

# links NAMESPACE: runs the `ip` commands on standard input in a namespace.
links() {
    ip -n "$LAB-$1" -batch -
}

# make_namespaces: all of the lab, each with a loopback interface and without duplicate address detection.
make_namespaces() {
    local name
    for name in "${NAMESPACES[@]}"; do
        ip netns add "$LAB-$name"
        within "$name" sysctl --quiet --write net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
        ip -n "$LAB-$name" link set lo up
    done
}

# make_switch NAME: a bridge in the unit's namespace that has no part in what it switches: no ARP, no IPv6.
make_switch() {
    within unit sysctl --quiet --write net.ipv6.conf.default.disable_ipv6=1
    links unit <<END
link add $1 type bridge mcast_snooping 0
link set $1 arp off up
END
}

# plug NAMESPACE SWITCH: a cable from eth0 of a namespace to a switch.
plug() {
    links unit <<END
link add $1 type veth peer name eth0 netns $LAB-$1
link set $1 master $2 up
END
    links "$1" <<<"link set eth0 up"
}
