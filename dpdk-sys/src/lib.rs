//! Bindings to libdpdk; no logic
