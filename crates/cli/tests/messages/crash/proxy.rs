//! What stands before a server: it passes on what both say, keeps what the clients said, counts, knows which sockets are
//! live, and breaks connections where it is told to.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use tokio::time::Instant;

/// The most that is passed on at once.
const PIECE: usize = 16 * 1024;
/// The longest that a piece is held back, in milliseconds.
const DELAY: u32 = 60;

/// What ends a round.
pub(super) enum Event {
    /// As much as was wanted has gone over the wire.
    Burnt,
    /// Somebody has said all that was planned.
    SaidAll,
}

/// A proxy, for as long as the tests run.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    /// How clients reach the relay.
    pub(super) url: String,
    inside: Arc<Inside>,
}

struct Inside {
    /// Where it leads to: a new connection to one of those that are there.
    servers: Mutex<Vec<Option<SocketAddr>>>,
    notes: bool,
    /// What clients said, by connection.
    said: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    fuse: Mutex<Option<Fuse>>,
    weather: Mutex<Weather>,
    /// Wakes what is held back once the weather is fine.
    fine: Condvar,
    sockets: Mutex<Sockets>,
    changed: Condvar,
}

struct Fuse {
    pieces: u32,
    burnt: Sender<Event>,
}

/// When connections break.
struct Weather {
    random: ChaCha20Rng,
    /// One piece of so many is the last one; none while the weather is fine.
    storm: Option<u32>,
}

/// What becomes of a piece.
enum Fate {
    Passed,
    Delayed(Duration),
    /// It is lost, with both directions of its connection.
    Cut,
    /// It is lost, and nothing more comes in this direction.
    HalfClosed,
}

/// The `WebSockets` that are live: the relay has said welcome.
#[derive(Default)]
struct Sockets {
    /// How many connections there are, of any kind.
    open: usize,
    next: u64,
    /// Their servers, and since when they are live.
    live: BTreeMap<u64, (usize, Instant)>,
}

impl Proxy {
    /// One that knows no server yet. Whatever it decides, it decides by this seed.
    pub(super) fn new(seed: u64) -> Self {
        Self::start(seed, true)
    }

    /// The same; what is said is not kept.
    pub(super) fn without_notes(seed: u64) -> Self {
        Self::start(seed, false)
    }

    fn start(seed: u64, notes: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let weather = Weather { random: ChaCha20Rng::seed_from_u64(seed), storm: None };
        let inside = Arc::new(Inside {
            servers: Mutex::default(),
            notes,
            said: Mutex::default(),
            fuse: Mutex::default(),
            weather: Mutex::new(weather),
            fine: Condvar::new(),
            sockets: Mutex::default(),
            changed: Condvar::new(),
        });
        let shared = Arc::clone(&inside);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, shared) = (client.unwrap(), Arc::clone(&shared));
                thread::spawn(move || shared.connect(&client));
            }
        });
        Self { address, url: format!("http://{address}"), inside }
    }

    /// Where the servers are, those that are there.
    pub(super) fn leads_to(&self, servers: Vec<Option<SocketAddr>>) {
        *self.inside.servers.lock().unwrap() = servers;
    }

    /// From now on one piece of so many breaks its connection; none breaks any.
    pub(super) fn storm(&self, one_of: Option<u32>) {
        self.inside.weather.lock().unwrap().storm = one_of;
        self.inside.fine.notify_all();
    }

    /// Tells when so many pieces, either way, have come here. They are passed on all the same.
    pub(super) fn light(&self, pieces: u32, burnt: Sender<Event>) {
        *self.inside.fuse.lock().unwrap() = Some(Fuse { pieces, burnt });
    }

    /// Whatever clients have said so far, by connection.
    pub(super) fn said(&self) -> Vec<Vec<u8>> {
        let said = self.inside.said.lock().unwrap();
        said.iter().map(|said| said.lock().unwrap().clone()).collect()
    }

    /// The same, once all connections have ended, as they do where nobody is left; it is not kept here any longer.
    pub(super) fn take_said(&self, within: Duration) -> Vec<Vec<u8>> {
        let sockets = self.inside.sockets.lock().unwrap();
        let busy = |sockets: &mut Sockets| sockets.open > 0;
        let (sockets, _) = self.inside.changed.wait_timeout_while(sockets, within, busy).unwrap();
        assert_eq!(sockets.open, 0, "connections without an end");
        let said = self.said();
        self.inside.said.lock().unwrap().clear();
        said
    }

    /// How many sockets are live at each server.
    pub(super) fn sockets(&self) -> BTreeMap<usize, usize> {
        let mut count = BTreeMap::new();
        for (server, _) in self.inside.sockets.lock().unwrap().live.values() {
            *count.entry(*server).or_default() += 1;
        }
        count
    }

    /// Waits until so many sockets are live at other servers than this one; since when each of them is.
    pub(super) fn await_sockets(
        &self,
        count: usize,
        but: Option<usize>,
        within: Duration,
    ) -> Option<Vec<Instant>> {
        let elsewhere = |sockets: &Sockets| -> Vec<Instant> {
            let live = sockets.live.values().filter(|(server, _)| Some(*server) != but);
            live.map(|(_, since)| *since).collect()
        };
        let sockets = self.inside.sockets.lock().unwrap();
        let few = |sockets: &mut Sockets| elsewhere(sockets).len() < count;
        let (sockets, _) = self.inside.changed.wait_timeout_while(sockets, within, few).unwrap();
        Some(elsewhere(&sockets)).filter(|live| live.len() >= count)
    }
}

impl Inside {
    fn connect(&self, client: &TcpStream) {
        // A relay that is not there is not there for the client either.
        let Some((place, server)) = self.choose() else { return };
        let Ok(server) = TcpStream::connect(server) else { return };
        self.sockets.lock().unwrap().open += 1;
        let said = Arc::new(Mutex::new(Vec::new()));
        if self.notes {
            self.said.lock().unwrap().push(Arc::clone(&said));
        }
        for stream in [client, &server] {
            // One that is broken already ends below.
            let _ = stream.set_nodelay(true);
        }
        let (mut socket, mut upgraded) = (None, false);
        thread::scope(|scope| {
            scope.spawn(|| {
                // Noted first: the relay sees nothing that is not in the notes.
                let note = |piece: &[u8]| {
                    if self.notes {
                        said.lock().unwrap().extend_from_slice(piece);
                    }
                };
                self.carry(client, &server, note);
            });
            self.carry(&server, client, |piece| {
                // What follows the upgrade is the relay's welcome.
                if upgraded && socket.is_none() {
                    socket = Some(self.is_live(place));
                }
                upgraded |= piece.starts_with(b"HTTP/1.1 101 ");
            });
        });
        let mut sockets = self.sockets.lock().unwrap();
        sockets.open -= 1;
        if let Some(socket) = socket {
            sockets.live.remove(&socket);
        }
        self.changed.notify_all();
    }

    /// One of the servers that are there.
    fn choose(&self) -> Option<(usize, SocketAddr)> {
        let servers = self.servers.lock().unwrap();
        let there = servers.iter().enumerate().filter_map(|(at, server)| Some((at, (*server)?)));
        let there: Vec<_> = there.collect();
        let drawn = self.weather.lock().unwrap().random.next_u32() as usize;
        there.get(drawn % there.len().max(1)).copied()
    }

    fn is_live(&self, server: usize) -> u64 {
        let mut sockets = self.sockets.lock().unwrap();
        sockets.next += 1;
        let socket = sockets.next;
        sockets.live.insert(socket, (server, Instant::now()));
        self.changed.notify_all();
        socket
    }

    /// Passes on what comes, until either end has gone or the connection breaks.
    fn carry(&self, mut from: &TcpStream, mut to: &TcpStream, mut note: impl FnMut(&[u8])) {
        let mut piece = [0; PIECE];
        let mut half_closed = false;
        while let Ok(length) = from.read(&mut piece) {
            let piece = &piece[..length];
            if piece.is_empty() {
                // Where the client has said all, the relay may go on.
                half_closed = true;
                break;
            }
            note(piece);
            match self.fate() {
                Fate::Passed => {}
                Fate::Delayed(time) => self.hold(time),
                Fate::Cut => break,
                Fate::HalfClosed => {
                    half_closed = true;
                    break;
                }
            }
            let passed_on = to.write_all(piece);
            self.burn();
            if passed_on.is_err() {
                break;
            }
        }
        // Whoever has gone already is past caring.
        if half_closed {
            let _ = to.shutdown(Shutdown::Write);
        } else {
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        }
    }

    fn fate(&self) -> Fate {
        let mut weather = self.weather.lock().unwrap();
        let Some(one_of) = weather.storm else { return Fate::Passed };
        let drawn = weather.random.next_u32() % (2 * one_of);
        match drawn {
            0 => Fate::Cut,
            1 => Fate::HalfClosed,
            drawn if drawn % 4 == 0 => {
                let time = weather.random.next_u32() % DELAY;
                Fate::Delayed(Duration::from_millis(time.into()))
            }
            _ => Fate::Passed,
        }
    }

    /// Waits so long, or until the weather is fine.
    fn hold(&self, time: Duration) {
        let weather = self.weather.lock().unwrap();
        let stormy = |weather: &mut Weather| weather.storm.is_some();
        drop(self.fine.wait_timeout_while(weather, time, stormy).unwrap());
    }

    fn burn(&self) {
        let mut fuse = self.fuse.lock().unwrap();
        let Some(burning) = fuse.as_mut() else { return };
        burning.pieces = burning.pieces.saturating_sub(1);
        if burning.pieces == 0 {
            // The round may have ended meanwhile.
            let _ = burning.burnt.send(Event::Burnt);
            *fuse = None;
        }
    }
}
