//! Records: golden bytes, and what is refused.

use super::*;
use model::Endpoint;
use proptest::prelude::*;

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(socket.ip(), socket.port())
}

fn ends(real: &str, client: &str, server: &str) -> ConnectionEnds {
    ConnectionEnds {
        protocol: Protocol::Tcp,
        client: end(client),
        virtual_server: end(server),
        real_server: end(real),
        translated_port: end(client).port,
    }
}

fn v4() -> ConnectionRecord {
    let ends = ends("10.0.0.2:8080", "198.51.100.7:40000", "192.0.2.1:80");
    ConnectionRecord { ends, phase: Phase::ClientClosed, bind_id: 3, group: 1, buddy: None }
}

fn v6() -> ConnectionRecord {
    let ends = ends("[2001:db8::2]:8080", "[2001:db8::7]:40000", "[2001:db8::1]:80");
    ConnectionRecord { ends, phase: Phase::Open, bind_id: 0, group: 0, buddy: None }
}

fn created(record: &ConnectionRecord, version: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_create(&mut bytes, record, version).unwrap();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const V4_ENDS: &str = "0a0000021f90c63364079c40c00002010050";
const V6_ENDS: &str = "20010db80000000000000000000000021f9020010db80000000000000000000000079c40\
                       20010db80000000000000000000000010050";

#[test]
fn a_create_is_26_bytes() {
    let bytes = created(&v4(), 2);
    assert_eq!(hex(&bytes), format!("031a0601{}{V4_ENDS}", "00030001"));
    assert_eq!((bytes.len(), read(&bytes, 2)), (26, Ok(Update::Create(v4()))));
}

#[test]
fn the_version_before_is_the_bare_packet_of_the_seed() {
    let record = ConnectionRecord { bind_id: 0, group: 0, ..v4() };
    let bytes = created(&record, 1);
    assert_eq!(hex(&bytes), format!("03160601{V4_ENDS}"));
    assert_eq!(read(&bytes, 1), Ok(Update::Create(record.clone())));
    assert_eq!(write_create(&mut Vec::new(), &v4(), 1), Err(Untellable));
}

#[test]
fn ipv6_has_its_flag() {
    assert_eq!(hex(&created(&v6(), 2)), format!("133e060000000000{V6_ENDS}"));
    assert_eq!(read(&created(&v6(), 2), 2), Ok(Update::Create(v6())));
}

#[test]
fn a_delete_has_the_reverse_flags() {
    let mut bytes = Vec::new();
    write_delete(&mut bytes, &v4().ends, 2).unwrap();
    assert_eq!(hex(&bytes), format!("041a060000000000{V4_ENDS}"));
    assert_eq!(read(&bytes, 2), Ok(Update::Delete(v4().ends)));
}

#[test]
fn a_translated_port_and_a_buddy_are_extensions() {
    let mut record = v4();
    record.ends.translated_port = 1_025;
    let mut buddy = ends("10.0.0.2:20", "198.51.100.7:40001", "192.0.2.1:20");
    buddy.protocol = Protocol::Udp;
    record.buddy = Some(Box::new(buddy));
    let bytes = created(&record, 2);
    let expected =
        format!("0b31060100030001{V4_ENDS}01020401{}{}", "0211119c419c41", "0a0000020014c00002010014");
    assert_eq!(hex(&bytes), expected);
    assert_eq!(read(&bytes, 2), Ok(Update::Create(record.clone())));
}

#[test]
fn ends_of_two_families_are_not_told() {
    let mut record = v4();
    record.ends.real_server = v6().ends.real_server;
    assert_eq!(write_create(&mut Vec::new(), &record, 2), Err(Untellable));
}

/// Every combination of flags: seed 001, figure 5, has two that are possible.
#[test]
fn every_other_combination_of_flags_is_refused() {
    for flags in 0..128_u8 {
        let mut bytes = created(&if flags & IPV6 == 0 { v4() } else { v6() }, 2);
        if flags & BUDDY != 0 {
            let record = if flags & IPV6 == 0 { v4() } else { v6() };
            bytes = created(&ConnectionRecord { buddy: Some(Box::new(record.ends)), ..record }, 2);
        }
        bytes[0] = flags;
        let is_create = [3, 3 | 8].contains(&(flags & !IPV6));
        let is_delete = flags & !IPV6 == 4;
        match read(&bytes, 2) {
            Ok(Update::Create(_)) => assert!(is_create, "{flags:#b}"),
            Ok(Update::Delete(_)) => assert!(is_delete, "{flags:#b}"),
            Ok(other) => panic!("{other:?}"),
            Err(reason) => {
                assert_eq!(reason, Rejection::RecordFlags, "{flags:#b}");
                assert!(!is_create && !is_delete, "{flags:#b}");
            }
        }
    }
}

#[test]
fn other_bytes_are_refused() {
    let with = |change: fn(&mut Vec<u8>)| {
        let mut bytes = created(&v4(), 2);
        change(&mut bytes);
        read(&bytes, 2).map(|_| ())
    };
    for (change, expected) in [
        ((|bytes| bytes[2] = 1) as fn(&mut Vec<u8>), Err(Rejection::RecordProtocol)),
        (|bytes| bytes[3] = 5, Err(Rejection::RecordPhase)),
        (|bytes| bytes.truncate(25), Err(Rejection::RecordSize)),
        (|bytes| bytes.truncate(2), Err(Rejection::RecordSize)),
        (|bytes| bytes.push(1), Err(Rejection::RecordSize)),
        (|bytes| bytes.extend([1, 3, 0, 0, 0]), Err(Rejection::RecordSize)),
        (|bytes| bytes.extend([1, 3, 0, 0]), Err(Rejection::RecordSize)),
        // A sequence adjustment must not be ignored.
        (|bytes| bytes.extend([3, 8, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Rejection::RecordExtension)),
        // A sticky entry may.
        (|bytes| bytes.extend([128, 4, 0, 0, 0, 60]), Ok(())),
        // A buddy that no flag announced, and one that does not come.
        (|bytes| bytes.extend([&[2, 17, 6][..], &[0; 16]].concat()), Err(Rejection::RecordFlags)),
        (|bytes| bytes[0] |= BUDDY, Err(Rejection::RecordFlags)),
        (|bytes| bytes[0] |= IPV6, Err(Rejection::RecordSize)),
    ] {
        assert_eq!(with(change), expected);
    }
}

fn any_ends(is_v6: bool) -> impl Strategy<Value = ConnectionEnds> {
    let address = move |bytes: u128| match is_v6 {
        true => IpAddr::V6(Ipv6Addr::from(bytes)),
        false => IpAddr::V4(Ipv4Addr::from(u32::try_from(bytes >> 96).unwrap())),
    };
    let end =
        move || (any::<u128>(), any::<u16>()).prop_map(move |(at, port)| Endpoint::new(address(at), port));
    (any::<bool>(), end(), end(), end(), any::<u16>(), any::<bool>()).prop_map(
        |(is_tcp, client, virtual_server, real_server, port, is_translated)| ConnectionEnds {
            protocol: if is_tcp { Protocol::Tcp } else { Protocol::Udp },
            client,
            virtual_server,
            real_server,
            translated_port: if is_translated { port } else { client.port },
        },
    )
}

fn any_record() -> impl Strategy<Value = ConnectionRecord> {
    any::<bool>().prop_flat_map(|is_v6| {
        let buddy = proptest::option::of(any_ends(is_v6));
        (any_ends(is_v6), buddy, 0..5_u8, any::<u16>(), any::<u16>()).prop_map(
            |(ends, buddy, phase, bind_id, group)| {
                let mut buddy = buddy;
                if let Some(buddy) = &mut buddy {
                    buddy.client.address = ends.client.address;
                }
                ConnectionRecord {
                    ends,
                    phase: Phase::from_wire(phase).unwrap(),
                    bind_id,
                    group,
                    buddy: buddy.map(Box::new),
                }
            },
        )
    })
}

proptest! {
    #[test]
    fn records_are_read_back(record in any_record()) {
        prop_assert_eq!(read(&created(&record, 2), 2), Ok(Update::Create(record.clone())));
        let mut bytes = Vec::new();
        write_delete(&mut bytes, &record.ends, 2).unwrap();
        prop_assert_eq!(read(&bytes, 2), Ok(Update::Delete(record.ends)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = (read(&bytes, 1), read(&bytes, 2));
    }
}
