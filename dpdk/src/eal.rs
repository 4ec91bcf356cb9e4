//! DPDK's environment: started once per process, held by whatever was made with it.
//!
//! This must never give EAL's memory back: buffers do not hold a reference to it, so that they cost nothing.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why EAL did not start, or refused a device.
#[derive(Debug, thiserror::Error)]
pub enum EalError {
    /// EAL starts once per process; an attempt that failed counts, too.
    #[error(
        "DPDK's EAL was started in this process before; that is possible once only, so start a new process"
    )]
    AlreadyStarted,
    /// The first argument is the program's name.
    #[error("EAL needs the program's name as its first argument, but there are no arguments")]
    NoProgramName,
    /// C can not hold the text.
    #[error("{0:?} has a NUL byte in it, which DPDK can not take; remove it")]
    NulByte(String),
    /// EAL does not understand its arguments, or not together.
    #[error("DPDK refuses its EAL arguments {0:?}; what it objects to is on stderr")]
    Arguments(Vec<String>),
    /// EAL may not do something, and the process is not root's.
    #[error("DPDK's EAL has no permission ({0}); run as root")]
    NotRoot(#[source] io::Error),
    /// EAL found no memory.
    #[error(
        "DPDK's EAL gets no memory ({0}); reserve hugepages (vm.nr_hugepages) and mount a hugetlbfs, or give it \
         --no-huge and -m with as many MiB as are free"
    )]
    NoMemory(#[source] io::Error),
    /// Another failure.
    #[error("DPDK's EAL does not start: {0}; what it says about it is on stderr")]
    Start(#[source] io::Error),
    /// A device could not be probed.
    #[error("DPDK can not open the device {devargs:?}: {source}; what the driver objects to is on stderr")]
    Probe {
        /// The device and its arguments.
        devargs: String,
        /// What EAL returned.
        source: io::Error,
    },
    /// A device is opened once.
    #[error("the device {0:?} is known already; use its port, or remove it first")]
    Known(String),
    /// A device could not be removed.
    #[error("DPDK can not remove the device {device:?}: {source}")]
    Remove {
        /// The device's name.
        device: String,
        /// What EAL returned.
        source: io::Error,
    },
    /// A device whose port is open can not be removed.
    #[error("the device {0:?} is in use; drop its port and queues first")]
    DeviceInUse(String),
}

/// DPDK's environment. It ends when the last of this, its pools, ports and queues is dropped: then all devices are
/// stopped and closed.
#[derive(Debug)]
pub struct Eal {
    runtime: Arc<Runtime>,
}

/// Set by the first attempt to start.
static ATTEMPTED: AtomicBool = AtomicBool::new(false);
/// Set when EAL runs.
static RUNNING: AtomicBool = AtomicBool::new(false);

impl Eal {
    /// Starts EAL with command line arguments, the program's name first. EAL pins the calling thread, which becomes the
    /// main lcore, to a CPU; threads that it makes later inherit that.
    ///
    /// # Errors
    ///
    /// When EAL was started before, or can not start. No second attempt is possible in this process.
    pub fn start(arguments: &[String]) -> Result<Self, EalError> {
        let count = c_int::try_from(arguments.len()).map_err(|_| EalError::Arguments(arguments.to_vec()))?;
        if arguments.is_empty() {
            return Err(EalError::NoProgramName);
        }
        let texts: Vec<CString> = arguments.iter().map(|text| c_text(text)).collect::<Result<_, _>>()?;
        if ATTEMPTED.swap(true, Ordering::SeqCst) {
            return Err(EalError::AlreadyStarted);
        }
        // EAL may reorder the list and keep pointers to the texts: both are given to it for good.
        let mut pointers: Vec<*mut c_char> = texts.into_iter().map(CString::into_raw).collect();
        pointers.push(ptr::null_mut());
        // SAFETY: `count` NUL-terminated texts, and a null pointer after them, which live and are not shared from now
        // on. The flag above lets only one thread come here, once.
        let parsed = unsafe { dpdk_sys::rte_eal_init(count, pointers.leak().as_mut_ptr()) };
        if parsed < 0 {
            return Err(start_error(arguments));
        }
        // Release: pairs with the load in `is_running`, so that who sees it sees a started EAL.
        RUNNING.store(true, Ordering::Release);
        Ok(Self { runtime: Arc::new(Runtime { control: Mutex::default() }) })
    }

    /// DPDK's version, like `DPDK 22.11.11`.
    #[must_use]
    pub fn version(&self) -> String {
        // SAFETY: returns a NUL-terminated text that is never freed.
        let text = unsafe { CStr::from_ptr(dpdk_sys::rte_version()) };
        text.to_string_lossy().into_owned()
    }

    /// The lcores that [`lcore::launch`](crate::lcore::launch) can use.
    #[must_use]
    pub fn worker_lcores(&self) -> Vec<u32> {
        worker_lcores()
    }

    /// Opens a device by its name and arguments: a PCI address, or a virtual device like `net_tap0,iface=lab0`. Then
    /// [`Port::find`](crate::Port::find) finds it.
    ///
    /// # Errors
    ///
    /// When there is no such device or driver, the device is known already (even if its port is closed), or the driver
    /// refuses the arguments.
    pub fn probe(&self, devargs: &str) -> Result<(), EalError> {
        let text = c_text(devargs)?;
        let _control = self.runtime.control();
        let before = ports().count();
        // SAFETY: a NUL-terminated text; the lock keeps other threads from changing the list of devices.
        let result = unsafe { dpdk_sys::rte_dev_probe(text.as_ptr()) };
        os_result(result).map_err(|source| EalError::Probe { devargs: devargs.to_owned(), source })?;
        // EAL takes a device that it knows for a success.
        if ports().count() == before { Err(EalError::Known(devargs.to_owned())) } else { Ok(()) }
    }

    /// Removes a device, which must have no open port.
    ///
    /// # Errors
    ///
    /// When its port is open, there is no such device, or the driver can not let go of it.
    pub fn remove(&self, device: &str) -> Result<(), EalError> {
        let (bus, name) = (c_text(bus_of(device))?, c_text(device)?);
        let control = self.runtime.control();
        if control.open.values().any(|open| open == device) {
            return Err(EalError::DeviceInUse(device.to_owned()));
        }
        // SAFETY: two NUL-terminated texts; no port of the device is in use, and the lock keeps it so.
        let result = unsafe { dpdk_sys::rte_eal_hotplug_remove(bus.as_ptr(), name.as_ptr()) };
        os_result(result).map_err(|source| EalError::Remove { device: device.to_owned(), source })
    }

    /// The names of the devices with a port.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        let _control = self.runtime.control();
        ports().filter_map(port_name).collect()
    }

    pub(crate) const fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }
}

/// The running EAL, shared by all that needs it.
#[derive(Debug)]
pub(crate) struct Runtime {
    control: Mutex<Control>,
}

/// What may be done by one thread at a time: adding, finding, closing and removing devices.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// The device names of open ports, by port number.
    pub(crate) open: HashMap<u16, String>,
}

impl Runtime {
    pub(crate) fn control(&self) -> MutexGuard<'_, Control> {
        // Nothing panics while it holds the lock, and the map is whole between any two statements.
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Ports that were probed and never opened.
        for port in ports() {
            // SAFETY: each open port holds the runtime, so none is open and nobody else uses this one.
            unsafe {
                dpdk_sys::rte_eth_dev_stop(port);
                dpdk_sys::rte_eth_dev_close(port);
            }
        }
    }
}

/// Whether EAL has been started.
pub(crate) fn is_running() -> bool {
    RUNNING.load(Ordering::Acquire)
}

/// All lcores but the main one.
pub(crate) fn worker_lcores() -> Vec<u32> {
    // SAFETY: reads EAL's configuration, which does not change after the start.
    let next = |lcore| unsafe { dpdk_sys::rte_get_next_lcore(lcore, 1, 0) };
    std::iter::successors(Some(next(u32::MAX)), |&lcore| Some(next(lcore)))
        .take_while(|&lcore| lcore < dpdk_sys::RTE_MAX_LCORE)
        .collect()
}

/// The numbers of all ports.
pub(crate) fn ports() -> impl Iterator<Item = u16> {
    // SAFETY: looks for a used entry in a fixed table, from any number on.
    let next = |from| unsafe { dpdk_sys::rte_eth_find_next(from) };
    std::iter::successors(Some(next(0)), move |&port| Some(next(port + 1)))
        .take_while(|&port| u32::from(port) < dpdk_sys::RTE_MAX_ETHPORTS)
}

/// The device name of a port.
pub(crate) fn port_name(port: u16) -> Option<String> {
    let mut name = [0; dpdk_sys::RTE_DEV_NAME_MAX_LEN as usize];
    // SAFETY: the buffer has the size that this function is documented to write at most, with a NUL at the end.
    let result = unsafe { dpdk_sys::rte_eth_dev_get_name_by_port(port, name.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    // SAFETY: on success, the buffer holds a NUL-terminated text.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Some(name.to_string_lossy().into_owned())
}

/// C's text, or a word about its NUL byte.
fn c_text(text: &str) -> Result<CString, EalError> {
    CString::new(text).map_err(|_| EalError::NulByte(text.to_owned()))
}

/// The bus of a device: PCI addresses are all digits and punctuation, virtual devices begin with a driver's name.
fn bus_of(device: &str) -> &'static str {
    let is_pci =
        device.contains(':') && device.chars().all(|each| each.is_ascii_hexdigit() || ":.".contains(each));
    if is_pci { "pci" } else { "vdev" }
}

fn start_error(arguments: &[String]) -> EalError {
    let source = last_error();
    // SAFETY: asks the kernel; no preconditions.
    let is_root = unsafe { dpdk_sys::shim_is_root() } != 0;
    match source.kind() {
        io::ErrorKind::InvalidInput => EalError::Arguments(arguments.to_vec()),
        io::ErrorKind::PermissionDenied if !is_root => EalError::NotRoot(source),
        // EAL says EACCES when it finds no hugepages.
        io::ErrorKind::PermissionDenied | io::ErrorKind::OutOfMemory => EalError::NoMemory(source),
        _ => EalError::Start(source),
    }
}

/// DPDK's error of this thread.
pub(crate) fn last_error() -> io::Error {
    // SAFETY: reads a variable of this thread.
    io::Error::from_raw_os_error(unsafe { dpdk_sys::shim_errno() })
}

/// DPDK's functions return 0 or more, or a negative error number.
pub(crate) fn os_result(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buses_are_told_from_device_names() {
        assert_eq!(bus_of("0000:00:1f.6"), "pci");
        assert_eq!(bus_of("00:1f.6"), "pci");
        assert_eq!(bus_of("net_tap0"), "vdev");
        assert_eq!(bus_of("net_af_packet0"), "vdev");
        assert_eq!(bus_of("eth_bond0"), "vdev");
    }
}
