//! Films and jobs of strangers: they name only what lies in their own folder, unless the user confirms more.
//! What is published does not tell where it was made.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use lb_models::testing::write_tiny_model;
use lb_video::{FilmOptions, FilmWriter, PngFile};

use crate::lb::{Folder, Said, warnings};
use crate::pictures::{read, sequence};

/// Writes a film that carries this job.
pub(crate) fn film(path: &Path, job: &str) {
    let options = FilmOptions {
        description: Some(job.into()),
        overwrite: true,
        ..FilmOptions::default()
    };
    let mut film = FilmWriter::create(path, 64, 64, &options).unwrap();
    for grey in [0, 100, 200] {
        let frame = RgbImage::from_pixel(64, 64, Rgb([grey; 3]));
        film.write(Arc::new(frame)).unwrap();
    }
    film.finish().unwrap();
}

/// Writes a folder of frames that carry this job.
fn frames(folder: &Path, job: &str, size: u32) {
    fs::create_dir_all(folder).unwrap();
    for index in 0..2 {
        let mut file = PngFile::create(folder.join(format!("frame_{index:04}.png")), true).unwrap();
        file.write(&RgbImage::new(size, size), Some(job)).unwrap();
        file.publish().unwrap();
    }
}

const KEYFRAMES: &str = "size = \"64x64\"\n[[keyframe]]\nprompt = \"red leaf\"\n\
                         [[keyframe]]\nprompt = \"blue sea\"\n";

const SMALL: &[&str] = &["--steps=1", "--frames=2", "--frames-dir=out"];

/// A folder with a downloaded one in it, and beside that a secret picture, model and job file.
fn folder() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.join("downloads")).unwrap();
    let secret = RgbImage::from_pixel(64, 64, Rgb([200, 10, 30]));
    secret.save(folder.join("secret.png")).unwrap();
    write_tiny_model("sd21", &folder.join("secret")).unwrap();
    fs::write(folder.join("secret.toml"), "fps = 12\n").unwrap();
    folder
}

/// Jobs, each with what it names outside of `downloads`.
fn jobs(folder: &Folder) -> Vec<(String, String)> {
    let absolute = |name: &str| folder.join(name).to_str().unwrap().replace('\\', "/");
    let mut jobs = Vec::new();
    for path in [
        &absolute("secret.png")[..],
        "../secret.png",
        "a/../../secret.png",
    ] {
        for key in [
            "image = ",
            "[inpaint]\nmask = \"inside.png\"\nimage = ",
            "[inpaint]\nimage = \"inside.png\"\nmask = ",
            "[depth]\nimage = ",
        ] {
            jobs.push((format!("{KEYFRAMES}{key}\"{path}\"\n"), "secret.png".into()));
        }
    }
    for path in [&absolute("secret")[..], "../secret"] {
        for key in ["vae", "model", "upscale.model"] {
            let job = format!("{key} = \"{path}\"\n{KEYFRAMES}");
            jobs.push((job, "secret".into()));
        }
    }
    jobs.push((format!("model = \"..\"\n{KEYFRAMES}"), "..".into()));
    for path in [
        &absolute("secret.toml")[..],
        "../secret.toml",
        "../missing.toml",
    ] {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        jobs.push((format!("include = \"{path}\"\n{KEYFRAMES}"), name.into()));
    }
    jobs
}

#[test]
fn a_job_names_nothing_outside_of_its_folder() {
    let folder = folder();
    RgbImage::new(64, 64)
        .save(folder.join("downloads/inside.png"))
        .unwrap();
    for (job, named) in jobs(&folder) {
        film(&folder.join("downloads/film.gif"), &job);
        fs::write(folder.join("downloads/film.toml"), &job).unwrap();
        frames(&folder.join("downloads/frames"), &job, 64);
        for source in ["film.gif", "film.toml", "frames"] {
            let said = folder.run(&[&["render", &format!("downloads/{source}")], SMALL].concat());
            said.assert_refused(2, &[&named, "outside", source, "--allow-paths"]);
        }
        // Only the pictures of keyframes are of no use to a sheet of seeds.
        if !job.contains("\nimage") || job.contains("[") && !job.contains("blue sea\"\nimage") {
            let said = folder.run(&["seeds", "downloads/film.gif", "-o=sheet.png"]);
            said.assert_refused(2, &[&named, "outside", "--allow-paths"]);
        }
        assert!(!folder.join("out").exists() && !folder.join("sheet.png").exists());
    }
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_folder() {
    use std::os::unix::fs::symlink;

    let folder = folder();
    symlink(folder.join("secret.png"), folder.join("downloads/a.png")).unwrap();
    symlink(folder.path(), folder.join("downloads/up")).unwrap();
    for name in ["a.png", "up/secret.png"] {
        let job = format!("{KEYFRAMES}image = \"{name}\"\n");
        film(&folder.join("downloads/film.gif"), &job);
        let said = folder.run(&[&["render", "downloads/film.gif"], SMALL].concat());
        said.assert_refused(2, &[name, "outside", "--allow-paths"]);
    }
}

#[test]
fn what_the_user_allows_is_used_and_told() {
    let folder = folder();
    let job = format!("{KEYFRAMES}image = \"../secret.png\"\n");
    film(&folder.join("downloads/film.gif"), &job);
    fs::write(folder.join("downloads/film.toml"), &job).unwrap();
    for source in ["downloads/film.gif", "downloads/film.toml"] {
        let more = ["--allow-paths", "--force"];
        let said = folder.run(&[&["render", source], SMALL, &more].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
        let told = warnings(&said.error).concat();
        assert!(
            told.contains("secret.png") && told.contains(source),
            "{}",
            said.error
        );
        let frames = sequence(&folder.join("out"));
        assert!(frames.last().unwrap() == &read(&folder.join("secret.png")));
    }
    // A plan needs no pictures, and a flag of the user's may name any.
    let said = folder.run(&["plan", "downloads/film.gif"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    film(&folder.join("downloads/film.gif"), KEYFRAMES);
    let from = ["--from=secret.png", "--force"];
    let said = folder.run(&[&["render", "downloads/film.gif"], SMALL, &from].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(!said.error.contains("outside"), "{}", said.error);
}

/// A film without a size has that of its first picture, but a plan does not look at one that it must not.
#[test]
fn a_plan_opens_nothing_outside_of_the_folder() {
    let folder = folder();
    let keyframes = KEYFRAMES.replace("size = \"64x64\"\n", "");
    let first = "[[keyframe]]\nimage = \"../secret.png\"\n";
    fs::write(
        folder.join("downloads/film.toml"),
        format!("{first}{keyframes}"),
    )
    .unwrap();
    let told = || {
        let said = folder.run(&["plan", "downloads/film.toml", "--measure", "--steps=1"]);
        (said.code, said.output, said.error)
    };
    let there = told();
    fs::remove_file(folder.join("secret.png")).unwrap();
    assert_eq!(told(), there);
}

#[test]
fn what_a_flag_replaces_needs_no_permission() {
    let folder = folder();
    let job = format!("model = \"../secret\"\nvae = \"../secret\"\n{KEYFRAMES}");
    film(&folder.join("downloads/film.gif"), &job);
    let flags = ["--model=./secret", "--vae=secret"];
    let said = folder.run(&[&["render", "downloads/film.gif"], SMALL, &flags].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    let said = folder.run(&[&["render", "downloads/film.gif"], SMALL, &flags[..1]].concat());
    said.assert_refused(2, &["secret", "outside"]);
}

/// Measuring needs nothing that a film names, and so it reads nothing of that.
#[test]
fn measuring_a_film_reads_nothing_else() {
    let folder = folder();
    for (job, _) in jobs(&folder) {
        film(&folder.join("downloads/film.gif"), &job);
        let said = folder.run(&["measure", "downloads/film.gif"]);
        assert_eq!(said.code, Some(0), "{job}: {}", said.error);
    }
}

/// An upscaled film carries the job of its frames, with hashes of pictures: those of no others than the
/// frames' own.
#[test]
fn upscaling_frames_reads_nothing_else() {
    let folder = folder();
    write_tiny_model("upscale", &folder.join("upscale")).unwrap();
    let secret = folder.join("secret.png");
    let secret = secret.to_str().unwrap().replace('\\', "/");
    let job = format!(
        "model = \"../../secret\"\n[defaults]\nsteps = 2\nframes = 2\n[[keyframe]]\nprompt = \"a\"\n\
         [[keyframe]]\nprompt = \"b\"\nimage = \"{secret}\"\n"
    );
    frames(&folder.join("downloads/frames"), &job, 16);
    let upscale = ["upscale", "downloads/frames", "--model=./upscale"];
    let small = ["--upscale-steps=2", "--upscale-frames=2", "-o=film.gif"];
    let said = folder.run(&[&upscale[..], &small].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    let shown = folder.run(&["show", "film.gif"]).output;
    assert!(
        !shown.contains("sha256") && shown.contains("secret.png"),
        "{shown}"
    );
    assert!(
        !shown.contains(&*folder.path().to_string_lossy()),
        "{shown}"
    );
}

#[test]
fn outputs_of_every_kind_do_not_tell_where_they_were_made() {
    let folder = Folder::new();
    let private = folder.join("private/deep");
    write_tiny_model("sd21", &private.join("sd21")).unwrap();
    write_tiny_model("upscale", &private.join("upscale")).unwrap();
    RgbImage::new(64, 64).save(private.join("a.png")).unwrap();
    fs::create_dir_all(folder.join("public/films")).unwrap();
    let path = |name: &str| private.join(name).to_str().unwrap().to_owned();
    let inputs = [
        format!("--model={}", path("sd21")),
        format!("--vae={}", path("sd21/../sd21")),
        format!("--upscale={}", path("upscale/..")) + "/upscale",
        format!("--to={}", path("a.png")),
    ];
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let small = [
        "--steps=2",
        "--frames=2",
        "--upscale-steps=2",
        "--upscale-frames=2",
        "--seconds=0.2",
        "--timestep-spacing=trailing",
    ];
    for output in ["film.mp4", "film.gif", "film.webp", "film"] {
        let outputs = [
            format!("--output=public/films/{output}"),
            format!("--frames-dir=public/films/frames-of-{output}"),
            format!("--contact-sheet=public/films/sheet-of-{output}.png"),
        ];
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let said = folder.run(&[&["render", "red leaf"], &inputs[..], &small, &outputs].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
    }
    let sheet = [
        "seeds",
        "red leaf",
        "--seeds=0..1",
        "--steps=2",
        "-o=public/films/seeds.png",
    ];
    let still = [
        "render",
        "red leaf",
        "--steps=2",
        "-o=public/films/still.png",
    ];
    for arguments in [&sheet[..], &still] {
        let said =
            folder.run(&[arguments, &inputs[..2], &["--timestep-spacing=trailing"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
    }
    let home = folder.path().to_str().unwrap().to_owned();
    let mut carriers = 0;
    for name in folder.contents() {
        let path = folder.join(&name);
        if !name.starts_with("public/films/") {
            continue;
        }
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            for word in [home.as_bytes(), b"private", b"deep"] {
                let is_told = bytes.windows(word.len()).any(|part| part == word);
                assert!(!is_told, "{name}: {}", String::from_utf8_lossy(word));
            }
        }
        let shown: Said = folder.run(&["show", &name]);
        assert_eq!(shown.code, Some(0), "{name}: {}", shown.error);
        assert!(
            !shown.output.contains("private"),
            "{name}: {}",
            shown.output
        );
        assert!(
            shown.output.contains("model = \"sd21\""),
            "{name}: {}",
            shown.output
        );
        carriers += 1;
    }
    assert!(carriers > 12, "{carriers}");
}
