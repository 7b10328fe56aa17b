//! What is said about a prompt while it is written.

use serde_json::{Value, json};

use crate::client::{TestStudio, id, small_film};

#[test]
fn a_prompt_is_read_as_the_model_reads_it() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let read = |prompt: &str| {
        browser
            .post("/api/prompts", &json!({ "prompt": prompt }))
            .granted()
    };
    let short = read("a (red:1.2) apple");
    assert_eq!(short["room"], 75);
    assert_eq!(
        short["chunks"],
        json!([{ "tokens": 3, "words": "a red apple" }])
    );
    assert_eq!(short["warnings"], json!(null));
    let long = read(&["a red apple on a blue plate"; 20].join(", "));
    assert!(long["chunks"].as_array().unwrap().len() >= 2, "{long}");

    for (prompt, said) in [
        ("[an owl:a panda:0.5]", "keyframe of its own"),
        ("[an owl|a panda]", "keyframe of its own"),
        ("an owl <lora:neon:0.8>", "under “LoRAs”"),
        ("(an owl:1000)", "weight"),
    ] {
        let read = read(prompt);
        let problem = read["problem"].as_str().unwrap();
        assert!(problem.contains(said), "{problem}");
        assert_eq!(read["chunks"], json!([]));
    }
    for (prompt, said) in [
        ("an owl AND a panda", "AND"),
        ("embedding:style owl", "embedding"),
        ("an owl in a spaceship", "spaceship"),
        ("an owl and a <toy>", "<toy>"),
    ] {
        let warnings = read(prompt)["warnings"].to_string();
        assert!(warnings.contains(said), "{prompt}: {warnings}");
    }
    let plain = json!({ "prompt": "[an owl|a panda]", "prompt_syntax": "plain" });
    let plain = browser.post("/api/prompts", &plain).granted();
    assert_eq!(plain["problem"], Value::Null);
    let cut = json!({ "prompt": "owl ".repeat(90), "prompt_syntax": "plain" });
    let cut = browser.post("/api/prompts", &cut).granted();
    assert!(
        cut["warnings"][0]
            .as_str()
            .unwrap()
            .contains("does not see")
    );

    browser
        .post(
            "/api/prompts",
            &json!({ "prompt": "a", "model": "../pocket" }),
        )
        .refused(400);
    browser
        .post(
            "/api/prompts",
            &json!({ "prompt": "a", "prompt_syntax": "loud" }),
        )
        .refused(400);
    browser
        .post("/api/prompts", &json!({ "prompt": "a ".repeat(1 << 19) }))
        .refused(413);
}

#[test]
fn a_prompt_knows_the_embeddings_of_its_project() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&small_film());
    let path = format!("/api/projects/{}/add-ons/embedding/known", id(&project));
    let kept = browser.post(&path, &json!({ "name": "owlpenguin" }));
    let kept = kept.granted()["path"].as_str().unwrap().to_owned();
    let given = |prompt: &str| {
        let embedding = [format!("{kept}=<glorp>")];
        json!({ "prompt": prompt, "embedding": embedding, "project": project["id"] })
    };
    for prompt in ["a <glorp>", "a (<glorp>:1.2)", "a embedding:<glorp>"] {
        let read = browser.post("/api/prompts", &given(prompt)).granted();
        assert_eq!(read["chunks"][0]["tokens"], 2, "{prompt}: {read}");
        assert_eq!(read["warnings"], Value::Null, "{prompt}");
    }
    let unknown = json!({ "prompt": "a <glorp>" });
    let unknown = browser.post("/api/prompts", &unknown).granted();
    assert_ne!(unknown["chunks"][0]["tokens"], 2);

    // Only files of the client's own project are read.
    let mut other = given("a");
    other["embedding"] = json!(["/etc/passwd=a"]);
    browser.post("/api/prompts", &other).refused(400);
    let mut none = given("a");
    none["project"] = Value::Null;
    browser.post("/api/prompts", &none).refused(400);
    other["embedding"] = json!([format!("embeddings/{}-a.pt", "ab".repeat(32))]);
    let missing = browser.post("/api/prompts", &other).granted();
    let problem = missing["problem"].as_str().unwrap();
    assert!(
        problem.starts_with('a') && !problem.contains("projects/"),
        "{problem}"
    );
}
