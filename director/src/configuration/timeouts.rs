//! How long connections may be idle.

use std::time::Duration;

/// How long a connection may be idle, by its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timeouts {
    pub(super) tcp_syn: Duration,
    pub(super) tcp_established: Duration,
    pub(super) tcp_half_closed: Duration,
    pub(super) tcp_closed: Duration,
    pub(super) tcp_reset: Duration,
    pub(super) udp: Duration,
}

impl Timeouts {
    /// From the client's SYN until the handshake is done.
    pub const fn tcp_syn(&self) -> Duration {
        self.tcp_syn
    }

    /// Established connections. RFC 5382 REQ-5: not less than 2 hours and 4 minutes.
    pub const fn tcp_established(&self) -> Duration {
        self.tcp_established
    }

    /// After the FIN of one side. RFC 5382 REQ-5: not less than 4 minutes.
    pub const fn tcp_half_closed(&self) -> Duration {
        self.tcp_half_closed
    }

    /// After the FINs of both sides.
    pub const fn tcp_closed(&self) -> Duration {
        self.tcp_closed
    }

    /// After a reset.
    pub const fn tcp_reset(&self) -> Duration {
        self.tcp_reset
    }

    /// UDP. RFC 4787 REQ-5: 5 minutes or more are recommended.
    pub const fn udp(&self) -> Duration {
        self.udp
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            tcp_syn: Duration::from_secs(60),
            tcp_established: Duration::from_secs(7_440),
            tcp_half_closed: Duration::from_secs(240),
            tcp_closed: Duration::from_secs(10),
            tcp_reset: Duration::from_secs(10),
            udp: Duration::from_secs(300),
        }
    }
}
