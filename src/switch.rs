//! `understudy failover`: has the units of a pair change places.

use std::io::{self, Write};

use appliance::management::failover_report::SwitchReport;
use appliance::management::protocol::{Action, Command, FailoverRequest, Outcome, Response, State};

use crate::arguments::{ActionArgument, FailoverArguments};
use crate::text::count;
use crate::{Failure, socket, who_is_active};

/// Carries out the command.
pub(crate) fn failover(arguments: &FailoverArguments) -> Result<(), Failure> {
    let mut client = socket::connect(arguments.way.socket.as_deref())?;
    let action = match arguments.action {
        ActionArgument::Active => Action::Active,
        ActionArgument::Standby => Action::Standby,
        ActionArgument::Reset => Action::Reset,
        ActionArgument::Rehearse => Action::Rehearse,
    };
    let request = FailoverRequest { action, group: arguments.group.clone(), force: arguments.force };
    let outcome = client.ask(Command::Failover(request))?;
    if let Outcome::Switched(reports) = &outcome {
        for warning in reports.iter().filter_map(warning) {
            eprintln!("understudy: {warning}");
        }
    }
    let answer = if arguments.way.json {
        serde_json::to_string_pretty(&Response::new(outcome))? + "\n"
    } else {
        in_words(&outcome).ok_or("the unit answered something else than it was asked")?
    };
    Ok(io::stdout().write_all(answer.as_bytes())?)
}

fn in_words(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Switched(reports) => Some(reports.iter().map(switched).collect()),
        Outcome::Rehearsed(reports) => Some(reports.iter().map(who_is_active::rehearsal).collect()),
        Outcome::Reset(groups) => Some(format!("reset: {}\n", groups.join(", "))),
        _ => None,
    }
}

fn switched(report: &SwitchReport) -> String {
    let connections = count(report.connections, "connection");
    let SwitchReport { group, state, took_us, .. } = report;
    format!(
        "group {group}: the unit is {}, with {connections}; all workers were there after {took_us} µs\n",
        state.name()
    )
}

/// What an operator must know who did not mean it.
const fn warning(report: &SwitchReport) -> Option<&'static str> {
    match (report.state, report.peer) {
        (State::Active, _) if matches!(report.before, State::Standby) && report.agreed_ms.is_none() => Some(
            "this unit had never found its connections to be those of the active one; some may be missing",
        ),
        (State::Standby, None) => Some("the other unit is not heard; nobody forwards"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(state: State, peer: Option<State>) -> SwitchReport {
        let before = if state == State::Active { State::Standby } else { State::Active };
        let group = "default".to_owned();
        SwitchReport { group, state, before, connections: 1, took_us: 250, peer, agreed_ms: Some(40) }
    }

    #[test]
    fn what_was_done_is_one_line() {
        assert_eq!(
            switched(&report(State::Active, None)),
            "group default: the unit is active, with 1 connection; all workers were there after 250 µs\n"
        );
    }

    #[test]
    fn warnings_are_about_missing_connections_and_about_nobody() {
        for (state, peer, is_warned) in [
            (State::Active, Some(State::Active), false),
            (State::Standby, None, true),
            (State::Standby, Some(State::Active), false),
        ] {
            assert_eq!(warning(&report(state, peer)).is_some(), is_warned, "{state:?} {peer:?}");
        }
        let blank = SwitchReport { agreed_ms: None, ..report(State::Active, None) };
        assert!(warning(&blank).is_some_and(|warning| warning.contains("never")));
    }
}
