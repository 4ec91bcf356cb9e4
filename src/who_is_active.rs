//! `show failover` for people, in the words that the LocalDirector's users know.

use std::fmt::Write as _;

use appliance::management::failover_report::{
    CableReport, FailoverStatusReport, GroupReport, JournalReport, LinkReport, TargetReport, UnitReport,
};

use crate::table::{Table, number, text};
use crate::text::{count, duration_ms, yes_no};

/// Entries of the journal that are shown; `--json` has all.
const JOURNAL_LINES: usize = 20;

/// `show failover`: units, cable and links, groups, what is reached, and what happened.
pub(crate) fn failover(report: &FailoverStatusReport, room: Option<u16>) -> String {
    let mut shown = String::from("Failover On\n");
    let cable = report.cable.as_ref().map_or("none is configured", |cable| cable.status.as_str());
    // Writing to a string does not fail.
    let _ = writeln!(shown, "Cable status: {cable}");
    let _ =
        writeln!(shown, "This host: {}", host(&report.this, report.groups.iter().map(|group| &group.state)));
    let _ = match &report.other {
        Some(other) => {
            let states = report.groups.iter().filter_map(|group| group.peer_state.as_ref());
            writeln!(shown, "Other host: {}, heard {} ms ago", host(other, states), other.heard_ms)
        }
        None => writeln!(shown, "Other host: not heard"),
    };
    let _ = writeln!(shown, "Configuration: {}", configuration(report));
    for warning in rejections(report) {
        let _ = writeln!(shown, "{warning}");
    }
    for conflict in &report.address_conflicts {
        let _ = writeln!(shown, "Somebody else answers for {conflict}");
    }
    for table in [ways(report), groups(&report.groups), targets(&report.targets)].into_iter().flatten() {
        let _ = write!(shown, "\n{}", table.render(room));
    }
    let _ = write!(shown, "\n{}", journal(&report.journal).render(room));
    shown
}

/// What an operator has to set right: heartbeats that come and can not be taken.
fn rejections(report: &FailoverStatusReport) -> Vec<String> {
    let hint = |reason: &str| match reason {
        "own_unit" => "another unit has this one's ID; write another \"id\" or \"role\"",
        "not_authentic" => "they are of a unit with another key, or forged",
        "unknown_version" => "the other unit speaks another version",
        _ => "",
    };
    let told = report.rejected.iter().filter(|(reason, _)| !hint(reason).is_empty());
    told.map(|(reason, count)| format!("{count} heartbeats were not taken: {}", hint(reason))).collect()
}

/// `Primary - Active`; with groups in several states all of them.
fn host<'a>(unit: &UnitReport, states: impl Iterator<Item = &'a String>) -> String {
    let mut words: Vec<&str> = states.map(|state| word(state)).collect();
    words.dedup();
    let fault = if unit.faulty { ", a worker does not turn" } else { "" };
    format!("{} - {}{fault}", capital(&unit.role), words.join("/"))
}

/// A state as the LocalDirector calls it.
fn word(state: &str) -> &str {
    match state {
        "ACTIVE" => "Active",
        "STANDBY" => "Standby",
        "LISTEN" => "Listening",
        "PREEMPT" => "Taking over",
        other => other,
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn configuration(report: &FailoverStatusReport) -> String {
    let mirror = &report.configuration;
    let peer = match (mirror.in_sync, mirror.peer_generation) {
        (true, _) => "the other unit has the same".to_owned(),
        (false, Some(generation)) => format!("the other unit has generation {generation}"),
        (false, None) => "nothing is known of the other unit's".to_owned(),
    };
    let transfer =
        mirror.transfer.map_or_else(String::new, |(sent, of)| format!("; {sent} of {of} bytes are there"));
    let refused = mirror.refused.as_ref().map_or_else(String::new, |reason| format!("; refused: {reason}"));
    format!("generation {}, {peer}{transfer}{refused}", mirror.generation)
}

/// The cable and the links.
fn ways(report: &FailoverStatusReport) -> Option<Table> {
    let mut table = Table::new(&[
        text("heartbeats"),
        text("state"),
        number("last").optional(),
        number("received").optional(),
        number("lost").optional(),
        number("silences").optional(),
    ]);
    for row in report.cable.iter().map(cable_row).chain(report.links.iter().map(link_row)) {
        table.push(row);
    }
    Some(table)
}

fn cable_row(cable: &CableReport) -> [String; 6] {
    let state = if cable.alive { cable.condition.clone() } else { format!("silent: {}", cable.condition) };
    [
        format!("cable {}", cable.tty),
        state,
        ago(cable.heard_ms),
        cable.beats.to_string(),
        cable.lost.to_string(),
        String::new(),
    ]
}

fn link_row(link: &LinkReport) -> [String; 6] {
    let state = match (link.alive, link.one_way) {
        (true, false) => "heard",
        (true, true) => "heard, but the other unit does not hear this one",
        (false, _) => "silent",
    };
    let name = format!("link {} - {}", link.local, link.peer);
    let (beats, silences) = (link.beats.to_string(), link.silences.to_string());
    [name, state.to_owned(), ago(link.heard_ms), beats, String::new(), silences]
}

fn ago(milliseconds: Option<u64>) -> String {
    milliseconds.map_or_else(|| "never".to_owned(), |milliseconds| format!("{milliseconds} ms"))
}

fn groups(groups: &[GroupReport]) -> Option<Table> {
    let mut table = Table::new(&[
        text("group"),
        text("role"),
        text("this host"),
        text("other host"),
        text("synchronized"),
        text("since"),
        text("why"),
        number("epoch").optional(),
        text("reaches").optional(),
        text("other reaches").optional(),
        text("strategy").optional(),
    ]);
    for group in groups {
        let sub_state = group.sub_state.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        table.push([
            group.name.clone(),
            group.role.clone(),
            format!("{}{sub_state}", group.state),
            group.peer_state.clone().unwrap_or_else(|| "-".to_owned()),
            yes_no(group.synchronized).to_owned(),
            duration_ms(group.since_ms),
            group.last.clone(),
            group.epoch.to_string(),
            group.reaches.clone(),
            group.peer_reaches.clone().unwrap_or_else(|| "-".to_owned()),
            group.strategy.clone(),
        ]);
    }
    Some(table)
}

fn targets(targets: &[TargetReport]) -> Option<Table> {
    let mut table =
        Table::new(&[text("target"), text("reached"), number("weight"), text("required"), text("by")]);
    for target in targets {
        let reached = target.reached.map_or("not known yet", yes_no);
        let by = target.stand_in.map_or_else(String::new, |address| format!("its other address {address}"));
        table.push([
            target.what.clone(),
            reached.to_owned(),
            target.weight.to_string(),
            yes_no(target.required).to_owned(),
            by,
        ]);
    }
    (!targets.is_empty()).then_some(table)
}

fn journal(entries: &[JournalReport]) -> Table {
    let mut table = Table::new(&[
        text("ago"),
        text("group"),
        text("what happened"),
        text("why"),
        text("known then").optional(),
    ]);
    for entry in entries.iter().skip(entries.len().saturating_sub(JOURNAL_LINES)) {
        let states = entry.states.as_ref().map_or_else(String::new, |states| format!(": {states}"));
        table.push([
            duration_ms(entry.ago_ms),
            entry.group.clone().unwrap_or_default(),
            format!("{}{states}", entry.what),
            entry.cause.clone(),
            entry.inputs.clone(),
        ]);
    }
    table
}

/// `failover rehearse` in words.
pub(crate) fn rehearsal(report: &appliance::management::failover_report::RehearsalReport) -> String {
    let [there, back] = report.took_us;
    format!(
        "group {}: {} went to the other unit and came back; {} unknown there\n\
         the other unit forwarded {there} µs after the command, and this one again {back} µs after the next\n\
         {} waited and {} passed on, {} lost\n",
        report.group,
        count(report.connections, "connection"),
        if report.unknown == 0 { "none was".to_owned() } else { format!("{} were", report.unknown) },
        count(report.passed_on, "packet"),
        if report.passed_on == 1 { "was" } else { "were" },
        if report.lost == 0 { "none was".to_owned() } else { format!("{} were", report.lost) },
    )
}
