//! What stands between clients and a relay: it passes on what they say, keeps what the clients said, and counts.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use super::Event;

/// The most that is passed on at once.
const PIECE: usize = 16 * 1024;

/// A proxy, for as long as the tests run.
pub(super) struct Proxy {
    /// How clients reach the relay.
    pub(super) url: String,
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    relay: OnceLock<SocketAddr>,
    /// What clients said, by connection.
    said: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    fuse: Mutex<Option<Fuse>>,
}

struct Fuse {
    pieces: u32,
    burnt: Sender<Event>,
}

impl Proxy {
    /// One that knows no relay yet.
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inside = Arc::new(Inside::default());
        let shared = Arc::clone(&inside);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, shared) = (client.unwrap(), Arc::clone(&shared));
                thread::spawn(move || shared.connect(&client));
            }
        });
        Self { url, inside }
    }

    /// Where the relay is.
    pub(super) fn leads_to(&self, url: &str) {
        let relay = url.trim_start_matches("http://").parse().unwrap();
        self.inside.relay.set(relay).expect("there is one relay");
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
}

impl Inside {
    fn connect(&self, client: &TcpStream) {
        // A relay that is not there is not there for the client either.
        let Ok(relay) = TcpStream::connect(self.relay.get().expect("the relay is known")) else {
            return;
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        self.said.lock().unwrap().push(Arc::clone(&said));
        for stream in [client, &relay] {
            stream.set_nodelay(true).unwrap();
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                // Noted first: the relay sees nothing that is not in the notes.
                self.carry(client, &relay, |piece| said.lock().unwrap().extend_from_slice(piece));
                let _ = relay.shutdown(Shutdown::Write);
            });
            self.carry(&relay, client, |_| {});
            // Where the relay has gone, what the client still says reaches nobody.
            for stream in [&relay, client] {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Passes on what comes, until either end has gone.
    fn carry(&self, mut from: &TcpStream, mut to: &TcpStream, note: impl Fn(&[u8])) {
        let mut piece = [0; PIECE];
        while let Ok(length) = from.read(&mut piece) {
            let piece = &piece[..length];
            if piece.is_empty() {
                break;
            }
            note(piece);
            let passed_on = to.write_all(piece);
            self.burn();
            if passed_on.is_err() {
                break;
            }
        }
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
