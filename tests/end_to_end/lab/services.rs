//! What listens on the real servers: nginx with a page of the server's own, and small line services on threads.
//!
//! The line service answers each line with the server's number and the line: `1 hello`. The lines `close` and `reset`
//! have it end a TCP connection in that way. A datagram is answered in the same way as a line.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Pid;

use super::folder::Folder;
use super::namespace::Namespace;
use super::wait::{self, PATIENCE};

/// Where the line service is, by TCP and UDP.
pub(crate) const LINE_PORT: u16 = 7;

/// How long a service waits before it looks whether it is to stop.
const LOOK_MS: u16 = 50;

/// Threads that serve lines and datagrams until they are dropped.
pub(crate) struct LineService {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl LineService {
    /// Serves `port` of all addresses in `namespace`, as server `number`, by TCP and UDP.
    pub(crate) fn start(namespace: &Namespace, number: usize, port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        // An IPv6 socket takes IPv4, too.
        let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let (listener, socket) = namespace.enter(|| {
            (TcpListener::bind(any).expect("a free TCP port"), UdpSocket::bind(any).expect("a free UDP port"))
        });
        let of_tcp = Arc::clone(&stop);
        let of_udp = Arc::clone(&stop);
        let threads = vec![
            thread::spawn(move || serve_connections(&listener, number, &of_tcp)),
            thread::spawn(move || serve_datagrams(&socket, number, &of_udp)),
        ];
        Self { stop, threads }
    }
}

impl Drop for LineService {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve_connections(listener: &TcpListener, number: usize, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        if is_readable(listener)
            && let Ok((stream, _)) = listener.accept()
        {
            // Ends when the client closes, or does not say anything for long.
            thread::spawn(move || serve_lines(stream, number));
        }
    }
}

fn serve_lines(stream: TcpStream, number: usize) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let _ = stream.set_nodelay(true);
    let Ok(reader) = stream.try_clone() else { return };
    for line in BufReader::new(reader).lines() {
        match line.as_deref() {
            Ok("close") | Err(_) => return,
            Ok("reset") => {
                // Closing does not linger: what is unsent is discarded, and the other side gets a reset.
                let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                return setsockopt(&stream, sockopt::Linger, &linger).expect("lingering is settable");
            }
            Ok(line) => {
                if (&stream).write_all(format!("{number} {line}\n").as_bytes()).is_err() {
                    return;
                }
            }
        }
    }
}

fn serve_datagrams(socket: &UdpSocket, number: usize, stop: &AtomicBool) {
    let mut buffer = [0; 2_048];
    while !stop.load(Ordering::Relaxed) {
        if is_readable(socket)
            && let Ok((length, client)) = socket.recv_from(&mut buffer)
        {
            let answer = [number.to_string().as_bytes(), b" ", &buffer[..length]].concat();
            let _ = socket.send_to(&answer, client);
        }
    }
}

fn is_readable(socket: &impl AsFd) -> bool {
    let mut waiting = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::from(LOOK_MS)).is_ok_and(|ready| ready > 0)
}

/// An nginx, ended when it is dropped.
pub(crate) struct Nginx(Child);

impl Nginx {
    /// Serves port 80 of all addresses in `namespace`: `/` says `server NUMBER`, `/large` is `large`.
    pub(crate) fn start(namespace: &Namespace, folder: &Folder, number: usize, large: &[u8]) -> Self {
        folder.write(&format!("nginx{number}-80/pages/large"), large);
        Self::serve_page(namespace, folder, number, 80, &format!("server {number}\n"))
    }

    /// Serves `port` of all addresses in `namespace`, which is server `number`'s: `/` is `page`.
    pub(crate) fn serve_page(
        namespace: &Namespace,
        folder: &Folder,
        number: usize,
        port: u16,
        page: &str,
    ) -> Self {
        let name = |file: &str| format!("nginx{number}-{port}/{file}");
        folder.write(&name("pages/index.html"), page);
        let home = folder.path().join(format!("nginx{number}-{port}"));
        let home = home.to_str().expect("a plain path");
        let configuration = folder.write(&name("nginx.conf"), nginx_configuration(home, port));
        let log = format!("{home}/error.log");
        let spawn = || {
            Command::new("nginx")
                .args(["-p", home, "-e", &log, "-c"])
                .arg(&configuration)
                .stdin(Stdio::null())
                .spawn()
                .expect("nginx runs; scripts/setup installs it")
        };
        let nginx = Self(namespace.enter(spawn));
        wait::until("nginx to listen", || namespace.enter(|| TcpStream::connect(("127.0.0.1", port)).ok()));
        nginx
    }
}

fn nginx_configuration(home: &str, port: u16) -> String {
    format!(
        "daemon off; user root; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
        events {{ worker_connections 8192; }}
        http {{
            access_log off; sendfile on; keepalive_timeout 300;
            client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
            uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
            server {{ listen {port}; listen [::]:{port}; root {home}/pages; }}
        }}\n"
    )
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it takes its worker along.
        if let Ok(pid) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

/// An iperf3 server, ended when it is dropped.
pub(crate) struct Iperf3(Child);

impl Iperf3 {
    /// Serves its own port of all addresses in `namespace`.
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let spawn = || {
            Command::new("iperf3")
                .args(["--server", "--forceflush"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("iperf3 runs; scripts/setup installs it")
        };
        let server = Self(namespace.enter(spawn));
        // Asking it by connecting would keep it from clients for a while.
        wait::until("iperf3 to listen", || {
            namespace
                .run("ss", &["--no-header", "--listening", "--tcp", "sport = 5201"])
                .contains("5201")
                .then_some(())
        });
        server
    }
}

impl Drop for Iperf3 {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
