# shellcheck shell=bash
# Network namespaces, bridges and processes of the demo, and that nothing of them stays.
# To be sourced by bash, after output.sh and processes.sh; then call open_lab first of all.

# What the lab's names begin with, so that two labs at once do not meet.
readonly LAB="understudy-$$"
readonly NAMESPACES=(unit standby client server1 server2 server3)
# The lab's files, and the units' logs among them.
WORK=''

# open_lab: makes the work folder; from here on, whatever ends the script also removes the lab.
open_lab() {
    trap close_lab EXIT
    exit_on_signals
    WORK=$(mktemp --directory --tmpdir "$LAB.XXXXXX")
}

close_lab() {
    local status=$?
    trap '' HUP INT TERM
    set +e
    [[ $status -ne 1 ]] || show_logs
    end_all
    local name
    for name in "${NAMESPACES[@]}"; do
        [[ ! -e "/run/netns/$LAB-$name" ]] || ip netns del "$LAB-$name"
    done
    [[ -z "$WORK" ]] || rm -rf "$WORK"
    exit "$status"
}

show_logs() {
    local log
    for log in "$WORK"/*.log; do
        [[ -s "$log" ]] || continue
        complain "The log of unit $(basename "$log" .log):"
        tail -n 60 "$log" | sed 's/^/   /' >&2
    done
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

# make_switch NAMESPACE NAME: a bridge that has no part in what it switches: no ARP, no IPv6.
make_switch() {
    within "$1" sysctl --quiet --write net.ipv6.conf.default.disable_ipv6=1
    links "$1" <<END
link add $2 type bridge mcast_snooping 0
link set $2 arp off up
END
}

# join_switches NAME: a cable from a switch of the unit's namespace to that of the standby's with the same name.
join_switches() {
    links unit <<END
link add up-$1 type veth peer name up-$1 netns $LAB-standby
link set up-$1 master $1 up
END
    links standby <<<"link set up-$1 master $1 up"
}

# plug NAMESPACE SWITCH: a cable from eth0 of a namespace to a switch of the unit's.
plug() {
    links unit <<END
link add $1 type veth peer name eth0 netns $LAB-$1
link set $1 master $2 up
END
    links "$1" <<<"link set eth0 up"
}
