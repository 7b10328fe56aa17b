//! `lb studio` as a program: it is killed in the middle of its work, and goes on when it comes back.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lb::Folder;

/// A program that serves the projects of a folder.
struct Studio {
    program: Child,
    host: String,
    url: String,
}

impl Studio {
    fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    /// Starts the program with these variables in its environment.
    fn start_with(folder: &Folder, variables: &[(&str, &str)]) -> Self {
        let arguments = [
            "studio",
            "--port=0",
            "--projects=projects",
            "--no-browser",
            "--threads=1",
        ];
        let mut command = folder.command(&arguments);
        let mut program = command
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let output = program.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        let host = url
            .strip_prefix("http://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        Self {
            program,
            host: host.to_owned(),
            url,
        }
    }

    /// Sends a request and returns the answer's headers and body.
    fn send(&self, method: &str, path: &str, cookie: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let length = body.len();
        let host = &self.host;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nCookie: {cookie}\r\nIf-Match: \"1\"\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (headers, body) = answer.split_once("\r\n\r\n").unwrap();
        (headers.to_owned(), body.to_owned())
    }

    /// Opens the address, and returns the cookie.
    fn sign_in(&self) -> String {
        let query = self.url.split_once("/?").unwrap().1;
        let (headers, _) = self.send("GET", &format!("/?{query}"), "", "");
        let mut lines = headers.lines();
        let cookie = lines
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    fn json(&self, method: &str, path: &str, cookie: &str, body: &Value) -> Value {
        let (headers, text) = self.send(method, path, cookie, &body.to_string());
        assert!(headers.contains(" 20"), "{headers}\n{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until the task is as it should be.
    fn wait(&self, cookie: &str, task: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let task = self.json("GET", &format!("/api/tasks/{task}"), cookie, &json!({}));
            if is_there(&task) {
                return task;
            }
            assert_ne!(task["state"], "failed", "{task}");
            assert!(began.elapsed() < Duration::from_secs(300), "{task}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn film() -> Value {
    json!({
        "size": "128x128",
        "fps": 10.0,
        "defaults": { "seconds": 0.6, "steps": 24, "branches": [2, 6], "injection_steps": [0, 8] },
        "keyframe": [
            { "prompt": "a red apple" }, { "prompt": "a green pear" }, { "prompt": "a lemon" },
        ],
    })
}

/// Asks for a film, and returns the ids of the project and of the task.
fn ask(studio: &Studio, cookie: &str) -> (String, String) {
    let new = json!({ "name": "Fruits", "job": film() });
    let project = studio.json("POST", "/api/projects", cookie, &new);
    let project = project["id"].as_str().unwrap().to_owned();
    let task = json!({ "project": project, "act": { "kind": "film", "format": "mp4" } });
    let task = studio.json("POST", "/api/tasks", cookie, &task);
    (project, task["id"].as_str().unwrap().to_owned())
}

fn film_of(folder: &Folder, project: &str) -> Vec<u8> {
    std::fs::read(folder.join(&format!("projects/{project}/films/1.mp4"))).unwrap()
}

#[test]
fn a_film_goes_on_when_the_program_was_killed() {
    let undisturbed = Folder::new();
    let studio = Studio::start(&undisturbed);
    let cookie = studio.sign_in();
    let (project, task) = ask(&studio, &cookie);
    studio.wait(&cookie, &task, |task| task["state"] == "done");
    let whole = film_of(&undisturbed, &project);
    studio.kill();

    let folder = Folder::new();
    let studio = Studio::start(&folder);
    let cookie = studio.sign_in();
    let (project, task) = ask(&studio, &cookie);
    // A second one waits behind it.
    let other = json!({ "project": project, "act": { "kind": "keyframe", "index": 0 } });
    studio.json("POST", "/api/tasks", &cookie, &other);
    let mut studio = studio;
    for share in [0.2, 0.6] {
        let is_there = |task: &Value| {
            let of = |name: &str| task["progress"][name].as_f64().unwrap();
            let done = of("evaluations") + of("reused_evaluations");
            task["state"] == "done" || done > share * of("of_evaluations")
        };
        // The browser is still signed in.
        let progress = studio.wait(&cookie, &task, is_there);
        assert_eq!(
            progress["state"], "running",
            "it was killed too late: {progress}"
        );
        let pid = studio.program.id();
        let killed = std::process::Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status();
        assert!(killed.unwrap().success());
        std::thread::sleep(Duration::from_millis(100));
        let films = std::fs::read_dir(folder.join(&format!("projects/{project}/films")));
        let names = films.unwrap().map(|entry| entry.unwrap().file_name());
        let names: Vec<_> = names
            .filter(|name| !name.to_string_lossy().starts_with('.'))
            .collect();
        assert!(names.is_empty(), "{names:?}");
        studio = Studio::start(&folder);
    }
    let done = studio.wait(&cookie, &task, |task| task["state"] == "done");
    assert!(
        done["progress"]["reused_evaluations"].as_u64().unwrap() > 0,
        "{done}"
    );
    assert!(film_of(&folder, &project) == whole, "the films differ");
    let tasks = studio.json("GET", "/api/tasks", &cookie, &json!({}));
    assert_eq!(tasks.as_array().unwrap().len(), 2);
}

#[test]
fn a_lora_is_found_in_a_folder_that_is_named_by_a_relative_path() {
    let folder = Folder::new();
    let studio = Studio::start(&folder);
    let cookie = studio.sign_in();
    let new = json!({ "name": "Fruits", "job": film() });
    let project = studio.json("POST", "/api/projects", &cookie, &new);
    let path = format!("/api/projects/{}", project["id"].as_str().unwrap());
    let chosen = json!({ "name": "neon" });
    let known = format!("{path}/add-ons/lora/known");
    let lora = studio.json("POST", &known, &cookie, &chosen);
    let mut job = film();
    job["defaults"]["lora"] = json!([lora["path"]]);
    studio.json("PUT", &format!("{path}/job"), &cookie, &job);
    let plan = studio.json("GET", &format!("{path}/plan"), &cookie, &json!({}));
    assert_eq!(plan["problem"], json!(null), "{plan}");
    let task = json!({ "project": project["id"], "act": { "kind": "keyframe", "index": 0 } });
    let task = studio.json("POST", "/api/tasks", &cookie, &task);
    let id = task["id"].as_str().unwrap();
    studio.wait(&cookie, id, |task| task["state"] == "done");
}

#[test]
fn the_usual_model_may_be_a_repository_and_no_path() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.join("models/tune")).unwrap();
    for (named, expected) in [
        ("org/tune", "org/tune"),
        ("tune", "tune"),
        ("models/tune", "pocket"),
        ("./models/tune", "pocket"),
    ] {
        let studio = Studio::start_with(&folder, &[("LB_MODEL", named)]);
        let cookie = studio.sign_in();
        let facts = studio.json("GET", "/api/studio", &cookie, &json!({}));
        assert_eq!(facts["default_model"], expected, "{named}");
    }
}

#[test]
fn the_first_line_is_the_address_with_its_token() {
    let folder = Folder::new();
    // `start` has read one line of standard output.
    let studio = Studio::start(&folder);
    let (home, token) = studio.url.split_once("/?token=").unwrap();
    assert_eq!(home, format!("http://{}", studio.host));
    assert!(studio.host.starts_with("127.0.0.1:"), "{}", studio.host);
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn a_second_program_in_the_same_folder_says_where_the_first_one_is() {
    let folder = Folder::new();
    let studio = Studio::start(&folder);
    let second = folder.run(&["studio", "--port=0", "--projects=projects", "--no-browser"]);
    assert_eq!(second.code, Some(0), "{}", second.error);
    assert_eq!(second.output.trim(), studio.url);
    let cookie = studio.sign_in();
    studio.json("GET", "/api/studio", &cookie, &json!({}));
    // The token was spent, and this is the next one.
    let third = folder.run(&["studio", "--port=0", "--projects=projects", "--no-browser"]);
    assert_ne!(third.output.trim(), studio.url);
    let in_use = studio.host.rsplit(':').next().unwrap();
    let refused = folder.run(&[
        "studio",
        &format!("--port={in_use}"),
        "--projects=others",
        "--no-browser",
    ]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.error.contains("--port 0"), "{}", refused.error);
}

#[test]
fn a_signal_ends_the_program_and_its_work_waits() {
    let folder = Folder::new();
    let mut studio = Studio::start(&folder);
    let cookie = studio.sign_in();
    let (_, task) = ask(&studio, &cookie);
    studio.wait(&cookie, &task, |task| task["state"] == "running");
    let pid = studio.program.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(studio.program.wait().unwrap().success());
    let queue = std::fs::read_to_string(folder.join("projects/queue.json")).unwrap();
    assert!(queue.contains("\"waiting\""), "{queue}");
}
