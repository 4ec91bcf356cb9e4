//! Which of the bound real servers gets the next connection.

use crate::{Configuration, Predictor};

/// Where the predictors of all virtual servers stand, and how many connections each real server has in this shard.
/// A shard balances the connections of its own clients; clients are spread over shards by their addresses.
#[derive(Debug)]
pub(crate) struct Predictors {
    /// By virtual server: how far into its bindings the next round-robin search begins.
    next: Box<[usize]>,
    /// By binding: the credit of smooth weighted round robin.
    credits: Box<[i64]>,
    /// By real server: connections in this shard.
    connections: Box<[u32]>,
}

impl Predictors {
    /// `shard` rotates where each shard begins, so that a few connections over many shards do not all go to the
    /// first real server.
    pub(crate) fn new(configuration: &Configuration, shard: usize) -> Self {
        let start = |bindings: usize| if bindings == 0 { 0 } else { shard % bindings };
        Self {
            next: configuration
                .virtual_servers()
                .iter()
                .map(|server| start(server.bindings().len()))
                .collect(),
            credits: vec![0; configuration.bindings().len()].into(),
            connections: vec![0; configuration.real_servers().len()].into(),
        }
    }

    /// The binding that the predictor of `virtual_server` names among those that are `eligible`; nothing changes
    /// until [`commit`](Self::commit).
    pub(crate) fn pick(
        &self,
        configuration: &Configuration,
        virtual_server: usize,
        eligible: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let server = &configuration.virtual_servers()[virtual_server];
        let (all, next) = (server.bindings(), self.next[virtual_server]);
        let rotated = (all.start + next..all.end).chain(all.start..all.start + next);
        let mut candidates = rotated.filter(|&binding| eligible(binding));
        let real = |binding: usize| configuration.bindings()[binding].real_server();
        let weight = |binding: usize| u64::from(configuration.real_servers()[real(binding)].weight());
        // The load that the candidate would have with the new connection; ties go to the first in rotation.
        let load = |binding: usize| u64::from(self.connections[real(binding)]) + 1;
        match server.predictor() {
            Predictor::RoundRobin => candidates.next(),
            Predictor::LeastConnections => candidates.min_by_key(|&binding| load(binding)),
            Predictor::WeightedLeastConnections => candidates.reduce(|best, binding| {
                let (here, there) = (load(binding) * weight(best), load(best) * weight(binding));
                if here < there { binding } else { best }
            }),
            Predictor::WeightedRoundRobin => candidates.reduce(|best, binding| {
                let credit = |binding: usize| self.credits[binding] + weight(binding).cast_signed();
                if credit(binding) > credit(best) { binding } else { best }
            }),
        }
    }

    /// Notes that `binding` got a connection, when it was chosen among those that are `eligible`.
    pub(crate) fn commit(
        &mut self,
        configuration: &Configuration,
        binding: usize,
        eligible: impl Fn(usize) -> bool,
    ) {
        let chosen = &configuration.bindings()[binding];
        let server = &configuration.virtual_servers()[chosen.virtual_server()];
        let all = server.bindings();
        if server.predictor() == Predictor::WeightedRoundRobin {
            self.spend_credit(configuration, all.clone(), binding, eligible);
        } else {
            self.next[chosen.virtual_server()] = (binding + 1 - all.start) % all.len();
        }
        self.connections[chosen.real_server()] += 1;
    }

    /// Smooth weighted round robin: each earns its weight, the chosen one pays for all. The heavy servers' turns are
    /// spread between the others', not served in a row. Who is not eligible begins anew when it comes back: saved up
    /// credit would send it every connection.
    fn spend_credit(
        &mut self,
        configuration: &Configuration,
        all: std::ops::Range<usize>,
        chosen: usize,
        eligible: impl Fn(usize) -> bool,
    ) {
        let mut total = 0;
        for binding in all {
            let real = &configuration.real_servers()[configuration.bindings()[binding].real_server()];
            if eligible(binding) {
                self.credits[binding] += i64::from(real.weight());
                total += i64::from(real.weight());
            } else {
                self.credits[binding] = 0;
            }
        }
        self.credits[chosen] -= total;
    }

    /// Notes that a connection of `binding` is gone.
    pub(crate) fn release(&mut self, configuration: &Configuration, binding: usize) {
        self.connections[configuration.bindings()[binding].real_server()] -= 1;
    }
}
