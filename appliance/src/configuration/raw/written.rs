//! `director.json` as units write it: keys in the order of the schema, those left out that have their default.

use director::{
    AssignmentDraft, BackupWhen, BindingDraft, BuddiesDraft, Comparison, ConfigurationDraft, GroupDraft,
    Predictor, RealServerDraft, StickyDraft, SwitchStrategy, TcpWithoutConnection, VirtualServerDraft,
};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::director::RawTcpWithoutConnection;
use super::group::{RawComparison, RawStrategy};
use super::timeouts;
use super::virtual_server::{RawBackupWhen, RawPredictor, RawRefusal};

/// A draft as the document that says it.
pub(in crate::configuration) struct Written<'a> {
    pub(in crate::configuration) draft: &'a ConfigurationDraft,
    pub(in crate::configuration) generation: u32,
    pub(in crate::configuration) unwritten: bool,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let draft = self.draft;
        let without_connection = draft.tcp_without_connection;
        Object::new(serializer)?
            .always("generation", &self.generation)?
            .unless(!self.unwritten, "unwritten", &self.unwritten)?
            .list("virtual_servers", draft.virtual_servers.iter().map(Item))?
            .list("real_servers", draft.real_servers.iter().map(Item))?
            .list("bindings", draft.bindings.iter().map(Item))?
            .list("assignments", draft.assignments.iter().map(Item))?
            .list("buddies", draft.buddies.iter().map(Item))?
            .list("groups", draft.groups.iter().map(Item))?
            .pairs("timeouts", timeouts::general(&draft.timeouts))?
            .unless(
                without_connection == TcpWithoutConnection::default(),
                "tcp_without_connection",
                &RawTcpWithoutConnection::from(without_connection),
            )?
            .unless(draft.hash_seed == 0, "hash_seed", &draft.hash_seed)?
            .end()
    }
}

/// An entry of one of the document's lists.
struct Item<'a, T>(&'a T);

impl Serialize for Item<'_, VirtualServerDraft> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let server = self.0;
        Object::new(serializer)?
            .always("virtual", &server.name)?
            .unless(
                server.predictor == Predictor::default(),
                "predictor",
                &RawPredictor::from(server.predictor),
            )?
            .unless(server.in_service, "in_service", &server.in_service)?
            .unless(server.replicate, "replicate", &server.replicate)?
            .option("group", server.group.as_ref())?
            .option("refuse", server.refuse.map(RawRefusal::from).as_ref())?
            .option("sticky", server.sticky.as_ref().map(Item).as_ref())?
            .option("max_connections", server.max_connections.as_ref())?
            .option("backup", server.backup.as_ref())?
            .unless(
                server.backup_when == BackupWhen::default(),
                "backup_when",
                &RawBackupWhen::from(server.backup_when),
            )?
            .pairs("timeouts", timeouts::own(&server.timeouts))?
            .unless(server.resends == VirtualServerDraft::RESENDS, "resends", &server.resends)?
            .option("synguard", server.synguard.as_ref())?
            .end()
    }
}

impl Serialize for Item<'_, StickyDraft> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sticky = self.0;
        let default = StickyDraft::minutes(sticky.minutes);
        Object::new(serializer)?
            .always("minutes", &sticky.minutes)?
            .unless(sticky.ipv4_prefix == default.ipv4_prefix, "ipv4_prefix", &sticky.ipv4_prefix)?
            .unless(sticky.ipv6_prefix == default.ipv6_prefix, "ipv6_prefix", &sticky.ipv6_prefix)?
            .end()
    }
}

impl Serialize for Item<'_, RealServerDraft> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let server = self.0;
        let is_threshold_default = server.threshold == RealServerDraft::THRESHOLD;
        Object::new(serializer)?
            .always("real", &server.name)?
            .unless(server.weight == 1, "weight", &server.weight)?
            .unless(server.in_service, "in_service", &server.in_service)?
            .option("max_connections", server.max_connections.as_ref())?
            .option("backup", server.backup.as_ref())?
            .unless(is_threshold_default, "threshold", &server.threshold)?
            .unless(server.count_resets, "count_resets", &server.count_resets)?
            .unless(server.retry_s == RealServerDraft::RETRY_S, "retry_s", &server.retry_s)?
            .unless(server.slow_start_s == 0, "slow_start_s", &server.slow_start_s)?
            .end()
    }
}

impl Serialize for Item<'_, BindingDraft> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object::new(serializer)?
            .always("virtual", &self.0.virtual_server)?
            .always("real", &self.0.real_servers)?
            .end()
    }
}

impl Serialize for Item<'_, AssignmentDraft> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object::new(serializer)?
            .always("virtual", &self.0.virtual_server)?
            .always("clients", &self.0.clients)?
            .end()
    }
}

impl Serialize for Item<'_, BuddiesDraft> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object::new(serializer)?
            .always("name", &self.0.name)?
            .always("virtual", &self.0.virtual_servers)?
            .end()
    }
}

impl Serialize for Item<'_, GroupDraft> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group = self.0;
        let default = GroupDraft::new(&group.name);
        Object::new(serializer)?
            .always("name", &group.name)?
            .option("primary", group.primary.as_ref())?
            .unless(
                group.strategy == SwitchStrategy::default(),
                "strategy",
                &RawStrategy::from(group.strategy),
            )?
            .unless(group.compare == Comparison::default(), "compare", &RawComparison::from(group.compare))?
            .unless(group.hold_s == default.hold_s, "hold_s", &group.hold_s)?
            .option("load_margin_percent", group.load_margin_percent.as_ref())?
            .unless(!group.advertise, "advertise", &group.advertise)?
            .by_port("shared_addresses", &group.shared_addresses)?
            .by_port("mac", &group.macs)?
            .end()
    }
}

/// An object whose keys are written one after the other, those with a default only where it is another.
struct Object<S: Serializer>(S::SerializeMap);

impl<S: Serializer> Object<S> {
    fn new(serializer: S) -> Result<Self, S::Error> {
        serializer.serialize_map(None).map(Self)
    }

    fn always<T: Serialize + ?Sized>(mut self, key: &str, value: &T) -> Result<Self, S::Error> {
        self.0.serialize_entry(key, value)?;
        Ok(self)
    }

    fn unless<T: Serialize>(self, is_default: bool, key: &str, value: &T) -> Result<Self, S::Error> {
        if is_default { Ok(self) } else { self.always(key, value) }
    }

    fn option<T: Serialize>(self, key: &str, value: Option<&T>) -> Result<Self, S::Error> {
        match value {
            Some(value) => self.always(key, value),
            None => Ok(self),
        }
    }

    fn list<T: Serialize>(
        self,
        key: &str,
        items: impl ExactSizeIterator<Item = T>,
    ) -> Result<Self, S::Error> {
        self.unless(items.len() == 0, key, &items.collect::<Vec<_>>())
    }

    fn pairs(self, key: &str, pairs: Vec<(&'static str, u64)>) -> Result<Self, S::Error> {
        self.unless(pairs.is_empty(), key, &Pairs(&pairs))
    }

    fn by_port<T: Serialize>(self, key: &str, ports: &[(String, T)]) -> Result<Self, S::Error> {
        self.unless(ports.is_empty(), key, &Pairs(ports))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

/// Keys and their values, in this order.
struct Pairs<'a, K, V>(&'a [(K, V)]);

impl<K: Serialize, V: Serialize> Serialize for Pairs<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
