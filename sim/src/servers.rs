//! What both units balance, and the links that they are on.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use director::{
    Configuration, Mistake, NextHopTable, Port, PortIndex, PortRole, Predictor, Route, TimeoutsDraft,
    Unmatched,
};
use model::MacAddress;

/// Ways between the units.
pub(crate) const PATHS: usize = 2;

pub(crate) const OUTSIDE: PortIndex = PortIndex(0);
pub(crate) const INSIDE: PortIndex = PortIndex(1);

/// The units' stations on both sides, the router's and the servers'.
pub(crate) const UNIT: [MacAddress; 2] = [MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2])];
pub(crate) const ROUTER: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x0a]);
pub(crate) const SERVER: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x0b]);

/// The virtual server's address and port.
pub(crate) const VIRTUAL: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 100), 80);

/// One virtual server with four real servers, whose connections are soon forgotten when they are over.
pub(crate) fn configuration() -> Result<Arc<Configuration>, Vec<Mistake>> {
    let reals = ["10.1.0.11:80", "10.1.0.12:80", "10.1.0.13:80", "10.1.0.14:80"];
    let timeouts = TimeoutsDraft { tcp_closed_s: 1, tcp_reset_s: 1, ..TimeoutsDraft::default() };
    let mut draft = Configuration::builder()
        .timeouts(timeouts)
        .virtual_server("192.0.2.100:80", Predictor::LeastConnections);
    for real in reals {
        draft = draft.real_server(real);
    }
    draft.bind("192.0.2.100:80", &reals).build().map(Arc::new)
}

/// One port on each side.
pub(crate) fn ports() -> Arc<[Port]> {
    let port = |mac, role, address: [u8; 4]| Port {
        mac,
        unit_mac: mac,
        role,
        unmatched: Unmatched::Drop,
        mtu: 1_500,
        addresses: vec![IpAddr::from(address)],
        shared_addresses: Vec::new(),
        bridge_to: None,
    };
    Arc::new([
        port(UNIT[0], PortRole::Outside, [198, 51, 100, 1]),
        port(UNIT[1], PortRole::Inside, [10, 1, 0, 1]),
    ])
}

/// Clients are behind a router, servers on the link.
pub(crate) fn next_hops() -> NextHopTable {
    let mut table = NextHopTable::new(1);
    let router = IpAddr::from([198, 51, 100, 254]);
    let networks = [([0, 0, 0, 0], 0, OUTSIDE, Some(router)), ([10, 1, 0, 0], 16, INSIDE, None)];
    for (network, length, port, gateway) in networks {
        table.add_route(ipnet::IpNet::new_assert(network.into(), length), Route { port, gateway });
    }
    table.add_neighbor(OUTSIDE, router, ROUTER);
    for last in 11..=14 {
        table.add_neighbor(INSIDE, IpAddr::from([10, 1, 0, last]), SERVER);
    }
    table
}
