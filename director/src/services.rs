//! Which virtual server, if any, an address and port belong to.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use ahash::RandomState;
use model::Protocol;

use crate::Configuration;

/// The configured servers by endpoint. Read on misses only.
#[derive(Debug)]
pub(crate) struct Services {
    virtual_servers: HashMap<(IpAddr, u16, Protocol), usize, RandomState>,
    virtual_addresses: HashSet<IpAddr, RandomState>,
    real_addresses: HashSet<IpAddr, RandomState>,
    real_endpoints: HashSet<(IpAddr, u16, Protocol), RandomState>,
}

impl Services {
    pub(crate) fn new(configuration: &Configuration, hasher: &RandomState) -> Self {
        let virtual_servers = configuration.virtual_servers().iter().enumerate();
        let mut services = Self {
            virtual_servers: HashMap::with_hasher(hasher.clone()),
            virtual_addresses: HashSet::with_hasher(hasher.clone()),
            real_addresses: HashSet::with_hasher(hasher.clone()),
            real_endpoints: HashSet::with_hasher(hasher.clone()),
        };
        for (index, server) in virtual_servers {
            let name = server.name();
            services.virtual_addresses.insert(name.address);
            services.virtual_servers.insert((name.address, name.port, name.protocol), index);
        }
        for binding in configuration.bindings() {
            let virtual_name = configuration.virtual_servers()[binding.virtual_server()].name();
            let name = configuration.real_servers()[binding.real_server()].name();
            let port = if name.port == 0 { virtual_name.port } else { name.port };
            services.real_addresses.insert(name.address);
            services.real_endpoints.insert((name.address, port, name.protocol));
        }
        services
    }

    /// The virtual server at this endpoint: the one with this port, else the one for all ports.
    pub(crate) fn find(&self, address: IpAddr, port: u16, protocol: Protocol) -> Option<usize> {
        let at = |port| self.virtual_servers.get(&(address, port, protocol)).copied();
        at(port).or_else(|| at(0))
    }

    pub(crate) fn is_virtual(&self, address: IpAddr) -> bool {
        self.virtual_addresses.contains(&address)
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
