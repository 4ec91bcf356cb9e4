//! The report as people read it: the goals first, then each benchmark with its figures, remarks and pictures.

use std::fmt::Write;

use crate::machine::Machine;
use crate::report::{CYCLES_PER_PACKET, Figure, Goal, Outcome};

/// The whole report.
pub(crate) fn render(machine: &Machine, outcomes: &[Outcome]) -> String {
    let mut text = String::from("# Understudy, measured\n\n");
    machine_state(&mut text, machine);
    goals(&mut text, machine, outcomes);
    failures(&mut text, outcomes);
    for outcome in outcomes {
        section(&mut text, machine, outcome);
    }
    how_to_read(&mut text);
    text
}

fn machine_state(text: &mut String, machine: &Machine) {
    table(
        text,
        &["machine", ""],
        machine.in_words().into_iter().map(|(name, value)| [name.to_owned(), value]),
    );
}

fn goals(text: &mut String, machine: &Machine, outcomes: &[Outcome]) {
    let figures = || outcomes.iter().flat_map(|outcome| &outcome.section.figures);
    let with_goal: Vec<&Figure> = figures().filter(|figure| figure.goal.is_some()).collect();
    if with_goal.is_empty() {
        return;
    }
    let met = with_goal.iter().filter(|figure| figure.met == Some(true)).count();
    let _ = writeln!(text, "## Goals: {met} of {} met\n", with_goal.len());
    let rows = with_goal.iter().map(|figure| {
        [
            if figure.met == Some(true) { "✔" } else { "✘" }.to_owned(),
            figure.name.clone(),
            format!("**{}**", number(figure.ratio.unwrap_or(figure.ours))),
            figure.goal.map(goal_in_words).unwrap_or_default(),
            amount(figure, Some(figure.ours), machine),
            peer(figure, machine),
        ]
    });
    table(text, &["", "figure", "is", "is to be", "ours", "peer"], rows);
}

fn failures(text: &mut String, outcomes: &[Outcome]) {
    let failures: Vec<&String> = outcomes.iter().flat_map(|outcome| &outcome.failures).collect();
    if failures.is_empty() {
        return;
    }
    text.push_str("## What could not be measured\n\n");
    for failure in failures {
        let _ = writeln!(text, "- {}", one_line(failure));
    }
    text.push('\n');
}

fn section(text: &mut String, machine: &Machine, outcome: &Outcome) {
    let section = &outcome.section;
    let _ = writeln!(text, "## {}\n", section.title);
    for remark in &section.remarks {
        let _ = writeln!(text, "{remark}\n");
    }
    if !section.figures.is_empty() {
        let header = ["figure", "ours", "peer", "ratio", "of medians", "spread, ours / peer", "rounds"];
        table(text, &header, section.figures.iter().map(|figure| row(figure, machine)));
    }
    for plot in &section.plots {
        let _ = writeln!(text, "![{}]({})\n", plot.title, plot.file());
    }
}

fn row(figure: &Figure, machine: &Machine) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let rounds = |(kept, discarded)| match discarded {
        0 => format!("{kept}"),
        _ => format!("{kept}, {discarded} discarded"),
    };
    [
        figure.name.clone(),
        amount(figure, Some(figure.ours), machine),
        peer(figure, machine),
        or_dash(figure.ratio.map(number)),
        or_dash(figure.ratio_of_medians.map(number)),
        or_dash(figure.spread.map(|(ours, peer)| format!("{:.0} % / {:.0} %", ours * 100.0, peer * 100.0))),
        or_dash(figure.rounds.map(rounds)),
    ]
}

fn peer(figure: &Figure, machine: &Machine) -> String {
    match &figure.peer_name {
        Some(name) => format!("{name}: {}", amount(figure, figure.peer, machine)),
        None => "–".to_owned(),
    }
}

/// A value with its unit. The cost of a packet is told as a time and a rate, too.
fn amount(figure: &Figure, value: Option<f64>, machine: &Machine) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "–".to_owned() };
    if figure.unit == CYCLES_PER_PACKET {
        let nanoseconds = value / machine.tsc_hz * 1e9;
        return format!("{value:.1} cycles ({nanoseconds:.1} ns, {:.1} Mpps)", 1e3 / nanoseconds);
    }
    format!("{} {}", number(value), figure.unit)
}

fn goal_in_words(goal: Goal) -> String {
    match goal {
        Goal::AtLeast(least) => format!("≥ {}", number(least)),
        Goal::AtMost(most) => format!("≤ {}", number(most)),
    }
}

/// A number with as many digits as mean something.
fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "–".to_owned(),
        size if size >= 1e6 => format!("{:.2} million", value / 1e6),
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn how_to_read(text: &mut String) {
    text.push_str(
        "## How to read this\n\n\
         Sides are run in turn, several rounds in one go. A ratio is that of the minima: what the machine does when nobody \
         disturbs it; beside it stand the ratio of the medians and the spread (greatest by least, less one). A control that \
         always does the same is run between the rounds; rounds beside a control that cost 5 % more than the best are \
         discarded. Cycles are the time stamp counter's. No figure means much without its peer in the same row.\n",
    );
}

fn table<const N: usize>(text: &mut String, header: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let _ = writeln!(text, "| {} |", header.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(N));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| one_line(cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}

/// Text that does not leave its cell.
fn one_line(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Quotient, Section};
    use crate::rounds::Comparison;

    fn machine() -> Machine {
        Machine {
            date: Some("2026-11-21".to_owned()),
            cpu_model: "Some CPU".to_owned(),
            cpus: 2,
            tsc_hz: 2.5e9,
            governor: None,
            memory_mib: 24_000,
            hugepages: 1_200,
            kernel: "6.1.0".to_owned(),
            dpdk: Some("22.11.11".to_owned()),
        }
    }

    fn figure(name: &str, goal: Option<Goal>) -> Figure {
        let sides = Comparison {
            ours: [50.0, 55.0].into_iter().collect(),
            peer: [75.0, 76.0].into_iter().collect(),
            discarded: 1,
        };
        Figure::compared(name, CYCLES_PER_PACKET, "testpmd 5tswap", &sides, Quotient::PeerByOurs, goal)
    }

    #[test]
    fn goals_stand_first_and_costs_are_told_as_rates() {
        let figures = vec![
            figure("forwarding/ipv4/1000/5tswap", Some(Goal::AtLeast(1.0))),
            figure("forwarding/ipv4/1000/io", Some(Goal::AtLeast(2.0))),
            figure("forwarding/ipv6/1000/5tswap", None),
        ];
        let section = Section {
            title: "Forwarding".to_owned(),
            remarks: vec!["64-byte frames.".to_owned()],
            figures,
            plots: Vec::new(),
        };
        let text = render(&machine(), &[Outcome { section, failures: Vec::new() }]);
        for expected in [
            "| CPU | Some CPU, 2 CPUs |",
            "## Goals: 1 of 2 met",
            "| ✔ | forwarding/ipv4/1000/5tswap | **1.50** | ≥ 1.00 | 50.0 cycles (20.0 ns, 50.0 Mpps) | \
             testpmd 5tswap: 75.0 cycles (30.0 ns, 33.3 Mpps) |",
            "| ✘ | forwarding/ipv4/1000/io |",
            "64-byte frames.",
            "| 10 % / 1 % | 2, 1 discarded |",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(text.find("## Goals") < text.find("## Forwarding"));
        assert!(!text.contains("could not be measured"));
    }

    #[test]
    fn failures_are_told_and_do_not_break_tables() {
        let section = Section { title: "Rivals".to_owned(), ..Section::default() };
        let outcome = Outcome { section, failures: vec!["rivals: no\nhaproxy | none".to_owned()] };
        let text = render(&machine(), &[outcome]);
        assert!(text.contains("## What could not be measured\n\n- rivals: no haproxy \\| none\n"), "{text}");
    }
}
