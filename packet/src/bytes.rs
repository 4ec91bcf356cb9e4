//! Reading and writing fields, big endian. Reads outside the bytes are `None`, writes outside do nothing: an offset
//! may come from a packet.

#[inline]
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[inline]
pub(crate) fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_be_bytes)
}

#[inline]
pub(crate) fn write<const N: usize>(bytes: &mut [u8], offset: usize, value: [u8; N]) {
    if let Some(field) = bytes.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
        *field = value;
    }
}

#[inline]
pub(crate) fn write_u16(bytes: &mut [u8], offset: usize, value: u16) {
    write(bytes, offset, value.to_be_bytes());
}

/// The sum of all 16-bit words; an odd last byte is the high byte of a word (RFC 1071).
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<2>();
    let sum: u32 = words
        .iter()
        .map(|&word| u32::from(u16::from_be_bytes(word)))
        .sum();
    sum + rest.first().map_or(0, |&last| u32::from(last) << 8)
}
