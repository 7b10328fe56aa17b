//! What files, names and arguments contain is shown on a terminal, and never obeyed by it.

use std::fs;

use lb_models::testing::write_tiny_model;

use crate::broken_models::copy_of_pocket;
use crate::lb::{Folder, Said};
use crate::strangers::film;

/// Clears the screen, changes the title, colours what follows, reverses a line, and forges another one.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;a\u{7}\u{9b}31m\u{202e}b\u{2066}\r\nerror: forged";

/// The same in a string of JSON or TOML.
const IN_STRING: &str = "\\u001b[2J\\u001b]0;a\\u0007\\u009b31m\\u202eb\\u2066\\r\\nerror: forged";

/// Checks that a terminal obeys nothing of what a run printed, and that no line of it is forged.
fn assert_harmless(said: &Said, what: &str) {
    for text in [&said.output, &said.error] {
        let is_obeyed = |letter: char| {
            (letter.is_control() && letter != '\n')
                || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!text.contains(is_obeyed), "{what}: {text:?}");
        let mut lines = text.lines();
        assert!(
            !lines.any(|line| line.starts_with("error: forged")),
            "{what}: {text}"
        );
    }
    assert!(!said.error.contains("panicked"), "{what}: {}", said.error);
}

/// The same of a run that quotes what is hostile.
fn assert_quoted(said: &Said, what: &str) {
    assert_harmless(said, what);
    let both = [&said.output[..], &said.error].concat();
    assert!(both.contains("forged"), "{what}: {both}");
}

#[test]
fn arguments_are_quoted_and_not_obeyed() {
    let folder = Folder::new();
    let flag = format!("--{HOSTILE}");
    for arguments in [
        &[HOSTILE][..],
        &["render", &flag],
        &["render", "a", "b", "--seed", HOSTILE],
        &["render", "a", "b", "--seed", &format!("1,{HOSTILE}")],
        &["render", "a", "b", "--size", HOSTILE],
        &["render", "a", "b", "--frames", HOSTILE],
        &["render", "a", "b", "--film-seconds", HOSTILE],
        &["render", "a", "b", "--sampler", HOSTILE],
        &["render", "a", "b", "--cache-size", HOSTILE],
        &["render", "a", "b", "-o", &format!("no/{HOSTILE}.gif")],
        &["render", "a", "b", "--model", HOSTILE, "-o=a.gif"],
        &["render", "a", "--from", HOSTILE, "-o=a.gif"],
        &["seeds", "a", "--seeds", HOSTILE],
        &["plan", "a", "b", "--svg", &format!("no/{HOSTILE}")],
        &["measure", HOSTILE],
        &["show", HOSTILE],
        &["import", HOSTILE],
        &["models", HOSTILE],
        &["models", "rm", HOSTILE],
    ] {
        let said = folder.run(arguments);
        assert!(matches!(said.code, Some(1 | 2)), "{arguments:?}");
        assert_quoted(&said, &format!("{arguments:?}"));
    }
    assert_eq!(folder.contents(), [""; 0]);
}

/// clap's messages and ours have colours on a terminal, which are the only sequences in them.
#[test]
fn colours_are_the_only_sequences() {
    let folder = Folder::new();
    for arguments in [
        &["render", &format!("--{HOSTILE}")][..],
        &["show", HOSTILE],
        &["render", "a", "b", "--seed", HOSTILE, "-vv"],
    ] {
        let mut command = folder.command(arguments);
        command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
        let said = Said::from(command.output().unwrap());
        let mut plain = String::new();
        let mut parts = said.error.split('\u{1b}');
        plain.push_str(parts.next().unwrap());
        assert!(
            said.error.contains("\u{1b}["),
            "{arguments:?}: {}",
            said.error
        );
        for part in parts {
            let (colour, text) = part.split_once('m').unwrap();
            let is_colour = |letter: char| letter.is_ascii_digit() || "[;".contains(letter);
            assert!(colour.chars().all(is_colour), "{arguments:?}: {part:?}");
            plain.push_str(text);
        }
        let plain = Said {
            error: plain,
            ..said
        };
        assert_quoted(&plain, &format!("{arguments:?}"));
    }
}

#[test]
fn jobs_of_strangers_are_quoted_and_not_obeyed() {
    let folder = Folder::new();
    let keyframes = "[[keyframe]]\nprompt = \"a\"\n[[keyframe]]\nprompt = \"b\"\n";
    let jobs = [
        format!("sampler = \"{IN_STRING}\"\n{keyframes}"),
        format!("\"{IN_STRING}\" = 1\n{keyframes}"),
        format!("include = \"{IN_STRING}\"\n{keyframes}"),
        format!("model = \"{IN_STRING}\"\n{keyframes}"),
        format!("model = \"./{IN_STRING}\"\n{keyframes}"),
        format!("vae = \"{IN_STRING}\"\n{keyframes}"),
        format!("{keyframes}image = \"{IN_STRING}\"\n"),
        format!("{keyframes}[depth]\nimage = \"{IN_STRING}\"\n"),
        format!("{keyframes}easing = \"{IN_STRING}\"\n"),
        format!("{}\n{keyframes}", HOSTILE.replace(['\r', '\n'], "")),
    ];
    for job in jobs {
        film(&folder.join("a.gif"), &job);
        fs::write(folder.join("a.toml"), &job).unwrap();
        for source in ["a.gif", "a.toml"] {
            let said = folder.run(&["render", source, "-o=b.gif"]);
            assert!(matches!(said.code, Some(1 | 2)), "{job}: {}", said.error);
            assert_harmless(&said, &job);
        }
        for command in ["plan", "measure", "seeds"] {
            let said = folder.run(&[command, "a.gif"]);
            assert_harmless(&said, &job);
        }
        assert_quoted(&folder.run(&["show", "a.gif"]), &job);
    }
}

#[test]
fn a_prompt_is_shown_as_the_same_prompt() {
    let folder = Folder::new();
    let keyframe = |prompt: &str| format!("[[keyframe]]\nprompt = {prompt}\n");
    let job = keyframe(&format!("\"{IN_STRING}\"")) + &keyframe("'a\u{9b}31mb'");
    film(&folder.join("a.gif"), &job);
    let shown = folder.run(&["show", "a.gif"]);
    assert_quoted(&shown, &job);
    fs::write(folder.join("shown.toml"), &shown.output).unwrap();
    let saved = |source: &str, file: &str| {
        let said = folder.run(&["render", source, "--save-job", file]);
        assert_eq!(said.code, Some(0), "{}", said.error);
        fs::read_to_string(folder.join(file)).unwrap()
    };
    assert_eq!(saved("a.gif", "one.toml"), saved("shown.toml", "two.toml"));
}

#[test]
fn warnings_and_the_log_obey_nothing() {
    let folder = Folder::new();
    let arguments = [
        "render",
        HOSTILE,
        "b",
        "--steps=1",
        "--frames=2",
        "-o=a.gif",
        "--size=64x64",
    ];
    assert_quoted(&folder.run(&arguments), "a warning about words");
    let long = HOSTILE.repeat(40);
    let arguments = [
        "render",
        &long,
        "b",
        "--steps=1",
        "--frames=2",
        "-o=b.gif",
        "--size=64x64",
        "-vv",
    ];
    let said = folder.run(&arguments);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert_quoted(&said, "the log");
}

#[cfg(unix)]
#[test]
fn models_of_strangers_are_quoted_and_not_obeyed() {
    let folder = Folder::new();
    let models = folder.join("models");
    // The names of the files are hostile, too.
    let model = models.join(HOSTILE);
    write_tiny_model("sd21", &model).unwrap();
    let files = [
        (
            "README.md",
            format!("---\nlicense: {}\n---\n", HOSTILE.replace(['\r', '\n'], "")),
        ),
        ("words.txt", format!("red {HOSTILE}")),
        (
            "lb.toml",
            format!("[defaults]\nsampler = \"{IN_STRING}\"\n"),
        ),
        (
            "model_index.json",
            format!("{{\"_class_name\": \"{IN_STRING}\"}}"),
        ),
        (
            "unet/config.json",
            format!("{{\"_class_name\": \"{IN_STRING}\"}}"),
        ),
        (
            "text_encoder/config.json",
            format!("{{\"hidden_act\": \"{IN_STRING}\"}}"),
        ),
        (
            "scheduler/scheduler_config.json",
            format!("{{\"_class_name\": \"{IN_STRING}\"}}"),
        ),
        (
            "tokenizer/special_tokens_map.json",
            format!("{{\"pad_token\": \"{IN_STRING}\"}}"),
        ),
        (
            "tokenizer/vocab.json",
            format!("{{\"{IN_STRING}\": \"a\"}}"),
        ),
        (
            "tokenizer/merges.txt",
            format!("#version: 0.2\n{HOSTILE}\n"),
        ),
    ];
    for (name, text) in files {
        let path = model.join(name);
        let before = fs::read(&path).ok();
        fs::write(&path, text).unwrap();
        let run = |arguments: &[&str]| {
            let mut command = folder.command(arguments);
            Said::from(command.env("LB_MODELS", &models).output().unwrap())
        };
        let named = format!("./models/{HOSTILE}");
        for arguments in [
            &["models"][..],
            &["models", "--json"],
            &["models", HOSTILE],
            &["models", HOSTILE, "--json"],
            &["doctor"],
            &[
                "render",
                "a",
                "b",
                "--steps=1",
                "--frames=2",
                "--seconds=0.1",
                "--model",
                &named,
                "-o=a.gif",
                "--force",
            ],
            &["import", &named, "--name=other"],
        ] {
            let said = run(arguments);
            let what = format!("{name}: {arguments:?}");
            match arguments[0] {
                "models" | "doctor" => assert_quoted(&said, &what),
                _ => assert_harmless(&said, &what),
            }
        }
        let _ = fs::remove_dir_all(models.join("other"));
        match before {
            Some(before) => fs::write(&path, before).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
}

#[test]
fn names_of_tensors_are_quoted_and_not_obeyed() {
    let folder = Folder::new();
    let header = format!(
        "{{\"{IN_STRING}\":{{\"dtype\":\"{IN_STRING}\",\"shape\":[1],\"data_offsets\":[0,4]}}}}"
    );
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.into_bytes());
    file.extend([0; 4]);
    fs::write(folder.join("a.safetensors"), &file).unwrap();
    assert_harmless(&folder.run(&["import", "a.safetensors"]), "a checkpoint");
    let said = folder.run(&["render", "a", "b", "--vae=a.safetensors", "-o=a.gif"]);
    assert_quoted(&said, "a decoder");
    let model = copy_of_pocket(&folder);
    let unet = model.join("unet/diffusion_pytorch_model.safetensors");
    fs::remove_file(&unet).unwrap();
    fs::write(&unet, file).unwrap();
    let said = folder.run(&["render", "a", "b", "--model=./model", "-o=a.gif"]);
    assert_harmless(&said, "a UNet");
}

/// A message that quotes a file stays a message: it does not push everything else off the screen.
#[test]
fn messages_have_an_end() {
    let folder = Folder::new();
    let said = folder.run(&["show", &"a".repeat(3000)]);
    assert!(said.error.contains("more characters"), "{}", said.error);
    assert!(said.error.len() < 2500, "{}", said.error.len());
}
