//! The two documents as they are written. Types and keys are checked here, meanings are not.

pub(super) mod clients;
pub(super) mod director;
pub(super) mod failover;
pub(super) mod group;
pub(super) mod real_server;
pub(super) mod timeouts;
pub(super) mod unit;
pub(super) mod virtual_server;
pub(super) mod written;

/// The words of a document for values that have other names in the program.
macro_rules! same_values {
    ($raw:ident, $meant:ident: $($value:ident),+) => {
        impl From<$raw> for $meant {
            fn from(raw: $raw) -> Self {
                match raw {
                    $($raw::$value => Self::$value),+
                }
            }
        }

        impl From<$meant> for $raw {
            fn from(meant: $meant) -> Self {
                match meant {
                    $($meant::$value => Self::$value),+
                }
            }
        }
    };
}

use same_values;

const fn yes() -> bool {
    true
}
