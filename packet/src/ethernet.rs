//! Ethernet headers, and the VLAN tags behind them.

use model::{DropReason, MacAddress};

use crate::bytes::{field, field_u16, view, view_mut, write_u16};

/// Offsets in the header.
mod at {
    pub(super) const DESTINATION: usize = 0;
    pub(super) const SOURCE: usize = 6;
    pub(super) const ETHERTYPE: usize = 12;
}

/// Bytes of the header without tags.
pub(crate) const HEADER: usize = 14;
/// The shortest frame, without its check sequence.
pub(crate) const SHORTEST_FRAME: usize = 60;

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const ARP: u16 = 0x0806;
pub(crate) const IPV6: u16 = 0x86dd;
/// The tag of IEEE 802.1Q.
pub(crate) const VLAN: u16 = 0x8100;
/// The outer tag of two (IEEE 802.1ad).
const SERVICE_VLAN: u16 = 0x88a8;

/// Bytes of a tag: its control field, and the ethertype of what follows.
pub(crate) const TAG: usize = 4;
/// Tags that are looked behind.
const TAGS: usize = 2;
/// The identifier within a tag's control field; the rest is priority.
const VLAN_IDENTIFIER: u16 = 0x0fff;

/// An Ethernet header, tags included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// The station that the frame is for.
    pub destination: MacAddress,
    /// The station that sent it.
    pub source: MacAddress,
    /// The VLAN identifier of the outermost tag, where there is one; 0 for a tag that has a priority only.
    pub vlan: Option<u16>,
    /// The type of the payload, behind the tags.
    pub ethertype: u16,
}

/// A station's MAC address in the form in which frames are compared with it, eight bytes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receiver(u64);

impl Receiver {
    /// The station with this address.
    pub const fn new(MacAddress([a, b, c, d, e, f]): MacAddress) -> Self {
        Self(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) << 16)
    }

    /// The ethertype of an untagged frame to this station; `None` if it is to another, or too short.
    #[inline(always)]
    pub fn ethertype(self, frame: &[u8]) -> Option<u16> {
        let header: &[u8; HEADER] = view(frame, 0)?;
        let first = u64::from_le_bytes(field::<{ at::DESTINATION }, 8, _>(header));
        (first << 16 == self.0).then_some(field_u16::<{ at::ETHERTYPE }, _>(header))
    }
}

impl Ethernet {
    /// The ethertype of IPv4.
    pub const IPV4: u16 = IPV4;
    /// The ethertype of IPv6.
    pub const IPV6: u16 = IPV6;

    /// The header, without looking for tags.
    #[inline]
    pub(crate) fn parse(frame: &[u8]) -> Result<Self, DropReason> {
        let header: &[u8; HEADER] = view(frame, 0).ok_or(DropReason::FrameTruncated)?;
        Ok(Self {
            destination: MacAddress(field::<{ at::DESTINATION }, 6, _>(header)),
            source: MacAddress(field::<{ at::SOURCE }, 6, _>(header)),
            vlan: None,
            ethertype: field_u16::<{ at::ETHERTYPE }, _>(header),
        })
    }

    /// Looks behind the tags; returns where the payload begins.
    #[cold]
    pub(crate) fn skip_tags(&mut self, frame: &[u8]) -> Result<usize, DropReason> {
        let mut offset = HEADER;
        for _ in 0..TAGS {
            if !matches!(self.ethertype, VLAN | SERVICE_VLAN) {
                break;
            }
            let tag: &[u8; TAG] = view(frame, offset).ok_or(DropReason::FrameTruncated)?;
            self.vlan = self.vlan.or(Some(field_u16::<0, _>(tag) & VLAN_IDENTIFIER));
            self.ethertype = field_u16::<2, _>(tag);
            offset += TAG;
        }
        Ok(offset)
    }
}

/// Sets the Ethernet addresses. A frame too short for them stays as it is.
#[inline]
pub fn set_ethernet(frame: &mut [u8], source: MacAddress, destination: MacAddress) {
    if let Some(header) = view_mut::<{ at::ETHERTYPE }>(frame, 0) {
        header[at::DESTINATION..at::SOURCE].copy_from_slice(&destination.0);
        header[at::SOURCE..].copy_from_slice(&source.0);
    }
}

/// The station that the frame is for, and the one that sent it.
pub(crate) fn stations(frame: &[u8]) -> Option<(MacAddress, MacAddress)> {
    let station = |at| view(frame, at).copied().map(MacAddress);
    Some((station(at::DESTINATION)?, station(at::SOURCE)?))
}

pub(crate) fn set_ethertype(frame: &mut [u8], ethertype: u16) {
    write_u16(frame, at::ETHERTYPE, ethertype);
}

/// The frame with a tag between addresses and ethertype.
pub(crate) fn tagged(frame: &[u8], control: u16) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(at::ETHERTYPE.min(frame.len()));
    let mut tagged = [addresses, &[0; TAG], rest].concat();
    write_u16(&mut tagged, at::ETHERTYPE, VLAN);
    write_u16(&mut tagged, HEADER, control);
    tagged
}
