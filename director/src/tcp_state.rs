//! The states of a connection as seen from the middle, and their idle timeouts.
//!
//! A translator sees both directions but not what was lost behind it, so it follows flags, not sequence numbers. Its
//! states only choose the idle timeout (RFC 5382 section 5); packets of a known connection are translated in each.

use packet::TcpFlags;

use crate::Timeouts;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the virtual server.
    Inbound,
    /// From the real server to the client.
    Outbound,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ConnectionState {
    /// TCP: admitted; its first SYN is being forwarded.
    New,
    /// TCP: the client's SYN was forwarded, the real server has not answered.
    Syn,
    /// TCP: the real server answered with SYN and ACK.
    SynAck,
    /// TCP: the client acknowledged that; data flows.
    Established,
    /// TCP: the client sent FIN.
    ClientClosed,
    /// TCP: the real server sent FIN.
    ServerClosed,
    /// TCP: both sides sent FIN.
    Closed,
    /// TCP: one side sent RST.
    Reset,
    /// UDP: datagrams flow.
    Udp,
}

impl ConnectionState {
    /// How many states there are.
    pub const COUNT: usize = Self::Udp as usize + 1;

    /// The word that listings use. Which side closed first is not told apart.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New | Self::Syn | Self::SynAck => "syn",
            Self::Established => "established",
            Self::ClientClosed | Self::ServerClosed => "half-closed",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Udp => "udp",
        }
    }

    /// Whether the handshake is still under way.
    #[inline]
    pub const fn is_half_open(self) -> bool {
        (self as u8) < Self::Established as u8
    }

    /// Whether a SYN of the client begins a new connection in place of this one (RFC 9293 section 3.6.1 lets a
    /// client reuse its port as soon as it knows that the old connection is over).
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }

    /// Whether a segment with `flags` may lead to another state: most do not.
    #[inline(always)]
    pub(crate) const fn may_change(self, flags: TcpFlags) -> bool {
        const NOTEWORTHY: u8 = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0;
        flags.0 & NOTEWORTHY != 0 || self.is_half_open()
    }

    /// The state after a segment with `flags` went by in `direction`.
    #[must_use]
    pub fn after(self, direction: Direction, flags: TcpFlags) -> Self {
        use ConnectionState as State;
        use Direction::{Inbound, Outbound};
        let has = |flag: TcpFlags| flags.0 & flag.0 != 0;
        if has(TcpFlags::RST) {
            return if self == State::Udp { self } else { State::Reset };
        }
        if has(TcpFlags::FIN) {
            return match (self, direction) {
                (State::Closed | State::Reset | State::Udp, _) => self,
                // Nobody closes what nobody has opened: else who floods could have it kept for longer.
                (State::New | State::Syn, Inbound) => State::Syn,
                (State::ServerClosed, Inbound) | (State::ClientClosed, Outbound) => State::Closed,
                (_, Inbound) => State::ClientClosed,
                (_, Outbound) => State::ServerClosed,
            };
        }
        match (self, direction) {
            (State::New, Inbound) => State::Syn,
            (State::New | State::Syn, Outbound) if has(TcpFlags::SYN) => State::SynAck,
            (State::SynAck, Inbound) if has(TcpFlags::ACK) && !has(TcpFlags::SYN) => State::Established,
            _ => self,
        }
    }
}

/// The idle timeout of each state, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleTimeouts([u32; ConnectionState::COUNT]);

impl IdleTimeouts {
    pub(crate) fn new(timeouts: &Timeouts) -> Self {
        use ConnectionState as State;
        let mut milliseconds = [0; ConnectionState::COUNT];
        for (state, timeout) in [
            (State::New, timeouts.tcp_syn()),
            (State::Syn, timeouts.tcp_syn()),
            (State::SynAck, timeouts.tcp_syn()),
            (State::Established, timeouts.tcp_established()),
            (State::ClientClosed, timeouts.tcp_half_closed()),
            (State::ServerClosed, timeouts.tcp_half_closed()),
            (State::Closed, timeouts.tcp_closed()),
            (State::Reset, timeouts.tcp_reset()),
            (State::Udp, timeouts.udp()),
        ] {
            // Checked configuration keeps timeouts below half of the range (limits::IDLE_TIMEOUT_S).
            milliseconds[state as usize] = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX / 2);
        }
        Self(milliseconds)
    }

    /// The longest of them.
    pub(crate) fn longest_ms(&self) -> u32 {
        self.0.into_iter().max().unwrap_or(0)
    }

    #[inline]
    pub(crate) const fn milliseconds(&self, state: ConnectionState) -> u32 {
        self.0[state as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectionState as State;
    use Direction::{Inbound, Outbound};

    const ACK: TcpFlags = TcpFlags::ACK;
    const SYN: TcpFlags = TcpFlags::SYN;
    const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
    const FIN: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);
    const RST: TcpFlags = TcpFlags::RST;

    #[test]
    fn connections_live_and_end_as_their_flags_say() {
        type Life = [(Direction, TcpFlags, State)];
        let lives: &[(&str, &Life)] = &[
            (
                "client closes first",
                &[
                    (Inbound, SYN, State::Syn),
                    (Outbound, SYN_ACK, State::SynAck),
                    (Inbound, ACK, State::Established),
                    (Outbound, ACK, State::Established),
                    (Inbound, FIN, State::ClientClosed),
                    (Outbound, ACK, State::ClientClosed),
                    (Outbound, FIN, State::Closed),
                    (Inbound, ACK, State::Closed),
                ],
            ),
            (
                "server closes first",
                &[
                    (Inbound, SYN, State::Syn),
                    (Outbound, SYN_ACK, State::SynAck),
                    (Inbound, ACK, State::Established),
                    (Outbound, FIN, State::ServerClosed),
                    (Outbound, FIN, State::ServerClosed),
                    (Inbound, FIN, State::Closed),
                ],
            ),
            (
                "resent SYN and SYN-ACK",
                &[
                    (Inbound, SYN, State::Syn),
                    (Inbound, SYN, State::Syn),
                    (Outbound, SYN_ACK, State::SynAck),
                    (Outbound, SYN_ACK, State::SynAck),
                    (Inbound, SYN, State::SynAck),
                    (Inbound, ACK, State::Established),
                ],
            ),
            (
                "refused",
                &[(Inbound, SYN, State::Syn), (Outbound, RST, State::Reset), (Inbound, ACK, State::Reset)],
            ),
            (
                "ACK without an answer proves nothing",
                &[(Inbound, SYN, State::Syn), (Inbound, ACK, State::Syn)],
            ),
        ];
        for (story, steps) in lives {
            let mut state = State::New;
            for &(direction, flags, expected) in *steps {
                state = state.after(direction, flags);
                assert_eq!(state, expected, "{story}: {direction:?} {flags:?}");
            }
        }
    }
}
