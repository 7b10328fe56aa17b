//! The default of every setting: the layer below all others.
//!
//! All defaults are defined here. Help texts quote [`JobSettings::defaults`], and a test
//! compares the documents with it.

use lb_blend::{InversionOptions, SamplerKind, SpacingDistance};
use lb_prompt::PromptSyntax;
use lb_schedule::{Crossfeed, Easing, FrameRate, Guidance, Pace, Quality, Spacing};

use super::{JobSettings, SharedSettings, SpacingSettings, UpscaleSettings};
use crate::{
    Between, Branching, FilmCamera, Inpaint, Job, Keyframe, KeyframeCamera, Timing, Transition,
    Upscale,
};

impl Default for Job {
    fn default() -> Self {
        Self {
            keyframes: Vec::new(),
            transitions: Vec::new(),
            still_steps: None,
            looped: false,
            model: None,
            vae: None,
            embeddings: Vec::new(),
            prompt_syntax: PromptSyntax::default(),
            clip_skip: None,
            size: None,
            scale: 1,
            guidance_rescale: None,
            guidance_every: 1,
            sampler: SamplerKind::default(),
            timestep_spacing: None,
            spacing: Spacing::default(),
            distance: SpacingDistance::default(),
            crossfeed: Crossfeed::default(),
            camera: FilmCamera::default(),
            timing: Timing::default(),
            between: Between::default(),
            frame_rate: FrameRate::default(),
            film_seconds: None,
            fit: None,
            inversion_iterations: InversionOptions::default().iterations,
            inpaint: None,
            depth: None,
            upscale: None,
        }
    }
}

impl Default for Keyframe {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            seed: 0,
            variation: None,
            guidance_scale: Guidance::default().scale,
            hold: 0.0,
            image: None,
            loras: Vec::new(),
            camera: KeyframeCamera::default(),
        }
    }
}

impl Keyframe {
    /// The guidance scale of a keyframe that is a picture, where its own table gives none: no
    /// guidance. Guidance makes a picture's inversion less exact, especially at high scales.
    pub const PICTURE_GUIDANCE: f64 = 1.0;
}

impl Default for Transition {
    fn default() -> Self {
        Self {
            seconds: 3.0,
            branching: Branching::default(),
            guidance_damper: Guidance::default().damper,
            easing: Easing::default(),
            pace: Pace::EVEN,
        }
    }
}

impl Default for Branching {
    fn default() -> Self {
        Self::preset(Quality::default(), Self::DEPTH_STRENGTH)
    }
}

impl Branching {
    /// The default depth strength: the best of those that `docs/benchmarks.md` compares. The documents
    /// of the original latent blending use 0.4 to 0.5.
    pub const DEPTH_STRENGTH: f64 = 0.2;
}

impl Inpaint {
    /// The default width of the feather, in pixels.
    pub const FEATHER: f64 = 4.0;
}

impl Upscale {
    /// The second stage of this model, with everything else at its default.
    #[must_use]
    pub fn with_model(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            steps: 50,
            frames: 4,
            depth_strength: 0.65,
            noise_level: 20,
            seed: 420,
        }
    }
}

impl SpacingSettings {
    /// The default mid compression of fixed spacing.
    pub const MID_COMPRESSION: f64 = 1.2;
}

impl JobSettings {
    /// Every setting that has a fixed default, at that default. Settings whose default depends on
    /// something else, such as the model or the keyframe, are left open.
    #[must_use]
    pub fn defaults() -> Self {
        let mut settings = Job::default().settings();
        settings.inversion_iterations = None;
        settings.spacing.mid_compression = Some(SpacingSettings::MID_COMPRESSION);
        settings.defaults.shared =
            SharedSettings::explicit(&Keyframe::default(), Some(&Transition::default()));
        settings.defaults.branching = (&Branching::default()).into();
        settings.inpaint.feather = Some(Inpaint::FEATHER);
        settings.upscale.stage = UpscaleSettings::from(&Upscale::with_model("")).stage;
        settings
    }
}
