//! Netlink sockets: one that asks and waits for the answer, one that listens. No meaning of messages lives
//! here.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;

use super::KernelError;

/// Larger than any datagram of the kernel's: those of dumps have at most 32 KiB, notifications a page or two.
const DATAGRAM_BYTES: usize = 64 * 1024;

/// The listening socket's buffer, as far as `net.core.rmem_max` allows.
const NOTIFICATION_BYTES: i32 = 4 * 1024 * 1024;

/// A dump that the kernel's table changed under is repeated, but not for ever.
const DUMP_ATTEMPTS: usize = 4;

/// The multicast groups to hear about links, neighbours, addresses and routes (`enum rtnetlink_groups`).
const GROUPS: [u32; 6] = [1, 3, 5, 9, 7, 11];

/// A socket for requests. Each call waits for the kernel's whole answer, which rtnetlink gives at once.
pub(super) struct Requests {
    socket: Socket,
    sequence: u32,
    datagram: Vec<u8>,
}

impl Requests {
    /// Opens a socket in the network namespace of the calling thread.
    pub(super) fn open() -> Result<Self, KernelError> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // Lets the kernel filter what it dumps; one that can not (before 4.20) dumps all, and we filter
        // anyway.
        let _ = socket.set_netlink_get_strict_chk(true);
        Ok(Self { socket, sequence: 0, datagram: Vec::with_capacity(DATAGRAM_BYTES) })
    }

    /// Has the kernel do what `message` says.
    ///
    /// # Errors
    ///
    /// The kernel's own, and those of the socket.
    pub(super) fn execute(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.send(message, NLM_F_ACK | flags)?;
        loop {
            for message in self.receive()? {
                if let NetlinkPayload::Error(answer) = message.payload {
                    return answer.code.map_or(Ok(()), |_| Err(answer.to_io()));
                }
            }
        }
    }

    /// Asks for a whole table. A table that the kernel does not have is empty.
    ///
    /// # Errors
    ///
    /// The kernel's own, and those of the socket.
    pub(super) fn dump(&mut self, message: &RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut rows = Vec::new();
        for _ in 0..DUMP_ATTEMPTS {
            rows.clear();
            if self.try_dump(message.clone(), &mut rows)? {
                break;
            }
        }
        Ok(rows)
    }

    /// Whether the rows are a consistent picture.
    fn try_dump(
        &mut self,
        message: RouteNetlinkMessage,
        rows: &mut Vec<RouteNetlinkMessage>,
    ) -> io::Result<bool> {
        self.send(message, NLM_F_DUMP)?;
        let mut consistent = true;
        loop {
            for message in self.receive()? {
                consistent &= message.header.flags & NLM_F_DUMP_INTR == 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(row) => rows.push(row),
                    NetlinkPayload::Done(done) => return unless_absent(done.code).map(|()| consistent),
                    NetlinkPayload::Error(error) => {
                        return unless_absent(error.raw_code()).map(|()| consistent);
                    }
                    _ => {}
                }
            }
        }
    }

    fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(|_| ())
    }

    /// The answers in one datagram to the request sent last.
    fn receive(&mut self) -> io::Result<Vec<NetlinkMessage<RouteNetlinkMessage>>> {
        self.datagram.clear();
        self.socket.recv(&mut self.datagram, 0)?;
        let mut messages = decode(&self.datagram);
        messages.retain(|message| message.header.sequence_number == self.sequence);
        Ok(messages)
    }
}

/// The kernel's word for a table or an address family that it does not have is not an error to us.
fn unless_absent(code: i32) -> io::Result<()> {
    if code == 0 {
        return Ok(());
    }
    match Errno::from_raw(code.abs()) {
        Errno::ENOENT | Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT => Ok(()),
        errno => Err(errno.into()),
    }
}

/// What a listening socket has to say.
pub(super) enum Heard {
    /// Changes, in the order in which they happened.
    Changes(Vec<RouteNetlinkMessage>),
    /// Changes came faster than they were read, and some are lost: only dumps tell the state now.
    Overrun,
    /// Nothing more for now.
    Silence,
}

/// A socket that hears of every change to links, neighbours, addresses and routes. It never blocks.
pub(super) struct Notifications {
    socket: Socket,
    datagram: Vec<u8>,
}

impl Notifications {
    /// Opens a socket in the network namespace of the calling thread.
    pub(super) fn open() -> Result<Self, KernelError> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        socket.set_rx_buf_sz(NOTIFICATION_BYTES)?;
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        Ok(Self { socket, datagram: Vec::with_capacity(DATAGRAM_BYTES) })
    }

    /// The socket, to wait for.
    pub(super) const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Reads one datagram of changes.
    ///
    /// # Errors
    ///
    /// Those of the socket, except for an overrun.
    pub(super) fn hear(&mut self) -> io::Result<Heard> {
        self.datagram.clear();
        match self.socket.recv(&mut self.datagram, 0) {
            Ok(_) => Ok(Heard::Changes(decode(&self.datagram).into_iter().filter_map(change).collect())),
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => Ok(Heard::Overrun),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Heard::Silence),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Heard::Silence),
            Err(error) => Err(error),
        }
    }
}

fn change(message: NetlinkMessage<RouteNetlinkMessage>) -> Option<RouteNetlinkMessage> {
    match message.payload {
        NetlinkPayload::InnerMessage(change) => Some(change),
        _ => None,
    }
}

/// The messages of a datagram. One that can not be read (an attribute of a newer kernel's) is left out.
fn decode(datagram: &[u8]) -> Vec<NetlinkMessage<RouteNetlinkMessage>> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while let Ok(buffer) = NetlinkBuffer::new_checked(rest) {
        let length = buffer.length() as usize;
        match NetlinkMessage::deserialize(&rest[..length]) {
            Ok(message) => messages.push(message),
            Err(error) => {
                log::debug!("a netlink message of type {} is left out: {error}", buffer.message_type())
            }
        }
        // Messages begin at multiples of four bytes.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::neighbour::NeighbourMessage;

    use super::*;

    fn encoded(ifindex: u32) -> Vec<u8> {
        let mut neighbor = NeighbourMessage::default();
        neighbor.header.ifindex = ifindex;
        let mut message = NetlinkMessage::from(RouteNetlinkMessage::NewNeighbour(neighbor));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }

    #[test]
    fn datagram_is_taken_apart_and_what_can_not_be_read_is_left_out() {
        let mut unreadable = encoded(2);
        unreadable.truncate(20); // the header, and a third of the neighbour
        unreadable[0] = 20;
        let datagram = [encoded(1), unreadable, encoded(3), vec![0; 3]].concat();
        let indices: Vec<_> = decode(&datagram)
            .into_iter()
            .filter_map(change)
            .map(|message| match message {
                RouteNetlinkMessage::NewNeighbour(neighbor) => neighbor.header.ifindex,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(indices, [1, 3]);
    }

    #[test]
    fn absent_table_is_no_error() {
        for (code, ok) in [(0, true), (-2, true), (-95, true), (-97, true), (-1, false), (-16, false)] {
            assert_eq!(unless_absent(code).is_ok(), ok, "{code}");
        }
    }
}
