//! The `lb` program from end to end: real models, real films, and the mistakes of real users.
//!
//! `cargo xtask test` builds the program and sets the environment of these tests: `LB_BINARY` names the
//! program, `ORT_DYLIB_PATH` the ONNX Runtime library, and `LB_MODELS` folders with models that are
//! preferred to the bundled one.

#![allow(clippy::unwrap_used)]

mod added_tokens;
mod arguments;
mod attack;
mod bare;
mod batches;
mod broken_models;
mod cache;
mod camera;
mod chance;
mod closed_pipes;
mod cuda;
#[path = "../../crates/lb-video/tests/it/decode.rs"]
mod decode;
mod devices;
mod docs;
mod embeddings;
mod faults;
mod few_steps;
mod film;
mod full_disk;
mod hostile_files;
mod imports;
mod interruption;
mod jobs;
mod keyframes;
mod lb;
mod linked;
mod loras;
mod manifests;
mod measure;
mod memory;
mod model_settings;
mod models;
mod modes;
mod mutations;
mod outputs;
mod overflow;
#[allow(dead_code, reason = "these tests need one program")]
#[path = "../../crates/lb-checkpoint/tests/it/pickle_writer.rs"]
mod pickle_writer;
mod picture_folders;
mod picture_keyframes;
mod pictures;
mod plugins;
mod pocket_kinds;
mod prompts;
mod pull;
mod requests;
mod resume;
mod samplers;
mod seeds;
mod shared_cache;
mod special_files;
mod stills;
mod stored;
mod strangers;
mod studio;
mod sync;
#[allow(dead_code, reason = "the tests of lb-audio use the rest")]
#[path = "../../crates/lb-audio/tests/it/synthetic.rs"]
mod synthetic;
mod telemetry;
mod terminal;
mod timing;
mod unet_question;
mod usage;
mod vae;
mod within;
mod words;
