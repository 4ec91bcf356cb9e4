//! Documents that are right, and what they mean.

use std::path::Path;
use std::time::Duration;

use director::{PortRole, Predictor, TcpWithoutConnection, Unmatched};
use model::UnitState;

use super::{DIRECTOR, Source, UNIT, changed, read, read_texts};
use crate::configuration::{Cores, Hugepages, Idle, PortDevice, SyncMode};

#[test]
fn every_key_is_understood() {
    let unit = r#"{
      "name": "a-1",
      "ports": [
        { "name": "outside", "role": "outside", "vdev": "net_tap0,iface=tap-out", "mac": "02:00:5E:00:01:01",
          "addresses": ["198.51.100.1/24", "2001:db8:1::1/64"], "mtu": 9000, "unmatched": "drop", "twin": "twin-out" },
        { "name": "inside", "role": "inside", "device": "0000:0A:00.1", "unmatched": "bridge" }
      ],
      "cores": { "control": 3, "workers": [4, 4, 5], "replication": 6 },
      "role": "standby",
      "replication": {
        "key_file": "pair.key",
        "paths": [
          { "local": "10.9.0.2:7400", "peer": "10.9.0.1:7400" },
          { "local": "[fd00:9::2]:7400", "peer": "[fd00:9::1]:7401" }
        ],
        "flush_us": 0, "mtu": 9000, "digest_interval_ms": 100, "standby_timeout_s": 0, "sync": "observe"
      },
      "idle": "sleep",
      "hugepages": "require",
      "memory_mib": 2048,
      "additional_buffers": 16777216,
      "connections": 64000000,
      "socket": "/tmp/a.sock"
    }"#;
    let unit = read_texts(unit, DIRECTOR).unwrap().unit;
    assert_eq!(unit.name(), "a-1");
    assert_eq!(unit.cores(), &Cores { control: 3, workers: vec![4, 4, 5], replication: 6 });
    assert_eq!(unit.state(), UnitState::Standby);
    let replication = unit.replication().unwrap();
    assert_eq!(replication.key_file(), Path::new("pair.key"));
    let ends: Vec<_> =
        replication.paths().iter().map(|path| format!("{} {}", path.local, path.peer)).collect();
    assert_eq!(ends, ["10.9.0.2:7400 10.9.0.1:7400", "[fd00:9::2]:7400 [fd00:9::1]:7401"]);
    assert_eq!((replication.flush(), replication.mtu()), (Duration::ZERO, 9_000));
    assert_eq!(replication.digest_interval(), Duration::from_millis(100));
    assert_eq!(replication.standby_timeout(), None);
    assert_eq!((replication.sync(), unit.observes()), (SyncMode::Observe, true));
    assert_eq!(unit.idle(), Some(Idle::Sleep));
    assert_eq!(unit.hugepages(), Hugepages::Require);
    assert_eq!(unit.memory_mib(), Some(2_048));
    assert_eq!(unit.additional_buffers(), 16_777_216);
    assert_eq!(unit.connections(), 64_000_000);
    assert_eq!(unit.socket(), Path::new("/tmp/a.sock"));
    let [outside, inside] = unit.ports() else { panic!("two ports") };
    assert_eq!((outside.name(), outside.role()), ("outside", PortRole::Outside));
    assert_eq!(outside.device(), &PortDevice::Vdev("net_tap0,iface=tap-out".to_owned()));
    assert_eq!(outside.mac().unwrap().to_string(), "02:00:5e:00:01:01");
    let addresses: Vec<_> = outside.addresses().iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["198.51.100.1/24", "2001:db8:1::1/64"]);
    assert_eq!((outside.mtu(), outside.unmatched(), outside.twin()), (9_000, Unmatched::Drop, "twin-out"));
    assert_eq!(inside.device(), &PortDevice::Pci("0000:0a:00.1".to_owned()));
    assert_eq!((inside.role(), inside.unmatched()), (PortRole::Inside, Unmatched::Bridge));
}

#[test]
fn what_a_unit_does_not_say_has_a_default() {
    let unit = read_texts(UNIT, DIRECTOR).unwrap().unit;
    assert_eq!(unit.cores(), &Cores { control: 0, workers: vec![1], replication: 0 });
    assert_eq!(unit.idle(), None);
    assert_eq!(unit.hugepages(), Hugepages::Auto);
    assert_eq!(unit.memory_mib(), None);
    assert_eq!(unit.additional_buffers(), 0);
    assert_eq!((unit.state(), unit.replication()), (UnitState::Active, None));
    assert_eq!(unit.connections(), 1_000_000);
    assert_eq!(unit.socket(), Path::new("/run/understudy/a.sock"));
    let port = &unit.ports()[0];
    assert_eq!(port.device(), &PortDevice::Interface("eth1".to_owned()));
    assert_eq!(port.mac(), None);
    assert_eq!((port.mtu(), port.unmatched(), port.twin()), (1_500, Unmatched::Kernel, "outside"));
}

#[test]
fn what_a_pair_does_not_say_has_a_default() {
    let paths = r#"[{ "local": "10.9.0.1:7400", "peer": "10.9.0.2:7400" }]"#;
    let replication =
        format!(r#""name": "a", "role": "active", "replication": {{ "key_file": "/k", "paths": {paths} }},"#);
    let unit = read_texts(&changed(UNIT, r#""name": "a","#, &replication), DIRECTOR).unwrap().unit;
    let replication = unit.replication().unwrap();
    assert_eq!(unit.state(), UnitState::Active);
    assert_eq!((replication.flush(), replication.mtu()), (Duration::from_millis(1), 1_500));
    assert_eq!(replication.digest_interval(), Duration::from_secs(1));
    assert_eq!(replication.standby_timeout(), Some(Duration::from_secs(86_400)));
    assert_eq!((replication.sync(), unit.observes()), (SyncMode::Records, false));
}

#[test]
fn a_machine_with_one_cpu_has_its_worker_there() {
    let source = |file, text| Source { file: Path::new(file), text };
    let unit = read(source("unit.json", UNIT), source("director.json", DIRECTOR), 1).unwrap().unit;
    assert_eq!(unit.cores(), &Cores { control: 0, workers: vec![0], replication: 0 });
}

#[test]
fn cores_may_say_one_thing_only() {
    let unit = changed(UNIT, r#""name": "a","#, r#""name": "a", "cores": { "control": 2 },"#);
    assert_eq!(
        read_texts(&unit, DIRECTOR).unwrap().unit.cores(),
        &Cores { control: 2, workers: vec![1], replication: 2 }
    );
    let unit = changed(UNIT, r#""name": "a","#, r#""name": "a", "cores": { "workers": [7] },"#);
    assert_eq!(
        read_texts(&unit, DIRECTOR).unwrap().unit.cores(),
        &Cores { control: 0, workers: vec![7], replication: 0 }
    );
}

#[test]
fn addresses_of_a_host_are_fine() {
    for address in
        ["10.0.0.0/31", "10.0.0.1/31", "10.0.0.255/32", "2001:db8::/127", "2001:db8::1/128", "fe80::1/64"]
    {
        let unit = changed(UNIT, "198.51.100.1/24", address);
        assert_eq!(read_texts(&unit, DIRECTOR).unwrap().unit.ports()[0].addresses()[0].to_string(), address);
    }
    // Each link has its own link-local addresses.
    let unit = changed(UNIT, "198.51.100.1/24", "fe80::1/64");
    let unit = changed(&unit, "10.1.0.1/24", "fe80::1/64");
    assert!(read_texts(&unit, DIRECTOR).is_ok());
}

#[test]
fn what_is_balanced_is_understood() {
    let director = r#"{
      "virtual_servers": [
        { "virtual": "192.0.2.100:80", "predictor": "weighted-roundrobin", "in_service": false },
        { "virtual": "[2001:db8:100::100]:53:udp", "predictor": "roundrobin" },
        { "virtual": "192.0.2.101", "predictor": "weighted-leastconns", "replicate": false },
        { "virtual": "192.0.2.102:443", "predictor": "leastconns" },
        { "virtual": "192.0.2.103:443" }
      ],
      "real_servers": [
        { "real": "10.1.0.11:8080", "weight": 1000, "in_service": true },
        { "real": "10.1.0.12:8080", "in_service": false },
        { "real": "[2001:db8:1::11]:53:udp" },
        { "real": "10.1.0.13" }
      ],
      "bindings": [
        { "virtual": "[2001:db8:100::100]:53:udp", "real": ["[2001:db8:1::11]:53:udp"] },
        { "virtual": "192.0.2.100:80", "real": ["10.1.0.11:8080", "10.1.0.12:8080"] },
        { "virtual": "192.0.2.101", "real": ["10.1.0.13"] },
        { "virtual": "192.0.2.100:80:tcp", "real": ["10.1.0.13"] }
      ],
      "timeouts": { "tcp_syn_s": 1, "tcp_established_s": 2, "tcp_half_closed_s": 3, "tcp_closed_s": 4,
                    "tcp_reset_s": 5, "udp_s": 6 },
      "tcp_without_connection": "reset"
    }"#;
    let director = read_texts(UNIT, director).unwrap().director;
    let predictors: Vec<_> =
        director.virtual_servers().iter().map(director::VirtualServer::predictor).collect();
    assert_eq!(
        predictors,
        [
            Predictor::WeightedRoundRobin,
            Predictor::RoundRobin,
            Predictor::WeightedLeastConnections,
            Predictor::LeastConnections,
            Predictor::LeastConnections,
        ]
    );
    assert!(!director.virtual_servers()[0].is_in_service());
    assert!(director.virtual_servers()[1].is_in_service());
    let replicate: Vec<_> =
        director.virtual_servers().iter().map(director::VirtualServer::replicate).collect();
    assert_eq!(replicate, [true, true, false, true, true]);
    let reals: Vec<_> =
        director.real_servers().iter().map(|real| (real.weight(), real.is_in_service())).collect();
    assert_eq!(reals, [(1_000, true), (1, false), (1, true), (1, true)]);
    let bindings: Vec<_> =
        director.bindings().iter().map(|each| (each.virtual_server(), each.real_server())).collect();
    assert_eq!(bindings, [(0, 0), (0, 1), (0, 3), (1, 2), (2, 3)]);
    let timeouts = director.timeouts();
    let seconds = [
        timeouts.tcp_syn(),
        timeouts.tcp_established(),
        timeouts.tcp_half_closed(),
        timeouts.tcp_closed(),
        timeouts.tcp_reset(),
        timeouts.udp(),
    ];
    assert_eq!(seconds, [1, 2, 3, 4, 5, 6].map(Duration::from_secs));
    assert_eq!(director.tcp_without_connection(), TcpWithoutConnection::Reset);
}

#[test]
fn nothing_may_be_balanced() {
    assert_eq!(read_texts(UNIT, DIRECTOR).unwrap().director, director::Configuration::default());
}

#[test]
fn one_timeout_may_be_said() {
    let director = read_texts(UNIT, r#"{ "timeouts": { "udp_s": 30 } }"#).unwrap().director;
    assert_eq!(director.timeouts().udp(), Duration::from_secs(30));
    assert_eq!(director.timeouts().tcp_syn(), Duration::from_secs(60));
}
