//! Second stages that take frames of an earlier render.

use std::path::{Path, PathBuf};

use lb_render::{
    Branching, EarlierFrames, FramePosition, Injections, Job, Outputs, RgbImage, Spacing,
};
use lb_video::{metadata, picture};

use crate::tiny_models::{TinyModel, frames, read, render};
use crate::upscale::{long_job, renderer};

#[test]
fn frames_that_were_rendered_earlier_make_the_same_film() {
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let job = long_job(3, 4, false);
    let whole = render(&renderer(&first, &upscaler), &job);
    let folder = tempfile::tempdir().unwrap();
    let frames_dir = |name: &str| Outputs {
        frames_dir: Some(folder.path().join(name)),
        ..Default::default()
    };
    let alone = Job {
        upscale: None,
        ..job.clone()
    };
    std::fs::create_dir(folder.path().join("run")).unwrap();
    let outputs = frames_dir("run/frames");
    first.renderer().render(&alone, &outputs, &mut ()).unwrap();

    let earlier = EarlierFrames::read(&folder.path().join("run")).unwrap();
    assert_eq!((earlier.count(), earlier.size()), (7, (64, 64)));
    let renderer = renderer(&upscaler, &upscaler);
    let outputs = frames_dir("upscaled");
    let summary = renderer.upscale(&job, &earlier, &outputs, &mut ()).unwrap();
    let upscaled = frames(&folder.path().join("upscaled"));
    assert!(
        upscaled == whole.computed,
        "the frames are those of one render"
    );
    // 7 keyframes of 2 steps: nothing of the first stage is computed.
    assert_eq!(summary.statistics.model_evaluations, 14);

    let refusal = |earlier: &EarlierFrames, job: &Job| {
        let outputs = frames_dir("refused");
        let error = renderer
            .upscale(job, earlier, &outputs, &mut ())
            .unwrap_err();
        assert!(error.is_request(), "{error}");
        error.to_string()
    };
    assert_eq!(
        refusal(&earlier, &long_job(3, 5, false)),
        "the film has 9 computed frames, but 7 were found"
    );
    let two = Some(vec![vec![0.0, 0.5, 1.0]; 2]);
    let message = refusal(&earlier.clone().with_fractions(two), &job);
    assert!(
        message.contains("[4, 4]") && message.contains("[3, 3]"),
        "{message}"
    );
    let error = EarlierFrames::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("contains no frames"), "{error}");
}

/// A picture in a folder, with the job and the position that it carries.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Saved {
    pub(crate) frame: RgbImage,
    pub(crate) job: Option<String>,
    pub(crate) position: Option<String>,
}

fn load(folder: &Path) -> Vec<Saved> {
    let count = frames(folder).len();
    let paths = (0..count).map(|index| folder.join(format!("frame_{index:04}.png")));
    let load = |path: PathBuf| {
        let ((width, height), pixels) = read(&path);
        Saved {
            frame: picture::from_rgb(width, height, pixels).unwrap(),
            job: metadata::read(&path).unwrap(),
            position: metadata::read_frame_text(&path).unwrap(),
        }
    };
    paths.map(load).collect()
}

pub(crate) fn position(transition: usize, fraction: f64) -> Option<String> {
    let fraction = format!("{fraction:?}").to_lowercase();
    Some(format!(
        "transition = {transition}\nfraction = {fraction}\n"
    ))
}

/// A job whose transitions have different numbers of frames and perceptual spacing.
fn uneven(looped: bool) -> Job {
    let mut job = long_job(3, 5, looped);
    for (frames, transition) in [3, 5, 5].into_iter().zip(&mut job.transitions) {
        transition.branching = Branching::manual(4, vec![2, frames], Injections::Steps(vec![0, 1]));
    }
    job.spacing = Spacing::Perceptual;
    job
}

#[test]
fn frames_carry_their_positions() {
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    for looped in [false, true] {
        let job = uneven(looped);
        let whole = render(&renderer(&first, &upscaler), &job);
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs {
            frames_dir: Some(folder.path().join("low")),
            ..Default::default()
        };
        let alone = Job {
            upscale: None,
            ..job.clone()
        };
        let summary = first.renderer().render(&alone, &outputs, &mut ()).unwrap();
        let last = &summary.transitions[1].fractions;
        let inner = &last.last().unwrap()[1..4];
        assert_ne!(inner, [0.25, 0.5, 0.75], "perceptual spacing is not even");
        let saved = load(&folder.path().join("low"));
        let carried = |index: usize| saved[index].position.clone();
        assert_eq!(
            [carried(0), carried(2), carried(3)],
            [position(0, 0.0), position(0, 1.0), position(1, inner[0])]
        );
        assert!(saved.iter().all(|at| at.job == saved[0].job));

        let earlier = EarlierFrames::read(&folder.path().join("low")).unwrap();
        let counts = earlier.transition_frames(job.transitions.len(), looped);
        let expected = if looped { vec![3, 5, 5] } else { vec![3, 5] };
        assert_eq!(counts.unwrap(), Some(expected));
        let outputs = Outputs {
            frames_dir: Some(folder.path().join("high")),
            ..Default::default()
        };
        let upscaling = renderer(&upscaler, &upscaler);
        let summary = upscaling
            .upscale(&job, &earlier, &outputs, &mut ())
            .unwrap();
        assert!(frames(&folder.path().join("high")) == whole.computed);
        assert_eq!(summary.transitions.len(), job.transitions.len());
    }
}

#[test]
fn frames_of_a_second_stage_carry_their_positions_too() {
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let mut job = uneven(true);
    if let Some(upscale) = &mut job.upscale {
        upscale.frames = 3;
    }
    let folder = tempfile::tempdir().unwrap();
    let outputs = Outputs {
        frames_dir: Some(folder.path().join("high")),
        ..Default::default()
    };
    let both = renderer(&first, &upscaler);
    let summary = both.render(&job, &outputs, &mut ()).unwrap();
    let found = load(&folder.path().join("high"));
    let positions: Vec<FramePosition> = found
        .iter()
        .map(|at| toml::from_str(at.position.as_deref().unwrap()).unwrap())
        .collect();
    assert_eq!(positions.len(), 2 * (2 + 4 + 4));
    assert!(
        positions.is_sorted_by(|left, right| left < right),
        "{positions:?}"
    );
    // Every other frame is one of the first stage.
    let low = summary.transitions.iter().enumerate();
    let low: Vec<FramePosition> = low
        .flat_map(|(transition, summary)| {
            let own = &summary.fractions.last().unwrap()[usize::from(transition > 0)..];
            own.iter().map(move |&fraction| FramePosition {
                transition,
                fraction,
            })
        })
        .collect();
    let every_other: Vec<FramePosition> = positions.iter().copied().step_by(2).collect();
    assert_eq!(every_other, low[..low.len() - 1]);
}
