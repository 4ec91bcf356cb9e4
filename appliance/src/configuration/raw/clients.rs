//! What is said of clients: which instance they get, and where they get the same real server.

use director::{AssignmentDraft, BuddiesDraft};
use model::limits::GROUP_NAME;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Clients of an instance of a virtual server. Of several networks that a client is in, the smallest says which instance it
/// gets; a client that is in none gets the one with bind ID 0.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"virtual\" and \"clients\"")]
#[schemars(rename = "Assignment")]
pub(super) struct RawAssignment {
    /// The name of one of the `virtual_servers` that has a bind ID.
    #[schemars(example = &"192.0.2.100:80:1")]
    r#virtual: String,
    /// Addresses and networks of clients, of the virtual server's address family. Each is assigned to one instance of a
    /// virtual server.
    #[schemars(extend("examples" = [["198.51.100.7", "198.51.100.0/24", "2001:db8:7::/48"]]))]
    clients: Vec<String>,
}

/// Virtual servers at which a client gets the same real server. All of them are sticky, and remember the same bits of
/// clients' addresses.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"name\" and \"virtual\"")]
#[schemars(rename = "Buddies")]
pub(super) struct RawBuddies {
    /// What they are called.
    #[schemars(length(min = 1, max = GROUP_NAME), example = &"shop")]
    name: String,
    /// Names of `virtual_servers`, each of which is in one group of buddies at most.
    #[schemars(extend("examples" = [["192.0.2.100:80", "192.0.2.100:443"]]))]
    r#virtual: Vec<String>,
}

impl From<RawAssignment> for AssignmentDraft {
    fn from(raw: RawAssignment) -> Self {
        Self { virtual_server: raw.r#virtual, clients: raw.clients }
    }
}

impl From<RawBuddies> for BuddiesDraft {
    fn from(raw: RawBuddies) -> Self {
        Self { name: raw.name, virtual_servers: raw.r#virtual }
    }
}
