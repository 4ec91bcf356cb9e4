//! Translation in place: the headers that change are written, the checksums updated by their differences.
//!
//! Nothing here decides who is translated to whom. What a parsed packet's offsets do not reach stays as it is.

use model::Protocol;

use crate::address::Address;
use crate::bytes::{read_u16, write_u16};
use crate::checksum::ChecksumDelta;
use crate::packet::{Datagram, Quote, Tuple};
use crate::wire_tuple::WireTuple;
use crate::{icmp, tcp, udp};

/// The differences that one translation makes to the two checksums of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deltas {
    /// To the IPv4 header checksum; without effect for IPv6.
    pub network: ChecksumDelta,
    /// To the TCP or UDP checksum, whose pseudo header has the addresses, too.
    pub transport: ChecksumDelta,
}

const _: () = assert!(size_of::<Deltas>() == 4, "a connection keeps one in its cache line");

impl Deltas {
    /// The differences when the ends `before` become `after`.
    pub fn between<A: Address>(before: &Tuple<A>, after: &Tuple<A>) -> Self {
        let addresses =
            addresses_delta((before.source, before.destination), (after.source, after.destination));
        let ports = |tuple: &Tuple<A>| [tuple.source_port, tuple.destination_port];
        Self {
            network: addresses,
            transport: addresses.combine(ChecksumDelta::between(ports(before), ports(after))),
        }
    }

    /// The differences of the translation back.
    #[inline]
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { network: self.network.inverse(), transport: self.transport.inverse() }
    }
}

fn addresses_delta<A: Address>(before: (A, A), after: (A, A)) -> ChecksumDelta {
    let words = |(source, destination): (A, A)| source.words().chain(destination.words());
    ChecksumDelta::between(words(before), words(after))
}

/// How a packet of a connection is changed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation<A: Address> {
    /// Its ends from here on.
    pub ends: WireTuple<A>,
    /// What these add to its checksums.
    pub deltas: Deltas,
}

/// Translates an ICMP error about a packet of a connection: its own addresses become `source` and `destination`, the
/// ends of the packet that it quotes `quoted_after`, and all checksums that cover them stay right (RFC 5508
/// section 4.2): those of the quoted packet as far as they are quoted, the error's own, and its IP header's. The hop
/// limit is decremented, the quoted one not.
pub fn translate_error<A: Address>(
    frame: &mut [u8],
    datagram: &Datagram<A>,
    quote: &Quote<A>,
    source: A,
    destination: A,
    quoted_after: &Tuple<A>,
) {
    let outer = addresses_delta((datagram.source, datagram.destination), (source, destination));
    let quoted = rewrite_quote(frame, datagram, quote, quoted_after);
    let message = if A::ICMP_HAS_PSEUDO_HEADER { quoted.combine(outer) } else { quoted };
    let checksum = usize::from(datagram.transport_offset) + icmp::at::CHECKSUM;
    replace_word(frame, checksum, |checksum| message.apply(checksum));
    let hop_limit = datagram.hop_limit.saturating_sub(1);
    A::rewrite(frame, usize::from(datagram.ip_offset), A::join(source, destination), hop_limit, outer);
}

/// Gives a quoted packet the ends `after`; returns the difference that makes to the sum over the error's message,
/// which the quote is a part of. Its fields are all at even offsets of the message, so words are words.
fn rewrite_quote<A: Address>(
    frame: &mut [u8],
    datagram: &Datagram<A>,
    quote: &Quote<A>,
    after: &Tuple<A>,
) -> ChecksumDelta {
    let ip = usize::from(quote.ip_offset);
    let transport = usize::from(quote.transport_offset);
    let end = usize::from(datagram.ip_offset) + usize::from(datagram.ip_length);
    let deltas = Deltas::between(&quote.tuple, after);

    A::write_addresses(frame, ip, after.source, after.destination);
    // Both protocols have them at the same place.
    write_u16(frame, transport + tcp::at::SOURCE_PORT, after.source_port);
    write_u16(frame, transport + tcp::at::DESTINATION_PORT, after.destination_port);
    let mut message = deltas.transport;
    if let Some(checksum) = A::CHECKSUM {
        let header = replace_word(frame, ip + checksum, |checksum| deltas.network.apply(checksum));
        message = message.combine(header);
    }
    let checksum = transport + checksum_offset(quote.protocol);
    // The quote may end before the transport checksum: what is there then is another's.
    if checksum + 2 <= end {
        let update = |checksum| match quote.protocol {
            Protocol::Tcp => deltas.transport.apply(checksum),
            Protocol::Udp => udp::updated(checksum, deltas.transport),
        };
        message = message.combine(replace_word(frame, checksum, update));
    }
    message
}

const fn checksum_offset(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Tcp => tcp::at::CHECKSUM,
        Protocol::Udp => udp::at::CHECKSUM,
    }
}

/// Replaces the word at `offset`, if it is within the frame; returns the difference to a sum over it.
fn replace_word(frame: &mut [u8], offset: usize, replace: impl FnOnce(u16) -> u16) -> ChecksumDelta {
    let Some(before) = read_u16(frame, offset) else {
        return ChecksumDelta::ZERO;
    };
    let after = replace(before);
    write_u16(frame, offset, after);
    ChecksumDelta::between([before], [after])
}
