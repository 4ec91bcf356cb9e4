# shellcheck shell=bash
# Processes in the background that end with the script, whatever ends it. To be sourced by bash, after output.sh.

# exit_on_signals: has signals end the script in order, so that its EXIT trap runs.
exit_on_signals() {
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# spawn COMMAND...: runs a command in the background, in a process group of its own: $! is the group's number.
spawn() {
    setsid "$@" </dev/null &
}

# attend COMMAND...: runs a command and waits for it. Unlike a foreground command, it does not hold up a signal.
attend() {
    spawn "$@"
    wait $!
}

# end_group NUMBER: ends a process group: asks first, insists after five seconds. Only groups made by spawn.
end_group() {
    local tries
    kill -TERM -- "-$1" 2>/dev/null || kill -TERM "$1" 2>/dev/null || return 0
    for ((tries = 0; tries < 50; tries++)); do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$1" 2>/dev/null || true
}

# end_all: ends all that was spawned and is not over.
end_all() {
    local group groups
    groups=$(jobs -rp)
    for group in $groups; do
        end_group "$group"
    done
    wait
}

# wait_for SECONDS WHAT COMMAND...: waits until the command succeeds, and fails after SECONDS.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || die "waited in vain: $what"
        sleep 0.05
    done
}
