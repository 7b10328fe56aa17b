//! Memory does not grow with the number of jobs.

use serde_json::json;

use crate::client::{TestStudio, id};

/// The memory of this process in KiB that is in use.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// Renders many small films, each of another seed, with a reader beside them. `LB_TEST_JOBS=1000` is the long form,
/// which takes minutes. Other tests run in the same process, so run the long form alone.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_flat_over_many_jobs() {
    let jobs = std::env::var("LB_TEST_JOBS").map_or(40, |jobs| jobs.parse().unwrap());
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&json!({ "size": "64x64" }));
    let render = |seed: usize| {
        let act = json!({ "kind": "seeds", "prompt": "an owl", "model": "pocket-turbo", "seeds": [seed] });
        browser.done(&project, &act);
    };
    let warm_up = (jobs / 4).max(20);
    (0..warm_up).for_each(render);
    let before = resident();
    (warm_up..warm_up + jobs).for_each(render);
    let grown = resident().saturating_sub(before);
    println!("{jobs} jobs: {before} KiB before, {grown} KiB more after");
    // Other tests beside this one also take memory, unless it runs alone.
    let is_alone = jobs >= 500;
    if is_alone {
        assert!(grown < 16 << 10, "{grown} KiB more after {jobs} jobs");
    }
    // What is remembered of finished tasks is bounded.
    let tasks = browser.get("/api/tasks").granted();
    assert!(tasks.as_array().unwrap().len() <= 100);
    let copies = studio
        .folder
        .path()
        .join("projects")
        .join(id(&project))
        .join("tasks");
    assert_eq!(std::fs::read_dir(copies).unwrap().count(), 0);
}
