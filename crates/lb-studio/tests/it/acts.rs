//! Acts: previews, transitions, films, seeds and variations; and the queue.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Browser, TestStudio, id, small_film};

/// Evaluations that a finished task computed and reused.
pub(crate) fn counts(task: &Value) -> (u64, u64) {
    let count = |name: &str| task["progress"][name].as_u64().unwrap();
    (count("evaluations"), count("reused_evaluations"))
}

pub(crate) fn states(plan: &Value, what: &str) -> Vec<String> {
    let states = plan[what].as_array().unwrap().iter();
    states
        .map(|at| at["state"].as_str().unwrap().to_owned())
        .collect()
}

/// The evaluations of a keyframe, and of a transition without its keyframes, in [`small_film`].
const KEYFRAME: u64 = 4;
const TRANSITION: u64 = 2 * 2;

#[test]
fn a_film_grows_and_a_change_computes_only_what_it_touches() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["missing"; 3]);
    assert_eq!(
        plan["film"]["missing_evaluations"],
        3 * KEYFRAME + 2 * TRANSITION
    );
    assert_eq!(plan["film"]["evaluations"], 3 * KEYFRAME + 2 * TRANSITION);

    // A preview.
    let task = browser.done(&project, &json!({ "kind": "keyframe", "index": 1 }));
    assert_eq!(counts(&task), (KEYFRAME, 0));
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["missing", "ready", "missing"]);
    let picture = plan["keyframes"][1]["picture"].as_str().unwrap();
    let answer = browser.get(&format!("/api/pictures/{picture}"));
    assert_eq!(answer.headers["content-type"], "image/png");
    assert!(
        answer.headers["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(image::load_from_memory(&answer.bytes).unwrap().width(), 64);

    // A transition, of which one keyframe is there.
    let task = browser.done(&project, &json!({ "kind": "transition", "index": 0 }));
    let (computed, reused) = counts(&task);
    assert_eq!(computed + reused, 2 * KEYFRAME + TRANSITION);
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "transitions"), ["ready", "missing"]);
    let frames = plan["transitions"][0]["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!(plan["transitions"][0]["computed_frames"], 4);
    browser.get(&format!(
        "/api/pictures/{}",
        frames[1]["picture"].as_str().unwrap()
    ));

    // The film computes what is missing.
    let missing = plan["film"]["missing_evaluations"].as_u64().unwrap();
    let task = browser.done(&project, &json!({ "kind": "film", "format": "mp4" }));
    assert_eq!(
        counts(&task),
        (missing, 3 * KEYFRAME + 2 * TRANSITION - missing)
    );
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "transitions"), ["ready"; 2]);
    assert_eq!(plan["film"]["missing_evaluations"], 0);

    // Another prompt in the middle makes both of its transitions stale.
    let mut job = small_film();
    job["keyframe"][1]["prompt"] = json!("a blue plum");
    let project = browser.put_job(&project, &job).granted();
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["ready", "missing", "ready"]);
    assert_eq!(states(&plan, "transitions"), ["missing"; 2]);
    let task = browser.done(&project, &json!({ "kind": "film", "format": "mp4" }));
    assert_eq!(counts(&task), (KEYFRAME + 2 * TRANSITION, 2 * KEYFRAME));

    // Another prompt at the end makes only the last one stale.
    job["keyframe"][2]["prompt"] = json!("a grape");
    let project = browser.put_job(&project, &job).granted();
    assert_eq!(
        states(&browser.plan(&project), "transitions"),
        ["ready", "missing"]
    );
    let task = browser.done(&project, &json!({ "kind": "film", "format": "mp4" }));
    assert_eq!(
        counts(&task),
        (KEYFRAME + TRANSITION, 2 * KEYFRAME + TRANSITION)
    );

    // What lasts longer is not computed again.
    job["keyframe"][0]["hold"] = json!(0.5);
    let project = browser.put_job(&project, &job).granted();
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "transitions"), ["ready", "ready"]);
    let films = browser
        .get(&format!("/api/projects/{}", id(&project)))
        .granted();
    assert_eq!(films["films"].as_array().unwrap().len(), 3);
    assert_ne!(films["films"][2]["job_key"], plan["film"]["key"]);
}

#[test]
fn a_loop_is_closed_by_a_transition_of_its_own() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let mut job = small_film();
    job["loop"] = json!(true);
    let project = browser.project(&job);
    let task = browser.done(&project, &json!({ "kind": "transition", "index": 2 }));
    assert_eq!(counts(&task), (2 * KEYFRAME + TRANSITION, 0));
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["ready", "missing", "ready"]);
    assert_eq!(
        states(&plan, "transitions"),
        ["missing", "missing", "ready"]
    );
    let task = browser.done(&project, &json!({ "kind": "film", "format": "gif" }));
    assert_eq!(counts(&task).1, 2 * KEYFRAME + TRANSITION);
}

#[test]
fn crossfed_keyframes_depend_on_those_before() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let mut job = small_film();
    job["crossfeed"] = json!({ "power": 0.4 });
    let project = browser.project(&job);
    let task = browser.done(&project, &json!({ "kind": "transition", "index": 1 }));
    let all = 3 * KEYFRAME + 2 * TRANSITION;
    assert_eq!(counts(&task), (all, 0));
    let task = browser.done(&project, &json!({ "kind": "film", "format": "mp4" }));
    assert_eq!(counts(&task), (0, all));
}

#[test]
fn films_come_in_every_format() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let signatures: [(&str, usize, &[u8]); 5] = [
        ("mp4", 4, b"ftyp"),
        ("gif", 0, b"GIF8"),
        ("webp", 8, b"WEBP"),
        ("png", 0, b"PK\x03\x04"),
        ("sheet", 0, b"\x89PNG"),
    ];
    for (number, (format, offset, signature)) in signatures.into_iter().enumerate() {
        let task = browser.done(&project, &json!({ "kind": "film", "format": format }));
        assert_eq!(task["result"]["film"], number + 1);
        let films = browser
            .get(&format!("/api/projects/{}/films", id(&project)))
            .granted();
        let film = &films[number];
        assert_eq!(film["format"], format);
        let url = film["url"].as_str().unwrap();
        let whole = browser.get(url);
        assert_eq!(whole.status, 200);
        assert!(whole.bytes[offset..].starts_with(signature), "{format}");
        assert_eq!(film["bytes"], whole.bytes.len());
        // Another film may have this address later.
        assert_eq!(whole.headers["cache-control"], "private, no-cache");
        let disposition = whole.headers["content-disposition"].to_str().unwrap();
        assert!(disposition.contains("Fruits-"), "{disposition}");
        if format == "mp4" {
            // A player asks for parts.
            let request = browser.request("GET", url).header("range", "bytes=4-7");
            let part = studio.send(request.body(axum::body::Body::empty()).unwrap());
            assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &b"ftyp"[..]));
            assert_eq!(part.headers["content-type"], "video/mp4");
        }
        let motion = browser.get(&format!(
            "/api/projects/{}/films/{}/motion",
            id(&project),
            number + 1
        ));
        match format {
            "png" | "sheet" => drop(motion.refused(400)),
            _ => {
                let motion = motion.granted();
                let steps = motion["steps"].as_array().unwrap();
                assert_eq!(motion["frames"], film["frames"], "{format}");
                assert_eq!(steps.len() + 1, motion["frames"].as_u64().unwrap() as usize);
                assert!(steps.iter().any(|step| step.as_f64().unwrap() > 0.1));
            }
        }
    }
    let path = format!("/api/projects/{}/films/1", id(&project));
    assert_eq!(browser.delete(&path).status, 204);
    assert_eq!(browser.get(&format!("{path}/film.mp4")).status, 404);
}

#[test]
fn seeds_and_variations_are_shown_and_picked() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let act = json!({ "kind": "seeds", "prompt": "an owl", "seeds": [3, 9, 4, 1] });
    let task = browser.done(&project, &act);
    let pictures = task["result"]["pictures"].as_array().unwrap();
    let seeds: Vec<u64> = pictures
        .iter()
        .map(|at| at["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [3, 9, 4, 1]);
    let keys: BTreeSet<&str> = pictures
        .iter()
        .map(|at| at["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys.len(), 4);

    // The one that is picked is a keyframe of the film already.
    let mut job = small_film();
    job["keyframe"][1] = json!({ "prompt": "an owl", "seed": 9 });
    let project = browser.put_job(&project, &job).granted();
    let plan = browser.plan(&project);
    assert_eq!(plan["keyframes"][1]["picture"], pictures[1]["picture"]);
    let task = browser.done(&project, &json!({ "kind": "keyframe", "index": 1 }));
    assert_eq!(counts(&task), (0, 0), "nothing is left to do");

    // A quick model for instant previews.
    let act = json!({
        "kind": "seeds", "prompt": "an owl", "model": "pocket-turbo", "seeds": [5]
    });
    let task = browser.done(&project, &act);
    assert!(counts(&task).0 <= 8, "{task}");

    let act = json!({
        "kind": "variations", "prompt": "an owl", "seed": 9, "count": 2, "strength": 0.3
    });
    let task = browser.done(&project, &act);
    let varied = task["result"]["pictures"].as_array().unwrap();
    assert_eq!(varied[0]["variation"]["strength"], 0.3);
    let distance = |other: &Value| {
        let picture = |of: &Value| {
            let picture = of["picture"].as_str().unwrap();
            let bytes = browser.get(&format!("/api/pictures/{picture}")).bytes;
            image::load_from_memory(&bytes).unwrap().to_rgb8()
        };
        lb_video::picture::distance(&picture(&pictures[1]), &picture(other)).unwrap()
    };
    let (near, far) = (distance(&varied[0]), distance(&pictures[0]));
    assert!(near > 0.0 && near < far, "{near} {far}");
    job["keyframe"][1] = json!({
        "prompt": "an owl", "seed": 9,
        "variation_seed": varied[0]["variation"]["seed"], "variation_strength": 0.3
    });
    let project = browser.put_job(&project, &job).granted();
    assert_eq!(
        browser.plan(&project)["keyframes"][1]["picture"],
        varied[0]["picture"]
    );
}

/// A film that takes a while.
fn long_film() -> Value {
    let mut job = small_film();
    job["defaults"]["steps"] = json!(60);
    job
}

fn open_tasks(browser: &Browser<'_>) -> Vec<String> {
    let tasks = browser.get("/api/tasks").granted();
    let open =
        |task: &&Value| ["waiting", "running", "paused"].contains(&task["state"].as_str().unwrap());
    let tasks = tasks.as_array().unwrap().iter().filter(open);
    tasks.map(|task| id(task).to_owned()).collect()
}

#[test]
fn tasks_are_paused_resumed_moved_and_cancelled() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&long_film());
    let film = json!({ "kind": "film", "format": "mp4" });
    let keyframe = json!({ "kind": "keyframe", "index": 0 });
    let first = browser.act(&project, &film);
    let second = browser.act(&project, &film);
    let third = browser.act(&project, &keyframe);
    browser.wait_for(&first, &["running"]);
    assert_eq!(open_tasks(&browser), [id(&first), id(&second), id(&third)]);

    let place = json!({ "before": id(&second) });
    browser
        .post(&format!("/api/tasks/{}/move", id(&third)), &place)
        .granted();
    assert_eq!(open_tasks(&browser), [id(&first), id(&third), id(&second)]);
    browser.ask(&second, "pause").granted();
    browser.ask(&first, "pause").granted();
    browser.wait_for(&first, &["paused"]);
    browser.wait_for(&third, &["done"]);
    assert_eq!(browser.task(&second)["state"], "paused");

    browser.ask(&second, "cancel").granted();
    browser.ask(&second, "resume").refused(409);
    browser.ask(&first, "resume").granted();
    let done = browser.wait_for(&first, &["done", "failed"]);
    assert_eq!(done["state"], "done", "{done}");
    let (computed, reused) = counts(&done);
    assert!(
        reused > 0,
        "what was computed before the pause is there: {computed}"
    );

    let other = browser.project(&{
        let mut job = long_film();
        job["keyframe"][0]["seed"] = json!(77);
        job
    });
    let running = browser.act(&other, &film);
    browser.wait_for(&running, &["running"]);
    browser.ask(&running, "cancel").granted();
    assert_eq!(
        browser.wait_for(&running, &["cancelled"])["state"],
        "cancelled"
    );
    let films = browser
        .get(&format!("/api/projects/{}/films", id(&other)))
        .granted();
    assert_eq!(films, json!([]));

    // A project that is removed takes its tasks with it.
    let running = browser.act(&other, &film);
    browser.act(&other, &keyframe);
    browser.wait_for(&running, &["running"]);
    assert_eq!(
        browser
            .delete(&format!("/api/projects/{}", id(&other)))
            .status,
        204
    );
    browser.wait_for(&running, &["cancelled"]);
    assert!(open_tasks(&browser).is_empty());
}

#[test]
fn acts_that_cannot_be_done_are_refused() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let refused = |act: Value| {
        let task = json!({ "project": project["id"], "act": act });
        browser.post("/api/tasks", &task).refused(400)
    };
    assert!(refused(json!({ "kind": "keyframe", "index": 3 })).contains("no such keyframe"));
    assert!(refused(json!({ "kind": "transition", "index": 2 })).contains("no such transition"));
    refused(json!({ "kind": "film", "format": "avi" }));
    refused(json!({ "kind": "dance" }));
    refused(json!({ "kind": "seeds", "prompt": "a", "seeds": [] }));
    refused(json!({ "kind": "seeds", "prompt": "a", "seeds": vec![1; 65] }));
    refused(json!({ "kind": "seeds", "prompt": "a", "seeds": [1], "model": "../pocket" }));
    refused(json!({ "kind": "variations", "prompt": "a", "seed": 1, "count": 4, "strength": 2 }));
    let single = browser.project(&json!({ "keyframe": [{ "prompt": "a" }] }));
    let task = json!({ "project": single["id"], "act": { "kind": "film", "format": "mp4" } });
    assert!(
        browser
            .post("/api/tasks", &task)
            .refused(400)
            .contains("two keyframes")
    );
    let task = json!({ "project": "0123456789abcdef", "act": { "kind": "keyframe", "index": 0 } });
    browser.post("/api/tasks", &task).refused(404);
}

#[test]
fn a_second_film_with_a_warm_model_starts_at_once() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    browser.done(&project, &json!({ "kind": "keyframe", "index": 0 }));
    let mut job = small_film();
    job["keyframe"][0]["seed"] = json!(55);
    let project = browser.put_job(&project, &job).granted();
    let began = std::time::Instant::now();
    let task = browser.act(&project, &json!({ "kind": "film", "format": "mp4" }));
    let started = loop {
        let now = browser.task(&task);
        if now["progress"]["evaluations"].as_u64().unwrap() > 0 || now["state"] == "done" {
            break began.elapsed();
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    println!("a warm model started after {started:?}");
    browser.wait_for(&task, &["done"]);
    // Ten times what it takes alone, because other tests run beside this one.
    assert!(started.as_secs_f64() < 1.0, "{started:?}");
}
