//! Getting a job back from what was downloaded.

use axum::body::Body;
use serde_json::{Value, json};

use crate::client::{Answer, Browser, TestStudio, id, small_film};

fn import(browser: &Browser<'_>, name: &str, bytes: impl Into<Body>) -> Answer {
    let request = browser
        .request("POST", "/api/projects/import")
        .header("x-file-name", name);
    browser.studio.send(request.body(bytes.into()).unwrap())
}

/// The parts of a job by which it is recognised.
fn content(job: &Value) -> Vec<(Value, Value)> {
    let keyframes = job["keyframe"].as_array().unwrap().iter();
    keyframes
        .map(|at| (at["prompt"].clone(), at["seed"].clone()))
        .collect()
}

#[test]
fn a_job_file_comes_back_as_it_was() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let file = browser.get(&format!("/api/projects/{}/job.toml", id(&project)));
    assert_eq!(file.headers["content-type"], "application/toml");
    let imported = import(&browser, "My fruits.toml", file.bytes).granted();
    assert_eq!(imported["job"], project["job"]);
    assert_eq!(imported["name"], "My fruits");
    assert_ne!(imported["id"], project["id"]);
}

#[test]
fn films_and_sheets_give_their_job_back() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let picture = picture([200, 40, 40]);
    let project = browser.project(&json!({}));
    let pictures = format!("/api/projects/{}/pictures", id(&project));
    let uploaded = browser.upload(&pictures, picture.clone()).granted();
    let mut job = small_film();
    job["keyframe"][1]["image"] = uploaded["path"].clone();
    let project = browser.put_job(&project, &job).granted();
    for format in ["mp4", "gif", "webp", "sheet"] {
        let task = browser.done(&project, &json!({ "kind": "film", "format": format }));
        let number = task["result"]["film"].as_u64().unwrap() as usize;
        let films = browser
            .get(&format!("/api/projects/{}/films", id(&project)))
            .granted();
        let url = films[number - 1]["url"].as_str().unwrap();
        let film = browser.get(url).bytes;
        let imported = import(&browser, "film", film).granted();
        assert_eq!(content(&imported["job"]), content(&job), "{format}");
        // The picture is known by its content.
        assert_eq!(
            imported["job"]["keyframe"][1]["image"], uploaded["path"],
            "{format}"
        );
        assert_eq!(
            imported["left_out"],
            json!(null),
            "{format}: {}",
            imported["left_out"]
        );
        let plan = browser.plan(&imported);
        assert_eq!(plan["problem"], json!(null), "{format}");
        assert_eq!(
            plan["film"]["frames"],
            browser.plan(&project)["film"]["frames"]
        );
    }
}

#[test]
fn nothing_that_a_foreign_job_names_is_opened() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let secret = studio.folder.path().join("secret.png");
    std::fs::write(&secret, picture([1, 2, 3])).unwrap();
    let secret = secret.display();
    for (file, said) in [
        (
            format!("[[keyframe]]\nprompt = \"a\"\nimage = \"{secret}\"\n"),
            "uploaded again",
        ),
        (
            format!("model = \"{secret}\"\n[[keyframe]]\nprompt = \"a\"\n"),
            "model",
        ),
        (
            format!("vae = \"{secret}\"\n[[keyframe]]\nprompt = \"a\"\n"),
            "VAE decoder",
        ),
        (
            format!("[depth]\nimage = \"{secret}\"\n[[keyframe]]\nprompt = \"a\"\n"),
            "uploaded again",
        ),
    ] {
        let answer = import(&browser, "foreign.toml", file.clone());
        let text = answer.text();
        let imported = answer.granted();
        assert!(
            imported["left_out"].to_string().contains(said),
            "{file}{text}"
        );
        // The name is the client's own, and says nothing of what is there.
        assert!(!text.contains(&secret.to_string()), "{file}{text}");
    }
    for file in [
        "include = \"/etc/passwd\"\n".to_owned(),
        "include = \"../../secret.toml\"\n".into(),
        "include = \"/dev/zero\"\n".into(),
        "not toml at all".into(),
        "\u{89}PNG\r\n\u{1a}\n".into(),
        "GIF89a".into(),
        "RIFF____WEBP".into(),
        "____ftypisom".into(),
    ] {
        let message = import(&browser, "foreign.toml", file.clone()).refused(400);
        assert!(
            !message.contains("root:") && !message.contains("/tmp"),
            "{file}: {message}"
        );
    }
    let projects = browser.get("/api/projects").granted();
    assert_eq!(
        projects.as_array().unwrap().len(),
        4,
        "refused files make no projects"
    );
}

/// A PNG picture of one colour.
pub(crate) fn picture(colour: [u8; 3]) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(64, 64, colour.into());
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

#[test]
fn a_lora_of_the_same_name_is_taken_only_if_its_content_is_that_of_the_job() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let known = format!("/api/projects/{}/add-ons/lora/known", id(&project));
    let kept = browser.post(&known, &json!({ "name": "neon" })).granted();
    browser
        .delete(&format!("/api/projects/{}", id(&project)))
        .granted();
    // No project has the file any more.
    let same = kept["sha256"].as_str().unwrap();
    let other = "ab".repeat(32);
    for (hash, is_taken) in [(same, true), (&other, false)] {
        let file = format!(
            "[[keyframe]]\nprompt = \"a\"\nlora = [\"loras/{hash}-neon.safetensors:0.5\"]\n"
        );
        let imported = import(&browser, "a.toml", file).granted();
        let loras = &imported["job"]["keyframe"][0]["lora"];
        match is_taken {
            true => {
                let path = kept["path"].as_str().unwrap();
                assert_eq!(loras, &json!([format!("{path}:0.5")]));
                assert_eq!(imported["left_out"], json!(null));
            }
            false => {
                assert!(!loras.to_string().contains("neon"), "{loras}");
                let said = imported["left_out"][0].as_str().unwrap();
                assert!(said.contains("not the one that the job names"), "{said}");
            }
        }
    }
}
