//! Packets through ports: what goes in comes out, in order, counted, and every buffer goes home.

use dpdk::{Burst, Mbuf};

use crate::common::{DATA_ROOM, ONE_QUEUE, frame, open, pool, start};

/// Drops the port with its queues, and the buffers in its descriptors with them.
macro_rules! assert_all_home {
    ($pool:expr, $($part:expr),+) => {
        $(drop($part);)+
        assert_eq!($pool.in_use(), 0, "buffers did not come back");
    };
}

#[test]
fn a_ring_gives_back_what_it_was_given() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_ring", "");
    let (mut receive, mut transmit) = start(&port, &pool);

    let mut burst: Burst<32> = (0..32).filter_map(|number| pool.copy_from(&frame(number, 60))).collect();
    assert_eq!(transmit.transmit(&mut burst), 32);
    assert!(burst.is_empty());

    assert_eq!(receive.receive(&mut burst, 10), 10, "no more than was asked for");
    assert_eq!(receive.receive(&mut burst, 100), 22, "behind those that are there");
    assert_eq!(receive.receive(&mut burst, 32), 0);
    for (number, mbuf) in (0..).zip(&burst) {
        assert_eq!(mbuf.bytes(), frame(number, 60));
    }
    let statistics = port.statistics();
    assert_eq!((statistics.transmitted_packets, statistics.received_packets), (32, 32));
    port.reset_statistics().unwrap();
    assert_eq!(port.statistics().received_packets, 0);
    assert_all_home!(pool, receive, transmit, port, burst);
}

#[test]
fn a_burst_takes_no_more_than_it_has_room_for() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_ring", "");
    let (mut receive, mut transmit) = start(&port, &pool);
    let mut burst: Burst<32> = (0..8).filter_map(|number| pool.copy_from(&frame(number, 60))).collect();
    transmit.transmit(&mut burst);

    let mut small = Burst::<5>::new();
    small.push(pool.copy_from(b"there before").unwrap());
    assert_eq!(receive.receive(&mut small, 32), 4);
    assert_eq!(receive.receive(&mut small, 32), 0, "it is full");
    assert_eq!(small[0].bytes(), b"there before");
    assert_eq!(small[4].bytes(), frame(3, 60));
    assert_eq!(receive.receive(&mut burst, 32), 4, "the rest is still there");
    assert_eq!(burst[0].bytes(), frame(4, 60));
    assert_all_home!(pool, receive, transmit, port, burst, small);
}

#[test]
fn what_a_full_port_does_not_take_stays_in_the_burst() {
    // More buffers than the ring of a net_ring device has places.
    let pool = pool(2_047, DATA_ROOM);
    let port = open("net_ring", "");
    let (mut receive, mut transmit) = start(&port, &pool);
    let mut sent = 0;
    let mut burst = Burst::<32>::new();
    while burst.is_empty() {
        let numbers = (sent..sent + 32).map(|number: usize| number.to_le_bytes());
        burst.extend(numbers.filter_map(|bytes| pool.copy_from(&bytes)));
        assert_eq!(burst.len(), 32, "the pool is large enough to fill the ring");
        sent += transmit.transmit(&mut burst);
    }
    assert_eq!(burst[0].bytes(), sent.to_le_bytes(), "the first that was not sent is the first that is left");
    assert_eq!(pool.in_use(), sent + burst.len());

    burst.clear();
    let mut received = 0;
    while receive.receive(&mut burst, 32) > 0 {
        for mbuf in burst.drain(..) {
            assert_eq!(mbuf.bytes(), usize::to_le_bytes(received));
            received += 1;
        }
    }
    assert_eq!(received, sent);
    assert_all_home!(pool, receive, transmit, port, burst);
}

#[test]
fn chains_pass_whole() {
    let pool = pool(63, 228);
    let port = open("net_ring", "");
    let configuration = dpdk::PortConfiguration { mtu: 150, ..ONE_QUEUE };
    let (mut receive, mut transmit) = port.configure(configuration, &pool).unwrap();
    port.start().unwrap();
    let mut burst: Burst<4> = pool.copy_from(&frame(1, 250)).into_iter().collect();
    assert_eq!(transmit[0].transmit(&mut burst), 1);
    assert_eq!(receive[0].receive(&mut burst, 4), 1);
    let bytes: Vec<u8> = burst[0].segments().flatten().copied().collect();
    assert_eq!((bytes, burst[0].segment_count()), (frame(1, 250), 3));
    assert_all_home!(pool, receive, transmit, port, burst);
}

#[test]
fn a_null_port_makes_packets_and_swallows_them() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_null", ",size=64");
    let (mut receive, mut transmit) = start(&port, &pool);
    let mut burst = Burst::<32>::new();
    assert_eq!(receive.receive(&mut burst, 32), 32);
    assert!(burst.iter().all(|mbuf| mbuf.length() == 64 && mbuf.rss_hash().is_none()));
    assert_eq!(pool.in_use(), 32);
    assert_eq!(transmit.transmit(&mut burst), 32);
    assert_eq!((burst.len(), pool.in_use()), (0, 0));
    assert_all_home!(pool, receive, transmit, port);
}

#[test]
fn nothing_flows_before_the_start() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_null", "");
    let (mut receive, mut transmit) = port.configure(ONE_QUEUE, &pool).unwrap();
    let mut burst = Burst::<4>::new();
    assert_eq!(receive[0].receive(&mut burst, 4), 0);
    burst.push(pool.copy_from(&frame(0, 60)).unwrap());
    assert_eq!(transmit[0].transmit(&mut burst), 0);
    assert_eq!(burst.len(), 1);
    port.start().unwrap();
    assert_eq!(transmit[0].transmit(&mut burst), 1);
    assert_eq!(receive[0].receive(&mut burst, 4), 4);
    assert_all_home!(pool, receive, transmit, port, burst);
}

#[test]
fn queues_work_on_the_threads_that_they_are_sent_to() {
    let pool = pool(255, DATA_ROOM);
    let port = open("net_ring", "");
    let (mut receive, mut transmit) = start(&port, &pool);
    let source = pool.clone();
    let sender = std::thread::spawn(move || {
        for number in 0..100 {
            let mut burst: Burst<1> = source.copy_from(&frame(number, 60)).into_iter().collect();
            while !burst.is_empty() {
                transmit.transmit(&mut burst);
            }
        }
    });
    let mut received: Vec<Mbuf> = Vec::new();
    let mut burst = Burst::<32>::new();
    while received.len() < 100 {
        receive.receive(&mut burst, 32);
        received.extend(burst.drain(..));
        std::thread::yield_now();
    }
    sender.join().unwrap();
    for (number, mbuf) in (0..).zip(&received) {
        assert_eq!(mbuf.bytes(), frame(number, 60));
    }
    assert_all_home!(pool, receive, port, received);
}
