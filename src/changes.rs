//! What commands of the language did, for people.

use std::fmt::Write as _;

use appliance::management::change_report::{
    ChangeReport, ClearReport, ConfigurationReport, ExplainReport, KillReport, WriteReport,
};
use appliance::management::protocol::Outcome;

use crate::table::{Table, number, text};
use crate::text::count;

/// The report of a command in words; `None` where `outcome` is none.
pub(crate) fn in_words(outcome: &Outcome, room: Option<u16>) -> Option<String> {
    Some(match outcome {
        Outcome::Changed(report) => changed(report),
        Outcome::Written(WriteReport { generation, path }) => {
            format!("generation {generation} of the configuration is in {path}\n")
        }
        Outcome::Killed(KillReport { connections }) => {
            format!("{} removed\n", count(*connections, "connection"))
        }
        Outcome::Cleared(ClearReport { what, count }) => format!("cleared: {count} {what}\n"),
        Outcome::Configuration(report) => configuration(report),
        Outcome::Explained(report) => explained(report, room),
        _ => return None,
    })
}

/// What is different now, and what that cost.
fn changed(report: &ChangeReport) -> String {
    let mut shown: String = report.changes.iter().map(|change| format!("{change}\n")).collect();
    if report.changes.is_empty() {
        shown += "nothing is different: it is so already\n";
    }
    if report.orphaned > 0 {
        let (would_lose, its) = match (report.dry_run, report.orphaned) {
            (true, 1) => ("would lose", "its"),
            (true, _) => ("would lose", "their"),
            (false, 1) => ("lost", "its"),
            (false, _) => ("lost", "their"),
        };
        // Writing to a string does not fail.
        let _ = writeln!(shown, "{} {would_lose} {its} binding", count(report.orphaned, "live connection"));
    }
    if report.dry_run {
        shown += "a dry run: nothing was changed\n";
    } else if report.unwritten {
        shown += "not on the disk yet: `write` puts it there\n";
    }
    shown
}

/// Commands, with remarks as comments, so that all of it is a batch file.
fn configuration(report: &ConfigurationReport) -> String {
    let unwritten = if report.unwritten { ", not written to the disk yet" } else { "" };
    let mut shown = format!("# generation {}{unwritten}\n", report.generation);
    for command in &report.commands {
        shown += command;
        shown.push('\n');
    }
    shown
}

/// The answer first, then how it came about.
fn explained(report: &ExplainReport, room: Option<u16>) -> String {
    let mut shown = format!("{}\n\n", report.reason);
    let unknown = || "-".to_owned();
    let mut lines = Table::new(&[text(""), text("")]).continued();
    for (name, value) in [
        ("client", report.client.clone()),
        ("virtual server", report.virtual_server.clone()),
        ("instance", report.instance.clone().unwrap_or_else(unknown)),
        ("assigned by", report.assignment.clone().unwrap_or_else(unknown)),
        ("outcome", report.outcome.replace('_', " ")),
        ("real server", report.real.clone().unwrap_or_else(unknown)),
    ] {
        lines.push([name.to_owned(), value]);
    }
    shown += &lines.render(room);
    if !report.steps.is_empty() {
        shown.push('\n');
    }
    for (index, step) in report.steps.iter().enumerate() {
        let _ = writeln!(shown, "{}. {step}", index + 1);
    }
    if !report.candidates.is_empty() {
        let _ = write!(shown, "\n{}", candidates(report).render(room));
    }
    shown
}

fn candidates(report: &ExplainReport) -> Table {
    let mut table = Table::new(&[
        text("chosen"),
        text("real server"),
        text("state"),
        number("connections"),
        number("weight"),
        text("merit").optional(),
    ]);
    for candidate in &report.candidates {
        table.push([
            if candidate.chosen { "*" } else { "" }.to_owned(),
            candidate.real.clone(),
            candidate.state.clone(),
            candidate.connections.to_string(),
            candidate.weight.to_string(),
            candidate.merit.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use appliance::management::change_report::CandidateReport;

    fn report(changes: &[&str], orphaned: u64, dry_run: bool) -> ChangeReport {
        let changes = changes.iter().map(|&change| change.to_owned()).collect();
        ChangeReport { generation: 7, changes, orphaned, dry_run, unwritten: true }
    }

    #[test]
    fn changes_are_told_with_what_they_cost() {
        for (report, shown) in [
            (
                report(&["a is new", "b is gone"], 0, false),
                "a is new\nb is gone\nnot on the disk yet: `write` puts it there\n",
            ),
            (
                report(&["a is gone"], 3, true),
                "a is gone\n3 live connections would lose their binding\na dry run: nothing was changed\n",
            ),
            (
                report(&["a is gone"], 1, false),
                "a is gone\n1 live connection lost its binding\nnot on the disk yet: `write` puts it there\n",
            ),
            (
                ChangeReport { unwritten: false, ..report(&[], 0, false) },
                "nothing is different: it is so already\n",
            ),
        ] {
            assert_eq!(changed(&report), shown);
        }
    }

    #[test]
    fn explanation_begins_with_the_answer() {
        let report = ExplainReport {
            client: "198.51.100.7".to_owned(),
            virtual_server: "192.0.2.100:80:tcp".to_owned(),
            instance: Some("192.0.2.100:80:1:tcp".to_owned()),
            assignment: Some("198.51.100.0/24".to_owned()),
            outcome: "connection".to_owned(),
            real: Some("10.1.0.11:80:tcp".to_owned()),
            reason: "it has the fewest connections".to_owned(),
            steps: vec!["the client is assigned".to_owned()],
            candidates: vec![CandidateReport {
                real: "10.1.0.11:80:tcp".to_owned(),
                state: "in service".to_owned(),
                connections: 3,
                weight: 1,
                merit: "3 connections".to_owned(),
                chosen: true,
            }],
        };
        let shown = explained(&report, None);
        assert!(shown.starts_with("it has the fewest connections\n\nclient "), "{shown}");
        assert!(shown.contains("\n1. the client is assigned\n"), "{shown}");
        assert!(shown.ends_with("3       1  3 connections\n"), "{shown}");
    }
}
