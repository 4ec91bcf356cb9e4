//! BIRD 2, a routing daemon, in a namespace.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::folder::Folder;
use super::namespace::Namespace;
use super::wait;

/// Short, so that a test does not wait.
const TIMES: &str = "connect delay time 1; connect retry time 1; error wait time 1, 2; hold time 9;";

/// A running BIRD, ended when it is dropped.
pub(crate) struct Bird {
    process: Child,
    socket: PathBuf,
}

impl Bird {
    /// Advertises the addresses of an interface within `network` to a router.
    pub(crate) fn advertising(
        host: &Namespace,
        folder: &Folder,
        own: &str,
        router: &str,
        interface: &str,
        network: &str,
    ) -> Self {
        let protocols = format!(
            "protocol direct {{ ipv4; interface \"{interface}\"; }}
            protocol bgp {{
                local {own} as 65001; neighbor {router} as 65000; {TIMES}
                ipv4 {{ import none; export filter {{ if net ~ [ {network} ] then accept; reject; }}; }};
            }}\n"
        );
        Self::start(host, folder, own, &protocols)
    }

    /// Learns from `neighbors`, and tells its kernel.
    pub(crate) fn learning(host: &Namespace, folder: &Folder, own: &str, neighbors: &[&str]) -> Self {
        let session = |neighbor: &&str| {
            format!(
                "protocol bgp {{
                    local {own} as 65000; neighbor {neighbor} as 65001; {TIMES}
                    ipv4 {{ import all; export none; }};
                }}\n"
            )
        };
        let sessions: String = neighbors.iter().map(session).collect();
        let kernel = "protocol kernel { ipv4 { import none; export all; }; }\n";
        Self::start(host, folder, own, &format!("{kernel}{sessions}"))
    }

    fn start(host: &Namespace, folder: &Folder, own: &str, protocols: &str) -> Self {
        let file = |what: &str| format!("bird-{own}.{what}");
        let text = format!("router id {own};\nprotocol device {{ scan time 1; }}\n{protocols}");
        let configuration = folder.write(&file("conf"), text);
        let socket = folder.path().join(file("socket"));
        let spawn = || {
            Command::new("bird")
                .args(["-f", "-c"])
                .arg(&configuration)
                .arg("-s")
                .arg(&socket)
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("bird runs; scripts/setup installs it")
        };
        let process = host.enter(spawn);
        wait::until_equal("bird's socket", true, || socket.exists());
        Self { process, socket }
    }

    /// The next hop of its route to `destination`.
    pub(crate) fn next_hop(&self, destination: &str) -> Option<String> {
        let mut command = Command::new("birdc");
        command.arg("-s").arg(&self.socket).args(["show", "route", destination]);
        let output = command.output().expect("birdc runs");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, rest) = shown.split_once("via ")?;
        rest.split_whitespace().next().map(str::to_owned)
    }
}

impl Drop for Bird {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
