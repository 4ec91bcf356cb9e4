//! Clients that get the real server that their address names, as long as that one can be chosen.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;

const BY_CLIENT: [Predictor; 2] = [Predictor::SourceHash, Predictor::Maglev];

/// Clients of neighbouring addresses, of either family.
fn clients(predictors: &Predictors, count: u32) -> Vec<u64> {
    let client = |index: u32| {
        let ipv4 = IpAddr::from(Ipv4Addr::from_bits(0xc633_0000 + index));
        let ipv6 = IpAddr::from(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(index)));
        predictors.client(if index.is_multiple_of(2) { ipv4 } else { ipv6 })
    };
    (0..count).map(client).collect()
}

fn choices(predictors: &Predictors, clients: &[u64]) -> Vec<usize> {
    clients.iter().map(|&client| predictors.pick(0, client).unwrap()).collect()
}

#[test]
fn a_client_gets_the_same_and_connections_do_not_matter() {
    for predictor in BY_CLIENT {
        let mut predictors = one(predictor, &[1; 5]);
        let clients = clients(&predictors, 1_000);
        let before = choices(&predictors, &clients);
        before.iter().for_each(|&binding| predictors.commit(binding));
        assert_eq!(choices(&predictors, &clients), before);
        assert_eq!(choices(&one(predictor, &[1; 5]), &clients), before, "after a start");
    }
}

#[test]
fn shares_follow_weights() {
    for predictor in BY_CLIENT {
        let predictors = one(predictor, &[1, 2, 3, 4]);
        let choices = choices(&predictors, &clients(&predictors, 100_000));
        for binding in 0..4 {
            let expected = 10_000 * (binding + 1);
            let count = count(&choices, binding);
            assert!(count.abs_diff(expected) <= expected / 20, "{predictor:?}: {count} of {expected}");
        }
    }
}

#[test]
fn only_the_clients_of_one_that_fails_move_and_to_all_others() {
    for predictor in BY_CLIENT {
        let mut predictors = one(predictor, &[1; 10]);
        let clients = clients(&predictors, 100_000);
        let before = choices(&predictors, &clients);
        predictors.set_standing(3, Standing::Unreachable);
        predictors.set_open(7, false);
        let after = choices(&predictors, &clients);
        let moved: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert!(moved.iter().all(|&(before, _)| [3, 7].contains(before)));
        let got: Vec<_> = moved.iter().map(|&(_, &after)| after).collect();
        for binding in 0..10 {
            let expected = if [3, 7].contains(&binding) { 0 } else { moved.len() / 8 };
            let count = count(&got, binding);
            assert!(count.abs_diff(expected) <= expected / 10, "{predictor:?}: {count} of {expected}");
        }
        predictors.set_standing(3, Standing::Reachable);
        predictors.set_open(7, true);
        assert_eq!(choices(&predictors, &clients), before, "and come back");
    }
}

#[test]
fn the_last_of_many_is_found() {
    for predictor in BY_CLIENT {
        let mut predictors = one(predictor, &[1; 1_000]);
        (0..1_000)
            .filter(|&real| real != 500)
            .for_each(|real| predictors.set_standing(real, Standing::Awaited));
        let clients = clients(&predictors, 100);
        assert!(choices(&predictors, &clients).iter().all(|&binding| binding == 500));
        assert_eq!(predictors.pick_among(0, CLIENT, |binding| binding != 500), None);
        predictors.set_standing(500, Standing::OutOfService);
        let awaited = predictors.pick(0, CLIENT);
        assert!(awaited.is_some(), "its next hop is asked for");
        (0..1_000).for_each(|real| predictors.set_standing(real, Standing::OutOfService));
        assert_eq!(predictors.pick(0, CLIENT), None);
    }
}

#[test]
fn who_stands_in_gets_clients_when_it_is_opened_and_nobody_else_can_be_chosen() {
    for predictor in
        [Predictor::RoundRobin, Predictor::LeastConnections, Predictor::SourceHash, Predictor::Maglev]
    {
        let mut draft = draft(&[predictor], &[1; 5], |_, real| real < 3);
        draft.real_servers[0].backup = Some(draft.real_servers[3].name.clone());
        draft.real_servers[1].backup = Some(draft.real_servers[4].name.clone());
        let mut predictors = Predictors::new(&draft.build().unwrap(), 0);
        (0..5).for_each(|real| predictors.set_standing(real, Standing::Reachable));
        let clients = clients(&predictors, 1_000);
        let chosen = |predictors: &mut Predictors| {
            let choose = |&client: &u64| {
                let binding = predictors.pick(0, client).unwrap();
                predictors.commit(binding);
                binding
            };
            let choices: Vec<_> = clients.iter().map(choose).collect();
            (0..5).filter(|&binding| count(&choices, binding) > 100).collect::<Vec<_>>()
        };
        assert_eq!(chosen(&mut predictors), [0, 1, 2], "{predictor:?}");
        predictors.set_open(3, true);
        predictors.set_open(4, true);
        (0..3).for_each(|real| predictors.set_standing(real, Standing::OutOfService));
        assert_eq!(chosen(&mut predictors), [3, 4], "{predictor:?}");
        predictors.set_open(3, false);
        assert_eq!(chosen(&mut predictors), [4], "{predictor:?}");
    }
}

#[test]
fn who_stands_in_alone_is_chosen() {
    let mut draft = draft(&[Predictor::Maglev], &[1; 2], |_, _| false);
    draft.virtual_servers[0].backup = Some(draft.real_servers[1].name.clone());
    let mut predictors = Predictors::new(&draft.build().unwrap(), 0);
    predictors.set_standing(1, Standing::Reachable);
    assert_eq!(predictors.pick(0, CLIENT), None);
    predictors.set_open(0, true);
    assert_eq!(predictors.pick(0, CLIENT), Some(0));
}
