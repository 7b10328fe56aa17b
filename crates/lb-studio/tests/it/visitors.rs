//! A demonstration: everybody is let in, and sees only their own work.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::client::{TestStudio, id, small_film};

#[test]
fn visitors_see_nothing_of_each_other() {
    let studio = TestStudio::with(|options| options.demo = true);
    let [ann, bob] = [studio.browser(), studio.browser()];
    assert_ne!(ann.cookie, bob.cookie);
    assert_eq!(ann.get("/api/studio").granted()["demo"], true);
    let project = ann.project(&small_film());
    let picture = crate::imports::picture([1, 2, 3]);
    let path = format!("/api/projects/{}", id(&project));
    let uploaded = ann.upload(&format!("{path}/pictures"), picture).granted();
    let task = ann.done(&project, &json!({ "kind": "film", "format": "mp4" }));
    let plan = ann.plan(&project);
    let keyframe = plan["keyframes"][0]["picture"].as_str().unwrap();

    assert_eq!(bob.get("/api/projects").granted(), json!([]));
    assert_eq!(bob.get("/api/tasks").granted(), json!([]));
    for hidden in [
        path.clone(),
        format!("{path}/plan"),
        format!("{path}/job.toml"),
        format!("{path}/films"),
        format!("{path}/films/1/film.mp4"),
        format!("{path}/films/1/motion"),
        format!("{path}/pictures/{}", uploaded["sha256"].as_str().unwrap()),
        format!("/api/pictures/{keyframe}"),
        format!("/api/tasks/{}", id(&task)),
    ] {
        assert!(ann.get(&hidden).status.is_success(), "{hidden}");
        bob.get(&hidden).refused(404);
    }
    bob.delete(&path).refused(404);
    bob.put_job(&project, &json!({})).refused(404);
    bob.post(
        "/api/tasks",
        &json!({
            "project": project["id"], "act": { "kind": "keyframe", "index": 0 }
        }),
    )
    .refused(404);
    for act in ["cancel", "pause", "resume"] {
        bob.ask(&task, act).refused(404);
    }
    // A guessed cookie is just another visitor, and one of another form gets a new one.
    let get = |cookie: &str| {
        let request = Request::get("/api/projects").header("host", "localhost");
        let name = ann.cookie.split('=').next().unwrap();
        let request = request.header("cookie", format!("{name}={cookie}"));
        studio.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(get(&"0".repeat(64)).granted(), json!([]));
    assert!(get("../..").headers.contains_key("set-cookie"));
    assert_eq!(
        ann.get("/api/projects").granted().as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_demonstration_has_smaller_limits() {
    let studio = TestStudio::with(|options| options.demo = true);
    let browser = studio.browser();
    let keyframes = vec![json!({ "prompt": "a" }); 9];
    browser
        .post(
            "/api/projects",
            &json!({ "job": { "keyframe": keyframes } }),
        )
        .refused(413);
    let mut large = small_film();
    large["size"] = json!("1024x1024");
    let mut slow = small_film();
    slow["defaults"]["steps"] = json!(1000);
    slow["defaults"]["branches"] = json!([2, 40]);
    let mut enlarged = small_film();
    enlarged["size"] = json!("512x512");
    enlarged["scale"] = json!(3);
    let mut long = small_film();
    long["defaults"]["hold"] = json!(400);
    for job in [large, slow, enlarged, long] {
        let project = browser.project(&job);
        let task = json!({ "project": project["id"], "act": { "kind": "film", "format": "mp4" } });
        assert!(
            browser
                .post("/api/tasks", &task)
                .refused(413)
                .contains("demonstration")
        );
    }
    let mut made = 4;
    while browser
        .post("/api/projects", &json!({}))
        .status
        .is_success()
    {
        made += 1;
        assert!(made < 20);
    }
    assert_eq!(made, 10);
}

#[test]
fn visitors_can_upload_so_many_pictures_and_no_more() {
    let studio = TestStudio::with(|options| options.demo = true);
    let browser = studio.browser();
    let project = browser.project(&json!({}));
    let path = format!("/api/projects/{}/pictures", id(&project));
    let upload = |shade| browser.upload(&path, crate::imports::picture([shade, 0, 0]));
    for shade in 0..24 {
        upload(shade).granted();
    }
    upload(24).refused(413);
    upload(3).granted();
}

#[test]
fn visitors_read_no_paths_of_the_server_when_it_fails() {
    let studio = TestStudio::with(|options| options.demo = true);
    let browser = studio.browser();
    let project = browser.project(&json!({}));
    let folder = studio.folder.path().join("projects").join(id(&project));
    std::fs::write(folder.join("film.toml"), "no job").unwrap();
    let path = format!("/api/projects/{}", id(&project));
    let message = browser.get(&path).refused(500);
    assert_eq!(
        message,
        "the work failed; the log of the server says more about it"
    );
    assert_eq!(browser.delete(&path).status, 204);
    assert!(!folder.exists());
}

#[test]
fn visitors_read_no_paths_in_messages() {
    let studio = TestStudio::with(|options| options.demo = true);
    let browser = studio.browser();
    let folder = studio.folder.path().display().to_string();
    // A file that the film needs is gone: the message of a render names it.
    let project = browser.project(&json!({}));
    let path = format!("/api/projects/{}", id(&project));
    let uploaded = browser.upload(
        &format!("{path}/pictures"),
        crate::imports::picture([1, 2, 3]),
    );
    let picture = uploaded.granted()["path"].clone();
    let mut job = small_film();
    job["keyframe"][0]["image"] = picture.clone();
    let project = browser.put_job(&project, &job).granted();
    let file = studio.folder.path().join("projects").join(id(&project));
    std::fs::write(file.join(picture.as_str().unwrap()), "no picture").unwrap();
    let task = json!({ "project": project["id"], "act": { "kind": "film", "format": "mp4" } });
    let mut said = vec![
        browser.plan(&project).to_string(),
        browser.get(&path).text(),
    ];
    let answer = browser.post("/api/tasks", &task);
    said.push(answer.text());
    if answer.status.is_success() {
        said.push(
            browser
                .wait_for(&answer.granted(), &["failed", "done"])
                .to_string(),
        );
    }
    let refused = browser.upload(&format!("{path}/pictures"), b"no picture".to_vec());
    said.push(refused.refused(400));
    for kind in ["lora", "embedding", "vae"] {
        let path = format!("{path}/add-ons/{kind}");
        said.push(browser.upload(&path, b"no weights".to_vec()).refused(403));
    }
    let models = crate::client::workspace()
        .join("models")
        .display()
        .to_string();
    for text in said {
        for secret in [&folder, &models, "/tmp/", "/home/", "/root/", "/work/"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn the_work_of_visitors_is_deleted_after_its_time() {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    let folder = tempfile::tempdir().unwrap();
    let mut options = crate::client::options(folder.path());
    options.demo = true;
    assert_eq!(options.demo_lifetime, Duration::from_secs(3600), "an hour");
    options.demo_lifetime = Duration::from_secs(1);
    let studio = lb_studio::Studio::open(options).unwrap();
    let router = studio.router();
    let listener = studio.listen().unwrap();
    let is_over = std::sync::Arc::new(AtomicBool::new(false));
    let server = std::thread::spawn({
        let is_over = std::sync::Arc::clone(&is_over);
        move || studio.serve(listener, move || is_over.load(Ordering::Relaxed))
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = |method: &str, path: &str, cookie: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        let request = request
            .header("cookie", cookie)
            .header("content-type", "application/json");
        let request = request.body(Body::from("{}")).unwrap();
        let router = router.clone();
        runtime.block_on(async { tower::ServiceExt::oneshot(router, request).await.unwrap() })
    };
    let made = status("POST", "/api/projects", "");
    let cookie = made.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let projects = folder.path().join("projects");
    let count = || {
        let entries = std::fs::read_dir(&projects).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count()
    };
    assert_eq!(count(), 1);
    let began = Instant::now();
    while count() > 0 {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it is still there"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        began.elapsed() > Duration::from_millis(500),
        "it was deleted too soon"
    );
    assert_eq!(status("GET", "/api/projects", &cookie).status(), 200);
    is_over.store(true, Ordering::Relaxed);
    server.join().unwrap().unwrap();
}
