//! Devices that reach outside the process: files and kernel interfaces.

use std::fs;
use std::path::Path;

use dpdk::{Burst, PortConfiguration, PortError};

use crate::common::{DATA_ROOM, ONE_QUEUE, open, pool, start, unique};

#[test]
fn a_tap_is_a_kernel_interface_as_long_as_it_is_open() {
    let pool = pool(1_023, DATA_ROOM);
    let interface = format!("dpdk{}-{}", std::process::id(), unique());
    let path = Path::new("/sys/class/net").join(&interface);
    let port = open("net_tap", &format!(",iface={interface}"));
    assert!(path.exists());
    assert!(port.capabilities().equal_queues);
    let unequal = PortConfiguration { receive_queues: 2, ..ONE_QUEUE };
    assert!(matches!(port.configure(unequal, &pool), Err(PortError::UnequalQueues { .. })));

    let configuration = PortConfiguration { mtu: 1_400, ..ONE_QUEUE };
    let (receive, mut transmit) = port.configure(configuration, &pool).unwrap();
    port.start().unwrap();
    let read = |name: &str| fs::read_to_string(path.join(name)).unwrap().trim().to_owned();
    assert_eq!(read("mtu"), "1400");
    assert_eq!(read("address"), port.mac().to_string());

    // Broadcast, from a local address, of an experimental type.
    let mut frame = [0xff; 60];
    frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    let mut burst: Burst<4> = (0..4).filter_map(|_| pool.copy_from(&frame)).collect();
    assert_eq!(transmit[0].transmit(&mut burst), 4);
    assert_eq!(port.statistics().transmitted_packets, 4);
    drop((receive, transmit, port));
    assert_eq!(pool.in_use(), 0);
    assert!(!path.exists());
}

#[test]
fn an_interface_of_the_kernel_is_opened_by_name() {
    let pool = pool(1_023, DATA_ROOM);
    let port = open("net_af_packet", ",iface=lo,framecnt=64,blocksz=4096");
    assert_eq!(port.capabilities().driver, "net_af_packet");
    let (receive, transmit) = start(&port, &pool);
    drop((receive, transmit, port));
    assert_eq!(pool.in_use(), 0);
}

/// The driver is not part of static executables: it needs libraries that have no static form.
#[cfg(not(feature = "static"))]
#[test]
fn a_capture_file_is_replayed_into_another() {
    let folder = std::env::temp_dir().join(format!("dpdk-test-{}-{}", std::process::id(), unique()));
    fs::create_dir(&folder).unwrap();
    let (input, output) = (folder.join("in.pcap"), folder.join("out.pcap"));
    let frames: Vec<Vec<u8>> =
        (0..5).map(|number| crate::common::frame(number, 60 + usize::from(number))).collect();
    fs::write(&input, capture(&frames)).unwrap();

    let pool = pool(1_023, DATA_ROOM);
    let port = open("net_pcap", &format!(",rx_pcap={},tx_pcap={}", input.display(), output.display()));
    let (mut receive, mut transmit) = start(&port, &pool);
    let mut burst = Burst::<32>::new();
    assert_eq!(receive.receive(&mut burst, 32), 5);
    assert_eq!(burst.iter().map(|mbuf| mbuf.bytes().to_vec()).collect::<Vec<_>>(), frames);
    assert_eq!(transmit.transmit(&mut burst), 5);
    let statistics = port.statistics();
    assert_eq!((statistics.received_packets, statistics.received_bytes), (5, 310));
    assert_eq!((statistics.transmitted_packets, statistics.transmitted_bytes), (5, 310));
    drop((receive, transmit, port));
    assert_eq!(pool.in_use(), 0);

    let written = fs::read(&output).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(frames_of(&written), frames);
}

/// A file of the pcap format, version 2.4, with Ethernet frames.
#[cfg(not(feature = "static"))]
fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
    let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1];
    let mut file: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        file.extend([0, 0, length, length].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(frame);
    }
    file
}

/// The frames of such a file.
#[cfg(not(feature = "static"))]
fn frames_of(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[24..];
    let mut frames = Vec::new();
    while let Some((header, data)) = rest.split_first_chunk::<16>() {
        let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let (frame, behind) = data.split_at(usize::try_from(length).unwrap());
        frames.push(frame.to_vec());
        rest = behind;
    }
    frames
}
