//! What a port is asked for, held against what it can do.

use super::{Capabilities, PortError, Steering, steering};

/// What a port is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortConfiguration {
    /// Receive queues.
    pub receive_queues: u16,
    /// Transmit queues.
    pub transmit_queues: u16,
    /// Descriptors of each receive queue: packets that it can hold. Rounded to what the port can do.
    pub receive_descriptors: u16,
    /// Descriptors of each transmit queue. Rounded to what the port can do.
    pub transmit_descriptors: u16,
    /// The largest IP packet, in bytes.
    pub mtu: u16,
    /// Whether to receive what is addressed to others.
    pub promiscuous: bool,
    /// How packets are spread over the receive queues. None: by both addresses and ports, if the port can; the two
    /// directions of a connection may come on different queues.
    pub steering: Option<Steering>,
}

/// Ethernet header and two VLAN tags.
const FRAME_OVERHEAD: u32 = 14 + 2 * 4;

impl PortConfiguration {
    /// Whether the port can do this with buffers that have `room` bytes each.
    pub(super) fn check(&self, device: &str, port: &Capabilities, room: usize) -> Result<(), PortError> {
        for (direction, asked, limit) in [
            ("receive", self.receive_queues, port.max_receive_queues),
            ("transmit", self.transmit_queues, port.max_transmit_queues),
        ] {
            if asked == 0 || asked > limit {
                return Err(PortError::Queues { device: device.to_owned(), direction, asked, limit });
            }
        }
        if port.equal_queues && self.receive_queues != self.transmit_queues {
            return Err(PortError::UnequalQueues {
                device: device.to_owned(),
                driver: port.driver.clone(),
                receive: self.receive_queues,
                transmit: self.transmit_queues,
            });
        }
        self.check_mtu(device, port, room)?;
        let Some(steering) = self.steering else {
            return Ok(());
        };
        steering::check(steering, self.receive_queues, port)
            .map_err(|source| PortError::Steering { device: device.to_owned(), source })
    }

    fn check_mtu(&self, device: &str, port: &Capabilities, room: usize) -> Result<(), PortError> {
        let (least, most) = (port.min_mtu, port.max_mtu);
        if !(least..=most).contains(&self.mtu) {
            return Err(PortError::Mtu { device: device.to_owned(), asked: self.mtu, least, most });
        }
        if self.needs_scatter(room) && !port.can_scatter() {
            let needed = self.frame_bytes() + dpdk_sys::RTE_PKTMBUF_HEADROOM as usize;
            return Err(PortError::FrameTooLarge { device: device.to_owned(), mtu: self.mtu, room, needed });
        }
        Ok(())
    }

    /// Whether the largest frame needs several buffers of `room` bytes.
    pub(super) fn needs_scatter(&self, room: usize) -> bool {
        self.frame_bytes() > room
    }

    const fn frame_bytes(&self) -> usize {
        (self.mtu as u32 + FRAME_OVERHEAD) as usize
    }
}
