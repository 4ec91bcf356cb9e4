# shellcheck shell=bash
# Where cargo is, and whether it is new enough. To be sourced by bash, with `root` set to the project's folder.

# A shell that was started before Rust was installed does not know it yet.
if ! command -v cargo >/dev/null && [[ -x "${HOME:-/root}/.cargo/bin/cargo" ]]; then
    PATH="${HOME:-/root}/.cargo/bin:$PATH"
    export PATH
fi

# wanted_rust: the oldest Rust that the project builds with.
wanted_rust() {
    # shellcheck disable=SC2154 # whoever sources this sets root
    sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1
}

# rust_is_new_enough: whether cargo and rustc are there and not older than that.
rust_is_new_enough() {
    command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
    local have
    have=$(cd "$root" && rustc --version 2>/dev/null | cut -d ' ' -f 2) || return 1
    [[ -n "$have" ]] && printf '%s\n' "$(wanted_rust)" "$have" | sort --version-sort --check=quiet
}
