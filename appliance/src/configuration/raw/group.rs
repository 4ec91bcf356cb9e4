//! Failover groups as they are written in `director.json`.

use std::collections::BTreeMap;

use director::{Comparison, FailoverGroup, GroupDraft, SwitchStrategy};
use model::limits::{FAILOVER_HOLD_S, GROUP_NAME};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::same_values;

/// A failover group: virtual servers, and what moves with them, of which one unit at a time is the active one.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with \"name\"")]
#[schemars(rename = "Group")]
pub(super) struct RawGroup {
    /// The group's name.
    #[schemars(length(min = 1, max = GROUP_NAME), example = &"web")]
    name: String,
    /// The name of the unit that is to be active when all else is equal. Without one, it is as the units' roles say.
    primary: Option<String>,
    /// Who switches back to the primary unit when both units could be active.
    #[serde(default)]
    strategy: RawStrategy,
    /// How what each unit can reach is compared.
    #[serde(default)]
    compare: RawComparison,
    /// The least time between two switches that the pair makes of its own accord while both units live, in seconds.
    #[serde(default = "hold")]
    #[schemars(range(max = FAILOVER_HOLD_S))]
    hold_s: u64,
    /// The group goes to the other unit when that is less loaded by more than so many percentage points. Without it, load
    /// does not matter.
    #[schemars(range(min = 1, max = 100))]
    load_margin_percent: Option<u64>,
    /// Whether the kernel has the virtual addresses on the outside ports while the group is active, so that a routing
    /// daemon advertises them.
    #[serde(default)]
    advertise: bool,
    /// Addresses that move with the group, with prefix lengths, by the name of the port that they are on: the real servers'
    /// gateway, for one. Ports are named alike on both units.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "inside": ["10.1.0.1/24", "fe80::1/64"] }]))]
    shared_addresses: BTreeMap<String, Vec<String>>,
    /// The group's MAC address by the name of the port, where it is not to follow from the pair's key.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "inside": "02:00:5e:10:00:01" }]))]
    mac: BTreeMap<String, String>,
}

/// Who switches back to the primary unit.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Strategy")]
pub(super) enum RawStrategy {
    /// The pair itself, as soon as the primary unit is ready.
    Automatic,
    /// An operator.
    #[default]
    Manual,
}

/// How what each unit can reach is compared.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Comparison")]
pub(super) enum RawComparison {
    /// By the number of targets.
    Count,
    /// By the sum of the targets' weights.
    Weighted,
    /// By the required targets first, then by the sum of weights.
    #[default]
    Required,
}

same_values!(RawStrategy, SwitchStrategy: Automatic, Manual);
same_values!(RawComparison, Comparison: Count, Weighted, Required);

const fn hold() -> u64 {
    FailoverGroup::HOLD_DEFAULT.as_secs()
}

impl From<RawGroup> for GroupDraft {
    fn from(raw: RawGroup) -> Self {
        Self {
            name: raw.name,
            primary: raw.primary,
            strategy: raw.strategy.into(),
            compare: raw.compare.into(),
            hold_s: raw.hold_s,
            load_margin_percent: raw.load_margin_percent,
            advertise: raw.advertise,
            shared_addresses: raw.shared_addresses.into_iter().collect(),
            macs: raw.mac.into_iter().collect(),
        }
    }
}
