//! Tests of lb-blend through its public interface.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set its scene has failed"
)]

mod alone;
mod altered;
mod concatenated;
mod conformance;
mod crossfeed;
mod example;
mod film;
mod golden;
mod guidance_every;
mod guidance_rescale;
mod interruption;
mod inversion;
mod keeping;
mod laws;
mod loras;
mod moving;
mod multistep;
mod negative;
mod refusals;
mod resume;
mod scene;
mod serde;
mod source;
mod spacing;
mod stills;
mod windows;
