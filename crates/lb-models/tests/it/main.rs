//! Tests with real and with tiny models: the port's conformance suite, OpenCLIP's tokens, the results
//! of diffusers, models that stay loaded, and broken directories.
//!
//! These tests need ONNX Runtime and a model: `cargo xtask test` sets both up.

#![allow(clippy::unwrap_used)]

mod added_tokens;
mod bad_directories;
mod bad_inputs;
mod caption_words;
mod clip_skip;
mod configurations;
mod devices;
mod embeddings;
mod examples;
mod few_steps;
mod golden_kinds;
mod graphs;
mod guidance_rescale;
mod imported;
mod kinds;
mod loras;
mod pipeline;
mod plugins;
mod pool;
mod prompts;
mod safetensors;
mod sizes;
mod standalone_decoder;
mod standard_operators;
mod surroundings;
mod tiles;
mod tokenizer;
mod transition;
mod wide_unet;
