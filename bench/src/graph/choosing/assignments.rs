//! A new connection with few and with many assignments of clients, of clients that match one and of others.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use director::ConfigurationDraft;
use ipnet::IpNet;

use super::newcomers::{Clients, Newcomers};
use super::{Control, GraphError, PLAN};
use crate::graph::effort::Effort;
use crate::graph::figures::by_peer;
use crate::graph::unit::draft;
use crate::load::frames::Version;
use crate::load::order::Random;
use crate::report::{Figure, Goal};
use crate::rounds::{Turn, take_turns};

const NONE: u32 = 0;
const FEW: u32 = 10;
/// As many as the caches have room for.
const SOME: u32 = 1_000;
const MANY: u32 = 100_000;

/// What is measurable: two rounds of the same differ by so much.
const NO_MORE: Goal = Goal::AtMost(1.05);

pub(super) fn run(effort: Effort, control: &Control) -> Result<Vec<Figure>, GraphError> {
    let mut figures = of_version::<Ipv4Addr>(effort, control)?;
    figures.extend(of_version::<Ipv6Addr>(effort, control)?);
    Ok(figures)
}

fn of_version<A: Assignable>(effort: Effort, control: &Control) -> Result<Vec<Figure>, GraphError> {
    let mut sides = [
        newcomers::<A>(MANY, true)?,
        newcomers::<A>(FEW, true)?,
        newcomers::<A>(MANY, false)?,
        newcomers::<A>(FEW, false)?,
        newcomers::<A>(NONE, false)?,
        newcomers::<A>(SOME, true)?,
    ];
    let turns = take_turns(effort.rounds(), sides.len(), |turn| match turn {
        Turn::Control => Ok(control.cycles_per_read()),
        Turn::Side(side) => sides[side].cycles_per_connection(),
    })?;
    let figure = |what: &str, ours, peer, peer_name: &str, goal| {
        let name = format!("choosing/assignments/{}/{what}", A::NAME);
        by_peer(name, peer_name, &turns.compare(ours, peer), goal)
    };
    Ok(vec![
        figure("100000 by 10, clients that match", 0, 1, "the same with 10 assignments", Some(NO_MORE)),
        figure("100000 by 10, clients that do not", 2, 3, "the same with 10 assignments", Some(NO_MORE)),
        figure("1000 by 10, clients that match", 5, 1, "the same with 10 assignments", None),
        figure("10 by none, clients that do not", 3, 4, "the same without assignments", None),
    ])
}

fn newcomers<A: Assignable>(assignments: u32, are_assigned: bool) -> Result<Newcomers<A>, GraphError> {
    let mut random = Random::new(1);
    let networks = networks(assignments, &mut random);
    let draft = with_assignments(draft(PLAN), &networks);
    let clients: Clients<A> = if are_assigned {
        Box::new(move || networks[random.below(assignments) as usize].client(&mut random))
    } else {
        Box::new(move || A::client(random.below(1 << 17)))
    };
    Newcomers::begin(PLAN, draft, Arc::default(), clients)
}

/// So many different networks.
fn networks<A: Assignable>(count: u32, random: &mut Random) -> Vec<Network<A>> {
    let mut known = HashSet::new();
    let draw = |number| {
        std::iter::repeat_with(|| Network::random(number, random))
            .find(|network| known.insert(network.named()))
    };
    (0..count).filter_map(draw).collect()
}

/// Assigns the clients of `networks` to another instance with the same real servers.
fn with_assignments<A: Assignable>(draft: ConfigurationDraft, networks: &[Network<A>]) -> ConfigurationDraft {
    let instance = format!("{}:1", A::service(A::VIRTUAL));
    let reals: Vec<String> =
        (0..PLAN.real_servers).map(|number| A::service(A::real_server(number))).collect();
    let reals: Vec<&str> = reals.iter().map(String::as_str).collect();
    let clients: Vec<String> = networks.iter().map(|network| network.named().to_string()).collect();
    let clients: Vec<&str> = clients.iter().map(String::as_str).collect();
    draft.virtual_server(&instance, PLAN.predictor).bind(&instance, &reals).assign(&instance, &clients)
}

/// A network of clients: an address in it, and how long its prefix is.
struct Network<A> {
    within: A,
    length: u8,
}

impl<A: Assignable> Network<A> {
    /// The networks of even and of odd numbers have prefixes of different lengths.
    fn random(number: u32, random: &mut Random) -> Self {
        Self { within: A::random(random), length: A::LENGTHS[(number % 2) as usize] }
    }

    fn named(&self) -> IpNet {
        IpNet::new_assert(self.within.into(), self.length).trunc()
    }

    fn client(&self, random: &mut Random) -> A {
        self.within.with_host(self.length, random)
    }
}

/// A version of IP whose clients are assigned by networks of two sizes.
trait Assignable: Version + Into<IpAddr> {
    const LENGTHS: [u8; 2];

    /// An address that is not one of [`Version::client`].
    fn random(random: &mut Random) -> Self;

    /// Another address of the same network.
    fn with_host(self, length: u8, random: &mut Random) -> Self;
}

impl Assignable for Ipv4Addr {
    const LENGTHS: [u8; 2] = [24, 32];

    fn random(random: &mut Random) -> Self {
        Self::from_bits(Self::new(64, 0, 0, 0).to_bits() + random.below(1 << 29))
    }

    fn with_host(self, length: u8, random: &mut Random) -> Self {
        Self::from_bits(self.to_bits() ^ random.below(1 << (Self::BITS - u32::from(length))))
    }
}

impl Assignable for Ipv6Addr {
    const LENGTHS: [u8; 2] = [48, 64];

    fn random(random: &mut Random) -> Self {
        let network = u128::from(random.bits()) << 64 >> 12;
        Self::from_bits(Self::new(0x2400, 0, 0, 0, 0, 0, 0, 0).to_bits() | network)
    }

    fn with_host(self, length: u8, random: &mut Random) -> Self {
        let host = u128::from(random.bits()) << 64 | u128::from(random.bits());
        Self::from_bits(self.to_bits() ^ host >> length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// New connections at each virtual server: of IPv4, of IPv6, and of the instance.
    fn admitted<A: Assignable>(are_assigned: bool) -> [u64; 3] {
        let newcomers = newcomers::<A>(FEW, are_assigned).unwrap();
        let counters = newcomers.unit.shard.counters();
        [0, 1, 2].map(|server| {
            let reals = usize::from(PLAN.real_servers);
            counters.bindings[server * reals..][..reals].iter().map(|binding| binding.admitted.read()).sum()
        })
    }

    #[test]
    fn who_is_assigned_gets_the_instance_and_nobody_else() {
        let all = admitted::<Ipv4Addr>(true)[2];
        assert!(all > 0);
        assert_eq!(admitted::<Ipv4Addr>(true), [0, 0, all]);
        assert_eq!(admitted::<Ipv4Addr>(false), [all, 0, 0]);
        assert_eq!(admitted::<Ipv6Addr>(true), [0, 0, all]);
        assert_eq!(admitted::<Ipv6Addr>(false), [0, all, 0]);
    }
}
