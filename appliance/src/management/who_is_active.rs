//! The report on failover: what the monitor knows, in the words of operators.

use std::collections::BTreeMap;
use std::time::Duration;

use failover::{Entry, GroupStatus, Link, LinkStatus, PeerStatus, Rejection, Score, State, Status, What};
use failover_serial::ChannelStatus;
use model::{CableStatus, Instant};

use super::failover::FailoverError;
use super::failover_report::{
    CableReport, FailoverStatusReport, GroupReport, JournalReport, LinkReport, MirrorReport, TargetReport,
    UnitReport,
};
use super::inspection::Inspection;
use crate::configuration::{FailoverConfiguration, Reach, UnitConfiguration};
use crate::failover::Snapshot;

/// How failover stands.
pub(super) fn report(inspection: &Inspection) -> Result<FailoverStatusReport, FailoverError> {
    let unit = &inspection.unit;
    let configuration = unit.failover().ok_or(match unit.replication() {
        Some(_) => FailoverError::NotAutomatic,
        None => FailoverError::Alone,
    })?;
    let snapshot = inspection.monitor.as_ref().ok_or(FailoverError::NotAutomatic)?.snapshot()?;
    let reporter = Reporter { inspection, configuration, snapshot: &snapshot };
    Ok(reporter.report())
}

struct Reporter<'a> {
    inspection: &'a Inspection,
    configuration: &'a FailoverConfiguration,
    snapshot: &'a Snapshot,
}

impl Reporter<'_> {
    fn report(&self) -> FailoverStatusReport {
        let Snapshot { now, status, journal, .. } = self.snapshot;
        FailoverStatusReport {
            this: self.this_unit(),
            other: self.peer().filter(|peer| peer.is_alive).map(|peer| self.other_unit(peer)),
            cable: self.configuration.cable().map(|_| self.cable()),
            links: self.links(),
            groups: (0..status.groups.len()).map(|group| self.group(group)).collect(),
            targets: self.targets(),
            configuration: self.mirror(),
            rejected: self.rejected(),
            address_conflicts: self.address_conflicts(),
            journal: journal.iter().map(|entry| self.entry(entry, *now)).collect(),
        }
    }

    fn status(&self) -> &Status {
        &self.snapshot.status
    }

    /// The other unit of the pair: the one that lives, if there are several.
    fn peer(&self) -> Option<&PeerStatus> {
        let peers = &self.status().peers;
        peers.iter().find(|peer| peer.is_alive).or_else(|| peers.first())
    }

    fn this_unit(&self) -> UnitReport {
        let unit = &self.status().unit;
        UnitReport {
            name: Some(self.inspection.unit.name().to_owned()),
            id: unit.unit,
            role: unit.role.name().to_owned(),
            priority: unit.priority,
            faulty: unit.fault.is_some(),
            heard_ms: 0,
            generation: unit.mark.generation,
        }
    }

    /// What it is configured to be is said for each group; for the unit, that of the first has to do.
    fn other_unit(&self, peer: &PeerStatus) -> UnitReport {
        let silence = peer.links.iter().filter_map(|link| link.silence).min();
        UnitReport {
            name: None,
            id: peer.unit,
            role: peer.groups.first().map_or("backup", |group| group.role.name()).to_owned(),
            priority: peer.priority,
            faulty: peer.is_faulty,
            heard_ms: silence.map(milliseconds).unwrap_or_default(),
            generation: peer.mark.generation,
        }
    }

    fn cable(&self) -> CableReport {
        let configured = self.configuration.cable();
        let channel = self.snapshot.cable.unwrap_or_default();
        let link = self.link(Link::Cable);
        CableReport {
            status: self.cable_status().text().to_owned(),
            tty: configured.map(|cable| cable.tty().display().to_string()).unwrap_or_default(),
            baud: configured.map(|cable| cable.baud()).unwrap_or_default(),
            condition: channel.condition.text().to_owned(),
            alive: link.is_some_and(|link| link.is_alive),
            heard_ms: link.and_then(|link| link.silence).map(milliseconds),
            beats: channel.counters.beats_received,
            lost: channel.counters.beats_lost,
            rejected: rejected(&channel),
        }
    }

    /// A peer that is heard over the network has power: then the cable is not plugged in there, or has not been noticed to be.
    fn cable_status(&self) -> CableStatus {
        let lives = self.peer().is_some_and(|peer| peer.is_alive);
        match self.status().cable {
            CableStatus::OtherSidePoweredOff if lives => CableStatus::OtherSideNotConnected,
            status => status,
        }
    }

    fn link(&self, link: Link) -> Option<&LinkStatus> {
        self.peer()?.links.iter().find(|status| status.link == link)
    }

    fn links(&self) -> Vec<LinkReport> {
        let configured = self.configuration.links().iter().enumerate();
        let report = |(index, link): (usize, &crate::configuration::LinkConfiguration)| {
            let status = self.link(Link::Network(index));
            LinkReport {
                local: link.local,
                peer: link.peer,
                alive: status.is_some_and(|status| status.is_alive),
                one_way: status.is_some_and(|status| status.is_one_way),
                interval_ms: milliseconds(link.beats.interval),
                misses: link.beats.misses,
                heard_ms: status.and_then(|status| status.silence).map(milliseconds),
                beats: status.map(|status| status.beats).unwrap_or_default(),
                silences: status.map(|status| status.losses).unwrap_or_default(),
            }
        };
        configured.map(report).collect()
    }

    fn group_name(&self, group: usize) -> String {
        let director = self.inspection.running.director();
        let groups = director.groups();
        groups.get(group).map_or_else(|| group.to_string(), |group| group.name().to_owned())
    }

    fn group(&self, index: usize) -> GroupReport {
        let now = self.snapshot.now;
        let status = self.status();
        let group: &GroupStatus = &status.groups[index];
        let peer = self.peer().filter(|peer| peer.is_alive);
        let of_peer = peer.and_then(|peer| peer.groups.get(index));
        GroupReport {
            name: self.group_name(index),
            role: group.settings.role.name().to_owned(),
            strategy: match group.settings.strategy {
                failover::Strategy::Automatic => "automatic".to_owned(),
                failover::Strategy::Manual => "manual".to_owned(),
            },
            state: state_name(group.state),
            sub_state: group.sub_state.map(|sub_state| sub_state.name().to_uppercase()),
            peer_state: of_peer.map(|peer| state_name(peer.state)),
            epoch: group.epoch.max(of_peer.map_or(0, |peer| peer.epoch)).into(),
            since_ms: milliseconds(now.since(group.since)),
            synchronized: group.is_synchronized,
            last: group.last.map_or_else(
                || "started".to_owned(),
                |(transition, cause)| format!("{transition}: {}", words(cause.name())),
            ),
            held_ms: milliseconds(group.rest),
            reaches: reaches(&status.unit.score),
            peer_reaches: peer.map(|peer| reaches(&peer.score)),
            lease_ms: (group.state == State::Active && group.lease != Instant::END)
                .then(|| milliseconds(group.lease.since(now))),
        }
    }

    fn targets(&self) -> Vec<TargetReport> {
        let configured = self.configuration.targets().iter().zip(&self.status().targets).enumerate();
        configured
            .map(|(index, (target, status))| TargetReport {
                what: what(&self.inspection.unit, &target.what),
                reached: Some(status.is_up),
                weight: target.weight,
                required: target.required,
                stand_in: self.snapshot.stand_ins.get(index).copied().flatten(),
            })
            .collect()
    }

    fn rejected(&self) -> BTreeMap<String, u64> {
        let counted = Rejection::ALL.iter().map(|&reason| (reason, self.status().rejected.of(reason)));
        counted
            .filter(|&(_, count)| count > 0)
            .map(|(reason, count)| (reason.name().to_owned(), count))
            .collect()
    }

    fn address_conflicts(&self) -> Vec<String> {
        let conflicts = self.inspection.kernel_path.conflicts.recent();
        conflicts.iter().map(|conflict| format!("{}: {}", conflict.address, conflict.mac)).collect()
    }

    fn mirror(&self) -> MirrorReport {
        let mirror = &self.snapshot.mirror;
        let heard = self.peer().filter(|peer| peer.is_alive).map(|peer| peer.mark);
        MirrorReport {
            generation: mirror.mark.generation,
            digest: format!("{:08x}", mirror.mark.digest),
            peer_generation: heard.map(|mark| mark.generation).or(mirror.peer_has),
            in_sync: heard == Some(mirror.mark),
            transfer: mirror.transfer.map(|transfer| (transfer.sent as u64, transfer.of as u64)),
            refused: mirror.last_error.clone(),
        }
    }

    fn entry(&self, entry: &Entry, now: Instant) -> JournalReport {
        let (group, what, states, cause) = self.in_words(&entry.what);
        JournalReport {
            ago_ms: milliseconds(now.since(entry.at)),
            group,
            what,
            states,
            cause,
            inputs: inputs(entry),
        }
    }

    /// Group, what, states, and cause.
    fn in_words(&self, what: &What) -> (Option<String>, String, Option<String>, String) {
        let unit_wide = |what: String, cause: &str| (None, what, None, cause.to_owned());
        match what {
            What::Transition { group, transition, from, to, cause } => (
                Some(self.group_name(*group)),
                transition.to_string(),
                Some(format!("{} → {}", state_name(*from), state_name(*to))),
                words(cause.name()),
            ),
            What::UnitFound { unit } => unit_wide(format!("unit {unit} is heard"), ""),
            What::UnitDead { unit, cause } => unit_wide(format!("unit {unit} is dead"), &words(cause.name())),
            What::LinkLost { unit, link } => {
                unit_wide(format!("unit {unit} is not heard over {}", self.way(*link)), "")
            }
            What::LinkFound { unit, link } => {
                unit_wide(format!("unit {unit} is heard again over {}", self.way(*link)), "")
            }
            What::OneWay { unit, link } => {
                unit_wide(format!("unit {unit} does not hear this unit over {}", self.way(*link)), "")
            }
            What::Cable { before } => {
                unit_wide("the cable's lines changed".to_owned(), &format!("were: {}", before.text()))
            }
            What::Stall { duration } => {
                unit_wide(format!("this unit stood still for {} ms", milliseconds(*duration)), "")
            }
            What::Fault { fault } => unit_wide(fault.unwrap_or("all workers turn again").to_owned(), ""),
            What::Reset { group } => {
                (Some(self.group_name(*group)), "reset".to_owned(), None, "command".to_owned())
            }
        }
    }

    fn way(&self, link: Link) -> String {
        match link {
            Link::Cable => "the cable".to_owned(),
            Link::Network(index) => self
                .configuration
                .links()
                .get(index)
                .map_or_else(|| format!("link {index}"), |link| format!("link {}", link.local)),
        }
    }
}

fn state_name(state: State) -> String {
    state.name().to_uppercase()
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn rejected(channel: &ChannelStatus) -> u64 {
    channel.counters.rejections.total()
}

fn reaches(score: &Score) -> String {
    if score.targets == 0 {
        return "nothing to reach".to_owned();
    }
    let reached = score.targets.saturating_sub(score.missing);
    let required = match score.required_missing {
        0 => String::new(),
        missing => format!(", {missing} required missing"),
    };
    format!("{reached} of {}{required}", score.targets)
}

fn what(unit: &UnitConfiguration, what: &Reach) -> String {
    match what {
        Reach::Host { address, .. } => format!("host {address}"),
        Reach::Subnet(network) => format!("subnet {network}"),
        Reach::Port(index) => {
            unit.ports().get(*index).map_or_else(String::new, |port| format!("port {}", port.name()))
        }
    }
}

/// What was known when it was decided, on one line.
fn inputs(entry: &Entry) -> String {
    let inputs = &entry.inputs;
    let mut known = Vec::new();
    for peer in &inputs.peers {
        // An entry about the unit as a whole is about no group's state.
        let state = |state| format!(" {} epoch {}", state_name(state), peer.epoch);
        let state = peer.state.map_or_else(String::new, state);
        let silence = peer.links.iter().map(|link| link.silence).min();
        let silence =
            silence.map_or_else(String::new, |silence| format!(", silent {} ms", milliseconds(silence)));
        let life = if peer.is_alive { "" } else { ", dead" };
        known.push(format!("unit {}{state}{life}{silence}", peer.unit));
    }
    known.push(format!("cable {}", inputs.cable.text().to_lowercase()));
    if matches!(entry.what, What::Transition { .. }) {
        known.push(if inputs.is_synchronized { "synchronized" } else { "not synchronized" }.to_owned());
    }
    if inputs.score.targets > 0 {
        known.push(format!("reached {}", reaches(&inputs.score)));
    }
    known.join("; ")
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
