//! The events as a stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;

use crate::events::{EventLog, LoggedEvent, Owner, Reading};
use crate::guard::Visitor;
use crate::shared::Shared;

/// How often a line without meaning keeps the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

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
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let log = Arc::clone(&shared.events);
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let mut waiting = VecDeque::new();
    let place = match last.map(|id| log.place(id)) {
        None => {
            // The id from which a client goes on that loses the connection before anything happens.
            let place = log.end();
            waiting.push_back(Event::default().comment("").id(log.id(place)));
            place
        }
        Some(Some(place)) => place,
        Some(None) => {
            let place = log.end();
            waiting.push_back(reset(&log, place));
            place
        }
    };
    let reader = Reader {
        news: log.news(),
        log,
        owner,
        place,
        waiting,
    };
    let events = unfold(reader, |mut reader| async {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

struct Reader {
    log: Arc<EventLog>,
    owner: Owner,
    place: u64,
    waiting: VecDeque<Event>,
    news: watch::Receiver<u64>,
}

impl Reader {
    /// The next event; `None` when the program ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            self.news.mark_unchanged();
            let (reading, place) = self.log.read(&self.owner, self.place);
            let is_new = place != self.place;
            self.place = place;
            match reading {
                Reading::Reset(place) => self.waiting.push_back(reset(&self.log, place)),
                Reading::Events(events) => {
                    let events = events.iter().map(|event| self.sent(event));
                    let events: Vec<Event> = events.collect();
                    self.waiting.extend(events);
                }
            }
            if self.waiting.is_empty() && !is_new {
                self.news.changed().await.ok()?;
            }
        }
    }

    fn sent(&self, event: &LoggedEvent) -> Event {
        let id = self.log.id(event.number());
        Event::default().id(id).event(event.name).data(&event.data)
    }
}

fn reset(log: &EventLog, place: u64) -> Event {
    Event::default().id(log.id(place)).event("reset").data("{}")
}
