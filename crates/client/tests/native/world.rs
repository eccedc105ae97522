//! A relay on loopback, the wire to it, and clients.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sprag_client::{Client, Config, Happening, Message, Storage};
use sprag_relay::Relay;
use sprag_relay::admin::Admin;
use sprag_relay::clock::Clock;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long anything is waited for before a test fails. Nothing here takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The relay's clock: the machine's, and what a test turns it by.
#[derive(Default)]
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    #[expect(clippy::disallowed_methods, reason = "clients take the machine's time")]
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        since.checked_add_signed(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A relay that can be stopped and started, and a folder for everything.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<Hands>,
    pub(crate) wire: Wire,
    config: sprag_relay::config::Config,
    relay: Option<Relay>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut sprag_relay::config::Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wire = Wire::new().await;
        let mut config = sprag_relay::config::Config::new(folder.path().join("relay"));
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.origin = Some(sprag_api::name::Origin::new(wire.origin()).unwrap());
        change(&mut config);
        let mut world =
            Self { folder, clock: Arc::new(Hands::default()), wire, config, relay: None };
        world.start().await;
        world
    }

    pub(crate) async fn start(&mut self) {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let relay = Relay::start(self.config.clone(), clock).await.unwrap();
        self.wire.lead_to(Some(relay.address()));
        self.relay = Some(relay);
    }

    pub(crate) async fn stop(&mut self) {
        self.wire.lead_to(None);
        self.wire.cut();
        self.relay.take().unwrap().stop().await;
    }

    /// Whoever runs the relay removes an account.
    pub(crate) async fn remove_account(&self, name: &str) {
        let admin = Admin::open(&self.config.data, &self.config.store).await.unwrap();
        let name = sprag_api::name::AccountName::new(name).unwrap();
        assert!(admin.remove_account(name).await.unwrap());
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self, name: &str) -> Config {
        Config::new(self.wire.origin(), name).store(Storage::file(self.file(&format!("{name}.db"))))
    }

    pub(crate) async fn client(&self, name: &str) -> Client {
        Client::open(self.config(name)).await.unwrap()
    }
}

/// A wire that counts, and that can be cut.
pub(crate) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    to: watch::Sender<Option<SocketAddr>>,
    cuts: watch::Sender<u64>,
    /// After so many bytes more it is cut by itself, once.
    fuse: AtomicU64,
    blown: AtomicBool,
    /// Whether the next answer is lost.
    loses: AtomicBool,
    bytes: AtomicU64,
}

impl Wire {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to: watch::Sender::new(None),
            cuts: watch::Sender::new(0),
            fuse: AtomicU64::new(u64::MAX),
            blown: AtomicBool::new(false),
            loses: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn lead_to(&self, to: Option<SocketAddr>) {
        self.shared.to.send_replace(to);
    }

    /// Ends all connections that there are.
    pub(crate) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Ends them after so many bytes more, in either direction.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.shared.blown.store(false, Ordering::SeqCst);
        self.shared.fuse.store(self.bytes() + bytes, Ordering::SeqCst);
    }

    /// Lets the next request through, and cuts when its answer comes.
    pub(crate) fn lose_an_answer(&self) {
        self.shared.blown.store(false, Ordering::SeqCst);
        self.shared.loses.store(true, Ordering::SeqCst);
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.shared.blown.load(Ordering::SeqCst)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((near, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let Some(to) = *shared.to.borrow() else { return };
            let Ok(far) = TcpStream::connect(to).await else { return };
            let mut cuts = shared.cuts.subscribe();
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            tokio::select! {
                _ = cuts.changed() => {}
                () = pass(near_read, far_write, &shared, false) => {}
                () = pass(far_read, near_write, &shared, true) => {}
            }
        });
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    shared: &Shared,
    back: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return };
        if read == 0 {
            return;
        }
        let bytes = shared.bytes.fetch_add(read as u64, Ordering::SeqCst) + read as u64;
        let lost = back && shared.loses.swap(false, Ordering::SeqCst);
        if lost || bytes >= shared.fuse.load(Ordering::SeqCst) {
            shared.fuse.store(u64::MAX, Ordering::SeqCst);
            shared.blown.store(true, Ordering::SeqCst);
            shared.cuts.send_modify(|cuts| *cuts += 1);
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Fails where this takes too long.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("this takes too long")
}

/// The next message, which must come.
pub(crate) async fn next(client: &mut Client) -> Message {
    soon(client.next()).await.unwrap().expect("a message")
}

/// The texts of the next messages.
pub(crate) async fn texts(client: &mut Client, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        texts.push(next(client).await.text().to_owned());
    }
    texts
}

/// Waits for a happening.
pub(crate) async fn happens<T>(
    events: &mut sprag_client::Events,
    mut pick: impl FnMut(Happening) -> Option<T>,
) -> T {
    soon(async {
        loop {
            let happening = events.next().await.expect("the client is closed");
            if let Some(found) = pick(happening) {
                return found;
            }
        }
    })
    .await
}

/// Bytes that do not repeat.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Copies a closed store, as whoever makes a copy of a folder would.
pub(crate) fn copy_store(from: &Path, to: &Path) {
    for suffix in ["", ".key"] {
        let name = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        std::fs::copy(name(from), name(to)).unwrap();
    }
}
