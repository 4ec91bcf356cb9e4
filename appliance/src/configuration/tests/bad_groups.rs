//! What can be wrong with failover groups in `director.json`, and what is right.

use director::{Comparison, SwitchStrategy};

use super::{UNIT, changed, mistakes, read_texts};

const DIRECTOR: &str = r#"{
  "groups": [
    { "name": "web", "primary": "a",
      "shared_addresses": { "inside": ["10.1.0.254/24", "fe80::1/64"], "outside": ["198.51.100.9/24"] },
      "mac": { "outside": "02:00:5e:10:00:01" } },
    { "name": "dns", "strategy": "automatic", "compare": "count", "hold_s": 5,
      "load_margin_percent": 20, "advertise": true }
  ],
  "virtual_servers": [
    { "virtual": "192.0.2.100:80", "group": "dns" },
    { "virtual": "192.0.2.101" }
  ]
}"#;

#[test]
fn every_key_of_a_group_is_understood() {
    let director = read_texts(UNIT, DIRECTOR).unwrap().director;
    let [web, dns] = director.groups() else { panic!("two groups") };
    assert_eq!((web.name(), web.primary()), ("web", Some("a")));
    assert_eq!(
        (web.strategy(), web.compare(), web.hold().as_secs()),
        (SwitchStrategy::Manual, Comparison::Required, 30)
    );
    let shared: Vec<_> = web.shared_addresses_on("inside").iter().map(ToString::to_string).collect();
    assert_eq!(shared, ["10.1.0.254/24", "fe80::1/64"]);
    assert_eq!(web.mac_on("outside").unwrap().to_string(), "02:00:5e:10:00:01");
    assert_eq!((dns.strategy(), dns.compare()), (SwitchStrategy::Automatic, Comparison::Count));
    assert_eq!((dns.hold().as_secs(), dns.load_margin_percent(), dns.advertises()), (5, Some(20), true));
    let members: Vec<_> = director.virtual_servers().iter().map(director::VirtualServer::group).collect();
    assert_eq!(members, [1, 0]);
}

/// A change of the document, and what is said of it after the file's name.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "true }",
        "true }, { \"name\": \"web\" }",
        "7:65: groups[2].name: another group has the name \"web\" already; names are used once",
    ),
    (
        "\"primary\": \"a\"",
        "\"primary\": \"unit a\"",
        "3:33: groups[0].primary: \"unit a\" is not a unit's name; \
         write the \"name\" of one of the units, as its unit.json has it",
    ),
    ("\"hold_s\": 5", "\"hold_s\": 99999", "6:77: groups[1].hold_s: 99999 s are more than 86400"),
    (
        "_percent\": 20",
        "_percent\": 0",
        "7:30: groups[1].load_margin_percent: 0 percent are not in 1 to 100; leave it out where load does not matter",
    ),
    (
        "\"fe80::1/64\"",
        "\"fe80::1\"",
        "4:57: groups[0].shared_addresses.inside[1]: \
         \"fe80::1\" is not an address with a prefix length; write it like 10.1.0.1/24 or 2001:db8:1::1/64",
    ),
    (
        "\"10.1.0.254/24\"",
        "\"10.1.0.1/24\"",
        "4:40: groups[0].shared_addresses.inside[0]: \
         10.1.0.1 is the unit's own on port \"inside\"; what moves with a group is neither unit's own",
    ),
    (
        "\"outside\": [",
        "\"middle\": [",
        "4:82: groups[0].shared_addresses.middle: the unit has no port \"middle\"; its ports are outside, inside",
    ),
    (
        "\"outside\": \"02",
        "\"middle\": \"02",
        "5:26: groups[0].mac.middle: the unit has no port \"middle\"; its ports are outside, inside",
    ),
    (
        "\"02:00:5e:10:00:01\"",
        "\"03:00:5e:10:00:01\"",
        "5:27: groups[0].mac.outside: \
         03:00:5e:10:00:01 can not be a group's; write an individual address, like 02:00:5e:10:00:01",
    ),
    (
        "\"group\": \"dns\"",
        "\"group\": \"mail\"",
        "10:45: virtual_servers[0].group: no group \"mail\"; defined are web, dns",
    ),
    (
        "[\"198.51.100.9/24\"]",
        "\"198.51.100.9/24\"",
        "4:83: groups[0].shared_addresses.outside: found string \"198.51.100.9/24\"; write a list",
    ),
    (
        "{ \"outside\": \"02:00:5e:10:00:01\" }",
        "[\"02:00:5e:10:00:01\"]",
        "5:14: groups[0].mac: found a list; write an object",
    ),
    (
        "\"02:00:5e:10:00:01\"",
        "[\"02:00:5e:10:00:01\"]",
        "5:27: groups[0].mac.outside: found a list; write a string in quotes",
    ),
];

#[test]
fn each_mistake_is_told_at_its_place() {
    for (from, to, expected) in MISTAKES {
        let said = mistakes(UNIT, &changed(DIRECTOR, from, to));
        assert_eq!(said, [format!("director.json:{expected}")], "{to}");
    }
}

#[test]
fn a_group_does_not_have_the_units_own_mac_address() {
    let unit =
        changed(UNIT, "\"interface\": \"eth1\"", "\"interface\": \"eth1\", \"mac\": \"02:00:5e:10:00:01\"");
    assert_eq!(
        mistakes(&unit, DIRECTOR),
        [
            "director.json:5:27: groups[0].mac.outside: 02:00:5e:10:00:01 is the unit's own on this port; write another"
        ]
    );
}
