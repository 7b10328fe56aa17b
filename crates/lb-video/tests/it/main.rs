//! Films and pictures as their users see them.
#![allow(clippy::unwrap_used)]

mod animation;
mod audio;
mod contact_sheet;
mod decode;
mod example;
mod ffmpeg;
mod frame_text;
mod full_disk;
mod hostile_films;
mod hostile_pictures;
mod input;
mod keyframes;
mod labelled_sheet;
mod metadata;
mod mp4;
mod picture;
mod png_sequence;
mod reader;
mod refusals;
mod scene;
mod sections;
mod spool;
