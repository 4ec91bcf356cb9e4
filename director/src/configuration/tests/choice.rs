//! What is said of clients, backups and limits: what it means, and what is wrong.

use super::super::*;
use super::mistake;

/// Two web servers, an instance for some clients, and a spare.
fn draft() -> ConfigurationDraft {
    Configuration::builder()
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .virtual_server("192.0.2.100:80:1", Predictor::RoundRobin)
        .real_server("10.1.0.11:80")
        .real_server("10.1.0.12:80")
        .real_server("10.1.0.13:80")
        .bind("192.0.2.100:80", &["10.1.0.11:80", "10.1.0.12:80"])
        .bind("192.0.2.100:80:1", &["10.1.0.11:80"])
}

fn with_virtual(index: usize, change: impl FnOnce(&mut VirtualServerDraft)) -> ConfigurationDraft {
    let mut draft = draft();
    change(&mut draft.virtual_servers[index]);
    draft
}

fn with_real(index: usize, change: impl FnOnce(&mut RealServerDraft)) -> ConfigurationDraft {
    let mut draft = draft();
    change(&mut draft.real_servers[index]);
    draft
}

fn backed_up(real: usize, backup: &str) -> ConfigurationDraft {
    with_real(real, |server| server.backup = Some(backup.to_owned()))
}

#[test]
fn backups_of_real_servers_stand_in_where_these_are_bound() {
    let configuration = backed_up(0, "10.1.0.13:80").build().unwrap();
    let bound = |server: usize| {
        let bindings = configuration.virtual_servers()[server].bindings();
        let bindings = configuration.bindings()[bindings].iter();
        bindings.map(|binding| (binding.real_server(), binding.stand_in())).collect::<Vec<_>>()
    };
    let stand_in = Some(StandIn::ForReals);
    assert_eq!(bound(0), [(0, None), (1, None), (2, stand_in)]);
    assert_eq!(bound(1), [(0, None), (2, stand_in)]);
    let chain = {
        let mut draft = backed_up(0, "10.1.0.12:80");
        draft.real_servers[1].backup = Some("10.1.0.13:80".to_owned());
        draft.build().unwrap()
    };
    let bindings = chain.virtual_servers()[1].bindings();
    let found: Vec<_> = chain.bindings()[bindings].iter().map(Binding::real_server).collect();
    assert_eq!(found, [0, 1, 2], "and the backups of backups");
}

#[test]
fn a_sticky_client_is_remembered_by_its_network() {
    let sticky = StickyDraft { minutes: 5, ipv4_prefix: 24, ipv6_prefix: 56 };
    let configuration = with_virtual(0, |server| server.sticky = Some(sticky)).build().unwrap();
    let sticky = configuration.virtual_servers()[0].sticky().unwrap();
    let network = |client: &str| sticky.network(client.parse().unwrap()).to_string();
    assert_eq!(network("198.51.100.77"), "198.51.100.0/24");
    assert_eq!(network("2001:db8:1:2345::7"), "2001:db8:1:2300::/56");
}

#[test]
fn a_virtual_server_has_a_virtual_or_a_real_backup() {
    let backup = |to: &str| {
        let draft = with_virtual(1, |server| {
            server.backup = Some(to.to_owned());
            server.backup_when = BackupWhen::Busy;
        });
        draft.build().unwrap().virtual_servers()[1].backup().unwrap()
    };
    assert_eq!(backup("192.0.2.100:80").target, BackupTarget::Virtual(0));
    assert_eq!(backup("192.0.2.100:80").when, BackupWhen::Busy);
    assert_eq!(backup("10.1.0.13:80").target, BackupTarget::Binding(3));
}

#[test]
fn buddies_share_a_scope_and_others_have_their_own() {
    let mut draft = draft().buddies("shop", &["192.0.2.100:80", "192.0.2.100:80:1"]);
    draft.virtual_servers.iter_mut().for_each(|server| server.sticky = Some(StickyDraft::minutes(5)));
    let scopes = |draft: &ConfigurationDraft| {
        let configuration = draft.build().unwrap();
        configuration
            .virtual_servers()
            .iter()
            .map(|server| server.sticky().unwrap().scope())
            .collect::<Vec<_>>()
    };
    let shared = scopes(&draft);
    assert_eq!(shared[0], shared[1]);
    draft.buddies.clear();
    let own = scopes(&draft);
    assert_ne!(own[0], own[1]);
    assert_ne!(own[0], shared[0]);
}

#[test]
fn own_timeouts_take_the_place_of_the_general_ones() {
    let draft = with_virtual(1, |server| server.timeouts.udp_s = Some(7));
    let configuration = draft.build().unwrap();
    let [one, other] = configuration.virtual_servers() else { panic!() };
    assert_eq!(other.timeouts().udp().as_secs(), 7);
    assert_eq!(one.timeouts(), configuration.timeouts());
    assert_eq!(other.timeouts().tcp_syn(), one.timeouts().tcp_syn());
}

#[test]
fn settings_are_checked() {
    use RealSetting as Real;
    use VirtualSetting as Virtual;
    for (draft, place, problem) in [
        (
            with_virtual(0, |server| server.sticky = Some(StickyDraft::minutes(0))),
            Place::VirtualSetting(0, Virtual::StickyMinutes),
            "0 is not in 1 to 10080",
        ),
        (
            with_virtual(0, |server| {
                server.sticky = Some(StickyDraft { ipv4_prefix: 33, ..StickyDraft::minutes(1) })
            }),
            Place::VirtualSetting(0, Virtual::StickyIpv4Prefix),
            "33 is not in 1 to 32",
        ),
        (
            with_virtual(0, |server| server.resends = 101),
            Place::VirtualSetting(0, Virtual::Resends),
            "101 is not in 0 to 100",
        ),
        (
            with_virtual(0, |server| server.timeouts.tcp_syn_s = Some(0)),
            Place::VirtualTimeout(0, TimeoutKind::TcpSyn),
            "0 is not in 1 to 1000000 seconds",
        ),
        (
            with_virtual(0, |server| server.backup = Some("192.0.2.100:80".to_owned())),
            Place::VirtualSetting(0, Virtual::Backup),
            "192.0.2.100:80 would stand in for itself, by 192.0.2.100:80, then 192.0.2.100:80; break the circle",
        ),
        (
            with_virtual(0, |server| server.backup = Some("192.0.2.99:80".to_owned())),
            Place::VirtualSetting(0, Virtual::Backup),
            "neither a virtual nor a real server is named 192.0.2.99:80; define the backup first",
        ),
        (
            with_virtual(1, |server| server.refuse = Some(Refusal::Drop)),
            Place::BindingVirtual(1),
            "it refuses all connections, so it can have no real servers; remove the bindings, or the refusal",
        ),
        (
            with_real(0, |server| server.max_connections = Some(0)),
            Place::RealSetting(0, Real::MaxConnections),
            "0 is not in 1 to 64000000",
        ),
        (
            with_real(0, |server| server.retry_s = 86_401),
            Place::RealSetting(0, Real::Retry),
            "86401 is not in 0 to 86400",
        ),
        (
            backed_up(0, "10.1.0.11:80"),
            Place::RealSetting(0, Real::Backup),
            "10.1.0.11:80 would stand in for itself, by 10.1.0.11:80, then 10.1.0.11:80; break the circle",
        ),
        (
            backed_up(2, "10.1.0.99:80"),
            Place::RealSetting(2, Real::Backup),
            "no real server 10.1.0.99:80; defined are 10.1.0.11:80, 10.1.0.12:80, 10.1.0.13:80",
        ),
    ] {
        assert_eq!(mistake(&draft), (place, problem.to_owned()));
    }
}

#[test]
fn what_is_said_of_clients_is_checked() {
    let sticky = |change: fn(&mut StickyDraft)| {
        let mut draft = draft().buddies("shop", &["192.0.2.100:80", "192.0.2.100:80:1"]);
        draft.virtual_servers[0].sticky = Some(StickyDraft::minutes(1));
        let mut other = StickyDraft::minutes(1);
        change(&mut other);
        draft.virtual_servers[1].sticky = Some(other);
        draft
    };
    let client = |client| Place::AssignmentClient { assignment: 0, client };
    for (draft, place, problem) in [
        (
            draft().assign("192.0.2.100:80:2", &["198.51.100.1"]),
            Place::AssignmentVirtual(0),
            "no virtual server 192.0.2.100:80:2 to assign clients to; defined are 192.0.2.100:80, 192.0.2.100:80:1; \
             define the instance first: virtual 192.0.2.100:80:2",
        ),
        (
            draft().assign("192.0.2.100:80", &["198.51.100.1"]),
            Place::AssignmentVirtual(0),
            "192.0.2.100:80 has bind ID 0, which serves all clients that are not assigned; assign to an instance with \
             another, like 192.0.2.100:80:1",
        ),
        (
            draft().assign("192.0.2.100:80:1", &["somebody"]),
            client(0),
            "\"somebody\" is neither an address nor a network; write it like 198.51.100.7 or 198.51.100.0/24",
        ),
        (
            draft().assign("192.0.2.100:80:1", &["198.51.100.7/24"]),
            client(0),
            "198.51.100.7/24 has bits set that its prefix leaves out; write 198.51.100.0/24",
        ),
        (
            draft().assign("192.0.2.100:80:1", &["2001:db8::/32"]),
            client(0),
            "2001:db8::/32 is IPv6, but 192.0.2.100:80:1 is IPv4; assign clients of the same address family",
        ),
        (
            draft().assign("192.0.2.100:80:1", &["198.51.100.7", "198.51.100.7/32"]),
            client(1),
            "198.51.100.7/32 is assigned to 192.0.2.100:80:1 already; a client gets one instance",
        ),
        (
            draft().buddies("shop", &["192.0.2.100:80"]),
            Place::Buddy { buddies: 0, buddy: 0 },
            "192.0.2.100:80 is not sticky, so it has nothing to share with its buddies; make it sticky first, or take it \
             out of the group of buddies first",
        ),
        (
            sticky(|other| other.ipv4_prefix = 24),
            Place::Buddy { buddies: 0, buddy: 1 },
            "192.0.2.100:80:1 counts other bits of clients' addresses than its buddy 192.0.2.100:80; give them the same \
             prefixes",
        ),
        (
            sticky(|_| ()).buddies("store", &["192.0.2.100:80"]),
            Place::Buddy { buddies: 1, buddy: 0 },
            "192.0.2.100:80 is a buddy in \"shop\" already; a virtual server is in one group of buddies",
        ),
    ] {
        assert_eq!(mistake(&draft), (place, problem.to_owned()));
    }
}
