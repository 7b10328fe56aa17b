//! Tiny models of every kind, and the films that diffusers makes with them
//! (`tests/golden/modes.py`).

use std::path::{Path, PathBuf};

use lb_models::testing::write_tiny_model;
use lb_render::{
    Branching, Device, FrameRate, Injections, Job, ModelDirectory, Outputs, PipelineOptions,
    Renderer, Runtime, SessionOptions, Spacing, Summary, locate_library,
};

/// A temporary model directory, which is removed when it is dropped.
pub(crate) struct TinyModel(tempfile::TempDir);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn runtime() -> Runtime {
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let folders = [workspace().join("target/onnxruntime")];
    let library = locate_library(library.as_deref(), &folders)
        .expect("run `cargo xtask setup` first, or set ORT_DYLIB_PATH");
    Runtime::load(&library).unwrap()
}

/// The folder that `modes.py` wrote.
pub(crate) fn golden() -> PathBuf {
    workspace().join("crates/lb-render/tests/golden/modes")
}

impl TinyModel {
    pub(crate) fn new(kind: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_tiny_model(kind, folder.path()).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn renderer(&self) -> Renderer {
        let options = PipelineOptions::from(SessionOptions::new(Device::Cpu).with_threads(1));
        let directory = ModelDirectory::open(self.path()).unwrap();
        Renderer::new(runtime(), directory, options).unwrap()
    }
}

/// The film that `modes.py` makes with each kind of model.
pub(crate) fn golden_job(size: (usize, usize)) -> Job {
    let mut job = Job::of_prompts(["red leaf", "blue sea", "old oak"]);
    for (seed, keyframe) in (3..).zip(&mut job.keyframes) {
        keyframe.seed = seed;
        keyframe.guidance_scale = 3.0;
    }
    for transition in &mut job.transitions {
        transition.branching = Branching::manual(6, vec![2, 4], Injections::Steps(vec![0, 3]));
        transition.seconds = 0.5;
    }
    Job {
        size: Some(size),
        spacing: Spacing::Fixed {
            mid_compression: 1.2,
        },
        frame_rate: FrameRate::new(8.0).unwrap(),
        ..job
    }
}

/// A picture's width and height, and its R'G'B' bytes.
pub(crate) type Pixels = ((usize, usize), Vec<u8>);

pub(crate) fn read(path: &Path) -> Pixels {
    let picture = image::open(path).unwrap().into_rgb8();
    let (width, height) = picture.dimensions();
    ((width as usize, height as usize), picture.into_raw())
}

/// The pictures of a folder in order.
pub(crate) fn frames(folder: &Path) -> Vec<Pixels> {
    (0..)
        .map(|index| folder.join(format!("frame_{index:04}.png")))
        .take_while(|path| path.is_file())
        .map(|path| read(&path))
        .collect()
}

/// The computed frames, the film frames and the summary of a render.
pub(crate) struct Rendered {
    pub(crate) computed: Vec<Pixels>,
    pub(crate) film: Vec<Pixels>,
    pub(crate) summary: Summary,
}

pub(crate) fn render(renderer: &Renderer, job: &Job) -> Rendered {
    let folder = tempfile::tempdir().unwrap();
    let outputs = Outputs {
        film: Some(folder.path().join("film")),
        frames_dir: Some(folder.path().join("frames")),
        ..Default::default()
    };
    let summary = renderer.render(job, &outputs, &mut ()).unwrap();
    Rendered {
        computed: frames(&folder.path().join("frames")),
        film: frames(&folder.path().join("film")),
        summary,
    }
}

/// Peak signal-to-noise ratio in dB; infinite if both are equal.
pub(crate) fn psnr(found: &[u8], expected: &[u8]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let squares: f64 = pairs
        .map(|(&f, &e)| (f64::from(f) - f64::from(e)).powi(2))
        .sum();
    10.0 * (255.0_f64.powi(2) * found.len() as f64 / squares).log10()
}
