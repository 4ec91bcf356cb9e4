//! From the raw way of keeping in step with the peer to the checked one.

use std::net::SocketAddr;
use std::time::Duration;

use model::limits::{IDLE_TIMEOUT_S, REPLICATION_PATHS};

use super::key_path::KeyPath;
use super::limits::{
    DIGEST_INTERVAL_MS_LEAST, DIGEST_INTERVAL_MS_MOST, FLUSH_US_MOST, MTU_LEAST_IPV6, MTU_MOST,
};
use super::mistake::{Mistakes, UnitMistake};
use super::raw::unit::{RawPath, RawReplication, RawSync};
use super::unit::{ReplicationConfiguration, ReplicationPath, SyncMode};

/// What is right up to what `mistakes` has.
pub(super) fn check(raw: RawReplication, mistakes: &mut Mistakes) -> ReplicationConfiguration {
    let key = |key| KeyPath::root().key("replication").key(key);
    if raw.key_file.is_empty() || raw.key_file.contains('\0') {
        mistakes.add(key("key_file"), UnitMistake::KeyFile(raw.key_file.clone()));
    }
    let flush_us = mistakes.note(key("flush_us"), flush_us(raw.flush_us));
    let digest_interval_ms =
        mistakes.note(key("digest_interval_ms"), digest_interval(raw.digest_interval_ms));
    let standby_timeout_s = mistakes.note(key("standby_timeout_s"), standby_timeout(raw.standby_timeout_s));
    ReplicationConfiguration {
        key_file: raw.key_file.into(),
        paths: paths(&raw.paths, &key("paths"), mistakes),
        flush: Duration::from_micros(flush_us),
        mtu: mistakes.note(key("mtu"), mtu(raw.mtu)),
        digest_interval: Duration::from_millis(digest_interval_ms),
        sync: raw.sync.into(),
        standby_timeout: Some(Duration::from_secs(standby_timeout_s)).filter(|timeout| !timeout.is_zero()),
    }
}

impl From<RawSync> for SyncMode {
    fn from(raw: RawSync) -> Self {
        match raw {
            RawSync::Records => Self::Records,
            RawSync::Observe => Self::Observe,
        }
    }
}

fn paths(raw: &[RawPath], path: &KeyPath, mistakes: &mut Mistakes) -> Vec<ReplicationPath> {
    if !(1..=REPLICATION_PATHS).contains(&raw.len()) {
        mistakes.add(path.clone(), UnitMistake::Paths(raw.len()));
    }
    let mut checked = Vec::<ReplicationPath>::new();
    for (index, RawPath { local, peer }) in raw.iter().enumerate() {
        let place = path.clone().index(index);
        let before = mistakes.count();
        let ends = (
            end(local, place.clone().key("local"), mistakes),
            end(peer, place.clone().key("peer"), mistakes),
        );
        let (Some(local), Some(peer)) = ends else { continue };
        if local.is_ipv4() != peer.is_ipv4() {
            mistakes.add(place.clone().key("peer"), UnitMistake::PathFamilies { local, peer });
        }
        if local == peer {
            mistakes.add(place.clone().key("peer"), UnitMistake::PathToSelf(peer));
        }
        if checked.iter().any(|other| other.local == local) {
            mistakes.add(place.key("local"), UnitMistake::DuplicatePath(local));
        }
        if mistakes.count() == before {
            checked.push(ReplicationPath { local, peer });
        }
    }
    checked
}

/// An end of a path: a host's address and a port. `None` after noting what is wrong with it.
pub(super) fn end(text: &str, path: KeyPath, mistakes: &mut Mistakes) -> Option<SocketAddr> {
    let end = text.parse::<SocketAddr>().ok();
    let end = end.filter(|end| end.port() != 0 && !end.ip().is_unspecified() && !end.ip().is_multicast());
    if end.is_none() {
        mistakes.add(path, UnitMistake::PathEnd(text.to_owned()));
    }
    end
}

fn flush_us(written: u64) -> Result<u64, UnitMistake> {
    if written <= u64::from(FLUSH_US_MOST) { Ok(written) } else { Err(UnitMistake::Flush(written)) }
}

fn mtu(written: u64) -> Result<u16, UnitMistake> {
    match u16::try_from(written) {
        Ok(mtu @ MTU_LEAST_IPV6..=MTU_MOST) => Ok(mtu),
        _ => Err(UnitMistake::PathMtu(written)),
    }
}

fn digest_interval(written: u64) -> Result<u64, UnitMistake> {
    if (u64::from(DIGEST_INTERVAL_MS_LEAST)..=u64::from(DIGEST_INTERVAL_MS_MOST)).contains(&written) {
        Ok(written)
    } else {
        Err(UnitMistake::DigestInterval(written))
    }
}

fn standby_timeout(written: u64) -> Result<u64, UnitMistake> {
    if written <= u64::from(IDLE_TIMEOUT_S) { Ok(written) } else { Err(UnitMistake::StandbyTimeout(written)) }
}
