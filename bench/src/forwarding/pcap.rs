//! Files of frames as net_pcap replays them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Microseconds, this machine's byte order (draft-ietf-opsawg-pcap section 4).
const MAGIC: u32 = 0xa1b2_c3d4;
/// The format's version.
const VERSION: [u16; 2] = [2, 4];
/// Bytes of a frame that a file may hold.
const SNAP_LENGTH: u32 = 65_535;
/// Frames begin with an Ethernet header.
const ETHERNET: u32 = 1;

/// Writes a file of these frames, all of the same time.
pub(super) fn write<'a>(path: &Path, frames: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    encode(&mut file, frames)?;
    file.flush()
}

fn encode<'a>(output: &mut impl Write, frames: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
    output.write_all(&MAGIC.to_ne_bytes())?;
    for part in VERSION {
        output.write_all(&part.to_ne_bytes())?;
    }
    // Time zone and accuracy, which nobody uses.
    output.write_all(&[0; 8])?;
    output.write_all(&SNAP_LENGTH.to_ne_bytes())?;
    output.write_all(&ETHERNET.to_ne_bytes())?;
    for frame in frames {
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?.to_ne_bytes();
        // Seconds and microseconds, then bytes in the file and bytes on the wire.
        output.write_all(&[0; 8])?;
        output.write_all(&length)?;
        output.write_all(&length)?;
        output.write_all(frame)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_header_and_each_frame_with_its_length() {
        let mut file = Vec::new();
        encode(&mut file, [&[7; 60][..], &[9; 1_514]]).unwrap();
        assert_eq!(file.len(), 24 + 16 + 60 + 16 + 1_514);
        assert_eq!(file[..4], MAGIC.to_ne_bytes());
        assert_eq!((&file[20..24], &file[32..36]), (&1_u32.to_ne_bytes()[..], &60_u32.to_ne_bytes()[..]));
        assert_eq!((file[40], file[99]), (7, 7));
        assert_eq!(file[100 + 12..100 + 16], 1_514_u32.to_ne_bytes());
    }
}
