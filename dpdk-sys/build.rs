//! Finds libdpdk, makes the bindings, compiles the shim, and links: shared by default, static with the feature `static`.
//!
//! The compiler flags of libdpdk go to both compilers: `-include rte_config.h` and `-march` change layouts.

#[path = "src/drivers.rs"]
#[allow(unreachable_pub, dead_code)]
mod drivers;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use pkg_config::Library;

/// The functions that `dpdk` uses. Their types come with them; nothing else is bound.
const FUNCTIONS: &[&str] = &[
    "rte_dev_probe",
    "rte_eal_hotplug_remove",
    "rte_eal_init",
    "rte_eal_remote_launch",
    "rte_eal_wait_lcore",
    "rte_eth_allmulticast_enable",
    "rte_eth_dev_adjust_nb_rx_tx_desc",
    "rte_eth_dev_close",
    "rte_eth_dev_configure",
    "rte_eth_dev_default_mac_addr_set",
    "rte_eth_dev_get_mtu",
    "rte_eth_dev_mac_addr_add",
    "rte_eth_dev_get_name_by_port",
    "rte_eth_dev_get_port_by_name",
    "rte_eth_dev_info_get",
    "rte_eth_dev_rss_hash_conf_get",
    "rte_eth_dev_rss_hash_update",
    "rte_eth_dev_rss_reta_query",
    "rte_eth_dev_rss_reta_update",
    "rte_eth_dev_set_mtu",
    "rte_eth_dev_socket_id",
    "rte_eth_dev_start",
    "rte_eth_dev_stop",
    "rte_eth_find_next",
    "rte_eth_macaddr_get",
    "rte_eth_promiscuous_disable",
    "rte_eth_promiscuous_enable",
    "rte_eth_promiscuous_get",
    "rte_eth_rx_queue_setup",
    "rte_eth_stats_get",
    "rte_eth_stats_reset",
    "rte_eth_tx_queue_setup",
    "rte_get_next_lcore",
    "rte_get_tsc_hz",
    "rte_mempool_avail_count",
    "rte_mempool_in_use_count",
    "rte_pktmbuf_copy",
    "rte_pktmbuf_free_bulk",
    "rte_pktmbuf_pool_create",
    "rte_version",
    "shim_.*",
];

/// Constants, named one by one: DPDK's headers define thousands.
const CONSTANTS: &[&str] = &[
    "RTE_ETH_RETA_GROUP_SIZE",
    "RTE_ETH_RSS_(FRAG_)?IPV[46]",
    "RTE_ETH_RSS_IPV6_EX",
    "RTE_ETH_RSS_L3_(SRC|DST)_ONLY",
    "RTE_ETH_RSS_NONFRAG_IPV[46]_(TCP|UDP|OTHER)",
    "RTE_ETH_RX_OFFLOAD_(SCATTER|RSS_HASH)",
    "RTE_ETH_TX_OFFLOAD_MULTI_SEGS",
    "RTE_DEV_NAME_MAX_LEN",
    "RTE_MAX_ETHPORTS",
    "RTE_MAX_LCORE",
    "RTE_MBUF_F_RX_RSS_HASH",
    "RTE_MEMPOOL_CACHE_MAX_SIZE",
    "RTE_PKTMBUF_HEADROOM",
    "SHIM_.*",
];

/// Enums that no function mentions.
const ENUMS: &[&str] = &["shim_mbuf", "rte_eth_rx_mq_mode"];

fn main() {
    for path in ["build.rs", "src/drivers.rs", "shim/shim.h", "shim/shim.c"] {
        println!("cargo::rerun-if-changed={path}");
    }
    for variable in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let library = find_library();
    let flags = compiler_flags();
    bind(&flags);
    compile_shim(&flags);
    if env::var_os("CARGO_FEATURE_STATIC").is_some() {
        link_static(&library);
    } else {
        link_shared(&library);
    }
}

/// Where libdpdk is; a clear word when it is not there.
fn find_library() -> Library {
    let library = pkg_config::Config::new()
        .cargo_metadata(false)
        .env_metadata(false)
        .atleast_version("22.11")
        .probe("libdpdk");
    library.unwrap_or_else(|_| {
        fail(
            "pkg-config finds no libdpdk 22.11 or later. On Debian or Ubuntu: \
             apt-get install libdpdk-dev libclang-dev pkg-config build-essential",
        )
    })
}

/// What pkg-config says to compilers. The `pkg-config` crate keeps the include paths only.
fn compiler_flags() -> Vec<String> {
    let program = env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let output = Command::new(&program).args(["--cflags", "libdpdk"]).output();
    let output = output.unwrap_or_else(|error| fail(&format!("{} does not run: {error}", program.display())));
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(ToOwned::to_owned).collect()
}

fn bind(flags: &[String]) {
    let mut builder = bindgen::Builder::default()
        .header("shim/shim.h")
        .clang_args(flags)
        // Without it, constants made by RTE_BIT64 are silently missing.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(out_dir())
        .parse_callbacks(Box::new(Constants))
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .default_enum_style(bindgen::EnumVariation::ModuleConsts)
        .generate_comments(false)
        .derive_default(false)
        .layout_tests(true);
    for name in FUNCTIONS {
        builder = builder.allowlist_function(name);
    }
    for name in CONSTANTS {
        builder = builder.allowlist_var(name);
    }
    for name in ENUMS {
        builder = builder.allowlist_type(name);
    }
    // Packed and over-aligned at once, which Rust has no way to say. Nothing here looks inside them.
    for name in ["rte_arp_hdr", "rte_arp_ipv4", "rte_gtp_psc_generic_hdr", "rte_l2tpv2_combined_msg_hdr"] {
        builder = builder.opaque_type(name);
    }
    let bindings = builder.generate().unwrap_or_else(|error| {
        fail(&format!("bindgen can not read DPDK's headers: {error} (is libclang-dev installed?)"))
    });
    let path = out_dir().join("bindings.rs");
    bindings
        .write_to_file(&path)
        .unwrap_or_else(|error| fail(&format!("can not write {}: {error}", path.display())));
}

/// Flags are masks of 64 bits.
#[derive(Debug)]
struct Constants;

impl bindgen::callbacks::ParseCallbacks for Constants {
    fn int_macro(&self, name: &str, _value: i64) -> Option<bindgen::callbacks::IntKind> {
        let is_mask = ["RTE_ETH_RSS_", "RTE_ETH_RX_OFFLOAD_", "RTE_ETH_TX_OFFLOAD_", "RTE_MBUF_F_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        is_mask.then_some(bindgen::callbacks::IntKind::U64)
    }
}

fn compile_shim(flags: &[String]) {
    let mut build = cc::Build::new();
    build.file("shim/shim.c").opt_level(3).warnings(true);
    for flag in flags {
        build.flag(flag);
    }
    build.compile("shim");
}

/// The core libraries; EAL finds and loads the installed drivers by itself.
fn link_shared(library: &Library) {
    link_search(library);
    for name in ["rte_eal", "rte_ethdev", "rte_mbuf", "rte_mempool"] {
        println!("cargo::rustc-link-lib=dylib={name}");
    }
}

/// Everything that `drivers.rs` lists and this release has. Whole archives: nothing refers to a driver, it registers
/// itself. Not bundled, so that the option reaches the final link through the crates between.
fn link_static(library: &Library) {
    let folders = link_search(library);
    let drivers = drivers::DRIVERS.iter().map(|driver| format!("rte_net_{}", driver.name));
    let libraries = drivers::LIBRARIES.iter().map(|name| format!("rte_{name}"));
    let exists = |name: &String| folders.iter().any(|folder| folder.join(format!("lib{name}.a")).exists());
    for name in drivers.chain(libraries).filter(exists) {
        println!("cargo::rustc-link-lib=static:+whole-archive,-bundle={name}");
    }
    for name in drivers::SYSTEM_LIBRARIES {
        println!("cargo::rustc-link-lib={name}");
    }
}

/// Tells rustc where the libraries are, and returns the same folders.
fn link_search(library: &Library) -> Vec<PathBuf> {
    let mut folders = library.link_paths.clone();
    if let Ok(folder) = pkg_config::get_variable("libdpdk", "libdir") {
        folders.push(folder.into());
    }
    for folder in &folders {
        println!("cargo::rustc-link-search=native={}", folder.display());
    }
    folders
}

fn out_dir() -> PathBuf {
    env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_else(|| fail("cargo does not set OUT_DIR"))
}

/// Says what is wrong, and ends. Cargo fails the build for the message; a status would have it print all else, too.
fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    std::process::exit(0);
}
