//! Films with a camera.

use image::RgbImage;
use serde_json::Value;

use crate::lb::Folder;
use crate::pictures::{distance, sequence};

/// A film that rests on one picture, of which nothing but two keyframes is computed.
const STILL: &[&str] = &[
    "render",
    "--from=a.png",
    "--to=a.png",
    "--steps=1",
    "--frames=2",
    "--between=pictures",
    "--size=128x128",
];

/// A picture that is similar to itself: enlarged around its middle by any factor, it has the same structure at every
/// distance from there. Whatever moves through it at one speed therefore changes it by the same amount.
fn self_similar(side: u32) -> RgbImage {
    let middle = f64::from(side) / 2.0;
    RgbImage::from_fn(side, side, |x, y| {
        let (x, y) = (f64::from(x) + 0.5 - middle, f64::from(y) + 0.5 - middle);
        let (radius, angle) = (x.hypot(y), y.atan2(x));
        // Near the middle, the structure is finer than pixels.
        let fade = ((radius - 6.0) / 6.0).clamp(0.0, 1.0);
        let wave = |turns: f64, phase: f64| {
            (8.0 * radius.ln() + turns * angle + phase).sin() * fade * 50.0 + 128.0
        };
        let [red, green, blue] = [(3.0, 0.0), (-2.0, 1.0), (5.0, 2.0)]
            .map(|(turns, phase)| wave(turns, phase).round() as u8);
        image::Rgb([red, green, blue])
    })
}

fn folder() -> Folder {
    let folder = Folder::new();
    self_similar(128).save(folder.join("a.png")).unwrap();
    folder
}

fn variation(folder: &Folder, arguments: &[&str]) -> f64 {
    let measured = folder.facts(arguments);
    measured["overall"]["coefficient_of_variation"]
        .as_f64()
        .unwrap_or_else(|| panic!("{measured}"))
}

#[test]
fn a_still_picture_is_zoomed_at_one_speed() {
    let folder = folder();
    for zoom in ["--zoom=1.0..1.6", "--zoom=2.5..1"] {
        let film = [
            "--seconds=10",
            "--fps=10",
            "--scale=2",
            "-o=film",
            "--force",
        ];
        let facts = folder.facts(&[STILL, &film, &[zoom]].concat());
        assert_eq!(
            (&facts["film_frames"], &facts["width"]),
            (&100.into(), &256.into())
        );
        let variation = variation(&folder, &["measure", "film"]);
        assert!(variation <= 0.02, "{zoom}: {variation}");
    }
}

#[test]
fn what_was_zoomed_in_and_out_is_as_it_was() {
    let folder = folder();
    let job = "loop = true\nfps = 8\n[camera]\neasing = \"smooth\"\n[defaults]\nsteps = 1\nframes = 2\n\
               seconds = 1\nhold = 0.25\n\
               [[keyframe]]\nimage = \"a.png\"\nzoom = 1\nrotation = 0\n\
               [[keyframe]]\nimage = \"a.png\"\nzoom = 2\npan = \"0.3,-1\"\nrotation = 20\n";
    std::fs::write(folder.join("film.toml"), job).unwrap();
    let film = ["render", "film.toml", "--between=pictures", "-o=film"];
    folder.facts(&film);
    let frames = sequence(&folder.join("film"));
    assert_eq!(frames.len(), 20);
    // The first keyframe is held in frames 0 to 2, and the second one, eight frames later, in 10 to 12.
    assert!(frames[0] == self_similar(128) && frames[0] == frames[2]);
    assert!(frames[10] == frames[11] && frames[11] == frames[12]);
    for passed in 1..8 {
        assert!(frames[2 + passed] == frames[20 - passed], "frame {passed}");
        assert!(frames[2 + passed] != frames[1 + passed], "frame {passed}");
    }
}

#[test]
fn an_endless_zoom_goes_on_where_it_begins_again() {
    let folder = folder();
    let film = [
        "--seconds=2",
        "--fps=10",
        "--loop",
        "--zoom=1..2",
        "-o=film",
    ];
    folder.facts(&[STILL, &film].concat());
    let frames = sequence(&folder.join("film"));
    assert_eq!(frames.len(), 40);
    let steps: Vec<f64> = (0..40)
        .map(|frame| distance(&frames[frame], &frames[(frame + 1) % 40]))
        .collect();
    let before = steps[..20].iter().sum::<f64>() / 20.0;
    let largest = steps.iter().copied().fold(0.0, f64::max);
    assert!(largest < 1.4 * before, "{steps:?}");
    // Without the dissolve, the last step would be from twice the size to the whole picture.
    assert!(distance(&frames[0], &frames[19]) > 3.0 * before);
}

#[test]
fn computed_frames_and_the_cache_know_nothing_of_the_camera() {
    let folder = Folder::new();
    let film = [
        "render",
        "a red apple",
        "a green pear",
        "--steps=4",
        "--frames=3",
        "--fps=4",
    ];
    let outputs = |name| {
        [
            "--seconds=1".to_owned(),
            format!("-o={name}"),
            format!("--frames-dir={name}-computed"),
        ]
    };
    let render = |name, camera: &[&str]| -> Value {
        let outputs = outputs(name);
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        folder.facts(&[&film[..], &outputs, camera].concat())
    };
    let plain = render("plain", &[]);
    let moved = render("moved", &["--zoom=1..2", "--scale=2"]);
    assert!(
        plain["evaluations"].as_u64() > Some(0) || plain["decodes"].as_u64() > Some(0),
        "{plain}"
    );
    assert_eq!(moved["decodes"], 0, "{moved}");
    assert_eq!(
        sequence(&folder.join("plain-computed")),
        sequence(&folder.join("moved-computed"))
    );
    let [plain, moved] = ["plain", "moved"].map(|name| sequence(&folder.join(name)));
    assert_eq!(plain.len(), moved.len());
    assert_eq!(moved[0].width(), 2 * plain[0].width());
}

#[test]
fn one_can_look_past_the_camera() {
    let overall = |folder: &Folder, arguments: &[&str], name: &str| {
        let measured = folder.facts(arguments);
        measured["overall"][name].as_f64().unwrap()
    };
    let camera = ["--zoom=1..1.5", "--rotation=0..3", "--scale=2", "-o=moved"];
    let time = ["--seconds=2", "--fps=10"];

    // Of a still picture, what resampling twice has changed is left.
    let folder = folder();
    folder.facts(&[STILL, &time, &camera].concat());
    let moved = overall(&folder, &["measure", "moved"], "mean_distance");
    let past = ["measure", "moved", "--past-camera"];
    let past = overall(&folder, &past, "mean_distance");
    assert!(
        past < 0.15 * moved,
        "{past} past the camera, {moved} with it"
    );

    // A morph goes the same way as without the camera.
    let folder = Folder::new();
    let film = [
        "render",
        "a red apple",
        "a green pear",
        "--steps=6",
        "--frames=5",
    ];
    folder.facts(&[&film[..], &time, &["-o=plain"]].concat());
    folder.facts(&[&film[..], &time, &camera].concat());
    let directness = |arguments: &[&str]| overall(&folder, arguments, "directness");
    let plain = directness(&["measure", "plain"]);
    let moved = directness(&["measure", "moved"]);
    let past = directness(&["measure", "moved", "--past-camera"]);
    assert!((past - plain).abs() < 0.1, "{past} and {plain}");
    assert!((moved - plain).abs() > 0.1, "{moved} and {plain}");
    let refused = folder.run(&["measure", "plain", "--past-camera"]);
    assert_eq!(refused.code, Some(2), "{}", refused.error);
    assert!(
        refused.error.contains("without a camera"),
        "{}",
        refused.error
    );
}

#[test]
fn what_a_camera_cannot_show_is_refused_before_anything_is_computed() {
    let folder = folder();
    for (flags, words) in [
        (&["--zoom=0.9"][..], "a zoom must be 1 to 100"),
        (&["--zoom=big"], "as in 1..1.6"),
        (&["--pan=1,0"], "a pan needs a zoom above 1"),
        (&["--zoom=2", "--pan=2,0"], "a pan must be -1 to 1"),
        (&["--rotation=10"], "needs a zoom of at least 1.159"),
        (
            &["--zoom=2", "--pan=-1,0..1,0", "--loop"],
            "a loop must end with the pan",
        ),
    ] {
        let refused = folder.run(&[STILL, flags, &["-o=film.mp4"]].concat());
        assert_eq!(refused.code, Some(2), "{flags:?}: {}", refused.error);
        assert!(
            refused.error.contains(words),
            "{flags:?}: {}",
            refused.error
        );
    }
}

/// A film of 1280x720 pixels in a folder of pictures. Its computed frames have a fifth of that width and height.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_a_large_film() {
    let folder = folder();
    let peak = |seconds: &str| {
        let large = [
            "--size=256x144",
            "--scale=5",
            "--fps=4",
            "--zoom=1..1.5",
            "--rotation=0..5",
        ];
        let film = [seconds, "--threads=1", "--no-cache", "-o=film", "--force"];
        let still: Vec<&str> = STILL
            .iter()
            .copied()
            .filter(|flag| !flag.starts_with("--size"))
            .collect();
        let facts = folder.facts(&[&still[..], &large, &film].concat());
        assert_eq!(
            (&facts["width"], &facts["height"]),
            (&1280.into(), &720.into())
        );
        facts["peak_memory"].as_f64().unwrap()
    };
    let (short, long) = (peak("--seconds=2"), peak("--seconds=8"));
    assert!(
        long <= 1.1 * short,
        "{:.1} MB for 32 frames, {:.1} MB for 8",
        long / 1e6,
        short / 1e6
    );
}
