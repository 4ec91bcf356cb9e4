//! Commands and what they make of a configuration.

mod blame;
mod compare;
mod drafts;
mod meaning;
mod refused;
mod round_trips;

use commands::{Change, Command, parse_line};
use director::ConfigurationDraft;

use super::{Transaction, TransactionError, transact};
use crate::configuration::{UnitConfiguration, read_for_tests};

/// A shop with an instance for some clients and one for unwelcome ones.
const SHOP: &str = "
    real 10.1.0.11:8001
    real 10.1.0.12:8001
    real 10.1.0.19:8001
    virtual 192.0.2.100:80
    virtual 192.0.2.100:80:1
    virtual 192.0.2.100:80:9
    virtual 192.0.2.100:443
    sticky 192.0.2.100:80 30
    sticky 192.0.2.100:443 30
    refuse 192.0.2.100:80:9 drop
    bind 192.0.2.100:80 10.1.0.11:8001 10.1.0.12:8001
    bind 192.0.2.100:80:1 10.1.0.11:8001
    assign 192.0.2.100:80:1 198.51.100.0 255.255.255.0
    buddy shop 192.0.2.100:80 192.0.2.100:443
    backup 192.0.2.100:80:1 192.0.2.100:80 busy
    backup 10.1.0.11:8001 10.1.0.19:8001";

fn unit() -> UnitConfiguration {
    let unit = r#"{
      "name": "a",
      "ports": [
        { "name": "outside", "role": "outside", "interface": "eth1", "addresses": ["192.0.2.1/24"] },
        { "name": "inside", "role": "inside", "interface": "eth2", "addresses": ["10.1.0.1/24"] }
      ]
    }"#;
    read_for_tests(unit, "{}").unit
}

/// The commands of a text, a line each.
fn changes(lines: &str) -> Vec<Change> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| match parse_line(line) {
            Ok(Command::Change(change)) => change,
            other => panic!("{line}: {other:?}"),
        })
        .collect()
}

fn after(draft: &ConfigurationDraft, lines: &str) -> Result<Transaction, TransactionError> {
    transact(draft, &changes(lines), &unit())
}

fn shop() -> ConfigurationDraft {
    after(&ConfigurationDraft::default(), SHOP).unwrap().draft
}
