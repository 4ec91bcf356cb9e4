//! The network of a pair, of namespaces that nothing else is in.
//!
//! ```text
//!                    ┌─ wire-out [unit a] wire-in ─┐
//!  client ── eth0 ═ br-out      sync            br-in ═ eth0 ── servers
//!                    └─ wire-out [unit b] wire-in ─┘
//! ```
//!
//! `sync` is a cable between the two units' hosts, for beats and replication alone. What has an end in the middle is
//! switched by two bridges in a namespace of their own.

use super::error::FailoverError;
use super::plan;
use super::service::Service;
use crate::rivals::Namespace;

/// The network, with its servers at work. What is first here ends first.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) service: Service,
    pub(super) client: Namespace,
    /// The units' hosts.
    pub(super) hosts: [Namespace; 2],
    _servers: Namespace,
    _switches: Namespace,
}

impl Lab {
    pub(super) fn new() -> Result<Self, FailoverError> {
        let (client, servers, switches) = (Namespace::new()?, Namespace::new()?, Namespace::new()?);
        let hosts = [Namespace::new()?, Namespace::new()?];
        switches.ip("link add br-out type bridge mcast_snooping 0\nlink set br-out arp off up\n\
             link add br-in type bridge mcast_snooping 0\nlink set br-in arp off up")?;
        plug(&switches, "client", "br-out", &client, "eth0")?;
        plug(&switches, "servers", "br-in", &servers, "eth0")?;
        for (host, [out, inner]) in hosts.iter().zip([["out-a", "in-a"], ["out-b", "in-b"]]) {
            plug(&switches, out, "br-out", host, "wire-out")?;
            plug(&switches, inner, "br-in", host, "wire-in")?;
        }
        cable(&hosts[0], "sync", &hosts[1], "sync")?;
        for (number, host) in (1..).zip(&hosts) {
            host.ip(&format!(
                "link set wire-out up\nlink set wire-in up\naddr add 10.9.0.{number}/24 dev sync"
            ))?;
        }
        client.ip(plan::CLIENT_COMMANDS)?;
        servers.ip(&plan::server_commands())?;
        let service = Service::start(&servers)?;
        Ok(Self { service, client, hosts, _servers: servers, _switches: switches })
    }

    /// Takes the units' own network down, or brings it up again.
    pub(super) fn set_sync(&self, is_up: bool) -> Result<(), FailoverError> {
        Ok(self.hosts[0].ip(if is_up { "link set sync up" } else { "link set sync down" })?)
    }
}

/// A cable from a switch's port to an interface of another namespace.
fn plug(
    switches: &Namespace,
    port: &str,
    bridge: &str,
    other: &Namespace,
    interface: &str,
) -> Result<(), FailoverError> {
    cable(switches, port, other, interface)?;
    Ok(switches.ip(&format!("link set {port} master {bridge}"))?)
}

/// A cable between two namespaces, up at both ends. Checksums and segments are made by who sends, as on a real one.
fn cable(one: &Namespace, end: &str, other: &Namespace, other_end: &str) -> Result<(), FailoverError> {
    one.ip(&format!("link add {end} type veth peer name {other_end} netns {}", other.path().display()))?;
    for (namespace, interface) in [(one, end), (other, other_end)] {
        let offloads = ["rx", "tx", "sg", "tso", "gso", "gro"].iter().flat_map(|offload| [*offload, "off"]);
        let arguments: Vec<&str> = ["-K", interface].into_iter().chain(offloads).collect();
        namespace.run("ethtool", &arguments, "")?;
        namespace.ip(&format!("link set {interface} up"))?;
    }
    Ok(())
}
