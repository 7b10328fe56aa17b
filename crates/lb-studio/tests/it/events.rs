//! Events: in order, complete, and resumed.

use std::time::{Duration, Instant};

use axum::body::Body;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::client::{Browser, TestStudio, id, small_film};

/// An event as a browser reads it.
#[derive(Clone, PartialEq, Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

/// Reads events, after the one with this id, until one is the last that is wanted.
fn read(
    browser: &Browser<'_>,
    after: Option<&str>,
    is_last: impl Fn(&Event) -> bool,
) -> Vec<Event> {
    let mut request = browser.request("GET", "/api/events");
    if let Some(id) = after {
        request = request.header("last-event-id", id);
    }
    let request = request.body(Body::empty()).unwrap();
    let router = browser.studio.router();
    browser.studio.runtime.block_on(async {
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut parts = response.into_body().into_data_stream();
        let (mut text, mut events) = (String::new(), Vec::new());
        while let Some(part) = parts.next().await {
            text += std::str::from_utf8(&part.unwrap()).unwrap();
            while let Some((block, rest)) = text.split_once("\n\n") {
                if let Some(event) = parse(block) {
                    events.push(event);
                }
                text = rest.to_owned();
            }
            if events.iter().any(&is_last) {
                break;
            }
        }
        events
    })
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Some(Event {
        id: field("id")?.to_owned(),
        name: field("event")?.to_owned(),
        data: serde_json::from_str(field("data")?).unwrap(),
    })
}

fn number(event: &Event) -> u64 {
    event.id.split_once('-').unwrap().1.parse().unwrap()
}

fn is_done(task: &Value) -> impl Fn(&Event) -> bool {
    let id = id(task).to_owned();
    move |event| {
        event.name == "task" && event.data["id"] == id.as_str() && event.data["state"] == "done"
    }
}

#[test]
fn what_happens_is_told_in_order_and_nothing_is_lost_across_connections() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let before = read(&browser, Some("nonsense"), |event| event.name == "reset");
    let place = before[0].id.clone();
    let task = browser.act(&project, &json!({ "kind": "film", "format": "mp4" }));
    let done = is_done(&task);
    let all = read(&browser, Some(&place), &done);
    assert!(
        all.windows(2)
            .all(|pair| number(&pair[0]) < number(&pair[1]))
    );

    // Every picture is announced, when it is there.
    let of = |name: &str| {
        all.iter()
            .filter(|event| event.name == name)
            .collect::<Vec<_>>()
    };
    let indices: Vec<_> = of("keyframe")
        .iter()
        .map(|at| at.data["index"].clone())
        .collect();
    assert_eq!(indices, [0, 1, 2]);
    let frames = of("frame");
    let places: Vec<_> = frames
        .iter()
        .map(|at| {
            (
                at.data["transition"].clone(),
                at.data["number"].clone(),
                at.data["of"].clone(),
            )
        })
        .collect();
    let expected = [(0, 1), (0, 2), (1, 1), (1, 2)];
    assert_eq!(
        places,
        expected.map(|(at, number)| (json!(at), json!(number), json!(2)))
    );
    for event in frames {
        let picture = event.data["picture"].as_str().unwrap();
        assert_eq!(browser.get(&format!("/api/pictures/{picture}")).status, 200);
    }
    assert!(!of("queue").is_empty() && !of("step").is_empty());
    let finished = all.last().unwrap();
    assert!(done(finished) || all.iter().any(&done));

    // A reader that comes back again and again reads the same.
    let mut pieces = Vec::new();
    let mut after = place;
    while !pieces.iter().any(&done) {
        let from = after.clone();
        let next = read(&browser, Some(&from), |_| true);
        pieces.push(next[0].clone());
        after = next[0].id.clone();
    }
    let ended = all.iter().position(&done).unwrap();
    assert_eq!(pieces, all[..=ended]);
}

#[test]
fn a_reader_from_an_earlier_run_starts_again() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    for id in ["00000000-3", "", "1", "x-y"] {
        let events = read(&browser, Some(id), |event| event.name == "reset");
        assert_eq!(events.len(), 1, "{id}");
    }
}

/// Many readers, one of which never reads, beside a render. Prints how much they slow it.
#[test]
fn readers_do_not_slow_the_work() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let film = |seed: u64| {
        let mut job = small_film();
        for (index, keyframe) in job["keyframe"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .enumerate()
        {
            keyframe["seed"] = json!(seed + index as u64);
        }
        job["defaults"]["steps"] = json!(16);
        job["defaults"]["injection_steps"] = json!([0, 8]);
        browser.project(&job)
    };
    let render = |seed: u64| {
        let project = film(seed);
        let began = Instant::now();
        browser.done(&project, &json!({ "kind": "film", "format": "mp4" }));
        began.elapsed()
    };
    render(100);
    let alone = render(200);
    let readers: Vec<_> = (0..100)
        .map(|index| {
            let router = studio.router();
            let request = browser
                .request("GET", "/api/events")
                .body(Body::empty())
                .unwrap();
            studio.runtime.spawn(async move {
                let response = router.oneshot(request).await.unwrap();
                let mut parts = response.into_body().into_data_stream();
                let mut last = 0;
                while let Some(part) = parts.next().await {
                    for line in String::from_utf8_lossy(&part.unwrap()).lines() {
                        if let Some(id) = line.strip_prefix("id: ") {
                            let number: u64 = id.split_once('-').unwrap().1.parse().unwrap();
                            assert!(number >= last, "out of order");
                            last = number;
                        }
                    }
                    if index == 0 {
                        tokio::time::sleep(Duration::from_secs(3600)).await;
                    }
                }
            })
        })
        .collect();
    let watched = render(300);
    assert!(readers.iter().all(|reader| !reader.is_finished()));
    for reader in readers {
        reader.abort();
    }
    println!("alone {alone:?}, with 100 readers {watched:?}");
    // Other tests run beside this one, so that only a reader that blocks the work is noticed.
    assert!(
        watched < 3 * alone + Duration::from_secs(2),
        "{alone:?} {watched:?}"
    );
}
