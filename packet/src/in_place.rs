//! A packet in its frame, cut into its headers once, so that nobody looks at lengths again: what the fast path reads,
//! compares and translates.

use model::{MacAddress, Protocol};

use crate::address::Address;
use crate::checksum::ChecksumDelta;
use crate::rewrite::Translation;
use crate::{TcpFlags, ethernet, tcp, udp};

/// A transport protocol as a type, where code is made for one of them.
pub trait TransportProtocol: sealed::Sealed {
    /// Which it is.
    const PROTOCOL: Protocol;
}

/// TCP.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

/// UDP.
#[derive(Clone, Copy, Debug)]
pub struct Udp;

impl TransportProtocol for Tcp {
    const PROTOCOL: Protocol = Protocol::Tcp;
}

impl TransportProtocol for Udp {
    const PROTOCOL: Protocol = Protocol::Udp;
}

pub(crate) mod sealed {
    use super::{ChecksumDelta, TcpFlags};

    pub trait Sealed {
        /// As many bytes as the header has without options.
        type Header;

        fn cut(bytes: &mut [u8]) -> Option<&mut Self::Header>;

        fn flags(header: &Self::Header) -> TcpFlags;

        fn rewrite(header: &mut Self::Header, ports: [u8; 4], delta: ChecksumDelta);
    }
}

impl sealed::Sealed for Tcp {
    type Header = [u8; tcp::HEADER];

    #[inline(always)]
    fn cut(bytes: &mut [u8]) -> Option<&mut Self::Header> {
        bytes.first_chunk_mut()
    }

    #[inline(always)]
    fn flags(header: &Self::Header) -> TcpFlags {
        tcp::flags(header)
    }

    #[inline(always)]
    fn rewrite(header: &mut Self::Header, ports: [u8; 4], delta: ChecksumDelta) {
        tcp::rewrite(header, ports, delta);
    }
}

impl sealed::Sealed for Udp {
    type Header = [u8; udp::HEADER];

    #[inline(always)]
    fn cut(bytes: &mut [u8]) -> Option<&mut Self::Header> {
        bytes.first_chunk_mut()
    }

    #[inline(always)]
    fn flags(_header: &Self::Header) -> TcpFlags {
        TcpFlags::default()
    }

    #[inline(always)]
    fn rewrite(header: &mut Self::Header, ports: [u8; 4], delta: ChecksumDelta) {
        udp::rewrite(header, ports, delta);
    }
}

/// The headers of a packet of protocol `T` in an untagged frame, in place.
#[derive(Debug)]
pub struct InPlace<'a, A: Address, T: TransportProtocol> {
    /// Ethernet and IP header.
    head: &'a mut A::Head,
    transport: &'a mut T::Header,
}

impl<'a, A: Address, T: TransportProtocol> InPlace<'a, A, T> {
    /// Cuts a frame whose transport header begins at `transport_offset`. `None` if the headers are not in it.
    #[inline(always)]
    pub fn cut(frame: &'a mut [u8], transport_offset: u16) -> Option<Self> {
        let (head, transport) = frame.split_at_mut_checked(usize::from(transport_offset))?;
        Some(Self { head: A::cut_head(head)?, transport: T::cut(transport)? })
    }

    /// Time to live or hop limit.
    #[inline(always)]
    pub fn hop_limit(&self) -> u8 {
        A::hop_limit(self.head)
    }

    /// Bytes of the whole IP packet; padding of the frame may follow it.
    #[inline(always)]
    pub fn ip_length(&self) -> u16 {
        A::ip_length(self.head)
    }

    /// The flags of a TCP segment; none are set for UDP.
    #[inline(always)]
    pub fn flags(&self) -> TcpFlags {
        T::flags(self.transport)
    }

    /// Translates the packet and decrements its hop limit. That the hop limit allows it is the caller's to see.
    ///
    /// A UDP checksum of zero, which says that there is none, stays zero (RFC 768).
    #[inline(always)]
    pub fn translate(&mut self, translation: &Translation<A>) {
        let Translation { ends, deltas } = translation;
        A::forward(self.head, ends.addresses, deltas.network);
        T::rewrite(self.transport, ends.ports, deltas.transport);
    }

    /// Gives the frame its stations.
    #[inline(always)]
    pub fn set_ethernet(&mut self, source: MacAddress, destination: MacAddress) {
        ethernet::set_ethernet(self.head.as_mut(), source, destination);
    }
}
