//! IPv6 neighbour discovery (RFC 4861): solicitations read, solicitations and advertisements written.

use std::net::Ipv6Addr;

use model::{DropReason, MacAddress};

use crate::address::sealed::Version;
use crate::bytes::{field, view, write};
use crate::compose::{Envelope, message_sum, seal};
use crate::icmp;
use crate::packet::Transport;
use crate::parse::Outline;

/// Offsets in a message.
pub(crate) mod at {
    pub(crate) const TYPE: usize = 0;
    pub(crate) const CODE: usize = 1;
    pub(crate) const FLAGS: usize = 4;
    pub(crate) const TARGET: usize = 8;
    pub(crate) const OPTIONS: usize = 24;
    /// In an option: its length in units of 8 bytes, and its link-layer address.
    pub(crate) const OPTION_LENGTH: usize = 1;
    pub(crate) const OPTION_ADDRESS: usize = 2;
}

pub(crate) const SOLICITATION: u8 = 135;
pub(crate) const ADVERTISEMENT: u8 = 136;

const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
/// Bytes of an option with an Ethernet address, and the unit of options' lengths.
const OPTION: usize = 8;

/// Flags of an advertisement.
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

/// Bytes of a message behind the IP header.
pub(crate) const MESSAGE: usize = at::OPTIONS;
/// The same, with the option that names the sender's or the target's MAC address.
pub(crate) const MESSAGE_WITH_ADDRESS: usize = at::OPTIONS + OPTION;

/// What proves that a message crossed no router.
pub(crate) const HOP_LIMIT: u8 = 255;
pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Parses the solicitation that a packet carries, and checks all that RFC 4861 section 7.1.1 asks for.
#[cold]
pub(crate) fn parse_solicitation(
    frame: &[u8],
    outline: &Outline<Ipv6Addr>,
) -> Result<Transport<Ipv6Addr>, DropReason> {
    let invalid = DropReason::NeighborMessageInvalid;
    let message = frame.get(outline.offset..outline.end()).ok_or(DropReason::FrameTruncated)?;
    let envelope = Envelope {
        source: outline.source,
        destination: outline.destination,
        protocol: icmp::PROTOCOL_V6,
        hop_limit: outline.hop_limit,
    };
    let fixed: &[u8; MESSAGE] = view(message, 0).ok_or(invalid)?;
    let target = Ipv6Addr::from(field::<{ at::TARGET }, 16, _>(fixed));
    let options = Options::read(&message[MESSAGE..]).ok_or(invalid)?;
    // A host that has no address yet can not name one; it asks the group that the address's owner must be in.
    let is_probe_right = !options.name_source && is_solicited_node(envelope.destination);
    let is_right = envelope.hop_limit == HOP_LIMIT
        && fixed[at::CODE] == 0
        && !target.is_multicast()
        && (!envelope.source.is_unspecified() || is_probe_right)
        && message_sum(message, &envelope) == 0xffff;
    if is_right { Ok(Transport::NeighborSolicitation { target }) } else { Err(invalid) }
}

/// What the options of a message say.
struct Options {
    name_source: bool,
}

impl Options {
    /// `None` if an option has no length, or one beyond the message's end.
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut options = Self { name_source: false };
        while !bytes.is_empty() {
            let length = usize::from(*bytes.get(at::OPTION_LENGTH)?) * OPTION;
            let rest = bytes.get(length..).filter(|_| length > 0)?;
            options.name_source |= bytes[at::TYPE] == SOURCE_LINK_LAYER_ADDRESS;
            bytes = rest;
        }
        Some(options)
    }
}

/// The first station that the options of a message name.
pub(crate) fn link_layer_address(mut options: &[u8]) -> Option<MacAddress> {
    loop {
        let option: &[u8; OPTION] = view(options, 0)?;
        if matches!(option[at::TYPE], SOURCE_LINK_LAYER_ADDRESS | TARGET_LINK_LAYER_ADDRESS) {
            return Some(MacAddress(field::<{ at::OPTION_ADDRESS }, 6, _>(option)));
        }
        let length = usize::from(option[at::OPTION_LENGTH]) * OPTION;
        options = options.get(length..).filter(|_| length > 0)?;
    }
}

/// The group that the owner of `address` listens to (RFC 4291 section 2.7.1).
pub(crate) fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., high, low] = address.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | high & 0x00ff, low)
}

fn is_solicited_node(address: Ipv6Addr) -> bool {
    solicited_node(address) == address
}

/// The MAC address of an IPv6 group (RFC 2464 section 7).
pub(crate) fn group_mac(group: Ipv6Addr) -> MacAddress {
    let [.., a, b, c, d] = group.octets();
    MacAddress([0x33, 0x33, a, b, c, d])
}

/// Writes the advertisement that `target` is at `mac` over `packet`: to `asker`, or to all nodes, overriding what
/// they knew. The MAC address is named if `packet` has the room.
pub(crate) fn compose_advertisement(
    packet: &mut [u8],
    target: Ipv6Addr,
    mac: MacAddress,
    asker: Option<Ipv6Addr>,
) {
    let flags = match asker {
        Some(_) => SOLICITED | OVERRIDE,
        None => OVERRIDE,
    };
    let envelope = Envelope {
        source: target,
        destination: asker.unwrap_or(ALL_NODES),
        protocol: icmp::PROTOCOL_V6,
        hop_limit: HOP_LIMIT,
    };
    compose(packet, &envelope, (ADVERTISEMENT, flags), target, (TARGET_LINK_LAYER_ADDRESS, mac));
}

/// Writes the solicitation of `source` for `target` over `packet`.
pub(crate) fn compose_solicitation(packet: &mut [u8], source: Ipv6Addr, target: Ipv6Addr, mac: MacAddress) {
    let envelope = Envelope {
        source,
        destination: solicited_node(target),
        protocol: icmp::PROTOCOL_V6,
        hop_limit: HOP_LIMIT,
    };
    compose(packet, &envelope, (SOLICITATION, 0), target, (SOURCE_LINK_LAYER_ADDRESS, mac));
}

fn compose(
    packet: &mut [u8],
    envelope: &Envelope<Ipv6Addr>,
    (message_type, flags): (u8, u8),
    target: Ipv6Addr,
    (option_type, mac): (u8, MacAddress),
) {
    let (_, message) = packet.split_at_mut(packet.len().min(Ipv6Addr::HEADER));
    message.fill(0);
    write(message, at::TYPE, [message_type]);
    write(message, at::FLAGS, [flags]);
    write(message, at::TARGET, target.octets());
    if message.len() >= MESSAGE_WITH_ADDRESS {
        write(message, at::OPTIONS, [option_type, 1]);
        write(message, at::OPTIONS + at::OPTION_ADDRESS, mac.0);
    }
    seal(packet, envelope);
}
