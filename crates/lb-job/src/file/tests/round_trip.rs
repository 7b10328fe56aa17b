//! A job that is written and read again is the same job.

use std::path::{Path, PathBuf};

use lb_blend::{SamplerKind, SpacingDistance, TimestepSpacing};
use lb_prompt::PromptSyntax;
use lb_schedule::{
    BranchingRule, Choice, Crossfeed, CrossfeedCurve, Easing, FrameRate, GuidanceRescale, Pace,
    Quality, Spacing,
};
use proptest::prelude::*;

use crate::{
    Between, Branching, DepthMap, EmbeddingFile, FilmCamera, Fit, Frames, FromTo, Injections,
    Inpaint, Job, JobSettings, Keyframe, KeyframeCamera, KeyframeLora, Levels, Pan, Timing,
    Transition, Upscale, Variation,
};

/// Any finite number, including those that no film can have.
fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
}

fn frame_rate() -> impl Strategy<Value = FrameRate> {
    let fractions = (1..100_000_u32, 1..2000_u32);
    let valid = |(numerator, denominator)| FrameRate::fraction(numerator, denominator).ok();
    let decimals = prop::sample::select(vec![23.976, 24.0, 29.97, 12.5, 0.1, 1000.0]);
    prop_oneof![
        fractions.prop_filter_map("a rate that a film can have", valid),
        decimals.prop_map(|rate| FrameRate::new(rate).unwrap()),
    ]
}

/// Any text that a prompt may be, quotes, line ends and control characters included.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z \"'\\\\\n\r\t#=\\[\\]\0]{0,20}"]
}

fn path() -> impl Strategy<Value = PathBuf> {
    "[a-zA-Z0-9 ü'\"]{1,8}(/[a-z.#]{1,8}){0,3}".prop_map(PathBuf::from)
}

fn branching() -> impl Strategy<Value = Branching> {
    let depth = number;
    let injections = prop_oneof![
        prop::collection::vec(any::<usize>(), 0..4).prop_map(Injections::Steps),
        prop::collection::vec(number(), 0..4).prop_map(Injections::Strengths),
    ];
    let frames = || {
        prop_oneof![
            any::<usize>().prop_map(Frames::Number),
            (1..9_u32, 9..20_u32).prop_map(|(numerator, denominator)| Frames::Share {
                numerator,
                denominator
            }),
            Just(Frames::FILM),
        ]
    };
    let automatic = (
        prop::sample::select(BranchingRule::ALL),
        prop::option::of(frames()),
        depth(),
    )
        .prop_map(|(rule, frames, depth_strength)| Levels::Automatic {
            rule,
            frames,
            depth_strength,
        });
    let manual = (prop::collection::vec(any::<usize>(), 0..4), injections).prop_map(
        |(branch_counts, injections)| Levels::Manual {
            branch_counts,
            injections,
        },
    );
    (
        prop::sample::select(Quality::ALL),
        prop::option::of(any::<usize>()),
        prop::option::of(frames()),
        prop_oneof![automatic, manual],
    )
        .prop_map(|(quality, steps, pictures, levels)| Branching {
            quality,
            steps,
            pictures,
            levels,
        })
}

fn lora() -> impl Strategy<Value = KeyframeLora> {
    (path(), number()).prop_map(|(path, strength)| KeyframeLora { path, strength })
}

fn embedding() -> impl Strategy<Value = EmbeddingFile> {
    let name = prop_oneof![Just("<toy>"), Just("my style"), Just("a.b")];
    (path(), name).prop_map(|(path, name)| EmbeddingFile {
        path,
        name: name.into(),
    })
}

fn keyframe() -> impl Strategy<Value = Keyframe> {
    let alike = prop_oneof![Just(String::new()), text()];
    (
        text(),
        alike,
        any::<u64>(),
        // A guidance scale of 0 is read as 1.
        prop_oneof![
            Just(4.0),
            number().prop_filter("guided", |scale| *scale != 0.0)
        ],
        prop_oneof![Just(0.0), number()],
        prop::option::of(path()),
        prop::collection::vec(lora(), 0..3),
    )
        .prop_map(
            |(prompt, negative_prompt, seed, guidance_scale, hold, image, loras)| Keyframe {
                prompt,
                negative_prompt,
                seed,
                variation: seed.is_multiple_of(3).then_some(Variation {
                    seed: seed / 3,
                    strength: 0.3,
                }),
                guidance_scale,
                hold,
                image,
                loras,
                camera: KeyframeCamera {
                    zoom: seed.is_multiple_of(5).then_some(guidance_scale),
                    pan: seed.is_multiple_of(4).then_some(Pan { x: hold, y: -1.0 }),
                    rotation: seed.is_multiple_of(2).then_some(hold),
                },
            },
        )
}

fn transition() -> impl Strategy<Value = Transition> {
    let branching = prop_oneof![Just(Branching::default()), branching()];
    let easing = prop::sample::select(Easing::ALL);
    (number(), branching, number(), easing).prop_map(
        |(seconds, branching, guidance_damper, easing)| Transition {
            seconds,
            branching,
            guidance_damper,
            easing,
            pace: pace_of(seconds),
        },
    )
}

/// An even pace or another one, as the number is.
fn pace_of(number: f64) -> Pace {
    match number.to_bits().is_multiple_of(2) {
        true => Pace::EVEN,
        false => Pace::new(vec![0.0, 0.125, 1.0 / 3.0, 1.0]).unwrap(),
    }
}

fn crossfeed() -> impl Strategy<Value = Crossfeed> {
    let curve = || {
        (number(), number(), number()).prop_map(|(power, range, decay)| CrossfeedCurve {
            power,
            range,
            decay,
        })
    };
    let both =
        (curve(), curve()).prop_map(|(keyframes, parents)| Crossfeed::new(keyframes, parents));
    prop_oneof![Just(Crossfeed::default()), both]
}

fn camera() -> impl Strategy<Value = FilmCamera> {
    let pan = || (number(), number()).prop_map(|(x, y)| Pan { x, y });
    let numbers = || (number(), number()).prop_map(|(from, to)| FromTo { from, to });
    let pans = (pan(), pan()).prop_map(|(from, to)| FromTo { from, to });
    let easing = prop::sample::select(Easing::ALL);
    (numbers(), pans, numbers(), easing).prop_map(|(zoom, pan, rotation, easing)| FilmCamera {
        zoom,
        pan,
        rotation,
        easing,
    })
}

fn upscale() -> impl Strategy<Value = Upscale> {
    let wholes = (any::<usize>(), any::<usize>(), any::<usize>());
    (path(), wholes, number(), any::<u64>()).prop_map(
        |(model, (steps, frames, noise_level), depth_strength, seed)| Upscale {
            model: model.to_string_lossy().into_owned(),
            steps,
            frames,
            depth_strength,
            noise_level,
            seed,
        },
    )
}

fn job() -> impl Strategy<Value = Job> {
    let keyframes = (any::<bool>(), prop::collection::vec(keyframe(), 2..6)).prop_flat_map(
        |(looped, keyframes)| {
            let count = Job::transition_count(keyframes.len(), looped);
            let transitions = prop::collection::vec(transition(), count);
            (Just(looped), Just(keyframes), transitions)
        },
    );
    let film = (
        (
            prop::option::of(path().prop_map(|path| path.to_string_lossy().into_owned())),
            prop::option::of(path()),
        ),
        prop::option::of(any::<(usize, usize)>()),
        (
            prop::sample::select(SamplerKind::ALL),
            prop::option::of(prop::sample::select(TimestepSpacing::ALL)),
        ),
        prop_oneof![
            Just(Spacing::Perceptual),
            number().prop_map(|mid_compression| Spacing::Fixed { mid_compression })
        ],
        any::<bool>(),
        frame_rate(),
        prop::option::of(number()),
        (crossfeed(), camera()),
    );
    let inputs = (
        prop::option::of(prop::sample::select(Fit::ALL)),
        prop::option::of((path(), path(), number())),
        prop::option::of(path()),
        prop::option::of(upscale()),
        prop::sample::select(Timing::ALL),
        prop::sample::select(Between::ALL),
        (
            any::<usize>(),
            any::<usize>(),
            (
                prop::sample::select(PromptSyntax::ALL),
                prop::option::of(any::<usize>()),
                prop::collection::vec(embedding(), 0..3),
            ),
            (
                prop::option::of(
                    (0.0..=1.0).prop_map(|share| GuidanceRescale::new(share).unwrap()),
                ),
                any::<usize>(),
            ),
        ),
    );
    (keyframes, film, inputs).prop_map(
        |(
            (looped, keyframes, transitions),
            (
                (model, vae),
                size,
                (sampler, timestep_spacing),
                spacing,
                pictures,
                frame_rate,
                film_seconds,
                (crossfeed, camera),
            ),
            (
                fit,
                inpaint,
                depth,
                upscale,
                timing,
                between,
                (
                    inversion_iterations,
                    scale,
                    (prompt_syntax, clip_skip, embeddings),
                    (guidance_rescale, guidance_every),
                ),
            ),
        )| Job {
            inversion_iterations,
            keyframes,
            transitions,
            still_steps: None,
            looped,
            model,
            vae,
            embeddings,
            prompt_syntax,
            clip_skip,
            size,
            scale,
            guidance_rescale,
            guidance_every,
            sampler,
            timestep_spacing,
            spacing,
            distance: if pictures {
                SpacingDistance::Pictures
            } else {
                SpacingDistance::Latents
            },
            crossfeed,
            camera,
            timing,
            between,
            frame_rate,
            film_seconds,
            fit,
            inpaint: inpaint.map(|(image, mask, feather)| Inpaint {
                image,
                mask,
                feather,
            }),
            depth: depth.map(|image| DepthMap { image }),
            upscale,
        },
    )
}

proptest! {
    #[test]
    fn a_job_survives_its_file(job in job()) {
        let text = job.to_toml().unwrap();
        let read = JobSettings::parse(&text, Path::new("film.toml"));
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read.resolve().unwrap(), job, "{}", text);
    }

    #[test]
    fn stills_survive_their_file(film in job(), steps in any::<usize>(), count in 1_usize..6) {
        let keyframes = film.keyframes.iter().cycle().take(count).cloned();
        let keyframes: Vec<Keyframe> = keyframes.collect();
        let job = Job {
            keyframes,
            transitions: Vec::new(),
            still_steps: Some(steps),
            looped: false,
            crossfeed: Crossfeed::default(),
            camera: FilmCamera::default(),
            ..film
        };
        let text = job.to_toml().unwrap();
        let read = JobSettings::parse(&text, Path::new("stills.toml"));
        let read = read.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read.resolve().unwrap(), job, "{}", text);
    }
}

#[test]
fn what_only_films_have_is_not_written_for_stills() {
    let job = Job::of_stills(Job::of_prompts(["an owl"]).keyframes, 12);
    let text = job.to_toml().unwrap();
    assert!(text.contains("\nstills = true\n"), "{text}");
    assert!(text.contains("\nsteps = 12\n"), "{text}");
    for key in ["seconds", "quality", "depth_strength", "easing", "damper"] {
        assert!(!text.contains(key), "{key}: {text}");
    }
}

#[test]
fn common_values_are_written_once() {
    let mut job = Job::of_prompts(["a", "b", "c"]);
    job.transitions[1].seconds = 5.0;
    let text = job.to_toml().unwrap();
    let count = |words: &str| text.matches(words).count();
    assert_eq!(count("guidance_scale"), 1, "{text}");
    assert_eq!(count("quality = \"medium\""), 1, "{text}");
    assert_eq!((count("seconds = 3.0"), count("seconds = 5.0")), (1, 1));
}

#[test]
fn a_job_that_is_too_large_to_be_read_is_not_written() {
    let job = Job::of_prompts(vec!["x".repeat(9000); 120]);
    let error = job.to_toml().unwrap_err();
    assert!(
        error.to_string().starts_with("the job is too large"),
        "{error}"
    );
}

#[test]
fn paths_are_relative_to_their_file() {
    let text = "model = \"../models/mine\"\nvae = \"taesd\"\nembedding = \"style.pt\"\n[depth]\nimage = \"map.png\"\n\
                [[keyframe]]\nimage = \"/pictures/a.png\"\n[[keyframe]]\nprompt = \"b\"\n\
                lora = [\"neon.pt:0.5\"]\n\
                [upscale]\nmodel = \"x4\"\n";
    let mut job = JobSettings::parse(text, Path::new("films/one.toml"))
        .unwrap()
        .resolve()
        .unwrap();
    assert_eq!(job.model.as_deref(), Some("films/../models/mine"));
    assert_eq!(job.vae.as_deref(), Some(Path::new("films/taesd")));
    assert_eq!(
        job.depth.as_ref().unwrap().image,
        Path::new("films/map.png")
    );
    let image = job.keyframes[0].image.as_deref();
    assert_eq!(image, Some(Path::new("/pictures/a.png")));
    assert_eq!(job.upscale.as_ref().unwrap().model, "x4");
    assert_eq!(job.keyframes[1].loras[0].path, Path::new("films/neon.pt"));
    assert_eq!(job.embeddings[0].path, Path::new("films/style.pt"));

    job.make_paths_absolute();
    assert!(job.paths_mut().all(|path| path.is_absolute()));
    assert!(Path::new(job.model.as_deref().unwrap()).is_absolute());
    assert_eq!(job.upscale.as_ref().unwrap().model, "x4");
}

/// A job that uses every key at least once.
fn full_job() -> Job {
    let mut job = Job::of_prompts([
        "a red \"apple\"",
        "a green\npear",
        "a lemon",
        "ein Pfirsich ü",
    ]);
    job.model = Some("pocket".into());
    job.vae = Some("/models/taesd".into());
    job.embeddings = vec![
        "/embeddings/it's.pt".parse().unwrap(),
        "/embeddings/learned_embeds.bin=<toy>".parse().unwrap(),
    ];
    job.size = Some((512, 768));
    job.scale = 4;
    job.film_seconds = Some(12.5);
    job.spacing = Spacing::Fixed {
        mid_compression: 1.5,
    };
    job.fit = Some(Fit::Pad);
    job.crossfeed.parents.power = 0.25;
    job.camera.zoom = FromTo { from: 1.0, to: 1.6 };
    job.camera.easing = Easing::Smooth;
    job.keyframes[0].camera.pan = Some(Pan { x: 0.5, y: -0.25 });
    job.keyframes[2].camera.rotation = Some(-3.5);
    job.prompt_syntax = PromptSyntax::Plain;
    job.clip_skip = Some(2);
    job.guidance_rescale = GuidanceRescale::new(0.7).ok();
    job.guidance_every = 2;
    job.timestep_spacing = Some(TimestepSpacing::Trailing);
    job.inpaint = Some(Inpaint {
        image: "/films/picture.png".into(),
        mask: "/films/mask.png".into(),
        feather: 4.0,
    });
    job.depth = Some(DepthMap {
        image: "/films/map's.png".into(),
    });
    job.upscale = Some(Upscale::with_model("pocket"));
    job.keyframes[0].image = Some("/films/apple.png".into());
    job.keyframes[0].guidance_scale = 1.0;
    job.keyframes[0].seed = 0;
    job.keyframes[1].seed = u64::MAX;
    job.keyframes[1].negative_prompt = "blurry".into();
    job.keyframes[1].loras = vec![
        "/loras/neon.safetensors:0.75".parse().unwrap(),
        "/loras/it's.pt".parse().unwrap(),
    ];
    job.keyframes[2].hold = 1e-7;
    job.transitions[0].branching = Branching {
        quality: Quality::High,
        steps: None,
        pictures: None,
        levels: Levels::Automatic {
            rule: BranchingRule::Classic,
            frames: Some(Frames::FILM),
            depth_strength: 0.3,
        },
    };
    job.transitions[1].seconds = 5.0;
    job.transitions[1].easing = Easing::EaseInOutSine;
    job.transitions[1].pace = Pace::new(vec![0.25, 1.0]).unwrap();
    job.transitions[1].branching = Branching::automatic(60, Frames::Number(9), 0.4);
    let injections = Injections::Strengths(vec![0.0, 0.25, 0.5]);
    job.transitions[2].branching = Branching::manual(60, vec![2, 4, 8], injections);
    job
}

/// Films carry this text and are compared byte by byte, so it must not change.
#[test]
fn the_text_has_not_changed() {
    let mut two = Job::of_prompts(["a red apple", "a green pear"]);
    two.model = Some("pocket".into());
    two.size = Some((512, 512));
    assert_eq!(two.to_toml().unwrap(), include_str!("two_prompts.toml"));
    assert_eq!(
        full_job().to_toml().unwrap(),
        include_str!("every_key.toml")
    );
}
