//! Legal configurations of any kind.

use director::{
    BackupWhen, Comparison, ConfigurationDraft, GroupDraft, Predictor, RealServerDraft, Refusal, StickyDraft,
    SwitchStrategy, TcpWithoutConnection, TimeoutsDraft, VirtualServerDraft, VirtualTimeoutsDraft,
};
use model::{Protocol, ServerName};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// What a server is made from. Its links are choices among what is possible when all servers are known.
#[derive(Clone, Debug)]
struct Seed<T> {
    is_ipv6: bool,
    protocol: Protocol,
    address: u8,
    port: u16,
    bind_id: u16,
    draft: T,
    /// Whom it is bound to, or not, bit by bit.
    bound: u8,
    backup: Option<u8>,
    is_buddy: bool,
    clients: Vec<(u8, u8)>,
}

impl<T> Seed<T> {
    /// Addresses have one group, and so have real servers.
    const fn group(&self, groups: usize) -> usize {
        if groups == 0 { 0 } else { self.address as usize % groups }
    }

    fn name(&self, network: &str) -> ServerName {
        let ServerName { address, .. } = if self.is_ipv6 {
            format!("[2001:db8:{network}::{:x}]", self.address).parse().unwrap()
        } else {
            format!("10.{network}.0.{}", self.address).parse().unwrap()
        };
        ServerName { address, port: self.port, bind_id: self.bind_id, protocol: self.protocol }
    }

    /// Whether a virtual server can have its connections go to another server.
    fn fits<U>(&self, other: &Seed<U>, groups: usize) -> bool {
        self.is_ipv6 == other.is_ipv6
            && self.protocol == other.protocol
            && (self.port != 0 || other.port == 0)
            && self.group(groups) == other.group(groups)
    }
}

prop_compose! {
    fn seed_of(address: std::ops::Range<u8>)(
        is_ipv6 in any::<bool>(),
        protocol in select(vec![Protocol::Tcp, Protocol::Udp]),
        address in address,
        port in select(vec![0_u16, 80, 443, 8001]),
        bind_id in 0_u16..3,
        bound in any::<u8>(),
        backup in option::of(any::<u8>()),
        is_buddy in any::<bool>(),
        clients in prop::collection::vec((any::<u8>(), 8_u8..=32), 0..20),
    ) -> Seed<()> {
        Seed { is_ipv6, protocol, address, port, bind_id, draft: (), bound, backup, is_buddy, clients }
    }
}

fn with<T, U>(seed: Seed<T>, draft: U) -> Seed<U> {
    let Seed { is_ipv6, protocol, address, port, bind_id, bound, backup, is_buddy, clients, .. } = seed;
    Seed { is_ipv6, protocol, address, port, bind_id, draft, bound, backup, is_buddy, clients }
}

prop_compose! {
    fn virtual_server()(
        seed in seed_of(1..4),
        predictor in select(vec![
            Predictor::LeastConnections, Predictor::WeightedLeastConnections, Predictor::Fastest,
            Predictor::RoundRobin, Predictor::WeightedRoundRobin, Predictor::SourceHash, Predictor::Maglev,
        ]),
        in_service in any::<bool>(),
        replicate in any::<bool>(),
        refuse in option::weighted(0.2, select(vec![Refusal::Drop, Refusal::Reset])),
        sticky in option::of((1_u64..=10_080).prop_map(StickyDraft::minutes)),
        max_connections in option::of(1_u64..=64_000_000),
        backup_when in select(vec![BackupWhen::Failed, BackupWhen::Busy]),
        own in prop::collection::vec(option::of(1_u64..=1_000_000), 6),
        resends in 0_u64..=100,
        synguard in option::of(1_u64..=64_000_000),
    ) -> Seed<VirtualServerDraft> {
        let timeouts = VirtualTimeoutsDraft {
            tcp_syn_s: own[0],
            tcp_established_s: own[1],
            tcp_half_closed_s: own[2],
            tcp_closed_s: own[3],
            tcp_reset_s: own[4],
            udp_s: own[5],
        };
        with(seed, VirtualServerDraft {
            predictor, in_service, replicate, refuse, sticky, max_connections, backup_when, timeouts, resends, synguard,
            ..VirtualServerDraft::new("")
        })
    }
}

prop_compose! {
    fn real_server()(
        seed in seed_of(0..1),
        weight in 1_u64..=1_000,
        in_service in any::<bool>(),
        max_connections in option::of(1_u64..=64_000_000),
        threshold in select(vec![0_u64, 8, 1_000_000]),
        count_resets in any::<bool>(),
        retry_s in select(vec![0_u64, 60, 86_400]),
        slow_start_s in select(vec![0_u64, 1, 86_400]),
    ) -> Seed<RealServerDraft> {
        let seed = Seed { bind_id: 0, ..seed };
        with(seed, RealServerDraft {
            weight, in_service, max_connections, threshold, count_resets, retry_s, slow_start_s,
            ..RealServerDraft::new("")
        })
    }
}

prop_compose! {
    fn group(index: usize)(
        primary in option::of(select(vec!["a", "b"])),
        strategy in select(vec![SwitchStrategy::Manual, SwitchStrategy::Automatic]),
        compare in select(vec![Comparison::Count, Comparison::Weighted, Comparison::Required]),
        hold_s in select(vec![0_u64, 30, 86_400]),
        load_margin_percent in option::of(1_u64..=100),
        advertise in any::<bool>(),
        has_address in any::<bool>(),
    ) -> GroupDraft {
        let mut group = GroupDraft {
            primary: primary.map(str::to_owned), strategy, compare, hold_s, load_margin_percent, advertise,
            ..GroupDraft::new(&format!("group-{index}"))
        };
        if has_address {
            let port = || "inside".to_owned();
            let addresses = vec![format!("10.9.0.{}/24", 200 + index), format!("fe80::{}/64", 1 + index)];
            group.shared_addresses.push((port(), addresses));
            group.macs.push((port(), format!("02:00:5E:10:00:0{index}")));
        }
        group
    }
}

prop_compose! {
    /// A configuration that can be built.
    pub(super) fn draft()(
        count in 0_usize..=3,
        groups in (group(0), group(1), group(2)),
        virtuals in prop::collection::vec(virtual_server(), 0..8),
        reals in prop::collection::vec(real_server(), 0..8),
        timeouts in prop::collection::vec(1_u64..=1_000_000, 6),
        tcp_without_connection in select(vec![
            TcpWithoutConnection::Drop, TcpWithoutConnection::Reset, TcpWithoutConnection::Admit,
        ]),
        hash_seed in any::<u64>(),
        prefixes in select(vec![(32_u64, 128_u64), (24, 128), (24, 56)]),
        has_defaults in any::<bool>(),
    ) -> ConfigurationDraft {
        let groups = [groups.0, groups.1, groups.2].into_iter().take(count).collect();
        let mut draft = ConfigurationDraft { groups, tcp_without_connection, hash_seed, ..ConfigurationDraft::default() };
        if !has_defaults {
            draft.timeouts = TimeoutsDraft {
                tcp_syn_s: timeouts[0],
                tcp_established_s: timeouts[1],
                tcp_half_closed_s: timeouts[2],
                tcp_closed_s: timeouts[3],
                tcp_reset_s: timeouts[4],
                udp_s: timeouts[5],
            };
        }
        fill(draft, virtuals, reals, prefixes)
    }
}

/// Adds servers, and of what connects them what is possible.
fn fill(
    mut draft: ConfigurationDraft,
    mut virtuals: Vec<Seed<VirtualServerDraft>>,
    mut reals: Vec<Seed<RealServerDraft>>,
    (ipv4_prefix, ipv6_prefix): (u64, u64),
) -> ConfigurationDraft {
    let groups = draft.groups.len();
    let mut names = std::collections::HashSet::new();
    virtuals.retain(|seed| names.insert(seed.name("2")));
    for (index, seed) in (10..).zip(&mut reals) {
        seed.address = index;
    }
    for (index, seed) in virtuals.iter().enumerate() {
        let mut server = seed.draft.clone();
        server.name = text(seed.name("2"), index);
        server.group = (groups > 0).then(|| format!("group-{}", seed.group(groups)));
        server.group = server.group.filter(|_| seed.group(groups) > 0 || index % 2 == 0);
        server.sticky = server.sticky.map(|sticky| StickyDraft { ipv4_prefix, ipv6_prefix, ..sticky });
        server.backup = virtual_backup(seed, &virtuals[..index], &reals, groups);
        draft.virtual_servers.push(server);
    }
    for (index, seed) in reals.iter().enumerate() {
        let backup = reals.iter().position(|first| first.port == 0 && seed.fits(first, groups));
        let backup = backup.filter(|&first| seed.backup.is_some() && first < index);
        let backup = backup.map(|first| text(reals[first].name("1"), first + index));
        draft.real_servers.push(RealServerDraft {
            name: text(seed.name("1"), index),
            backup,
            ..seed.draft.clone()
        });
    }
    bind(draft, &virtuals, &reals)
}

/// The first virtual server of those that fit, which has no backup that is virtual itself, or a real server.
fn virtual_backup(
    seed: &Seed<VirtualServerDraft>,
    before: &[Seed<VirtualServerDraft>],
    reals: &[Seed<RealServerDraft>],
    groups: usize,
) -> Option<String> {
    let choice = seed.backup?;
    let first = before.first().filter(|first| choice % 2 == 0 && seed.fits(first, groups));
    let real = || reals.iter().find(|real| seed.fits(real, groups)).map(|real| real.name("1"));
    first.map(|first| first.name("2")).or_else(real).map(|name| text(name, usize::from(choice)))
}

fn bind(
    mut draft: ConfigurationDraft,
    virtuals: &[Seed<VirtualServerDraft>],
    reals: &[Seed<RealServerDraft>],
) -> ConfigurationDraft {
    let groups = draft.groups.len();
    let mut assigned = std::collections::HashSet::new();
    for (index, seed) in virtuals.iter().enumerate() {
        let name = seed.name("2");
        let fitting = reals.iter().enumerate();
        let fitting = fitting
            .filter(|&(bit, real)| seed.fits(real, groups) && seed.bound & (1 << bit) != 0)
            .map(|(bit, real)| text(real.name("1"), bit));
        let fitting: Vec<String> = fitting.filter(|_| seed.draft.refuse.is_none()).collect();
        for part in fitting.chunks(2) {
            draft = draft.bind(&text(name, index + 1), &part.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let network = |&(octet, length): &(u8, u8)| {
            let network = if seed.is_ipv6 {
                format!("2001:db8:{octet:x}::/{length}")
            } else {
                format!("11.{octet}.0.0/{length}")
            };
            network.parse::<ipnet::IpNet>().unwrap().trunc()
        };
        let endpoint = ServerName { bind_id: 0, ..name };
        let clients: Vec<_> = seed.clients.iter().map(network).collect();
        let clients =
            clients.into_iter().filter(|&client| name.bind_id != 0 && assigned.insert((endpoint, client)));
        let clients: Vec<String> = clients.map(|client| client.to_string()).collect();
        for part in clients.chunks(5) {
            draft = draft.assign(&text(name, index), &part.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    for group in 0..groups.max(1) {
        let is_buddy = |seed: &&Seed<VirtualServerDraft>| {
            seed.is_buddy && seed.draft.sticky.is_some() && seed.group(groups) == group
        };
        let buddies: Vec<String> =
            virtuals.iter().filter(is_buddy).map(|seed| seed.name("2").to_string()).collect();
        if !buddies.is_empty() {
            let buddies: Vec<_> = buddies.iter().map(String::as_str).collect();
            draft = draft.buddies(&format!("buddies-{group}"), &buddies);
        }
    }
    draft
}

/// One of the ways to write a name.
fn text(name: ServerName, way: usize) -> String {
    let full = name.to_string();
    match full.strip_suffix(":tcp") {
        Some(short) if way.is_multiple_of(2) => short.to_owned(),
        _ => full,
    }
}
