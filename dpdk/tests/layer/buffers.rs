//! Buffers: lengths, room, chains of segments, copies, and that all of them go home.

use arrayvec::ArrayVec;
use dpdk::{Burst, ContiguousError, Mbuf, Mempool, MempoolConfiguration, MempoolError};

use crate::common::{DATA_ROOM, eal, frame, pool};

/// Bytes behind the headroom of the small segments that make chains of short frames.
const SMALL: usize = 100;

fn small_segments() -> Mempool {
    pool(63, u16::try_from(SMALL + 128).unwrap())
}

fn whole(mbuf: &Mbuf) -> Vec<u8> {
    mbuf.segments().flatten().copied().collect()
}

/// What a chain claims about itself must be what is in it.
fn assert_consistent(mbuf: &Mbuf) {
    assert_eq!(mbuf.length(), mbuf.segments().map(<[u8]>::len).sum::<usize>());
    assert_eq!(mbuf.segment_count(), mbuf.segments().count());
    assert_eq!(mbuf.segments().next(), Some(mbuf.bytes()));
}

#[test]
fn a_new_buffer_is_empty_and_has_its_room() {
    let pool = pool(15, DATA_ROOM);
    let mbuf = pool.allocate().unwrap();
    assert_eq!((mbuf.length(), mbuf.segment_count()), (0, 1));
    assert_eq!((mbuf.headroom(), mbuf.tailroom()), (128, 2_048));
    assert_eq!(mbuf.rss_hash(), None);
    assert_eq!(mbuf.bytes(), &[] as &[u8]);
}

#[test]
fn a_pool_gives_what_it_has_and_takes_it_back() {
    let pool = pool(15, DATA_ROOM);
    let mbufs: Vec<Mbuf> = std::iter::from_fn(|| pool.allocate()).collect();
    assert_eq!((mbufs.len(), pool.in_use(), pool.available()), (15, 15, 0));
    assert!(pool.copy_from(&[1]).is_none());
    drop(mbufs);
    assert_eq!((pool.in_use(), pool.available()), (0, 15));
}

#[test]
fn bursts_are_taken_and_freed_at_once_or_not_at_all() {
    let pool = pool(15, DATA_ROOM);
    let mut burst = Burst::<8>::new();
    assert!(pool.allocate_burst(&mut burst, 5));
    assert!(!pool.allocate_burst(&mut burst, 4), "the burst has room for 3 more");
    assert!(pool.allocate_burst(&mut burst, 3));
    let mut more = Burst::<8>::new();
    assert!(!pool.allocate_burst(&mut more, 8), "the pool has 7 more");
    assert_eq!((burst.len(), more.len(), pool.in_use()), (8, 0, 8));
    dpdk::free_burst(&mut burst);
    assert_eq!((burst.len(), pool.in_use()), (0, 0));
}

#[test]
fn bytes_are_added_at_both_ends_as_far_as_there_is_room() {
    let pool = pool(15, DATA_ROOM);
    let mut mbuf = pool.copy_from(b"middle").unwrap();
    mbuf.prepend(6).unwrap().copy_from_slice(b"begin ");
    mbuf.append(4).unwrap().copy_from_slice(b" end");
    assert_eq!(mbuf.bytes(), b"begin middle end");
    assert_eq!((mbuf.headroom(), mbuf.tailroom()), (122, 2_038));
    assert!(mbuf.prepend(123).is_none());
    assert!(mbuf.append(2_039).is_none());
    assert_eq!(mbuf.bytes(), b"begin middle end", "what does not fit changes nothing");
    assert_eq!(mbuf.prepend(122).unwrap().len(), 122);
    assert_eq!(mbuf.append(2_038).unwrap().len(), 2_038);
    assert_eq!((mbuf.headroom(), mbuf.tailroom(), mbuf.length()), (0, 0, 2_176));
    assert_consistent(&mbuf);
}

#[test]
fn a_long_frame_becomes_a_chain() {
    let pool = small_segments();
    for length in [0, 1, SMALL, SMALL + 1, 3 * SMALL, 3 * SMALL + 50] {
        let bytes = frame(7, length);
        let mbuf = pool.copy_from(&bytes).unwrap();
        assert_eq!(whole(&mbuf), bytes);
        assert_eq!(mbuf.segment_count(), length.div_ceil(SMALL).max(1));
        assert_consistent(&mbuf);
    }
    assert_eq!(pool.in_use(), 0);
    assert!(pool.copy_from(&frame(7, 64 * SMALL)).is_none(), "the pool has 63 segments");
    assert_eq!(pool.in_use(), 0, "what was begun goes back");
}

#[test]
fn a_chain_grows_at_its_end() {
    let pool = small_segments();
    let mut mbuf = pool.copy_from(&frame(1, SMALL + 10)).unwrap();
    assert_eq!(mbuf.tailroom(), SMALL - 10);
    mbuf.append(2).unwrap().copy_from_slice(&[8, 9]);
    assert_eq!(whole(&mbuf), [frame(1, SMALL + 10), vec![8, 9]].concat());
    assert_consistent(&mbuf);
}

#[test]
fn truncation_keeps_the_front_and_frees_the_segments_behind() {
    let pool = small_segments();
    let bytes = frame(3, 3 * SMALL + 50);
    for (length, segments) in
        [(350, 4), (349, 4), (301, 4), (300, 3), (200, 2), (101, 2), (100, 1), (1, 1), (0, 1)]
    {
        let mut mbuf = pool.copy_from(&bytes).unwrap();
        mbuf.truncate(length);
        assert_eq!(whole(&mbuf), bytes[..length], "cut to {length}");
        assert_eq!((mbuf.segment_count(), pool.in_use()), (segments, segments), "cut to {length}");
        assert_consistent(&mbuf);
    }
    let mut mbuf = pool.copy_from(&bytes).unwrap();
    mbuf.truncate(1_000);
    assert_eq!(mbuf.length(), 350, "a shorter packet is left alone");
}

#[test]
fn the_front_of_a_chain_is_brought_together() {
    let pool = small_segments();
    let bytes = frame(5, 3 * SMALL + 50);
    for (asked, segments) in [(0, 4), (100, 4), (101, 4), (200, 3), (228, 3)] {
        let mut mbuf = pool.copy_from(&bytes).unwrap();
        mbuf.ensure_contiguous(asked).unwrap();
        assert!(mbuf.bytes().len() >= asked);
        assert_eq!(mbuf.segment_count(), segments, "{asked} bytes");
        assert_eq!(whole(&mbuf), bytes, "{asked} bytes");
        assert_consistent(&mbuf);
        drop(mbuf);
        assert_eq!(pool.in_use(), 0);
    }
}

#[test]
fn what_can_not_be_brought_together_stays_as_it_is() {
    let pool = small_segments();
    let bytes = frame(5, 250);
    let mut mbuf = pool.copy_from(&bytes).unwrap();
    let too_short = ContiguousError::TooShort { asked: 251, length: 250 };
    assert_eq!(mbuf.ensure_contiguous(251), Err(too_short));
    assert_eq!(mbuf.ensure_contiguous(229), Err(ContiguousError::NoRoom { asked: 229, room: 228 }));
    assert_eq!((whole(&mbuf), mbuf.segment_count()), (bytes, 3));
}

#[test]
fn a_copy_is_independent() {
    let (pool, other) = (small_segments(), pool(15, DATA_ROOM));
    let bytes = frame(9, 250);
    let mut original = pool.copy_from(&bytes).unwrap();
    let copy = other.copy_of(&original).unwrap();
    original.bytes_mut().fill(0);
    drop(original);
    assert_eq!(pool.in_use(), 0);
    assert_eq!((copy.bytes(), copy.segment_count()), (&bytes[..], 1));
}

#[test]
fn a_buffer_may_end_on_another_thread() {
    let pool = pool(63, DATA_ROOM);
    let mbufs: Vec<Mbuf> = (0..32).map(|number| pool.copy_from(&frame(number, 60)).unwrap()).collect();
    std::thread::spawn(move || drop(mbufs)).join().unwrap();
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn a_burst_that_is_dropped_frees_its_buffers() {
    let pool = pool(15, DATA_ROOM);
    let burst: ArrayVec<Mbuf, 8> = (0..8).filter_map(|number| pool.copy_from(&[number])).collect();
    assert_eq!(pool.in_use(), 8);
    drop(burst);
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn impossible_pools_are_refused_with_what_would_be_right() {
    let possible = MempoolConfiguration { mbufs: 15, cache: 0, data_room: DATA_ROOM };
    let refuse = |name: &str, configuration| Mempool::new(eal(), name, configuration).unwrap_err();

    let _first = Mempool::new(eal(), "taken", possible).unwrap();
    assert!(matches!(refuse("taken", possible), MempoolError::Name { .. }));
    let long_name = "a name that is much longer than DPDK has room for";
    assert!(matches!(refuse(long_name, possible), MempoolError::Name { .. }));
    assert!(matches!(refuse("nul\0", possible), MempoolError::Name { .. }));

    let none = MempoolConfiguration { mbufs: 0, ..possible };
    assert!(matches!(refuse("none", none), MempoolError::Mbufs(0)));
    let cache = MempoolConfiguration { cache: 11, ..possible };
    assert!(matches!(refuse("cache", cache), MempoolError::Cache { limit: 10, .. }));
    let cache = MempoolConfiguration { cache: 10, ..possible };
    assert!(Mempool::new(eal(), "the largest cache", cache).is_ok());
    let data_room = MempoolConfiguration { data_room: 128, ..possible };
    assert!(matches!(refuse("data room", data_room), MempoolError::DataRoom(128)));
}
