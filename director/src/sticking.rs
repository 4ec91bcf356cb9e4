//! Clients that return to the real server that they had, and networks of clients that do.
//!
//! A client is remembered from its connection's first packet until some time after the end of its last one. A standby
//! remembers what it is told of connections, so that it knows the same.

use std::net::IpAddr;

use ipnet::IpNet;
use model::Endpoint;
use packet::Address;

use crate::choice::{Shortage, Target};
use crate::classify::Flow;
use crate::connection::Connection;
use crate::lane::Lane;
use crate::predictor::Standing;
use crate::shard::Core;
use crate::sticky::StickyEntry;
use crate::{ConnectionState, Sticky};

impl<A: Address> Lane<A> {
    /// The real server that a client had at `server`, if it is remembered, and can be chosen and has room. A client that has
    /// its port in use there gets another port, not another real server.
    pub(crate) fn choose_remembered(
        &self,
        core: &mut Core,
        flow: &Flow<A>,
        server: usize,
        avoid: Option<usize>,
    ) -> Option<Target> {
        let real = core.remembered(server, flow.key.client().into())?;
        let binding = core.binding_of_remembered(server, real, flow.key.server_port())?;
        let real_server = core.plan.binding(binding).real_server();
        if avoid == Some(binding) || core.standing(real_server) != Standing::Reachable {
            return None;
        }
        self.choose_binding(core, flow, binding).ok()
    }

    /// The target, or, if another shard was first with a client of the same network, that one's.
    pub(crate) fn agree(&self, core: &mut Core, flow: &Flow<A>, target: Target) -> Target {
        let Some((address, port)) = core.real_endpoint(target.binding, flow) else { return target };
        let real = Endpoint::new(address.into(), port);
        let agreed = core.agreed(target.binding, flow.key.client().into(), real, flow.key.server_port());
        let Some(Ok(agreed)) = agreed.map(|binding| self.choose_binding(core, flow, binding)) else {
            return target;
        };
        core.give_back(&target);
        agreed
    }

    /// The very binding, if its servers have room.
    pub(crate) fn choose_binding(
        &self,
        core: &mut Core,
        flow: &Flow<A>,
        binding: usize,
    ) -> Result<Target, Shortage> {
        let hop = core.hop_to(binding)?;
        let port = flow.key.client_port();
        let Some(outbound_hash) = self.vacancy(core, flow, binding, port) else {
            return self.choose_port(core, flow, binding);
        };
        let is_trial = core.claim(binding).map_err(|_| Shortage::Busy)?;
        Ok(Target { binding, translated_port: port, hop, is_trial, outbound_hash })
    }
}

impl Core {
    /// Whether clients return to the real servers that they had at a virtual server.
    #[inline]
    pub(crate) fn is_sticky(&self, server: usize) -> bool {
        self.plan.virtual_server(server).sticky().is_some()
    }

    fn sticky(&self, server: usize) -> Option<Sticky> {
        self.plan.virtual_server(server).sticky()
    }

    /// The real server that a client had at a virtual server, or at a buddy of it.
    pub(crate) fn remembered(&self, server: usize, client: IpAddr) -> Option<Endpoint> {
        let sticky = self.sticky(server)?;
        let network = sticky.network(client);
        let find = |client| self.shared.sticky().find(self.now, sticky.scope(), client);
        // What the other unit told before this one knew of networks stands under their first address.
        find(network).or_else(|| find(IpNet::from(network.addr())))
    }

    /// The binding to a real server that is remembered: to this very endpoint, or, among buddies, to the same machine.
    pub(crate) fn binding_of_remembered(
        &self,
        server: usize,
        real: Endpoint,
        virtual_port: u16,
    ) -> Option<usize> {
        let exactly = self.plan.binding_to(server, real, virtual_port);
        exactly.or_else(|| self.plan.binding_to_machine(server, real.address))
    }

    /// The binding that another shard has chosen for a client of the same network in this moment. Clients by themselves
    /// have one shard, with which nobody needs to agree.
    fn agreed(&self, binding: usize, client: IpAddr, real: Endpoint, virtual_port: u16) -> Option<usize> {
        let server = self.plan.binding(binding).virtual_server();
        let entry = self.entry(self.sticky(server)?, client, real);
        if entry.client.prefix_len() == entry.client.max_prefix_len()
            || self.remembered(server, client).is_some()
        {
            return None;
        }
        let agreed = self.shared.sticky().find_or_note(entry).filter(|&agreed| agreed != real)?;
        self.binding_of_remembered(server, agreed, virtual_port)
    }

    /// Remembers the client of a new connection.
    #[cold]
    pub(crate) fn remember<A: Address>(&self, connection: &Connection<A>) {
        if let Some(entry) = self.entry_of(connection) {
            self.shared.sticky().note(entry);
        }
    }

    /// Remembers the client of a connection for as long again, unless it was never answered, or the client is
    /// at another real server by now.
    #[cold]
    pub(crate) fn remember_again<A: Address>(&self, connection: &Connection<A>) {
        let was_answered = !matches!(connection.state, ConnectionState::New | ConnectionState::Syn);
        if let Some(entry) = self.entry_of(connection).filter(|_| was_answered) {
            let known = self.shared.sticky().find(self.now, entry.scope, entry.client);
            if known.is_none_or(|known| known == entry.real) {
                self.shared.sticky().note(entry);
            }
        }
    }

    /// Remembers the client of a connection that goes on, now and then: about twice in the time that it is remembered for.
    /// `place` spreads that over connections. To be called for each of them in each round of the sweep over so many `slots`.
    #[inline]
    pub(crate) fn remember_on<A: Address>(&self, connection: &Connection<A>, place: usize, slots: usize) {
        if self.plan.slot(connection.binding).is_sticky {
            self.remember_if_due(connection, place, slots);
        }
    }

    #[cold]
    fn remember_if_due<A: Address>(&self, connection: &Connection<A>, place: usize, slots: usize) {
        /// Fewer than a worker looks at in a second.
        const SLOTS_A_SECOND: usize = 1 << 20;
        let Some(entry) = self.entry_of(connection) else { return };
        let seconds = self.now.as_millis() / 1_000 + place as u64;
        let round_s = 2 + (slots / SLOTS_A_SECOND) as u64;
        if seconds % (entry.period.as_secs() / 2).max(1) < round_s {
            self.remember_again(connection);
        }
    }

    fn entry_of<A: Address>(&self, connection: &Connection<A>) -> Option<StickyEntry> {
        let binding = self.plan.slot(connection.binding).binding()?;
        let sticky = self.sticky(self.plan.binding(binding).virtual_server())?;
        let outbound = &connection.outbound;
        let real = Endpoint::new(outbound.source().into(), outbound.source_port());
        Some(self.entry(sticky, connection.inbound.source().into(), real))
    }

    fn entry(&self, sticky: Sticky, client: IpAddr, real: Endpoint) -> StickyEntry {
        StickyEntry {
            scope: sticky.scope(),
            client: sticky.network(client),
            real,
            used: self.now,
            period: sticky.period(),
        }
    }
}
