//! A studio in a temporary folder, and a browser that is signed in to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use lb_render::{Cache, Device, PipelineOptions, Runtime, SessionOptions, locate_library};
use lb_studio::{Studio, StudioOptions};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// A studio of its own.
pub(crate) struct TestStudio {
    pub(crate) studio: Arc<Studio>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) url: String,
    pub(crate) runtime: tokio::runtime::Runtime,
}

/// What a request was answered with.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The JSON of a request that was granted.
    #[track_caller]
    pub(crate) fn granted(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        match self.bytes.is_empty() {
            true => Value::Null,
            false => self.json(),
        }
    }

    /// The message of a request that was refused with this status.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let message = &self.json()["error"]["message"];
        message.as_str().unwrap().to_owned()
    }
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The options of a studio in this folder.
pub(crate) fn options(folder: &Path) -> StudioOptions {
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let library = locate_library(
        library.as_deref(),
        &[workspace().join("target/onnxruntime")],
    )
    .expect("run `cargo xtask setup` first, or set ORT_DYLIB_PATH");
    let named = std::env::var_os("LB_MODELS").unwrap_or_default();
    let mut options = StudioOptions::new(folder.join("projects"), Runtime::load(&library).unwrap());
    options.model_folders = std::env::split_paths(&named)
        .chain([workspace().join("models")])
        .collect();
    let session = SessionOptions::new(Device::Cpu).with_threads(1);
    options.pipeline = PipelineOptions::from(session);
    options.cache = Some(Cache::open(&folder.join("cache"), Cache::DEFAULT_LIMIT).unwrap());
    options.rates = Some(folder.join("rates.json"));
    options.address.set_port(0);
    options
}

impl TestStudio {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut StudioOptions)) -> Self {
        Self::open(tempfile::tempdir().unwrap(), change)
    }

    /// The studio of the next start of the program, in the same folder.
    pub(crate) fn reopened(self, change: impl FnOnce(&mut StudioOptions)) -> Self {
        let Self { studio, folder, .. } = self;
        drop(studio);
        Self::open(folder, change)
    }

    fn open(folder: tempfile::TempDir, change: impl FnOnce(&mut StudioOptions)) -> Self {
        let mut options = options(folder.path());
        change(&mut options);
        let studio = Studio::open(options).unwrap();
        let listener = studio.listen().unwrap();
        let url = studio.url(&listener).unwrap();
        Self {
            studio: Arc::new(studio),
            folder,
            url,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn router(&self) -> Router {
        self.studio.router()
    }

    /// Sends a request as it is.
    pub(crate) fn send(&self, request: Request<Body>) -> Answer {
        self.runtime.block_on(async {
            let response = self.router().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            Answer {
                status: parts.status,
                headers: parts.headers,
                bytes: axum::body::to_bytes(body, usize::MAX).await.unwrap(),
            }
        })
    }

    /// A browser that has opened the address.
    pub(crate) fn browser(&self) -> Browser<'_> {
        let path = match self.url.split_once("/?") {
            Some((_, query)) => format!("/?{query}"),
            None => "/".to_owned(),
        };
        let request = Request::get(path)
            .header("host", "127.0.0.1")
            .body(Body::empty());
        let answer = self.send(request.unwrap());
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        Browser {
            studio: self,
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }
}

/// See [`TestStudio::browser`].
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    pub(crate) studio: &'a TestStudio,
    pub(crate) cookie: String,
}

impl Browser<'_> {
    /// A request of the page.
    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:7860")
            .header("origin", "http://127.0.0.1:7860")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", &self.cookie)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.studio
            .send(self.request("GET", path).body(Body::empty()).unwrap())
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.studio
            .send(self.request("DELETE", path).body(Body::empty()).unwrap())
    }

    pub(crate) fn with_json(&self, method: &str, path: &str, json: &Value) -> Answer {
        let request = self
            .request(method, path)
            .header("content-type", "application/json");
        self.studio
            .send(request.body(Body::from(json.to_string())).unwrap())
    }

    pub(crate) fn post(&self, path: &str, json: &Value) -> Answer {
        self.with_json("POST", path, json)
    }

    pub(crate) fn upload(&self, path: &str, bytes: Vec<u8>) -> Answer {
        self.studio
            .send(self.request("POST", path).body(Body::from(bytes)).unwrap())
    }

    /// Uploads a file under a name.
    pub(crate) fn upload_named(&self, path: &str, name: &str, bytes: Vec<u8>) -> Answer {
        let request = self.request("POST", path).header("x-file-name", name);
        self.studio.send(request.body(Body::from(bytes)).unwrap())
    }

    /// Makes a project and returns it.
    pub(crate) fn project(&self, job: &Value) -> Value {
        self.post("/api/projects", &json!({ "name": "Fruits", "job": job }))
            .granted()
    }

    /// Replaces the job of a project, and returns the project.
    pub(crate) fn put_job(&self, project: &Value, job: &Value) -> Answer {
        let path = format!("/api/projects/{}/job", id(project));
        let request = self
            .request("PUT", &path)
            .header("content-type", "application/json")
            .header("if-match", format!("\"{}\"", project["revision"]));
        self.studio
            .send(request.body(Body::from(job.to_string())).unwrap())
    }

    pub(crate) fn plan(&self, project: &Value) -> Value {
        self.get(&format!("/api/projects/{}/plan", id(project)))
            .granted()
    }

    /// Asks for an act and returns its task.
    pub(crate) fn act(&self, project: &Value, act: &Value) -> Value {
        let task = json!({ "project": project["id"], "act": act });
        self.post("/api/tasks", &task).granted()
    }

    pub(crate) fn task(&self, task: &Value) -> Value {
        self.get(&format!("/api/tasks/{}", id(task))).granted()
    }

    pub(crate) fn ask(&self, task: &Value, what: &str) -> Answer {
        self.post(&format!("/api/tasks/{}/{what}", id(task)), &json!({}))
    }

    /// Waits until a task is in one of these states.
    #[track_caller]
    pub(crate) fn wait_for(&self, task: &Value, states: &[&str]) -> Value {
        let began = Instant::now();
        loop {
            let task = self.task(task);
            if states.contains(&task["state"].as_str().unwrap()) {
                return task;
            }
            assert!(began.elapsed() < Duration::from_secs(300), "{task}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Does an act, and returns its task when it is done.
    #[track_caller]
    pub(crate) fn done(&self, project: &Value, act: &Value) -> Value {
        let task = self.act(project, act);
        let task = self.wait_for(&task, &["done", "failed"]);
        assert_eq!(task["state"], "done", "{task}");
        task
    }
}

pub(crate) fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// A small film of three keyframes.
pub(crate) fn small_film() -> Value {
    json!({
        "size": "64x64",
        "fps": 10.0,
        "defaults": { "seconds": 0.5, "steps": 4, "branches": [2, 4], "injection_steps": [0, 2] },
        "keyframe": [
            { "prompt": "a red apple", "seed": 1 },
            { "prompt": "a green pear", "seed": 2 },
            { "prompt": "a lemon", "seed": 3 },
        ],
    })
}
