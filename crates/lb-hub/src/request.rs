//! One request to a server, made on a thread of its own, so that whoever waits for it can be interrupted.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::{AUTHORIZATION, CONTENT_RANGE, LOCATION, RANGE, RETRY_AFTER};

/// How many bytes arrive at once, at most.
const CHUNK: usize = 1 << 18;
/// How many chunks wait for the one who writes them.
const CHUNKS: usize = 8;
/// How long nobody asks whether to go on, at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// What to ask for.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    /// The bytes that are not needed, because they are there.
    pub(crate) skip: u64,
}

/// What arrives, in this order.
pub(crate) enum Arrival {
    /// The answer has begun, and its first byte has this place in the file.
    Begin(u64),
    /// The next bytes.
    Bytes(Vec<u8>),
    /// All has arrived.
    End,
    /// Nothing more will arrive.
    Failure(Failure),
}

/// Why an answer is not complete.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another status than success.
    Status {
        status: u16,
        /// How long the server asks to wait, in seconds.
        retry_after: Option<u64>,
    },
    /// The connection was not made, or broke.
    Connection(String),
}

impl Failure {
    /// Whether the same request may succeed later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            Self::Connection(_) => true,
        }
    }
}

/// An answer on its way.
pub(crate) struct Answer {
    arrivals: Receiver<Arrival>,
}

impl Answer {
    /// Sends the request.
    pub(crate) fn to(agent: &Agent, request: Request) -> Self {
        let (sender, arrivals) = sync_channel(CHUNKS);
        let agent = agent.clone();
        // If nobody receives any more, the thread ends with the next bytes or at a time limit.
        thread::spawn(move || {
            let last = match transfer(&agent, &request, &sender) {
                Ok(()) => Arrival::End,
                Err(failure) => Arrival::Failure(failure),
            };
            let _nobody_waits = sender.send(last);
        });
        Self { arrivals }
    }

    /// What arrives next; nothing if it does not arrive soon.
    pub(crate) fn next(&self) -> Option<Arrival> {
        match self.arrivals.recv_timeout(PATIENCE) {
            Ok(arrival) => Some(arrival),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Arrival::Failure(Failure::Connection(
                "the request ended without an answer".into(),
            ))),
        }
    }
}

fn transfer(agent: &Agent, request: &Request, sender: &SyncSender<Arrival>) -> Result<(), Failure> {
    let mut call = agent.get(&request.url);
    if let Some(token) = &request.token {
        call = call.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if request.skip > 0 {
        call = call.header(RANGE, format!("bytes={}-", request.skip));
    }
    let connection = |error: ureq::Error| Failure::Connection(reason(&error));
    let mut response = call.call().map_err(connection)?;
    let header = |name| response.headers().get(name)?.to_str().ok();
    let begin = match response.status() {
        StatusCode::PARTIAL_CONTENT => first_byte(header(CONTENT_RANGE)).ok_or_else(|| {
            Failure::Connection("it does not say which part of the file it sends".into())
        })?,
        status if status.is_success() => 0,
        status => {
            if status.is_redirection() && header(LOCATION).is_some() {
                return Err(Failure::Connection("it redirects again and again".into()));
            }
            return Err(Failure::Status {
                status: status.as_u16(),
                retry_after: header(RETRY_AFTER).and_then(|value| value.parse().ok()),
            });
        }
    };
    let mut body = response.body_mut().as_reader();
    if sender.send(Arrival::Begin(begin)).is_err() {
        return Ok(());
    }
    loop {
        let mut bytes = vec![0; CHUNK];
        let read = body.read(&mut bytes).map_err(|error| {
            Failure::Connection(match error.downcast::<ureq::Error>() {
                Ok(error) => reason(&error),
                Err(error) => error.to_string(),
            })
        })?;
        bytes.truncate(read);
        if read == 0 || sender.send(Arrival::Bytes(bytes)).is_err() {
            return Ok(());
        }
    }
}

/// The first number of a header such as `bytes 1000-4999/5000`.
fn first_byte(range: Option<&str>) -> Option<u64> {
    let (first, _) = range?.strip_prefix("bytes ")?.split_once('-')?;
    first.parse().ok()
}

/// What happened, in words that need no knowledge of the library.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "nothing arrives".into(),
        ureq::Error::HostNotFound => "this host is not found".into(),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
