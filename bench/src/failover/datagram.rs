//! What clients send by UDP: which one it is.

/// Its length.
pub(super) const BYTES: usize = 12;

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram {
    /// Counts flows, from 1.
    pub(super) flow: u32,
    /// Which client of the flow, from 0.
    pub(super) client: u32,
    /// Counts the client's datagrams, from 0.
    pub(super) number: u32,
}

impl Datagram {
    pub(super) fn write(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let fields = [self.flow, self.client, self.number];
        for (place, field) in bytes.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes.first_chunk::<BYTES>()?;
        let [flow, client, number] = [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_be_bytes);
        Some(Self { flow, client, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_read_as_they_were_written() {
        let datagram = Datagram { flow: 7, client: 49, number: 70_000 };
        assert_eq!(Datagram::read(&datagram.write()), Some(datagram));
        assert_eq!(Datagram::read(&[0; 11]), None);
    }
}
