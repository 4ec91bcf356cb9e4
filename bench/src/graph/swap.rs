//! The peer that keeps nothing: both ends of each packet change places, as testpmd's `5tswap` does it. It checks what
//! it must to find the fields, and no more.

use director::Frame;

use super::pass::{Graph, Outputs};
use super::unit::{INSIDE, OUTSIDE};

const ETHERNET: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Swaps ends, and sends out by the other port.
#[derive(Debug, Default)]
pub(crate) struct StatelessSwap;

impl Graph for StatelessSwap {
    #[inline]
    fn pass(&mut self, frames: &mut [Frame<'_>], outputs: &mut Outputs) {
        for (index, frame) in frames.iter_mut().enumerate() {
            if swap(frame).is_some() {
                let port = if frame.port == OUTSIDE { INSIDE } else { OUTSIDE };
                outputs.forward(index, usize::from(port.0));
            }
        }
    }
}

/// Swaps the ends of a frame; `None` if it is neither TCP nor UDP. A sum does not change with the order of what is
/// summed, so checksums stay.
#[inline]
fn swap(frame: &mut Frame<'_>) -> Option<()> {
    let (ethernet, packet) = frame.bytes.split_first_chunk_mut::<ETHERNET>()?;
    let (protocol, transport) = match [ethernet[12], ethernet[13]] {
        IPV4 => (*packet.get(9)?, usize::from(packet.first()? & 0x0f) * 4),
        IPV6 => (*packet.get(6)?, 40),
        _ => return None,
    };
    if protocol != TCP && protocol != UDP {
        return None;
    }
    exchange::<6>(ethernet);
    match [ethernet[12], ethernet[13]] {
        IPV4 => exchange::<4>(packet.get_mut(12..20)?),
        _ => exchange::<16>(packet.get_mut(8..40)?),
    }
    exchange::<2>(packet.get_mut(transport..transport + 4)?);
    Some(())
}

/// Exchanges the first `N` bytes and those behind them. Of known length, so that they are a move each.
#[inline(always)]
fn exchange<const N: usize>(both: &mut [u8]) {
    if let Some((first, rest)) = both.split_first_chunk_mut::<N>()
        && let Some(second) = rest.first_chunk_mut::<N>()
    {
        std::mem::swap(first, second);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use packet::TcpFlags;
    use packet::build::verify_checksums;

    use super::*;
    use crate::graph::unit::UNIT;
    use crate::load::frames::{Template, Version, inbound};
    use crate::load::ring::Ring;

    fn swaps<A: Version>() {
        let mut ring = Ring::new();
        let segment = Template::<A>::new(UNIT[0], TcpFlags::ACK);
        ring.begin();
        ring.push(OUTSIDE, |buffer| segment.write(&inbound(7), buffer));
        let before = ring.bytes(0).to_vec();
        let mut outputs = Outputs::default();
        StatelessSwap.pass(&mut ring.frames(), &mut outputs);
        assert_eq!(outputs.forwarded(), 1);
        let parse = |bytes: &[u8]| A::datagram(packet::parse(bytes, bytes.len()).unwrap().content).unwrap();
        let (before, after) = (parse(&before), parse(ring.bytes(0)));
        assert_eq!((before.source, before.destination), (after.destination, after.source));
        verify_checksums(ring.bytes(0)).unwrap();
    }

    #[test]
    fn ends_of_both_versions_change_places() {
        swaps::<Ipv4Addr>();
        swaps::<Ipv6Addr>();
    }
}
