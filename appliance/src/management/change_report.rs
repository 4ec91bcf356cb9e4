//! What commands of the language say that they did: the same types are the JSON of the management socket and what the
//! shell prints.

use serde::{Deserialize, Serialize};

/// What a transaction changed, or would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// The configuration's generation now.
    pub generation: u32,
    /// What is different now, in words.
    pub changes: Vec<String>,
    /// Live connections that lose their binding.
    pub orphaned: u64,
    /// Whether nothing was changed, because it was only asked what would be.
    pub dry_run: bool,
    /// Whether the running configuration is not on the disk.
    pub unwritten: bool,
}

/// What was written to the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteReport {
    /// The configuration's generation.
    pub generation: u32,
    /// The file.
    pub path: String,
}

/// Which connections were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillReport {
    /// How many.
    pub connections: u64,
}

/// What was set back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearReport {
    /// What: counters, sticky entries, failed servers.
    pub what: String,
    /// How many of them.
    pub count: u64,
}

/// The running configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigurationReport {
    /// Its generation.
    pub generation: u32,
    /// Whether it is not on the disk.
    pub unwritten: bool,
    /// As commands, in an order in which they can be carried out.
    pub commands: Vec<String>,
    /// As the document `director.json`.
    pub document: serde_json::Value,
}

/// What a client's new connection would meet, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainReport {
    /// The client, as it was asked for.
    pub client: String,
    /// The virtual server, as it was asked for.
    #[serde(rename = "virtual")]
    pub virtual_server: String,
    /// The instance that the client gets, if there is one.
    pub instance: Option<String>,
    /// The assigned network that the client is in, if it is in one.
    pub assignment: Option<String>,
    /// What becomes of the connection, for programs: `connection`, `refused` and so on.
    pub outcome: String,
    /// The real server, if the client gets one.
    pub real: Option<String>,
    /// Why, as a sentence.
    pub reason: String,
    /// Each step of the choice, as a sentence.
    pub steps: Vec<String>,
    /// Real servers among which was chosen; the first of them where they are many.
    pub candidates: Vec<CandidateReport>,
}

/// A real server that could get a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateReport {
    /// Its name.
    pub real: String,
    /// Whether it takes connections.
    pub state: String,
    /// Connections that it has.
    pub connections: u64,
    /// Its weight.
    pub weight: u64,
    /// What the predictor goes by, in words.
    pub merit: String,
    /// Whether it is the one.
    pub chosen: bool,
}
