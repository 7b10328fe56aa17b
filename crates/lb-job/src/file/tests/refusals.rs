//! Messages about wrong job files.

use std::path::{Path, PathBuf};

use lb_schedule::FrameRate;

use crate::{JobFileError, JobSettings, LARGEST_JOB_FILE};

fn refused(text: &str) -> String {
    match JobSettings::parse(text, Path::new("film.toml")) {
        Ok(settings) => panic!("taken as {settings:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_misspelt_key_of_another_table_is_corrected_with_its_table() {
    let message = refused("qualty = \"low\"");
    assert!(
        message.contains("`qualty`; did you mean `quality`? It belongs in"),
        "{message}"
    );
}

#[test]
fn the_most_similar_key_is_named() {
    let message = refused("fps = 25\n\n[[keyframe]]\npromt = \"a\"\n");
    assert_eq!(
        message,
        "film.toml, line 4: unknown key `promt`; did you mean `prompt`?"
    );
    for (given, meant) in [
        ("guidence", "guidance_scale"),
        ("negative", "negative_prompt"),
        ("second", "seconds"),
        ("branch", "branches"),
        ("injection", "injection_steps"),
        ("Prompt", "prompt"),
    ] {
        let message = refused(&format!("[[keyframe]]\n{given} = 1\n"));
        assert!(
            message.ends_with(&format!("did you mean `{meant}`?")),
            "{message}"
        );
    }
    let message = refused("[upscale]\ncolour = 1\n");
    assert!(
        message.contains("`colour`; the most similar key is `"),
        "{message}"
    );
}

#[test]
fn the_right_table_of_a_misplaced_key_is_named() {
    assert_eq!(
        refused("[[keyframe]]\nprompt = \"a\"\nfps = 25\n"),
        "film.toml, line 3: unknown key `fps`; it belongs at the top of the file, above every table"
    );
    assert!(refused("seconds = 4\n").contains("in a [[keyframe]]"));
    for misplaced in [
        "zoom = 2\n",
        "[defaults]\nzoom = 2\n",
        "[upscale]\npan = \"0,1\"\n",
    ] {
        let message = refused(misplaced);
        let expected = "it belongs in a [[keyframe]] or, for the whole film, in [camera]";
        assert!(message.ends_with(expected), "{message}");
    }
}

#[test]
fn wrong_values_are_reported_with_their_line() {
    for (text, line, words) in [
        (
            "fps = \"many\"",
            1,
            "`fps` must be a number from 0.1 to 1000, or a fraction such as \"24000/1001\"; got \"many\"",
        ),
        (
            "\nloop = 1",
            2,
            "`loop` must be true or false, found a whole number",
        ),
        ("keyframe = 3", 1, "`keyframe` must be a list of tables"),
        (
            "[keyframe]\nprompt = \"a\"",
            1,
            "`keyframe` must be a list of tables",
        ),
        (
            "[defaults]\nsteps = -3",
            2,
            "`steps` must be a whole number",
        ),
        ("[defaults]\nsteps = 2.5", 2, "found a number"),
        (
            "[defaults]\n\nbranches = [2, \"4\"]",
            3,
            "`branches` must be a list of whole numbers",
        ),
        (
            "[[keyframe]]\nseed = 18446744073709551616",
            2,
            "`seed` must be a whole number",
        ),
        (
            "[[keyframe]]\nprompt = 2020-01-01",
            2,
            "found a date or time",
        ),
        ("size = \"512\"", 1, "`size` must be a size like 512x768"),
        (
            "sampler = \"heun\"",
            1,
            "one of ddim, dpmpp-2m, euler, tcd; got \"heun\"",
        ),
        (
            "[defaults]\nquality = \"best\"",
            2,
            "one of lowest, low, medium",
        ),
        ("[defaults]\neasing = \"bouncy\"", 2, "linear, smooth"),
        (
            "[defaults]\nbranching = \"classic\"\nbranches = [2, 4]",
            1,
            "a branching rule sets up the levels",
        ),
        (
            "[defaults]\nframes = 0.5",
            2,
            "`frames` must be a whole number, a share such as \"1/2\", or \"film\"; got 0.5",
        ),
        ("[defaults]\nframes = -5", 2, "`frames` must be a whole"),
        ("[defaults]\nframes = \"3/2\"", 2, "; got \"3/2\""),
        ("[depth]\n", 1, "depth needs an image"),
        ("[defaults]\nbranches = 4", 2, "`branches` must be a list"),
        ("fps = 0", 1, "`fps` must be a number from 0.1 to 1000"),
        ("fps = \"30/0\"", 1, "; got \"30/0\""),
        ("fps = [1]", 1, "\"24000/1001\", found a list"),
        (
            "[upscale]\nsteps = \"4\"",
            2,
            "`steps` must be a whole number of at least 0",
        ),
        (
            "[upscale]\nmodel = \"x4\"\nseed = 18446744073709551616",
            3,
            "`seed` must be a whole number from 0 to 18446744073709551615",
        ),
        (
            "crossfeed = 3",
            1,
            "`crossfeed` must be a table, found a whole number",
        ),
        ("include = 3", 1, "`include` must be a string"),
        (
            "film_seconds = \"sound\"",
            1,
            "`film_seconds` must be a number of seconds or \"track\"; got \"sound\"",
        ),
        (
            "film_seconds = true",
            1,
            "`film_seconds` must be a number of seconds or \"track\", found true or false",
        ),
        ("fps = ", 1, ""),
        ("fps = 25\nfps = 30", 2, "duplicate"),
        ("prompt = \"a", 1, ""),
    ] {
        let message = refused(text);
        assert!(
            message.starts_with(&format!("film.toml, line {line}: ")),
            "{text}: {message}"
        );
        assert!(message.contains(words), "{text}: {message}");
    }
}

#[test]
fn long_strings_make_short_messages() {
    let long = "x".repeat(900_000);
    let message = refused(&format!("[[keyframe]]\nprompt = \"{long}\"\n"));
    assert_eq!(
        message,
        "film.toml, line 2: `prompt` has 900000 bytes; at most 10000 are allowed"
    );
    for text in [
        format!("{long} = 1"),
        format!("sampler = \"{}\"", "y".repeat(9000)),
        long.clone(),
        format!("model = {long}"),
        format!("a.{}", "b.".repeat(100_000)),
        "[".repeat(100_000),
    ] {
        let message = refused(&text);
        assert!(message.len() < 500, "{} bytes", message.len());
    }
    let larger = "x".repeat(LARGEST_JOB_FILE + 1);
    assert_eq!(
        refused(&larger),
        "film.toml is too large for a job file: at most 1024 KiB are read"
    );
}

/// A folder of job files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Result<JobSettings, JobFileError> {
        JobSettings::read(&self.path(name))
    }
}

#[test]
fn included_files_supply_open_settings() {
    let folder = Folder::new(&[
        (
            "film.toml",
            "include = \"shared/house.toml\"\nfps = 25\n[defaults]\nhold = 2\n\
             [[keyframe]]\nprompt = \"a\"\n[[keyframe]]\nprompt = \"b\"\n",
        ),
        (
            "shared/house.toml",
            "include = \"model.toml\"\nfps = 12\nloop = true\n[defaults]\nhold = 1\nseconds = 4\n",
        ),
        ("shared/model.toml", "model = \"./mine\"\n"),
    ]);
    let job = folder.read("film.toml").unwrap().resolve().unwrap();
    assert_eq!(job.frame_rate.as_f64(), 25.0);
    assert!(job.looped);
    assert_eq!(job.keyframes[0].hold, 2.0);
    assert_eq!(job.transitions[1].seconds, 4.0);
    let model = folder.path("shared/./mine");
    assert_eq!(job.model.as_deref(), model.to_str());
}

#[test]
fn a_cycle_of_includes_is_refused_with_its_chain() {
    let folder = Folder::new(&[
        ("a.toml", "include = \"b.toml\""),
        ("b.toml", "include = \"./c.toml\""),
        ("c.toml", "include = \"b.toml\""),
        ("self.toml", "include = \"self.toml\""),
    ]);
    let error = folder.read("a.toml").unwrap_err();
    let JobFileError::IncludeCycle { files } = &error else {
        panic!("{error}");
    };
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap()).collect();
    assert_eq!(names, ["a.toml", "b.toml", "c.toml", "b.toml"]);
    assert_eq!(error.to_string().matches(" includes ").count(), 3);
    assert!(matches!(
        folder.read("self.toml"),
        Err(JobFileError::IncludeCycle { .. })
    ));
}

#[test]
fn a_chain_of_includes_has_a_limit() {
    let names: Vec<String> = (0..=10).map(|index| format!("{index}.toml")).collect();
    let texts: Vec<String> = (1..=10)
        .map(|next| format!("include = \"{next}.toml\""))
        .collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(texts.iter().map(String::as_str).chain(["fps = 10"]))
        .collect();
    let folder = Folder::new(&files);
    assert!(matches!(
        folder.read("0.toml"),
        Err(JobFileError::IncludeDepth { files }) if files.len() == 10
    ));
    assert!(matches!(
        folder.read("1.toml"),
        Err(JobFileError::IncludeDepth { .. })
    ));
    assert_eq!(
        folder.read("2.toml").unwrap().timing.frame_rate,
        FrameRate::new(10.0).ok()
    );
}

#[test]
fn only_regular_text_files_are_read() {
    let folder = Folder::new(&[
        ("films/film.toml", "fps = 25"),
        ("keyframes.toml", "[[keyframe]]\nprompt = \"a\""),
        ("including.toml", "include = \"keyframes.toml\""),
        ("missing.toml", "include = \"nowhere.toml\""),
    ]);
    std::fs::write(folder.path("picture.toml"), [0x89, b'P', 0xff]).unwrap();
    let message = |name: &str| folder.read(name).unwrap_err().to_string();
    assert!(message("films").contains("not a regular file"));
    assert!(message("picture.toml").contains("not UTF-8"));
    assert!(message("nothing.toml").contains("cannot read"));
    assert!(message("missing.toml").contains("nowhere.toml"));
    assert!(message("including.toml").contains("an included file must not have keyframes"));
    let huge = std::fs::File::create(folder.path("huge.toml")).unwrap();
    huge.set_len(1 << 40).unwrap();
    assert!(message("huge.toml").contains("too large"));
    #[cfg(unix)]
    assert!(
        JobSettings::read(Path::new("/dev/zero"))
            .unwrap_err()
            .to_string()
            .contains("not a regular file")
    );
}
