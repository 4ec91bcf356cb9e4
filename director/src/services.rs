//! Which virtual server, if any, an address and port belong to.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::ops::Range;

use ahash::RandomState;
use model::Protocol;

use crate::Configuration;

/// The configured servers by endpoint. Read on misses only.
#[derive(Debug)]
pub(crate) struct Services {
    /// Sorted by address; those of one address by port, protocol and bind ID.
    virtual_services: Box<[Service]>,
    /// Where those of each address are.
    virtual_addresses: HashMap<IpAddr, Range<usize>, RandomState>,
    real_addresses: HashSet<IpAddr, RandomState>,
    real_endpoints: HashSet<(IpAddr, u16, Protocol), RandomState>,
}

/// A virtual server without its address.
#[derive(Clone, Copy, Debug)]
struct Service {
    port: u16,
    protocol: Protocol,
    bind_id: u16,
    virtual_server: usize,
}

/// The virtual servers of one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServicesAt<'a>(&'a [Service]);

impl Services {
    pub(crate) fn new(configuration: &Configuration, hasher: &RandomState) -> Self {
        let mut services = Self {
            virtual_services: Box::default(),
            virtual_addresses: HashMap::with_hasher(hasher.clone()),
            real_addresses: HashSet::with_hasher(hasher.clone()),
            real_endpoints: HashSet::with_hasher(hasher.clone()),
        };
        services.add_virtual_servers(configuration);
        for binding in configuration.bindings() {
            let server = &configuration.virtual_servers()[binding.virtual_server()];
            if !configuration.serves(server) {
                continue;
            }
            let virtual_name = server.name();
            let name = configuration.real_servers()[binding.real_server()].name();
            let port = if name.port == 0 { virtual_name.port } else { name.port };
            services.real_addresses.insert(name.address);
            services.real_endpoints.insert((name.address, port, name.protocol));
        }
        services
    }

    fn add_virtual_servers(&mut self, configuration: &Configuration) {
        let name = |index: &usize| configuration.virtual_servers()[*index].name();
        let servers = configuration.virtual_servers().iter().enumerate();
        let mut order: Vec<_> =
            servers.filter(|(_, server)| configuration.serves(server)).map(|(index, _)| index).collect();
        let sorted = |index: &usize| {
            (name(index).address, name(index).port, name(index).protocol, name(index).bind_id)
        };
        order.sort_by_key(sorted);
        let mut start = 0;
        for group in order.chunk_by(|one, other| name(one).address == name(other).address) {
            self.virtual_addresses.insert(name(&group[0]).address, start..start + group.len());
            start += group.len();
        }
        let service = |index| Service {
            port: name(&index).port,
            protocol: name(&index).protocol,
            bind_id: name(&index).bind_id,
            virtual_server: index,
        };
        self.virtual_services = order.into_iter().map(service).collect();
    }

    /// The virtual servers of `address`; `None` if it is not a virtual address.
    #[inline]
    pub(crate) fn at(&self, address: IpAddr) -> Option<ServicesAt<'_>> {
        let range = self.virtual_addresses.get(&address)?;
        Some(ServicesAt(&self.virtual_services[range.clone()]))
    }

    pub(crate) fn is_virtual(&self, address: IpAddr) -> bool {
        self.virtual_addresses.contains_key(&address)
    }

    pub(crate) fn is_real_address(&self, address: IpAddr) -> bool {
        self.real_addresses.contains(&address)
    }

    /// Whether a packet from this endpoint is a real server's answer and nothing else. Real servers bound to a
    /// virtual server of all ports also speak for themselves, so they are not in this set.
    pub(crate) fn is_real_endpoint(&self, address: IpAddr, port: u16, protocol: Protocol) -> bool {
        port != 0 && self.real_endpoints.contains(&(address, port, protocol))
    }
}

impl ServicesAt<'_> {
    /// The virtual server at this port for all clients: the one with this port, else the one for all ports.
    #[inline]
    pub(crate) fn find(self, port: u16, protocol: Protocol) -> Option<usize> {
        let at = |port| {
            let wanted = (port, protocol, 0);
            let key = |service: &Service| (service.port, service.protocol, service.bind_id);
            let found = self.0.binary_search_by_key(&wanted, key);
            found.ok().map(|index| self.0[index].virtual_server)
        };
        at(port).or_else(|| at(0))
    }

    /// All virtual servers that a packet to this port could be for, with any bind ID.
    pub(crate) fn instances(self, port: u16, protocol: Protocol) -> impl Iterator<Item = usize> {
        let is_one = move |service: &&Service| {
            service.protocol == protocol && (service.port == port || service.port == 0)
        };
        self.0.iter().filter(is_one).map(|service| service.virtual_server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Predictor;

    #[test]
    fn port_then_all_ports_then_nothing() {
        let names = ["192.0.2.2:443", "192.0.2.1:80", "192.0.2.1", "192.0.2.1:53:udp", "192.0.2.1:443"];
        let draft = names
            .iter()
            .fold(Configuration::builder(), |draft, name| draft.virtual_server(name, Predictor::RoundRobin));
        let services = Services::new(&draft.build().unwrap(), &RandomState::with_seeds(1, 2, 3, 4));
        let find = |address: &str, port, protocol| {
            services.at(address.parse().unwrap()).map(|services| services.find(port, protocol))
        };
        assert_eq!(find("192.0.2.1", 80, Protocol::Tcp), Some(Some(1)));
        assert_eq!(find("192.0.2.1", 443, Protocol::Tcp), Some(Some(4)));
        assert_eq!(find("192.0.2.1", 81, Protocol::Tcp), Some(Some(2)));
        assert_eq!(find("192.0.2.1", 53, Protocol::Udp), Some(Some(3)));
        assert_eq!(find("192.0.2.1", 80, Protocol::Udp), Some(None));
        assert_eq!(find("192.0.2.2", 443, Protocol::Tcp), Some(Some(0)));
        assert_eq!(find("192.0.2.2", 80, Protocol::Tcp), Some(None));
        assert_eq!(find("192.0.2.3", 80, Protocol::Tcp), None);
    }
}
