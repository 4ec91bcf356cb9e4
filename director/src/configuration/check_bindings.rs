//! Bindings: who serves whom, and who stands in for whom.

use std::collections::HashMap;
use std::net::IpAddr;

use model::{Endpoint, limits};

use super::check_servers::{RealSettings, Target};
use super::names::{Mistakes, Names};
use super::{ConfigurationDraft, Place, Problem, RealSetting, StandIn, VirtualSetting};

/// A real server that a virtual server uses.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub(super) real_server: usize,
    /// Where that was written.
    pub(super) place: Place,
    /// If it was not written, but follows from backups.
    pub(super) stand_in: Option<StandIn>,
}

/// The real servers of each virtual server; those that stand in come last.
pub(super) fn check(
    draft: &ConfigurationDraft,
    (virtual_names, real_names): (&Names<'_>, &Names<'_>),
    (reals, backups): (&[RealSettings], &[Option<Target>]),
    mistakes: &mut Mistakes,
) -> Vec<Vec<Bound>> {
    let count = draft.virtual_servers.len();
    let mut binder = Binder {
        virtual_names,
        real_names,
        endpoints: HashMap::new(),
        bound: vec![Vec::new(); count],
        refuses: draft.virtual_servers.iter().map(|server| server.refuse.is_some()).collect(),
    };
    binder.bind(draft, mistakes);
    for (virtual_server, backup) in backups.iter().enumerate() {
        binder.add_backup(virtual_server, *backup, mistakes);
        binder.add_backups_of_reals(virtual_server, reals, mistakes);
    }
    let count = binder.bound.iter().map(Vec::len).sum();
    mistakes.limit(Place::Bindings, "bindings", count, limits::BINDINGS);
    binder.bound
}

/// Checks bindings against the servers that are defined.
struct Binder<'a> {
    virtual_names: &'a Names<'a>,
    real_names: &'a Names<'a>,
    /// The endpoints that each virtual server is bound to, and by which real server.
    endpoints: HashMap<(usize, Endpoint), usize>,
    bound: Vec<Vec<Bound>>,
    /// By virtual server: whether it refuses all connections.
    refuses: Vec<bool>,
}

impl Binder<'_> {
    fn bind(&mut self, draft: &ConfigurationDraft, mistakes: &mut Mistakes) {
        for (binding, written) in draft.bindings.iter().enumerate() {
            let place = Place::BindingVirtual(binding);
            let found = self.virtual_names.find(&written.virtual_server, place, mistakes);
            if found.is_some_and(|virtual_server| self.refuses[virtual_server]) {
                mistakes.add(place, Problem::RefusesAndServes);
            }
            if written.real_servers.is_empty() {
                mistakes.add(Place::BindingReals(binding), Problem::NoRealServers);
            }
            for (real, text) in written.real_servers.iter().enumerate() {
                let place = Place::BindingReal { binding, real };
                let real_server = self.real_names.find(text, place, mistakes);
                let (Some(virtual_server), Some(real_server)) = (found, real_server) else {
                    continue;
                };
                let problem = self.unfit(virtual_server, (text, real_server)).or_else(|| {
                    self.endpoint(virtual_server, real_server)
                        .and_then(|endpoint| self.endpoints.insert((virtual_server, endpoint), real_server))
                        .map(|first| self.duplicate(virtual_server, text, first))
                });
                problem.into_iter().for_each(|problem| mistakes.add(place, problem));
                self.bound[virtual_server].push(Bound { real_server, place, stand_in: None });
            }
        }
    }

    /// The real server that is the virtual server's backup.
    fn add_backup(&mut self, virtual_server: usize, backup: Option<Target>, mistakes: &mut Mistakes) {
        if let Some(Target::Real(real_server)) = backup {
            let place = Place::VirtualSetting(virtual_server, VirtualSetting::Backup);
            self.stand_in(
                virtual_server,
                Bound { real_server, place, stand_in: Some(StandIn::ForVirtual) },
                mistakes,
            );
        }
    }

    /// The backups of the virtual server's real servers, and theirs.
    fn add_backups_of_reals(
        &mut self,
        virtual_server: usize,
        reals: &[RealSettings],
        mistakes: &mut Mistakes,
    ) {
        let mut next = 0;
        while let Some(&Bound { real_server, .. }) = self.bound[virtual_server].get(next) {
            if let Some(backup) = reals[real_server].backup {
                let place = Place::RealSetting(real_server, RealSetting::Backup);
                let stand_in = Some(StandIn::ForReals);
                self.stand_in(virtual_server, Bound { real_server: backup, place, stand_in }, mistakes);
            }
            next += 1;
        }
    }

    /// Adds a real server that stands in, unless it is there anyway.
    fn stand_in(&mut self, virtual_server: usize, bound: Bound, mistakes: &mut Mistakes) {
        let text = self.real_names.read[bound.real_server].0;
        if let Some(problem) = self.unfit(virtual_server, (text, bound.real_server)) {
            return mistakes.add(bound.place, problem);
        }
        let Some(endpoint) = self.endpoint(virtual_server, bound.real_server) else { return };
        if self.endpoints.insert((virtual_server, endpoint), bound.real_server).is_none() {
            self.bound[virtual_server].push(bound);
        }
    }

    /// Why the virtual server can not use the real server, which is called `text`.
    fn unfit(&self, virtual_server: usize, (text, real_server): (&str, usize)) -> Option<Problem> {
        let (virtual_text, virtual_name) = self.virtual_names.read[virtual_server];
        let (_, real_name) = self.real_names.read[real_server];
        let (virtual_name, real_name) = (virtual_name?, real_name?);
        let (virtual_text, real_text) = (virtual_text.to_owned(), text.to_owned());
        if virtual_name.address.is_ipv4() != real_name.address.is_ipv4() {
            let (found, wanted) = (family(real_name.address), family(virtual_name.address));
            return Some(Problem::Family {
                real_server: real_text,
                found,
                virtual_server: virtual_text,
                wanted,
            });
        }
        if virtual_name.protocol != real_name.protocol {
            let (found, wanted) = (real_name.protocol, virtual_name.protocol);
            return Some(Problem::Protocol {
                real_server: real_text,
                found,
                virtual_server: virtual_text,
                wanted,
            });
        }
        (virtual_name.port == 0 && real_name.port != 0)
            .then_some(Problem::AllPorts { real_server: real_text, virtual_server: virtual_text })
    }

    /// Where connections by this binding go.
    fn endpoint(&self, virtual_server: usize, real_server: usize) -> Option<Endpoint> {
        let virtual_name = self.virtual_names.read[virtual_server].1?;
        let real_name = self.real_names.read[real_server].1?;
        let port = if real_name.port == 0 { virtual_name.port } else { real_name.port };
        Some(Endpoint::new(real_name.address, port))
    }

    fn duplicate(&self, virtual_server: usize, text: &str, first: usize) -> Problem {
        Problem::DuplicateBinding {
            real_server: text.to_owned(),
            virtual_server: self.virtual_names.read[virtual_server].0.to_owned(),
            first: self.real_names.read[first].0.to_owned(),
        }
    }
}

pub(super) const fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}
