//! What a listing of connections is narrowed by, as operators write it. In JSON each is a string.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use director::Cursor;
use ipnet::IpNet;
use model::{Endpoint, Protocol};
use serde::{Deserialize, Serialize};

/// Why a text does not narrow a listing.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FilterError {
    /// Neither an address nor a network.
    #[error(
        "{0:?} is neither an address nor a network; write 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32"
    )]
    Network(String),
    /// Not an address with an optional port and protocol.
    #[error("{0:?} is not address[:port][:protocol]; write 192.0.2.1, 192.0.2.1:80 or [2001:db8::1]:53:udp")]
    Endpoint(String),
    /// Not a cursor.
    #[error("{0:?} is not where a page ended; copy it from the end of the page before")]
    Cursor(String),
}

/// A client's address or network: `198.51.100.7` or `198.51.100.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientNetwork(pub IpNet);

/// One end of connections: an address and, unless they are left out or 0, a port and a protocol. The names of
/// virtual and real servers are such patterns, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointPattern {
    /// The address and port; port 0 matches all.
    pub endpoint: Endpoint,
    /// The protocol; `None` matches all.
    pub protocol: Option<Protocol>,
}

/// Where a page ended: `worker.family.slot`. To be copied, not understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageCursor {
    /// The table to go on with: each worker has one for each failover group.
    pub(crate) table: usize,
    /// Where to go on in its table.
    pub(crate) cursor: Cursor,
}

impl FromStr for ClientNetwork {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let address = |text: &str| text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse::<IpNet>().ok().or_else(|| address(text));
        network.map(Self).ok_or_else(|| FilterError::Network(text.to_owned()))
    }
}

impl fmt::Display for ClientNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for EndpointPattern {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let refuse = || FilterError::Endpoint(text.to_owned());
        let (rest, protocol) = match text.rsplit_once(':') {
            Some((rest, word)) if word.parse::<Protocol>().is_ok() => (rest, word.parse().ok()),
            _ => (text, None),
        };
        let in_brackets = rest.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let address = match in_brackets {
            Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => rest.parse::<IpAddr>().ok(),
        };
        let endpoint = match address {
            Some(address) => Endpoint::new(address, 0),
            None => {
                let end: SocketAddr = rest.parse().map_err(|_| refuse())?;
                Endpoint::new(end.ip(), end.port())
            }
        };
        Ok(Self { endpoint, protocol })
    }
}

impl fmt::Display for EndpointPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(formatter)?;
        self.protocol.map_or(Ok(()), |protocol| write!(formatter, ":{protocol}"))
    }
}

impl FromStr for PageCursor {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let refuse = || FilterError::Cursor(text.to_owned());
        let parts: Vec<&str> = text.split('.').collect();
        let &[table, family, slot] = parts.as_slice() else {
            return Err(refuse());
        };
        let second_family = match family {
            "4" => false,
            "6" => true,
            _ => return Err(refuse()),
        };
        let number = |text: &str| text.parse::<u32>().ok().and_then(|number| usize::try_from(number).ok());
        let table = number(table).ok_or_else(refuse)?;
        let slot = number(slot).ok_or_else(refuse)?;
        Ok(Self { table, cursor: Cursor { second_family, slot } })
    }
}

impl fmt::Display for PageCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.cursor.second_family { 6 } else { 4 };
        write!(formatter, "{}.{family}.{}", self.table, self.cursor.slot)
    }
}

macro_rules! string_in_json {
    ($($name:ident),+) => {
        $(
            impl TryFrom<String> for $name {
                type Error = FilterError;

                fn try_from(text: String) -> Result<Self, FilterError> {
                    text.parse()
                }
            }

            impl From<$name> for String {
                fn from(value: $name) -> Self {
                    value.to_string()
                }
            }
        )+
    };
}

string_in_json!(ClientNetwork, EndpointPattern, PageCursor);

#[cfg(test)]
mod tests {
    use super::*;

    fn written_back<T: FromStr<Err = FilterError> + fmt::Display>(text: &str) -> String {
        text.parse::<T>().map_or_else(|error| panic!("{error}"), |value| value.to_string())
    }

    #[test]
    fn what_operators_write_is_understood() {
        for (text, full) in [
            ("198.51.100.7", "198.51.100.7/32"),
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(written_back::<ClientNetwork>(text), full);
        }
        for (text, full) in [
            ("192.0.2.1", "192.0.2.1:0"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("192.0.2.1:80:tcp", "192.0.2.1:80:tcp"),
            ("192.0.2.1:udp", "192.0.2.1:0:udp"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:53:udp", "[2001:db8::1]:53:udp"),
        ] {
            assert_eq!(written_back::<EndpointPattern>(text), full);
            assert_eq!(written_back::<EndpointPattern>(full), full);
        }
        for text in ["0.4.0", "3.6.4096"] {
            assert_eq!(written_back::<PageCursor>(text), text);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "web", "198.51.100.0/33", "198.51.100"] {
            assert!(text.parse::<ClientNetwork>().is_err(), "{text:?}");
        }
        for text in [
            "",
            "web",
            ":80",
            "192.0.2.1:65536",
            "192.0.2.1:icmp",
            "[192.0.2.1]",
            "[2001:db8::1",
            "192.0.2.1:80:3:tcp",
        ] {
            assert!(text.parse::<EndpointPattern>().is_err(), "{text:?}");
        }
        for text in ["", "0", "0.4", "0.5.0", "0.4.0.0", "0.4.-1", "a.4.0", "0.4.99999999999999999999"] {
            assert!(text.parse::<PageCursor>().is_err(), "{text:?}");
        }
    }
}
