//! Bindings to libdpdk, and a shim in C for what DPDK has only as macros and static inline functions.
//!
//! No logic: what is safe, and why, is decided in the crate above. The field offsets of an mbuf are in [`shim_mbuf`];
//! the same offsets hold in DPDK 22.11 and 24.11, while the names of the fields do not.

pub mod drivers;

pub use bindings::*;

#[allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals)]
#[allow(unreachable_pub, clippy::all, clippy::undocumented_unsafe_blocks, clippy::cast_possible_truncation)]
#[allow(unnecessary_transmutes, unsafe_op_in_unsafe_fn)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}
