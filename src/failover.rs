//! `understudy failover`: has a running unit forward, or stand by.

use std::io::{self, Write};

use appliance::management::protocol::{Command, Outcome, Response, State};
use appliance::management::report::FailoverReport;

use crate::arguments::{FailoverArguments, StateArgument};
use crate::text::count;
use crate::{Failure, socket};

/// Carries out the command.
pub(crate) fn failover(arguments: &FailoverArguments) -> Result<(), Failure> {
    let mut client = socket::connect(arguments.socket.as_deref())?;
    let state = match arguments.state {
        StateArgument::Active => State::Active,
        StateArgument::Standby => State::Standby,
    };
    let outcome = client.ask(Command::Failover(state))?;
    let Outcome::Failover(report) = &outcome else {
        return Err("the unit answered something else than it was asked".into());
    };
    if let Some(warning) = warning(report) {
        eprintln!("understudy: {warning}");
    }
    let answer = if arguments.json {
        serde_json::to_string_pretty(&Response::new(outcome))? + "\n"
    } else {
        in_words(report)
    };
    Ok(io::stdout().write_all(answer.as_bytes())?)
}

fn in_words(report: &FailoverReport) -> String {
    let connections = count(report.connections, "connection");
    let (state, took_us) = (report.state.name(), report.took_us);
    format!("the unit is {state}, with {connections}; all workers were there after {took_us} µs\n")
}

/// What an operator must know who did not mean it.
const fn warning(report: &FailoverReport) -> Option<&'static str> {
    match (report.state, report.peer) {
        (State::Active, Some(State::Active)) => Some(
            "the other unit was active when it was last heard of; unless it is dead now, two units forward",
        ),
        (State::Active, _) if matches!(report.before, State::Standby) && report.agreed_ms.is_none() => Some(
            "this unit had never found its connections to be those of the active one; some may be missing",
        ),
        (State::Standby, Some(State::Standby)) => Some("the other unit stands by, too; nobody forwards"),
        (State::Standby, None) => Some("the other unit is not heard; nobody forwards"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(state: State, peer: Option<State>) -> FailoverReport {
        let before = if state == State::Active { State::Standby } else { State::Active };
        FailoverReport { state, before, connections: 1, took_us: 250, peer, agreed_ms: Some(40) }
    }

    #[test]
    fn what_was_done_is_one_line() {
        assert_eq!(
            in_words(&report(State::Active, None)),
            "the unit is active, with 1 connection; all workers were there after 250 µs\n"
        );
    }

    #[test]
    fn warnings_are_about_two_active_units_and_about_none() {
        for (state, peer, is_warned) in [
            (State::Active, None, false),
            (State::Active, Some(State::Standby), false),
            (State::Active, Some(State::Active), true),
            (State::Standby, None, true),
            (State::Standby, Some(State::Active), false),
            (State::Standby, Some(State::Standby), true),
        ] {
            assert_eq!(warning(&report(state, peer)).is_some(), is_warned, "{state:?} {peer:?}");
        }
        let blank = FailoverReport { agreed_ms: None, ..report(State::Active, None) };
        assert!(warning(&blank).is_some_and(|warning| warning.contains("never")));
    }
}
