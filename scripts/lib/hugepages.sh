# shellcheck shell=bash
# Hugepages of 2 MB for as long as a script runs. To be sourced by bash.

readonly HUGEPAGES=/sys/kernel/mm/hugepages/hugepages-2048kB

hugepages_added=0

# reserve_hugepages COUNT: adds COUNT to those that the machine has, and fails if the kernel gives too few. Call
# restore_hugepages when the script ends: those that were added are taken away again.
reserve_hugepages() {
    local before
    [[ -w "$HUGEPAGES/nr_hugepages" ]] || return 1
    before=$(<"$HUGEPAGES/nr_hugepages")
    echo "$((before + $1))" >"$HUGEPAGES/nr_hugepages" 2>/dev/null || true
    hugepages_added=$(($(<"$HUGEPAGES/nr_hugepages") - before))
    [[ $(<"$HUGEPAGES/free_hugepages") -ge $1 ]]
}

# restore_hugepages: gives back what reserve_hugepages took.
restore_hugepages() {
    [[ $hugepages_added -eq 0 ]] || echo "$(($(<"$HUGEPAGES/nr_hugepages") - hugepages_added))" >"$HUGEPAGES/nr_hugepages"
    hugepages_added=0
}
