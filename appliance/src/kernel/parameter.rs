//! The few kernel parameters (`sysctl`) that the slow path can not do without. One that has a good value is
//! left alone; the rest of the operator's settings are never touched.

use std::fs;
use std::io;

use super::KernelError;

/// Writes a kernel parameter, unless it has the value already (it may be read-only, as in a container).
///
/// # Errors
///
/// There is no such parameter, or it can not be written.
pub(super) fn set_parameter(path: &str, value: &str) -> Result<(), KernelError> {
    let written = match fs::read_to_string(path) {
        Ok(current) if current.trim() == value => return Ok(()),
        Ok(_) => fs::write(path, value),
        Err(error) => Err(error),
    };
    written.map_err(|source| KernelError::Parameter {
        path: path.to_owned(),
        value: value.to_owned(),
        source,
    })
}

/// Lets the kernel's neighbour tables hold `count` neighbours of ours beside everybody else's. By default
/// they hold 1,024 and then refuse, which would leave real servers beyond that without a next hop.
///
/// The limits are the whole machine's: a network namespace of its own does not show them, and then the
/// machine's operator has to raise them.
pub(super) fn make_room_for_neighbors(count: usize) {
    for family in ["ipv4", "ipv6"] {
        for (threshold, factor) in [("gc_thresh1", 1), ("gc_thresh2", 2), ("gc_thresh3", 4)] {
            let path = format!("/proc/sys/net/{family}/neigh/default/{threshold}");
            match raise_parameter(&path, count * factor) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => log::warn!(
                    "{path} can not be raised to {}: {error}; with more neighbours than it says, servers are \
                     unreachable",
                    count * factor
                ),
            }
        }
    }
}

fn raise_parameter(path: &str, least: usize) -> io::Result<()> {
    let current = fs::read_to_string(path)?;
    if is_below(&current, least) {
        log::info!("{path} is raised from {} to {least}", current.trim());
        fs::write(path, least.to_string())?;
    }
    Ok(())
}

/// A value that is not a number is not ours to correct.
fn is_below(current: &str, least: usize) -> bool {
    current.trim().parse::<usize>().is_ok_and(|current| current < least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_is_only_raised() {
        for (current, least, raised) in
            [("1024\n", 4_096, true), ("1024\n", 1_024, false), ("9000", 4_096, false), ("max", 4_096, false)]
        {
            assert_eq!(is_below(current, least), raised, "{current:?} {least}");
        }
    }

    #[test]
    fn unknown_parameter_is_named() {
        let error = set_parameter("/proc/sys/net/ipv6/conf/no such interface/disable_ipv6", "0").unwrap_err();
        assert!(error.to_string().contains("no such interface"), "{error}");
    }
}
