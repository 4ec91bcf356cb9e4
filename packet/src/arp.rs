//! ARP for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use model::{DropReason, MacAddress};

use crate::bytes::{field, field_u16, set_field, view, view_mut};

/// Offsets in the message.
mod at {
    /// Hardware type, protocol type, and the lengths of their addresses.
    pub(super) const KIND: usize = 0;
    pub(super) const OPERATION: usize = 6;
    pub(super) const SENDER_MAC: usize = 8;
    pub(super) const SENDER: usize = 14;
    pub(super) const TARGET_MAC: usize = 18;
    pub(super) const TARGET: usize = 24;
}

/// Bytes of a message.
pub(crate) const MESSAGE: usize = 28;
/// Ethernet, IPv4, 6 and 4 bytes of address.
const ETHERNET_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// An ARP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Whether it asks or answers.
    pub operation: ArpOperation,
    /// The sender's Ethernet address; never a group's (RFC 1812 section 3.3.2).
    pub sender_mac: MacAddress,
    /// The sender's IP address; 0.0.0.0 in a probe (RFC 5227).
    pub sender: Ipv4Addr,
    /// The address that is asked for, or the receiver's.
    pub target: Ipv4Addr,
}

/// What an ARP message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpOperation {
    /// Asks who has an address.
    Request,
    /// Answers.
    Reply,
    /// Something rarer.
    Other(u16),
}

#[cold]
pub(crate) fn parse(frame: &[u8], offset: usize) -> Result<Arp, DropReason> {
    let message: &[u8; MESSAGE] = view(frame, offset).ok_or(DropReason::FrameTruncated)?;
    let sender_mac = MacAddress(field::<{ at::SENDER_MAC }, 6, _>(message));
    if field::<{ at::KIND }, 6, _>(message) != ETHERNET_IPV4 || sender_mac.is_group() {
        return Err(DropReason::NeighborMessageInvalid);
    }
    Ok(Arp {
        operation: match field_u16::<{ at::OPERATION }, _>(message) {
            REQUEST => ArpOperation::Request,
            REPLY => ArpOperation::Reply,
            other => ArpOperation::Other(other),
        },
        sender_mac,
        sender: field::<{ at::SENDER }, 4, _>(message).into(),
        target: field::<{ at::TARGET }, 4, _>(message).into(),
    })
}

/// Writes a message at `offset`; nothing if the frame has no room for it.
pub(crate) fn compose(frame: &mut [u8], offset: usize, arp: &Arp, target_mac: MacAddress) {
    let Some(message) = view_mut::<MESSAGE>(frame, offset) else {
        return;
    };
    let operation = match arp.operation {
        ArpOperation::Request => REQUEST,
        ArpOperation::Reply => REPLY,
        ArpOperation::Other(other) => other,
    };
    set_field::<{ at::KIND }, 6, _>(message, ETHERNET_IPV4);
    set_field::<{ at::OPERATION }, 2, _>(message, operation.to_be_bytes());
    set_field::<{ at::SENDER_MAC }, 6, _>(message, arp.sender_mac.0);
    set_field::<{ at::SENDER }, 4, _>(message, arp.sender.octets());
    set_field::<{ at::TARGET_MAC }, 6, _>(message, target_mac.0);
    set_field::<{ at::TARGET }, 4, _>(message, arp.target.octets());
}
