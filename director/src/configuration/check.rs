//! From what was written to what it means. All mistakes are found, not only the first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use model::{Endpoint, limits};

use super::check_groups;
use super::names::{Mistakes, Names, Role};
use super::{
    Binding, Configuration, ConfigurationDraft, Mistake, Place, Problem, RealServer, TimeoutKind, Timeouts,
    TimeoutsDraft, VirtualServer,
};

pub(super) fn check(draft: &ConfigurationDraft) -> Result<Configuration, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let virtual_texts = draft.virtual_servers.iter().map(|server| server.name.as_str());
    let virtual_names = Names::read(Role::Virtual, virtual_texts, &mut mistakes);
    let real_texts = draft.real_servers.iter().map(|server| server.name.as_str());
    let real_names = Names::read(Role::Real, real_texts, &mut mistakes);
    keep_addresses_apart(&virtual_names, &real_names, &mut mistakes);
    let weights = weights(draft, &mut mistakes);
    let binder = Binder { virtual_names: &virtual_names, real_names: &real_names };
    let bound = binder.bind(draft, &mut mistakes);
    let groups = check_groups::check(draft, &virtual_names, &real_names, &mut mistakes);
    let members = check_groups::members(draft, &virtual_names, &groups, &mut mistakes);
    let names = (&virtual_names, &real_names);
    check_groups::keep_real_servers_apart(names, &groups, &members, &bound, &mut mistakes);
    let timeouts = timeouts(&draft.timeouts, &mut mistakes);
    if !mistakes.0.is_empty() {
        return Err(mistakes.0);
    }

    // Without mistakes, each written name has been read.
    let real_servers = draft.real_servers.iter().zip(real_names.names()).zip(weights);
    let (virtual_servers, bindings) = lay_out(draft, &virtual_names, bound, &members);
    Ok(Configuration {
        virtual_servers,
        real_servers: real_servers
            .map(|((server, name), weight)| RealServer { name, weight, in_service: server.in_service })
            .collect(),
        bindings,
        groups,
        served: None,
        timeouts,
        tcp_without_connection: draft.tcp_without_connection,
    })
}

/// Lays the bindings of each virtual server next to each other.
fn lay_out(
    draft: &ConfigurationDraft,
    virtual_names: &Names<'_>,
    bound: Vec<Vec<(usize, Place)>>,
    members: &[usize],
) -> (Vec<VirtualServer>, Vec<Binding>) {
    let mut bindings = Vec::new();
    let mut servers = Vec::new();
    let written = draft.virtual_servers.iter().zip(virtual_names.names()).zip(bound).enumerate();
    for (virtual_server, ((server, name), real_servers)) in written {
        let start = bindings.len();
        bindings
            .extend(real_servers.into_iter().map(|(real_server, _)| Binding { virtual_server, real_server }));
        servers.push(VirtualServer {
            name,
            predictor: server.predictor,
            in_service: server.in_service,
            replicate: server.replicate,
            group: members[virtual_server],
            bindings: start..bindings.len(),
        });
    }
    (servers, bindings)
}

/// A packet from a real server's address must not look like one to a virtual server.
fn keep_addresses_apart(virtual_names: &Names<'_>, real_names: &Names<'_>, mistakes: &mut Mistakes) {
    let mut virtual_addresses = HashMap::new();
    for &(text, name) in &virtual_names.read {
        if let Some(name) = name {
            virtual_addresses.entry(name.address).or_insert(text);
        }
    }
    for (index, (_, name)) in real_names.read.iter().enumerate() {
        let Some(address) = name.map(|name| name.address) else {
            continue;
        };
        if let Some(&text) = virtual_addresses.get(&address) {
            let virtual_server = text.to_owned();
            mistakes.add(Place::RealServer(index), Problem::RealIsVirtual { address, virtual_server });
        }
    }
}

fn weights(draft: &ConfigurationDraft, mistakes: &mut Mistakes) -> Vec<u16> {
    let written = draft.real_servers.iter().map(|server| server.weight).enumerate();
    written
        .map(|(index, weight)| match u16::try_from(weight) {
            Ok(weight @ 1..=limits::WEIGHT) => weight,
            _ => {
                mistakes.add(Place::Weight(index), Problem::Weight(weight));
                1
            }
        })
        .collect()
}

fn timeouts(written: &TimeoutsDraft, mistakes: &mut Mistakes) -> Timeouts {
    let mut read = |kind, seconds| {
        if !(1..=u64::from(limits::IDLE_TIMEOUT_S)).contains(&seconds) {
            mistakes.add(Place::Timeout(kind), Problem::Timeout(seconds));
        }
        Duration::from_secs(seconds)
    };
    Timeouts {
        tcp_syn: read(TimeoutKind::TcpSyn, written.tcp_syn_s),
        tcp_established: read(TimeoutKind::TcpEstablished, written.tcp_established_s),
        tcp_half_closed: read(TimeoutKind::TcpHalfClosed, written.tcp_half_closed_s),
        tcp_closed: read(TimeoutKind::TcpClosed, written.tcp_closed_s),
        tcp_reset: read(TimeoutKind::TcpReset, written.tcp_reset_s),
        udp: read(TimeoutKind::Udp, written.udp_s),
    }
}

/// Checks bindings against the servers that are defined.
struct Binder<'a> {
    virtual_names: &'a Names<'a>,
    real_names: &'a Names<'a>,
}

impl Binder<'_> {
    /// The real servers of each virtual server, and where each is bound.
    fn bind(&self, draft: &ConfigurationDraft, mistakes: &mut Mistakes) -> Vec<Vec<(usize, Place)>> {
        let mut bound_to = vec![Vec::new(); draft.virtual_servers.len()];
        let mut bound = HashMap::new();
        let count = draft.bindings.iter().map(|binding| binding.real_servers.len()).sum();
        mistakes.limit(Place::Bindings, "bindings", count, limits::BINDINGS);
        for (binding, written) in draft.bindings.iter().enumerate() {
            let found =
                self.virtual_names.find(&written.virtual_server, Place::BindingVirtual(binding), mistakes);
            if written.real_servers.is_empty() {
                mistakes.add(Place::BindingReals(binding), Problem::NoRealServers);
            }
            for (real, text) in written.real_servers.iter().enumerate() {
                let place = Place::BindingReal { binding, real };
                let real_server = self.real_names.find(text, place, mistakes);
                let (Some(virtual_server), Some(real_server)) = (found, real_server) else {
                    continue;
                };
                if let Err(problem) = self.suits(virtual_server, (text, real_server), &mut bound) {
                    mistakes.add(place, problem);
                }
                bound_to[virtual_server].push((real_server, place));
            }
        }
        bound_to
    }

    /// Whether the virtual server can use the real server, which the binding calls `text`. `bound` has the endpoints
    /// of earlier bindings.
    fn suits(
        &self,
        virtual_server: usize,
        (text, real_server): (&str, usize),
        bound: &mut HashMap<(usize, Endpoint), usize>,
    ) -> Result<(), Problem> {
        let (virtual_text, virtual_name) = self.virtual_names.read[virtual_server];
        let (_, real_name) = self.real_names.read[real_server];
        let (Some(virtual_name), Some(real_name)) = (virtual_name, real_name) else {
            return Ok(());
        };
        let (virtual_text, real_text) = (virtual_text.to_owned(), text.to_owned());
        if virtual_name.address.is_ipv4() != real_name.address.is_ipv4() {
            let (found, wanted) = (family(real_name.address), family(virtual_name.address));
            return Err(Problem::Family {
                real_server: real_text,
                found,
                virtual_server: virtual_text,
                wanted,
            });
        }
        if virtual_name.protocol != real_name.protocol {
            let (found, wanted) = (real_name.protocol, virtual_name.protocol);
            return Err(Problem::Protocol {
                real_server: real_text,
                found,
                virtual_server: virtual_text,
                wanted,
            });
        }
        if virtual_name.port == 0 && real_name.port != 0 {
            return Err(Problem::AllPorts { real_server: real_text, virtual_server: virtual_text });
        }
        let port = if real_name.port == 0 { virtual_name.port } else { real_name.port };
        let endpoint = Endpoint::new(real_name.address, port);
        if let Some(first) = bound.insert((virtual_server, endpoint), real_server) {
            let first = self.real_names.read[first].0.to_owned();
            return Err(Problem::DuplicateBinding {
                real_server: real_text,
                virtual_server: virtual_text,
                first,
            });
        }
        Ok(())
    }
}

const fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}
