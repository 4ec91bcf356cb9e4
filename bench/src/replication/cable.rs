//! The cable between two units: a virtual one between two network namespaces, as it comes.

use std::net::{SocketAddr, SocketAddrV4};

use appliance::Path;
use appliance::configuration::ReplicationPath;

use super::error::ReplicationError;
use crate::rivals::Namespace;

const PORT: u16 = 7_400;

/// Two units' ends. The namespaces go with them.
pub(super) struct Cable {
    pub(super) active: Path,
    pub(super) standby: Path,
    _namespaces: [Namespace; 2],
}

impl Cable {
    pub(super) fn new() -> Result<Self, ReplicationError> {
        let namespaces = [Namespace::new()?, Namespace::new()?];
        let [one, other] = &namespaces;
        one.ip(&format!("link add eth0 type veth peer name eth0 netns {}", other.path().display()))?;
        for (number, namespace) in namespaces.iter().enumerate() {
            namespace.ip(&format!("addr add 10.9.0.{}/24 dev eth0\nlink set eth0 up", number + 1))?;
        }
        let path = |own, peer| Path::open(ReplicationPath { local: end(own), peer: end(peer) });
        let (active, standby) = (one.enter(|| Ok(path(1, 2)))??, other.enter(|| Ok(path(2, 1)))??);
        Ok(Self { active, standby, _namespaces: namespaces })
    }
}

fn end(last: u8) -> SocketAddr {
    SocketAddrV4::new([10, 9, 0, last].into(), PORT).into()
}
