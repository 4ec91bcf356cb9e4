//! What the reports say of how servers stand.

use super::*;
use crate::configuration::read_for_tests;
use crate::management::report::{
    BackupReport, BindingReport, RealReport, ServerState, StickyReport, VirtualReport,
};

/// A shop with an instance for some clients, and one for unwelcome ones.
const SHOP: &str = r#"{
    "virtual_servers": [
        { "virtual": "192.0.2.100:80", "sticky": { "minutes": 30, "ipv4_prefix": 24 }, "synguard": 9 },
        { "virtual": "192.0.2.100:80:1", "max_connections": 1000, "backup": "192.0.2.100:80", "backup_when": "busy" },
        { "virtual": "192.0.2.100:80:9", "refuse": "reset" }
    ],
    "real_servers": [
        { "real": "10.1.0.11:80", "backup": "10.1.0.13:80", "threshold": 5, "retry_s": 7 },
        { "real": "10.1.0.12:80", "in_service": false, "max_connections": 50 },
        { "real": "10.1.0.13:80" }
    ],
    "bindings": [
        { "virtual": "192.0.2.100:80", "real": ["10.1.0.11:80", "10.1.0.12:80"] },
        { "virtual": "192.0.2.100:80:1", "real": ["10.1.0.12:80"] }
    ],
    "assignments": [
        { "virtual": "192.0.2.100:80:1", "clients": ["203.0.113.0/24", "203.0.113.7"] },
        { "virtual": "192.0.2.100:80:9", "clients": ["203.0.113.8"] }
    ]
}"#;

/// The shop, where each binding has as many connections as its number says, and one.
fn shop(folder: &Folder) -> Inspection {
    let (view, _) = worker(1, 1);
    for (count, binding) in (1..).zip(&view.shards[0].bindings) {
        binding.admitted.add(count);
    }
    let loaded = read_for_tests(UNIT, SHOP);
    let running = unused(&loaded, &folder.0, view.shards.clone());
    Inspection { running: Arc::new(running), ..inspection(folder, vec![view]) }
}

fn of_shop(inspection: &Inspection, seconds: u64) -> ([VirtualReport; 3], [RealReport; 3]) {
    let virtuals = inspection.virtual_servers().try_into().unwrap();
    (virtuals, inspection.real_servers(Instant::from_millis(seconds * 1_000)).try_into().unwrap())
}

#[test]
fn virtual_servers_say_what_they_are_for_whom() {
    let folder = Folder::new();
    let ([all, some, unwelcome], _) = of_shop(&shop(&folder), 0);
    assert_eq!([all.bind_id, some.bind_id, unwelcome.bind_id], [0, 1, 9]);
    assert_eq!([all.assigned, some.assigned, unwelcome.assigned], [0, 2, 1]);
    assert_eq!(all.sticky, Some(StickyReport { minutes: 30, ipv4_prefix: 24, ipv6_prefix: 128 }));
    assert_eq!((all.synguard, all.half_open, some.half_open), (Some(9), Some(0), None));
    let backup = BackupReport { name: "192.0.2.100:80:tcp".to_owned(), when: "busy".to_owned() };
    assert_eq!((some.backup, some.max_connections), (Some(backup), Some(1_000)));
    assert_eq!((unwelcome.refuse.as_deref(), unwelcome.state), (Some("reset"), ServerState::InService));
}

#[test]
fn what_is_out_of_service_drains() {
    let folder = Folder::new();
    let ([all, some, _], [first, second, spare]) = of_shop(&shop(&folder), 0);
    assert_eq!((all.connections, all.draining), (1 + 2 + 3, 2));
    assert_eq!((some.connections, some.draining), (4, 4));
    assert_eq!((second.state, second.connections, second.draining), (ServerState::OutOfService, 6, 6));
    assert_eq!((first.draining, second.max_connections), (0, Some(50)));
    let binding = |name: &str, stand_in, connections| BindingReport {
        virtual_server: name.to_owned(),
        stand_in,
        connections,
    };
    assert_eq!(
        second.bindings,
        [binding("192.0.2.100:80:tcp", false, 2), binding("192.0.2.100:80:1:tcp", false, 4)]
    );
    assert_eq!(spare.bindings, [binding("192.0.2.100:80:tcp", true, 3)]);
}

#[test]
fn a_virtual_server_has_failed_when_nobody_serves_it() {
    let folder = Folder::new();
    let inspection = shop(&folder);
    let director = inspection.running.director();
    let fail = |real: usize| {
        let at = Instant::from_millis(10_000);
        inspection.running.shared().fail(at, &director.real_servers()[real])
    };
    fail(0);
    let ([all, ..], [first, ..]) = of_shop(&inspection, 15);
    assert_eq!((all.state, first.state), (ServerState::InService, ServerState::Failed));
    assert_eq!((first.failed_since_s, first.threshold, first.retry_s), (Some(5), 5, 7));
    assert_eq!(first.backup.as_deref(), Some("10.1.0.13:80:tcp"));
    fail(2);
    let ([all, some, unwelcome], _) = of_shop(&inspection, 15);
    assert_eq!(all.state, ServerState::Failed, "its spare has failed, too");
    let in_service = ServerState::InService;
    assert_eq!(
        [some.state, unwelcome.state],
        [in_service; 2],
        "an operator took its server out, and it needs none"
    );
}
