//! A port's life and what it refuses, with the word that says what would be right.

use dpdk::{EalError, Link, Port, PortConfiguration, PortError, Steering, SteeringError, SteeringField};
use model::MacAddress;

use crate::common::{DATA_ROOM, ONE_QUEUE, eal, open, pool, start};

#[test]
fn a_second_start_of_eal_is_refused() {
    assert!(eal().version().starts_with("DPDK 2"));
    let error = dpdk::Eal::start(&["test".to_owned()]).unwrap_err();
    assert!(matches!(error, EalError::AlreadyStarted));
    assert!(error.to_string().contains("new process"));
}

#[test]
fn unknown_and_doubly_opened_devices_are_refused() {
    let port = open("net_null", "");
    let error = Port::find(eal(), "net_nothing").unwrap_err();
    assert!(matches!(&error, PortError::NotFound { known, .. } if known.contains(&port.name().to_owned())));
    assert!(matches!(Port::find(eal(), port.name()), Err(PortError::AlreadyOpen(_))));
    assert!(matches!(eal().probe("net_nothing0"), Err(EalError::Probe { .. })));
    assert!(matches!(eal().probe(port.name()), Err(EalError::Known(_))));
    port.close().unwrap();
    assert!(matches!(eal().probe(port.name()), Err(EalError::Known(_))), "closed, not removed");
    assert!(matches!(eal().probe("net_null\0"), Err(EalError::NulByte(_))));
}

#[test]
fn a_port_lives_from_probe_to_removal_and_again() {
    let pool = pool(255, DATA_ROOM);
    eal().probe("net_null_life").unwrap();
    for _ in 0..2 {
        assert!(eal().devices().contains(&"net_null_life".to_owned()));
        let port = Port::find(eal(), "net_null_life").unwrap();
        assert!(matches!(port.start(), Err(PortError::NotConfigured(_))));
        let queues = start(&port, &pool);
        assert!(matches!(port.start(), Err(PortError::Started(_))));
        assert!(matches!(port.configure(ONE_QUEUE, &pool), Err(PortError::Started(_))));

        assert!(matches!(port.stop(), Err(PortError::QueuesInUse { queues: 2, .. })));
        assert!(matches!(port.close(), Err(PortError::QueuesInUse { queues: 2, .. })));
        assert!(matches!(eal().remove("net_null_life"), Err(EalError::DeviceInUse(_))));
        drop(queues);
        port.stop().unwrap();
        port.stop().unwrap();

        let queues = start(&port, &pool);
        drop(port);
        let in_use = eal().remove("net_null_life");
        assert!(matches!(in_use, Err(EalError::DeviceInUse(_))), "queues keep their port open");
        drop(queues);
        assert!(!eal().devices().contains(&"net_null_life".to_owned()));
        eal().remove("net_null_life").unwrap();
        assert!(matches!(eal().remove("net_null_life"), Err(EalError::Remove { .. })));
        eal().probe("net_null_life").unwrap();
    }
}

#[test]
fn a_closed_port_remembers_and_does_nothing() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_null", "");
    let (mut receive, transmit) = start(&port, &pool);
    receive.receive(&mut dpdk::Burst::<32>::new(), 32);
    let (mac, mtu) = (port.mac(), port.mtu());
    drop((receive, transmit));
    port.close().unwrap();
    port.close().unwrap();
    assert_eq!((port.mac(), port.mtu(), port.link()), (mac, mtu, Link::default()));
    assert_eq!(port.statistics().received_packets, 32);
    assert!(matches!(port.start(), Err(PortError::Closed(_))));
    assert!(matches!(port.configure(ONE_QUEUE, &pool), Err(PortError::Closed(_))));
    assert!(matches!(port.set_promiscuous(true), Err(PortError::Closed(_))));
    eal().remove(port.name()).unwrap();
}

#[test]
fn addresses_link_and_mode_are_read_and_changed() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_null", "");
    let _queues = start(&port, &pool);
    let mac: MacAddress = "02:00:00:00:00:17".parse().unwrap();
    port.set_mac(mac).unwrap();
    assert_eq!(port.mac(), mac);
    assert!(matches!(port.set_mac(MacAddress::BROADCAST), Err(PortError::Driver { .. })));
    // This driver has one address; one that has more takes it, and refuses a group's as well.
    assert!(matches!(port.add_mac(mac), Err(PortError::Driver { .. })));
    assert!(port.link().up);
    assert!(port.link().full_duplex);
    assert_eq!(port.mtu(), 1_500);
    port.set_promiscuous(true).unwrap();
    port.set_promiscuous(false).unwrap();
    assert_eq!(port.capabilities().driver, "net_null");
}

#[test]
fn what_a_port_does_not_have_is_refused_with_its_limit() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_null", "");
    let limit = port.capabilities().max_receive_queues;
    for asked in [0, limit + 1] {
        let configuration = PortConfiguration { receive_queues: asked, ..ONE_QUEUE };
        let error = port.configure(configuration, &pool).unwrap_err();
        assert!(matches!(error, PortError::Queues { limit: said, .. } if said == limit));
        assert!(error.to_string().contains(&format!("1 to {limit}")), "{error}");
    }
    let configuration = PortConfiguration { mtu: port.capabilities().min_mtu - 1, ..ONE_QUEUE };
    assert!(matches!(port.configure(configuration, &pool), Err(PortError::Mtu { .. })));
    port.configure(ONE_QUEUE, &pool).unwrap();
}

#[test]
fn frames_larger_than_a_buffer_need_a_port_that_scatters() {
    let port = open("net_null", "");
    let small = pool(15, 1_024);
    let error = port.configure(ONE_QUEUE, &small).unwrap_err();
    assert!(
        matches!(error, PortError::FrameTooLarge { mtu: 1_500, room: 896, needed: 1_650, .. }),
        "{error}"
    );
    let exact = pool(15, 1_650);
    port.configure(ONE_QUEUE, &exact).unwrap();
}

#[test]
fn a_port_without_the_hash_is_refused_steering() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_null", "");
    assert!(!port.can_steer());
    let steering = Some(Steering { field: SteeringField::Source, queues: 2 });
    let configuration = PortConfiguration { receive_queues: 2, steering, ..ONE_QUEUE };
    let error = port.configure(configuration, &pool).unwrap_err();
    assert!(matches!(error, PortError::Steering { source: SteeringError::NoAddressHash, .. }), "{error}");
}

#[test]
fn several_queues_need_no_steering() {
    let pool = pool(1_023, DATA_ROOM);
    let port = open("net_null", "");
    let configuration = PortConfiguration { receive_queues: 4, transmit_queues: 3, ..ONE_QUEUE };
    let (receive, transmit) = port.configure(configuration, &pool).unwrap();
    port.start().unwrap();
    assert_eq!(receive.iter().map(dpdk::ReceiveQueue::index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(transmit.iter().map(dpdk::TransmitQueue::index).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn the_clock_advances() {
    eal();
    assert!(dpdk::clock::cycles_per_second() > 1_000_000);
    let before = dpdk::clock::cycles();
    assert!(dpdk::clock::cycles() > before);
}
