//! An endless stream of segments of established connections, in one direction.

use director::Direction;
use model::limits::BATCH;
use packet::TcpFlags;

use super::unit::{INSIDE, OUTSIDE, Plan, UNIT};
use crate::load::frames::{Template, Version, inbound, outbound};
use crate::load::order::{Random, shuffled};
use crate::load::ring::Ring;

/// Segments of the connections that `order` names, again and again.
pub(crate) struct Stream<'a, A> {
    plan: Plan,
    direction: Direction,
    template: Template<A>,
    order: &'a [u32],
    next: usize,
}

impl<'a, A: Version> Stream<'a, A> {
    /// A stream that begins at the first of `order`, which is not empty.
    pub(crate) fn new(plan: Plan, direction: Direction, order: &'a [u32]) -> Self {
        let unit = match direction {
            Direction::Inbound => UNIT[0],
            Direction::Outbound => UNIT[1],
        };
        Self { plan, direction, template: Template::new(unit, TcpFlags::ACK), order, next: 0 }
    }

    /// Fills a batch.
    pub(crate) fn fill(&mut self, ring: &mut Ring) {
        for _ in 0..BATCH {
            let connection = self.order[self.next];
            self.next = if self.next + 1 == self.order.len() { 0 } else { self.next + 1 };
            let (port, tuple) = match self.direction {
                Direction::Inbound => (OUTSIDE, inbound(connection)),
                Direction::Outbound => (INSIDE, outbound(connection, self.plan.real_server::<A>(connection))),
            };
            ring.push(port, |buffer| self.template.write(&tuple, buffer));
        }
    }
}

/// The connections of a full unit, in an order that is not that of their coming.
pub(crate) fn random_order(plan: Plan) -> Vec<u32> {
    shuffled(plan.capacity, &mut Random::new(u64::from(plan.capacity)))
}

/// What figures call a direction.
pub(crate) const fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::graph::pass::Pass;
    use crate::graph::unit::Unit;

    /// Three times round: each frame is translated, and translated right.
    fn a_unit_forwards_its_stream<A: Version>(direction: Direction) {
        let plan = Plan::with_capacity(1_000);
        let (mut unit, order) = (Unit::established::<A>(plan).unwrap(), random_order(plan));
        let (mut pass, mut stream) = (Pass::default(), Stream::<A>::new(plan, direction, &order));
        for _ in 0..24 {
            pass.cycles_per_packet(&mut unit, 1, |ring| stream.fill(ring)).unwrap();
            pass.verify_checksums().unwrap();
        }
        assert_eq!(unit.shard.connections(), 1_000, "no connection came by the stream");
        let (source, destination) = ends::<A>(pass.ring.bytes(0));
        match direction {
            Direction::Inbound => assert_ne!(destination, A::VIRTUAL),
            Direction::Outbound => assert_eq!(source, A::VIRTUAL),
        }
    }

    fn ends<A: Version>(frame: &[u8]) -> (A, A) {
        let datagram = A::datagram(packet::parse(frame, frame.len()).unwrap().content).unwrap();
        (datagram.source, datagram.destination)
    }

    #[test]
    fn a_unit_forwards_the_streams_of_its_connections() {
        for direction in [Direction::Inbound, Direction::Outbound] {
            a_unit_forwards_its_stream::<Ipv4Addr>(direction);
            a_unit_forwards_its_stream::<Ipv6Addr>(direction);
        }
    }
}
