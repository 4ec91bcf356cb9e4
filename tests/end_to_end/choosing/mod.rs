//! Choosing servers: what an operator configures, and what clients and servers then see of it.
//!
//! Everything is tried by both address families, and by TCP and UDP where it means something to both.

mod assignments;
mod backups;
mod bindings;
mod ditching;
mod draining;
mod explaining;
mod families;
mod fastest;
mod hashing;
mod maxima;
mod pair;
mod predictors;
mod resets;
mod slow_start;
mod sticky;
mod synguard;
mod talk;
mod timeouts;
mod unwelcome;

use std::collections::BTreeMap;
use std::process::Output;

use crate::lab::{Lab, Namespace};
use families::Family;

/// How often each of them is there.
fn counted<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_insert(0) += 1;
    }
    counts
}

/// What becomes of client `number`'s `curl` of the page at `port` of the virtual server.
fn curl(lab: &Lab, family: Family, number: u8, port: u16, patience_s: u32) -> Output {
    let (from, url) =
        (family.client(number).ip().to_string(), format!("http://{}/", family.virtual_end(port)));
    let patience = patience_s.to_string();
    let arguments =
        ["--silent", "--show-error", "--fail", "--max-time", &patience, "--interface", &from, &url];
    lab.client.namespace.output("curl", &arguments)
}

/// The page that client `number` gets with `curl`.
fn page(lab: &Lab, family: Family, number: u8, port: u16) -> String {
    let output = curl(lab, family, number, port, 30);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{family:?}, client {number}, port {port}: {complaint}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Has a host lose all that asks for a connection to `port`.
fn silence(host: &Namespace, port: u16) {
    let rule = format!(
        "add table inet silence; add chain inet silence input {{ type filter hook input priority 0; }}; \
         add rule inet silence input tcp dport {port} tcp flags & (syn|ack) == syn drop"
    );
    host.run("nft", &[&rule]);
}

/// Undoes that.
fn heal(host: &Namespace) {
    host.run("nft", &["delete table inet silence"]);
}
