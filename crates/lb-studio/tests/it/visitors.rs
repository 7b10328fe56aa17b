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
