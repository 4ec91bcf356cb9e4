//! What is wrong with commands, and how that is told.

use super::{after, changes, shop};
use crate::language::apply;

/// A command, and what is said of it.
const WRONG: &[(&str, &str)] = &[
    (
        "predictor 192.0.2.100:81 maglev",
        "no virtual server 192.0.2.100:81:tcp; defined are \
         192.0.2.100:80:tcp, 192.0.2.100:80:1:tcp, 192.0.2.100:80:9:tcp, 192.0.2.100:443:tcp",
    ),
    (
        "weight 10.1.0.12:80 3",
        "no real server 10.1.0.12:80:tcp; defined are 10.1.0.12:8001:tcp, 10.1.0.11:8001:tcp, 10.1.0.19:8001:tcp",
    ),
    (
        "maxconns 192.0.2.7:80 3",
        "no virtual or real server 192.0.2.7:80:tcp; defined are \
         192.0.2.100:80:tcp, 192.0.2.100:80:1:tcp, 192.0.2.100:80:9:tcp, 192.0.2.100:443:tcp, 10.1.0.11:8001:tcp \
         and 2 more",
    ),
    ("weight 192.0.2.100:80 3", "192.0.2.100:80:tcp is a virtual server; this is for real servers only"),
    ("sticky 10.1.0.11:8001 3", "10.1.0.11:8001:tcp is a real server; this is for virtual servers only"),
    (
        "bind 192.0.2.100:80 192.0.2.100:443",
        "192.0.2.100:443:tcp is a virtual server; this is for real servers only",
    ),
    (
        "no bind 192.0.2.100:80 10.1.0.19:8001",
        "10.1.0.19:8001:tcp is not bound to 192.0.2.100:80:tcp; bound are 10.1.0.11:8001:tcp, 10.1.0.12:8001:tcp",
    ),
    ("no bind 192.0.2.100:443", "there is nothing to undo: no real servers are bound to 192.0.2.100:443:tcp"),
    (
        "assign 192.0.2.100:80:7 203.0.113.0/24",
        "no virtual server 192.0.2.100:80:7:tcp to assign clients to; defined are \
         192.0.2.100:80:tcp, 192.0.2.100:80:1:tcp, 192.0.2.100:80:9:tcp, 192.0.2.100:443:tcp; \
         define the instance first: virtual 192.0.2.100:80:7:tcp",
    ),
    (
        "assign 192.0.2.100:80 203.0.113.0/24",
        "192.0.2.100:80:tcp has bind ID 0, which serves all clients that are not assigned; \
         assign to an instance with another bind ID",
    ),
    (
        "assign 192.0.2.100:80:1 203.0.113.7/24",
        "assign 192.0.2.100:80:1:tcp 203.0.113.7/24: \
         203.0.113.7/24 has bits set that its prefix leaves out; write 203.0.113.0/24",
    ),
    (
        "assign 192.0.2.100:80:1 2001:db8::/32",
        "assign 192.0.2.100:80:1:tcp 2001:db8::/32: \
         2001:db8::/32 is IPv6, but 192.0.2.100:80:1:tcp is IPv4; assign clients of the same address family",
    ),
    (
        "no assign 192.0.2.100:80:9 198.51.100.0/24",
        "198.51.100.0/24 is not assigned to 192.0.2.100:80:9:tcp; it is assigned to 192.0.2.100:80:1:tcp",
    ),
    (
        "no assign 192.0.2.100:80:1 203.0.113.7",
        "203.0.113.7/32 is not assigned to 192.0.2.100:80:1:tcp; assigned are 198.51.100.0/24",
    ),
    (
        "no assign 192.0.2.100:80:9",
        "there is nothing to undo: no clients are assigned to 192.0.2.100:80:9:tcp",
    ),
    (
        "weight 10.1.0.11:8001 0",
        "weight 10.1.0.11:8001:tcp: weight 0 is not in 1 to 1000; \
         to give a server no new connections, take it out of service",
    ),
    ("maxconns 10.1.0.11:8001 0", "maxconns 10.1.0.11:8001:tcp: 0 is not in 1 to 64000000"),
    ("timeout syn 0", "timeout syn: 0 is not in 1 to 1000000 seconds"),
    ("timeout udp 0 192.0.2.100:80", "timeout udp 192.0.2.100:80:tcp: 0 is not in 1 to 1000000 seconds"),
    ("sticky 192.0.2.100:80:1 5 --ipv4-prefix 33", "sticky 192.0.2.100:80:1:tcp: 33 is not in 1 to 32"),
    ("resends 192.0.2.100:80 101", "resends 192.0.2.100:80:tcp: 101 is not in 0 to 100"),
    ("retry 10.1.0.11:8001 86401", "retry 10.1.0.11:8001:tcp: 86401 is not in 0 to 86400"),
    (
        "no sticky 192.0.2.100:443",
        "buddy shop 192.0.2.100:443:tcp: 192.0.2.100:443:tcp is not sticky, so it has nothing to share with its \
         buddies; make it sticky first, or take it out of the group of buddies first",
    ),
    ("no sticky 192.0.2.100:80:1", "there is nothing to undo: 192.0.2.100:80:1:tcp is not sticky"),
    ("no refuse 192.0.2.100:80", "there is nothing to undo: 192.0.2.100:80:tcp refuses nobody"),
    ("no backup 192.0.2.100:80", "there is nothing to undo: 192.0.2.100:80:tcp has no backup"),
    (
        "no maxconns 10.1.0.11:8001",
        "there is nothing to undo: 10.1.0.11:8001:tcp may have any number of connections",
    ),
    (
        "no synguard 192.0.2.100:80",
        "there is nothing to undo: 192.0.2.100:80:tcp may have any number of half-open connections",
    ),
    (
        "no timeout syn 192.0.2.100:80",
        "there is nothing to undo: 192.0.2.100:80:tcp has no timeout syn of its own",
    ),
    (
        "buddy other 192.0.2.100:80",
        "buddy other 192.0.2.100:80:tcp: 192.0.2.100:80:tcp is a buddy in \"shop\" already; \
         a virtual server is in one group of buddies",
    ),
    ("no buddy other", "no buddies are called \"other\"; there are shop"),
    (
        "no buddy shop 192.0.2.100:80:1",
        "192.0.2.100:80:1:tcp is not one of the buddies \"shop\"; they are 192.0.2.100:80:tcp, 192.0.2.100:443:tcp",
    ),
    (
        "backup 10.1.0.12:8001 10.1.0.19:8001 busy",
        "10.1.0.12:8001:tcp is a real server, whose backup comes in when it has failed; \
         busy is for virtual servers only",
    ),
    (
        "backup 10.1.0.12:8001 192.0.2.100:80",
        "192.0.2.100:80:tcp is a virtual server; this is for real servers only",
    ),
    (
        "backup 192.0.2.100:80 192.0.2.100:80:1",
        "backup 192.0.2.100:80:tcp: 192.0.2.100:80:tcp would stand in for itself, by 192.0.2.100:80:tcp, \
         then 192.0.2.100:80:1:tcp, then 192.0.2.100:80:tcp; break the circle\n\
         backup 192.0.2.100:80:1:tcp: 192.0.2.100:80:1:tcp would stand in for itself, by 192.0.2.100:80:1:tcp, \
         then 192.0.2.100:80:tcp, then 192.0.2.100:80:1:tcp; break the circle",
    ),
    (
        "no virtual 192.0.2.100:80",
        "192.0.2.100:80:tcp is the backup of 192.0.2.100:80:1:tcp; first: no backup 192.0.2.100:80:1:tcp",
    ),
    (
        "no real 10.1.0.19:8001",
        "10.1.0.19:8001:tcp is the backup of 10.1.0.11:8001:tcp; first: no backup 10.1.0.11:8001:tcp",
    ),
    (
        "bind 192.0.2.100:80:9 10.1.0.11:8001",
        "bind 192.0.2.100:80:9:tcp: it refuses all connections, so it can have no real servers; \
         remove the bindings, or the refusal",
    ),
    (
        "virtual 192.0.2.101:80 --group web",
        "virtual 192.0.2.101:80:tcp --group: no group \"web\"; defined are default",
    ),
    ("no group web", "no group \"web\"; none is defined"),
    (
        "group web --mac inside=02:00:5e:10:00:01 --mac inside=02:00:5e:10:00:02",
        "the group \"web\" has two MAC addresses on the port \"inside\"; it can have one",
    ),
    (
        "group web --shared cellar=10.1.0.9/24",
        "group web --shared: the unit has no port \"cellar\"; its ports are outside, inside",
    ),
    (
        "virtual 192.0.2.1:80",
        "virtual 192.0.2.1:80:tcp: 192.0.2.1 is the unit's own on port \"outside\"; a server needs another",
    ),
    (
        "real 192.0.2.100:8001",
        "real 192.0.2.100:8001:tcp: 192.0.2.100 is the address of the virtual server 192.0.2.100:80:tcp; \
         a real server needs one of its own",
    ),
    (
        "real 10.1.0.13:80:7",
        "real 10.1.0.13:80:7:tcp: a real server has no bind ID, and this one has 7; write the name without it",
    ),
];

#[test]
fn a_wrong_command_says_what_is_wrong() {
    for (line, expected) in WRONG {
        let error = after(&shop(), line).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.command), (*expected, None), "{line}");
    }
}

#[test]
fn a_wrong_command_leaves_the_draft_as_it_was() {
    for line in
        ["bind 192.0.2.100:443 10.1.0.11:8001 10.1.0.99:8001", "out-of-service 10.1.0.11:8001 10.1.0.99"]
    {
        let mut draft = shop();
        apply(&mut draft, &changes(line)[0]).unwrap_err();
        assert_eq!(draft, shop());
    }
}

#[test]
fn a_group_with_virtual_servers_stays() {
    let groups = "group web\ngroup mail\nvirtual 192.0.2.101:25 --group mail";
    let draft = after(&shop(), groups).unwrap().draft;
    for (line, expected) in [
        (
            "no group mail",
            "the group \"mail\" has virtual servers; remove them first, or put them into another: 192.0.2.101:25:tcp",
        ),
        (
            "no group web",
            "the group \"web\" has virtual servers; remove them first, or put them into another: \
             192.0.2.100:80:tcp, 192.0.2.100:80:1:tcp, 192.0.2.100:80:9:tcp, 192.0.2.100:443:tcp",
        ),
    ] {
        assert_eq!(after(&draft, line).unwrap_err().to_string(), expected);
    }
    let last = after(&draft, "no virtual 192.0.2.101:25\nno group mail\nno group web").unwrap();
    assert_eq!(last.draft, shop(), "those that name no group are in the one that there is without any");
}

#[test]
fn a_draft_that_is_none_is_refused() {
    let mut draft = director::ConfigurationDraft::default().real_server("somewhere");
    let error = apply(&mut draft, &changes("hash-seed 1")[0]).unwrap_err();
    assert_eq!(error.to_string(), "the configuration has \"somewhere\", which can not be read");
}
