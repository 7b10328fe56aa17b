//! Projects and their jobs.

use serde_json::json;

use crate::client::{TestStudio, id, small_film};

#[test]
fn a_project_is_made_changed_copied_and_removed() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let empty = browser.post("/api/projects", &json!({})).granted();
    assert_eq!(empty["name"], "Untitled");
    assert_eq!(empty["job"], json!({}));
    assert_eq!(empty["resolved"], json!(null));
    assert!(empty["problem"].as_str().unwrap().contains("no keyframes"));

    let job = small_film();
    let project = browser.put_job(&empty, &job).granted();
    assert_eq!((&project["job"], &project["revision"]), (&job, &json!(2)));
    assert_eq!(project["problem"], json!(null));
    let resolved = &project["resolved"];
    assert_eq!(
        (&resolved["width"], &resolved["model"]),
        (&json!(64), &json!("pocket"))
    );
    assert_eq!(resolved["keyframes"][1]["seed"], 2);
    assert_eq!(
        resolved["transitions"][0]["levels"],
        json!([{ "start": 0, "branches": 2 }, { "start": 2, "branches": 4 }])
    );

    // Somebody else has changed it meanwhile.
    let conflict = browser.put_job(&empty, &json!({}));
    assert!(conflict.refused(409).contains("revision 2"));
    assert_eq!(conflict.json()["current"]["job"], job);

    let path = format!("/api/projects/{}", id(&project));
    let markup = "<script>alert(1)</script> \"&'";
    let favourites = json!([{ "prompt": markup, "seed": 7 }]);
    let change = json!({ "name": markup, "favourites": favourites });
    let changed = browser.with_json("PATCH", &path, &change).granted();
    assert_eq!(
        (&changed["name"], &changed["favourites"]),
        (&json!(markup), &favourites)
    );
    assert_eq!(changed["revision"], 2, "only the job counts");
    for name in [String::new(), " ".into(), "a\nb".into(), "x".repeat(201)] {
        let refused = browser.with_json("PATCH", &path, &json!({ "name": name }));
        assert!(matches!(refused.status.as_u16(), 400 | 413), "{name}");
    }

    let copy = browser
        .post(&format!("{path}/duplicate"), &json!({}))
        .granted();
    assert_eq!(copy["job"], job);
    assert_eq!(copy["name"], format!("{markup} (copy)"));
    let list = browser.get("/api/projects").granted();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[0]["id"], copy["id"], "the latest one first");
    assert_eq!(
        (&list[0]["keyframes"], &list[0]["seconds"]),
        (&json!(3), &json!(1.0))
    );

    assert_eq!(browser.delete(&path).status, 204);
    browser.get(&path).refused(404);
    assert_eq!(
        browser
            .get("/api/projects")
            .granted()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn markup_and_any_text_come_back_as_they_are() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    for prompt in [
        "<img src=x onerror=alert(1)>",
        "\"quotes\" 'and' \\backslashes\\ \n lines \t tabs",
        "''' \"\"\" [[keyframe]] # a = 1",
        "日本語 👩‍🚀 \u{202e}reversed",
    ] {
        let job = json!({ "keyframe": [{ "prompt": prompt }] });
        let project = browser.project(&job);
        let again = browser.get(&format!("/api/projects/{}", id(&project)));
        assert_eq!(again.granted()["job"], job);
        assert_eq!(again.headers["content-type"], "application/json");
    }
}

#[test]
fn what_is_missing_is_said_and_the_rest_is_planned() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let problem = |job| {
        browser.project(&job)["problem"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(problem(json!({ "keyframe": [{ "prompt": "a" }] })).contains("two keyframes"));
    let mut job = small_film();
    job["keyframe"][1] = json!({});
    let project = browser.project(&job);
    assert!(project["problem"].as_str().unwrap().contains("Keyframe 2"));
    let plan = browser.plan(&project);
    assert_eq!(plan["keyframes"].as_array().unwrap().len(), 3);
    assert_eq!(plan["film"], json!(null));
    let mut job = small_film();
    job["model"] = json!("missing");
    assert!(problem(job).contains("no model `missing`"));
    let mut job = small_film();
    job["defaults"]["seconds"] = json!(-1.0);
    assert!(!problem(job).is_empty());
}

#[test]
fn the_settings_are_those_of_job_files() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let settings = browser.get("/api/settings").granted();
    let settings = settings.as_array().unwrap();
    let find = |key: &str| settings.iter().find(|at| at["key"] == key).unwrap();
    assert_eq!(find("depth_strength")["table"], "defaults");
    assert_eq!(find("depth_strength")["default"], 0.2);
    assert_eq!(find("easing")["type"], "choice");
    let models = browser.get("/api/models").granted();
    let models = models.as_array().unwrap();
    let turbo = models
        .iter()
        .find(|model| model["name"] == "pocket-turbo")
        .unwrap();
    assert_eq!(
        (&turbo["few_step"], &turbo["width"]),
        (&json!(true), &json!(128))
    );
    let facts = browser.get("/api/studio").granted();
    assert_eq!(
        (&facts["default_model"], &facts["demo"]),
        (&json!("pocket"), &json!(false))
    );
}
