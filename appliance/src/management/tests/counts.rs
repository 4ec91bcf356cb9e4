//! What the reports say about the counters of several workers.

use model::DropReason;

use super::*;
use crate::management::report::{IdleMode, NextHopReport};

/// A unit of two workers that have counted: the second ten times as much traffic as the first.
fn unit_that_counted() -> (Folder, Server) {
    let folder = Folder::new();
    let views = [worker(1, 1).0, worker(2, 1).0];
    for (view, count) in views.iter().zip([10, 100]) {
        view.counters.received.add(4 * count);
        view.counters.forwarded.add(2 * count);
        view.counters.answered.add(count);
        view.counters.dropped[DropReason::Martian.index()].add(1);
        view.counters.rounds.add(1_000);
        view.counters.idle_rounds.add(875);
        view.shards[0].bindings[0].admitted.add(count);
        view.shards[0].bindings[0].removed.add(3);
        view.shards[0].bindings[1].admitted.add(count);
        view.shards[0].admitted.add(2 * count);
        view.shards[0].removed.add(3);
        view.shards[0].bindings[1].outbound_packets.add(7);
        view.shards[0].bindings[1].outbound_bytes.add(700);
        view.shards[0].refused[1].add(5);
        view.shards[0].expired.add(2);
    }
    let inspection = inspection(&folder, views.into());
    let server = Server::bind(&folder.socket()).unwrap().serve(inspection).unwrap();
    (folder, server)
}

#[test]
fn status_is_about_the_unit_and_each_worker() {
    let (folder, _server) = unit_that_counted();
    let Outcome::Status(status) = show(&folder, Show::Status) else { panic!() };
    assert_eq!((status.unit.as_str(), status.version.as_str()), ("a", "1.2.3-test"));
    assert_eq!(status.folder, folder.0.to_str().unwrap());
    assert_eq!((status.connections, status.connection_capacity), (214, 2_000));
    assert_eq!((status.ports_up, status.ports), (1, 2));
    assert_eq!((status.memory.mbufs, status.memory.mbufs_in_use), (1_000, 10));
    let [first, second] = status.workers.as_slice() else { panic!("{status:?}") };
    assert_eq!((first.cpu, second.cpu), (1, 2));
    assert_eq!((first.idle, first.rounds, first.idle_percent), (IdleMode::Sleep, 1_000, 87.5));
    assert_eq!((first.connections, second.connections), (17, 197));
}

#[test]
fn virtual_servers_are_sums_over_workers_and_bindings() {
    let (folder, _server) = unit_that_counted();
    let Outcome::Virtual(servers) = show(&folder, Show::Virtual) else { panic!() };
    let [web, names, _] = servers.as_slice() else { panic!("{servers:?}") };
    assert_eq!((web.name.as_str(), web.predictor.as_str()), ("192.0.2.100:80:tcp", "leastconns"));
    assert_eq!((web.real_servers_in_service, web.real_servers), (1, 2));
    assert_eq!((web.connections, web.admitted, web.refused), (214, 220, 0));
    assert_eq!(web.outbound, Traffic { packets: 14, bytes: 1_400 });
    assert_eq!((names.connections, names.refused), (0, 10));
}

#[test]
fn real_servers_have_their_own_counts_and_next_hop() {
    let (folder, _server) = unit_that_counted();
    let Outcome::Real(servers) = show(&folder, Show::Real) else { panic!() };
    let [first, second, ..] = servers.as_slice() else { panic!("{servers:?}") };
    assert_eq!((first.connections, second.connections), (104, 110));
    assert_eq!((first.in_service, second.in_service, second.weight), (true, false, 2));
    assert_eq!(first.virtual_servers, ["192.0.2.100:80:tcp"]);
    let (port, mac) = ("inside".to_owned(), "02:00:00:00:00:0b".to_owned());
    assert_eq!(first.next_hop, NextHopReport::Resolved { port: port.clone(), mac });
    assert_eq!(second.next_hop, NextHopReport::Unresolved { port, address: "10.1.0.12".parse().unwrap() });
}

#[test]
fn counters_are_added_up_and_balanced() {
    let (folder, _server) = unit_that_counted();
    let Outcome::Counters(counters) = show(&folder, Show::Counters) else { panic!() };
    let total = &counters.total;
    assert_eq!((total.received, total.forwarded, total.answered), (440, 220, 110));
    assert_eq!((total.dropped, total.drops["martian"], total.drops["fragment"]), (2, 2, 0));
    assert_eq!(total.drops.len(), DropReason::COUNT);
    assert_eq!(counters.balance, 440 - 220 - 110 - 2);
    let connections = &counters.connections;
    assert_eq!((connections.current, connections.admitted, connections.removed), (214, 220, 6));
    assert_eq!((connections.refused, connections.expired), (10, 4));
    assert_eq!(counters.workers[1].packets.received, 400);
}

#[test]
fn ports_and_neighbors_are_what_their_owners_say() {
    let (folder, _server) = unit_that_counted();
    let ports = vec![port("outside", true), port("inside", false)];
    assert_eq!(show(&folder, Show::Ports), Outcome::Ports(ports));
    assert_eq!(show(&folder, Show::Neighbors), Outcome::Neighbors(vec![neighbor()]));
}
