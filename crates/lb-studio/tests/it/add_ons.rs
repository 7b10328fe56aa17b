//! LoRAs, embeddings and VAE decoders: uploaded or chosen, strong here and weak there, and carried by films.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::acts::{counts, states};
use crate::client::{Browser, TestStudio, id, small_film, workspace};

fn neon() -> Vec<u8> {
    fs::read(workspace().join("models/pocket-loras/neon.safetensors")).unwrap()
}

fn owlpenguin() -> Vec<u8> {
    fs::read(workspace().join("models/pocket-embeddings/owlpenguin.safetensors")).unwrap()
}

fn choose(browser: &Browser<'_>, project: &Value, kind: &str, name: &str) -> String {
    let path = format!("/api/projects/{}/add-ons/{kind}/known", id(project));
    let kept = browser.post(&path, &json!({ "name": name })).granted();
    kept["path"].as_str().unwrap().to_owned()
}

/// The small film with these strengths of a LoRA in its keyframes; `None` is that of the film.
fn styled(path: &str, film: f64, own: [Option<f64>; 3]) -> Value {
    let mut job = small_film();
    let lora = |strength: f64| json!([format!("{path}:{strength}")]);
    job["defaults"]["lora"] = lora(film);
    for (keyframe, strength) in job["keyframe"].as_array_mut().unwrap().iter_mut().zip(own) {
        if let Some(strength) = strength {
            keyframe["lora"] = lora(strength);
        }
    }
    job
}

#[test]
fn a_lora_is_uploaded_or_chosen_and_is_the_same_file() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let known = browser.get("/api/add-ons").granted();
    let is_neon = |at: &&Value| at["name"] == "neon" && at["kind"] == "lora";
    let known = known.as_array().unwrap();
    let found = known.iter().find(is_neon).unwrap();
    assert_eq!(found["bytes"], neon().len());
    let project = browser.project(&small_film());
    let chosen = choose(&browser, &project, "lora", "neon");
    let path = format!("/api/projects/{}/add-ons/lora", id(&project));
    let uploaded = browser.upload_named(&path, "My%20Neon.safetensors", neon());
    let uploaded = uploaded.granted();
    assert_eq!(uploaded["name"], "My-Neon");
    let named = |name: &str| {
        let sha256 = uploaded["sha256"].as_str().unwrap();
        format!("loras/{sha256}-{name}.safetensors")
    };
    assert_eq!(
        (chosen, &uploaded["path"]),
        (named("neon"), &json!(named("My-Neon")))
    );

    // Names of clients choose among what is there, and become no paths.
    let known = format!("{path}/known");
    for name in [
        "",
        "..",
        "../pocket/unet/model",
        "/etc/passwd",
        "neon.safetensors",
    ] {
        browser.post(&known, &json!({ "name": name })).refused(404);
    }
    let other = format!("/api/projects/{}/add-ons/model", id(&project));
    browser.upload_named(&other, "a", neon()).refused(404);
    let odd = browser
        .upload_named(&path, "..%2f..%2fa%00b.toml", neon())
        .granted();
    assert_eq!(odd["name"], "ab");
    assert!(odd["path"].as_str().unwrap().ends_with("-ab.safetensors"));
    let folder = studio.folder.path().join("projects").join(id(&project));
    assert_eq!(fs::read_dir(folder.join("loras")).unwrap().count(), 3);
}

#[test]
fn what_does_not_fit_is_refused_and_not_kept() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let path = format!("/api/projects/{}/add-ons/lora", id(&project));
    let refused = |bytes: Vec<u8>| {
        let message = browser
            .upload_named(&path, "style.safetensors", bytes)
            .refused(400);
        assert!(message.starts_with("style"), "{message}");
        assert!(!message.contains("projects/"), "{message}");
        message
    };
    refused(b"no file of weights at all".to_vec());
    let golden = workspace().join("crates/lb-models/tests/golden/loras/sd15/kohya.safetensors");
    refused(fs::read(golden).unwrap());
    let mut broken = neon();
    broken.truncate(1000);
    refused(broken);
    let path = format!("/api/projects/{}/add-ons/vae", id(&project));
    browser
        .upload_named(&path, "style.safetensors", neon())
        .refused(400);
    let embeddings = format!("/api/projects/{}/add-ons/embedding", id(&project));
    let refused = |bytes: Vec<u8>| {
        let answer = browser.upload_named(&embeddings, "style.bin", bytes);
        let message = answer.refused(400);
        assert!(message.starts_with("style"), "{message}");
        assert!(!message.contains("projects/"), "{message}");
        message
    };
    refused(b"no file of weights at all".to_vec());
    assert!(refused(neon()).contains("LoRA"));
    let golden =
        workspace().join("crates/lb-models/tests/golden/embeddings/sd15/learned_embeds.bin");
    let narrow = refused(fs::read(golden).unwrap());
    assert!(narrow.contains("vectors of"), "{narrow}");
    let large = browser
        .request("POST", &embeddings)
        .header("content-length", (20 << 20).to_string());
    let large = large.body(axum::body::Body::empty()).unwrap();
    studio.send(large).refused(413);
    let folder = studio.folder.path().join("projects").join(id(&project));
    for kind in ["loras", "embeddings", "vaes"] {
        let names = fs::read_dir(folder.join(kind)).into_iter().flatten();
        assert_eq!(names.count(), 0, "{kind}");
    }
    let too_large = browser
        .request("POST", &path)
        .header("content-length", (1_u64 << 40).to_string());
    let too_large = too_large.body(axum::body::Body::empty()).unwrap();
    studio.send(too_large).refused(413);
}

#[test]
fn a_strength_of_one_keyframe_touches_its_two_transitions_and_no_others() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&{
        let mut job = small_film();
        let fourth = json!({ "prompt": "a tulip", "seed": 4 });
        job["keyframe"].as_array_mut().unwrap().push(fourth);
        job
    });
    let path = choose(&browser, &project, "lora", "neon");
    let film = json!({ "kind": "film", "format": "mp4" });
    let job = |own: Option<f64>| {
        let mut job = styled(&path, 0.3, [None, own, None]);
        let fourth = json!({ "prompt": "a tulip", "seed": 4 });
        job["keyframe"].as_array_mut().unwrap().push(fourth);
        job
    };
    let project = browser.put_job(&project, &job(None)).granted();
    browser.done(&project, &film);
    let project = browser.put_job(&project, &job(Some(0.9))).granted();
    let plan = browser.plan(&project);
    assert_eq!(
        states(&plan, "keyframes"),
        ["ready", "missing", "ready", "ready"]
    );
    assert_eq!(
        states(&plan, "transitions"),
        ["missing", "missing", "ready"]
    );
    let task = browser.done(&project, &film);
    let missing = plan["film"]["missing_evaluations"].as_u64().unwrap();
    assert_eq!(counts(&task).0, missing);
    // A strength of the film is that of all keyframes that have none of their own.
    let mut changed = job(Some(0.9));
    changed["defaults"]["lora"] = json!([format!("{path}:0.5")]);
    let project = browser.put_job(&project, &changed).granted();
    let plan = browser.plan(&project);
    assert_eq!(
        states(&plan, "keyframes"),
        ["missing", "ready", "missing", "missing"]
    );
}

#[test]
fn a_style_on_one_keyframe_leaves_the_others_as_they_were() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let film = json!({ "kind": "film", "format": "mp4" });
    browser.done(&project, &film);
    let path = choose(&browser, &project, "lora", "neon");
    let styled = styled(&path, 0.0, [None, None, Some(1.0)]);
    let project = browser.put_job(&project, &styled).granted();
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["ready", "ready", "missing"]);
    assert_eq!(states(&plan, "transitions"), ["ready", "missing"]);
    let task = browser.done(&project, &film);
    let missing = plan["film"]["missing_evaluations"].as_u64().unwrap();
    assert_eq!(counts(&task).0, missing, "{task}");
}

#[test]
fn seeds_are_shown_in_the_style_of_their_keyframe() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let path = choose(&browser, &project, "lora", "neon");
    let seeds = |lora: Value| {
        let act = json!({ "kind": "seeds", "prompt": "a lemon", "seeds": [3], "lora": lora });
        let task = browser.done(&project, &act);
        task["result"]["pictures"][0]["key"].clone()
    };
    let strong = seeds(json!([format!("{path}:1")]));
    assert_ne!(strong, seeds(json!([])));
    let job = styled(&path, 0.0, [None, None, Some(1.0)]);
    let project = browser.put_job(&project, &job).granted();
    let plan = browser.plan(&project);
    assert_eq!(plan["keyframes"][2]["key"], strong);
    let foreign = json!({ "kind": "seeds", "prompt": "a", "seeds": [3], "lora": ["/etc/passwd"] });
    let task = json!({ "project": project["id"], "act": foreign });
    browser.post("/api/tasks", &task).refused(400);
}

#[test]
fn loras_come_back_with_films_and_job_files_and_go_with_copies() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let path = format!("/api/projects/{}/add-ons/lora", id(&project));
    let uploaded = browser
        .upload_named(&path, "style.safetensors", neon())
        .granted();
    let path = uploaded["path"].as_str().unwrap();
    let job = styled(path, 0.0, [None, None, Some(0.8)]);
    let project = browser.put_job(&project, &job).granted();
    browser.done(&project, &json!({ "kind": "film", "format": "mp4" }));
    let films = browser
        .get(&format!("/api/projects/{}/films", id(&project)))
        .granted();
    let film = browser.get(films[0]["url"].as_str().unwrap()).bytes;
    let file = browser.get(&format!("/api/projects/{}/job.toml", id(&project)));
    for (name, bytes) in [("film.mp4", film), ("film.toml", file.bytes)] {
        let imported = browser
            .upload_named("/api/projects/import", name, bytes.to_vec())
            .granted();
        assert_eq!(imported["left_out"], json!(null), "{name}");
        let lora = &imported["job"]["keyframe"][2]["lora"];
        assert_eq!(lora, &json!([format!("{path}:0.8")]), "{name}");
        assert_eq!(browser.plan(&imported)["problem"], json!(null), "{name}");
    }
    let copy = format!("/api/projects/{}/duplicate", id(&project));
    let copy = browser.post(&copy, &json!({})).granted();
    assert_eq!(
        states(&browser.plan(&copy), "transitions"),
        ["ready", "ready"]
    );

    // One that is in no project is known by its name, and one that is not there is left out.
    for (named, said) in [
        ("styles/neon.safetensors", None),
        ("../other.pt", Some("other")),
    ] {
        let file = format!("[[keyframe]]\nprompt = \"a\"\nlora = [\"{named}:0.5\"]\n");
        let import = browser.upload_named("/api/projects/import", "a.toml", file.into());
        let imported = import.granted();
        match said {
            None => {
                let lora = imported["job"]["keyframe"][0]["lora"][0].as_str().unwrap();
                assert!(lora.ends_with("-neon.safetensors:0.5"), "{lora}");
            }
            Some(said) => assert!(imported["left_out"][0].as_str().unwrap().contains(said)),
        }
    }
}

/// The small film with this prompt of its second keyframe, and with these embeddings.
fn with_embeddings(prompt: &str, embeddings: &[String]) -> Value {
    let mut job = small_film();
    job["keyframe"][1]["prompt"] = json!(prompt);
    job["embedding"] = json!(embeddings);
    job
}

#[test]
fn only_keyframes_whose_prompts_name_an_embedding_depend_on_it() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let plain = {
        let mut job = small_film();
        job["keyframe"][1]["prompt"] = json!("an owlpenguin");
        job
    };
    let project = browser.project(&plain);
    let film = json!({ "kind": "film", "format": "mp4" });
    browser.done(&project, &film);
    let path = choose(&browser, &project, "embedding", "owlpenguin");
    assert!(path.starts_with("embeddings/") && path.ends_with("-owlpenguin.safetensors"));

    // Under a name that no prompt has, it changes nothing.
    let unused = with_embeddings("an owlpenguin", &[format!("{path}=another")]);
    let project = browser.put_job(&project, &unused).granted();
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["ready", "ready", "ready"]);
    assert_eq!(plan["unused_embeddings"], json!(["another"]));
    assert_eq!(counts(&browser.done(&project, &film)).0, 0);

    let used = with_embeddings("an owlpenguin", std::slice::from_ref(&path));
    let project = browser.put_job(&project, &used).granted();
    assert_eq!(
        project["job"]["embedding"],
        json!([format!("{path}=owlpenguin")])
    );
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["ready", "missing", "ready"]);
    assert_eq!(states(&plan, "transitions"), ["missing", "missing"]);
    assert_eq!(plan["unused_embeddings"], json!(null));
    let task = browser.done(&project, &film);
    let missing = plan["film"]["missing_evaluations"].as_u64().unwrap();
    assert!(missing > 0);
    assert_eq!(counts(&task).0, missing, "{task}");

    // Without it, the pictures of before are there.
    let project = browser.put_job(&project, &plain).granted();
    let plan = browser.plan(&project);
    assert_eq!(states(&plan, "keyframes"), ["ready", "ready", "ready"]);
    assert_eq!(states(&plan, "transitions"), ["ready", "ready"]);

    // Names tell embeddings apart.
    let twice = with_embeddings(
        "an owlpenguin",
        &[path.clone(), format!("{path}=OwlPenguin")],
    );
    let project = browser.put_job(&project, &twice).granted();
    let problem = browser.plan(&project)["problem"].to_string();
    assert!(problem.contains("two embeddings"), "{problem}");
}

#[test]
fn an_embedding_is_uploaded_and_comes_back_with_films_and_job_files() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let path = format!("/api/projects/{}/add-ons/embedding", id(&project));
    let uploaded = browser
        .upload_named(&path, "My%20bird.safetensors", owlpenguin())
        .granted();
    assert_eq!(uploaded["name"], "My-bird");
    let named = format!("{}=<bird>", uploaded["path"].as_str().unwrap());
    let job = with_embeddings("a <bird>", std::slice::from_ref(&named));
    let project = browser.put_job(&project, &job).granted();
    browser.done(&project, &json!({ "kind": "film", "format": "mp4" }));
    let films = browser
        .get(&format!("/api/projects/{}/films", id(&project)))
        .granted();
    let film = browser.get(films[0]["url"].as_str().unwrap()).bytes;
    let file = browser.get(&format!("/api/projects/{}/job.toml", id(&project)));
    for (name, bytes) in [("film.mp4", film), ("film.toml", file.bytes)] {
        let imported = browser
            .upload_named("/api/projects/import", name, bytes.to_vec())
            .granted();
        assert_eq!(imported["left_out"], json!(null), "{name}");
        assert_eq!(imported["job"]["embedding"], json!([named]), "{name}");
        let plan = browser.plan(&imported);
        assert_eq!(plan["problem"], json!(null), "{name}");
        assert_eq!(plan["unused_embeddings"], json!(null), "{name}");
    }
    let copy = format!("/api/projects/{}/duplicate", id(&project));
    let copy = browser.post(&copy, &json!({})).granted();
    let copied = browser.plan(&copy);
    assert_eq!(states(&copied, "transitions"), ["ready", "ready"]);

    // One that is in no project is known by its name, and keeps the name that prompts have for it.
    let file = "embedding = [\"words/owlpenguin.pt=bird\", \"../other.pt\"]\n[[keyframe]]\nprompt = \"a bird\"\n";
    let imported = browser
        .upload_named("/api/projects/import", "a.toml", file.into())
        .granted();
    let embeddings = imported["job"]["embedding"].as_array().unwrap();
    let [embedding] = &embeddings[..] else {
        panic!("{embeddings:?}");
    };
    let embedding = embedding.as_str().unwrap();
    assert!(
        embedding.ends_with("-owlpenguin.safetensors=bird"),
        "{embedding}"
    );
    assert!(imported["left_out"][0].as_str().unwrap().contains("other"));
}

#[test]
fn a_lora_that_shortens_is_known_by_its_name() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let mut job = small_film();
    job["defaults"].as_object_mut().unwrap().remove("steps");
    job["defaults"] = json!({ "seconds": 0.5 });
    let project = browser.project(&job);
    let path = format!("/api/projects/{}/add-ons/lora", id(&project));
    let uploaded = browser
        .upload_named(&path, "LCM_LoRA.safetensors", neon())
        .granted();
    job["defaults"]["lora"] = json!([uploaded["path"]]);
    let project = browser.put_job(&project, &job).granted();
    assert_eq!(project["resolved"]["transitions"][0]["steps"], 4);
    assert_eq!(project["resolved"]["sampler"], "tcd");
}

#[test]
fn another_vae_decoder_makes_other_pictures() {
    let studio = TestStudio::with(|options| {
        let models = options.projects.with_file_name("models");
        lb_models::testing::write_tiny_model("sd21", &models.join("tiny")).unwrap();
        fs::create_dir_all(models.join("vaes")).unwrap();
        let golden = workspace().join("crates/lb-export/tests/golden/fixtures");
        let source = golden.join("tiny_vae/vae/diffusion_pytorch_model.safetensors");
        fs::copy(source, models.join("vaes/taesd.safetensors")).unwrap();
        options.model_folders.insert(0, models);
    });
    let browser = studio.browser();
    let mut job = small_film();
    job["model"] = json!("tiny");
    let project = browser.project(&job);
    browser.done(&project, &json!({ "kind": "keyframe", "index": 0 }));
    let path = format!("/api/projects/{}/add-ons/vae/known", id(&project));
    let kept = browser.post(&path, &json!({ "name": "taesd" })).granted();
    job["vae"] = kept["path"].clone();
    let project = browser.put_job(&project, &job).granted();
    assert_eq!(states(&browser.plan(&project), "keyframes")[0], "missing");
    let task = browser.done(&project, &json!({ "kind": "keyframe", "index": 0 }));
    // Only the decoding is new.
    assert_eq!(counts(&task).0, 0, "{task}");
    assert!(Path::new(kept["path"].as_str().unwrap()).starts_with("vaes"));
}
