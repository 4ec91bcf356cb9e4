//! Web pages through a virtual server.

use std::collections::BTreeMap;

use crate::lab::Lab;
use crate::lab::plan::{Plan, web};

const V4: &str = "http://192.0.2.100/";
const V6: &str = "http://[2001:db8:100::100]/";

/// Enough for many windows of TCP, with no two parts alike.
pub(crate) fn large_page() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut page = Vec::with_capacity(32 << 20);
    while page.len() < page.capacity() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        page.extend_from_slice(&state.to_le_bytes());
    }
    page
}

#[test]
fn round_robin_serves_pages_of_all_servers_in_turn() {
    let lab =
        Lab::start(&Plan { director: web("roundrobin", 3), large: Some(Vec::new()), ..Plan::default() });
    for (url, virtual_server) in [(V4, "192.0.2.100:80:tcp"), (V6, "[2001:db8:100::100]:80:tcp")] {
        let pages: Vec<String> = (0..30).map(|_| lab.client.fetch(url)).collect();
        let mut by_server = BTreeMap::new();
        for page in &pages {
            *by_server.entry(page.as_str()).or_insert(0) += 1;
        }
        assert_eq!(
            by_server,
            BTreeMap::from([("server 1\n", 10), ("server 2\n", 10), ("server 3\n", 10)]),
            "{url}"
        );
        assert!(pages.windows(2).all(|pair| pair[0] != pair[1]), "one server twice in a row: {pages:?}");
        assert_eq!(lab.view.virtual_server(virtual_server).admitted, 30);
    }
    for real_server in ["10.1.0.11:80:tcp", "10.1.0.12:80:tcp", "10.1.0.13:80:tcp", "[2001:db8:2::11]:80:tcp"]
    {
        assert_eq!(lab.view.real_server(real_server).admitted, 10, "{real_server}");
    }
}

#[test]
fn neighbors_on_the_link_get_pages_too() {
    let lab = Lab::start(&Plan {
        director: web("leastconns", 2),
        servers: 2,
        large: Some(Vec::new()),
        ..Plan::default()
    });
    for url in [V4, V6] {
        assert!(lab.neighbor.fetch(url).starts_with("server "), "{url}");
    }
}

#[test]
fn a_large_download_arrives_as_it_was_sent() {
    let large = large_page();
    let lab = Lab::start(&Plan {
        director: web("roundrobin", 1),
        servers: 1,
        large: Some(large.clone()),
        ..Plan::default()
    });
    for url in [V4, V6] {
        let url = format!("{url}large");
        let arguments = ["--silent", "--show-error", "--fail", "--max-time", "120", &url];
        let output = lab.client.namespace.output("curl", &arguments);
        assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(
            output.stdout == large,
            "{url}: {} bytes came, and not those that were sent",
            output.stdout.len()
        );
    }
}
