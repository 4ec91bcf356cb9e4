//! A Linux interface that serves as a port: made ready for an af_packet port, and given back as it was found.
//!
//! What the unit changes on the interface, itself or through the port's driver, is remembered first and restored when
//! the [`TakenInterface`] is dropped. What the operator changes otherwise in the meantime stays. Only a unit that is
//! killed can not give its interfaces back.

use std::fs;
use std::process::Command;

use serde_json::Value;

/// Offloads that leave an af_packet port packets with half a checksum, or larger than the MTU, as `ethtool -k` names
/// them (for `ethtool -K`: rx, tx, tso, gso, gro, lro).
const OFFLOADS: [&str; 6] = [
    "rx-checksumming",
    "tx-checksumming",
    "tcp-segmentation-offload",
    "generic-segmentation-offload",
    "generic-receive-offload",
    "large-receive-offload",
];

/// The value of `arp_ignore` with which the kernel answers nothing.
const ANSWER_NOTHING: &str = "8";

/// Why an interface can not be a port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InterfaceError {
    /// The kernel has none of this name.
    #[error("the kernel has no interface {name:?}; `ip link` lists those it has")]
    Missing { name: String },
    /// It is down and stays so.
    #[error("the interface {name:?} is down and can not be brought up: {reason}")]
    Down { name: String, reason: String },
}

/// An interface in the unit's hands. Dropping it restores what was changed; the port must be closed by then.
#[derive(Debug)]
pub(crate) struct TakenInterface {
    name: String,
    /// Those that were switched off.
    offloads: Vec<String>,
    /// The value before, if it was changed.
    arp_ignore: Option<String>,
    /// What it was before, if that is known: the driver changes it later.
    link: Option<Link>,
    was_brought_up: bool,
}

impl TakenInterface {
    /// Makes the interface ready to be a port: no offloads, no ARP, up. A failure to do so is not fatal but warned of,
    /// unless there is no interface or it is down.
    ///
    /// # Errors
    ///
    /// There is no such interface, or it can not be brought up.
    pub(crate) fn take(name: &str) -> Result<Self, InterfaceError> {
        if !exists(name) {
            return Err(InterfaceError::Missing { name: name.to_owned() });
        }
        let mut taken = Self {
            name: name.to_owned(),
            offloads: Vec::new(),
            arp_ignore: None,
            link: None,
            was_brought_up: false,
        };
        taken.remember_link();
        taken.switch_offloads_off();
        // Before it is up, so that not one wrong answer is sent.
        taken.silence_arp();
        taken.bring_up()?;
        Ok(taken)
    }

    fn remember_link(&mut self) {
        match link(&self.name) {
            Ok(link) => self.link = Some(link),
            Err(reason) => log::warn!(
                "can not tell how interface {} is set ({reason}); it is expected to be up, and its MTU and \
                 promiscuous mode will not be restored",
                self.name
            ),
        }
    }

    /// Has the kernel finish its packets before the port sees them.
    fn switch_offloads_off(&mut self) {
        let switched = run("ethtool", &["-k", &self.name]).and_then(|listing| {
            let offloads: Vec<String> = active_offloads(&listing).into_iter().map(str::to_owned).collect();
            set_offloads(&self.name, &offloads, "off").map(|()| offloads)
        });
        match switched {
            Ok(offloads) => self.offloads = offloads,
            Err(reason) => log::warn!(
                "can not switch off the offloads of interface {} ({reason}); packets may come unfinished",
                self.name
            ),
        }
    }

    /// Linux answers ARP on any interface for the addresses of all, so on this one for those of the twins: neighbours
    /// would learn the interface's MAC address in place of the unit's.
    fn silence_arp(&mut self) {
        let path = arp_ignore(&self.name);
        let changed = fs::read_to_string(&path).and_then(|before| {
            let before = before.trim();
            if before == ANSWER_NOTHING {
                return Ok(None);
            }
            fs::write(&path, ANSWER_NOTHING).map(|()| Some(before.to_owned()))
        });
        match changed {
            Ok(before) => self.arp_ignore = before,
            Err(error) => log::warn!(
                "can not set {path} to {ANSWER_NOTHING} ({error}); neighbours may learn a wrong MAC address"
            ),
        }
    }

    fn bring_up(&mut self) -> Result<(), InterfaceError> {
        if self.link.is_none_or(|link| link.is_up) {
            return Ok(());
        }
        set_link(&self.name, &["up"])
            .map_err(|reason| InterfaceError::Down { name: self.name.clone(), reason })?;
        self.was_brought_up = true;
        log::info!("interface {} was down and is brought up", self.name);
        Ok(())
    }

    fn restore_link(&self) -> Result<(), String> {
        let Some(before) = self.link else { return Ok(()) };
        let now = link(&self.name)?;
        // All is tried, whatever fails; the first failure is told.
        let promiscuous = if now.is_promiscuous && !before.is_promiscuous {
            set_link(&self.name, &["promisc", "off"])
        } else {
            Ok(())
        };
        let mtu = if now.mtu == before.mtu {
            Ok(())
        } else {
            set_link(&self.name, &["mtu", &before.mtu.to_string()])
        };
        let down = if self.was_brought_up { set_link(&self.name, &["down"]) } else { Ok(()) };
        promiscuous.and(mtu).and(down)
    }

    fn restore_arp(&self) -> Result<(), String> {
        let Some(before) = &self.arp_ignore else { return Ok(()) };
        let path = arp_ignore(&self.name);
        fs::write(&path, before).map_err(|error| format!("{path} can not be set to {before}: {error}"))
    }
}

impl Drop for TakenInterface {
    fn drop(&mut self) {
        if !exists(&self.name) {
            log::warn!("interface {} is gone, and can not be restored", self.name);
            return;
        }
        // ARP last: a link that was brought up is down again before the kernel may answer.
        let restored =
            [self.restore_link(), set_offloads(&self.name, &self.offloads, "on"), self.restore_arp()];
        for reason in restored.into_iter().filter_map(Result::err) {
            log::warn!("interface {} is not as it was before: {reason}", self.name);
        }
    }
}

/// Asks the kernel, not `/sys`, which may be another network namespace's.
pub(crate) fn exists(name: &str) -> bool {
    nix::net::if_::if_nametoindex(name).is_ok()
}

/// The state of an interface that the unit or its driver may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    mtu: u64,
    is_up: bool,
    /// As set by a program. The kernel's own reasons, such as a bridge, are counted elsewhere.
    is_promiscuous: bool,
}

fn link(name: &str) -> Result<Link, String> {
    let text = run("ip", &["-d", "-j", "link", "show", "dev", name])?;
    read_link(&text).ok_or_else(|| format!("`ip -d -j link show dev {name}` said {:?}", text.trim()))
}

/// Reads what `ip -d -j link show dev NAME` prints.
fn read_link(text: &str) -> Option<Link> {
    let links: Value = serde_json::from_str(text).ok()?;
    let link = links.get(0)?;
    let flags = link.get("flags")?.as_array()?;
    let has = |flag: &str| flags.iter().any(|one| one == flag);
    Some(Link { mtu: link.get("mtu")?.as_u64()?, is_up: has("UP"), is_promiscuous: has("PROMISC") })
}

fn set_link(name: &str, change: &[&str]) -> Result<(), String> {
    run("ip", &[&["link", "set", "dev", name], change].concat()).map(drop)
}

/// The features in `listing`, the output of `ethtool -k`, that belong to [`OFFLOADS`], are on and can be switched off.
///
/// The members of a group are given in place of the group: some may be off, and must not be on when the group is
/// restored.
fn active_offloads(listing: &str) -> Vec<&str> {
    let mut lines = listing.lines().filter_map(|line| line.split_once(": ")).peekable();
    let mut active = Vec::new();
    let mut is_ours = false;
    while let Some((name, state)) = lines.next() {
        let is_member = name.starts_with(char::is_whitespace);
        if !is_member {
            is_ours = OFFLOADS.contains(&name);
        }
        let is_group =
            !is_member && lines.peek().is_some_and(|(next, _)| next.starts_with(char::is_whitespace));
        let is_on = state.starts_with("on") && !state.contains("[fixed]");
        if is_ours && is_on && !is_group {
            active.push(name.trim_start());
        }
    }
    active
}

fn set_offloads(name: &str, offloads: &[String], value: &str) -> Result<(), String> {
    if offloads.is_empty() {
        return Ok(());
    }
    let settings = offloads.iter().flat_map(|offload| [offload.as_str(), value]);
    let arguments: Vec<&str> = ["-K", name].into_iter().chain(settings).collect();
    run("ethtool", &arguments).map(drop)
}

fn arp_ignore(name: &str) -> String {
    format!("/proc/sys/net/ipv4/conf/{name}/arp_ignore")
}

/// Runs a program in the network namespace of the calling thread and returns what it prints, or what failed.
fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let failed = |reason: &str| format!("`{program} {}` failed: {}", arguments.join(" "), reason.trim());
    let output =
        Command::new(program).args(arguments).output().map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(&String::from_utf8_lossy(&output.stderr)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offloads_are_those_of_ours_that_can_be_switched_off() {
        let listing = "Features for eth1:\n\
            rx-checksumming: on\n\
            tx-checksumming: on\n\
            \ttx-checksum-ipv4: off [fixed]\n\
            \ttx-checksum-ip-generic: on\n\
            \ttx-checksum-fcoe-crc: on [fixed]\n\
            \ttx-checksum-sctp: off\n\
            scatter-gather: on\n\
            \ttx-scatter-gather: on\n\
            tcp-segmentation-offload: on\n\
            \ttx-tcp-segmentation: on\n\
            \ttx-tcp-mangleid-segmentation: off [requested on]\n\
            \ttx-tcp6-segmentation: on [not requested]\n\
            generic-segmentation-offload: off [requested on]\n\
            generic-receive-offload: on\n\
            large-receive-offload: off [fixed]\n\
            rx-vlan-offload: on\n";
        assert_eq!(
            active_offloads(listing),
            [
                "rx-checksumming",
                "tx-checksum-ip-generic",
                "tx-tcp-segmentation",
                "tx-tcp6-segmentation",
                "generic-receive-offload",
            ]
        );
    }

    #[test]
    fn interface_without_offloads_has_none_to_switch_off() {
        assert!(active_offloads("Features for eth1:\nrx-checksumming: off [fixed]\n").is_empty());
        assert!(active_offloads("").is_empty());
    }

    #[test]
    fn link_is_read() {
        for (flags, is_up, is_promiscuous) in [
            (r#""BROADCAST","MULTICAST","M-DOWN""#, false, false),
            (r#""BROADCAST","MULTICAST","UP","LOWER_UP""#, true, false),
            (r#""NO-CARRIER","BROADCAST","MULTICAST","PROMISC","UP""#, true, true),
        ] {
            let text = format!(
                r#"[{{"ifindex":3,"ifname":"eth1","flags":[{flags}],"mtu":9000,"promiscuity":1,"min_mtu":68}}]"#
            );
            assert_eq!(read_link(&text), Some(Link { mtu: 9_000, is_up, is_promiscuous }), "{flags}");
        }
    }

    #[test]
    fn what_is_no_link_is_not_read_as_one() {
        for text in ["", "[]", "[{}]", r#"[{"ifname":"eth1","flags":["UP"]}]"#, "Device does not exist."] {
            assert_eq!(read_link(text), None, "{text:?}");
        }
    }

    #[test]
    fn missing_interface_is_named() {
        let error = TakenInterface::take("no-such-port").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the kernel has no interface \"no-such-port\"; `ip link` lists those it has"
        );
    }
}
