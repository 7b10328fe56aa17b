//! A job that is written and read again is the same job.

use std::path::{Path, PathBuf};

use lb_blend::{SamplerKind, SpacingDistance};
use lb_schedule::{BranchingRule, Choice, Crossfeed, CrossfeedCurve, Easing, Quality, Spacing};
use proptest::prelude::*;

use crate::{
    Between, Branching, DepthMap, Fit, Injections, Inpaint, Job, JobSettings, Keyframe, Timing,
    Transition, Upscale,
};

/// Any finite number, including those that no film can have.
fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
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
    prop_oneof![
        (prop::sample::select(Quality::ALL), depth()).prop_map(|(quality, depth_strength)| {
            Branching::Preset {
                quality,
                rule: BranchingRule::Classic,
                depth_strength,
            }
        }),
        (any::<usize>(), any::<usize>(), depth()).prop_map(|(steps, frames, depth_strength)| {
            Branching::Autosetup {
                steps,
                frames,
                rule: BranchingRule::default(),
                depth_strength,
            }
        }),
        (
            any::<usize>(),
            prop::collection::vec(any::<usize>(), 0..4),
            injections
        )
            .prop_map(|(steps, branch_counts, injections)| Branching::Manual {
                steps,
                branch_counts,
                injections
            }),
    ]
}

fn keyframe() -> impl Strategy<Value = Keyframe> {
    let alike = prop_oneof![Just(String::new()), text()];
    (
        text(),
        alike,
        any::<u64>(),
        prop_oneof![Just(4.0), number()],
        prop_oneof![Just(0.0), number()],
        prop::option::of(path()),
    )
        .prop_map(
            |(prompt, negative_prompt, seed, guidance_scale, hold, image)| Keyframe {
                prompt,
                negative_prompt,
                seed,
                guidance_scale,
                hold,
                image,
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
        },
    )
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
        prop::option::of(path().prop_map(|path| path.to_string_lossy().into_owned())),
        prop::option::of(any::<(usize, usize)>()),
        prop::sample::select(SamplerKind::ALL),
        prop_oneof![
            Just(Spacing::Perceptual),
            number().prop_map(|mid_compression| Spacing::Fixed { mid_compression })
        ],
        any::<bool>(),
        number(),
        prop::option::of(number()),
        crossfeed(),
    );
    let inputs = (
        prop::option::of(prop::sample::select(Fit::ALL)),
        prop::option::of((path(), path(), number())),
        prop::option::of(path()),
        prop::option::of(upscale()),
        prop::sample::select(Timing::ALL),
        prop::sample::select(Between::ALL),
        (any::<usize>(), any::<usize>()),
    );
    (keyframes, film, inputs).prop_map(
        |(
            (looped, keyframes, transitions),
            (model, size, sampler, spacing, pictures, frames_per_second, film_seconds, crossfeed),
            (fit, inpaint, depth, upscale, timing, between, (inversion_iterations, scale)),
        )| Job {
            // Without pictures, it is not written.
            inversion_iterations: if keyframes.iter().any(|at| at.image.is_some()) {
                inversion_iterations
            } else {
                Job::default().inversion_iterations
            },
            keyframes,
            transitions,
            looped,
            model,
            size,
            scale,
            sampler,
            spacing,
            distance: if pictures {
                SpacingDistance::Pictures
            } else {
                SpacingDistance::Latents
            },
            crossfeed,
            timing,
            between,
            frames_per_second,
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
    let text = "model = \"models/mine\"\n[depth]\nimage = \"map.png\"\n\
                [[keyframe]]\nimage = \"/pictures/a.png\"\n[[keyframe]]\nprompt = \"b\"\n\
                [upscale]\nmodel = \"x4\"\n";
    let mut job = JobSettings::parse(text, Path::new("films/one.toml"))
        .unwrap()
        .resolve()
        .unwrap();
    assert_eq!(job.model.as_deref(), Some("films/models/mine"));
    assert_eq!(
        job.depth.as_ref().unwrap().image,
        Path::new("films/map.png")
    );
    let image = job.keyframes[0].image.as_deref();
    assert_eq!(image, Some(Path::new("/pictures/a.png")));
    assert_eq!(job.upscale.as_ref().unwrap().model, "x4");

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
    job.size = Some((512, 768));
    job.scale = 4;
    job.film_seconds = Some(12.5);
    job.spacing = Spacing::Fixed {
        mid_compression: 1.5,
    };
    job.fit = Some(Fit::Pad);
    job.crossfeed.parents.power = 0.25;
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
    job.keyframes[2].hold = 1e-7;
    job.transitions[0].branching = Branching::Preset {
        quality: Quality::High,
        rule: BranchingRule::Classic,
        depth_strength: 0.3,
    };
    job.transitions[1].seconds = 5.0;
    job.transitions[1].easing = Easing::EaseInOutSine;
    job.transitions[1].branching = Branching::Autosetup {
        steps: 60,
        frames: 9,
        rule: BranchingRule::default(),
        depth_strength: 0.4,
    };
    job.transitions[2].branching = Branching::Manual {
        steps: 60,
        branch_counts: vec![2, 4, 8],
        injections: Injections::Strengths(vec![0.0, 0.25, 0.5]),
    };
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
