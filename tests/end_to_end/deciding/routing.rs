//! A routing daemon on each unit advertises the virtual addresses of what is active there.

use crate::lab::bird::Bird;
use crate::lab::client::Client;
use crate::lab::deciding::{DecidingPair, Settings, with_gateway};
use crate::lab::plan::{Plan, line_addresses, line_services};
use crate::lab::traffic::{still_talk, talk};
use crate::lab::{Namespace, plug, wait};

const ROUTER: &str = "198.51.100.254";
const ADVERTISED: &str = "192.0.2.100/32";

#[test]
fn the_route_to_a_virtual_address_moves_with_its_group() {
    let mut director = with_gateway(line_services("roundrobin", 3), 1);
    director["groups"][0]["advertise"] = true.into();
    let plan = Plan { director, ..Plan::default() };
    let pair = DecidingPair::start(Settings { plan, ..Settings::default() });
    let customer = Client { namespace: Namespace::new() };
    let router = &customer.namespace;
    plug(&pair.network, router, "router", "br-out");
    router.ip(&format!("addr add {ROUTER}/24 dev eth0"));
    let units = [(&pair.a, "198.51.100.1"), (&pair.b, "198.51.100.2")];
    let _daemons = units.map(|(half, own)| {
        Bird::advertising(&half.host, &pair.folder, own, ROUTER, "outside", "192.0.2.0/24{32,32}")
    });
    let daemon = Bird::learning(router, &pair.folder, ROUTER, &units.map(|(_, own)| own));
    let leads_to = |own: &str| {
        wait::until_equal("the next hop", Some(own.to_owned()), || daemon.next_hop(ADVERTISED));
        wait::until_equal("the kernel's route", true, || {
            router.run("ip", &["route", "show", "192.0.2.100"]).contains(own)
        });
    };
    leads_to("198.51.100.1");
    // By the route, through the unit's own address.
    let mut sessions = talk(&customer, &line_addresses()[..1], 6);
    for (half, own) in [units[1], units[0]] {
        pair.wait_until_ready(half);
        assert_eq!(half.failover("active")["state"], "active");
        leads_to(own);
        still_talk(&mut sessions);
    }
    pair.wait_until_ready(&pair.b);
    pair.a.kill();
    leads_to("198.51.100.2");
    still_talk(&mut sessions);
}
