//! What is written is read, and nothing else is.

use super::*;

const KEY: MonitorKey = MonitorKey::new([7; 32]);

fn beat() -> Beat {
    let mut beat = Beat::new(3, 0xdead_beef, 0x0102_0304_0506);
    beat.priority = 9;
    beat.is_faulty = true;
    beat.sees_power_off = true;
    beat.is_useless = true;
    beat.patience = Duration::from_micros(25_000);
    beat.echo = Echo { unit: 2, boot: 77, sequence: 0xffff_ffff_ffff, links: 0b10_001 };
    beat.mark = ConfigurationMark { generation: 5, digest: 6 };
    beat.score = Score { required_missing: 1, missing: 2, targets: 3, weight_missing: 0x00ab_cdef };
    beat.set_alive([9, 2].into_iter());
    for (index, number) in (0..FAILOVER_GROUPS).zip(0_u8..) {
        beat.push(GroupBeat {
            state: State::ALL[index % 5],
            role: if index % 2 == 0 { UnitRole::Primary } else { UnitRole::Backup },
            is_synchronized: index == 1,
            queries: index == 2,
            accepts: index == 3,
            asks: index == 4,
            insists: index == 5,
            to: 2,
            epoch: 0x1000_0000 + u32::from(number),
            load_percent: 10 * number,
        });
    }
    beat
}

fn written(beat: &Beat) -> Vec<u8> {
    let mut bytes = vec![1, 2, 3];
    beat.write(&KEY, &mut bytes);
    bytes
}

#[test]
fn a_beat_with_all_groups_fits_and_is_read() {
    let bytes = written(&beat());
    assert_eq!(bytes.len(), 111);
    assert_eq!(Beat::read(&KEY, &bytes), Ok(beat()));
    assert!(
        beat().holds_alive(9) && beat().holds_alive(2) && !beat().holds_alive(3) && !beat().holds_alive(1)
    );
    let without_groups = Beat::new(1, 1, 1);
    assert_eq!(Beat::read(&KEY, &written(&without_groups)), Ok(without_groups));
}

#[test]
fn each_flipped_bit_is_found() {
    let bytes = written(&beat());
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit < 8 { Rejection::UnknownVersion } else { Rejection::NotAuthentic };
        assert_eq!(Beat::read(&KEY, &damaged), Err(expected), "bit {bit}");
    }
}

#[test]
fn each_shorter_and_longer_one_is_refused() {
    let bytes = written(&beat());
    for length in 0..bytes.len() {
        assert!(Beat::read(&KEY, &bytes[..length]).is_err());
    }
    assert_eq!(Beat::read(&KEY, &[bytes, vec![0; 10]].concat()), Err(Rejection::Size));
}

#[test]
fn another_key_and_nonsense_under_the_right_one() {
    let other = MonitorKey::new([8; 32]);
    assert_eq!(Beat::read(&other, &written(&beat())), Err(Rejection::NotAuthentic));
    let mut idle_boot = beat();
    idle_boot.boot = 0;
    assert_eq!(Beat::read(&KEY, &written(&idle_boot)), Err(Rejection::Malformed));
}
