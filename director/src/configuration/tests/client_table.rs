//! What the tables promise when servers come and go.

use proptest::prelude::*;

use super::super::{ConfigurationDraft, RealServerDraft, VirtualServerDraft};
use super::*;

const CLIENTS: u32 = 20_000;

const VIRTUAL: &str = "192.0.2.100:80";

fn real(index: usize) -> String {
    format!("10.1.{}.{}:80", index / 250, index % 250 + 1)
}

/// A virtual server with these real servers and their weights.
fn draft(predictor: Predictor, servers: &[(usize, u16)]) -> ConfigurationDraft {
    let mut draft = Configuration::builder().virtual_server(VIRTUAL, predictor);
    let mut names = Vec::new();
    for &(index, weight) in servers {
        names.push(real(index));
        let weight = weight.into();
        draft = draft.add_real_server(RealServerDraft { weight, ..RealServerDraft::new(&real(index)) });
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    draft.bind(VIRTUAL, &names)
}

fn configuration(predictor: Predictor, servers: &[(usize, u16)]) -> Configuration {
    draft(predictor, servers).build().unwrap()
}

fn equal(count: usize) -> Vec<(usize, u16)> {
    (0..count).map(|index| (index, 1)).collect()
}

/// The real server's name that each of many clients gets.
fn choices(configuration: &Configuration) -> Vec<ServerName> {
    let hasher = ClientHasher::new(configuration.hash_seed());
    let table = configuration.client_table(0).unwrap();
    let choice = |client: u32| {
        let client = hasher.hash(std::net::Ipv4Addr::from_bits(0x0a00_0000 + client).into());
        let binding = &configuration.bindings()[table.choose(client, |_| true).unwrap()];
        configuration.real_servers()[binding.real_server()].name()
    };
    (0..CLIENTS).map(choice).collect()
}

/// The share of clients that move although their real server stays.
fn moved(before: &[ServerName], after: &[ServerName], gone: ServerName) -> f64 {
    let moved = before.iter().zip(after).filter(|&(&before, &after)| before != after && before != gone);
    moved.count() as f64 / f64::from(CLIENTS)
}

#[test]
fn who_leaves_moves_its_own_clients_and_hardly_others() {
    for count in [2, 3, 5, 10, 20, 21, 50, 100, 160, 250] {
        let servers = equal(count);
        let before = choices(&configuration(Predictor::Maglev, &servers));
        for gone in [0, count / 2, count - 1] {
            let others: Vec<_> = servers.iter().copied().filter(|&(index, _)| index != gone).collect();
            let after = choices(&configuration(Predictor::Maglev, &others));
            let gone = real(gone).parse().unwrap();
            let moved = moved(&before, &after, gone);
            // Each of those that leave makes some others change places (figure 12 of the paper).
            let slack = 0.25 / count as f64 + 0.02;
            assert!(moved <= slack, "{moved} of {count}");
        }
    }
}

#[test]
fn a_table_is_filled_evenly() {
    for count in [2_usize, 7, 100, 160, 161, 600] {
        let table = configuration(Predictor::Maglev, &equal(count)).client_table(0).unwrap();
        let mut got = vec![0_usize; count];
        table.entries.iter().for_each(|&place| got[usize::from(place)] += 1);
        let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
        assert!(most - least <= 1, "{least} to {most} of {count}");
        assert!(table.entries.len() >= 100 * count);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shares_follow_weights_and_nobody_is_left_out(
        weights in prop::collection::vec(prop_oneof![1..5_u16, 1..=1_000_u16], 1..40),
        is_maglev in any::<bool>(),
    ) {
        let predictor = if is_maglev { Predictor::Maglev } else { Predictor::SourceHash };
        let servers: Vec<_> = weights.iter().copied().enumerate().collect();
        let table = configuration(predictor, &servers).client_table(0).unwrap();
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        for (place, &weight) in weights.iter().enumerate() {
            let got = table.entries.iter().filter(|&&entry| usize::from(entry) == place).count() as u64;
            let expected = u64::from(weight) * table.entries.len() as u64 / total;
            // The first round gives one to each.
            prop_assert!(got >= 1 && got.abs_diff(expected) <= 2 + expected / 100, "{got} of {expected}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_whatever_the_order(
        count in 2..30_u16,
        rotated in 0..30_u16,
        seed in any::<u64>(),
        is_maglev in any::<bool>(),
    ) {
        let predictor = if is_maglev { Predictor::Maglev } else { Predictor::SourceHash };
        let mut servers: Vec<_> = (0..count).map(|index| (usize::from(index), 1 + index % 3)).collect();
        let seeded = |servers: &[(usize, u16)], hash_seed| {
            let draft = ConfigurationDraft { hash_seed, ..draft(predictor, servers) };
            choices(&draft.build().unwrap())
        };
        let before = seeded(&servers, seed);
        servers.rotate_left(usize::from(rotated % count));
        prop_assert_eq!(seeded(&servers, seed), &before[..]);
        prop_assert_ne!(seeded(&servers, !seed), before);
    }
}

#[test]
fn tables_that_stay_the_same_are_not_filled_again() {
    let other = "192.0.2.100:443";
    let both = |servers: &[(usize, u16)], bound: &[&str], seed| {
        let draft = draft(Predictor::Maglev, servers);
        let draft = draft.add_virtual_server(VirtualServerDraft {
            predictor: Predictor::SourceHash,
            ..VirtualServerDraft::new(other)
        });
        ConfigurationDraft { hash_seed: seed, ..draft.bind(other, bound) }.build().unwrap()
    };
    let (first, second) = (real(0), real(1));
    let is_same = |one: &Configuration, another: &Configuration, server| {
        Arc::ptr_eq(&one.client_table(server).unwrap(), &another.client_table(server).unwrap())
    };
    let before = both(&equal(2), &[&first], 1);
    assert!(is_same(&before, &before.clone(), 0) && is_same(&before, &before.of_group(0), 1));
    let table = |configuration: Configuration| configuration.with_tables_of(&before);
    let after = table(both(&equal(2), &[&first, &second], 1));
    assert!(is_same(&before, &after, 0));
    assert!(!is_same(&before, &after, 1), "it has one more");
    let after = table(both(&equal(2), &[&first], 2));
    assert!(!is_same(&before, &after, 0), "another seed");
    let after = table(both(&[(0, 1), (1, 2)], &[&first], 1));
    assert!(!is_same(&before, &after, 0), "another weight");
    assert!(is_same(&before, &after, 1));
    assert_eq!(both(&equal(2), &[&first], 1), before, "whether a table is filled makes no difference");
}

#[test]
fn others_have_none() {
    assert!(configuration(Predictor::RoundRobin, &equal(2)).client_table(0).is_none());
}
