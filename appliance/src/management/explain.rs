//! Explains what a client's new connection would meet: the worker that owns the client is asked, and says it as it would
//! choose.

use std::net::IpAddr;

use director::{
    Attempt, Candidate, Configuration, Decision, Explanation, Obstacle, Predictor, Refusal, Steering,
};
use model::{DropReason, ServerName};

use super::ask::ask;
use super::change_report::{CandidateReport, ExplainReport};
use super::commands::CommandError;
use super::inspection::Inspection;
use super::servers::predictor_name;
use super::stop::Stop;
use crate::running::{ExplainRequest, WorkerRequest};

/// Asks, and says it in words.
pub(super) fn report(
    inspection: &Inspection,
    client: IpAddr,
    server: ServerName,
    stop: &Stop,
) -> Result<ExplainReport, CommandError> {
    if client.is_ipv4() != server.address.is_ipv4() {
        return Err(CommandError::OtherFamily { client, server });
    }
    // The answer has places in the configuration, which must be the one that is asked by.
    inspection.running.while_steady(|director| {
        let worker = usize::from(Steering::new(inspection.workers.len()).owner(client));
        let group = group_of(director, server, inspection.workers[worker].shards.len());
        let explanation = ask(&inspection.workers, worker, stop, |reply| {
            WorkerRequest::Explain(ExplainRequest { group, client, server, reply })
        })?;
        Ok(Words { director, client, server, explanation: &explanation }.report())
    })?
}

/// The group that has the address; all are in one on a unit without a peer.
fn group_of(director: &Configuration, server: ServerName, groups: usize) -> usize {
    let mut servers = director.virtual_servers().iter();
    let found = servers.find(|each| each.name().address == server.address);
    found.map_or(0, |server| server.group()).min(groups.saturating_sub(1))
}

struct Words<'a> {
    director: &'a Configuration,
    client: IpAddr,
    server: ServerName,
    explanation: &'a Explanation,
}

impl Words<'_> {
    fn report(&self) -> ExplainReport {
        let Explanation { instance, assigned, tried, decision } = self.explanation;
        let chosen = match *decision {
            Decision::Chosen(binding) => Some(binding),
            _ => None,
        };
        let candidates = tried.last().map(|attempt| self.candidates(attempt, chosen));
        ExplainReport {
            client: self.client.to_string(),
            virtual_server: self.server.to_string(),
            instance: instance.map(|index| self.name(index)),
            assignment: assigned.map(|network| network.to_string()),
            outcome: outcome(*decision).to_owned(),
            real: chosen.map(|binding| self.real(binding)),
            reason: self.reason(),
            steps: self.steps(),
            candidates: candidates.unwrap_or_default(),
        }
    }

    fn name(&self, virtual_server: usize) -> String {
        self.director.virtual_servers()[virtual_server].name().to_string()
    }

    fn real(&self, binding: usize) -> String {
        let binding = &self.director.bindings()[binding];
        self.director.real_servers()[binding.real_server()].name().to_string()
    }

    fn predictor(&self, virtual_server: usize) -> Predictor {
        self.director.virtual_servers()[virtual_server].predictor()
    }

    /// The answer, in a sentence.
    fn reason(&self) -> String {
        let client = self.client;
        match self.explanation.decision {
            Decision::Chosen(binding) => {
                let why = self.explanation.tried.last().map_or_else(String::new, |attempt| self.why(attempt));
                format!("{client} gets {}: {why}", self.real(binding))
            }
            Decision::Awaits(address) => {
                format!(
                    "{client} waits until the MAC address of {address} is known, and is given a real server then"
                )
            }
            Decision::Refused(reason) => format!("{client} gets no connection: {}", in_words(reason)),
            Decision::Unwelcome(refusal) => {
                let instance = self.explanation.instance.map_or_else(String::new, |index| self.name(index));
                let what = match refusal {
                    Refusal::Drop => "drops",
                    Refusal::Reset => "resets",
                };
                format!("{client} gets no connection: {instance} {what} all of its clients'")
            }
        }
    }

    /// Why the attempt came to the real server that it came to.
    fn why(&self, attempt: &Attempt) -> String {
        let is_of_attempt = |binding: usize| attempt.result == Ok(binding);
        let Decision::Chosen(binding) = self.explanation.decision else { return String::new() };
        if !is_of_attempt(binding) {
            return format!("it is the backup of {}", self.name(attempt.virtual_server));
        }
        if attempt.returns {
            return "it had this one before, and returns".to_owned();
        }
        match self.predictor(attempt.virtual_server) {
            Predictor::LeastConnections => "it has the fewest connections",
            Predictor::WeightedLeastConnections => "it has the fewest connections for its weight",
            Predictor::Fastest => "it answers fastest, for the connections that it has",
            Predictor::RoundRobin | Predictor::WeightedRoundRobin => "it is its turn",
            Predictor::SourceHash | Predictor::Maglev => "the client's address names it",
        }
        .to_owned()
    }

    fn steps(&self) -> Vec<String> {
        let Explanation { instance, assigned, tried, decision } = self.explanation;
        let mut steps = vec![match (instance, assigned) {
            (Some(index), Some(network)) => {
                format!("{} is assigned to {}, by {network}", self.client, self.name(*index))
            }
            (Some(index), None) => {
                format!("{} is assigned to no instance, and gets {}", self.client, self.name(*index))
            }
            (None, _) => format!("there is no virtual server for {}", self.server),
        }];
        for (place, attempt) in tried.iter().enumerate() {
            if place > 0 {
                steps.push(format!("its backup comes in: {}", self.name(attempt.virtual_server)));
            }
            steps.extend(self.steps_of(attempt));
        }
        match (tried.last(), *decision) {
            (Some(last), Decision::Chosen(binding)) if last.result != Ok(binding) => {
                steps.push(format!("its backup comes in: {}", self.real(binding)));
            }
            (None, Decision::Refused(reason)) if instance.is_some() => steps.push(in_words(reason)),
            _ => {}
        }
        steps
    }

    fn steps_of(&self, attempt: &Attempt) -> Vec<String> {
        let name = self.name(attempt.virtual_server);
        let mut steps = Vec::new();
        if let Some(real) = attempt.remembered {
            steps.push(match attempt.returns {
                true => format!("the client had {real}, and returns to it"),
                false => format!("the client had {real}, which can not be chosen now"),
            });
        }
        let predictor = predictor_name(self.predictor(attempt.virtual_server));
        match attempt.result {
            Ok(_) if attempt.returns => {}
            Ok(binding) => steps.push(format!("{predictor} at {name} chooses {}", self.real(binding))),
            Err(reason) => steps.push(format!("{name} has nobody: {}", in_words(reason))),
        }
        steps
    }

    fn candidates(&self, attempt: &Attempt, chosen: Option<usize>) -> Vec<CandidateReport> {
        let predictor = self.predictor(attempt.virtual_server);
        let report = |candidate: &Candidate| CandidateReport {
            real: self.real(candidate.binding),
            state: candidate.obstacle.map_or("in service", state).to_owned(),
            connections: candidate.connections.into(),
            weight: candidate.weight.into(),
            merit: merit(predictor, candidate),
            chosen: chosen == Some(candidate.binding),
        };
        attempt.candidates.iter().map(report).collect()
    }
}

const fn outcome(decision: Decision) -> &'static str {
    match decision {
        Decision::Chosen(_) => "connection",
        Decision::Awaits(_) => "waits",
        Decision::Refused(_) => "refused",
        Decision::Unwelcome(Refusal::Drop) => "dropped",
        Decision::Unwelcome(Refusal::Reset) => "reset",
    }
}

const fn state(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::OutOfService => "out of service",
        Obstacle::Failed => "failed",
        Obstacle::Tested => "failed, and tried by one connection",
        Obstacle::Full => "full",
        Obstacle::NotNeeded => "backup, not needed",
        Obstacle::Awaited => "MAC address not known yet",
        Obstacle::NoRoute => "no route",
    }
}

/// What the predictor goes by.
fn merit(predictor: Predictor, candidate: &Candidate) -> String {
    let connections = candidate.connections;
    let of_predictor = match predictor {
        Predictor::LeastConnections => format!("{connections} connections"),
        Predictor::WeightedLeastConnections => {
            format!("{connections} connections at weight {}", candidate.weight)
        }
        Predictor::Fastest => match candidate.answers_in {
            Some(time) => format!("answers in {time:?}, with {connections} connections"),
            None => "not measured yet".to_owned(),
        },
        Predictor::RoundRobin | Predictor::WeightedRoundRobin => format!("turn {}", candidate.merit),
        Predictor::SourceHash | Predictor::Maglev => "by the client's address".to_owned(),
    };
    match candidate.share {
        Some(share) => format!("{of_predictor}; {share}/16 of its share, as it begins slowly"),
        None => of_predictor,
    }
}

fn in_words(reason: DropReason) -> String {
    match reason {
        DropReason::NoVirtualServer => "there is no virtual server at this port".to_owned(),
        DropReason::NoRealServer => "no bound real server is in service and answers".to_owned(),
        DropReason::NoRoute => "no route leads to its real servers".to_owned(),
        DropReason::NextHopUnresolved => "the MAC address of the next hop is not known yet".to_owned(),
        reason => reason.name().replace('_', " "),
    }
}
