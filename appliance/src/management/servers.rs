//! The reports on virtual and real servers.

use director::{
    BackupTarget, BackupWhen, Binding, Configuration, NextHop, PortIndex, Predictor, RealServer, RealState,
    Refusal, ShardCounters, StandIn, Sticky, VirtualServer,
};
use model::Instant;

use super::inspection::Inspection;
use super::report::{NextHopReport, Traffic};
use super::server_report::{
    BackupReport, BindingReport, RealReport, ServerState, StickyReport, VirtualReport,
};
use super::totals::{Totals, refused};

impl Inspection {
    pub(super) fn virtual_servers(&self) -> Vec<VirtualReport> {
        let director = self.running.director();
        let assigned = director.assignments().counts();
        let report = |(index, server)| VirtualReport {
            assigned: assigned.get(&index).copied().unwrap_or_default(),
            ..self.virtual_report(&director, server)
        };
        director.virtual_servers().iter().enumerate().map(report).collect()
    }

    fn virtual_report(&self, director: &Configuration, server: &VirtualServer) -> VirtualReport {
        let bindings = &director.bindings()[server.bindings()];
        let real_of = |binding: &Binding| &director.real_servers()[binding.real_server()];
        let (mut total, mut draining) = (Totals::default(), 0);
        for binding in bindings {
            let of_binding = self.total(binding);
            total += of_binding;
            if !server.is_in_service() || !real_of(binding).is_in_service() {
                draining += of_binding.connections;
            }
        }
        let in_service = bindings.iter().filter(|binding| real_of(binding).is_in_service());
        VirtualReport {
            name: server.name().to_string(),
            bind_id: server.name().bind_id,
            group: director.groups()[server.group()].name().to_owned(),
            in_service: server.is_in_service(),
            state: self.virtual_state(director, server),
            predictor: predictor_name(server.predictor()).to_owned(),
            refuse: server.refusal().map(|refusal| refusal_name(refusal).to_owned()),
            sticky: server.sticky().map(sticky_report),
            backup: backup_report(director, server),
            assigned: 0,
            real_servers: bindings.len(),
            real_servers_in_service: in_service.count(),
            connections: total.connections,
            max_connections: server.max_connections(),
            draining,
            half_open: server.synguard().map(|_| self.running.shared().half_open(server.id())),
            synguard: server.synguard(),
            admitted: total.admitted,
            refused: self.running.baselines().refused(server.id(), refused(self.counted(), server.id())),
            inbound: total.inbound,
            outbound: total.outbound,
        }
    }

    /// A virtual server has failed when one that serves it has, and no other can.
    fn virtual_state(&self, director: &Configuration, server: &VirtualServer) -> ServerState {
        if !server.is_in_service() {
            return ServerState::OutOfService;
        }
        let bindings = director.bindings()[server.bindings()].iter();
        let own = bindings.filter(|binding| binding.stand_in() != Some(StandIn::ForVirtual));
        let states = own.map(|binding| self.real_state(&director.real_servers()[binding.real_server()]));
        let mut has_failed = false;
        for state in states {
            match state {
                ServerState::InService => return ServerState::InService,
                ServerState::Failed | ServerState::Testing => has_failed = true,
                ServerState::OutOfService => {}
            }
        }
        if has_failed { ServerState::Failed } else { ServerState::InService }
    }

    fn real_state(&self, server: &RealServer) -> ServerState {
        match self.running.shared().real_state(server.id()) {
            _ if !server.is_in_service() => ServerState::OutOfService,
            RealState::Up => ServerState::InService,
            RealState::Failed => ServerState::Failed,
            RealState::Testing | RealState::Tested => ServerState::Testing,
        }
    }

    pub(super) fn real_servers(&self, now: Instant) -> Vec<RealReport> {
        let director = self.running.director();
        let servers = director.real_servers().iter();
        let mut reports: Vec<RealReport> =
            servers.map(|server| self.real_report(&director, server, now)).collect();
        for binding in director.bindings() {
            let report = &mut reports[binding.real_server()];
            let total = self.total(binding);
            report.connections += total.connections;
            report.admitted += total.admitted;
            report.inbound += total.inbound;
            report.outbound += total.outbound;
            let virtual_server = director.virtual_servers()[binding.virtual_server()].name().to_string();
            report.virtual_servers.push(virtual_server.clone());
            let (stand_in, connections) = (binding.stand_in().is_some(), total.connections);
            report.bindings.push(BindingReport { virtual_server, stand_in, connections });
        }
        for report in &mut reports {
            report.draining = if report.in_service { 0 } else { report.connections };
        }
        reports
    }

    /// What there is to say of a real server without its bindings.
    fn real_report(&self, director: &Configuration, server: &RealServer, now: Instant) -> RealReport {
        let shared = self.running.shared();
        let backup = server.backup().map(|backup| director.real_servers()[backup].name().to_string());
        RealReport {
            name: server.name().to_string(),
            in_service: server.is_in_service(),
            state: self.real_state(server),
            failed_since_s: shared.failed_at(server.id()).map(|at| now.since(at).as_secs()),
            ditched: shared.ditched(server.id()),
            threshold: server.threshold(),
            retry_s: server.retry().as_secs(),
            backup,
            weight: server.weight(),
            connections: 0,
            max_connections: server.max_connections(),
            draining: 0,
            admitted: 0,
            inbound: Traffic::default(),
            outbound: Traffic::default(),
            next_hop: match self.next_hops.load().resolve(server.name().address) {
                NextHop::Resolved { port, mac } => {
                    NextHopReport::Resolved { port: self.port_name(port), mac: mac.to_string() }
                }
                NextHop::Unresolved { port, address } => {
                    NextHopReport::Unresolved { port: self.port_name(port), address }
                }
                NextHop::NoRoute => NextHopReport::NoRoute,
            },
            virtual_servers: Vec::new(),
            bindings: Vec::new(),
        }
    }

    /// What virtual and real servers count is told from zero again. Returns how many they are.
    pub(super) fn clear_counters(&self) -> u64 {
        let director = self.running.director();
        self.running.baselines().clear(&director, self.counted());
        (director.virtual_servers().len() + director.real_servers().len()) as u64
    }

    /// What is to be told of a binding: what all shards together counted since it was there, or its counters were cleared.
    fn total(&self, binding: &Binding) -> Totals {
        let counted = Totals::of_binding(self.counted(), binding.id());
        self.running.baselines().binding(binding.id(), counted)
    }

    fn counted(&self) -> impl Iterator<Item = &ShardCounters> + Clone {
        self.workers.iter().flat_map(|worker| &worker.shards).map(AsRef::as_ref)
    }

    fn port_name(&self, port: PortIndex) -> String {
        let known = self.unit.ports().get(usize::from(port.0));
        known.map_or_else(|| format!("#{}", port.0), |port| port.name().to_owned())
    }
}

fn sticky_report(sticky: Sticky) -> StickyReport {
    StickyReport {
        minutes: sticky.period().as_secs() / 60,
        ipv4_prefix: sticky.prefix(true),
        ipv6_prefix: sticky.prefix(false),
    }
}

fn backup_report(director: &Configuration, server: &VirtualServer) -> Option<BackupReport> {
    let backup = server.backup()?;
    let name = match backup.target {
        BackupTarget::Virtual(index) => director.virtual_servers()[index].name(),
        BackupTarget::Binding(index) => {
            director.real_servers()[director.bindings()[index].real_server()].name()
        }
    };
    let when = match backup.when {
        BackupWhen::Failed => "failed",
        BackupWhen::Busy => "busy",
    };
    Some(BackupReport { name: name.to_string(), when: when.to_owned() })
}

const fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Drop => "drop",
        Refusal::Reset => "reset",
    }
}

pub(super) const fn predictor_name(predictor: Predictor) -> &'static str {
    match predictor {
        Predictor::LeastConnections => "leastconns",
        Predictor::WeightedLeastConnections => "weighted-leastconns",
        Predictor::RoundRobin => "roundrobin",
        Predictor::WeightedRoundRobin => "weighted-roundrobin",
        Predictor::Fastest => "fastest",
        Predictor::SourceHash => "source-hash",
        Predictor::Maglev => "maglev",
    }
}
