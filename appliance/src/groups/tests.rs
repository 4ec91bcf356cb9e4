//! Two groups on a unit of two ports, and which frame is for which.

use director::{Port, PortIndex, Unmatched};
use packet::{TcpFlags, Tuple, build};
use replication::PairKey;

use super::*;
use crate::configuration::Loaded;

pub(crate) const OUTSIDE: PortIndex = PortIndex(0);
pub(crate) const INSIDE: PortIndex = PortIndex(1);
pub(crate) const UNIT_OUTSIDE: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
pub(crate) const UNIT_INSIDE: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);
/// By group.
pub(crate) const GROUP_OUTSIDE: [MacAddress; 2] =
    [MacAddress([2, 0, 0, 0, 1, 1]), MacAddress([2, 0, 0, 0, 2, 1])];
pub(crate) const GROUP_INSIDE: [MacAddress; 2] =
    [MacAddress([2, 0, 0, 0, 1, 2]), MacAddress([2, 0, 0, 0, 2, 2])];

const UNIT: &str = r#"{
  "name": "a",
  "ports": [
    { "name": "outside", "role": "outside", "interface": "eth1", "addresses": ["198.51.100.1/24"] },
    { "name": "inside", "role": "inside", "interface": "eth2", "addresses": ["10.1.0.1/24", "2001:db8:2::1/64"] }
  ]
}"#;

const DIRECTOR: &str = r#"{
  "groups": [
    { "name": "web", "shared_addresses": { "inside": ["10.1.0.254/24", "fe80::254/64"] },
      "mac": { "outside": "02:00:00:00:01:01", "inside": "02:00:00:00:01:02" } },
    { "name": "dns", "shared_addresses": { "inside": ["10.1.0.253/24"] }, "advertise": true,
      "mac": { "outside": "02:00:00:00:02:01", "inside": "02:00:00:00:02:02" } }
  ],
  "virtual_servers": [
    { "virtual": "192.0.2.100:80" },
    { "virtual": "192.0.2.101:53:udp", "group": "dns" },
    { "virtual": "[2001:db8:100::101]:53:udp", "group": "dns" }
  ],
  "real_servers": [{ "real": "10.1.0.11:80" }, { "real": "10.1.0.12:53:udp" }],
  "bindings": [
    { "virtual": "192.0.2.100:80", "real": ["10.1.0.11:80"] },
    { "virtual": "192.0.2.101:53:udp", "real": ["10.1.0.12:53:udp"] }
  ]
}"#;

fn configuration() -> Loaded {
    crate::configuration::read_for_tests(UNIT, DIRECTOR)
}

fn groups(key: Option<&PairKey>) -> Groups {
    let Loaded { unit, director, .. } = configuration();
    let macs = group_macs(&unit, &director, key);
    Groups::new(&unit, &director, vec![UNIT_OUTSIDE, UNIT_INSIDE], &macs)
}

pub(crate) fn two_groups() -> Groups {
    groups(Some(&PairKey::new([7; 32])))
}

pub(crate) fn ports() -> Vec<Port> {
    let macs = [UNIT_OUTSIDE, UNIT_INSIDE];
    let port = |(port, mac): (&crate::configuration::PortConfiguration, MacAddress)| Port {
        mac,
        unit_mac: mac,
        role: port.role(),
        unmatched: Unmatched::Kernel,
        mtu: 1_500,
        addresses: port.addresses().iter().map(IpNet::addr).collect(),
        shared_addresses: Vec::new(),
        bridge_to: None,
    };
    configuration().unit.ports().iter().zip(macs).map(port).collect()
}

#[test]
fn each_group_sees_the_ports_as_its_own() {
    let groups = two_groups();
    for group in 0..2 {
        let [outside, inside] = groups.ports_of(group, &ports()).try_into().unwrap();
        assert_eq!((outside.mac, inside.mac), (GROUP_OUTSIDE[group], GROUP_INSIDE[group]));
        assert_eq!((outside.unit_mac, inside.unit_mac), (UNIT_OUTSIDE, UNIT_INSIDE));
        assert!(outside.shared_addresses.is_empty());
        assert_eq!(inside.shared_addresses[0].to_string(), ["10.1.0.254", "10.1.0.253"][group]);
    }
}

#[test]
fn a_unit_without_a_peer_has_one_group_of_everything_with_its_own_addresses() {
    let groups = groups(None);
    let [group] = groups.all() else { panic!("one group") };
    assert_eq!((group.mac(OUTSIDE), group.mac(INSIDE)), (UNIT_OUTSIDE, UNIT_INSIDE));
    assert_eq!((group.virtual_addresses.len(), group.shared_on(INSIDE).len()), (3, 3));
    assert!(group.advertises);
    assert_eq!(groups.with_mac(INSIDE, UNIT_INSIDE), None);
    assert_eq!(groups.ports_of(0, &ports())[1].shared_addresses.len(), 3);
}

#[test]
fn macs_that_nobody_wrote_follow_from_the_key() {
    let shorter = DIRECTOR.replace(", \"inside\": \"02:00:00:00:02:02\"", "");
    let Loaded { unit, director, .. } = crate::configuration::read_for_tests(UNIT, &shorter);
    let key = PairKey::new([7; 32]);
    let macs = group_macs(&unit, &director, Some(&key));
    assert_eq!(macs[0], GROUP_OUTSIDE);
    assert_eq!(macs[1], [GROUP_INSIDE[0], key.group_mac("dns", "inside")]);
}

#[test]
fn frames_go_to_their_group() {
    let groups = two_groups();
    let mac = MacAddress([2, 9, 9, 9, 9, 9]);
    let v4 = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap();
    let arp = |target| build::arp_request(mac, v4("10.1.0.11"), v4(target));
    let tcp = |source_mac, destination_mac, source, destination| {
        let tuple =
            Tuple { source: v4(source), source_port: 1, destination: v4(destination), destination_port: 2 };
        let ends = build::Ends { source_mac, destination_mac, tuple };
        build::tcp(&ends, TcpFlags::SYN, build::TcpNumbers::default(), b"")
    };
    let client = "203.0.113.7";
    let cases = [
        ("to the first", OUTSIDE, tcp(mac, GROUP_OUTSIDE[0], client, "192.0.2.100"), 0),
        ("to the second", OUTSIDE, tcp(mac, GROUP_OUTSIDE[1], client, "192.0.2.101"), 1),
        ("by its MAC address alone", OUTSIDE, tcp(mac, GROUP_OUTSIDE[1], client, "192.0.2.100"), 1),
        ("to the unit", OUTSIDE, tcp(mac, UNIT_OUTSIDE, client, "198.51.100.1"), 0),
        ("by the unit", OUTSIDE, tcp(mac, UNIT_OUTSIDE, client, "192.0.2.101"), 1),
        ("from a server, by the unit", INSIDE, tcp(mac, UNIT_INSIDE, "10.1.0.12", client), 1),
        ("watched", INSIDE, tcp(GROUP_INSIDE[1], mac, client, "10.1.0.12"), 1),
        ("a question for a virtual address", OUTSIDE, arp("192.0.2.101"), 1),
        ("a question for a gateway", INSIDE, arp("10.1.0.253"), 1),
        ("a question for the first's gateway", INSIDE, arp("10.1.0.254"), 0),
        ("a question for the unit", INSIDE, arp("10.1.0.1"), 0),
        (
            "a question by IPv6",
            OUTSIDE,
            build::neighbor_solicitation(
                mac,
                "fe80::9".parse().unwrap(),
                "2001:db8:100::101".parse().unwrap(),
            ),
            1,
        ),
        ("nonsense", OUTSIDE, vec![0xff; 20], 0),
        ("nothing", OUTSIDE, Vec::new(), 0),
    ];
    for (name, port, frame, group) in cases {
        assert_eq!(Sorter(&groups).group_of(port, &frame, frame.len()), group, "{name}");
    }
}
