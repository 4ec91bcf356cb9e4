//! Packets that may not go on: their senders are told, as a router would (RFC 1812 sections 4.3.3 and 5.3.1).

use model::DropReason;
use model::limits::ICMP_ERRORS_PER_SECOND;
use packet::{Address, Datagram, reply};

use crate::shard::Core;
use crate::{Frame, PortRole, Verdict};

/// How many errors a shard has sent in the current second (RFC 1812 section 4.3.2.8).
#[derive(Debug, Default)]
pub(crate) struct ErrorBudget {
    second: u32,
    sent: u32,
}

impl ErrorBudget {
    fn take(&mut self, now_ms: u32) -> bool {
        let second = now_ms / 1_000;
        if self.second != second {
            *self = Self { second, sent: 0 };
        }
        let has_any = self.sent < ICMP_ERRORS_PER_SECOND;
        self.sent += u32::from(has_any);
        has_any
    }
}

/// Why a packet can not leave by a port of this MTU.
#[inline(always)]
pub(crate) fn refusal(mtu: u16, hop_limit: u8, ip_length: u16) -> Option<DropReason> {
    if hop_limit <= 1 {
        Some(DropReason::HopLimitExceeded)
    } else if ip_length > mtu {
        Some(DropReason::PacketTooBig)
    } else {
        None
    }
}

impl Core {
    /// Answers a packet that can not leave for `reason` with the ICMP error that says so, else drops it. `mtu` is that
    /// of the port by which it would leave.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse<A: Address>(
        &mut self,
        frame: &mut Frame<'_>,
        reason: DropReason,
        mtu: u16,
    ) -> Verdict {
        let Some(datagram) = &frame.datagram::<A>() else { return Verdict::Drop(reason) };
        let answered =
            self.speaker(frame, datagram).filter(|_| self.errors.take(self.now_ms)).and_then(|from| {
                match reason {
                    DropReason::PacketTooBig => reply::packet_too_big(frame.bytes, datagram, from, mtu),
                    DropReason::HopLimitExceeded => reply::time_exceeded(frame.bytes, datagram, from),
                    _ => None,
                }
            });
        answered.map_or(Verdict::Drop(reason), Verdict::answer)
    }

    /// The address that an error about a packet comes from: the unit's own on the port that received it, else the
    /// virtual server's.
    fn speaker<A: Address>(&self, frame: &Frame<'_>, datagram: &Datagram<A>) -> Option<A> {
        let port = self.port(frame.port);
        let own = port.addresses.iter().find_map(|&address| A::from_ip(address));
        own.or_else(|| (port.role == PortRole::Outside).then_some(datagram.destination))
    }
}
