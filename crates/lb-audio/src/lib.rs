//! What is heard in a piece of music: its beats, its onsets, and how strong its percussion is.
//!
//! ```text
//!  file ── SoundFile ── mono samples, block by block
//!                          │
//!                       Spectra ── every 10 ms, the magnitudes of 40 bands
//!                          │
//!            ┌─────────────┴─────────────┐
//!        onset strength             percussion
//!            │                           │
//!     onsets, beats                      │
//!            └────────── Rhythm ─────────┘
//! ```
//!
//! A [`SoundFile`] is decoded by the crate symphonia: WAV, AIFF, CAF, FLAC, Ogg with Vorbis, MP3, MP4 with AAC or
//! ALAC, and Matroska. No other program is needed. A [`Rhythm`] is found in one pass, during which only some
//! hundredths of a second of sound are in memory; what is kept is a few numbers for each hundredth.
//!
//! - An **onset** is where something begins to sound. The strength of onsets is the *spectral flux*: how much
//!   louder the bands become, on a logarithmic scale (Böck and Widmer, "Maximum filter vibrato suppression for
//!   onset detection", DAFx 2013). Onsets are its peaks.
//! - **Beats** are where a listener taps. They are the onsets, or gaps between them, that best explain all onsets
//!   by a tempo that changes little from beat to beat, found by dynamic programming over positions and periods
//!   (Ellis, "Beat tracking by dynamic programming", 2007, with the period as a part of the state, so that a
//!   change of tempo is followed). See [`Rhythm::beats`].
//! - **Percussion** is what is short in time and broad in frequency, as median filters over both tell it from what
//!   is held (FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010).
//!
//! The crate knows nothing of pictures and films.
//!
//! ```
//! use lb_audio::Rhythm;
//!
//! # fn main() -> Result<(), lb_audio::AudioError> {
//! // Clicks at 120 a minute, for five seconds.
//! let rate = 8000;
//! let click = |at: usize| if at % 4000 < 80 { 0.5 * (at as f32 * 0.9).sin() } else { 0.0 };
//! let samples: Vec<f32> = (0..5 * 8000).map(click).collect();
//! let rhythm = Rhythm::of_samples(rate, &samples)?;
//! assert_eq!(rhythm.beats.len(), 10);
//! assert!((rhythm.beats[6] - 3.0).abs() < 0.02);
//! assert!((rhythm.tempo().unwrap() - 120.0).abs() < 1.0);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod beats;
mod error;
mod onsets;
mod percussion;
mod rhythm;
mod sound_file;
mod spectra;

pub use error::AudioError;
pub use rhythm::Rhythm;
pub use sound_file::SoundFile;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
