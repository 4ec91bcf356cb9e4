//! How single words of a command become values, and what is wrong with those that do not.

use std::ffi::OsStr;
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum};
use ipnet::IpNet;
use model::MacAddress;

/// Reads one of the words of `E`, or an abbreviation that only one of them begins with.
pub const fn word<E: ValueEnum>() -> WordParser<E> {
    WordParser(PhantomData)
}

/// See [`word`].
#[derive(Debug)]
pub struct WordParser<E>(PhantomData<fn() -> E>);

impl<E> Clone for WordParser<E> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<E: ValueEnum + Send + Sync + 'static> TypedValueParser for WordParser<E> {
    type Value = E;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<E, Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        let named = |value: &E| value.to_possible_value().map(|word| word.get_name().to_owned());
        let values = E::value_variants();
        if let Some(exact) = values.iter().find(|value| named(value).as_deref() == Some(&text)) {
            return Ok(exact.clone());
        }
        let is_begun =
            |value: &&E| !text.is_empty() && named(value).is_some_and(|name| name.starts_with(&text));
        let begun: Vec<&E> = values.iter().filter(is_begun).collect();
        let possible = match begun[..] {
            [only] => return Ok(only.clone()),
            [] => values.iter().filter_map(named).collect(),
            _ => begun.into_iter().filter_map(named).collect(),
        };
        Err(no_word(command, argument, text, possible))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(E::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

/// `text` is none of the `possible` words, or it begins several.
fn no_word(command: &Command, argument: Option<&Arg>, text: String, possible: Vec<String>) -> Error {
    let mut error = Error::new(ErrorKind::InvalidValue).with_cmd(command);
    if let Some(argument) = argument {
        error.insert(ContextKind::InvalidArg, ContextValue::String(argument.to_string()));
    }
    error.insert(ContextKind::InvalidValue, ContextValue::String(text));
    error.insert(ContextKind::ValidValue, ContextValue::Strings(possible));
    error
}

/// Reads a number. Whether it is in its range is the unit's to say, wherever it comes from.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| "not a whole number".to_owned())
}

/// Reads a name: of a group, of a unit, of buddies.
pub(crate) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
        return Err("not a name: it begins with no dash, and has one visible character at least".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads clients: an address, or a network.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
    text.parse().ok().or_else(address).ok_or_else(|| {
        "neither an address nor a network; write 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32".to_owned()
    })
}

/// What stands behind `=` for the port before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfPort<T> {
    /// The port's name.
    pub port: String,
    /// What it has.
    pub value: T,
}

impl<T: fmt::Display> fmt::Display for OfPort<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.port, self.value)
    }
}

/// Reads `PORT=ADDRESS/LENGTH`.
pub(crate) fn shared_address(text: &str) -> Result<OfPort<IpNet>, String> {
    of_port(text, "PORT=ADDRESS/LENGTH, like inside=10.1.0.1/24")
}

/// Reads `PORT=MAC`.
pub(crate) fn port_mac(text: &str) -> Result<OfPort<MacAddress>, String> {
    of_port(text, "PORT=MAC, like inside=02:00:5e:10:00:01")
}

fn of_port<T: FromStr>(text: &str, form: &str) -> Result<OfPort<T>, String> {
    let parsed = text
        .rsplit_once('=')
        .and_then(|(port, value)| Some(OfPort { port: name(port).ok()?, value: value.parse().ok()? }));
    parsed.ok_or_else(|| format!("not of the form {form}"))
}

/// Client networks, written as addresses, as networks with a length, or as an address and its mask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients(pub Vec<IpNet>);

/// The words of [`Clients`].
#[derive(Args)]
struct ClientWords {
    /// Clients: addresses, networks (198.51.100.0/24, 2001:db8::/32), or an address and a mask (198.51.100.0 255.255.255.0)
    #[arg(value_name = "CLIENT", id = "clients")]
    words: Vec<String>,
}

impl Args for Clients {
    fn augment_args(command: Command) -> Command {
        ClientWords::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        ClientWords::augment_args_for_update(command)
    }
}

impl FromArgMatches for Clients {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let words = ClientWords::from_arg_matches(matches)?.words;
        join_masks(&words).map(Self).map_err(|message| Error::raw(ErrorKind::ValueValidation, message))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Joins each mask to the address before it. No client has an address that could be a mask.
fn join_masks(words: &[String]) -> Result<Vec<IpNet>, String> {
    let mut networks = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let mask = match word.parse::<Ipv4Addr>() {
            Ok(address) => words.next_if(|next| looks_like_mask(next)).map(|mask| (address, mask)),
            Err(_) => None,
        };
        networks.push(match mask {
            Some((address, mask)) => {
                let bits = mask.parse::<IpAddr>().ok().and_then(|mask| ipnet::ip_mask_to_prefix(mask).ok());
                let network = bits.and_then(|bits| IpNet::new(address.into(), bits).ok());
                network.ok_or_else(|| format!("{mask} is not a mask: its ones stand before its zeros"))?
            }
            None => network(word).map_err(|wrong| format!("{word} is {wrong}"))?,
        });
    }
    Ok(networks)
}

/// Whether a word is a mask, or meant to be one: such addresses are reserved, or end in zeros that no client's do.
fn looks_like_mask(word: &str) -> bool {
    let Ok(address) = word.parse::<Ipv4Addr>() else { return false };
    address.octets()[0] >= 240 || ipnet::ip_mask_to_prefix(address.into()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(line: &str) -> Result<String, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let texts = |networks: Vec<IpNet>| networks.iter().map(IpNet::to_string).collect::<Vec<_>>();
        join_masks(&words).map(|networks| texts(networks).join(" "))
    }

    #[test]
    fn masks_belong_to_the_address_before() {
        for (line, networks) in [
            ("198.51.100.7", "198.51.100.7/32"),
            ("198.51.100.0 255.255.255.0", "198.51.100.0/24"),
            ("198.51.100.7 203.0.113.7", "198.51.100.7/32 203.0.113.7/32"),
            ("0.0.0.0 0.0.0.0 198.51.100.0/25", "0.0.0.0/0 198.51.100.0/25"),
            ("10.0.0.0 255.0.0.0 2001:db8::/32 10.0.0.9", "10.0.0.0/8 2001:db8::/32 10.0.0.9/32"),
        ] {
            assert_eq!(joined(line).as_deref(), Ok(networks));
        }
    }

    #[test]
    fn what_is_no_network_is_told() {
        for (line, part) in [
            ("198.51.100.0 255.0.255.0", "255.0.255.0 is not a mask"),
            ("198.51.100.0/33", "198.51.100.0/33 is neither"),
            ("everybody", "everybody is neither"),
        ] {
            let error = joined(line).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
