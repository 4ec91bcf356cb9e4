//! The whole graph on prepared batches, parse to transmit: segments of established connections in random order.

use std::net::{Ipv4Addr, Ipv6Addr};

use director::Direction;

use super::GraphError;
use super::control::Control;
use super::effort::Effort;
use super::figures::{by_peer, value};
use super::pass::Pass;
use super::stream::{self, Stream, random_order};
use super::swap::StatelessSwap;
use super::unit::{Plan, Unit};
use crate::load::frames::Version;
use crate::report::{CYCLES_PER_PACKET, Goal, Section};
use crate::rounds::{Comparison, compare};

/// How many connections there are, and what an IPv4 TCP segment from a client may cost then.
const SIZES: [(u32, f64); 3] = [(1_000, 40.0), (100_000, 45.0), (1_000_000, 50.0)];

/// Both directions, both versions of IP, all sizes.
///
/// # Errors
///
/// When something else than forwarding was measured.
pub(crate) fn run(effort: Effort) -> Result<Section, GraphError> {
    let mut section = Section {
        title: "The whole graph on prepared batches".to_owned(),
        remarks: REMARKS.iter().map(|&remark| remark.to_owned()).collect(),
        ..Section::default()
    };
    let control = Control::new();
    for (connections, goal) in SIZES {
        add_version::<Ipv4Addr>(&mut section, &control, effort, (connections, Some(goal)))?;
        add_version::<Ipv6Addr>(&mut section, &control, effort, (connections, None))?;
    }
    Ok(section)
}

const REMARKS: [&str; 4] = [
    "From the parsing of a prepared batch of 128 frames to arrays of frames for each output port. No driver is in it. \
     Frames are in buffers laid out as DPDK's, and freshly written before each batch, as a card leaves them.",
    "IPv4 frames have 64 bytes on the wire, IPv6 frames 84: headers alone are longer than 64.",
    "The stateless swap exchanges the ends of each frame and checks next to nothing, as testpmd's 5tswap. Both sides \
     pay for two readings of the counter in each batch, about half a cycle a packet. Of the batches of a round, the \
     slowest in 64 are left out on both sides: an interruption takes as long as a thousand batches.",
    "Published for VPP on such a machine, IPv4 TCP from clients at 1,000 / 100,000 / 1 million connections, the sum of \
     its graph nodes without generator and driver: nat44-ed 115 / 591 / 792 cycles, its lb plugin 81 / 131 / 236 \
     (which follows no TCP state).",
];

fn add_version<A: Version>(
    section: &mut Section,
    control: &Control,
    effort: Effort,
    (connections, goal): (u32, Option<f64>),
) -> Result<(), GraphError> {
    let plan = Plan::with_capacity(connections);
    let mut unit = Unit::established::<A>(plan)?;
    let order = random_order(plan);
    for direction in [Direction::Inbound, Direction::Outbound] {
        let stream = || Stream::<A>::new(plan, direction, &order);
        let comparison = against_swap(&mut unit, control, effort, (stream(), stream()))?;
        let name = format!("graph/{}/{}/{connections}", A::NAME, stream::name(direction));
        if let (Some(goal), Direction::Inbound) = (goal, direction) {
            let name = format!("{name}/cycles");
            let goal = Some(Goal::AtMost(goal));
            section.figures.push(value(name, CYCLES_PER_PACKET, comparison.ours.minimum(), goal));
        }
        section.figures.push(by_peer(name, "stateless swap", &comparison, None));
    }
    Ok(())
}

/// The unit and the stateless swap in turn, each with a stream and buffers of its own.
fn against_swap<A: Version>(
    unit: &mut Unit,
    control: &Control,
    effort: Effort,
    (mut ours, mut peer): (Stream<'_, A>, Stream<'_, A>),
) -> Result<Comparison, GraphError> {
    let (mut our_pass, mut peer_pass) = (Pass::default(), Pass::default());
    let comparison = compare(
        effort.rounds(),
        || our_pass.cycles_per_packet(unit, effort.batches(), |ring| ours.fill(ring)),
        || peer_pass.cycles_per_packet(&mut StatelessSwap, effort.batches(), |ring| peer.fill(ring)),
        || Ok(control.cycles_per_read()),
    )?;
    our_pass.verify_checksums()?;
    peer_pass.verify_checksums()?;
    Ok(comparison)
}
