//! From a changed draft to a configuration, or to what is wrong with it in the words of the language.

use std::mem::{Discriminant, discriminant};

use director::{
    Configuration, ConfigurationDraft, Mistake, Place, Problem, RealSetting, TimeoutKind, VirtualSetting,
};

use super::error::CommandError;
use crate::configuration::{UnitConfiguration, clashes};

/// Checks everything, also against this unit.
///
/// # Errors
///
/// All that is wrong, in the words of the language.
pub fn check(draft: &ConfigurationDraft, unit: &UnitConfiguration) -> Result<Configuration, CommandError> {
    build(draft, unit).map_err(CommandError::from)
}

/// One thing that is wrong with a draft.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// The command that says it, as far as it needs.
    about: String,
    /// What sort of thing it is, if it is wrong by itself.
    kind: Option<Discriminant<Problem>>,
    message: String,
}

impl Wrong {
    /// Whether it is the same thing, though perhaps of another value.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.about == other.about && self.kind == other.kind
    }
}

impl From<Vec<Wrong>> for CommandError {
    fn from(wrong: Vec<Wrong>) -> Self {
        let sentence = |wrong: Wrong| format!("{}: {}", wrong.about, wrong.message);
        Self::Mistakes(wrong.into_iter().map(sentence).collect())
    }
}

pub(super) fn build(
    draft: &ConfigurationDraft,
    unit: &UnitConfiguration,
) -> Result<Configuration, Vec<Wrong>> {
    let configuration = draft.build().map_err(|mistakes| {
        let wrong = |mistake: Mistake| Wrong {
            about: about(draft, mistake.place),
            kind: Some(discriminant(&mistake.problem)),
            message: mistake.problem.to_string(),
        };
        mistakes.into_iter().map(wrong).collect::<Vec<_>>()
    })?;
    let clashes = clashes(&configuration, unit);
    if clashes.is_empty() {
        return Ok(configuration);
    }
    let wrong = |(place, message)| Wrong { about: about(draft, place), kind: None, message };
    Err(clashes.into_iter().map(wrong).collect())
}

/// The command that says what is at a place, as far as it needs to be known.
fn about(draft: &ConfigurationDraft, place: Place) -> String {
    let of_virtual = |command: &str, index: usize| format!("{command} {}", draft.virtual_servers[index].name);
    let of_real = |command: &str, index: usize| format!("{command} {}", draft.real_servers[index].name);
    let of_group = |index: usize, option: &str| {
        let name = draft.groups.get(index).map_or("", |group| &group.name);
        format!("group {name}{option}")
    };
    match place {
        Place::VirtualServers => "virtual".to_owned(),
        Place::VirtualServer(index) => of_virtual("virtual", index),
        Place::RealServers => "real".to_owned(),
        Place::RealServer(index) => of_real("real", index),
        Place::Weight(index) => of_real("weight", index),
        Place::VirtualGroup(index) => of_virtual("virtual", index) + " --group",
        Place::Bindings => "bind".to_owned(),
        Place::BindingVirtual(binding) | Place::BindingReals(binding) => {
            format!("bind {}", draft.bindings[binding].virtual_server)
        }
        Place::BindingReal { binding, real } => {
            let binding = &draft.bindings[binding];
            format!("bind {} {}", binding.virtual_server, binding.real_servers[real])
        }
        Place::Groups => "group".to_owned(),
        Place::Group(index) => of_group(index, ""),
        Place::GroupPrimary(index) => of_group(index, " --primary"),
        Place::GroupHold(index) => of_group(index, " --hold"),
        Place::GroupLoadMargin(index) => of_group(index, " --load-margin"),
        Place::SharedAddresses { group, .. } | Place::SharedAddress { group, .. } => {
            of_group(group, " --shared")
        }
        Place::GroupMac { group, .. } => of_group(group, " --mac"),
        Place::Timeout(kind) => format!("timeout {}", timeout(kind)),
        Place::VirtualTimeout(index, kind) => of_virtual(&format!("timeout {}", timeout(kind)), index),
        Place::VirtualSetting(index, setting) => of_virtual(virtual_setting(setting), index),
        Place::RealSetting(index, setting) => of_real(real_setting(setting), index),
        Place::Assignments => "assign".to_owned(),
        Place::AssignmentVirtual(index) => format!("assign {}", draft.assignments[index].virtual_server),
        Place::AssignmentClient { assignment, client } => {
            let assignment = &draft.assignments[assignment];
            format!("assign {} {}", assignment.virtual_server, assignment.clients[client])
        }
        Place::Buddies => "buddy".to_owned(),
        Place::BuddiesName(index) => format!("buddy {}", draft.buddies[index].name),
        Place::Buddy { buddies, buddy } => {
            let buddies = &draft.buddies[buddies];
            format!("buddy {} {}", buddies.name, buddies.virtual_servers[buddy])
        }
    }
}

const fn timeout(kind: TimeoutKind) -> &'static str {
    match kind {
        TimeoutKind::TcpSyn => "syn",
        TimeoutKind::TcpEstablished => "established",
        TimeoutKind::TcpHalfClosed => "half-closed",
        TimeoutKind::TcpClosed => "closed",
        TimeoutKind::TcpReset => "reset",
        TimeoutKind::Udp => "udp",
    }
}

const fn virtual_setting(setting: VirtualSetting) -> &'static str {
    match setting {
        VirtualSetting::StickyMinutes
        | VirtualSetting::StickyIpv4Prefix
        | VirtualSetting::StickyIpv6Prefix => "sticky",
        VirtualSetting::MaxConnections => "maxconns",
        VirtualSetting::Backup => "backup",
        VirtualSetting::Resends => "resends",
        VirtualSetting::Synguard => "synguard",
    }
}

const fn real_setting(setting: RealSetting) -> &'static str {
    match setting {
        RealSetting::MaxConnections => "maxconns",
        RealSetting::Backup => "backup",
        RealSetting::Threshold => "threshold",
        RealSetting::Retry => "retry",
        RealSetting::SlowStart => "slowstart",
    }
}
