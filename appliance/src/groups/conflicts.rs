//! Others that say they have an address which moves with a group that is active here (RFC 5227 section 2.4).

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use director::PortIndex;
use model::{Instant, MacAddress};

/// How many are remembered; all are counted.
const REMEMBERED: usize = 16;

/// The log tells of the same one no more often.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// A station that says it has an address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressConflict {
    /// The port behind which it is.
    pub port: PortIndex,
    /// The virtual or shared address.
    pub address: IpAddr,
    /// The station.
    pub mac: MacAddress,
    /// How often it said so.
    pub count: u64,
    /// When it said so last.
    pub last: Instant,
}

/// The conflicts that were seen.
#[derive(Debug, Default)]
pub struct AddressConflicts {
    seen: AtomicU64,
    recent: Mutex<Vec<Noted>>,
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    conflict: AddressConflict,
    logged: Instant,
}

impl AddressConflicts {
    /// How many frames said so.
    pub fn count(&self) -> u64 {
        // Relaxed: a reader wants a recent value and orders nothing by it.
        self.seen.load(Ordering::Relaxed)
    }

    /// Those that were seen last, each station and address once.
    pub fn recent(&self) -> Vec<AddressConflict> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().map(|noted| noted.conflict).collect()
    }

    /// A station behind `port` said that it has `address`. Returns whether the log should tell.
    pub(crate) fn note(&self, now: Instant, port: PortIndex, address: IpAddr, mac: MacAddress) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |noted: &&mut Noted| {
            let known = noted.conflict;
            (known.port, known.address, known.mac) == (port, address, mac)
        };
        if let Some(noted) = recent.iter_mut().find(is_same) {
            noted.conflict.count += 1;
            noted.conflict.last = now;
            let is_due = now.since(noted.logged) >= LOG_PERIOD;
            if is_due {
                noted.logged = now;
            }
            return is_due;
        }
        // The one that was silent for longest gives way, but not so fast that the log is flooded.
        let oldest = recent.iter().enumerate().min_by_key(|(_, noted)| noted.conflict.last);
        let has_room = match oldest.map(|(index, noted)| (index, noted.conflict.last)) {
            Some((index, last)) if recent.len() >= REMEMBERED => {
                let is_over = now.since(last) >= LOG_PERIOD;
                if is_over {
                    recent.swap_remove(index);
                }
                is_over
            }
            _ => true,
        };
        if has_room {
            let conflict = AddressConflict { port, address, mac, count: 1, last: now };
            recent.push(Noted { conflict, logged: now });
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortIndex = PortIndex(0);

    fn mac(last: u8) -> MacAddress {
        MacAddress([2, 0, 0, 0, 0, last])
    }

    #[test]
    fn each_is_counted_and_told_of_once_a_minute() {
        let conflicts = AddressConflicts::default();
        let address = "192.0.2.100".parse().unwrap();
        let at = |seconds: u64| Instant::from_millis(seconds * 1_000);
        let told: Vec<_> =
            (0..=60).filter(|&second| conflicts.note(at(second), PORT, address, mac(1))).collect();
        assert_eq!(told, [0, 60]);
        assert!(conflicts.note(at(61), PORT, address, mac(2)), "another station");
        assert_eq!(conflicts.count(), 62);
        let recent = conflicts.recent();
        assert_eq!((recent.len(), recent[0].count, recent[0].mac), (2, 61, mac(1)));
        assert_eq!(recent[0].last, at(60));
    }

    #[test]
    fn a_flood_is_neither_remembered_nor_told_of() {
        let conflicts = AddressConflicts::default();
        let address = "192.0.2.100".parse().unwrap();
        let told = (0..=255).filter(|&last| conflicts.note(Instant::START, PORT, address, mac(last)));
        assert_eq!(told.count(), REMEMBERED);
        assert_eq!((conflicts.count(), conflicts.recent().len()), (256, REMEMBERED));
        let later = Instant::from_millis(60_000);
        assert!(conflicts.note(later, PORT, address, mac(255)));
    }
}
