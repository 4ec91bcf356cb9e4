//! A balancer between a client's host and a servers' host, each a network namespace, joined by two cables.
//!
//! ```text
//!  client ── eth0 ═ wire-out ── balancer ── wire-in ═ eth0 ── servers
//! ```
//!
//! Each balancer has a bed of its own, so that none inherits another's connections; they are made alike, and only one of
//! them is loaded at a time. A balancer that is a process is halted while it is not its turn.

use std::path::Path;
use std::time::Duration;

use super::error::RivalsError;
use super::namespace::Namespace;
use super::plan;
use super::process::{Folder, Process};
use super::service::Service;
use super::{datagrams, tcp};
use crate::clock;

/// Longer than any balancer needs to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Balancer {
    /// Nobody: the kernel routes, and the virtual address is a server's. The ceiling for what translates packets.
    Routing,
    /// This project.
    Understudy,
    /// The kernel's destination NAT.
    Nftables,
    /// A proxy in user space.
    Haproxy,
}

impl Balancer {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Routing => "kernel routing, no balancer",
            Self::Understudy => "understudy",
            Self::Nftables => "nftables DNAT",
            Self::Haproxy => "HAProxy",
        }
    }

    const fn carries_datagrams(self) -> bool {
        !matches!(self, Self::Haproxy)
    }
}

/// A balancer with its client and its servers. What is first here ends first.
#[derive(Debug)]
pub(super) struct Bed {
    pub(super) balancer: Balancer,
    process: Option<Process>,
    service: Service,
    pub(super) client: Namespace,
    pub(super) servers: Namespace,
    _host: Namespace,
    _folder: Option<Folder>,
}

impl Bed {
    /// Builds it, and sees that the balancer balances.
    pub(super) fn make(balancer: Balancer, understudy: &Path) -> Result<Self, RivalsError> {
        let (client, host, servers) = (Namespace::new()?, Namespace::new()?, Namespace::new()?);
        cable(&host, "wire-out", &client)?;
        cable(&host, "wire-in", &servers)?;
        client.ip(&plan::client_commands())?;
        servers.ip(&plan::server_commands())?;
        // Of two hosts, one runs out of ports otherwise: the client's, or the proxy's.
        for namespace in [&client, &host] {
            namespace.set("net/ipv4/ip_local_port_range", "1024 65535")?;
        }
        let service = Service::start(&servers)?;
        let (folder, process) = match balancer {
            Balancer::Understudy => run_understudy(&host, understudy)?,
            Balancer::Haproxy => run_haproxy(&host)?,
            Balancer::Nftables => (None, translate(&host)?),
            Balancer::Routing => (None, route(&host, &servers)?),
        };
        let mut bed = Self { balancer, process, service, client, servers, _host: host, _folder: folder };
        bed.wait_until_ready()?;
        bed.rest()?;
        Ok(bed)
    }

    /// Has the balancer run for the time of `work`.
    pub(super) fn awake<T>(
        &mut self,
        work: impl FnOnce(&Self) -> Result<T, RivalsError>,
    ) -> Result<T, RivalsError> {
        if let Some(process) = &mut self.process {
            process.check()?;
            process.resume()?;
        }
        let result = work(self);
        if let Some(process) = &mut self.process {
            process.check()?;
        }
        self.rest()?;
        result
    }

    fn rest(&self) -> Result<(), RivalsError> {
        self.process.as_ref().map_or(Ok(()), Process::suspend)
    }

    /// Waits until connections and datagrams come through.
    fn wait_until_ready(&mut self) -> Result<(), RivalsError> {
        self.wait_for("connections", |bed| {
            bed.client.enter(|| Ok(tcp::exchange(0).map_err(|e| e.to_string())))
        })?;
        if self.balancer.carries_datagrams() {
            self.wait_for("datagrams", |bed| {
                bed.client.enter(datagrams::send_one)?;
                let came = bed.service.datagram();
                Ok(if came.as_deref() == Some(&datagrams::PAYLOAD) {
                    Ok(())
                } else {
                    Err(format!("{came:?}"))
                })
            })?;
        }
        Ok(())
    }

    fn wait_for(
        &mut self,
        what: &'static str,
        is_carried: impl Fn(&Self) -> Result<Result<(), String>, RivalsError>,
    ) -> Result<(), RivalsError> {
        let mut last = String::new();
        let waited = clock::wait_for(PATIENCE, || {
            if let Some(Err(error)) = self.process.as_mut().map(Process::check) {
                return Some(Err(error));
            }
            match is_carried(self) {
                Ok(Ok(())) => Some(Ok(())),
                Ok(Err(seen)) => {
                    last = seen;
                    None
                }
                Err(error) => Some(Err(error)),
            }
        });
        let balancer = self.balancer.name();
        waited.unwrap_or(Err(RivalsError::NotReady { balancer, what, seen: last }))
    }
}

/// A cable from an interface of the balancer's host to eth0 of another. What an end sends is finished before it is on the
/// wire, because a balancer that is not the kernel sees the wire.
fn cable(host: &Namespace, name: &str, other: &Namespace) -> Result<(), RivalsError> {
    host.ip(&format!(
        "link add {name} type veth peer name eth0 netns {}\nlink set {name} up",
        other.path().display()
    ))?;
    for (namespace, interface) in [(host, name), (other, "eth0")] {
        let offloads = ["rx", "tx", "sg", "tso", "gso", "gro"].iter().flat_map(|offload| [*offload, "off"]);
        let arguments: Vec<&str> = ["-K", interface].into_iter().chain(offloads).collect();
        namespace.run("ethtool", &arguments, "")?;
    }
    Ok(())
}

type Started = (Option<Folder>, Option<Process>);

fn run_understudy(host: &Namespace, program: &Path) -> Result<Started, RivalsError> {
    let folder = Folder::new("rival-u")?;
    let socket = folder.path().join("unit.sock").display().to_string();
    let cpus = std::thread::available_parallelism()?.get();
    folder.write("unit.json", &plan::unit_json(&socket, cpus))?;
    folder.write("director.json", &plan::director_json())?;
    let home = folder.path().display().to_string();
    let process = Process::start(host, program, &["run", "--config", &home], &folder)?;
    Ok((Some(folder), Some(process)))
}

fn run_haproxy(host: &Namespace) -> Result<Started, RivalsError> {
    host.ip(&format!("{}addr add 192.0.2.100/32 dev lo\n", plan::HOST_COMMANDS))?;
    let folder = Folder::new("rival-h")?;
    let configuration = folder.write("haproxy.cfg", &plan::haproxy())?.display().to_string();
    let process = Process::start(host, Path::new("haproxy"), &["-db", "-f", &configuration], &folder)?;
    Ok((Some(folder), Some(process)))
}

fn translate(host: &Namespace) -> Result<Option<Process>, RivalsError> {
    forward(host)?;
    host.run("nft", &["-f", "-"], &plan::nftables())?;
    // Connections that are over are forgotten as soon as this project forgets them: the kernel's table would fill.
    host.set("net/netfilter/nf_conntrack_tcp_timeout_time_wait", "10")?;
    Ok(None)
}

fn route(host: &Namespace, servers: &Namespace) -> Result<Option<Process>, RivalsError> {
    forward(host)?;
    host.ip("route add 192.0.2.100 via 10.1.0.11")?;
    servers.ip("addr add 192.0.2.100/32 dev lo")?;
    Ok(None)
}

fn forward(host: &Namespace) -> Result<(), RivalsError> {
    host.ip(plan::HOST_COMMANDS)?;
    host.set("net/ipv4/ip_forward", "1")
}
