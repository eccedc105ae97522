//! HTTP/1.1 calls, many at a time over connections that stay.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::now;
use crate::crowd::{Crowd, End};

/// How long all calls together may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A call, as it goes over the connection.
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// A `POST`, with a token and with JSON where there is any.
    pub(crate) fn post(
        host: SocketAddr,
        path: &str,
        token: Option<&str>,
        body: Option<&impl Serialize>,
    ) -> Result<Self> {
        let body = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            token.unwrap_or_default(),
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        Ok(Self(request))
    }
}

/// Gets a text, once.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let (Response { status, body }, _) = response(&bytes)?.context("an answer is cut off")?;
    ensure!(status == 200, "{path} is answered with {status}");
    Ok(String::from_utf8(body)?)
}

/// What came back.
struct Response {
    status: u16,
    body: Vec<u8>,
}

/// All calls, and what came of them.
#[derive(Default)]
struct Calls {
    waiting: VecDeque<(usize, Request)>,
    answers: Vec<Option<Response>>,
    done: usize,
}

/// A connection that makes one call after the other.
#[derive(Default)]
struct Caller {
    /// The call that waits for its answer.
    pending: Option<usize>,
}

/// Connections to a server.
pub(crate) struct Callers {
    crowd: Crowd<Caller>,
}

impl Callers {
    /// So many connections.
    pub(crate) fn connect(address: SocketAddr, count: usize) -> Result<Self> {
        let mut crowd = Crowd::new()?;
        for _ in 0..count {
            crowd.join(address, Caller::default(), &mut Calls::default())?;
        }
        Ok(Self { crowd })
    }

    /// Makes the calls, as many at a time as there are connections. Gives the answers in the order of
    /// the calls, and how long all of it took. Anything but success is an error.
    pub(crate) fn call<T: DeserializeOwned>(
        &mut self,
        requests: Vec<Request>,
    ) -> Result<(Vec<T>, Duration)> {
        let count = requests.len();
        let answers = std::iter::repeat_with(|| None).take(count).collect();
        let waiting = requests.into_iter().enumerate().collect();
        let mut calls = Calls { waiting, answers, done: 0 };
        let begin = now();
        self.crowd.nudge_all(&mut calls)?;
        self.crowd.finish(PATIENCE, &mut calls, |calls| calls.done == count)?;
        let took = begin.elapsed();
        let read = |answer: Option<Response>| {
            let Response { status, body } = answer.context("a call has no answer")?;
            let text = || String::from_utf8_lossy(&body).into_owned();
            ensure!((200..300).contains(&status), "a call is answered with {status}: {}", text());
            serde_json::from_slice(&body).with_context(|| format!("not as expected: {}", text()))
        };
        Ok((calls.answers.into_iter().map(read).collect::<Result<_>>()?, took))
    }
}

impl End for Caller {
    type Shared = Calls;

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>, calls: &mut Calls) -> Result<usize> {
        let Some((response, used)) = response(bytes)? else { return Ok(0) };
        let index = self.pending.take().context("an answer comes to no call")?;
        *calls.answers.get_mut(index).context("there is no such call")? = Some(response);
        calls.done += 1;
        self.speak(out, calls)?;
        Ok(used)
    }

    fn speak(&mut self, out: &mut Vec<u8>, calls: &mut Calls) -> Result<()> {
        if self.pending.is_none()
            && let Some((index, Request(request))) = calls.waiting.pop_front()
        {
            out.extend_from_slice(&request);
            self.pending = Some(index);
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.pending.is_none()
    }
}

/// A whole response, and how long it is; `None` where it is not complete.
fn response(bytes: &[u8]) -> Result<Option<(Response, usize)>> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = str::from_utf8(bytes.get(..head).unwrap_or_default())
        .context("the head of an answer is no text")?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("no answer begins with {first:?}"))?;
    let mut len = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            len = value.trim().parse().context("an answer has no length")?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("an answer comes in pieces: {text}");
        }
    }
    let begin = head + 4;
    let body = bytes.get(begin..begin + len);
    Ok(body.map(|body| (Response { status, body: body.to_vec() }, begin + len)))
}

#[cfg(test)]
mod tests;
