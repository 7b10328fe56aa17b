//! Jobs, as files and as JSON: read, resolved, planned, and written again.

use std::path::Path;

use lb_job::{Job, JobSettings, Plan};

use crate::scratch::fixture;

/// Does with settings what `lb plan` does, and writes the job as `lb show` does.
fn plan(settings: &JobSettings) {
    let Ok(mut job) = settings.resolve() else {
        return;
    };
    // JSON may have relative paths, which a file has relative to itself.
    job.make_paths_absolute();
    if let Ok(plan) = Plan::new(&job) {
        let _ = (plan.film_frames(), plan.seconds());
    }
    if let Ok(text) = job.to_toml() {
        let read = JobSettings::parse(&text, Path::new(ORIGIN));
        let again: Result<Job, _> = read.expect("what is written can be read").resolve();
        assert!(again.is_ok_and(|again| again == job), "another job: {text}");
    }
}

/// Where the job is supposed to come from. The folder does not exist, so nothing can be included.
const ORIGIN: &str = "/nonexistent/job.toml";

pub(crate) fn toml(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(settings) = JobSettings::parse(text, Path::new(ORIGIN))
    {
        plan(&settings);
    }
}

pub(crate) fn toml_seeds() -> Vec<Vec<u8>> {
    vec![
        fixture("crates/lb-job/src/file/tests/every_key.toml"),
        b"[[keyframe]]\nprompt = \"a\"\n[[keyframe]]\nprompt = \"b\"\n".to_vec(),
        b"include = \"other.toml\"\nfps = 24\nloop = true\n[defaults]\nquality = \"low\"\n[[keyframe]]\nimage = \"a.png\"\nseconds = 3\n[[keyframe]]\nprompt = \"\"\nseed = 18446744073709551615\n"
            .to_vec(),
    ]
}

pub(crate) fn json(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(settings) = JobSettings::from_json(text)
    {
        plan(&settings);
    }
}

pub(crate) fn json_seeds() -> Vec<Vec<u8>> {
    let every_key = fixture("crates/lb-job/src/file/tests/every_key.toml");
    let every_key = String::from_utf8(every_key).expect("job files are text");
    let settings = JobSettings::parse(&every_key, Path::new(ORIGIN)).expect("the fixture is a job");
    vec![
        serde_json::to_vec(&settings).expect("settings can be written"),
        br#"{"fps": 24, "loop": true, "defaults": {"quality": "low"}, "keyframe": [{"prompt": "a", "hold": 1}, {"prompt": "b"}]}"#.to_vec(),
    ]
}
