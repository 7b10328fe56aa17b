//! Stills: jobs whose keyframes no transition joins.

use std::ops::ControlFlow;

use lb_render::{
    Job, Keyframe, Outputs, RenderError, RenderEvent, RenderObserver, RgbImage, Stage,
};

use crate::tiny_models::TinyModel;

/// What a render reports.
#[derive(Default)]
struct Reported {
    keyframes: Vec<(usize, RgbImage)>,
    frames: Vec<(usize, f64)>,
    decoded: Vec<(usize, usize)>,
    stages: Vec<Stage>,
}

impl RenderObserver for Reported {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        match event {
            RenderEvent::Keyframe { index, picture } => {
                self.keyframes.push((*index, (*picture).clone()));
            }
            RenderEvent::Frame { position, .. } => {
                self.frames.push((position.transition, position.fraction));
            }
            RenderEvent::Decoded { done, total } => self.decoded.push((*done, *total)),
            RenderEvent::Stage(stage) => self.stages.push(*stage),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn stills() -> Job {
    let keyframe = |(seed, prompt): (u64, &str)| Keyframe {
        prompt: prompt.into(),
        seed,
        ..Default::default()
    };
    let prompts = [(3, "red leaf"), (4, "red leaf"), (3, "blue sea")];
    let mut job = Job::of_stills(prompts.map(keyframe), 4);
    job.size = Some((64, 64));
    job
}

#[test]
fn stills_are_reported_one_by_one() {
    let model = TinyModel::new("sd21");
    let mut reported = Reported::default();
    let nothing = Outputs::default();
    let summary = model.renderer().render(&stills(), &nothing, &mut reported);
    let summary = summary.unwrap();
    assert_eq!(summary.statistics.model_evaluations, 12);
    assert_eq!((summary.computed_frames, summary.decodes), (3, 3));
    assert_eq!(summary.film_frames, 0);
    assert!(summary.transitions.is_empty());
    let indices: Vec<usize> = reported.keyframes.iter().map(|(index, _)| *index).collect();
    assert_eq!(indices, [0, 1, 2]);
    assert_eq!(reported.frames, [(0, 0.0), (1, 0.0), (2, 0.0)]);
    assert_eq!(reported.decoded, [(1, 3), (2, 3), (3, 3)]);
    let stages = [
        Stage::Encoding,
        Stage::Loading,
        Stage::Blending,
        Stage::Finishing,
    ];
    assert_eq!(reported.stages, stages);
    assert!(reported.keyframes[0].1 != reported.keyframes[1].1);
}

#[test]
fn outputs_of_another_kind_are_refused_before_any_work() {
    let model = TinyModel::new("sd21");
    let renderer = model.renderer();
    let folder = tempfile::tempdir().unwrap();
    let still = Outputs {
        still: Some(folder.path().join("one.png")),
        ..Default::default()
    };
    let film = Outputs {
        film: Some(folder.path().join("film.mp4")),
        ..Default::default()
    };
    for outputs in [still, film] {
        let mut reported = Reported::default();
        let refused = renderer.render(&stills(), &outputs, &mut reported);
        let error = refused.unwrap_err();
        assert!(
            matches!(error, RenderError::OutputOfOtherJob { .. }),
            "{error}"
        );
        assert!(error.is_request() && error.to_string().contains("3 single pictures"));
        assert!(reported.stages.is_empty());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
