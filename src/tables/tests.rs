//! Golden tables. The reports come from JSON, as they do in life.

use appliance::management::protocol::{Outcome, Response};

use super::*;

fn outcome(json: &str) -> Outcome {
    let response: Response = serde_json::from_str(json).unwrap();
    response.outcome
}

#[test]
fn status_of_a_unit() {
    let Outcome::Status(report) = outcome(
        r#"{"version":1,"status":{"unit":"a","version":"1.2.3","pid":77,"uptime_s":11045,"folder":"/etc/understudy",
            "state":"active","connections":215,"connection_capacity":1000000,"ports_up":1,"ports":2,
            "mbufs":20000,"mbufs_in_use":4100,"hugepages":false,"workers":[
            {"cpu":2,"idle":"sleep","rounds":1000,"idle_rounds":875,"idle_percent":87.5,"connections":200,"connection_capacity":500000},
            {"cpu":13,"idle":"spin","rounds":1000,"idle_rounds":1000,"idle_percent":100.0,"connections":15,"connection_capacity":500000}]}}"#,
    ) else {
        panic!()
    };
    assert_eq!(
        status(&report, None),
        "\
unit            a
state           active
version         1.2.3
running         3h04m, process 77
configuration   /etc/understudy
connections     215 of 1000000
ports           1 of 2 up
packet buffers  4100 of 20000 in use, without hugepages

worker  cpu  when idle  idle rounds  connections  capacity
     0    2  sleeps          87.5 %          200    500000
     1   13  spins          100.0 %           15    500000
"
    );
}

#[test]
fn virtual_servers_and_a_narrow_terminal() {
    let Outcome::Virtual(reports) = outcome(
        r#"{"version":1,"virtual":[
            {"name":"192.0.2.100:80:tcp","group":"web","in_service":true,"predictor":"leastconns","real_servers":2,
             "real_servers_in_service":1,"connections":5,"admitted":120,"refused":0,
             "inbound":{"packets":900,"bytes":90000},"outbound":{"packets":1800,"bytes":2500000}},
            {"name":"192.0.2.100:80:1:tcp","bind_id":1,"assigned":2,"refuse":"reset","group":"web","in_service":true,
             "predictor":"leastconns","real_servers":0,"real_servers_in_service":0,"connections":0,"admitted":0,"refused":3,
             "inbound":{"packets":0,"bytes":0},"outbound":{"packets":0,"bytes":0}},
            {"name":"[2001:db8:100::100]:53:udp","group":"dns","in_service":false,"draining":4,"predictor":"roundrobin",
             "real_servers":0,"real_servers_in_service":0,"connections":4,"max_connections":9,"admitted":0,"refused":17,
             "inbound":{"packets":0,"bytes":0},"outbound":{"packets":0,"bytes":0}}]}"#,
    ) else {
        panic!()
    };
    assert_eq!(
        virtual_servers(&reports, None),
        "\
virtual server              group  state                   predictor   clients assigned  real servers  connections  admitted  refused  packets in  bytes in  packets out  bytes out
192.0.2.100:80:tcp          web    in service              leastconns                 -        1 of 2            5       120        0         900   90.0 kB         1800    2.50 MB
192.0.2.100:80:1:tcp        web    refuses (reset)         leastconns        2 networks        0 of 0            0         0        3           0       0 B            0        0 B
[2001:db8:100::100]:53:udp  dns    out of service, 4 left  roundrobin                 -        0 of 0       4 of 9         0       17           0       0 B            0        0 B
"
    );
    assert_eq!(
        virtual_servers(&reports, Some(107)),
        "\
virtual server              group  state                   real servers  connections  admitted  refused
192.0.2.100:80:tcp          web    in service                    1 of 2            5       120        0
192.0.2.100:80:1:tcp        web    refuses (reset)               0 of 0            0         0        3
[2001:db8:100::100]:53:udp  dns    out of service, 4 left        0 of 0       4 of 9         0       17
(no room for: predictor, clients assigned, packets in, bytes in, packets out, bytes out)
"
    );
    assert_eq!(virtual_servers(&[], None), "no virtual servers\n");
}

#[test]
fn real_servers_and_the_way_to_them() {
    let Outcome::Real(reports) = outcome(
        r#"{"version":1,"real":[
            {"name":"10.1.0.11:80:tcp","in_service":true,"weight":1,"connections":3,"admitted":60,
             "inbound":{"packets":1,"bytes":60},"outbound":{"packets":2,"bytes":1200},
             "next_hop":{"state":"resolved","port":"inside","mac":"02:00:00:00:00:0b"},
             "virtual_servers":["192.0.2.100:80:tcp"]},
            {"name":"10.1.0.12:80:tcp","in_service":false,"weight":20,"connections":0,"admitted":0,
             "inbound":{"packets":0,"bytes":0},"outbound":{"packets":0,"bytes":0},
             "next_hop":{"state":"unresolved","port":"inside","address":"10.1.0.12"},
             "virtual_servers":["192.0.2.100:80:tcp","192.0.2.101:80:tcp"]},
            {"name":"10.9.0.1:80:tcp","in_service":true,"state":"failed","failed_since_s":75,"ditched":8,"max_connections":100,
             "weight":1,"connections":7,"admitted":0,
             "inbound":{"packets":0,"bytes":0},"outbound":{"packets":0,"bytes":0},
             "next_hop":{"state":"no_route"},"virtual_servers":[]}]}"#,
    ) else {
        panic!()
    };
    assert_eq!(
        real_servers(&reports, None),
        "\
real server       state             weight  connections  admitted  ditched  next hop                         packets in  bytes in  packets out  bytes out  bound to
10.1.0.11:80:tcp  in service             1            3        60        0  02:00:00:00:00:0b via inside              1      60 B            2    1.20 kB  192.0.2.100:80:tcp
10.1.0.12:80:tcp  out of service        20            0         0        0  10.1.0.12 unresolved via inside           0       0 B            0        0 B  2 virtual servers
10.9.0.1:80:tcp   failed for 1m15s       1     7 of 100         0        8  no route                                  0       0 B            0        0 B  -
"
    );
}

#[test]
fn connections_in_two_pages() {
    let Outcome::Connections(page) = outcome(
        r#"{"version":1,"connections":{"list":[
            {"protocol":"tcp","client":"198.51.100.7:40001","virtual":"192.0.2.100:80","real":"10.1.0.11:8080",
             "state":"established","idle_ms":1234,"syn_resends":0,"translated_port":null,"worker":0},
            {"protocol":"udp","client":"203.0.113.200:53000","virtual":"192.0.2.100:53","real":"10.1.0.12:53",
             "state":"udp","idle_ms":185000,"syn_resends":0,"translated_port":61000,"worker":1}],"after":null}}"#,
    ) else {
        panic!()
    };
    let mut first = connections();
    add_connections(&mut first, &page.list);
    let mut second = first.continued();
    add_connections(&mut second, &page.list[..1]);
    assert_eq!(
        first.render(None) + &second.render(None),
        "\
protocol  client               virtual server  real server     state         idle  SYNs resent  port translated to  worker
tcp       198.51.100.7:40001   192.0.2.100:80  10.1.0.11:8080  established   1.2s            0                   -       0
udp       203.0.113.200:53000  192.0.2.100:53  10.1.0.12:53    udp          3m05s            0               61000       1
tcp       198.51.100.7:40001   192.0.2.100:80  10.1.0.11:8080  established   1.2s            0                   -       0
"
    );
}

/// Counts of one worker or of all.
fn packet_counts(received: u64, martians: u64) -> String {
    format!(
        r#""received":{received},"forwarded":90,"answered":4,"to_kernel":3,"copied_to_kernel":6,"dropped":{martians},
           "drops":{{"martian":{martians},"fragment":0,"of_tomorrow":{martians}}},
           "handed_over":50,"held":2,"from_kernel":8,"from_kernel_dropped":1"#
    )
}

fn counters_of(workers: usize) -> CountersReport {
    let worker = format!(r#"{{"cpu":1,{}}}"#, packet_counts(60, 1));
    let json = format!(
        r#"{{"version":1,"counters":{{{},"balance":1,
            "kernel_path":{{"delivered":3,"refused":0,"lost":1}},
            "connections":{{"current":5,"admitted":120,"removed":115,"expired":10,"refused":17,"client_ports_translated":2}},
            "workers":[{}]}}}}"#,
        packet_counts(100, 2),
        vec![worker; workers].join(",")
    );
    let Outcome::Counters(report) = outcome(&json) else { panic!() };
    *report
}

#[test]
fn counters_of_two_workers() {
    assert_eq!(
        counters(&counters_of(2), None),
        "\
packets                total  worker 0  worker 1
received                 100        60        60
forwarded                 90        90        90
answered                   4         4         4
to kernel                  3         3         3
dropped                    2         1         1
copied to kernel           6         6         6
handed over               50        50        50
held                       2         2         2
from kernel                8         8         8
from kernel, dropped       1         1         1
taken by the kernel        3
refused by the kernel      0
lost from the kernel       1
in flight                  1

dropped  reason       meaning
      2  martian      The source address can not be a client's (RFC 1812 section 5.3.7).
      2  of_tomorrow

connections             total
current                     5
admitted                  120
removed                   115
  because idle             10
refused                    17
client port translated      2
"
    );
}

#[test]
fn counters_without_drops_of_one_and_of_many_workers() {
    let mut report = counters_of(1);
    report.total.dropped = 0;
    let text = counters(&report, None);
    assert!(text.starts_with("packets                total\nreceived                 100\n"), "{text}");
    assert!(text.contains("\n\nnothing was dropped\n\n"), "{text}");

    let many = counters(&counters_of(40), None);
    assert!(many.lines().next().unwrap().ends_with("worker 6  worker 7"), "{many}");
}

#[test]
fn ports_and_neighbors() {
    let Outcome::Ports(reports) = outcome(
        r#"{"version":1,"ports":[
            {"name":"outside","role":"outside","device":"0000:01:00.0","driver":"net_ixgbe","mac":"02:00:00:00:00:01",
             "twin":"us-outside","link_up":true,"speed_mbps":10000,"steering":"hardware","mtu":1500,"unmatched":"kernel",
             "rx":{"packets":1000,"bytes":99999},"rx_missed":1,"rx_errors":2,"rx_no_buffer":4,
             "tx":{"packets":10,"bytes":600},"tx_errors":0},
            {"name":"inside","role":"inside","device":"net_tap0","driver":"net_tap","mac":"02:00:00:00:00:02",
             "twin":"us-inside","link_up":false,"speed_mbps":null,"steering":"software","mtu":1500,"unmatched":"drop",
             "rx":{"packets":0,"bytes":0},"rx_missed":0,"rx_errors":0,"rx_no_buffer":0,
             "tx":{"packets":0,"bytes":0},"tx_errors":0}]}"#,
    ) else {
        panic!()
    };
    assert_eq!(
        ports(&reports, Some(110)),
        "\
port     role     link           MAC address        twin        device        driver      MTU  steered by
outside  outside  up, 10 Gbit/s  02:00:00:00:00:01  us-outside  0000:01:00.0  net_ixgbe  1500  the port
inside   inside   down           02:00:00:00:00:02  us-inside   net_tap0      net_tap    1500  software
(no room for: unmatched, packets in, bytes in, missed, errors in, packets out, bytes out, errors out)
"
    );

    let Outcome::Neighbors(reports) = outcome(
        r#"{"version":1,"neighbors":[
            {"port":"inside","address":"10.1.0.11","mac":"02:00:00:00:00:0b","state":"reachable","used_as":["real server"]},
            {"port":"outside","address":"198.51.100.254","mac":null,"state":"incomplete","used_as":[]}]}"#,
    ) else {
        panic!()
    };
    assert_eq!(
        neighbors(&reports, None),
        "\
port     address         MAC address        state       used as
inside   10.1.0.11       02:00:00:00:00:0b  reachable   real server
outside  198.51.100.254  -                  incomplete  -
"
    );
}
