//! What can go wrong between the appliance and the kernel's network configuration.

use std::io;

/// The kernel can not be read or set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// There is no interface of this name.
    #[error("there is no interface {name:?}; `ip link` lists those that there are")]
    NoInterface {
        /// The name asked for.
        name: String,
    },
    /// The kernel's answer to a request was an error.
    #[error("can not {action}: {source}{}", hint(source))]
    Refused {
        /// What was asked, to be read after "can not".
        action: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A netlink socket can not be opened, or does not work.
    #[error("the netlink socket to the kernel failed: {source}{}", hint(source))]
    Socket {
        /// What the system said.
        #[from]
        source: io::Error,
    },
    /// A kernel parameter can not be read or written.
    #[error("can not set {path} to {value:?}: {source}; set it with `sysctl` and make /proc/sys writable")]
    Parameter {
        /// The file of the parameter.
        path: String,
        /// The value that it should have.
        value: String,
        /// What the system said.
        source: io::Error,
    },
}

impl From<nix::Error> for KernelError {
    fn from(error: nix::Error) -> Self {
        io::Error::from(error).into()
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run as root or with CAP_NET_ADMIN",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_for_want_of_rights_says_what_to_do() {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let refused = KernelError::Refused { action: "bring \"outside\" up".into(), source };
        let text = refused.to_string();
        assert!(text.starts_with("can not bring \"outside\" up: "), "{text}");
        assert!(text.ends_with("; run as root or with CAP_NET_ADMIN"), "{text}");
    }
}
