//! The servers that are measured: the relay, the echo without storage, Redis. Each listens on loopback
//! and keeps what it keeps in a folder of its own.

use std::env;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use bytes::Bytes;

use crate::crowd::End;
use crate::device::{self, Account};
use crate::http;
use crate::process::Process;
use crate::redis::Client;
use crate::serving::{Announcement, serve};
use crate::sockets::{self, Device};
use crate::traffic::Traffic;
use crate::websocket::Socket;

/// Connections that every server takes beside those of a measurement.
const MARGIN: usize = 512;
/// The relay's count of its commits.
const COMMITS: &str = "sprag_commit_batch_jobs_count ";

/// A server with mailboxes for pairs.
pub(crate) trait Server {
    /// Our end of its connections.
    type End: End<Shared = Traffic>;

    /// Where a pair's sender connects.
    fn sender_address(&self, pair: usize) -> Result<SocketAddr>;

    /// Where a pair's receiver connects.
    fn receiver_address(&self, pair: usize) -> Result<SocketAddr>;

    /// Its processes.
    fn processes(&self) -> Vec<&Process>;

    /// How often it has committed, where it tells.
    fn commits(&self) -> Option<f64> {
        None
    }

    /// What sends for a pair.
    fn sender(&self, pair: usize, ciphertext: &Bytes) -> Result<Self::End>;

    /// What receives for a pair, all that is not acknowledged.
    fn receiver(&self, pair: usize, ciphertext: &Bytes) -> Result<Self::End>;
}

/// A server of sockets: the relay, as one node or several, or the echo. Each pair's sender is at one node, and
/// its receiver at the next one.
pub(crate) struct Sockets {
    processes: Vec<Process>,
    /// Of each node.
    addresses: Vec<SocketAddr>,
    /// Where relays tell what they counted.
    ops: Vec<SocketAddr>,
    /// Of each pair the sender, then the receiver.
    accounts: Vec<Account>,
}

/// Redis.
pub(crate) struct Redis {
    process: Process,
    address: SocketAddr,
}

/// Where a relay is, and where it answers whoever runs it.
pub(crate) struct Relay {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    ops: SocketAddr,
}

/// Starts the relay on a folder, with limits that are on, but above what is measured, and with these further
/// flags.
pub(crate) fn relay(
    program: &Path,
    folder: &Path,
    connections: usize,
    further: &[&str],
) -> Result<Relay> {
    let connections = (connections + MARGIN).to_string();
    let limits = ["--connections", &connections, "--connections-per-address", &connections];
    let flags = [&limits, further].concat();
    let (process, Announcement { listening, ops }) = serve(program, folder, &flags)?;
    Ok(Relay { process, address: address(&listening)?, ops: address(&ops)? })
}

/// How often a relay has committed.
fn count_commits(ops: SocketAddr) -> Option<f64> {
    let metrics = http::get(ops, "/metrics").ok()?;
    let count = metrics.lines().find_map(|line| line.strip_prefix(COMMITS))?;
    count.trim().parse().ok()
}

/// The address in a URL.
fn address(url: &str) -> Result<SocketAddr> {
    let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
    address.with_context(|| format!("no address is in `{url}`"))
}

/// Starts ourselves as the echo.
fn echo(folder: &Path) -> Result<(Process, SocketAddr)> {
    const READY: &str = "listening on ";
    fs::create_dir_all(folder)?;
    let mut command = Command::new(env::current_exe().context("cannot find this program")?);
    let log = folder.join("echo.log");
    let (process, line) =
        Process::start(command.arg("echo"), &log, |line| line.starts_with(READY))?;
    Ok((process, address(line.trim_start_matches(READY))?))
}

impl Sockets {
    /// The relay, with two registered accounts for each pair.
    pub(crate) fn relay(program: &Path, folder: &Path, pairs: usize) -> Result<Self> {
        Self::of_pairs(vec![relay(program, folder, 2 * pairs, &[])?], pairs)
    }

    /// The nodes of a relay, likewise.
    pub(crate) fn of_pairs(nodes: Vec<Relay>, pairs: usize) -> Result<Self> {
        let first = nodes.first().context("there is a node")?;
        let accounts = device::register(first.address, "pair", 2 * pairs, false)?;
        Ok(Self::of(nodes, accounts))
    }

    fn of(nodes: Vec<Relay>, accounts: Vec<Account>) -> Self {
        let addresses = nodes.iter().map(|node| node.address).collect();
        let ops = nodes.iter().map(|node| node.ops).collect();
        let processes = nodes.into_iter().map(|node| node.process).collect();
        Self { processes, addresses, ops, accounts }
    }

    /// The relay with an account for each connection that will be idle: registered by one process,
    /// connected to another, whose memory holds nothing of the registrations.
    pub(crate) fn idle_relay(program: &Path, folder: &Path, connections: usize) -> Result<Self> {
        let first = relay(program, folder, connections, &[])?;
        let accounts = device::register(first.address, "idle", connections, false)?;
        first.process.stop()?;
        let node = relay(program, folder, connections, &[])?;
        let receivers = accounts.into_iter().flat_map(|account| [account.clone(), account]);
        Ok(Self::of(vec![node], receivers.collect()))
    }

    /// The echo.
    pub(crate) fn echo(folder: &Path, pairs: usize) -> Result<Self> {
        let (process, address) = echo(folder)?;
        let account = |index| Account::unregistered(&format!("pair-{index}"));
        let accounts = (0..2 * pairs).map(account).collect();
        Ok(Self { processes: vec![process], addresses: vec![address], ops: Vec::new(), accounts })
    }

    fn node(&self, index: usize) -> Result<SocketAddr> {
        let node = index.checked_rem(self.addresses.len());
        node.and_then(|node| self.addresses.get(node)).copied().context("there is a node")
    }

    fn pair(&self, pair: usize) -> Result<(&Account, &Account)> {
        let pair = self.accounts.chunks_exact(2).nth(pair).context("there is no such pair")?;
        pair.first().zip(pair.last()).context("a pair is two")
    }
}

impl Server for Sockets {
    type End = Socket<Device>;

    fn sender_address(&self, pair: usize) -> Result<SocketAddr> {
        self.node(pair)
    }

    fn receiver_address(&self, pair: usize) -> Result<SocketAddr> {
        self.node(pair + 1)
    }

    fn processes(&self) -> Vec<&Process> {
        self.processes.iter().collect()
    }

    fn commits(&self) -> Option<f64> {
        let counts = self.ops.iter().map(|ops| count_commits(*ops));
        // The echo tells nothing.
        counts.sum::<Option<f64>>().filter(|_| !self.ops.is_empty())
    }

    fn sender(&self, pair: usize, ciphertext: &Bytes) -> Result<Self::End> {
        let (from, to) = self.pair(pair)?;
        Ok(sockets::sender(self.node(pair)?, pair, from, to, ciphertext))
    }

    fn receiver(&self, pair: usize, _ciphertext: &Bytes) -> Result<Self::End> {
        let (from, to) = self.pair(pair)?;
        Ok(sockets::receiver(self.node(pair + 1)?, pair, from, to))
    }
}

impl Redis {
    /// Redis under the relay's promise: what it has answered is on the disk.
    pub(crate) fn start(program: &Path, folder: &Path, connections: usize) -> Result<Self> {
        fs::create_dir_all(folder)?;
        // It cannot tell which port it chose: we choose, and leave it to Redis.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"]);
        command.arg(folder).args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        command.args(["--maxclients", &(connections + MARGIN).to_string()]);
        let log = folder.join("redis.log");
        let (process, _) =
            Process::start(&mut command, &log, |line| line.contains("Ready to accept"))?;
        Ok(Self { process, address })
    }
}

impl Server for Redis {
    type End = Client;

    fn sender_address(&self, _: usize) -> Result<SocketAddr> {
        Ok(self.address)
    }

    fn receiver_address(&self, _: usize) -> Result<SocketAddr> {
        Ok(self.address)
    }

    fn processes(&self) -> Vec<&Process> {
        vec![&self.process]
    }

    fn sender(&self, pair: usize, ciphertext: &Bytes) -> Result<Client> {
        Ok(Client::sender(pair, ciphertext))
    }

    fn receiver(&self, pair: usize, ciphertext: &Bytes) -> Result<Client> {
        Ok(Client::receiver(pair, ciphertext))
    }
}

/// `redis-server`, where it is installed, and its version.
pub(crate) fn find_redis() -> Option<(PathBuf, String)> {
    let program = PathBuf::from("redis-server");
    let output = Command::new(&program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    output.status.success().then(|| (program, version.to_owned()))
}
