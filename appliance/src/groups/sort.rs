//! Which group a frame is for, on a unit with several.

use director::PortIndex;
use model::MacAddress;
use packet::{Address, Content, Datagram, Transport};

use super::Groups;

/// Tells frames of one group from those of another. What belongs to none is the first group's: it gives the kernel what is
/// the unit's own.
#[derive(Clone, Copy)]
pub(crate) struct Sorter<'a>(pub(crate) &'a Groups);

impl Sorter<'_> {
    /// The group that a frame received on `port` is for, by its index.
    pub(crate) fn group_of(self, port: PortIndex, frame: &[u8], length: usize) -> usize {
        let station = |offset: usize| frame.get(offset..)?.first_chunk().copied().map(MacAddress);
        let with = |offset: usize| station(offset).and_then(|mac| self.0.with_mac(port, mac));
        // Most are to the group. What a standby watches is to a neighbour, from the group as it is active elsewhere.
        with(0).or_else(|| with(6)).unwrap_or_else(|| self.by_addresses(port, frame, length))
    }

    /// By what the frame is about: to all stations, or to the unit's own MAC address, which a router may have as next hop.
    #[cold]
    fn by_addresses(self, port: PortIndex, frame: &[u8], length: usize) -> usize {
        let contiguous = &frame[..length.min(frame.len())];
        let group = match packet::parse(contiguous, length).map(|packet| packet.content) {
            Ok(Content::Arp(arp)) => self.0.of_address(port, arp.target.into()),
            Ok(Content::Ipv4(datagram)) => self.of_datagram(port, &datagram),
            Ok(Content::Ipv6(datagram)) => self.of_datagram(port, &datagram),
            Ok(Content::Other) | Err(_) => None,
        };
        group.unwrap_or(0)
    }

    fn of_datagram<A: Address>(self, port: PortIndex, datagram: &Datagram<A>) -> Option<usize> {
        let asked_for = match datagram.transport {
            Transport::NeighborSolicitation { target } => self.0.of_address(port, target.into()),
            _ => None,
        };
        asked_for
            .or_else(|| self.0.of_address(port, datagram.destination.into()))
            .or_else(|| self.0.of_real_server(datagram.source.into()))
    }
}
