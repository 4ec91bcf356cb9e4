//! Ethernet addresses. IP addresses are the standard library's.

use std::fmt;
use std::str::FromStr;

/// A 48-bit Ethernet address, written as six hexadecimal bytes with colons.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// All ones: every station on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the group bit is set: broadcast is a group, too.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// A locally administered, individual address derived from this one. It is stable, so neighbours keep
    /// their entries over a restart, and differs from the address of the device it was derived from.
    pub const fn to_locally_administered(self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        // A device that is locally administered already (TAP, veth) must not map to itself.
        Self([((a | 0x02) & 0xfe) ^ 0x50, b, c, d, e, f])
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The text is not six two-digit hexadecimal bytes with colons between them.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a MAC address; write it like 02:00:5e:10:00:01")]
pub struct MacAddressError(String);

impl FromStr for MacAddress {
    type Err = MacAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || MacAddressError(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(refuse)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(refuse());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| refuse())?;
        }
        if parts.next().is_some() { Err(refuse()) } else { Ok(Self(bytes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back() {
        let address: MacAddress = "02:00:5e:10:00:01".parse().unwrap();
        assert_eq!(address.to_string(), "02:00:5e:10:00:01");
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "02:00:5e:10:00",
            "02:00:5e:10:00:01:02",
            "2:0:5e:10:0:1",
            "02-00-5e-10-00-01",
            "02:00:5e:10:00:+1",
        ] {
            assert!(text.parse::<MacAddress>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn derived_address_is_individual_local_and_new() {
        for first in 0..=255_u8 {
            let address = MacAddress([first, 1, 2, 3, 4, 5]);
            let derived = address.to_locally_administered();
            assert!(!derived.is_group());
            assert_eq!(derived.0[0] & 0x02, 0x02);
            assert_ne!(derived, address);
        }
    }
}
