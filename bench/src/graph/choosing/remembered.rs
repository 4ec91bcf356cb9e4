//! A new connection of a client that is remembered and of one that is not, at a virtual server that clients return to.

use std::net::Ipv4Addr;
use std::sync::Arc;

use director::{Shared, StickyDraft};
use ipnet::IpNet;
use model::limits::STICKY_ENTRIES;

use super::newcomers::{Clients, Newcomers};
use super::{Control, GraphError, PLAN};
use crate::graph::effort::Effort;
use crate::graph::figures::by_peer;
use crate::graph::unit::draft;
use crate::load::order::Random;
use crate::report::Figure;
use crate::rounds::{Turn, take_turns};

/// Clients that are remembered.
const REMEMBERED: u32 = 200_000;

const STICKY: StickyDraft = StickyDraft { minutes: 30, ipv4_prefix: 32, ipv6_prefix: 128 };

/// Where the clients are that return, and those that have never been there.
const RETURNING: Ipv4Addr = Ipv4Addr::new(64, 0, 0, 0);
const STRANGERS: Ipv4Addr = Ipv4Addr::new(96, 0, 0, 0);
const STRANGER_BITS: u32 = 27;

pub(super) fn run(effort: Effort, control: &Control) -> Result<Vec<Figure>, GraphError> {
    let mut known = Side::of(true, returning())?;
    let mut unknown = Side::of(true, strangers())?;
    let mut plain = Side::of(false, returning())?;
    let turns = take_turns(effort.rounds(), 3, |turn| match turn {
        Turn::Control => Ok(control.cycles_per_read()),
        Turn::Side(0) => known.cycles_per_connection(),
        Turn::Side(1) => unknown.cycles_per_connection(),
        Turn::Side(_) => plain.cycles_per_connection(),
    })?;
    let figure = |what: &str, side| {
        let name = format!("choosing/sticky/{what}");
        by_peer(name, "no client is remembered anywhere", &turns.compare(side, 2), None)
    };
    Ok(vec![figure("a remembered client", 0), figure("an unknown client", 1)])
}

fn returning() -> Clients<Ipv4Addr> {
    let mut random = Random::new(1);
    Box::new(move || numbered(RETURNING, random.below(REMEMBERED)))
}

fn strangers() -> Clients<Ipv4Addr> {
    let mut random = Random::new(2);
    Box::new(move || numbered(STRANGERS, random.below(1 << STRANGER_BITS)))
}

fn numbered(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(first.to_bits() + number)
}

struct Side {
    newcomers: Newcomers<Ipv4Addr>,
    shared: Arc<Shared>,
}

impl Side {
    /// Clients ask a unit that has seen all that return, if it remembers any.
    fn of(is_sticky: bool, clients: Clients<Ipv4Addr>) -> Result<Self, GraphError> {
        let mut draft = draft(PLAN);
        for server in &mut draft.virtual_servers {
            server.sticky = is_sticky.then_some(STICKY);
        }
        let shared = Arc::new(Shared::new(STICKY_ENTRIES, 1));
        let (mut all, mut then) = (0..REMEMBERED, clients);
        let clients = move || all.next().map_or_else(&mut then, |number| numbered(RETURNING, number));
        let newcomers = Newcomers::begin(PLAN, draft, Arc::clone(&shared), Box::new(clients))?;
        let mut side = Self { newcomers, shared };
        for _ in 0..REMEMBERED.div_ceil(8_192) {
            side.cycles_per_connection()?;
        }
        Ok(side)
    }

    /// Strangers are forgotten after each round, so that there are as many in the next.
    fn cycles_per_connection(&mut self) -> Result<f64, GraphError> {
        let cycles = self.newcomers.cycles_per_connection();
        let prefix_length = 32 - u8::try_from(STRANGER_BITS).unwrap_or_default();
        let strangers = IpNet::new_assert(STRANGERS.into(), prefix_length);
        self.shared.clear_sticky(None, Some(strangers));
        cycles
    }
}
