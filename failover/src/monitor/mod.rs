//! A unit's monitor: what comes in, what goes out, and the passing of time. What is decided is in `decide`, how a
//! decision is carried out in `carry_out`.

mod carry_out;
mod decide;
mod elect;
mod glance;
mod receive;
mod report;
mod transmit;

use std::collections::VecDeque;
use std::time::Duration;

use model::{CableStatus, ConfigurationMark, Instant};

use crate::group::{Fence, Group, Lasting};
use crate::journal::{Cause, Entry, Journal, What};
use crate::keepalive::LinkTable;
use crate::lease;
use crate::machine::{Event, State};
use crate::peer::{Peer, Strangers};
use crate::promised::Promised;
use crate::reachability::Targets;
use crate::rejection::Rejections;
use crate::settings::{LINKS, Link, Settings};

/// Transitions of one group in one turn: more would be a circle.
const STEPS: usize = 4;

/// A unit that was faulty for so long is of no use: it gives up its groups to one that is not synchronized, too.
const FAULT_MOST: Duration = Duration::from_secs(5);

/// Shorter stalls are not worth an entry of the journal: a busy machine has many.
const NOTED_STALL: Duration = Duration::from_millis(20);

/// What the appliance is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take over: answer for the group's addresses, tell the neighbours, forward while the lease lasts. May be given to a
    /// group that is active already, after a fence.
    Activate {
        /// The group.
        group: usize,
        /// Why.
        cause: Cause,
    },
    /// Forward nothing more (the lease is over), let the peer hear of all, then call [`Monitor::stood_by`].
    StandBy {
        /// The group.
        group: usize,
    },
    /// Tell the neighbours once more: another unit was active too, and is not any more.
    Announce {
        /// The group.
        group: usize,
    },
}

/// Decides which groups are active here. Give it what happens, call [`Self::turn`], then take what the `poll_` functions
/// hand out, and come again at [`Self::deadline`].
#[derive(Debug)]
pub struct Monitor {
    settings: Settings,
    table: LinkTable,
    boot: u32,
    /// Of the last beat that was sent.
    sequence: u64,
    next_beat: [Option<Instant>; LINKS],
    sent_at: [Option<Instant>; LINKS],
    /// When the beat before the last one was sent.
    sent_before: [Option<Instant>; LINKS],
    sent: [u64; LINKS],
    /// Whose turn it is to be echoed.
    echo_turn: [usize; LINKS],
    /// Links over which a beat is to go at once, and since when.
    urgent: Option<(Instant, u8)>,
    peers: Vec<Peer>,
    promised: Promised,
    strangers: Strangers,
    groups: Vec<Group>,
    targets: Targets,
    cable: CableStatus,
    /// Since when the cable says that the other side has no power.
    powered_off_at: Option<Instant>,
    mark: ConfigurationMark,
    fault: Option<&'static str>,
    /// Since when it has one, and that it lasts for too long.
    faulty_since: Option<Instant>,
    is_useless: bool,
    orders: VecDeque<Order>,
    journal: Journal,
    rejected: Rejections,
    turned_at: Instant,
}

impl Monitor {
    /// A monitor of a unit that has just started; `boot` is a random number, and not 0. With other units configured every
    /// group goes to LISTEN at once (315).
    pub fn new(settings: Settings, boot: u32, now: Instant) -> Self {
        let settings = settings.bounded();
        let table: LinkTable = std::array::from_fn(|index| settings.link(index));
        let mut monitor = Self {
            table,
            boot: boot.max(1),
            sequence: 0,
            next_beat: table.map(|link| link.filter(|_| settings.peers > 0).map(|_| now)),
            sent_at: [None; LINKS],
            sent_before: [None; LINKS],
            sent: [0; LINKS],
            echo_turn: [0; LINKS],
            urgent: None,
            peers: Vec::new(),
            promised: Promised::default(),
            strangers: Strangers::default(),
            groups: settings.groups.iter().map(|group| Group::new(*group, now)).collect(),
            targets: Targets::new(&settings.targets, settings.probing, now),
            cable: CableStatus::Unknown,
            powered_off_at: None,
            mark: ConfigurationMark::default(),
            fault: None,
            faulty_since: None,
            is_useless: false,
            orders: VecDeque::new(),
            journal: Journal::default(),
            rejected: Rejections::default(),
            turned_at: now,
            settings,
        };
        monitor.start(now);
        monitor
    }

    fn start(&mut self, now: Instant) {
        for group in 0..self.groups.len() {
            if self.settings.peers > 0 {
                self.happen(now, group, Event::Start, Cause::Started, false);
            } else {
                self.orders.push_back(Order::Activate { group, cause: Cause::Alone });
            }
        }
    }

    /// The cable's lines say this.
    pub fn set_cable_status(&mut self, now: Instant, cable: CableStatus) {
        if self.cable != cable {
            self.note(now, What::Cable { before: self.cable }, None);
            self.cable = cable;
            self.powered_off_at = (cable == CableStatus::OtherSidePoweredOff).then_some(now);
            self.peers.iter_mut().for_each(|peer| peer.belies_cable = false);
            self.hurry(now);
        }
    }

    /// Whether this standby's tables are equal to those of the unit that is active now; as the active unit: whether the
    /// standby says so. Forgotten at each change between the two; until [`Self::stood_by`] it is still about the unit as it
    /// was active, and is not believed.
    pub fn set_synchronized(&mut self, now: Instant, group: usize, is_synchronized: bool) {
        let Some(group) = self.groups.get_mut(group) else { return };
        let is_synchronized = is_synchronized && !group.is_leaving;
        if group.is_synchronized == is_synchronized {
            return;
        }
        group.is_synchronized = is_synchronized;
        group.retains |= is_synchronized;
        self.hurry(now);
    }

    /// Which configuration this unit has.
    pub fn set_configuration(&mut self, mark: ConfigurationMark) {
        self.mark = mark;
    }

    /// How much of this unit's capacity is used for the group.
    pub fn set_load(&mut self, _now: Instant, group: usize, percent: u8) {
        if let Some(group) = self.groups.get_mut(group) {
            group.load_percent = percent.min(100);
        }
    }

    /// A worker of this unit does not turn, and why: the unit gives up its groups to one that lives and is synchronized; after
    /// 5 s to any that lives. None: all turn again.
    pub fn set_faulty(&mut self, now: Instant, fault: Option<&'static str>) {
        if self.fault != fault {
            self.fault = fault;
            self.faulty_since = fault.map(|_| self.faulty_since.unwrap_or(now));
            self.note(now, What::Fault { fault }, None);
            self.hurry(now);
        }
    }

    /// [`Order::StandBy`] was carried out: nothing is forwarded any more, and the peer has heard of all.
    pub fn stood_by(&mut self, now: Instant, group: usize) {
        let Some(group) = self.groups.get_mut(group) else { return };
        group.is_leaving = false;
        if let Some(hand_over) = group.hand_over.as_mut().filter(|hand_over| !hand_over.is_done) {
            hand_over.is_done = true;
            self.hurry(now);
        }
    }

    /// The next target that is to be probed now.
    pub fn poll_probe(&mut self, now: Instant) -> Option<usize> {
        self.targets.poll_probe(now)
    }

    /// The last probe of this target was answered.
    pub fn probe_answered(&mut self, _now: Instant, target: usize) {
        self.targets.answered(target);
    }

    /// The state of a target that is known at once, such as a link of this unit. It is to be told whenever the target is to be
    /// probed.
    pub fn set_target(&mut self, _now: Instant, target: usize, is_up: bool) {
        self.targets.set(target, is_up);
    }

    /// Decides. To be called after whatever came in, and at the deadline, before polling.
    pub fn turn(&mut self, now: Instant) {
        self.forgive(now);
        self.fence(now);
        self.turned_at = now;
        self.keep_alive(now);
        self.targets.turn(now);
        self.give_up(now);
        for group in 0..self.groups.len() {
            for _ in 0..STEPS {
                if !self.decide(now, group) {
                    break;
                }
            }
        }
    }

    /// What the appliance is to do next.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When [`Self::turn`] is to be called at the latest.
    pub fn deadline(&self) -> Instant {
        let beats = self.next_beat.iter().flatten().copied();
        let urgent = self.urgent.map(|(at, _)| at);
        let alive = self.peers.iter().filter(|peer| peer.is_alive);
        let deaths = alive.clone().map(|peer| self.death_of(peer).0);
        let links = alive.filter_map(|peer| peer.hearings.deadline(&self.table));
        let timers =
            self.groups.iter().filter_map(|group| group.timer.filter(|timer| *timer > self.turned_at));
        let lease = self.has_active().then(|| self.turned_at + self.settings.listen / 4);
        let all = beats.chain(urgent).chain(deaths).chain(links).chain(timers).chain(lease);
        all.chain(self.targets.deadline()).min().unwrap_or(self.turned_at + Duration::from_secs(1))
    }

    /// Until when workers may forward for this group. Only [`Self::turn`] and [`Self::poll_transmit`] extend it.
    pub fn lease(&self, group: usize) -> Instant {
        match self.state(group) {
            State::Idle => Instant::from_nanos(u64::MAX),
            State::Active => {
                let alive = self.peers.iter().filter(|peer| peer.is_alive);
                let leases = alive.map(|peer| lease::until(peer, &self.sent_at));
                leases.min().unwrap_or(self.turned_at + self.settings.listen / 2)
            }
            _ => Instant::START,
        }
    }

    /// The group's state. A group that is not configured listens.
    pub fn state(&self, group: usize) -> State {
        self.groups.get(group).map_or(State::Listen, |group| group.state)
    }

    /// What was decided lately, the oldest first.
    pub fn journal(&self) -> impl Iterator<Item = &Entry> {
        self.journal.iter()
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    pub(crate) const fn is_faulty(&self) -> bool {
        self.fault.is_some()
    }

    pub(crate) const fn unit(&self) -> u8 {
        self.settings.unit
    }

    fn has_active(&self) -> bool {
        self.groups.iter().any(|group| group.state == State::Active)
    }

    /// Gives up groups whose lease is over before this unit could extend it: others may be active by now.
    fn fence(&mut self, now: Instant) {
        for group in 0..self.groups.len() {
            if self.state(group) != State::Active || now <= self.lease(group) {
                continue;
            }
            let had_peers = self.peers.iter().any(|peer| peer.is_alive);
            let sequence = self.sequence + 1;
            if let Some(group) = self.groups.get_mut(group) {
                group.fence = Some(Fence { sequence, had_peers });
            }
            self.happen(now, group, Event::Stalled, Cause::Stalled, false);
        }
    }

    /// When this unit comes late to its own beats, it did not listen for so long either.
    fn forgive(&mut self, now: Instant) {
        let due = self.next_beat.iter().flatten().min().copied();
        let slack = self.table.iter().flatten().map(|link| link.slack()).min();
        let (Some(due), Some(slack)) = (due, slack) else { return };
        let stall = now.since(due);
        if stall <= slack {
            return;
        }
        self.peers.iter_mut().for_each(|peer| peer.hearings.forgive(stall, now));
        self.targets.forgive(stall);
        for group in &mut self.groups {
            // One that was started after the stall, by what came during it, is whole.
            let most =
                if group.state == State::Preempt { self.settings.preempt } else { self.settings.listen };
            group.timer = group.timer.map(|timer| (timer + stall).min(timer.max(now + most)));
            group.led_at = (group.led_at + stall).min(now);
            group.outdated = Lasting::default();
        }
        if stall > (slack * 2).max(NOTED_STALL) {
            self.note(now, What::Stall { duration: stall }, None);
        }
    }

    /// What silence means.
    fn keep_alive(&mut self, now: Instant) {
        for index in 0..self.peers.len() {
            let Some(peer) = self.peers.get(index).filter(|peer| peer.is_alive) else { continue };
            let unit = peer.unit;
            let (death, by_silence) = self.death_of(peer);
            let Some(peer) = self.peers.get_mut(index) else { continue };
            let changes = peer.hearings.turn(&self.table, now);
            if now >= death {
                let cause = if now >= by_silence { Cause::Silence } else { Cause::PowerOff };
                (peer.is_alive, peer.since, peer.death) = (false, now, cause);
                (peer.hears, peer.unheard_since, peer.one_way) = (0, None, 0);
                self.note(now, What::UnitDead { unit, cause }, None);
                self.hurry(now);
                continue;
            }
            let one_way = peer.find_one_way(&self.table, now);
            for link in (0..LINKS).filter(|link| changes.lost & (1 << link) != 0) {
                self.note(now, What::LinkLost { unit, link: Link::at(link) }, None);
            }
            for link in (0..LINKS).filter(|link| one_way & (1 << link) != 0) {
                self.note(now, What::OneWay { unit, link: Link::at(link) }, None);
            }
            if changes.suspects || changes.lost != 0 {
                self.hurry(now);
            }
        }
    }

    /// Finds a fault that lasts.
    fn give_up(&mut self, now: Instant) {
        let is_useless = self.faulty_since.is_some_and(|since| now >= since + FAULT_MOST);
        if std::mem::replace(&mut self.is_useless, is_useless) != is_useless {
            self.hurry(now);
        }
    }

    /// When this unit is dead, if nothing comes until then; and when it would be by silence alone, whatever the cable says.
    fn death_of(&self, peer: &Peer) -> (Instant, Instant) {
        let promised = self.promised.longest_since(peer.echoed);
        let by_silence = peer.hearings.death(&self.table, CableStatus::Unknown);
        let by_silence = by_silence.max(peer.hearings.last() + promised);
        match self.cable_of(peer) {
            CableStatus::OtherSidePoweredOff => {
                let cable = CableStatus::OtherSidePoweredOff;
                (peer.hearings.death(&self.table, cable), by_silence)
            }
            _ => (by_silence, by_silence),
        }
    }

    /// What the cable says of this unit, unless it is known better: it has two ends only.
    fn cable_of(&self, peer: &Peer) -> CableStatus {
        let is_on_cable = self.settings.peers == 1 || peer.hearings.0[0].heard.is_some();
        if is_on_cable && !peer.belies_cable { self.cable } else { CableStatus::Unknown }
    }

    /// The others wait for what a beat says now.
    fn hurry(&mut self, now: Instant) {
        let all = self.table.iter().enumerate().filter(|(_, link)| link.is_some());
        let links = all.fold(0, |links, (index, _)| links | 1 << index);
        if self.settings.peers > 0 {
            self.urgent = Some((self.urgent.map_or(now, |(at, _)| at), links));
        }
    }
}
