//! Connections from SYN to the end, as packets in and packets out.

mod common;

use std::time::Duration;

use common::*;
use director::{Configuration, ConnectionFilter, Predictor, Unmatched, Verdict};
use model::{DropReason, Protocol};
use packet::{Content, TcpFlags, Transport, Tuple, build};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const RST: TcpFlags = TcpFlags::RST;
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
const FIN_ACK: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);

/// One virtual server of each kind over three real servers.
fn web(predictor: Predictor) -> Configuration {
    let reals = ["10.1.0.11:8080", "10.1.0.12:8080", "10.1.0.13:8080"];
    let reals_v6 = ["[2001:db8:1::11]:8080", "[2001:db8:1::12]:8080"];
    let mut builder = Configuration::builder();
    for real in reals.iter().chain(&reals_v6) {
        builder = builder.real_server(real);
    }
    builder = builder.real_server("10.1.0.11:53:udp");
    builder
        .virtual_server("192.0.2.100:80", predictor)
        .virtual_server("[2001:db8:100::100]:80", predictor)
        .virtual_server("192.0.2.100:53:udp", predictor)
        .bind("192.0.2.100:80", &reals)
        .bind("[2001:db8:100::100]:80", &reals_v6)
        .bind("192.0.2.100:53:udp", &["10.1.0.11:53:udp"])
        .build()
        .unwrap()
}
