//! ICMP: what the unit answers itself, and errors that it translates (RFC 5508).

use std::io::IoSliceMut;
use std::net::{IpAddr, UdpSocket};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

use crate::lab::client::Client;
use crate::lab::plan::{Plan, VIRTUAL_V4, VIRTUAL_V6, add_service, line_services, web};
use crate::lab::{Lab, Namespace, wait};

#[test]
fn virtual_addresses_answer_to_ping() {
    let lab = Lab::start(&Plan::default());
    for client in [&lab.client, &lab.neighbor] {
        client.ping("192.0.2.100");
        client.ping("2001:db8:100::100");
    }
    assert!(lab.view.packets().answered >= 12);
}

#[test]
fn neighbors_learn_the_units_mac_address_for_virtual_addresses() {
    let lab = Lab::start(&Plan::default());
    let mac = lab.view.port_mac("outside");
    for address in ["192.0.2.100", "2001:db8:100::100"] {
        lab.neighbor.ping(address);
        assert_eq!(lab.neighbor.neighbor(address), Some(mac.clone()), "{address}");
    }
    // An address of the same network that is nobody's is not answered.
    let output = lab.neighbor.namespace.output("ping", &["-n", "-c", "1", "-W", "1", "192.0.2.101"]);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn port_unreachable_comes_from_the_virtual_address() {
    let mut director = line_services("roundrobin", 1);
    add_service(&mut director, ":9:udp", "roundrobin", 1); // Nobody listens there.
    let lab = Lab::start(&Plan { servers: 1, director, ..Plan::default() });
    for address in [VIRTUAL_V4, VIRTUAL_V6] {
        let socket = lab.client.datagrams((address, 9).into());
        let setting = if address.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)
        } else {
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)
        };
        setting.expect("errors can be asked for");
        socket.send(b"anybody there?").expect("a route");
        let offender = wait::until("an ICMP error", || error_sender(&socket));
        assert_eq!(offender, address);
    }
}

/// Who sent the ICMP error that waits at `socket`, if any. The kernel queues it only if it quotes a datagram of the
/// socket, so the quoted addresses and ports were translated.
fn error_sender(socket: &UdpSocket) -> Option<IpAddr> {
    let mut payload = [0; 256];
    let mut parts = [IoSliceMut::new(&mut payload)];
    let mut space = vec![0; 512];
    let raw = std::os::fd::AsRawFd::as_raw_fd(socket);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(raw, &mut parts, Some(&mut space), flags).ok()?;
    message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4RecvErr(_, Some(from)) => {
            Some(IpAddr::from(u32::from_be(from.sin_addr.s_addr).to_be_bytes()))
        }
        ControlMessageOwned::Ipv6RecvErr(_, Some(from)) => Some(IpAddr::from(from.sin6_addr.s6_addr)),
        _ => None,
    })
}

/// The largest packet that the far client's link takes.
const FAR_MTU: usize = 1_300;

#[test]
fn path_mtu_discovery_works_through_the_unit() {
    let page = vec![b'x'; 1 << 20];
    let lab = Lab::start(&Plan {
        servers: 1,
        director: web("roundrobin", 1),
        large: Some(page.clone()),
        ..Plan::default()
    });
    let (_router, far) = far_client(&lab);
    for url in ["http://192.0.2.100/large", "http://[2001:db8:100::100]/large"] {
        assert_eq!(far.fetch(url).len(), page.len(), "{url}");
    }
    // The server knows it from a router's ICMP error, which was about a packet of the virtual server.
    for address in ["203.0.113.10", "2001:db8:3::10"] {
        let route = lab.servers[0].namespace.run("ip", &["route", "get", address]);
        assert!(route.contains(&format!("mtu {FAR_MTU}")), "{route}");
    }
}

/// A client behind a router outside, whose link takes smaller packets than its interface says.
fn far_client(lab: &Lab) -> (Namespace, Client) {
    let router = lab.join_outside("router");
    let far = Namespace::new();
    router.set("net/ipv4/ip_forward", "1");
    router.set("net/ipv6/conf/all/forwarding", "1");
    router.ip(&format!(
        "addr add 198.51.100.2/24 dev eth0\naddr add 2001:db8:1::2/64 dev eth0\n\
         route add 192.0.2.0/24 via 198.51.100.1\nroute add 2001:db8:100::/64 via 2001:db8:1::1\n\
         link add far type veth peer name eth0 netns {}\nlink set far mtu {FAR_MTU} up\n\
         addr add 203.0.113.1/24 dev far\naddr add 2001:db8:3::1/64 dev far",
        far.path().display()
    ));
    far.ip("link set eth0 up\naddr add 203.0.113.10/24 dev eth0\naddr add 2001:db8:3::10/64 dev eth0\n\
         route add default via 203.0.113.1\nroute add ::/0 via 2001:db8:3::1");
    lab.host.ip(
        "route add 203.0.113.0/24 via 198.51.100.2 dev outside\nroute add 2001:db8:3::/64 via 2001:db8:1::2 dev outside",
    );
    (router, Client { namespace: far })
}
