# shellcheck shell=bash
# What the scripts print: numbered steps, remarks, failures. Colours on a terminal only, and none with NO_COLOR.
# To be sourced by bash.

# shellcheck disable=SC2034 # not everyone uses every colour
if [[ -t 1 && -z "${NO_COLOR:-}" && "${TERM:-dumb}" != dumb ]]; then
    readonly BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    readonly BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

STEP=0

# step TITLE: begins the next numbered step.
step() {
    STEP=$((STEP + 1))
    printf '\n%s%d. %s%s\n' "$BOLD" "$STEP" "$1" "$PLAIN"
}

# say TEXT: a remark within a step.
say() {
    printf '   %s\n' "$1"
}

# command_line TEXT: a command as somebody would type it.
command_line() {
    printf '   %s$ %s%s\n' "$DIM" "$1" "$PLAIN"
}

# indented COMMAND...: runs a command and indents what it prints.
indented() {
    "$@" | sed 's/^/   /'
}

# complain TEXT: says on standard error what went wrong.
complain() {
    printf '%s%s%s\n' "$RED" "$1" "$PLAIN" >&2
}

# die TEXT: says what went wrong, and ends the script.
die() {
    complain "$1"
    exit 1
}
