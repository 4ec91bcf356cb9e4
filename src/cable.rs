//! `understudy cable`: a failover cable between two units on one machine.

use crate::Failure;
use crate::arguments::CableArguments;

/// Is a cable until SIGINT or SIGTERM.
pub(crate) fn cable(arguments: CableArguments) -> Result<(), Failure> {
    let CableArguments { one, other, baud } = arguments;
    Ok(appliance::run_virtual_cable([one, other], baud)?)
}
