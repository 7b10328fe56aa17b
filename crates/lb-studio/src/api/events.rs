//! The events as a stream.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::events::{EventLog, Owner, Reading};
use crate::guard::Visitor;
use crate::shared::Shared;

/// How often a line without meaning keeps the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a reader waits on average at least between two portions. Writing to a connection costs as much for one
/// event as for many, about 30 microseconds, and with many readers this is what a render would notice.
const PAUSE: Duration = Duration::from_millis(20);

/// How much longer each reader makes all wait, so that all portions together are at most 250 a second.
const PAUSE_OF_EACH: Duration = Duration::from_millis(4);

/// The longest pause, however many readers there are.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many portions a reader gets without waiting after it had nothing to read for a while, so that a page sees at
/// once that something begins.
const AT_ONCE: u32 = 5;

/// Everything that happens, as server-sent events: `task` (a task), `queue` (the order of the tasks),
/// `project`, `removed`, `keyframe`, `frame` and `step`. A client that names the last event that it has seen in
/// the header `Last-Event-ID` gets all that have followed it. If these are forgotten, it gets `reset`, and loads
/// everything again.
#[utoipa::path(
    get, path = "/api/events",
    params(("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, content_type = "text/event-stream", body = String))
)]
pub(crate) async fn events(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    headers: HeaderMap,
) -> Response {
    let log = Arc::clone(&shared.events);
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let (place, first) = match last.map(|id| log.place(id)) {
        None => {
            // The id from which a client goes on that loses the connection before anything happens.
            let place = log.end();
            (place, Some(format!(":\nid: {}\n\n", log.id(place)).into()))
        }
        Some(Some(place)) => (place, None),
        Some(None) => {
            let place = log.end();
            (place, Some(reset(&log, place)))
        }
    };
    let reader = Reader {
        news: log.news(),
        log,
        owner,
        place,
        first,
        earliest: Instant::now(),
    };
    let portions = unfold(reader, |mut reader| async {
        let portion = reader.next().await?;
        Some((Ok::<_, Infallible>(portion), reader))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, Body::from_stream(portions)).into_response()
}

struct Reader {
    log: Arc<EventLog>,
    owner: Owner,
    place: u64,
    /// What is sent before anything else.
    first: Option<Bytes>,
    /// When the next portion may be sent.
    earliest: Instant,
    news: watch::Receiver<u64>,
}

impl Reader {
    /// The next portion of the stream; `None` when the program ends.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        sleep_until(self.earliest).await;
        loop {
            self.news.mark_unchanged();
            let (reading, place) = self.log.read(&self.owner, self.place);
            let is_new = place != self.place;
            self.place = place;
            let portion = match reading {
                Reading::Reset(place) => reset(&self.log, place),
                // The bytes of a single event are those of the log.
                Reading::Events(events) => match &events[..] {
                    [] => Bytes::new(),
                    [event] => event.sent.clone(),
                    events => {
                        let parts: Vec<&[u8]> = events.iter().map(|at| &at.sent[..]).collect();
                        parts.concat().into()
                    }
                },
            };
            if !portion.is_empty() {
                let now = Instant::now();
                let pause = pause(self.log.readers());
                let rested = now.checked_sub((AT_ONCE - 1) * pause).unwrap_or(now);
                self.earliest = self.earliest.max(rested) + pause;
                return Some(portion);
            }
            if is_new {
                continue;
            }
            match timeout(KEEP_ALIVE, self.news.changed()).await {
                Ok(changed) => changed.ok()?,
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }
}

/// How long each of this number of readers waits between two portions.
fn pause(readers: usize) -> Duration {
    let readers = u32::try_from(readers).unwrap_or(u32::MAX);
    PAUSE_OF_EACH
        .saturating_mul(readers)
        .clamp(PAUSE, LONGEST_PAUSE)
}

fn reset(log: &EventLog, place: u64) -> Bytes {
    format!("id: {}\nevent: reset\ndata: {{}}\n\n", log.id(place)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_readers_wait_longer() {
        assert_eq!(pause(1), PAUSE);
        assert_eq!(pause(100), Duration::from_millis(400));
        assert_eq!(pause(usize::MAX), LONGEST_PAUSE);
    }
}
