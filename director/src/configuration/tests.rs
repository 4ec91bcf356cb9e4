//! Drafts that are right, and each way in which one can be wrong.

mod choice;
mod groups;

use std::time::Duration;

use model::limits;

use super::*;

const WEB: &str = "192.0.2.100:80";

/// Two virtual servers and two real servers.
fn draft() -> ConfigurationDraft {
    Configuration::builder()
        .virtual_server(WEB, Predictor::RoundRobin)
        .virtual_server("[2001:db8:100::100]:53:udp", Predictor::LeastConnections)
        .real_server("10.1.0.11:8080")
        .real_server("10.1.0.12:8080")
}

/// The only mistake of a draft, in words.
fn mistake(draft: &ConfigurationDraft) -> (Place, String) {
    let mistakes = draft.build().unwrap_err();
    let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
    (mistake.place, mistake.to_string())
}

#[test]
fn bindings_are_grouped_by_virtual_server_in_the_order_of_writing() {
    let configuration = draft()
        .virtual_server("192.0.2.100:443", Predictor::LeastConnections)
        .bind("192.0.2.100:443", &["10.1.0.12:8080"])
        .bind("192.0.2.100:80:tcp", &["10.1.0.12:8080"])
        .bind(WEB, &["10.1.0.11:8080"])
        .build()
        .unwrap();
    let pairs: Vec<_> =
        configuration.bindings().iter().map(|each| (each.virtual_server(), each.real_server())).collect();
    assert_eq!(pairs, [(0, 1), (0, 0), (2, 1)]);
    let ranges: Vec<_> = configuration.virtual_servers().iter().map(VirtualServer::bindings).collect();
    assert_eq!(ranges, [0..2, 2..2, 2..3]);
    assert_eq!(configuration.virtual_servers()[0].predictor(), Predictor::RoundRobin);
    assert_eq!(configuration.real_servers()[1].name().to_string(), "10.1.0.12:8080:tcp");
}

#[test]
fn what_is_not_said_has_a_default() {
    let configuration = draft().build().unwrap();
    assert!(configuration.virtual_servers().iter().all(VirtualServer::is_in_service));
    assert!(configuration.real_servers().iter().all(|server| server.is_in_service() && server.weight() == 1));
    assert_eq!(configuration.timeouts(), &Timeouts::default());
    assert_eq!(configuration.timeouts().tcp_established(), Duration::from_secs(7_440));
    assert_eq!(configuration.tcp_without_connection(), TcpWithoutConnection::Drop);
    assert_eq!(Configuration::builder().build().unwrap(), Configuration::default());
}

#[test]
fn what_is_said_is_kept() {
    let configuration = draft()
        .add_virtual_server(VirtualServerDraft {
            in_service: false,
            ..VirtualServerDraft::new("192.0.2.101:80")
        })
        .add_real_server(RealServerDraft {
            weight: 7,
            in_service: false,
            ..RealServerDraft::new("10.1.0.13")
        })
        .timeouts(TimeoutsDraft { udp_s: 30, ..TimeoutsDraft::default() })
        .tcp_without_connection(TcpWithoutConnection::Reset)
        .build()
        .unwrap();
    assert!(!configuration.virtual_servers()[2].is_in_service());
    assert_eq!(configuration.real_servers()[2].weight(), 7);
    assert!(!configuration.real_servers()[2].is_in_service());
    assert_eq!(configuration.timeouts().udp(), Duration::from_secs(30));
    assert_eq!(configuration.timeouts().tcp_syn(), Duration::from_secs(60));
    assert_eq!(configuration.tcp_without_connection(), TcpWithoutConnection::Reset);
}

#[test]
fn a_real_server_of_port_0_suits_virtual_servers_with_and_without_a_port() {
    let configuration = draft()
        .virtual_server("192.0.2.101", Predictor::LeastConnections)
        .real_server("10.1.0.13")
        .bind("192.0.2.101", &["10.1.0.13"])
        .bind(WEB, &["10.1.0.13:0:tcp"])
        .build()
        .unwrap();
    assert_eq!(configuration.bindings().len(), 2);
}

#[test]
fn one_real_server_may_serve_several_virtual_servers() {
    let configuration = draft()
        .virtual_server("192.0.2.101:80", Predictor::LeastConnections)
        .bind(WEB, &["10.1.0.11:8080"])
        .bind("192.0.2.101:80", &["10.1.0.11:8080"]);
    assert_eq!(configuration.build().unwrap().bindings().len(), 2);
}

#[test]
fn definitions_are_checked() {
    let with_virtual = |name| draft().virtual_server(name, Predictor::LeastConnections);
    let with_real = |name| draft().real_server(name);
    for (draft, place, message) in [
        (
            with_virtual("web"),
            Place::VirtualServer(2),
            "\"web\" does not begin with an IP address; write 192.0.2.1:80 or [2001:db8::1]:80",
        ),
        (
            with_virtual("192.0.2.100:80:tcp"),
            Place::VirtualServer(2),
            "192.0.2.100:80:tcp is the same virtual server as 192.0.2.100:80 before it; remove one of them",
        ),
        (
            draft().real_server("10.1.0.13:81:5"),
            Place::RealServer(2),
            "a real server has no bind ID, and this one has 5; write the name without it",
        ),
        (
            with_real("10.1.0.12:8080"),
            Place::RealServer(2),
            "10.1.0.12:8080 is the same real server as 10.1.0.12:8080 before it; remove one of them",
        ),
        (
            with_real("192.0.2.100:8080"),
            Place::RealServer(2),
            "192.0.2.100 is the address of the virtual server 192.0.2.100:80; a real server needs one of its own",
        ),
        (
            draft().add_real_server(RealServerDraft { weight: 0, ..RealServerDraft::new("10.1.0.13") }),
            Place::Weight(2),
            "weight 0 is not in 1 to 1000; to give a server no new connections, take it out of service",
        ),
        (
            draft().add_real_server(RealServerDraft { weight: 65_537, ..RealServerDraft::new("10.1.0.13") }),
            Place::Weight(2),
            "weight 65537 is not in 1 to 1000; to give a server no new connections, take it out of service",
        ),
        (
            draft().timeouts(TimeoutsDraft { tcp_closed_s: 0, ..TimeoutsDraft::default() }),
            Place::Timeout(TimeoutKind::TcpClosed),
            "0 is not in 1 to 1000000 seconds",
        ),
        (
            draft().timeouts(TimeoutsDraft { udp_s: 1_000_001, ..TimeoutsDraft::default() }),
            Place::Timeout(TimeoutKind::Udp),
            "1000001 is not in 1 to 1000000 seconds",
        ),
    ] {
        assert_eq!(mistake(&draft), (place, message.to_owned()));
    }
}

#[test]
fn servers_have_unicast_addresses() {
    for (name, kind) in [
        ("0.0.0.0:80", "an unspecified address"),
        ("127.1.2.3:80", "a loopback address"),
        ("224.0.0.5:80", "a multicast address"),
        ("240.0.0.1:80", "a reserved address"),
        ("255.255.255.255:80", "the broadcast address"),
        ("[::]:80", "the unspecified address"),
        ("[::1]:80", "the loopback address"),
        ("[ff02::1]:80", "a multicast address"),
        ("[::ffff:192.0.2.1]:80", "an IPv4-mapped address"),
        ("[fe80::1]:80", "a link-local address"),
    ] {
        let problem = Problem::Address { address: name.parse::<ServerName>().unwrap().address, kind };
        let as_virtual = draft().virtual_server(name, Predictor::LeastConnections).build().unwrap_err();
        assert_eq!(as_virtual[0].problem, problem, "{name}");
        let as_real = draft().real_server(name).build().unwrap_err();
        assert_eq!(as_real[0].problem, problem, "{name}");
    }
}

#[test]
fn bindings_are_checked() {
    let binding = |virtual_server, real_servers: &[&str]| {
        draft()
            .virtual_server("192.0.2.101", Predictor::LeastConnections)
            .real_server("10.1.0.11:8080:udp")
            .real_server("[2001:db8:1::11]:53:udp")
            .real_server("10.1.0.13")
            .real_server("10.1.0.13:80")
            .bind(virtual_server, real_servers)
    };
    let real = |real| Place::BindingReal { binding: 0, real };
    for (draft, place, message) in [
        (
            binding("192.0.2.100:81", &["10.1.0.11:8080"]),
            Place::BindingVirtual(0),
            "no virtual server 192.0.2.100:81; \
             defined are 192.0.2.100:80, [2001:db8:100::100]:53:udp, 192.0.2.101",
        ),
        (
            binding(WEB, &["10.1.0.11:8080", "10.1.0.13:8080"]),
            real(1),
            "no real server 10.1.0.13:8080; \
             defined are 10.1.0.13, 10.1.0.13:80, 10.1.0.11:8080, 10.1.0.12:8080, 10.1.0.11:8080:udp and 1 more",
        ),
        (
            binding(WEB, &["[2001:db8:1::11]:53:udp"]),
            real(0),
            "[2001:db8:1::11]:53:udp is IPv6, but the virtual server 192.0.2.100:80 is IPv4; \
             bind real servers of the same address family",
        ),
        (
            binding(WEB, &["10.1.0.11:8080:udp"]),
            real(0),
            "10.1.0.11:8080:udp is udp, but the virtual server 192.0.2.100:80 is tcp; \
             bind real servers of the same protocol",
        ),
        (
            binding("192.0.2.101", &["10.1.0.13", "10.1.0.11:8080"]),
            real(1),
            "10.1.0.11:8080 has a port, but the virtual server 192.0.2.101 has all ports (port 0); \
             bind real servers of port 0, which keep the port that the client chose",
        ),
        (
            binding(WEB, &["10.1.0.11:8080", "10.1.0.12:8080", "10.1.0.11:8080:tcp"]),
            real(2),
            "10.1.0.11:8080:tcp is bound to the virtual server 192.0.2.100:80 already, as 10.1.0.11:8080; \
             remove one of them",
        ),
        (
            binding(WEB, &["10.1.0.13", "10.1.0.13:80"]),
            real(1),
            "10.1.0.13:80 is bound to the virtual server 192.0.2.100:80 already, as 10.1.0.13; remove one of them",
        ),
        (
            binding(WEB, &[]),
            Place::BindingReals(0),
            "no real servers are bound; name at least one or remove the binding",
        ),
    ] {
        assert_eq!(mistake(&draft), (place, message.to_owned()));
    }
}

#[test]
fn nothing_is_bound_where_nothing_is_defined() {
    let draft =
        Configuration::builder().virtual_server(WEB, Predictor::LeastConnections).bind(WEB, &["10.1.0.11"]);
    let message = "no real server 10.1.0.11; no real servers are defined".to_owned();
    assert_eq!(mistake(&draft), (Place::BindingReal { binding: 0, real: 0 }, message));
}

#[test]
fn limits_hold() {
    let address = |index: usize| format!("10.{}.{}.1:80", index / 256, index % 256);
    let mut full = Configuration::builder();
    for index in 0..limits::REAL_SERVERS {
        full = full.real_server(&address(index));
    }
    assert_eq!(full.build().unwrap().real_servers().len(), limits::REAL_SERVERS);
    let (place, message) = mistake(&full.real_server(&address(limits::REAL_SERVERS)));
    assert_eq!(place, Place::RealServers);
    assert_eq!(message, "4097 real servers are more than the 4096 that a unit can have");
}

#[test]
fn all_mistakes_are_found() {
    let draft = draft()
        .virtual_server("224.0.0.1", Predictor::LeastConnections)
        .real_server("10.1.0")
        .bind(WEB, &["10.1.0.99", "10.1.0.11:8080"])
        .timeouts(TimeoutsDraft { tcp_syn_s: 0, ..TimeoutsDraft::default() });
    let places: Vec<_> = draft.build().unwrap_err().iter().map(|mistake| mistake.place).collect();
    let binding = Place::BindingReal { binding: 0, real: 0 };
    assert_eq!(
        places,
        [Place::VirtualServer(2), Place::RealServer(2), binding, Place::Timeout(TimeoutKind::TcpSyn)]
    );
}
