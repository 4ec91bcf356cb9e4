//! From the raw `director.json` to its meaning: the director's own checks, told in the document's keys, and the unit's
//! addresses kept apart from the servers'.

use std::collections::HashMap;
use std::net::IpAddr;

use director::{Configuration, ConfigurationDraft, Place, TimeoutKind};
use model::ServerName;

use super::diagnostic::Diagnostic;
use super::document::Document;
use super::key_path::KeyPath;
use super::raw::director::RawDirector;
use super::unit::UnitConfiguration;

pub(super) fn check(document: &Document<'_>, raw: RawDirector) -> Result<Configuration, Vec<Diagnostic>> {
    ConfigurationDraft::from(raw).build().map_err(|mistakes| {
        mistakes.iter().map(|mistake| document.diagnose(&path_of(mistake.place), &mistake.problem)).collect()
    })
}

/// No server has an address of the unit: packets to it would never leave.
pub(super) fn check_against_unit(
    document: &Document<'_>,
    director: &Configuration,
    unit: &UnitConfiguration,
) -> Vec<Diagnostic> {
    let addresses = |port: &'_ super::PortConfiguration| {
        port.addresses().iter().map(ipnet::IpNet::addr).collect::<Vec<_>>()
    };
    let own: HashMap<IpAddr, &str> = unit
        .ports()
        .iter()
        .flat_map(|port| addresses(port).into_iter().map(|address| (address, port.name())))
        .collect();
    let virtual_names = director.virtual_servers().iter().enumerate();
    let virtual_names = virtual_names.map(|(index, server)| (Place::VirtualServer(index), server.name()));
    let real_names = director.real_servers().iter().enumerate();
    let real_names = real_names.map(|(index, server)| (Place::RealServer(index), server.name()));
    let clash = |(place, name): (Place, ServerName)| {
        let port = own.get(&name.address)?;
        let message = format!("{} is the unit's own on port {port:?}; a server needs another", name.address);
        Some(document.diagnose(&path_of(place), message))
    };
    virtual_names.chain(real_names).filter_map(clash).collect()
}

/// Where the document has what the director found wrong.
fn path_of(place: Place) -> KeyPath {
    let root = KeyPath::root();
    match place {
        Place::VirtualServers => root.key("virtual_servers"),
        Place::VirtualServer(index) => root.key("virtual_servers").index(index).key("virtual"),
        Place::RealServers => root.key("real_servers"),
        Place::RealServer(index) => root.key("real_servers").index(index).key("real"),
        Place::Weight(index) => root.key("real_servers").index(index).key("weight"),
        Place::Bindings => root.key("bindings"),
        Place::BindingVirtual(binding) => root.key("bindings").index(binding).key("virtual"),
        Place::BindingReals(binding) => root.key("bindings").index(binding).key("real"),
        Place::BindingReal { binding, real } => root.key("bindings").index(binding).key("real").index(real),
        Place::Timeout(kind) => root.key("timeouts").key(match kind {
            TimeoutKind::TcpSyn => "tcp_syn_s",
            TimeoutKind::TcpEstablished => "tcp_established_s",
            TimeoutKind::TcpHalfClosed => "tcp_half_closed_s",
            TimeoutKind::TcpClosed => "tcp_closed_s",
            TimeoutKind::TcpReset => "tcp_reset_s",
            TimeoutKind::Udp => "udp_s",
        }),
    }
}
