//! Compiles the peers that are written in C, and links what of DPDK `dpdk-sys` does not.

use std::env;
use std::process::Command;

/// The C sources, and the libraries that they need.
const SOURCES: &[&str] = &["peers/peer_hash.c"];
const LIBRARIES: &[&str] = &["rte_hash", "rte_eal"];

fn main() {
    println!("cargo::rerun-if-changed=peers");
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let mut build = cc::Build::new();
    build.files(SOURCES).opt_level(3).warnings(true);
    for flag in pkg_config("--cflags") {
        build.flag(flag);
    }
    build.compile("peers");
    for folder in pkg_config("--libs-only-L").iter().filter_map(|flag| flag.strip_prefix("-L")) {
        println!("cargo::rustc-link-search=native={folder}");
    }
    for library in LIBRARIES {
        println!("cargo::rustc-link-lib=dylib={library}");
    }
}

/// What pkg-config says of libdpdk. That there is one, `dpdk-sys` has made sure of.
fn pkg_config(question: &str) -> Vec<String> {
    let program = env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let Ok(output) = Command::new(program).args([question, "libdpdk"]).output() else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(ToOwned::to_owned).collect()
}
