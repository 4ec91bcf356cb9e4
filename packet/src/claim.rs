//! What a frame says about who has an address: ARP and neighbour discovery, of whatever kind.

use std::net::{IpAddr, Ipv6Addr};

use model::MacAddress;

use crate::arp;
use crate::bytes::{field, view};
use crate::ethernet::{self, Ethernet};
use crate::{icmp, ipv6, neighbor};

/// That an address is at a station, as the sender of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub address: IpAddr,
    /// Where it is, or will be.
    pub mac: MacAddress,
    /// The address that the frame asks for, if it asks.
    pub asks_for: Option<IpAddr>,
}

impl Claim {
    /// What an untagged frame says. `None` if it says nothing, or not in a way that anybody would heed. No checksum is
    /// looked at: what is claimed is not used, but watched.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let ethernet = Ethernet::parse(frame).ok()?;
        match ethernet.ethertype {
            ethernet::ARP => Self::read_arp(frame),
            Ethernet::IPV6 => Self::read_neighbor_discovery(frame, &ethernet),
            _ => None,
        }
    }

    fn read_arp(frame: &[u8]) -> Option<Self> {
        let message = arp::parse(frame, ethernet::HEADER).ok()?;
        let asks = message.operation == arp::ArpOperation::Request;
        // One who looks whether an address is free has none yet, but wants to have it (RFC 5227 section 2.1.1).
        let address = if message.sender.is_unspecified() { message.target } else { message.sender };
        Some(Self {
            address: address.into(),
            mac: message.sender_mac,
            asks_for: asks.then_some(message.target.into()),
        })
    }

    /// The message stands right behind the IP header: neighbour discovery has no use for extension headers.
    fn read_neighbor_discovery(frame: &[u8], ethernet: &Ethernet) -> Option<Self> {
        let header: &[u8; ipv6::HEADER] = view(frame, ethernet::HEADER)?;
        let message = frame.get(ethernet::HEADER + ipv6::HEADER..)?;
        let fixed: &[u8; neighbor::MESSAGE] = view(message, 0)?;
        if header[ipv6::at::NEXT_HEADER] != icmp::PROTOCOL_V6 {
            return None;
        }
        let target = Ipv6Addr::from(field::<{ neighbor::at::TARGET }, 16, _>(fixed));
        let source = Ipv6Addr::from(field::<{ ipv6::at::SOURCE }, 16, _>(header));
        let (address, asks) = match fixed[neighbor::at::TYPE] {
            neighbor::ADVERTISEMENT => (target, false),
            neighbor::SOLICITATION if source.is_unspecified() => (target, true),
            neighbor::SOLICITATION => (source, true),
            _ => return None,
        };
        let mac = neighbor::link_layer_address(&message[neighbor::MESSAGE..]).unwrap_or(ethernet.source);
        Some(Self { address: address.into(), mac, asks_for: asks.then_some(target.into()) })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::build;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const ASKER: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

    fn v4(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, last)
    }

    fn v6(last: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
    }

    #[test]
    fn questions_answers_and_announcements_say_where_an_address_is() {
        let mut answer = build::neighbor_solicitation(ASKER, v6(2), v6(1));
        let datagram = match crate::parse(&answer, answer.len()).unwrap().content {
            crate::Content::Ipv6(datagram) => datagram,
            other => panic!("{other:?}"),
        };
        crate::reply::neighbor_advertisement(&mut answer, &datagram, v6(1), MAC).unwrap();
        let claim = |address, asks_for| Some(Claim { address, mac: MAC, asks_for });
        let cases = [
            (build::arp_request(MAC, v4(1), v4(2)), claim(v4(1).into(), Some(v4(2).into()))),
            (build::arp_reply(MAC, v4(1), ASKER, v4(2)), claim(v4(1).into(), None)),
            (build::gratuitous_arp(MAC, v4(1)), claim(v4(1).into(), Some(v4(1).into()))),
            (build::arp_request(MAC, Ipv4Addr::UNSPECIFIED, v4(1)), claim(v4(1).into(), Some(v4(1).into()))),
            (build::neighbor_solicitation(MAC, v6(1), v6(2)), claim(v6(1).into(), Some(v6(2).into()))),
            (
                build::neighbor_solicitation(MAC, Ipv6Addr::UNSPECIFIED, v6(1)),
                claim(v6(1).into(), Some(v6(1).into())),
            ),
            (build::unsolicited_neighbor_advertisement(MAC, v6(1)), claim(v6(1).into(), None)),
            (answer, claim(v6(1).into(), None)),
        ];
        for (frame, expected) in cases {
            assert_eq!(Claim::read(&frame), expected);
            for length in 0..frame.len() {
                // Whatever is cut off: no panic, and no other address.
                if let Some(claim) = Claim::read(&frame[..length]) {
                    assert_eq!(claim.address, expected.unwrap().address);
                }
            }
        }
    }

    #[test]
    fn other_frames_say_nothing() {
        let ends = build::Ends {
            source_mac: MAC,
            destination_mac: ASKER,
            tuple: crate::Tuple { source: v6(1), source_port: 1, destination: v6(2), destination_port: 2 },
        };
        assert_eq!(Claim::read(&build::udp(&ends, &[136; 64])), None);
        assert_eq!(Claim::read(&build::echo_request(&ends, &[0; 64])), None);
        assert_eq!(Claim::read(&[0; 200]), None);
    }
}
