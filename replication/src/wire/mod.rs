//! The bytes between two units: what docs/REPLICATION.md specifies, and nothing else.
//!
//! Readers take any bytes and never panic; what they refuse, they name by a [`crate::Rejection`].

mod choice;
mod control;
mod header;
mod item;
mod reader;
mod record;

pub(crate) use control::{Acknowledgement, CountsPart, Hello, MOST_GAPS, Request, StatusMessage, read_count};
pub(crate) use header::{HEADER_BYTES, Header, Kind, LOWEST_VERSION, TAG_BYTES};
pub(crate) use item::{Batch, BatchFrame, Cursor, FRAME_BYTES, Written};
pub(crate) use reader::Reader;

/// The highest version that this unit speaks. It reads the one before, too.
pub const VERSION: u8 = header::VERSION;
