//! What those who carry out the monitor's decisions look at in every turn: nothing here takes memory.

use model::ConfigurationMark;

use super::Monitor;
use crate::machine::State;

impl Monitor {
    /// Whether another unit that lives says that it is active for the group.
    pub fn is_peer_active(&self, group: usize) -> bool {
        self.living(group).any(|(_, beat)| beat.state == State::Active)
    }

    /// The configuration of another unit that lives.
    pub fn peer_configuration(&self) -> Option<ConfigurationMark> {
        self.peers.iter().find(|peer| peer.is_alive).map(|peer| peer.beat.mark)
    }
}
