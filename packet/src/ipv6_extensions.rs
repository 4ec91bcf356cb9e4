//! The walk over IPv6 extension headers (RFC 8200 section 4), bounded in steps and by the packet's end.

use model::DropReason;
use model::limits::IPV6_EXTENSION_HEADERS;

use crate::bytes::{field_u16, view};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
pub(crate) const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// Offsets in an extension header.
mod at {
    pub(super) const NEXT_HEADER: usize = 0;
    /// In units of 8 bytes, without the first 8.
    pub(super) const LENGTH: usize = 1;
    pub(super) const SEGMENTS_LEFT: usize = 3;
    pub(super) const FRAGMENT: usize = 2;
}

/// Bytes of the shortest extension header, and the unit of their lengths.
const UNIT: usize = 8;
/// In the fragment field.
const FRAGMENT_OFFSET: u16 = 0xfff8;
const MORE_FRAGMENTS: u16 = 0x0001;

/// Where the walk ended.
pub(crate) struct Behind {
    pub(crate) offset: usize,
    pub(crate) protocol: u8,
    /// Set when it ended behind a fragment header.
    pub(crate) fragment: Option<Fragment>,
}

/// A fragment of a packet of several; an "atomic" one (RFC 6946) is a whole packet and not meant.
pub(crate) struct Fragment {
    pub(crate) is_first: bool,
}

/// Walks the extension headers of a packet that ends at `end`, from the first, which is of type `protocol`, to what
/// is none, or can not be looked behind, or to the end of a fragment header.
///
/// Not looked behind: a routing header that has segments left, for the destination is not the packet's last, and
/// authentication (RFC 4302), for nothing behind it may be changed.
#[cold]
pub(crate) fn walk(
    frame: &[u8],
    mut offset: usize,
    end: usize,
    mut protocol: u8,
) -> Result<Behind, DropReason> {
    for _ in 0..=IPV6_EXTENSION_HEADERS {
        if !matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS) {
            return Ok(Behind { offset, protocol, fragment: None });
        }
        if offset + UNIT > end {
            return Err(DropReason::IpExtensionInvalid);
        }
        let header: &[u8; UNIT] = view(frame, offset).ok_or(DropReason::FrameTruncated)?;
        if protocol == ROUTING && header[at::SEGMENTS_LEFT] != 0 {
            return Ok(Behind { offset, protocol, fragment: None });
        }
        let fragment = fragment(header).filter(|_| protocol == FRAGMENT);
        let length = match protocol {
            FRAGMENT => UNIT,
            _ => UNIT + UNIT * usize::from(header[at::LENGTH]),
        };
        offset += length;
        protocol = header[at::NEXT_HEADER];
        if offset > end {
            return Err(DropReason::IpExtensionInvalid);
        }
        if fragment.is_some() {
            return Ok(Behind { offset, protocol, fragment });
        }
    }
    Err(DropReason::IpExtensionInvalid)
}

fn fragment(header: &[u8; UNIT]) -> Option<Fragment> {
    let field = field_u16::<{ at::FRAGMENT }, _>(header);
    let is_first = field & FRAGMENT_OFFSET == 0;
    (!is_first || field & MORE_FRAGMENTS != 0).then_some(Fragment { is_first })
}

/// Whether the fragment header that ends at `end` is that of a first fragment; `None` if it is not in `frame`.
pub(crate) fn is_first_fragment(frame: &[u8], end: usize) -> Option<bool> {
    let header: &[u8; UNIT] = view(frame, end.checked_sub(UNIT)?)?;
    Some(field_u16::<{ at::FRAGMENT }, _>(header) & FRAGMENT_OFFSET == 0)
}

/// A fragment header: the first byte behind it was at `units` times 8 in what was fragmented.
pub(crate) fn fragment_header(protocol: u8, units: u16, more: bool) -> [u8; UNIT] {
    let field = units << 3 | if more { MORE_FRAGMENTS } else { 0 };
    let [high, low] = field.to_be_bytes();
    [protocol, 0, high, low, 0, 0, 0, 1]
}
