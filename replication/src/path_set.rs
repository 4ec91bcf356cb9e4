//! Paths that something is still to be sent on.

/// A set of paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathSet(u8);

impl PathSet {
    /// The first `paths` paths.
    pub(crate) const fn first(paths: usize) -> Self {
        Self(if paths > 1 { 0b11 } else { 0b1 })
    }

    /// Takes a path out of the set.
    pub(crate) const fn take(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let path = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(path)
    }
}
