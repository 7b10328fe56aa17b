//! The documents say what the program does.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lb_studio::Studio;

use crate::client::{options, workspace};

#[test]
fn the_description_of_the_api_is_the_committed_one() {
    let path = workspace().join("crates/lb-studio/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        lb_studio::openapi() == committed,
        "the API has changed: run `cargo run -p lb-studio --example openapi > \
         crates/lb-studio/openapi.json`, and `npm run types` in crates/lb-studio/page"
    );
}

#[test]
fn every_path_of_the_description_is_explained() {
    let text = std::fs::read_to_string(workspace().join("docs/studio-api.md")).unwrap();
    let description: serde_json::Value = serde_json::from_str(&lb_studio::openapi()).unwrap();
    for (path, _) in description["paths"].as_object().unwrap() {
        assert!(
            text.contains(path.as_str()),
            "docs/studio-api.md does not name {path}"
        );
    }
}

/// Runs the examples of the document in one shell, one after the other, against a server.
#[test]
fn the_examples_of_the_document_work() {
    let text = std::fs::read_to_string(workspace().join("docs/studio-api.md")).unwrap();
    let mut script = String::from("set -euo pipefail\n");
    let mut is_inside = false;
    for line in text.lines() {
        match line.trim() {
            "```sh" => is_inside = true,
            "```" => is_inside = false,
            _ if is_inside => script += &format!("{line}\n"),
            _ => {}
        }
    }
    assert!(script.matches("studio \"$STUDIO/api/").count() > 10);
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(options(folder.path())).unwrap();
    let listener = studio.listen().unwrap();
    let url = studio.url(&listener).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let server = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || studio.serve(listener, move || is_over.load(Ordering::Relaxed))
    });
    let mut shell = Command::new("bash");
    shell.current_dir(folder.path()).env("URL", &url);
    shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    is_over.store(true, Ordering::Relaxed);
    server.join().unwrap().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{out}\n{err}");
    let film = std::fs::read(folder.path().join("film.mp4")).unwrap();
    assert_eq!(&film[4..8], b"ftyp", "{out}");
}
