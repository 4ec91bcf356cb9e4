//! Failover groups: what they mean, and each way in which one can be wrong.

use super::*;

/// Two groups, each with a virtual server of its own.
fn two_groups() -> ConfigurationDraft {
    let server = |name, group: &str| VirtualServerDraft {
        group: Some(group.to_owned()),
        ..VirtualServerDraft::new(name)
    };
    let shared = |port: &str, address: &str| vec![(port.to_owned(), vec![address.to_owned()])];
    Configuration::builder()
        .add_group(GroupDraft {
            primary: Some("a".to_owned()),
            shared_addresses: shared("inside", "10.1.0.1/24"),
            ..GroupDraft::new("web")
        })
        .add_group(GroupDraft {
            shared_addresses: shared("inside", "10.1.1.1/24"),
            macs: vec![("inside".to_owned(), "02:00:5e:10:00:01".to_owned())],
            ..GroupDraft::new("dns")
        })
        .virtual_server(WEB, Predictor::RoundRobin)
        .add_virtual_server(server("192.0.2.101:80", "dns"))
        .real_server("10.1.0.11:8080")
        .real_server("10.1.1.11:8080")
        .bind(WEB, &["10.1.0.11:8080"])
        .bind("192.0.2.101:80", &["10.1.1.11:8080"])
}

#[test]
fn what_a_group_has_is_kept() {
    let configuration = two_groups().build().unwrap();
    let [web, dns] = configuration.groups() else { panic!("two groups") };
    assert_eq!((web.name(), web.primary(), dns.primary()), ("web", Some("a"), None));
    assert_eq!((web.strategy(), web.compare()), (SwitchStrategy::Manual, Comparison::Required));
    assert_eq!((web.hold(), web.load_margin_percent()), (Duration::from_secs(30), None));
    assert_eq!(web.shared_addresses_on("inside"), ["10.1.0.1/24".parse().unwrap()]);
    assert!(web.shared_addresses_on("outside").is_empty());
    assert!(web.shares("10.1.0.1".parse().unwrap()) && !web.shares("10.1.1.1".parse().unwrap()));
    assert_eq!(dns.mac_on("inside").unwrap().to_string(), "02:00:5e:10:00:01");
    assert_eq!((dns.mac_on("outside"), web.mac_on("inside")), (None, None));
    let members: Vec<_> = configuration.virtual_servers().iter().map(VirtualServer::group).collect();
    assert_eq!(members, [0, 1]);
}

#[test]
fn without_groups_there_is_one() {
    let configuration = draft().build().unwrap();
    assert_eq!(configuration.groups(), [FailoverGroup::default()]);
    assert_eq!(configuration.groups()[0].name(), "default");
    assert_eq!(configuration.of_group(0), configuration, "nothing is different for its shards");
}

#[test]
fn a_part_serves_its_group_and_keeps_all_places() {
    let configuration = two_groups().build().unwrap();
    for group in 0..2 {
        let part = configuration.of_group(group);
        let served: Vec<_> = part.virtual_servers().iter().map(|server| part.serves(server)).collect();
        assert_eq!(served, [group == 0, group == 1]);
        assert_eq!(part.bindings(), configuration.bindings());
        assert_eq!(part.virtual_servers(), configuration.virtual_servers());
    }
}

#[test]
fn one_link_local_gateway_may_be_on_each_link() {
    let shared = ["inside", "outside"].map(|port| (port.to_owned(), vec!["fe80::1/64".to_owned()]));
    let group = GroupDraft { shared_addresses: shared.to_vec(), ..GroupDraft::new("web") };
    assert!(draft().add_group(group).build().is_ok());
}

/// A change of the first group, and what is wrong then.
type Change = (fn(&mut GroupDraft), Place, &'static str);

const WRONG: &[Change] = &[
    (
        |group| group.name = "a b".to_owned(),
        Place::Group(0),
        "\"a b\" is not a group's name; write 1 to 32 letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit",
    ),
    (
        |group| group.name = "dns".to_owned(),
        Place::Group(1),
        "another group has the name \"dns\" already; names are used once",
    ),
    (
        |group| group.primary = Some(String::new()),
        Place::GroupPrimary(0),
        "\"\" is not a unit's name; write the \"name\" of one of the units, as its unit.json has it",
    ),
    (|group| group.hold_s = 86_401, Place::GroupHold(0), "86401 s are more than 86400"),
    (
        |group| group.load_margin_percent = Some(101),
        Place::GroupLoadMargin(0),
        "101 percent are not in 1 to 100; leave it out where load does not matter",
    ),
    (|group| share(group, "10.1.0.1"), SHARED, NOT_NETWORK),
    (
        |group| share(group, "10.1.0.1/0"),
        SHARED,
        "\"10.1.0.1/0\" is not an address with a prefix length; write it like 10.1.0.1/24 or 2001:db8:1::1/64",
    ),
    (
        |group| share(group, "10.1.0.0/24"),
        SHARED,
        "10.1.0.0 can not be shared, as it is the network's address; write a host's address",
    ),
    (
        |group| share(group, "10.1.0.255/24"),
        SHARED,
        "10.1.0.255 can not be shared, as it is the network's broadcast address; write a host's address",
    ),
    (
        |group| share(group, "224.0.0.1/24"),
        SHARED,
        "224.0.0.1 can not be shared, as it is a multicast address; write a host's address",
    ),
    (
        |group| share(group, "10.1.0.11/24"),
        SHARED,
        "10.1.0.11 is the address of the real server 10.1.0.11:8080; write another",
    ),
    (
        |group| share(group, "192.0.2.101/24"),
        SHARED,
        "192.0.2.101 is the address of the virtual server 192.0.2.101:80; write another",
    ),
    (
        |group| share(group, "10.1.1.1/24"),
        Place::SharedAddress { group: 1, port: 0, address: 0 },
        "10.1.1.1 is shared on the port \"inside\" already; addresses are used once",
    ),
    (
        |group| give_mac(group, "02:00:5e:10:00:01"),
        Place::GroupMac { group: 1, port: 0 },
        "02:00:5e:10:00:01 is the address of the group \"web\" on this port already; each group needs its own",
    ),
    (
        |group| give_mac(group, "01:00:5e:10:00:01"),
        Place::GroupMac { group: 0, port: 0 },
        "01:00:5e:10:00:01 can not be a group's; write an individual address, like 02:00:5e:10:00:01",
    ),
];

const SHARED: Place = Place::SharedAddress { group: 0, port: 0, address: 0 };
const NOT_NETWORK: &str =
    "\"10.1.0.1\" is not an address with a prefix length; write it like 10.1.0.1/24 or 2001:db8:1::1/64";

fn share(group: &mut GroupDraft, address: &str) {
    group.shared_addresses = vec![("inside".to_owned(), vec![address.to_owned()])];
}

fn give_mac(group: &mut GroupDraft, mac: &str) {
    group.macs = vec![("inside".to_owned(), mac.to_owned())];
}

#[test]
fn groups_are_checked() {
    for (change, place, message) in WRONG {
        let mut draft = two_groups();
        change(&mut draft.groups[0]);
        let mut mistakes = draft.build().unwrap_err();
        mistakes.retain(|mistake| mistake.place == *place);
        let [mistake] = mistakes.as_slice() else { panic!("{message}: {mistakes:?}") };
        assert_eq!(&mistake.to_string(), message);
    }
}

#[test]
fn what_is_in_which_group_is_checked() {
    let mut draft = two_groups();
    draft.virtual_servers[0].group = Some("mail".to_owned());
    assert_eq!(
        mistake(&draft),
        (Place::VirtualGroup(0), "no group \"mail\"; defined are web, dns".to_owned())
    );
    let draft = two_groups().virtual_server("192.0.2.101:443", Predictor::RoundRobin);
    assert_eq!(
        mistake(&draft),
        (
            Place::VirtualGroup(2),
            "192.0.2.101 is in the group \"dns\" already, as 192.0.2.101:80 is; \
             write the same group for all virtual servers of an address"
                .to_owned()
        )
    );
    let draft = two_groups().real_server("10.1.0.11:81").bind("192.0.2.101:80", &["10.1.0.11:81"]);
    assert_eq!(
        mistake(&draft),
        (
            Place::BindingReal { binding: 2, real: 0 },
            "10.1.0.11 serves the group \"web\" already, for 192.0.2.100:80; \
             a real server's gateway moves with one group, so bind it in one only"
                .to_owned()
        )
    );
}

#[test]
fn there_are_not_too_many_groups() {
    let group = |index| GroupDraft::new(&format!("g{index}"));
    let full = (0..limits::FAILOVER_GROUPS).fold(draft(), |draft, index| draft.add_group(group(index)));
    assert!(full.build().is_ok());
    let (place, message) = mistake(&full.add_group(group(99)));
    assert_eq!(
        (place, message.as_str()),
        (Place::Groups, "9 failover groups are more than the 8 that a unit can have")
    );
}
