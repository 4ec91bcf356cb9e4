//! The unit's ports by number and role.

/// A port of the unit, by its place in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortIndex(pub u8);

/// Which side of the unit a port is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortRole {
    /// Clients are behind it.
    Outside,
    /// Real servers are behind it.
    Inside,
}

/// What happens to packets that are not for a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unmatched {
    /// They are dropped and counted.
    Drop,
    /// They leave by the port on the other side, unchanged.
    Bridge,
    /// They go to the kernel, which routes or answers them.
    Kernel,
}
