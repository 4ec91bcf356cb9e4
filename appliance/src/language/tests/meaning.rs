//! What each command does, and how that is told.

use std::net::IpAddr;

use commands::{Change, Clients, Undo};
use director::{BackupWhen, ConfigurationDraft, Predictor, Refusal, StickyDraft, TcpWithoutConnection};

use super::{after, changes, shop, unit};
use crate::language::{apply, transact};

/// Commands, and what is different after them.
const MEANINGS: &[(&str, &[&str])] = &[
    ("virtual 192.0.2.101", &["192.0.2.101:0:tcp: a new virtual server, in service"]),
    ("virtual 192.0.2.101:53:udp oos", &["192.0.2.101:53:udp: a new virtual server, out of service"]),
    ("virtual 192.0.2.100:80:0:tcp oos", &["192.0.2.100:80:tcp: state out of service, was in service"]),
    ("virtual 192.0.2.100:80", &[]),
    ("virtual 192.0.2.100:80 is", &[]),
    ("real 10.1.0.13 oos", &["10.1.0.13:0:tcp: a new real server, out of service"]),
    ("real 10.1.0.11:8001 oos", &["10.1.0.11:8001:tcp: state out of service, was in service"]),
    (
        "out-of-service 10.1.0.11:8001 192.0.2.100:443",
        &[
            "10.1.0.11:8001:tcp: state out of service, was in service",
            "192.0.2.100:443:tcp: state out of service, was in service",
        ],
    ),
    ("no in-service 10.1.0.11:8001", &["10.1.0.11:8001:tcp: state out of service, was in service"]),
    ("in-service 10.1.0.11:8001", &[]),
    ("bind 192.0.2.100:80 10.1.0.19:8001", &["192.0.2.100:80:tcp: served by 10.1.0.19:8001:tcp"]),
    (
        "no bind 192.0.2.100:80 10.1.0.11:8001",
        &["192.0.2.100:80:tcp: no longer served by 10.1.0.11:8001:tcp"],
    ),
    (
        "no bind 192.0.2.100:80",
        &["192.0.2.100:80:tcp: no longer served by 10.1.0.11:8001:tcp, 10.1.0.12:8001:tcp"],
    ),
    (
        "assign 192.0.2.100:80:1 203.0.113.7 203.0.113.0/25",
        &["192.0.2.100:80:1:tcp: has the clients 203.0.113.7/32, 203.0.113.0/25, too"],
    ),
    ("assign 192.0.2.100:80:1 198.51.100.0/24", &[]),
    (
        "assign 192.0.2.100:80:9 198.51.100.0/24 203.0.113.7",
        &[
            "192.0.2.100:80:9:tcp: has the clients 203.0.113.7/32, too",
            "192.0.2.100:80:9:tcp: takes over the clients 198.51.100.0/24 from 192.0.2.100:80:1:tcp",
        ],
    ),
    ("no assign 192.0.2.100:80:1", &["192.0.2.100:80:1:tcp: its client is no longer assigned"]),
    (
        "no assign 192.0.2.100:80:1 198.51.100.0/24",
        &["192.0.2.100:80:1:tcp: no longer has the clients 198.51.100.0/24"],
    ),
    ("predictor 192.0.2.100:80 maglev", &["192.0.2.100:80:tcp: predictor maglev, was leastconns"]),
    ("no predictor 192.0.2.100:80", &[]),
    ("weight 10.1.0.11:8001 5", &["10.1.0.11:8001:tcp: weight 5, was 1"]),
    ("maxconns 10.1.0.11:8001 5", &["10.1.0.11:8001:tcp: connections 5, was any number"]),
    ("maxconns 192.0.2.100:80 5", &["192.0.2.100:80:tcp: connections 5, was any number"]),
    (
        "sticky 192.0.2.100:80:1 5 --ipv4-prefix 24",
        &["192.0.2.100:80:1:tcp: sticky 5 min, by /24 and /128, was no"],
    ),
    ("sticky 192.0.2.100:80 30", &[]),
    ("no buddy shop 192.0.2.100:443", &["buddies shop: no longer 192.0.2.100:443:tcp"]),
    ("no buddy shop", &["buddies shop: no longer 192.0.2.100:80:tcp, 192.0.2.100:443:tcp"]),
    ("backup 192.0.2.100:80 10.1.0.19:8001", &["192.0.2.100:80:tcp: backup 10.1.0.19:8001:tcp, was none"]),
    (
        "backup 192.0.2.100:80:1 192.0.2.100:80",
        &["192.0.2.100:80:1:tcp: backup comes in when failed, was busy"],
    ),
    ("no backup 10.1.0.11:8001", &["10.1.0.11:8001:tcp: backup none, was 10.1.0.19:8001:tcp"]),
    ("refuse 192.0.2.100:80:9 reset", &["192.0.2.100:80:9:tcp: refuses all, by reset, was all, by drop"]),
    ("no refuse 192.0.2.100:80:9", &["192.0.2.100:80:9:tcp: refuses nobody, was all, by drop"]),
    (
        "threshold 10.1.0.11:8001 3 --ignore-resets",
        &["10.1.0.11:8001:tcp: threshold 3, was 8", "10.1.0.11:8001:tcp: resets do not count, was count"],
    ),
    ("retry 10.1.0.11:8001 0", &["10.1.0.11:8001:tcp: retry after 0 s, was 60 s"]),
    ("resends 192.0.2.100:80 0", &["192.0.2.100:80:tcp: resends 0, was 3"]),
    ("slowstart 10.1.0.11:8001 60", &["10.1.0.11:8001:tcp: slow start 60 s, was 0 s"]),
    ("timeout syn 5", &["in general: timeout syn 5 s, was 60 s"]),
    (
        "timeout half-closed 5 192.0.2.100:80",
        &["192.0.2.100:80:tcp: timeout half-closed 5 s, was as in general"],
    ),
    ("no timeout syn", &[]),
    ("synguard 192.0.2.100:80 5", &["192.0.2.100:80:tcp: half-open connections 5, was any number"]),
    ("no replicate 192.0.2.100:80", &["192.0.2.100:80:tcp: replicate no, was yes"]),
    ("replicate 192.0.2.100:80", &[]),
    ("without-connection reset", &["in general: TCP segments of no connection reset, was drop"]),
    ("hash-seed 7", &["in general: hash seed 7, was 0"]),
    ("group web --hold 5", &["group web: new"]),
    (
        "no real 10.1.0.12:8001",
        &["10.1.0.12:8001:tcp: removed", "192.0.2.100:80:tcp: no longer served by 10.1.0.12:8001:tcp"],
    ),
    (
        "no virtual 192.0.2.100:80:1",
        &[
            "192.0.2.100:80:1:tcp: removed",
            "192.0.2.100:80:1:tcp: no longer served by 10.1.0.11:8001:tcp",
            "192.0.2.100:80:1:tcp: its clients are no longer assigned: 1",
        ],
    ),
    (
        "no virtual 192.0.2.100:443",
        &["192.0.2.100:443:tcp: removed", "buddies shop: no longer 192.0.2.100:443:tcp"],
    ),
];

#[test]
fn each_command_tells_what_is_different() {
    for (line, expected) in MEANINGS {
        let found = after(&shop(), line).unwrap();
        assert_eq!(found.differences, *expected, "{line}");
        assert_eq!(found.draft == shop(), expected.is_empty(), "{line}");
        assert_eq!(found.configuration, found.draft.build().unwrap());
    }
}

#[test]
fn each_setting_is_undone() {
    for (line, undo) in [
        ("predictor 192.0.2.100:80 fastest", "no predictor 192.0.2.100:80"),
        ("weight 10.1.0.11:8001 5", "no weight 10.1.0.11:8001"),
        ("maxconns 10.1.0.11:8001 5", "no maxconns 10.1.0.11:8001"),
        ("maxconns 192.0.2.100:80 5", "no maxconns 192.0.2.100:80"),
        ("sticky 192.0.2.100:80:1 5", "no sticky 192.0.2.100:80:1"),
        ("backup 192.0.2.100:80 10.1.0.19:8001 busy", "no backup 192.0.2.100:80"),
        ("backup 10.1.0.12:8001 10.1.0.19:8001", "no backup 10.1.0.12:8001"),
        ("refuse 192.0.2.100:443 reset", "no refuse 192.0.2.100:443"),
        ("threshold 10.1.0.11:8001 3 --ignore-resets", "no threshold 10.1.0.11:8001"),
        ("retry 10.1.0.11:8001 0", "no retry 10.1.0.11:8001"),
        ("resends 192.0.2.100:80 0", "no resends 192.0.2.100:80"),
        ("slowstart 10.1.0.11:8001 60", "no slowstart 10.1.0.11:8001"),
        ("timeout syn 5", "no timeout syn"),
        ("timeout udp 5 192.0.2.100:80", "no timeout udp 192.0.2.100:80"),
        ("synguard 192.0.2.100:80 5", "no synguard 192.0.2.100:80"),
        ("no replicate 192.0.2.100:80", "replicate 192.0.2.100:80"),
        ("out-of-service 10.1.0.11:8001", "no out-of-service 10.1.0.11:8001"),
        ("without-connection admit", "no without-connection"),
        ("hash-seed 7", "no hash-seed"),
        ("group web --primary b", "no group web"),
        ("virtual 192.0.2.101", "no virtual 192.0.2.101"),
        ("real 10.1.0.13", "no real 10.1.0.13"),
        ("bind 192.0.2.100:80 10.1.0.19:8001", "no bind 192.0.2.100:80 10.1.0.19:8001"),
        ("assign 192.0.2.100:80:1 203.0.113.7", "no assign 192.0.2.100:80:1 203.0.113.7"),
    ] {
        let done = after(&shop(), line).unwrap();
        assert!(!done.differences.is_empty() && done.draft != shop(), "{line}");
        let undone = after(&done.draft, undo).unwrap();
        assert!(!undone.differences.is_empty(), "{undo}");
        assert_eq!(undone.draft, shop(), "{undo}");
    }
}

#[test]
fn values_reach_the_draft() {
    let lines = "
        predictor 192.0.2.100:80 source-hash
        sticky 192.0.2.100:80:1 5 --ipv4-prefix 24 --ipv6-prefix 56
        refuse 192.0.2.100:443 reset
        without-connection admit
        timeout closed 7
        timeout udp 8 192.0.2.100:80
        group web --primary b --strategy automatic --compare count --hold 5 --load-margin 20 --advertise \
            --shared inside=10.1.0.254/24 --shared inside=fe80::1/64 --mac outside=02:00:5e:10:00:01 \
            --shared outside=192.0.2.9/24
        virtual 192.0.2.100:80 --group web";
    let draft = after(&shop(), lines).unwrap().draft;
    let [general, own, .., secure] = &draft.virtual_servers[..] else { panic!("servers") };
    assert_eq!((general.predictor, general.group.as_deref()), (Predictor::SourceHash, Some("web")));
    assert_eq!(own.sticky, Some(StickyDraft { minutes: 5, ipv4_prefix: 24, ipv6_prefix: 56 }));
    assert_eq!((own.backup.as_deref(), own.backup_when), (Some("192.0.2.100:80:tcp"), BackupWhen::Busy));
    assert_eq!(secure.refuse, Some(Refusal::Reset));
    assert_eq!(draft.tcp_without_connection, TcpWithoutConnection::Admit);
    assert_eq!((draft.timeouts.tcp_closed_s, general.timeouts.udp_s), (7, Some(8)));
    let group = &draft.groups[0];
    assert_eq!((group.hold_s, group.load_margin_percent, group.advertise), (5, Some(20), true));
    let shared: Vec<_> =
        group.shared_addresses.iter().map(|(port, all)| (port.as_str(), all.len())).collect();
    assert_eq!((shared, group.macs.len()), (vec![("inside", 2), ("outside", 1)], 1));
}

#[test]
fn names_stay_as_they_were_written() {
    let mut draft = ConfigurationDraft::default()
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .real_server("10.1.0.11")
        .real_server("10.1.0.12");
    for change in changes("bind 192.0.2.100:80:tcp 10.1.0.11:0\nbackup 10.1.0.11:0:tcp 10.1.0.12") {
        apply(&mut draft, &change).unwrap();
    }
    let by_hand = ConfigurationDraft::default()
        .virtual_server("192.0.2.100:80", Predictor::RoundRobin)
        .real_server("10.1.0.11")
        .real_server("10.1.0.12")
        .bind("192.0.2.100:80", &["10.1.0.11"]);
    let mut by_hand = by_hand;
    by_hand.real_servers[0].backup = Some("10.1.0.12".to_owned());
    assert_eq!(draft, by_hand);
}

#[test]
fn buddies_of_whom_none_is_left_are_gone() {
    let lines = "no virtual 192.0.2.100:443\nno backup 192.0.2.100:80:1\nno virtual 192.0.2.100:80";
    assert_eq!(after(&shop(), lines).unwrap().draft.buddies, []);
}

/// As many commands as a batch may have: none of them walks through all.
#[test]
fn a_hundred_thousand_clients_are_assigned_one_by_one_and_taken_back() {
    let instance = |client: u32| match client % 2 {
        0 => "192.0.2.100:80:1".parse().unwrap(),
        _ => "192.0.2.100:80:9".parse().unwrap(),
    };
    let clients = |client: u32| Clients(vec![IpAddr::from((0x0b00_0000 + client).to_be_bytes()).into()]);
    let assign = |client| Change::Assign { server: instance(client), clients: clients(client) };
    let assigns: Vec<Change> = (0..100_000).map(assign).collect();
    let all = transact(&shop(), &assigns, &unit()).unwrap();
    assert_eq!((all.configuration.assignments().len(), all.differences.len()), (100_001, 100_000));
    let one = after(&all.draft, "assign 192.0.2.100:80:9 11.0.0.0").unwrap();
    assert_eq!(
        one.differences,
        ["192.0.2.100:80:9:tcp: takes over the clients 11.0.0.0/32 from 192.0.2.100:80:1:tcp"]
    );
    let take_back = |client| {
        let undo = Undo::Assign { server: instance(client), clients: clients(client) };
        Change::No { undo }
    };
    let taken_back: Vec<Change> = (0..100_000).map(take_back).collect();
    assert_eq!(transact(&all.draft, &taken_back, &unit()).unwrap().draft, shop());
}
