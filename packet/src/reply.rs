//! Replies made in place of what they answer.

use std::net::{IpAddr, Ipv6Addr};

use model::MacAddress;

use crate::address::Address;
use crate::build::{self, Ends, TcpNumbers};
use crate::bytes::{array, write, write_u16};
use crate::checksum::ChecksumDelta;
use crate::headers::{Datagram, TcpFlags, Transport, Tuple, at};
use crate::rewrite::set_ethernet;

/// Hop limit of what the unit sends itself.
const HOP_LIMIT: u8 = 64;

/// Turns an ARP request into the reply that its target is at `mac`. Returns the frame's length; `None` if the frame is
/// no ARP request.
pub fn arp(frame: &mut [u8], mac: MacAddress) -> Option<usize> {
    let message = at::ETHERNET_HEADER;
    let asker: [u8; 6] = array(frame, message + at::ARP_SENDER_MAC)?;
    let asker_ip: [u8; 4] = array(frame, message + at::ARP_SENDER)?;
    let target: [u8; 4] = array(frame, message + at::ARP_TARGET)?;
    write_u16(frame, message + at::ARP_OPERATION, 2);
    write(frame, message + at::ARP_SENDER_MAC, mac.0);
    write(frame, message + at::ARP_SENDER, target);
    write(frame, message + at::ARP_TARGET_MAC, asker);
    write(frame, message + at::ARP_TARGET, asker_ip);
    set_ethernet(frame, mac, MacAddress(asker));
    Some(frame.len())
}

/// Turns a neighbour solicitation into the advertisement that `target` is at `mac` (RFC 4861 section 7.2.4). Returns
/// the frame's length; `None` if the frame is no solicitation for an IPv6 address or has no room for the answer.
pub fn neighbor_advertisement<A: Address>(
    frame: &mut [u8],
    datagram: &Datagram<A>,
    target: A,
    mac: MacAddress,
) -> Option<usize> {
    let (IpAddr::V6(asker), IpAddr::V6(target)) = (datagram.source.into(), target.into()) else {
        return None;
    };
    let asker_mac = MacAddress(array(frame, at::ETHERNET_SOURCE)?);
    // A host that has no address yet is checking whether it may take this one: all must hear that it may not.
    let (destination, destination_mac, solicited) = if asker.is_unspecified() {
        (
            Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
            MacAddress([0x33, 0x33, 0, 0, 0, 1]),
            false,
        )
    } else {
        (asker, asker_mac, true)
    };
    let answer = build::neighbor_advertisement(mac, target, destination_mac, destination, solicited);
    frame.get_mut(..answer.len())?.copy_from_slice(&answer);
    Some(answer.len())
}

/// Turns an echo request into its reply; payload and length stay. The checksum is updated, not computed, so a payload
/// beyond `frame` is no hindrance.
pub fn echo<A: Address>(frame: &mut [u8], datagram: &Datagram<A>) {
    let ip = usize::from(datagram.ip_offset);
    let icmp = usize::from(datagram.transport_offset);
    swap_ethernet(frame);
    datagram.destination.write(frame, ip + A::SOURCE);
    datagram.source.write(frame, ip + A::DESTINATION);
    write(frame, ip + A::HOP_LIMIT, [HOP_LIMIT]);
    if let Some(checksum) = A::CHECKSUM {
        let words = |hop_limit: u8| [u16::from(hop_limit) << 8];
        update(
            frame,
            ip + checksum,
            ChecksumDelta::between(words(datagram.hop_limit), words(HOP_LIMIT)),
        );
    }
    write(frame, icmp, [A::ECHO_REPLY]);
    let types = |kind: u8| [u16::from(kind) << 8];
    update(
        frame,
        icmp + at::ICMP_CHECKSUM,
        ChecksumDelta::between(types(A::ECHO_REQUEST), types(A::ECHO_REPLY)),
    );
}

/// Turns a TCP segment that belongs to no connection into the reset that answers it (RFC 9293 section 3.10.7.1). Returns
/// the frame's length; `None` for what is not answered: a reset, or not TCP.
pub fn tcp_reset<A: Address>(frame: &mut [u8], datagram: &Datagram<A>) -> Option<usize> {
    let Transport::Tcp {
        source_port,
        destination_port,
        flags,
    } = datagram.transport
    else {
        return None;
    };
    if flags.contains(TcpFlags::RST) {
        return None;
    }
    let tcp = usize::from(datagram.transport_offset);
    let number = |offset| array(frame, tcp + offset).map(u32::from_be_bytes);
    let (sequence, acknowledgement) = (number(at::TCP_SEQUENCE)?, number(at::TCP_ACKNOWLEDGEMENT)?);
    let [data_offset] = array(frame, tcp + at::TCP_DATA_OFFSET)?;
    let reply = if flags.contains(TcpFlags::ACK) {
        (
            TcpFlags::RST,
            TcpNumbers {
                sequence: acknowledgement,
                acknowledgement: 0,
            },
        )
    } else {
        let headers = tcp - usize::from(datagram.ip_offset) + usize::from(data_offset >> 4) * 4;
        let data = u32::from(datagram.ip_length).saturating_sub(u32::try_from(headers).ok()?);
        let occupied =
            data + u32::from(flags.contains(TcpFlags::SYN)) + u32::from(flags.contains(TcpFlags::FIN));
        let acknowledgement = sequence.wrapping_add(occupied);
        (
            TcpFlags(TcpFlags::RST.0 | TcpFlags::ACK.0),
            TcpNumbers {
                sequence: 0,
                acknowledgement,
            },
        )
    };
    let ends = Ends {
        source_mac: MacAddress(array(frame, 0)?),
        destination_mac: MacAddress(array(frame, at::ETHERNET_SOURCE)?),
        tuple: Tuple {
            source: datagram.destination,
            source_port: destination_port,
            destination: datagram.source,
            destination_port: source_port,
        },
    };
    build::fill_tcp(frame, &ends, reply.0, reply.1, &[])
}

fn swap_ethernet(frame: &mut [u8]) {
    if let (Some(destination), Some(source)) = (array(frame, 0), array(frame, at::ETHERNET_SOURCE)) {
        set_ethernet(frame, MacAddress(destination), MacAddress(source));
    }
}

fn update(frame: &mut [u8], offset: usize, delta: ChecksumDelta) {
    if let Some(checksum) = array(frame, offset).map(u16::from_be_bytes) {
        write_u16(frame, offset, delta.apply(checksum));
    }
}
