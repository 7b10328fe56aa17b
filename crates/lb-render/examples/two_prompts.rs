//! Renders two prompts to a folder of pictures:
//! `cargo run --release -p lb-render --example two_prompts -- MODEL_DIRECTORY LIBONNXRUNTIME FOLDER`

use std::path::Path;

use lb_render::{Job, ModelDirectory, Outputs, PipelineOptions, Renderer, Runtime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [model, library, folder] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "give a model directory, an ONNX Runtime library and a folder to write")?;

    let runtime = Runtime::load(Path::new(&library))?;
    let model = ModelDirectory::open(Path::new(&model))?;
    let renderer = Renderer::new(runtime, model, PipelineOptions::default())?;
    let job = Job::of_prompts(["a red apple", "a green pear"]);
    let outputs = Outputs {
        frames_dir: Some(folder.into()),
        ..Default::default()
    };
    let summary = renderer.render(&job, &outputs, &mut ())?;

    // Without a film there is nothing to be shown between the computed frames.
    assert_eq!(summary.decodes, 24);
    Ok(())
}
