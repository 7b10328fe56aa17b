//! Depth maps and upscaling, with tiny models of random weights.

use std::io::Cursor;

use serde_json::{Value, json};

use crate::client::{Browser, TestStudio, id};

fn studio_with(kinds: &[&str]) -> TestStudio {
    TestStudio::with(|options| {
        let models = options.projects.with_file_name("models");
        for kind in kinds {
            let folder = models.join(format!("tiny-{kind}"));
            lb_models::testing::write_tiny_model(kind, &folder).unwrap();
        }
        options.model_folders = vec![models];
        options.default_model = format!("tiny-{}", kinds[0]);
    })
}

fn film() -> Value {
    json!({
        "size": "64x64",
        "fps": 10.0,
        "defaults": { "seconds": 0.4, "steps": 4, "frames": 3 },
        "keyframe": [{ "prompt": "red leaf", "seed": 1 }, { "prompt": "blue sea", "seed": 2 }],
    })
}

/// The newest film of a project, as its facts and its bytes.
fn rendered(browser: &Browser<'_>, project: &Value) -> (Value, Vec<u8>) {
    browser.done(project, &json!({ "kind": "film", "format": "gif" }));
    let films = browser
        .get(&format!("/api/projects/{}/films", id(project)))
        .granted();
    let facts = films.as_array().unwrap().last().unwrap().clone();
    let bytes = browser.get(facts["url"].as_str().unwrap()).bytes;
    (facts, bytes.to_vec())
}

#[test]
fn a_film_follows_a_depth_map() {
    let studio = studio_with(&["depth"]);
    let browser = studio.browser();
    let models = browser.get("/api/models").granted();
    assert_eq!(models[0]["kind"], "depth");
    let project = browser.project(&film());
    // Without a map, such a model makes no picture.
    assert!(
        browser.plan(&project)["problem"]
            .as_str()
            .unwrap()
            .contains("depth")
    );
    for act in [
        json!({ "kind": "film", "format": "gif" }),
        json!({ "kind": "keyframe", "index": 0 }),
    ] {
        let task = json!({ "project": project["id"], "act": act });
        assert!(
            browser
                .post("/api/tasks", &task)
                .refused(400)
                .contains("depth")
        );
    }
    let map = |near: u8| {
        let map =
            image::RgbImage::from_fn(64, 64, |x, _| [if x < 32 { near } else { 20 }; 3].into());
        let mut bytes = Cursor::new(Vec::new());
        map.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        let path = format!("/api/projects/{}/pictures", id(&project));
        browser.upload(&path, bytes.into_inner()).granted()["path"].clone()
    };
    let mut job = film();
    job["depth"] = json!({ "image": map(220) });
    let with_map = browser.put_job(&project, &job).granted();
    let (facts, first) = rendered(&browser, &with_map);
    assert_eq!(
        (facts["width"].clone(), facts["height"].clone()),
        (json!(64), json!(64))
    );
    job["depth"] = json!({ "image": map(120) });
    let with_other = browser.put_job(&with_map, &job).granted();
    assert_eq!(
        browser.plan(&with_other)["keyframes"][0]["state"],
        "missing"
    );
    let (_, second) = rendered(&browser, &with_other);
    assert!(first != second, "the map changes nothing");
}

#[test]
fn a_film_is_upscaled_by_a_second_stage() {
    let studio = studio_with(&["sd21", "upscale"]);
    let browser = studio.browser();
    let models = browser.get("/api/models").granted();
    let is_upscaler = |at: &&Value| at["kind"] == "x4 upscaling";
    let models = models.as_array().unwrap();
    let upscaler = models.iter().find(is_upscaler).unwrap();
    let project = browser.project(&film());
    let (facts, _) = rendered(&browser, &project);
    assert_eq!(facts["width"], 64);
    let mut job = film();
    job["upscale"] = json!({ "model": upscaler["name"], "steps": 2, "frames": 2 });
    let project = browser.put_job(&project, &job).granted();
    let plan = browser.plan(&project);
    assert_eq!(plan["film"]["width"], 256);
    assert!(plan["film"]["missing_evaluations"].as_u64().unwrap() > 0);
    // The first stage is as it was.
    assert_eq!(plan["transitions"][0]["state"], "ready");
    let (facts, _) = rendered(&browser, &project);
    assert_eq!(
        (facts["width"].clone(), facts["height"].clone()),
        (json!(256), json!(256))
    );
    // Another model is no upscaler, and an upscaler makes no film by itself.
    let refused = |job: &Value| {
        let project = browser.project(job);
        let act = json!({ "kind": "film", "format": "gif" });
        let task = json!({ "project": project["id"], "act": act });
        browser.post("/api/tasks", &task).refused(400)
    };
    job["upscale"] = json!({ "model": "tiny-sd21" });
    assert!(refused(&job).contains("upscal"));
    let mut job = film();
    job["model"] = upscaler["name"].clone();
    assert!(refused(&job).contains("upscal"));
}
