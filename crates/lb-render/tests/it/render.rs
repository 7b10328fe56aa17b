//! Small films of the bundled model.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_render::{
    Branching, FrameRate, Injections, Job, ModelDirectory, Outputs, PipelineOptions, PromptSyntax,
    RenderError, RenderEvent, RenderObserver, Renderer, Runtime, SessionOptions, Stage,
    locate_library,
};

fn renderer() -> Renderer {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let library = locate_library(library.as_deref(), &[workspace.join("target/onnxruntime")])
        .expect("run `cargo xtask setup` first, or set ORT_DYLIB_PATH");
    let named = std::env::var_os("LB_MODELS").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&named)
        .chain([workspace.join("models")])
        .collect();
    let model = ModelDirectory::find("pocket", &folders).expect("the bundled model");
    let options = PipelineOptions::from(SessionOptions::default().with_threads(1));
    Renderer::new(Runtime::load(&library).unwrap(), model, options).unwrap()
}

fn job() -> Job {
    let mut job = Job::of_prompts(["a red apple", "a green pear", "a lemon"]);
    job.frame_rate = FrameRate::new(10.0).unwrap();
    for transition in &mut job.transitions {
        transition.seconds = 0.5;
        transition.branching = Branching::manual(4, vec![2, 3], Injections::Steps(vec![0, 2]));
    }
    job
}

fn all_outputs(folder: &Path) -> Outputs {
    Outputs {
        film: Some(folder.join("film.mp4")),
        frames_dir: Some(folder.join("frames")),
        contact_sheet: Some(folder.join("sheet.png")),
        ..Default::default()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Records events, and stops at a given step.
#[derive(Default)]
struct Recorder {
    stages: Vec<Stage>,
    steps_before_keyframes: Vec<usize>,
    steps: usize,
    decoded: usize,
    stop_at_step: Option<usize>,
}

impl RenderObserver for Recorder {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        match event {
            RenderEvent::Stage(stage) => self.stages.push(*stage),
            RenderEvent::Keyframe { .. } => {
                self.steps_before_keyframes.push(self.steps);
            }
            RenderEvent::Step(_) => {
                self.steps += 1;
                if self.stop_at_step == Some(self.steps) {
                    return ControlFlow::Break(());
                }
            }
            RenderEvent::Decoded { done, .. } => self.decoded = *done,
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn a_job_becomes_its_files_and_costs_what_was_planned() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::default();
    let summary = renderer()
        .render(&job(), &all_outputs(folder.path()), &mut recorder)
        .unwrap();
    let plan = lb_render::Plan::new(&job()).unwrap();

    assert_eq!(names(folder.path()), ["film.mp4", "frames", "sheet.png"]);
    assert_eq!(
        names(&folder.path().join("frames")),
        (0..5)
            .map(|index| format!("frame_{index:04}.png"))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        summary.statistics.model_evaluations,
        plan.cost.model_evaluations
    );
    assert_eq!(summary.decodes, plan.cost.decodes);
    assert_eq!(summary.film_frames, 10);
    assert_eq!(summary.transitions.len(), 2);
    assert_eq!(summary.transitions[0].fractions[0], [0.0, 1.0]);
    assert_eq!(summary.transitions[0].fractions[1].len(), 3);
    // Two keyframes in one batch; the transition between them; the third keyframe.
    assert_eq!(recorder.steps_before_keyframes, [4, 4, 10]);
    assert_eq!((plan.computed_frames(), plan.pictures()), (5, 10));
    assert_eq!(recorder.decoded, plan.pictures());
    assert_eq!(
        recorder.stages,
        [
            Stage::Encoding,
            Stage::Loading,
            Stage::Blending,
            Stage::Finishing
        ]
    );
}

#[test]
fn stopping_anywhere_leaves_nothing_behind() {
    for step in [1, 4, 5, 8] {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder {
            stop_at_step: Some(step),
            ..Default::default()
        };
        let result = renderer().render(&job(), &all_outputs(folder.path()), &mut recorder);
        assert!(
            matches!(result, Err(RenderError::Interrupted)),
            "{result:?}"
        );
        assert_eq!(
            names(folder.path()),
            Vec::<String>::new(),
            "stopped at step {step}"
        );
    }
}

#[test]
fn an_existing_film_is_refused_before_anything_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, b"older").unwrap();
    let outputs = Outputs {
        film: Some(film.clone()),
        ..Default::default()
    };
    let mut recorder = Recorder::default();
    let error = renderer()
        .render(&job(), &outputs, &mut recorder)
        .unwrap_err();
    assert!(matches!(error, RenderError::OutputExists { .. }), "{error}");
    assert!(recorder.stages.is_empty());
    assert_eq!(std::fs::read(&film).unwrap(), b"older");
}

#[test]
fn a_prompt_that_is_too_long_is_reported() {
    struct Cut(Option<String>);
    impl RenderObserver for Cut {
        fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
            if let RenderEvent::PromptCut { cut, .. } = event {
                self.0 = Some((*cut).to_owned());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut job = job();
    job.prompt_syntax = PromptSyntax::Plain;
    job.keyframes[1].prompt = format!("{}pear", "green ".repeat(90));
    let mut cut = Cut(None);
    let error = renderer()
        .render(&job, &all_outputs(folder.path()), &mut cut)
        .unwrap_err();
    assert!(matches!(error, RenderError::Interrupted));
    assert!(cut.0.unwrap().ends_with("pear"));
}

#[test]
fn words_that_the_model_was_not_trained_on_are_reported() {
    struct Unseen(Vec<(String, String)>);
    impl RenderObserver for Unseen {
        fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
            if let RenderEvent::UnseenWords {
                model,
                prompt,
                words,
            } = event
            {
                assert_eq!(*model, "pocket");
                let words = words.iter().map(|unseen| unseen.word.clone());
                let words: Vec<String> = words.collect();
                self.0.push(((*prompt).to_owned(), words.join(" ")));
            }
            match event {
                RenderEvent::Stage(Stage::Loading) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut job = job();
    job.keyframes[1].prompt = "a dragon, a zebra and a lemon".into();
    for keyframe in &mut job.keyframes {
        keyframe.negative_prompt = "text".into();
    }
    let mut unseen = Unseen(Vec::new());
    let error = renderer()
        .render(&job, &all_outputs(folder.path()), &mut unseen)
        .unwrap_err();
    assert!(matches!(error, RenderError::Interrupted));
    let expected = [
        ("a dragon, a zebra and a lemon", "dragon zebra"),
        ("text", "text"),
    ];
    let expected = expected.map(|(prompt, words)| (prompt.to_owned(), words.to_owned()));
    assert_eq!(unseen.0, expected);
}
