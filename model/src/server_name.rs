//! The names of virtual and real servers: `<address>[:port][:bind-id][:protocol]` (seed 003, step 22).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::Protocol;

/// The name of a virtual or a real server. What is missing is port 0 (all ports), bind ID 0 (all clients)
/// and TCP; an IPv6 address stands in brackets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerName {
    /// The server's address.
    pub address: IpAddr,
    /// The port; 0 stands for all ports.
    pub port: u16,
    /// Which instance of a virtual server; 0 serves the clients that no assignment names.
    pub bind_id: u16,
    /// The transport protocol.
    pub protocol: Protocol,
}

/// Why a text is not a server's name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ServerNameError {
    /// The address does not parse.
    #[error("{0:?} does not begin with an IP address; write 192.0.2.1:80 or [2001:db8::1]:80")]
    Address(String),
    /// An IPv6 address without its brackets.
    #[error("{0:?}: an IPv6 address stands in brackets, like [2001:db8::1]:80")]
    Brackets(String),
    /// A number is out of range, or a word is not a protocol.
    #[error(
        "{part:?} in {name:?} is neither a {expected} nor tcp or udp; write address[:port][:bind-id][:protocol]"
    )]
    Part {
        /// The whole name.
        name: String,
        /// The part that was not understood.
        part: String,
        /// What would have been right there.
        expected: &'static str,
    },
    /// More parts than a name has, or a part after the protocol.
    #[error("{0:?} has too many parts; write address[:port][:bind-id][:protocol]")]
    TooManyParts(String),
}

impl FromStr for ServerName {
    type Err = ServerNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, rest) = split_address(text)?;
        let mut name = Self { address, port: 0, bind_id: 0, protocol: Protocol::Tcp };
        let mut parts = rest.split(':').skip(1).peekable();
        let numbers = [(&mut name.port, "port (0 to 65535)"), (&mut name.bind_id, "bind ID (0 to 65535)")];
        for (number, expected) in numbers {
            match parts.peek() {
                Some(part) if part.parse::<Protocol>().is_err() => {
                    *number = parse_number(part).ok_or_else(|| unknown_part(text, part, expected))?;
                    parts.next();
                }
                _ => break,
            }
        }
        if let Some(part) = parts.next() {
            name.protocol = part.parse().map_err(|()| unknown_part(text, part, "protocol"))?;
        }
        if parts.next().is_some() { Err(ServerNameError::TooManyParts(text.to_owned())) } else { Ok(name) }
    }
}

/// Splits `text` into its address and the rest, which is empty or begins with a colon.
fn split_address(text: &str) -> Result<(IpAddr, &str), ServerNameError> {
    let refuse = || ServerNameError::Address(text.to_owned());
    if let Some(inner) = text.strip_prefix('[') {
        let (address, rest) = inner.split_once(']').ok_or_else(refuse)?;
        if !rest.is_empty() && !rest.starts_with(':') {
            return Err(refuse());
        }
        return Ok((IpAddr::V6(address.parse::<Ipv6Addr>().map_err(|_| refuse())?), rest));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(ServerNameError::Brackets(text.to_owned()));
    }
    let (address, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    Ok((IpAddr::V4(address.parse::<Ipv4Addr>().map_err(|_| refuse())?), rest))
}

/// Digits only: the standard parser would accept a sign.
fn parse_number(part: &str) -> Option<u16> {
    part.bytes().all(|digit| digit.is_ascii_digit()).then(|| part.parse().ok())?
}

fn unknown_part(name: &str, part: &str, expected: &'static str) -> ServerNameError {
    ServerNameError::Part { name: name.to_owned(), part: part.to_owned(), expected }
}

impl fmt::Display for ServerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(formatter, "{address}")?,
            IpAddr::V6(address) => write!(formatter, "[{address}]")?,
        }
        write!(formatter, ":{}", self.port)?;
        if self.bind_id != 0 {
            write!(formatter, ":{}", self.bind_id)?;
        }
        write!(formatter, ":{}", self.protocol)
    }
}

impl fmt::Debug for ServerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_back_in_full() {
        for (text, full) in [
            ("192.0.2.1", "192.0.2.1:0:tcp"),
            ("192.0.2.1:80", "192.0.2.1:80:tcp"),
            ("192.0.2.1:80:3", "192.0.2.1:80:3:tcp"),
            ("192.0.2.1:80:udp", "192.0.2.1:80:udp"),
            ("192.0.2.1:udp", "192.0.2.1:0:udp"),
            ("192.0.2.1:80:3:udp", "192.0.2.1:80:3:udp"),
            ("[2001:db8::1]", "[2001:db8::1]:0:tcp"),
            ("[2001:db8::1]:53:0:udp", "[2001:db8::1]:53:udp"),
        ] {
            let name: ServerName = text.parse().unwrap();
            assert_eq!(name.to_string(), full);
            assert_eq!(full.parse::<ServerName>().unwrap(), name);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "web",
            "192.0.2",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:-1",
            "192.0.2.1:+1",
            "192.0.2.1:80:icmp",
            "192.0.2.1:80:1:tcp:x",
            "192.0.2.1:tcp:80",
            "2001:db8::1",
            "[2001:db8::1",
            "[2001:db8::1]80",
            "[192.0.2.1]:80",
        ] {
            assert!(text.parse::<ServerName>().is_err(), "{text:?}");
        }
    }
}
