//! Configurations are written once for both address families, with short names that stand for addresses:
//!
//! | short  | stands for                                               | IPv4             | IPv6                  |
//! |--------|----------------------------------------------------------|------------------|-----------------------|
//! | `V:80` | the virtual address, with what a name has after it       | 192.0.2.100:80   | [2001:db8:100::100]:80 |
//! | `R2:7` | the address of server 2, with what a name has after it   | 10.1.0.12:7      | [2001:db8:2::12]:7    |
//! | `C3`   | the address of client 3                                  | 198.51.100.13    | 2001:db8:1::13        |
//! | `C8~2` | the network that client 8 is in, all but the last 2 bits | 198.51.100.16/30 | 2001:db8:1::18/126    |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread;

use serde_json::{Value, json};

use crate::lab::plan::{VIRTUAL_V4, VIRTUAL_V6, client_addresses, short_timeouts};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

pub(super) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// `director.json` for both families, with short timeouts if it has none.
pub(super) fn director(short: &Value) -> Value {
    let mut director = json!({ "timeouts": short_timeouts() });
    for (key, value) in short.as_object().expect("an object") {
        director[key] = match value {
            Value::Array(list) => {
                FAMILIES.iter().flat_map(|family| list.iter().map(|entry| family.expand(entry))).collect()
            }
            other => other.clone(),
        };
    }
    director
}

/// Does the same by both families, at the same time: for what takes a while.
pub(super) fn for_both(work: impl Fn(Family) + Sync) {
    thread::scope(|scope| {
        let work = &work;
        for family in FAMILIES {
            scope.spawn(move || work(family));
        }
    });
}

impl Family {
    /// A name or a client, written out.
    pub(super) fn name(self, short: &str) -> String {
        let (kind, rest) = short.split_at_checked(1).unwrap_or_default();
        match (kind, self) {
            ("V", Self::V4) => format!("192.0.2.100{rest}"),
            ("V", Self::V6) => format!("[2001:db8:100::100]{rest}"),
            ("R", Self::V4) => format!("10.1.0.1{rest}"),
            ("R", Self::V6) => {
                let (number, rest) = rest.split_at(1);
                format!("[2001:db8:2::1{number}]{rest}")
            }
            ("C", _) => self.clients(rest),
            _ => short.to_owned(),
        }
    }

    fn clients(self, short: &str) -> String {
        let (number, bits) = short.split_once('~').unwrap_or((short, "0"));
        let bits: u8 = bits.parse().expect("a number of bits");
        match self.client(number.parse().expect("a client's number")).ip() {
            IpAddr::V4(address) => {
                let network = Ipv4Addr::from_bits(address.to_bits() >> bits << bits);
                format!("{network}/{}", 32 - bits)
            }
            IpAddr::V6(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() >> bits << bits);
                format!("{network}/{}", 128 - bits)
            }
        }
    }

    fn expand(self, value: &Value) -> Value {
        match value {
            Value::String(short) => self.name(short).into(),
            Value::Array(list) => list.iter().map(|entry| self.expand(entry)).collect(),
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), self.expand(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Where clients go.
    pub(super) fn virtual_end(self, port: u16) -> SocketAddr {
        match self {
            Self::V4 => SocketAddr::new(VIRTUAL_V4, port),
            Self::V6 => SocketAddr::new(VIRTUAL_V6, port),
        }
    }

    /// A client's address, with any port.
    pub(super) fn client(self, number: u8) -> SocketAddr {
        let (v4, v6) = client_addresses(number);
        match self {
            Self::V4 => SocketAddr::new(v4.into(), 0),
            Self::V6 => SocketAddr::new(v6.into(), 0),
        }
    }
}
