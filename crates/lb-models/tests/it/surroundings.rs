//! Where the tests find the runtime and the bundled model.

use std::path::{Path, PathBuf};

use lb_models::{ModelDirectory, ModelPool, Pipeline, PipelineOptions, Runtime, SessionOptions};

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn runtime() -> Runtime {
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let folders = [workspace().join("target/onnxruntime")];
    let library = lb_models::locate_library(library.as_deref(), &folders)
        .expect("run `cargo xtask setup` first, or set ORT_DYLIB_PATH");
    Runtime::load(&library).expect("a usable ONNX Runtime")
}

/// A pool that keeps nothing, which is right for most tests.
pub(crate) fn pool() -> ModelPool {
    ModelPool::new(runtime(), 0)
}

/// The bundled model, or the one of this name below `LB_MODELS`.
pub(crate) fn pocket() -> ModelDirectory {
    let named = std::env::var_os("LB_MODELS").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&named)
        .chain([workspace().join("models")])
        .collect();
    ModelDirectory::find("pocket", &folders).expect("the bundled model")
}

pub(crate) fn pipeline(batch_limit: Option<usize>) -> Pipeline {
    let mut options = PipelineOptions::from(SessionOptions::default().with_threads(1));
    options.batch_limit = batch_limit;
    Pipeline::open(&pool(), pocket(), 128, 128, options).expect("a pipeline")
}
