//! Reading and writing fields, big endian.
//!
//! A header is looked at through a view of its fixed size: one check for the whole header, and then fields whose
//! places are checked at compile time. Where an offset comes from a packet and no view is at hand, reads outside
//! the bytes are `None` and writes outside do nothing.

/// The `N` bytes from `offset` on.
#[inline]
pub(crate) fn view<const N: usize>(bytes: &[u8], offset: usize) -> Option<&[u8; N]> {
    bytes.get(offset..)?.first_chunk()
}

/// The `N` bytes from `offset` on, to write.
#[inline]
pub(crate) fn view_mut<const N: usize>(bytes: &mut [u8], offset: usize) -> Option<&mut [u8; N]> {
    bytes.get_mut(offset..)?.first_chunk_mut()
}

/// The field at `AT` of a header.
#[inline]
pub(crate) fn field<const AT: usize, const N: usize, const HEADER: usize>(header: &[u8; HEADER]) -> [u8; N] {
    const { assert!(AT + N <= HEADER) };
    let mut value = [0; N];
    value.copy_from_slice(&header[AT..AT + N]);
    value
}

/// The 16-bit field at `AT` of a header.
#[inline]
pub(crate) fn field_u16<const AT: usize, const HEADER: usize>(header: &[u8; HEADER]) -> u16 {
    u16::from_be_bytes(field::<AT, 2, HEADER>(header))
}

/// Writes the field at `AT` of a header.
#[inline]
pub(crate) fn set_field<const AT: usize, const N: usize, const HEADER: usize>(
    header: &mut [u8; HEADER],
    value: [u8; N],
) {
    const { assert!(AT + N <= HEADER) };
    header[AT..AT + N].copy_from_slice(&value);
}

#[inline]
pub(crate) fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    view(bytes, offset).copied().map(u16::from_be_bytes)
}

#[inline]
pub(crate) fn write<const N: usize>(bytes: &mut [u8], offset: usize, value: [u8; N]) {
    if let Some(field) = view_mut(bytes, offset) {
        *field = value;
    }
}

#[inline]
pub(crate) fn write_u16(bytes: &mut [u8], offset: usize, value: u16) {
    write(bytes, offset, value.to_be_bytes());
}

/// An offset or a length that was checked to be within an IP packet, which has less than 64 KiB.
#[inline]
pub(crate) fn narrow(offset: usize) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX)
}
