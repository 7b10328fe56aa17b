//! The log of everything that happens, which clients read as server-sent events.
//!
//! Writers append to the log and never wait for a reader. A reader has a place in the log, and goes on from
//! there after its connection was lost, because it names the last event that it has seen. The log forgets its
//! oldest events. A reader whose place is forgotten, or comes from an earlier run of the program, gets the
//! event `reset`, and loads everything again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::watch;

use crate::ids::random_hex;
use crate::limits::{MOST_EVENT_BYTES, MOST_EVENTS};

/// Whose an event, a project or a task is: a visitor of a demonstration. Without visitors, it is `None`.
pub(crate) type Owner = Option<Arc<str>>;

/// An event in the log.
#[derive(Debug)]
pub(crate) struct LoggedEvent {
    number: u64,
    owner: Owner,
    /// The event as it is sent, which all readers share.
    pub(crate) sent: Bytes,
}

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct EventLog {
    /// Distinguishes this run of the program from others.
    run: String,
    state: Mutex<State>,
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Arc<LoggedEvent>>,
    bytes: usize,
    last: u64,
}

/// What a reader gets next.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Events that follow those that it has read; there may be none yet.
    Events(Vec<Arc<LoggedEvent>>),
    /// Its place is forgotten: it must load everything again, and goes on from here.
    Reset(u64),
}

impl EventLog {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            run: random_hex(4)?,
            state: Mutex::default(),
            news: watch::Sender::new(0),
        })
    }

    /// Appends an event.
    pub(crate) fn push(&self, owner: &Owner, name: &'static str, data: &impl Serialize) {
        // What is logged are plain types of this crate, which JSON can always hold.
        let Ok(data) = serde_json::to_string(data) else {
            return;
        };
        let mut state = self.lock();
        state.last += 1;
        let number = state.last;
        // JSON has no line ends outside of texts, and escapes those in texts.
        let sent = format!("id: {}\nevent: {name}\ndata: {data}\n\n", self.id(number));
        state.bytes += sent.len();
        state.events.push_back(Arc::new(LoggedEvent {
            number,
            owner: owner.clone(),
            sent: sent.into(),
        }));
        while state.events.len() > MOST_EVENTS || state.bytes > MOST_EVENT_BYTES {
            let forgotten = state.events.pop_front();
            state.bytes -= forgotten.map_or(0, |event| event.sent.len());
        }
        drop(state);
        self.news.send_replace(number);
    }

    /// The place of a reader that has just come: it gets what happens from now on.
    pub(crate) fn end(&self) -> u64 {
        self.lock().last
    }

    /// The place of a reader that has seen the event with this id; `None` if it is from another run.
    pub(crate) fn place(&self, id: &str) -> Option<u64> {
        let (run, number) = id.split_once('-')?;
        let number = number.parse().ok()?;
        (run == self.run && number <= self.end()).then_some(number)
    }

    /// The id of the event at this place.
    pub(crate) fn id(&self, place: u64) -> String {
        format!("{}-{place}", self.run)
    }

    /// What follows this place for this reader, and its next place.
    pub(crate) fn read(&self, owner: &Owner, place: u64) -> (Reading, u64) {
        let state = self.lock();
        let first = state.events.front().map_or(state.last + 1, |at| at.number);
        if place + 1 < first {
            return (Reading::Reset(state.last), state.last);
        }
        let skipped = (place + 1 - first) as usize;
        let new = state.events.iter().skip(skipped).take(PORTION);
        let next = new.clone().next_back().map_or(place, |event| event.number);
        let own = new.filter(|event| event.owner == *owner);
        (Reading::Events(own.cloned().collect()), next)
    }

    /// Tells a reader whenever there is something new.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// How many readers there are.
    pub(crate) fn readers(&self) -> usize {
        self.news.receiver_count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl LoggedEvent {
    /// The type of the event, and its JSON.
    pub(crate) fn name_and_data(&self) -> (&str, &str) {
        let text = std::str::from_utf8(&self.sent).unwrap_or_default();
        let mut lines = text.lines();
        let mut field = |name: &str| lines.find_map(|line| line.strip_prefix(name));
        (
            field("event: ").unwrap_or_default(),
            field("data: ").unwrap_or_default(),
        )
    }
}

/// How many events a reader takes at a time.
const PORTION: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(reading: Reading) -> Vec<String> {
        match reading {
            Reading::Events(events) => events
                .iter()
                .map(|event| event.name_and_data().1.to_owned())
                .collect(),
            Reading::Reset(_) => vec!["reset".into()],
        }
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let log = EventLog::new().unwrap();
        log.push(&None, "task", &1);
        let place = log.end();
        log.push(&None, "task", &2);
        log.push(&None, "task", &3);
        let (reading, next) = log.read(&None, place);
        assert_eq!(texts(reading), ["2", "3"]);
        assert_eq!(log.place(&log.id(next)), Some(3));
        assert!(texts(log.read(&None, next).0).is_empty());
        assert_eq!(log.place("00000000-1"), None, "another run");
        assert_eq!(log.place(&log.id(4)), None, "the future");
        assert_eq!(log.place("nonsense"), None);
    }

    #[test]
    fn a_reader_that_falls_behind_starts_again() {
        let log = EventLog::new().unwrap();
        for number in 0..MOST_EVENTS + 10 {
            log.push(&None, "step", &number);
        }
        let (reading, next) = log.read(&None, 3);
        assert_eq!(texts(reading), ["reset"]);
        assert_eq!(next, log.end());
        let (reading, next) = log.read(&None, 10);
        assert_eq!(texts(reading).len(), PORTION);
        assert_eq!(next, 10 + PORTION as u64);
    }

    #[test]
    fn long_events_leave_earlier() {
        let log = EventLog::new().unwrap();
        let long = "x".repeat(MOST_EVENT_BYTES / 4);
        for _ in 0..5 {
            log.push(&None, "task", &long);
        }
        assert!(log.lock().bytes <= MOST_EVENT_BYTES);
        assert_eq!(log.lock().events.len(), 3);
    }

    #[test]
    fn visitors_read_only_their_own_events() {
        let log = EventLog::new().unwrap();
        let [ann, bob] = ["ann", "bob"].map(|name| Some(Arc::from(name)));
        log.push(&ann, "task", &1);
        log.push(&bob, "task", &2);
        assert_eq!(texts(log.read(&ann, 0).0), ["1"]);
        assert_eq!(texts(log.read(&bob, 0).0), ["2"]);
        assert!(texts(log.read(&None, 0).0).is_empty());
    }
}
