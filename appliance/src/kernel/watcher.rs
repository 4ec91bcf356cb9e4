//! The thread that follows the kernel's tables and has neighbours resolved. It waits in one place, for the
//! kernel, for the workers, and for time; the decisions are [`Tables`]'s and [`Schedule`]'s.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use director::{NextHopTable, PortIndex};
use model::Instant;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::AddressFamily;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::KernelError;
use super::neighbor::{self, Neighbor};
use super::netlink::{Heard, Notifications, Requests};
use super::parameter::make_room_for_neighbors;
use super::resolver::{Recent, Resolver};
use super::route;
use super::schedule::{Dump, Schedule};
use super::tables::{Effect, Tables};
use super::twin::{Twin, interface_index};
use crate::platform;

/// Silent neighbours that are checked in one go.
const STALE_CHECKED: usize = 64;

const FAMILIES: [AddressFamily; 2] = [AddressFamily::Inet, AddressFamily::Inet6];

/// Follows the kernel's routes and neighbours, in a thread of its own, until it is stopped or dropped.
pub struct Watcher {
    shared: Arc<Shared>,
    resolver: Resolver,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    tables: Mutex<Tables>,
    table: Arc<ArcSwap<NextHopTable>>,
    is_stopping: AtomicBool,
}

impl Watcher {
    /// Reads the kernel's tables and goes on to follow them, in the network namespace of the calling thread.
    /// The next hops of the addresses `keep_fresh` (the real servers') are resolved now and kept so.
    ///
    /// The kernel is reminded of those every few seconds, as if they were sent to. It could do that by itself
    /// (`NTF_EXT_MANAGED`, Linux 5.16), but would go on after the appliance is gone, and would still forget a
    /// neighbour that did not answer for a while.
    ///
    /// # Errors
    ///
    /// A twin's interface does not exist, or netlink does not work.
    pub fn start(twins: Vec<Twin>, keep_fresh: Vec<IpAddr>) -> Result<Self, KernelError> {
        if let Some(twin) = twins.iter().find(|twin| interface_index(&twin.name).is_none()) {
            return Err(KernelError::NoInterface { name: twin.name.clone() });
        }
        make_room_for_neighbors(keep_fresh.len());
        let tables = Tables::new(twins, keep_fresh);
        let table = Arc::new(ArcSwap::new(tables.table()));
        let shared =
            Arc::new(Shared { tables: Mutex::new(tables), table, is_stopping: AtomicBool::new(false) });
        let resolver = Resolver::new()?;
        let mut follower = Follower::open(Arc::clone(&shared), resolver.clone())?;
        follower.read(Dump::Everything)?;
        follower.publish();
        let thread = thread::Builder::new().name("kernel".into()).spawn(move || follower.run())?;
        Ok(Self { shared, resolver, thread: Some(thread) })
    }

    /// The table of next hops, always the newest.
    pub fn next_hops(&self) -> Arc<ArcSwap<NextHopTable>> {
        Arc::clone(&self.shared.table)
    }

    /// What workers ask for next hops that are not resolved.
    pub fn resolver(&self) -> Resolver {
        self.resolver.clone()
    }

    /// All neighbours on the ports' links, by port and address.
    pub fn neighbors(&self) -> Vec<Neighbor> {
        self.shared.tables().list()
    }

    /// Keeps the next hops of `addresses` fresh, in place of the earlier ones'.
    pub fn set_keep_fresh(&self, addresses: Vec<IpAddr>) {
        make_room_for_neighbors(addresses.len());
        self.shared.tables().set_keep_fresh(addresses);
        self.resolver.wake();
    }

    /// Ends the thread, which takes no longer than a request to the kernel.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.resolver.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread that follows the kernel's tables had panicked");
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Each change to the tables is complete in itself; a panic between two leaves nothing half done.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own things.
struct Follower {
    shared: Arc<Shared>,
    requests: Requests,
    notifications: Notifications,
    resolver: Resolver,
    recent: Recent,
    schedule: Schedule,
}

impl Follower {
    fn open(shared: Arc<Shared>, resolver: Resolver) -> Result<Self, KernelError> {
        Ok(Self {
            shared,
            // Listening comes before the first dump, so that no change falls between.
            notifications: Notifications::open()?,
            requests: Requests::open()?,
            resolver,
            recent: Recent::default(),
            schedule: Schedule::new(platform::now()),
        })
    }

    fn run(mut self) {
        // Pairs with the store in `Watcher::end`.
        while !self.shared.is_stopping.load(Ordering::Acquire) {
            let now = platform::now();
            self.read_what_is_due(now);
            if self.schedule.take_publish(now) {
                self.publish();
            }
            self.keep_fresh(now);
            self.wait(self.schedule.idle_time(platform::now()));
            self.resolver.awake();
            let now = platform::now();
            self.listen(now);
            while let Some((port, address)) = self.resolver.take() {
                self.use_neighbor(port, address, now);
            }
        }
    }

    /// Waits for the kernel, for a worker, or until something is due.
    fn wait(&self, duration: Duration) {
        // Rounded up: to wake a little early would mean to wait for nothing, again and again.
        let milliseconds = u16::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u16::MAX);
        let mut descriptors = [
            PollFd::new(self.notifications.socket().as_fd(), PollFlags::POLLIN),
            PollFd::new(self.resolver.event().as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut descriptors, PollTimeout::from(milliseconds)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                log::error!("can not wait for the kernel: {error}");
                platform::sleep(Duration::from_millis(100));
            }
        }
    }

    /// Takes all changes that the kernel tells of.
    fn listen(&mut self, now: Instant) {
        loop {
            match self.notifications.hear() {
                Ok(Heard::Silence) => return,
                Ok(Heard::Overrun) => self.schedule.dump(Dump::Everything, now),
                Ok(Heard::Changes(changes)) => {
                    let mut tables = self.shared.tables();
                    for change in &changes {
                        match tables.apply(change) {
                            Effect::Nothing => {}
                            Effect::Neighbor => self.schedule.publish(now),
                            Effect::Topology => self.schedule.dump(Dump::Routes, now),
                        }
                    }
                }
                Err(error) => {
                    log::error!("can not hear what the kernel tells: {error}; reading its tables anew");
                    return self.schedule.retry(Dump::Everything, now);
                }
            }
        }
    }

    fn read_what_is_due(&mut self, now: Instant) {
        let Some(dump) = self.schedule.take_dump(now) else {
            return;
        };
        match self.read(dump) {
            Ok(()) => {
                self.schedule.dumped(now, platform::now());
                self.publish();
            }
            Err(error) => {
                log::warn!("{error}; trying again");
                self.schedule.retry(dump, now);
            }
        }
    }

    /// Reads the kernel's tables into ours.
    fn read(&mut self, dump: Dump) -> Result<(), KernelError> {
        let refused = |table: &str| {
            let action = format!("read the kernel's {table}");
            move |source: io::Error| KernelError::Refused { action, source }
        };
        let interfaces = {
            let tables = self.shared.tables();
            let twins = tables.twins().iter();
            twins.filter_map(|twin| Some((interface_index(&twin.name)?, twin.port))).collect()
        };
        let interfaces_changed = self.shared.tables().set_interfaces(interfaces);
        let mut routes = Vec::new();
        for family in FAMILIES {
            routes.extend(self.requests.dump(&route::all_of(family)).map_err(refused("routes"))?);
        }
        self.shared.tables().set_routes(&routes);
        if dump == Dump::Everything || interfaces_changed {
            let mut neighbors = Vec::new();
            for family in FAMILIES {
                neighbors
                    .extend(self.requests.dump(&neighbor::all_of(family)).map_err(refused("neighbours"))?);
            }
            self.shared.tables().set_neighbors(&neighbors);
        }
        Ok(())
    }

    fn publish(&mut self) {
        let table = self.shared.tables().publish();
        if let Some(table) = table {
            self.shared.table.store(table);
        }
    }

    /// Has the real servers' next hops resolved that are not, and from time to time all of them and some neighbours that
    /// have been silent for long: a gateway or client that got another MAC address may not announce it.
    fn keep_fresh(&mut self, now: Instant) {
        let all = self.schedule.take_refresh(now);
        let neighbors: Vec<_> = {
            let mut tables = self.shared.tables();
            if all {
                let stale = tables.stale(STALE_CHECKED);
                tables.kept().chain(stale).collect()
            } else {
                tables.kept_unresolved().collect()
            }
        };
        for (port, address) in neighbors {
            self.use_neighbor(port, address, now);
        }
    }

    /// Has the kernel resolve a neighbour, or check it when it is time to.
    fn use_neighbor(&mut self, port: PortIndex, address: IpAddr, now: Instant) {
        let how = self.shared.tables().how_to_use(port, address);
        let Some(how) = how.filter(|_| self.recent.admit((port, address), now)) else {
            return;
        };
        let flags = if how.is_new { NLM_F_CREATE | NLM_F_EXCL } else { NLM_F_CREATE };
        match self.requests.execute(neighbor::to_use(how.interface, address), flags) {
            Ok(()) => {}
            // The kernel is at it already: it does not tell of entries that are incomplete.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => log::debug!("the kernel does not resolve {address}: {error}"),
        }
    }
}
