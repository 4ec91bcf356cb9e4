//! The real `understudy` as the program under test: in a network namespace of its own, with its neighbours known.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use model::MacAddress;
use serde_json::{Value, json};

use super::error::BedError;
use super::process::{Folder, Process};
use super::reading::Reading;
use super::traffic::{
    CLIENT_NETWORKS, REAL_PORT, ROUTER, VIRTUAL_PORT, real_ipv4, real_ipv6, real_mac, virtual_ipv4,
    virtual_ipv6,
};
use crate::clock;

const NAME: &str = "understudy";

/// Longer than a unit needs to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A namespace of its own, with what a namespace lacks at first: its interfaces in /sys, a loopback interface that is
/// up, and IPv6 addresses that can be used at once. The first argument is a list of CPUs that the kernel is to seem to leave
/// alone, as it does on a machine that is set up for a unit: there, threads spin. The program takes the shell's place.
const IN_NAMESPACE: &str = "mount -t sysfs sysfs /sys && mount --bind \"$1\" /sys/devices/system/cpu/isolated && shift && \
    ip link set lo up && echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad && echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad && exec \"$@\"";

/// What a unit is to be like.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The virtual devices of the outside and the inside port.
    pub(super) devices: [String; 2],
    /// The CPU of each worker.
    pub(super) workers: Vec<usize>,
    /// Whether workers poll without pause; else they sleep when they have nothing to do. The control thread sleeps.
    pub(super) spins: bool,
    /// Real servers of each virtual server.
    pub(super) real_servers: u8,
    /// Room for connections.
    pub(super) connections: u32,
    /// Packet buffers that the devices keep.
    pub(super) additional_buffers: usize,
}

/// A running unit.
#[derive(Debug)]
pub(super) struct Unit {
    process: Process,
    socket: PathBuf,
}

impl Unit {
    /// Starts it, and makes its neighbours and routes known to its kernel.
    pub(super) fn start(program: &Path, plan: &Plan, folder: &Folder) -> Result<Self, BedError> {
        let folder = folder.path();
        let socket = folder.join("unit.sock");
        fs::write(folder.join("unit.json"), unit_json(plan, &socket).to_string())?;
        fs::write(folder.join("director.json"), director_json(plan).to_string())?;
        let isolated = folder.join("isolated");
        fs::write(&isolated, if plan.spins { cpu_list(&plan.workers) } else { String::new() })?;
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--mount", "--", "sh", "-c", IN_NAMESPACE, NAME])
            .arg(isolated)
            .arg(program)
            .args(["run", "--config"])
            .arg(folder)
            .args(["--", "--single-file-segments"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut unit = Self { process: Process::start(NAME, &mut command, folder)?, socket };
        unit.wait_for("answer", |unit| Ok(unit.ask("status").is_ok()))?;
        unit.introduce(plan)?;
        unit.wait_for("real server with a known MAC address", Self::knows_real_servers)?;
        Ok(unit)
    }

    /// Waits until it has `count` connections.
    pub(super) fn wait_for_connections(&mut self, count: u32) -> Result<(), BedError> {
        let what = format!("{count} connections");
        self.wait_for(&what, |unit| Ok(unit.connections()? == u64::from(count)))
    }

    /// Connections that it has.
    pub(super) fn connections(&self) -> Result<u64, BedError> {
        let status = self.ask("status")?;
        Ok(status["connections"].as_u64().unwrap_or_default())
    }

    /// The MAC address of the port with this number.
    pub(super) fn mac(&self, port: usize) -> Result<MacAddress, BedError> {
        let ports = self.ask("ports")?;
        let mac = ports[port]["mac"].as_str().and_then(|mac| mac.parse().ok());
        mac.ok_or_else(|| unexpected("ports", &ports))
    }

    /// What a packet costs it from now on for the length of `window`.
    pub(super) fn cost(&self, window: Duration) -> Result<f64, BedError> {
        let before = self.read()?;
        clock::sleep(window);
        let after = self.read()?;
        after.cost_since(before, NAME, || self.losses())
    }

    /// What it has forwarded up to now.
    fn read(&self) -> Result<Reading, BedError> {
        let before = dpdk::clock::cycles();
        let counters = self.ask("counters")?;
        let after = dpdk::clock::cycles();
        let count = |key: &str| counters[key].as_u64().ok_or_else(|| unexpected("counters", &counters));
        Ok(Reading::between(before, after, count("received")?, count("forwarded")?))
    }

    /// Packets that a worker handed to another.
    pub(super) fn handed_over(&self) -> Result<u64, BedError> {
        let counters = self.ask("counters")?;
        counters["handed_over"].as_u64().ok_or_else(|| unexpected("counters", &counters))
    }

    /// What became of packets that it did not forward, in words.
    pub(super) fn losses(&self) -> String {
        let Ok(counters) = self.ask("counters") else { return String::new() };
        let drops = counters["drops"].as_object().into_iter().flatten();
        let drops = drops.filter(|(_, count)| count.as_u64() != Some(0));
        let drops: Vec<String> = drops.map(|(reason, count)| format!("{reason} {count}")).collect();
        format!(" (since its start: {}, to the kernel {})", drops.join(", "), counters["to_kernel"])
    }

    /// Halts it, until it is resumed.
    pub(super) fn suspend(&self) -> Result<(), BedError> {
        self.process.suspend()
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> Result<(), BedError> {
        self.process.resume()
    }

    /// Has the control thread run only when nobody else wants its CPU: on a machine of its own size, it would have one.
    pub(super) fn yield_control(&self) -> Result<(), BedError> {
        // The program's first thread is the control thread.
        let id = self.process.id().to_string();
        let status = Command::new("chrt").args(["--idle", "--pid", "0", &id]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            other => Err(BedError::NotReady {
                what: "control thread that yields its CPU".to_owned(),
                seen: format!("{other:?}"),
            }),
        }
    }

    /// The neighbours and routes that a real network would tell the kernel.
    fn introduce(&self, plan: &Plan) -> Result<(), BedError> {
        let [ipv4, ipv6] = CLIENT_NETWORKS;
        let mut commands = format!(
            "neigh replace 198.51.100.2 lladdr {ROUTER} dev outside nud permanent\n\
             neigh replace 2001:db8:1::2 lladdr {ROUTER} dev outside nud permanent\n\
             route replace {ipv4} via 198.51.100.2\nroute replace {ipv6} via 2001:db8:1::2\n"
        );
        for number in 1..=plan.real_servers {
            for address in [real_ipv4(number).to_string(), real_ipv6(number).to_string()] {
                let mac = real_mac(number);
                commands += &format!("neigh replace {address} lladdr {mac} dev inside nud permanent\n");
            }
        }
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.process.id().to_string(), "ip", "-batch", "-"]);
        let mut ip = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut input) = ip.stdin.take() {
            input.write_all(commands.as_bytes())?;
        }
        let output = ip.wait_with_output()?;
        if output.status.success() {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(BedError::Unexpected { name: "ip", command: commands, answer })
    }

    fn knows_real_servers(&mut self) -> Result<bool, BedError> {
        let servers = self.ask("real")?;
        let servers = servers.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(servers.iter().all(|server| server["next_hop"]["state"] == "resolved"))
    }

    fn wait_for(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> Result<bool, BedError>,
    ) -> Result<(), BedError> {
        let waited = clock::wait_for(PATIENCE, || match self.process.check().and_then(|()| is_so(self)) {
            Ok(false) => None,
            Ok(true) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        });
        waited.unwrap_or_else(|| {
            let seen = format!("{} connections{}", self.connections().unwrap_or_default(), self.losses());
            Err(BedError::NotReady { what: what.to_owned(), seen })
        })
    }

    /// Asks by the management socket.
    fn ask(&self, what: &str) -> Result<Value, BedError> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(json!({ "version": 1, "show": what }).to_string().as_bytes())?;
        stream.write_all(b"\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let mut answer: Value = serde_json::from_str(&line)?;
        match answer.get_mut(what) {
            Some(found) => Ok(found.take()),
            None => Err(unexpected(what, &answer)),
        }
    }
}

fn unexpected(command: &str, answer: &Value) -> BedError {
    BedError::Unexpected { name: NAME, command: command.to_owned(), answer: answer.to_string() }
}

/// As the kernel writes it.
fn cpu_list(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(",") + "\n"
}

fn unit_json(plan: &Plan, socket: &Path) -> Value {
    let port = |name: &str, device: &str, addresses: [&str; 2]| json!({ "name": name, "role": name, "vdev": device, "addresses": addresses, "unmatched": "drop" });
    let [outside, inside] = &plan.devices;
    json!({
        "name": "bench",
        "ports": [
            port("outside", outside, ["198.51.100.1/24", "2001:db8:1::1/64"]),
            port("inside", inside, ["10.1.0.1/24", "2001:db8:2::1/64"]),
        ],
        "cores": { "control": 0, "workers": plan.workers },
        "hugepages": "require",
        "additional_buffers": plan.additional_buffers,
        "connections": plan.connections,
        "socket": socket,
    })
}

fn director_json(plan: &Plan) -> Value {
    let ipv4 = |number| format!("{}:{REAL_PORT}", real_ipv4(number));
    let ipv6 = |number| format!("[{}]:{REAL_PORT}", real_ipv6(number));
    let services = [
        (format!("{}:{VIRTUAL_PORT}", virtual_ipv4()), (1..=plan.real_servers).map(ipv4).collect::<Vec<_>>()),
        (format!("[{}]:{VIRTUAL_PORT}", virtual_ipv6()), (1..=plan.real_servers).map(ipv6).collect()),
    ];
    let each = |make: fn(&(String, Vec<String>)) -> Value| services.iter().map(make).collect::<Vec<_>>();
    let reals = services.iter().flat_map(|(_, reals)| reals);
    json!({
        "virtual_servers": each(|(name, _)| json!({ "virtual": name, "predictor": "leastconns" })),
        "real_servers": reals.map(|real| json!({ "real": real })).collect::<Vec<_>>(),
        "bindings": each(|(name, reals)| json!({ "virtual": name, "real": reals })),
        // Frames in a file are of connections that were established before it begins.
        "tcp_without_connection": "admit",
    })
}
