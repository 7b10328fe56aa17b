//! Job files: films that are described by a file, and films that contain the job that made them.

use lb_models::testing::write_tiny_model;

use crate::lb::{Folder, SMALL_FILM, Said};

const SHORT: &[&str] = &["--seconds=0.5", "--fps=10", "--seed=3", "--hold=0.2"];

#[test]
fn flags_the_file_they_save_and_the_film_itself_make_the_same_film() {
    let folder = Folder::new();
    let flags = [SMALL_FILM, SHORT].concat();
    let outputs = [
        "-o=one.mp4",
        "--frames-dir=frames",
        "--contact-sheet=sheet.png",
        "--save-job=film.toml",
    ];
    folder.facts(&[&flags, &outputs[..]].concat());
    folder.facts(&["render", "film.toml", "-o=two.mp4", "--no-cache"]);
    folder.facts(&[
        "render",
        "one.mp4",
        "-o=three.mp4",
        "--frames-dir=again",
        "--no-cache",
    ]);
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(
        bytes("one.mp4") == bytes("two.mp4"),
        "flags, and their file"
    );
    assert!(bytes("one.mp4") == bytes("three.mp4"), "the film's own job");
    assert!(bytes("frames/frame_0002.png") == bytes("again/frame_0002.png"));

    let saved = std::fs::read_to_string(folder.join("film.toml")).unwrap();
    for explicit in [
        "model = \"pocket\"",
        "size = \"128x128\"",
        "seed = 4",
        "hold = 0.2",
    ] {
        assert!(saved.contains(explicit), "{explicit} is not in {saved}");
    }
    for carrier in ["one.mp4", "sheet.png", "frames", "frames/frame_0001.png"] {
        let said = folder.run(&["show", carrier]);
        assert_eq!(said.code, Some(0), "{}", said.error);
        assert_eq!(said.output, saved, "{carrier}");
    }
}

#[test]
fn a_film_that_was_moved_without_its_picture_finds_it_by_its_content() {
    let folder = Folder::new();
    for made in ["work/films", "work/pictures", "elsewhere/deep"] {
        std::fs::create_dir_all(folder.join(made)).unwrap();
    }
    let white = image::RgbImage::from_pixel(128, 128, image::Rgb([255; 3]));
    white.save(folder.join("work/pictures/white.png")).unwrap();
    let film = [
        "render",
        "--from=work/pictures/white.png",
        "a green pear",
        "--quality=lowest",
        "--seconds=0.2",
        "--output=work/films/film.gif",
        "--frames-dir=work/films/frames",
        "--contact-sheet=elsewhere/deep/sheet.png",
        "--save-job=work/films/film.toml",
    ];
    folder.facts(&film);
    let job = |carrier: &str| folder.run(&["show", carrier]).output;
    for (carrier, name) in [
        ("work/films/film.gif", "../pictures/white.png"),
        ("work/films/frames", "white.png"),
        ("elsewhere/deep/sheet.png", "white.png"),
    ] {
        let job = job(carrier);
        let named = job.lines().find(|line| line.starts_with("image = "));
        assert_eq!(named, Some(&*format!("image = \"{name}\"")), "{job}");
        assert!(!job.contains(&*folder.path().to_string_lossy()), "{job}");
    }
    let saved = std::fs::read_to_string(folder.join("work/films/film.toml")).unwrap();
    assert!(
        saved.contains("image = \"../pictures/white.png\""),
        "{saved}"
    );
    assert!(!saved.contains("sha256"), "its picture may change");

    let render_again = |source: &str, more: &[&str]| {
        let output = ["--output=again.gif", "--force", "--json"];
        folder.run(&[&["render", source], &output[..], more].concat())
    };
    let again = |source: &str| render_again(source, &[]);
    for source in ["work/films/film.gif", "work/films/film.toml"] {
        let words = ["../pictures/white.png", "--allow-paths"];
        again(source).assert_refused(2, &words);
        render_again(source, &["--allow-paths"]).facts();
    }
    std::fs::rename(
        folder.join("work/films/film.gif"),
        folder.join("elsewhere/film.gif"),
    )
    .unwrap();
    let words = ["white.png is missing", "elsewhere or the current folder"];
    again("elsewhere/film.gif").assert_refused(2, &words);
    std::fs::copy(
        folder.join("work/pictures/white.png"),
        folder.join("elsewhere/renamed.png"),
    )
    .unwrap();
    again("elsewhere/film.gif").facts();
    // A film's plan does not depend on its picture.
    std::fs::remove_file(folder.join("elsewhere/renamed.png")).unwrap();
    assert_eq!(folder.run(&["plan", "elsewhere/film.gif"]).code, Some(0));
}

#[test]
fn without_its_job_an_output_tells_nothing() {
    let folder = Folder::new();
    let outputs = [
        "--output=film.mp4",
        "--frames-dir=frames",
        "--contact-sheet=sheet.png",
        "--no-job",
    ];
    folder.facts(&[SMALL_FILM, SHORT, &outputs].concat());
    for carrier in ["film.mp4", "frames", "sheet.png"] {
        folder
            .run(&["show", carrier])
            .assert_refused(2, &["carries no job"]);
    }
}

#[test]
fn saving_alone_renders_nothing_and_replaces_only_by_force() {
    let folder = Folder::new();
    let save = [SMALL_FILM, &["--save-job=film.toml"]].concat();
    let facts = folder.facts(&save);
    assert_eq!(facts["files"][0].as_str(), Some("film.toml"));
    assert_eq!(folder.contents(), ["film.toml"]);
    folder.run(&save).assert_refused(2, &["exists", "--force"]);

    // A flag applies to the whole film, and the rest comes from the file.
    let changed = [
        "render",
        "film.toml",
        "--guidance-scale=2",
        "--save-job=two.toml",
    ];
    assert_eq!(folder.run(&changed).code, Some(0));
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let expected = text("film.toml").replace("guidance_scale = 4.0", "guidance_scale = 2.0");
    assert_eq!(text("two.toml"), expected);
}

#[test]
fn eight_keyframes_cost_exactly_what_was_planned() {
    let folder = Folder::new();
    let names = [
        "apple", "pear", "lemon", "cherry", "tulip", "rose", "tree", "heart",
    ];
    let keyframes: String = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let frames = 2 + index % 3;
            format!("[[keyframe]]\nprompt = \"a {name}\"\nframes = {frames}\n")
        })
        .collect();
    let head = "fps = 10\nloop = true\n[defaults]\nsteps = 4\nseconds = 0.3\n";
    std::fs::write(folder.join("film.toml"), format!("{head}{keyframes}")).unwrap();
    let plan = folder.facts(&["plan", "film.toml"]);
    let render = folder.facts(&["render", "film.toml", "-o=film.mp4", "--frames-dir=frames"]);
    for name in ["model_evaluations", "decodes", "computed_frames"] {
        assert_eq!(render[name], plan[name], "{name}");
    }
    // 8 keyframes of 4 steps; transitions of 0, 1 and 2 inner frames, 2 of 3 steps each.
    assert_eq!(plan["seeds"].as_array().unwrap().len(), 8);
    assert_eq!(plan["computed_frames"].as_u64(), Some(8 + 7));
    let inner = plan["model_evaluations"].as_u64().unwrap() - 8 * 4;
    assert!(inner > 0 && inner.is_multiple_of(7), "{inner}");
}

#[test]
fn wrong_job_files_get_a_message_that_explains_them() {
    let folder = Folder::new();
    let long = format!("[[keyframe]]\nprompt = \"{}\"\n", "x".repeat(10_000_000));
    for (name, text, words) in [
        (
            "typo.toml",
            "[[keyframe]]\npromt = \"a\"",
            &["typo.toml, line 2", "`promt`", "did you mean `prompt`?"][..],
        ),
        (
            "cycle.toml",
            "include = \"cycle.toml\"",
            &["include each other"],
        ),
        ("long.toml", &long, &["long.toml", "too large"]),
        (
            "type.toml",
            "fps = \"fast\"",
            &["line 1", "must be a number"],
        ),
        (
            "one.toml",
            "[[keyframe]]\nprompt = \"a\"",
            &["single prompt"],
        ),
        (
            "range.toml",
            "fps = 0\n[[keyframe]]\nprompt = \"a\"\n[[keyframe]]\nprompt = \"b\"",
            &["`fps` must be a number from 0.1 to 1000"],
        ),
        (
            "nothing.toml",
            "[[keyframe]]\nprompt = \"a\"\n[[keyframe]]\nseed = 3",
            &["keyframe 2", "neither a prompt nor an image"],
        ),
        (
            "steps.toml",
            "[[keyframe]]\nprompt = \"a\"\nsteps = 9\nframes = 4\n\
             [[keyframe]]\nprompt = \"b\"\nsteps = 8\nframes = 4\n[[keyframe]]\nprompt = \"c\"",
            &["one number of steps", "has 9", "has 8"],
        ),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
        let said = folder.run(&["render", name, "-o=film.mp4"]);
        said.assert_refused(2, words);
        assert!(
            said.error.len() < 1000,
            "{name}: {} bytes",
            said.error.len()
        );
    }
    folder
        .run(&["render", "missing.toml", "-o=film.mp4"])
        .assert_refused(2, &["missing.toml"]);
    folder
        .run(&["render", "typo.toml", "a lemon", "-o=film.mp4"])
        .assert_refused(2, &["typo.toml is a file among prompts"]);
    std::fs::create_dir(folder.join("sky")).unwrap();
    folder
        .run(&["render", "sky", "-o=film.mp4"])
        .assert_refused(2, &["folder sky has no PNG, JPEG or WebP pictures", "hint"]);
    assert!(!folder.join("film.mp4").exists());
}

#[test]
fn files_without_a_job_are_refused() {
    let folder = Folder::new();
    image::RgbImage::new(4, 4)
        .save(folder.join("picture.png"))
        .unwrap();
    std::fs::write(folder.join("film.mp4"), "not a film").unwrap();
    folder
        .run(&["show", "picture.png"])
        .assert_refused(2, &["picture.png carries no job", "hint"]);
    let said = folder.run(&["show", "film.mp4"]);
    assert!(said.code.is_some_and(|code| code > 0) && said.error.contains("film.mp4"));
    let said = folder.run(&["render", "picture.png", "-o=new.mp4"]);
    said.assert_refused(2, &["picture.png carries no job"]);
}

/// What the program says where it remembers how fast this machine is.
fn remembering(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = folder.command(arguments);
    command.env("XDG_CACHE_HOME", folder.join("cache"));
    let said = Said::from(command.output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.error);
    said.output
}

#[test]
fn the_time_that_a_film_takes_is_known_after_the_first() {
    let folder = Folder::new();
    let run = |arguments: &[&str]| remembering(&folder, arguments);
    let plan = [&["plan"], &SMALL_FILM[1..]].concat();
    let estimate = || -> Option<f64> {
        let facts: serde_json::Value =
            serde_json::from_str(&run(&[&plan[..], &["--json"]].concat())).unwrap();
        facts["estimated_seconds"].as_f64()
    };
    assert_eq!(estimate(), None);
    assert!(run(&plan).contains("time: not known"));
    run(&[
        "render",
        "a",
        "b",
        "--steps=6",
        "--frames=2",
        "--frames-dir=frames",
    ]);
    assert!(estimate().is_some_and(|seconds| seconds > 0.0));
    assert!(run(&plan).contains("time: about "));
    assert!(run(&[&plan[..], &["--size=64x64"]].concat()).contains("time: not known"));
    write_tiny_model("upscale", &folder.join("x4")).unwrap();
    let stages = run(&[&plan[..], &["--upscale=./x4"]].concat());
    assert!(stages.contains("time: not known"), "{stages}");
    // A picture is inverted at a guidance of 1, which costs half: a row an evaluation.
    let picture = ["--from=frames/frame_0000.png", "--inversion-iterations=2"];
    let pictured = [&plan[..], &picture].concat();
    let facts = run(&[&pictured[..], &["--json"]].concat());
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    let longer = facts["estimated_seconds"].as_f64().unwrap() / estimate().unwrap();
    assert!(longer > 1.0, "{longer}");
}

#[test]
fn the_time_of_two_stages_is_that_of_both() {
    let folder = Folder::new();
    write_tiny_model("sd21", &folder.join("sd21")).unwrap();
    write_tiny_model("upscale", &folder.join("upscale")).unwrap();
    let run = |arguments: &[&str]| remembering(&folder, arguments);
    let film = ["red leaf", "blue sea", "--model=./sd21", "--size=64x64"];
    let stages = ["--upscale=./upscale", "--upscale-steps=2", "--steps=4"];
    let estimate = |more: &[&str]| -> Option<f64> {
        let plan = [&["plan", "--frames=2", "--json"], &film[..], &stages, more].concat();
        let facts: serde_json::Value = serde_json::from_str(&run(&plan)).unwrap();
        facts["estimated_seconds"].as_f64()
    };
    assert_eq!(estimate(&[]), None);
    // One stage alone says nothing of the other.
    let first = ["--steps=4", "--frames=2", "--frames-dir=low"];
    run(&[&["render"], &film[..], &first].concat());
    assert_eq!(estimate(&[]), None);
    let second = ["upscale", "low", "--model=./upscale", "--upscale-steps=2"];
    let rest = ["--upscale-frames=2", "--frames-dir=high"];
    run(&[&second[..], &rest].concat());
    let few = estimate(&["--upscale-frames=2"]).unwrap();
    let many = estimate(&["--upscale-frames=9"]).unwrap();
    assert!(few > 0.0 && many > few, "{few}, {many}");
    assert!(estimate(&["--measure"]).is_some_and(|seconds| seconds > 0.0));
}
