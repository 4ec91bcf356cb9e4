//! Translation in place: the headers that change are written, the checksums updated by their differences.

use model::{MacAddress, Protocol};

use crate::address::Address;
use crate::bytes::{array, read_u16, write, write_u16};
use crate::checksum::ChecksumDelta;
use crate::headers::{Datagram, Quote, Transport, Tuple, at};

/// The differences that one translation makes to the two checksums of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deltas {
    /// To the IPv4 header checksum; without effect for IPv6.
    pub network: ChecksumDelta,
    /// To the TCP or UDP checksum, whose pseudo header has the addresses, too.
    pub transport: ChecksumDelta,
}

impl Deltas {
    /// The differences when the ends `before` become `after`.
    pub fn between<A: Address>(before: &Tuple<A>, after: &Tuple<A>) -> Self {
        let addresses = |tuple: &Tuple<A>| tuple.source.words().chain(tuple.destination.words());
        let ports = |tuple: &Tuple<A>| [tuple.source_port, tuple.destination_port];
        let network = ChecksumDelta::between(addresses(before), addresses(after));
        Self {
            network,
            transport: network.combine(ChecksumDelta::between(ports(before), ports(after))),
        }
    }

    /// The differences of the translation back.
    #[inline]
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self {
            network: self.network.inverse(),
            transport: self.transport.inverse(),
        }
    }
}

/// Gives a TCP or UDP packet the ends `after`, updates its checksums by `deltas`, and decrements its hop limit. A UDP
/// checksum of zero, which says that there is none, stays zero.
#[inline]
pub fn translate<A: Address>(frame: &mut [u8], datagram: &Datagram<A>, after: &Tuple<A>, deltas: Deltas) {
    let ip = usize::from(datagram.ip_offset);
    let transport = usize::from(datagram.transport_offset);
    write_ip::<A>(frame, ip, after.source, after.destination, deltas.network);
    decrement_hop_limit::<A>(frame, ip);
    let protocol = match datagram.transport {
        Transport::Tcp { .. } => Protocol::Tcp,
        Transport::Udp { .. } => Protocol::Udp,
        _ => return,
    };
    write_ports(frame, transport, after);
    update_transport_checksum(frame, transport, protocol, deltas.transport);
}

/// Translates an ICMP error about a packet of a connection: its own addresses become `source` and `destination`, the
/// ends of the quoted packet `quoted_after`, and all checksums that cover them stay right (RFC 5508 section 4.2).
/// The hop limit is decremented.
pub fn translate_error<A: Address>(
    frame: &mut [u8],
    datagram: &Datagram<A>,
    quote: &Quote<A>,
    source: A,
    destination: A,
    quoted_after: &Tuple<A>,
) {
    let quoted_ip = usize::from(quote.ip_offset);
    let quoted_transport = usize::from(quote.transport_offset);
    let icmp = usize::from(datagram.transport_offset);
    let ip = usize::from(datagram.ip_offset);
    let quoted = Deltas::between(&quote.tuple, quoted_after);
    let outer = ChecksumDelta::between(
        datagram.source.words().chain(datagram.destination.words()),
        source.words().chain(destination.words()),
    );

    // The quoted bytes are the error's payload: their changes, checksums included, change the error's checksum.
    let mut payload = quoted.transport;
    if let Some(checksum) = A::CHECKSUM {
        payload = payload.combine(changed_word(frame, quoted_ip + checksum, quoted.network));
    }
    write_addresses(frame, quoted_ip, quoted_after.source, quoted_after.destination);
    write_ports(frame, quoted_transport, quoted_after);
    // The quote may end before the transport checksum. What lies there then is not the quoted packet's.
    let quote_end = ip + usize::from(datagram.ip_length);
    let checksum = quoted_transport + checksum_offset(quote.protocol);
    if checksum + 2 <= quote_end && !is_absent(frame, checksum, quote.protocol) {
        payload = payload.combine(changed_word(frame, checksum, quoted.transport));
    }
    if A::ICMP_PSEUDO_HEADER {
        payload = payload.combine(outer);
    }
    update(frame, icmp + at::ICMP_CHECKSUM, payload);
    write_ip::<A>(frame, ip, source, destination, outer);
    decrement_hop_limit::<A>(frame, ip);
}

/// Sets the Ethernet addresses.
#[inline]
pub fn set_ethernet(frame: &mut [u8], source: MacAddress, destination: MacAddress) {
    let [d0, d1, d2, d3, d4, d5] = destination.0;
    let [s0, s1, s2, s3, s4, s5] = source.0;
    write(frame, 0, [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5]);
}

#[inline]
fn write_ip<A: Address>(frame: &mut [u8], ip: usize, source: A, destination: A, delta: ChecksumDelta) {
    write_addresses(frame, ip, source, destination);
    if let Some(checksum) = A::CHECKSUM {
        update(frame, ip + checksum, delta);
    }
}

#[inline]
fn write_addresses<A: Address>(frame: &mut [u8], ip: usize, source: A, destination: A) {
    source.write(frame, ip + A::SOURCE);
    destination.write(frame, ip + A::DESTINATION);
}

#[inline]
fn write_ports<A>(frame: &mut [u8], transport: usize, tuple: &Tuple<A>) {
    write_u16(frame, transport + at::SOURCE_PORT, tuple.source_port);
    write_u16(frame, transport + at::DESTINATION_PORT, tuple.destination_port);
}

/// The time to live is the high byte of its word, so the difference is 0x0100 less.
#[inline]
fn decrement_hop_limit<A: Address>(frame: &mut [u8], ip: usize) {
    let Some([hop_limit]) = array(frame, ip + A::HOP_LIMIT) else {
        return;
    };
    write(frame, ip + A::HOP_LIMIT, [hop_limit.saturating_sub(1)]);
    if let Some(checksum) = A::CHECKSUM
        && hop_limit > 0
    {
        update(frame, ip + checksum, ChecksumDelta::between([0x0100], [0]));
    }
}

#[inline]
fn update_transport_checksum(frame: &mut [u8], transport: usize, protocol: Protocol, delta: ChecksumDelta) {
    let offset = transport + checksum_offset(protocol);
    if is_absent(frame, offset, protocol) {
        return;
    }
    let Some(checksum) = read_u16(frame, offset) else {
        return;
    };
    write_u16(frame, offset, transported(delta.apply(checksum), protocol));
}

/// Zero says "no checksum" in UDP, so a sum of zero is sent as its other form (RFC 768).
#[inline]
const fn transported(checksum: u16, protocol: Protocol) -> u16 {
    if checksum == 0 && matches!(protocol, Protocol::Udp) {
        0xffff
    } else {
        checksum
    }
}

#[inline]
const fn checksum_offset(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Tcp => at::TCP_CHECKSUM,
        Protocol::Udp => at::UDP_CHECKSUM,
    }
}

#[inline]
fn is_absent(frame: &[u8], checksum: usize, protocol: Protocol) -> bool {
    protocol == Protocol::Udp && read_u16(frame, checksum) == Some(0)
}

#[inline]
fn update(frame: &mut [u8], offset: usize, delta: ChecksumDelta) {
    if let Some(checksum) = read_u16(frame, offset) {
        write_u16(frame, offset, delta.apply(checksum));
    }
}

/// Updates the checksum at `offset`, and returns the difference that this makes to a sum over it.
fn changed_word(frame: &mut [u8], offset: usize, delta: ChecksumDelta) -> ChecksumDelta {
    let Some(before) = read_u16(frame, offset) else {
        return ChecksumDelta::ZERO;
    };
    let after = delta.apply(before);
    write_u16(frame, offset, after);
    ChecksumDelta::between([before], [after])
}
