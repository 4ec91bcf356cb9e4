//! How a transaction travels to the other unit: as the commands that an operator gave.

use serde::{Deserialize, Serialize};

/// What one unit did, for the other to do the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Mirrored {
    /// Commands that changed the configuration.
    Commands(Vec<String>),
    /// The configuration was written to the disk.
    Write(bool),
}

impl Mirrored {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Plain strings, which JSON can always hold.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("this unit can not read the change: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_readable_json() {
        let commands = Mirrored::Commands(vec!["weight 10.1.0.11 3".to_owned()]);
        for (transaction, text) in [
            (commands, r#"{"commands":["weight 10.1.0.11 3"]}"#),
            (Mirrored::Write(true), r#"{"write":true}"#),
        ] {
            assert_eq!(transaction.to_bytes(), text.as_bytes());
            assert_eq!(Mirrored::read(text.as_bytes()), Ok(transaction));
        }
        assert!(Mirrored::read(br#"{"forget":1}"#).is_err());
    }
}
