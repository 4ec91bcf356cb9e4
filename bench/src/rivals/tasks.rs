//! What the balancers are asked to do, and how it is told.

use std::time::Duration;

use super::bed::{Balancer, Bed};
use super::datagrams;
use super::error::RivalsError;
use super::load::Sample;
use super::tcp;
use crate::report::Figure;

/// A task that some of the balancers can do.
pub(super) struct Task {
    /// The part of the figures' names between `rivals` and the rival.
    pub(super) name: &'static str,
    /// What one of what is done costs.
    pub(super) unit: &'static str,
    /// Several of it, for rates.
    several: &'static str,
    /// Who can do it, beside `understudy`.
    pub(super) rivals: &'static [Balancer],
    /// Does it for the time of a window.
    pub(super) load: fn(&Bed, Duration) -> Result<Sample, RivalsError>,
    /// What it consists of, and what limits it.
    about: &'static str,
}

/// All of them, in the order of the report.
pub(super) const TASKS: &[Task] = &[
    Task {
        name: "packets/1-sender",
        unit: "ns per packet",
        several: "packets per second",
        rivals: &[Balancer::Nftables],
        load: |bed, window| datagrams::one_way(bed, window, 1),
        about: "64-byte UDP frames one way, 32 flows from one sending thread. The kernel routes and translates on the CPU \
                that sends, as a part of sending; so the sender limits both the ceiling and nftables, and each packet that \
                it sends has then arrived. `understudy` has another CPU, but two packet sockets on the way: they limit it, \
                and what the sender sends beyond that is lost in front of it.",
    },
    Task {
        name: "packets/2-senders",
        unit: "ns per packet",
        several: "packets per second",
        rivals: &[Balancer::Nftables],
        load: |bed, window| datagrams::one_way(bed, window, 2),
        about: "The same from two threads. With two CPUs both are taken by the load: the kernel does its work on both, \
                `understudy` gets what the senders leave to it.",
    },
    Task {
        name: "requests",
        unit: "ns per request",
        several: "requests per second",
        rivals: &[Balancer::Nftables, Balancer::Haproxy],
        load: tcp::requests,
        about: "16 octets there and back on 32 TCP connections that stay open; at least two packets for each. Clients, \
                servers and the balancer share the CPUs, and clients and servers take most of them.",
    },
    Task {
        name: "connections",
        unit: "ns per connection",
        several: "connections per second",
        rivals: &[Balancer::Nftables, Balancer::Haproxy],
        load: tcp::connections,
        about: "Short TCP connections from 32 clients at a time: connect, 16 octets there and back, close; about ten \
                packets for each. Clients and servers limit it, more than what is between them.",
    },
];

/// What holds for all tasks.
pub(super) const ABOUT: &str = "The kernel's nftables DNAT, HAProxy in TCP mode and `understudy`, each between a client's \
    and a servers' network namespace on virtual cables (veth), with four real servers in turn and the same load. `understudy` \
    reads and writes these cables through packet sockets (af_packet), which cost it several times what its own work costs: \
    the figures say how it does on Linux interfaces, not how fast it translates. Offloads are off on all cables, for all. The \
    control is the kernel's routing without any balancer: the most that the load itself can do, shown as the last figure of \
    each task. HAProxy ends each connection and makes another; it carries no datagrams. All is of the whole machine: the \
    load runs on the same CPUs as what is measured.";

impl Balancer {
    /// The last part of the figures' names.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Routing => "ceiling",
            Self::Understudy => "understudy",
            Self::Nftables => "nftables",
            Self::Haproxy => "haproxy",
        }
    }
}

/// What a task is, and the costs of all sides as rates.
pub(super) fn rates(task: &Task, figures: &[Figure]) -> String {
    let rate = |cost: f64| format!("{:.0}", 1e9 / cost);
    let ours = figures.iter().map(|figure| figure.ours).fold(f64::INFINITY, f64::min);
    let peers = figures.iter().filter_map(|figure| Some((figure.peer_name.as_deref()?, figure.peer?)));
    let all = std::iter::once(("understudy", ours)).chain(peers);
    let all: Vec<String> = all.map(|(name, cost)| format!("{name} {}", rate(cost))).collect();
    format!("**{}**: {} In {}: {}.", task.name, task.about, task.several, all.join("; "))
}
