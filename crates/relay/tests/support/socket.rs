//! The WebSocket as a client speaks it.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sprag_api::frame::from_relay::Frame as Reply;
use sprag_api::frame::to_relay::Frame as Request;
use sprag_api::frame::{
    Acknowledge, Closing, Envelope, FromRelay, Hello, Message as _, Part, Receipt, Refused, Send,
    Submit, ToRelay, Welcome,
};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{Lost, Place, soon};

/// A device's connection, after `Hello`.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// What came while something else was waited for, in its order.
    waiting: VecDeque<Reply>,
}

/// What became of one send.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    Accepted(Receipt),
    Refused(Refused),
}

impl Socket {
    /// Connects, without a word.
    pub(crate) async fn connect(place: &Place, token: &str) -> Result<Self, Lost> {
        let mut request = format!("ws://{}/v1/socket", place.address).into_client_request()?;
        let offer = format!("sprag.v1, token.{token}").parse()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", offer);
        let stream = place.connect().await?;
        let (stream, answer) = soon(tokio_tungstenite::client_async(request, stream)).await??;
        assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "sprag.v1");
        Ok(Self { stream, waiting: VecDeque::new() })
    }

    /// Connects and says hello.
    pub(crate) async fn open(
        place: &Place,
        token: &str,
        hello: Hello,
    ) -> Result<(Self, Welcome), Lost> {
        let mut socket = Self::connect(place, token).await?;
        socket.say(Request::Hello(hello)).await?;
        match socket.next().await? {
            Reply::Welcome(welcome) => Ok((socket, welcome)),
            other => Err(format!("{other:?}").into()),
        }
    }

    pub(crate) async fn say(&mut self, frame: Request) -> Result<(), Lost> {
        let bytes = ToRelay { frame: Some(frame) }.encode_to_vec();
        self.write(Message::Binary(bytes.into())).await
    }

    pub(crate) async fn write(&mut self, message: Message) -> Result<(), Lost> {
        Ok(soon(self.stream.send(message)).await??)
    }

    pub(crate) async fn submit(&mut self, sends: Vec<Send>) -> Result<(), Lost> {
        self.say(Request::Submit(Submit { sends })).await
    }

    pub(crate) async fn acknowledge(&mut self, through: u64) -> Result<(), Lost> {
        self.say(Request::Acknowledge(Acknowledge { through })).await
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Result<Reply, Lost> {
        match self.waiting.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<Reply, Lost> {
        loop {
            match soon(self.stream.next()).await?.ok_or("the connection ended")?? {
                Message::Binary(bytes) => {
                    let frame = FromRelay::decode(bytes)?.frame;
                    return Ok(frame.ok_or("a frame that this version does not know")?);
                }
                Message::Close(close) => return Err(format!("closed: {close:?}").into()),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Text(_) | Message::Frame(_)) => {
                    return Err(format!("{other:?}").into());
                }
            }
        }
    }

    /// The first frame that `pick` takes; the others stay for later.
    pub(crate) async fn find<T>(
        &mut self,
        mut pick: impl FnMut(&Reply) -> Option<T>,
    ) -> Result<T, Lost> {
        for (at, frame) in self.waiting.iter().enumerate() {
            if let Some(found) = pick(frame) {
                self.waiting.remove(at);
                return Ok(found);
            }
        }
        loop {
            let frame = self.read().await?;
            match pick(&frame) {
                Some(found) => return Ok(found),
                None => self.waiting.push_back(frame),
            }
        }
    }

    /// A frame that has come already while something else was waited for.
    pub(crate) fn find_now(&self, pick: impl FnMut(&&Reply) -> bool) -> Option<&Reply> {
        self.waiting.iter().find(pick)
    }

    /// Sends, and waits for what becomes of each of them, in the order of their numbers.
    pub(crate) async fn send(&mut self, sends: Vec<Send>) -> Result<Vec<Fate>, Lost> {
        let numbers: Vec<u64> = sends.iter().map(|send| send.number).collect();
        self.submit(sends).await?;
        self.fates(&numbers).await
    }

    pub(crate) async fn fates(&mut self, numbers: &[u64]) -> Result<Vec<Fate>, Lost> {
        let mut fates = Vec::new();
        while fates.len() < numbers.len() {
            fates.extend(self.some_fates().await?);
        }
        let number = |fate: &Fate| match fate {
            Fate::Accepted(receipt) => receipt.number,
            Fate::Refused(refused) => refused.number,
        };
        fates.sort_by_key(|fate| numbers.iter().position(|wanted| *wanted == number(fate)));
        Ok(fates)
    }

    /// The fates that come next, as many as one frame tells.
    pub(crate) async fn some_fates(&mut self) -> Result<Vec<Fate>, Lost> {
        self.find(fates_in).await
    }

    /// Every envelope up to `Empty`.
    pub(crate) async fn drain(&mut self) -> Result<Vec<Envelope>, Lost> {
        let mut envelopes = Vec::new();
        loop {
            match self.find(|frame| is_delivery(frame).then(|| frame.clone())).await? {
                Reply::Deliver(deliver) => envelopes.extend(deliver.envelopes),
                _ => return Ok(envelopes),
            }
        }
    }

    /// The same where more than a window may wait: acknowledges on the way.
    pub(crate) async fn drain_acknowledging(&mut self) -> Result<Vec<Envelope>, Lost> {
        let mut envelopes = Vec::new();
        loop {
            match self.find(|frame| is_delivery(frame).then(|| frame.clone())).await? {
                Reply::Deliver(deliver) => {
                    envelopes.extend(deliver.envelopes);
                    let through = envelopes.last().map_or(0, |envelope: &Envelope| envelope.seq);
                    self.acknowledge(through).await?;
                }
                _ => return Ok(envelopes),
            }
        }
    }

    /// So many envelopes.
    pub(crate) async fn receive(&mut self, count: usize) -> Result<Vec<Envelope>, Lost> {
        let mut envelopes = Vec::new();
        while envelopes.len() < count {
            envelopes.extend(self.find(envelopes_in).await?);
        }
        Ok(envelopes)
    }

    /// Acknowledges, and waits until that is confirmed.
    pub(crate) async fn confirm(&mut self, through: u64) -> Result<(), Lost> {
        self.acknowledge(through).await?;
        self.find(|frame| match frame {
            Reply::Acknowledged(done) if done.through >= through => Some(()),
            _ => None,
        })
        .await
    }

    /// What the relay says before it closes the connection.
    pub(crate) async fn closing(&mut self) -> Result<Closing, Lost> {
        self.find(|frame| match frame {
            Reply::Closing(closing) => Some(closing.clone()),
            _ => None,
        })
        .await
    }

    /// Every byte that comes until the relay ends the connection; nothing is answered, pings neither.
    pub(crate) async fn deaf(mut self) -> Result<Vec<u8>, Lost> {
        let mut bytes = Vec::new();
        soon(self.stream.get_mut().read_to_end(&mut bytes)).await??;
        Ok(bytes)
    }

    /// What a ping was answered with.
    pub(crate) async fn pong(&mut self) -> Result<Bytes, Lost> {
        match soon(self.stream.next()).await?.ok_or("the connection ended")?? {
            Message::Pong(bytes) => Ok(bytes),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// Says goodbye, and waits until the relay has.
    pub(crate) async fn close(mut self) {
        let _ = self.stream.close(None).await;
        while soon(self.stream.next())
            .await
            .is_ok_and(|next| next.is_some_and(|frame| frame.is_ok()))
        {}
    }

    /// The status that refuses a connection.
    pub(crate) async fn refused(place: &Place, token: &str) -> u16 {
        let error = Self::connect(place, token).await.err().unwrap();
        match error.downcast::<tokio_tungstenite::tungstenite::Error>().map(|error| *error) {
            Ok(tokio_tungstenite::tungstenite::Error::Http(answer)) => answer.status().as_u16(),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the relay has closed the connection; nothing but that may come.
    pub(crate) async fn ended(mut self) {
        assert_eq!(self.waiting, []);
        let next = self.read().await;
        assert!(next.is_err(), "{next:?}");
    }
}

fn fates_in(frame: &Reply) -> Option<Vec<Fate>> {
    match frame {
        Reply::Accepted(accepted) => {
            Some(accepted.receipts.iter().cloned().map(Fate::Accepted).collect())
        }
        Reply::Refused(refused) => Some(vec![Fate::Refused(refused.clone())]),
        _ => None,
    }
}

fn envelopes_in(frame: &Reply) -> Option<Vec<Envelope>> {
    match frame {
        Reply::Deliver(deliver) => Some(deliver.envelopes.clone()),
        _ => None,
    }
}

fn is_delivery(frame: &Reply) -> bool {
    matches!(frame, Reply::Deliver(_) | Reply::Empty(_))
}

/// A message for these devices, each with the same bytes.
pub(crate) fn message(number: u64, to: &str, devices: &[u32], text: impl Into<Bytes>) -> Send {
    let text = text.into();
    let parts =
        devices.iter().map(|device| Part { device: *device, ciphertext: text.clone() }).collect();
    Send { number, to: to.into(), parts }
}

impl Fate {
    /// The receipt of a send that was stored, or had been.
    pub(crate) fn accepted(&self) -> &Receipt {
        match self {
            Self::Accepted(receipt) => receipt,
            Self::Refused(refused) => panic!("{refused:?}"),
        }
    }

    /// Why a send was not stored.
    pub(crate) fn refused(&self) -> &Refused {
        match self {
            Self::Refused(refused) => refused,
            Self::Accepted(receipt) => panic!("{receipt:?}"),
        }
    }
}
