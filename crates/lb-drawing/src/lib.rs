//! SVG pictures of latent blending, as strings.
//!
//! Two things are drawn:
//!
//! - [`draw_tree`] draws the branching tree of a transition: denoising steps run downwards, fractions
//!   run across, and every level has its colour. [`draw_trees`] draws those of a whole film.
//! - [`draw_measurement`] plots how smoothly a film moves: the distance between neighbouring frames,
//!   the high-frequency retention, the blend residual and what the background does, one panel each, over film
//!   time. [`draw_comparison`] plots two films.
//!
//! ```text
//!  step   prompt A                prompt B          distance   ╭─╮   ╭╮
//!     0   ┃                              ┃                   ╭─╯ ╰───╯╰──
//!     3   ┃──────────────╮               ┃         retention ─╮   ╭──────
//!     6   ┃───────╮      │       ╭───────┃                    ╰───╯
//!    10   ■       ■      ■       ■       ■         residual  ───╮    ╭───
//!         0       ¼      ½       ¾       1                      ╰────╯
//! ```
//!
//! The documents are written through one SVG writer, so they share their page, fonts and colours. They
//! have a light background of their own and read well on dark pages too. Numbers are rounded when they
//! are written, and equal input gives equal bytes.
//!
//! ```
//! use lb_drawing::{MeasurementLimits, MeasurementPlot, TransitionCurves, draw_measurement};
//!
//! let mut plot = MeasurementPlot::new(4, [512, 512]);
//! plot.frames_per_second = Some(30.0);
//! plot.transitions = vec![TransitionCurves {
//!     first: 0,
//!     last: 3,
//!     distances: &[4.0, 5.0, 4.5],
//!     retention: &[1.0, 0.9, 0.95, 1.0],
//!     residual: Some(&[0.0, 0.4, 0.5, 0.0]),
//!     drift: None,
//!     spread: None,
//! }];
//! let svg = draw_measurement(&plot, &MeasurementLimits::default());
//! assert!(svg.contains("4 frames · 512×512 · 30 frames a second"));
//! ```

#![forbid(unsafe_code)]

mod measurement;
mod svg;
mod tree;

pub use measurement::{
    MeasurementLimits, MeasurementPlot, TransitionCurves, draw_comparison, draw_measurement,
};
pub use tree::{draw_tree, draw_trees};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
