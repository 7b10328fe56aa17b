//! How smoothly a sequence of frames moves, and whether it is a morph at all.
//!
//! ```text
//!  film, folder ─► FrameSource ─► frames, one by one ─► measure ─► Measurement ─► Requirement
//!                      ▲                                             ├─ verdict in words
//!                      │                                             ├─ Statistics of all
//!  FilmLayout ─────────┘                                             └─ TransitionMeasure, frame
//!  (where the transitions lie, if known)                                by frame, with Statistics
//! ```
//!
//! A [`FrameSource`] finds the frames on disk, and [`FrameSource::measure`] measures them. [`measure()`]
//! takes frames from anywhere.
//!
//! # What is measured
//!
//! The R'G'B' values of a frame are taken as they are, 0 to 255. In a film whose keyframes are known,
//! each transition is measured separately, from its left keyframe A to its right keyframe B. Otherwise
//! the whole sequence counts as one transition. Frames that are held still between transitions are left
//! out.
//!
//! - The **distance** of two frames is √(Σ (x − y)² / values): the Euclidean distance over all
//!   values, normalised to one of them; in grey levels, 0 to 255.
//! - **Coefficient of variation**: the standard deviation of the distances between neighbours over
//!   their mean. 0 is one apparent speed.
//! - **Peak ratio**: the largest distance between neighbours over their mean. 1 is one apparent
//!   speed.
//! - **Directness**: the distance of A and B over the sum of the distances between neighbours. 1 is
//!   a straight line, as in a cross-fade, and the value is lower for a longer path.
//! - The **position** of a frame is the share of the sum of distances up to it, 0 at A and 1 at B.
//!
//! Both a morph and a cross-fade may move at one speed. Two more numbers distinguish them. They are
//! taken over the frames between A and B:
//!
//! - **High-frequency retention**: V(frame) / ((1 − p)·V(A) + p·V(B)) for a frame at position p,
//!   where V is the variance of the Laplacian of the luma. The luma is 0.2126·R' + 0.7152·G' +
//!   0.0722·B', and the Laplacian has the kernel 0 1 0, 1 −4 1, 0 1 0 and leaves out the border.
//!   1 is as sharp as the keyframes are. Where pictures lie over each other, edges lose contrast: two
//!   unrelated pictures reach ½ in the middle.
//! - **Blend residual**: the minimum over w in \[0, 1\] of ‖frame − ((1 − w)·A + w·B)‖ / ‖B − A‖. It
//!   is 0 for a cross-fade of A and B at any speed.
//!
//! Neither looks at the **background**. It is what A and B have in common, and is found like this:
//!
//! 1. A pixel differs if any channel of A and B differs by more than ten grey levels, and if so do more
//!    than half of the pixels around it (3×3, itself included). Single pixels are noise.
//! 2. What lies between two pixels that differ, in its row or in its column, counts as different as well: it
//!    belongs to the object, or the object passes there on its way.
//! 3. So does a rim of four per cent of the frame's longer side around all this. A shape that is for a moment
//!    larger than in A and in B stays within it.
//! 4. The rest is the background. Where it is less than a twentieth of the picture, there is none.
//!
//! - **Background drift**: |m(frame) − ((1 − p)·m(A) + p·m(B))|, where m is the mean of the luma over the
//!   background; in grey levels. 0 is a background that holds still.
//! - **Background spread**: s(frame) / max(s(A), s(B), 1), where s is the standard deviation of the luma over
//!   the background, in grey levels. It is at most 1 in the keyframes, and grows with every fleck.
//!
//! # Past the camera
//!
//! Where a film is made with a camera, its movement is a part of every distance. It is known from the film's job, and
//! [`FrameSource::past_camera`] undoes it: each frame becomes the part of the picture that all of them show, so that
//! only what happens in the picture is measured.
//!
//! # In words
//!
//! A [`Measurement`] and each of its transitions have a verdict: whether the motion is even, whether it is a
//! morph, how sharpness and background fare, and when. [`EVEN_VARIATION`] and the constants beside it are
//! the thresholds that the words use. A [`Requirement`] limits one [`Quantity`] for a program that decides by it.
//!
//! Sums are exact integers, so the numbers are the same on every machine.
//!
//! ```
//! use std::sync::Arc;
//!
//! use image::RgbImage;
//! use lb_measure::{MeasureError, measure};
//!
//! // A white bar moves across a black picture: sharp in every frame, and no cross-fade.
//! let bar = |frame: u32| {
//!     RgbImage::from_fn(64, 16, move |x, _| {
//!         let lit = (4 * frame..4 * frame + 8).contains(&x);
//!         (if lit { [255; 3] } else { [0; 3] }).into()
//!     })
//! };
//! let frames = || Ok::<_, MeasureError>((1..12).map(bar).map(Arc::new).map(Ok));
//! let measured = measure(frames, None, Some(25.0))?;
//! assert_eq!((measured.frames, measured.transitions.len()), (11, 1));
//! assert!(measured.overall.directness < 0.5);
//! assert!(measured.overall.residual.is_some_and(|residual| residual.mean > 0.5));
//! # Ok::<(), MeasureError>(())
//! ```

#![forbid(unsafe_code)]

mod background;
mod error;
mod frame;
mod measurement;
mod past_camera;
mod quantity;
mod source;
mod statistics;
mod verdict;

pub use error::MeasureError;
pub use measurement::{Measurement, Sections, measure};
pub use quantity::{Breach, Quantity, Requirement};
pub use source::{FilmLayout, FrameSource, Frames};
pub use statistics::{
    Background, BackgroundCurves, Residual, Retention, Statistics, TransitionMeasure,
    coefficient_of_variation,
};
pub use verdict::{
    CROSS_FADE_RESIDUAL, EVEN_VARIATION, NEARLY_EVEN_VARIATION, SHARP_RETENTION, STEADY_DRIFT,
    STEADY_SPREAD, UNEQUAL_SPEED,
};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
