//! How long connections may be idle, in general and at one virtual server.

use director::{TimeoutsDraft, VirtualTimeoutsDraft};
use model::limits::IDLE_TIMEOUT_S;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! timeouts {
    ($($(#[doc = $text:literal])+ $key:ident;)+) => {
        /// How long connections may be idle, in seconds.
        #[derive(Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, default, expecting = "an object")]
        #[schemars(rename = "Timeouts")]
        pub(super) struct RawTimeouts {
            $($(#[doc = $text])+ #[schemars(range(min = 1, max = IDLE_TIMEOUT_S))] $key: u64,)+
        }

        /// How long connections of one virtual server may be idle, in seconds. What is missing is as in general.
        #[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, default, expecting = "an object")]
        #[schemars(rename = "OwnTimeouts")]
        pub(super) struct RawOwnTimeouts {
            $($(#[doc = $text])+ #[schemars(range(min = 1, max = IDLE_TIMEOUT_S))] $key: Option<u64>,)+
        }

        impl Default for RawTimeouts {
            fn default() -> Self {
                let timeouts = TimeoutsDraft::default();
                Self { $($key: timeouts.$key,)+ }
            }
        }

        impl From<RawTimeouts> for TimeoutsDraft {
            fn from(raw: RawTimeouts) -> Self {
                Self { $($key: raw.$key,)+ }
            }
        }

        impl From<RawOwnTimeouts> for VirtualTimeoutsDraft {
            fn from(raw: RawOwnTimeouts) -> Self {
                Self { $($key: raw.$key,)+ }
            }
        }

        /// The keys and values of those that are not the default.
        pub(super) fn general(written: &TimeoutsDraft) -> Vec<(&'static str, u64)> {
            let default = TimeoutsDraft::default();
            let all = [$((stringify!($key), written.$key, default.$key),)+];
            all.into_iter().filter(|(_, value, default)| value != default).map(|(key, value, _)| (key, value)).collect()
        }

        /// The keys and values of those that a virtual server has of its own.
        pub(super) fn own(written: &VirtualTimeoutsDraft) -> Vec<(&'static str, u64)> {
            let all = [$((stringify!($key), written.$key),)+];
            all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
        }
    };
}

timeouts! {
    /// From the client's SYN until the handshake is done.
    tcp_syn_s;
    /// Established TCP connections. RFC 5382 asks for 7440 or more.
    tcp_established_s;
    /// TCP connections after the FIN of one side. RFC 5382 asks for 240 or more.
    tcp_half_closed_s;
    /// TCP connections after the FINs of both sides.
    tcp_closed_s;
    /// TCP connections after a reset.
    tcp_reset_s;
    /// UDP. RFC 4787 recommends 300 or more.
    udp_s;
}
