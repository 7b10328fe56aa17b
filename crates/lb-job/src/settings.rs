//! A film as a user asks for it, with gaps. Every setting is declared here, and only here.
//!
//! Each field below is a setting. Its name is the key in a job file and in JSON, its documentation is
//! the help of its flag, and its attributes name the flag. Flags, job files, the text that a film
//! carries and JSON are all read into these structs. Settings are laid
//! [over](JobSettings::over) each other, and [`JobSettings::resolve`] fills what is still open with
//! the defaults, which are collected in [`JobSettings::defaults`].

mod defaults;
mod explicit;
mod layers;
mod resolve;
mod text;

use std::path::PathBuf;

use lb_blend::{SamplerKind, SpacingDistance};
use lb_schedule::{Easing, Quality};
use merge::Merge;
use serde::{Deserialize, Serialize};

use crate::{Fit, Timing};

#[cfg(feature = "arguments")]
use crate::arguments::{choices, list_item};
#[cfg(feature = "arguments")]
use text::parse_size;
pub(crate) use text::shortened;

/// All settings of a film. A setting that is not given is `None` or an empty list.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Keyframes"))]
#[non_exhaustive]
pub struct JobSettings {
    /// The keyframes, each with the transition after it. They are `[[keyframe]]` tables in a job file.
    #[serde(rename = "keyframe", skip_serializing_if = "Vec::is_empty")]
    #[merge(strategy = layers::non_empty)]
    #[cfg_attr(feature = "arguments", arg(skip))]
    pub keyframes: Vec<KeyframeSettings>,
    /// Width and height in pixels, multiples of 64 [default: the model's own].
    #[serde(with = "text::size")]
    #[cfg_attr(
        feature = "arguments",
        arg(id = "size", long = "size", value_name = "WxH", value_parser = parse_size)
    )]
    pub size: Option<(usize, usize)>,
    /// Sampler that denoises the latents.
    #[serde(with = "text::choice")]
    #[cfg_attr(
        feature = "arguments",
        arg(id = "sampler", long = "sampler", value_name = "NAME", value_parser = choices::<SamplerKind>())
    )]
    pub sampler: Option<SamplerKind>,
    /// Values for all keyframes and transitions that do not set their own: the table `[defaults]`.
    #[merge(strategy = Merge::merge)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub defaults: DefaultSettings,
    /// How the fractions of a level's branches are chosen.
    #[serde(flatten)]
    #[merge(strategy = layers::spacing)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub spacing: SpacingSettings,
    /// Differences that perceptual spacing measures.
    #[serde(rename = "spacing_distance", with = "text::choice")]
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "spacing_distance",
            long = "spacing-distance",
            value_name = "NAME",
            value_parser = choices::<SpacingDistance>(),
            help_heading = "Branching"
        )
    )]
    pub distance: Option<SpacingDistance>,
    /// The timing of the film.
    #[serde(flatten)]
    #[merge(strategy = Merge::merge)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub timing: TimingSettings,
    /// Refinements of each step when a picture is inverted to noise: more of them come closer to the
    /// picture and take longer.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "inversion_iterations",
            long = "inversion-iterations",
            value_name = "N",
            help_heading = "Pictures as keyframes"
        )
    )]
    pub inversion_iterations: Option<usize>,
    /// The model: a name that `lb models` lists, or a model directory
    /// [default: $LB_MODEL, else pocket].
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "model",
            long = "model",
            value_name = "NAME|DIR",
            help_heading = "Model and machine"
        )
    )]
    pub model: Option<String>,
    /// The picture that is partly repainted.
    #[merge(strategy = Merge::merge)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub inpaint: InpaintSettings,
    /// How pictures that do not have the film's size are fitted [default: keyframes are cropped, other
    /// pictures are refused].
    #[serde(with = "text::choice")]
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "fit",
            long = "fit",
            value_name = "NAME",
            value_parser = choices::<Fit>(),
            help_heading = "Inpainting and depth"
        )
    )]
    pub fit: Option<Fit>,
    /// The depth map that the film follows.
    #[merge(strategy = Merge::merge)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub depth: DepthSettings,
    /// The second stage at four times the size.
    #[merge(strategy = Merge::merge)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub upscale: UpscaleSettings,
    /// How much trajectories take over from each other.
    #[merge(strategy = Merge::merge)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub crossfeed: CrossfeedSettings,
}

/// A keyframe and the transition that follows it; see [`Keyframe`](crate::Keyframe) and
/// [`Transition`](crate::Transition).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct KeyframeSettings {
    /// What the picture shows.
    pub prompt: Option<String>,
    /// The seed of the noise that the picture is made from.
    pub seed: Option<u64>,
    /// A picture to be this keyframe.
    pub image: Option<PathBuf>,
    /// The settings that `[defaults]` may contain as well.
    #[serde(flatten)]
    pub shared: SharedSettings,
    /// The tree of the transition that follows.
    #[serde(flatten)]
    pub branching: BranchingSettings,
}

impl KeyframeSettings {
    /// A keyframe that is made from a prompt.
    #[must_use]
    pub fn from_prompt(prompt: impl Into<String>) -> Self {
        Self {
            prompt: Some(prompt.into()),
            ..Self::default()
        }
    }

    /// A keyframe that is a picture.
    #[must_use]
    pub fn from_image(image: impl Into<PathBuf>) -> Self {
        Self {
            image: Some(image.into()),
            ..Self::default()
        }
    }
}

/// Values for all keyframes and transitions that do not set their own.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[non_exhaustive]
pub struct DefaultSettings {
    /// The trees of the transitions.
    #[serde(flatten)]
    #[merge(strategy = layers::branching)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub branching: BranchingSettings,
    /// The keyframes and the motion between them.
    #[serde(flatten)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub shared: SharedSettings,
}

/// Settings of keyframes and of the motion between them, apart from prompts and trees.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Keyframes"))]
#[non_exhaustive]
pub struct SharedSettings {
    /// What the keyframes should not show [default: nothing].
    #[cfg_attr(
        feature = "arguments",
        arg(id = "negative_prompt", long = "negative-prompt", value_name = "TEXT")
    )]
    pub negative_prompt: Option<String>,
    /// Seconds for which the film rests on each keyframe.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "hold",
            long = "hold",
            value_name = "S",
            help_heading = "Film timing"
        )
    )]
    pub hold: Option<f64>,
    /// Guidance scale of keyframes that are made from prompts; 1 means no guidance.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "guidance_scale", long = "guidance-scale", value_name = "G")
    )]
    pub guidance_scale: Option<f64>,
    /// Seconds of each transition.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "seconds",
            long = "seconds",
            value_name = "S",
            help_heading = "Film timing"
        )
    )]
    pub seconds: Option<f64>,
    /// How much of the guidance is left in the middle of a transition: 1 for all of it, 0 for none.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "guidance_damper", long = "guidance-damper", value_name = "D")
    )]
    pub guidance_damper: Option<f64>,
    /// How the motion of a transition starts and ends.
    #[serde(with = "text::choice")]
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "easing",
            long = "easing",
            value_name = "NAME",
            value_parser = choices::<Easing>(),
            help_heading = "Film timing"
        )
    )]
    pub easing: Option<Easing>,
}

/// The tree of a transition, given in one of three ways: by quality, by steps and frames, or level by
/// level; see [`Branching`](crate::Branching).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Branching"))]
#[non_exhaustive]
pub struct BranchingSettings {
    /// Preset that chooses the steps and the computed frames.
    #[serde(with = "text::choice")]
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "quality",
            long = "quality",
            value_name = "NAME",
            value_parser = choices::<Quality>(),
            ignore_case = true,
            conflicts_with_all = ["steps", "frames", "branches"]
        )
    )]
    pub quality: Option<Quality>,
    /// Inference steps; needs --frames or --branches.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "steps", long = "steps", value_name = "N")
    )]
    pub steps: Option<usize>,
    /// Computed frames of a transition, both keyframes included; needs --steps.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "frames",
            long = "frames",
            value_name = "N",
            requires = "steps",
            conflicts_with = "branches"
        )
    )]
    pub frames: Option<usize>,
    /// Where blending begins, as a share of the steps from 0 to 1: with low values the model invents
    /// more and shapes move more, with high values the film is close to a cross-fade.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "depth_strength",
            long = "depth-strength",
            value_name = "D",
            conflicts_with = "branches"
        )
    )]
    pub depth_strength: Option<f64>,
    /// Number of branches of each level; needs --steps, and either --injection-steps or
    /// --injection-strengths.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "branches",
            long = "branches",
            value_name = "2,4,…",
            value_delimiter = ',',
            value_parser = list_item::<usize>,
            requires = "steps"
        )
    )]
    pub branches: Option<Vec<usize>>,
    /// Step at which each level begins.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "injection_steps",
            long = "injection-steps",
            value_name = "0,3,…",
            value_delimiter = ',',
            value_parser = list_item::<usize>,
            requires = "branches",
            conflicts_with = "injection_strengths"
        )
    )]
    pub injection_steps: Option<Vec<usize>>,
    /// Where each level begins, as a share of the steps from 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "injection_strengths",
            long = "injection-strengths",
            value_name = "0,0.3,…",
            value_delimiter = ',',
            value_parser = list_item::<f64>,
            requires = "branches"
        )
    )]
    pub injection_strengths: Option<Vec<f64>>,
}

/// How the fractions of a level's branches are chosen; see [`Spacing`](crate::Spacing).
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Branching"))]
#[non_exhaustive]
pub struct SpacingSettings {
    /// How the fractions of a level's branches are chosen.
    #[serde(rename = "spacing", with = "text::choice")]
    #[cfg_attr(
        feature = "arguments",
        arg(id = "spacing", long = "spacing", value_name = "NAME", value_parser = choices::<SpacingChoice>())
    )]
    pub choice: Option<SpacingChoice>,
    /// How close together branches are in the middle under fixed spacing: 1 for even spacing, higher
    /// values for closer branches.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "mid_compression", long = "mid-compression", value_name = "S")
    )]
    pub mid_compression: Option<f64>,
}

lb_schedule::choice! {
    /// A kind of spacing, without its numbers.
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum SpacingChoice: "spacing" {
        /// Moves branches while rendering, so that neighbours differ equally.
        Perceptual,
        /// Takes the fractions from a fixed curve.
        Fixed,
    }
}

/// The timing of the film.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Film timing"))]
#[non_exhaustive]
pub struct TimingSettings {
    /// Film frames per second.
    #[serde(rename = "fps")]
    #[cfg_attr(feature = "arguments", arg(id = "fps", long = "fps", value_name = "F"))]
    pub frames_per_second: Option<f64>,
    /// Seconds of the whole film: all transitions are scaled by the same factor, and holds keep their
    /// length [default: the sum of transitions and holds].
    #[cfg_attr(
        feature = "arguments",
        arg(id = "film_seconds", long = "film-seconds", value_name = "S")
    )]
    pub film_seconds: Option<f64>,
    /// When the computed frames of a transition are shown.
    #[serde(with = "text::choice")]
    #[cfg_attr(
        feature = "arguments",
        arg(id = "timing", long = "timing", value_name = "NAME", value_parser = choices::<Timing>())
    )]
    pub timing: Option<Timing>,
    /// Add a transition from the last keyframe to the first one, so that the film can repeat without a
    /// jump.
    #[serde(rename = "loop")]
    #[cfg_attr(
        feature = "arguments",
        arg(id = "loop", long = "loop", action = clap::ArgAction::SetTrue)
    )]
    pub looped: Option<bool>,
}

/// The picture that is partly repainted; see [`Inpaint`](crate::Inpaint).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(
    feature = "arguments",
    command(next_help_heading = "Inpainting and depth")
)]
#[non_exhaustive]
pub struct InpaintSettings {
    /// Picture that is partly repainted; needs --mask and an inpainting model.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "inpaint.image", long = "image", value_name = "PIC")
    )]
    pub image: Option<PathBuf>,
    /// Mask for the picture: black parts are kept, white parts are repainted.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "inpaint.mask", long = "mask", value_name = "PIC")
    )]
    pub mask: Option<PathBuf>,
    /// Width in pixels of the soft edge between the kept and the repainted part, on the repainted side.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "inpaint.feather", long = "feather", value_name = "PIXELS")
    )]
    pub feather: Option<f64>,
}

/// The depth map that the film follows; see [`DepthMap`](crate::DepthMap).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(
    feature = "arguments",
    command(next_help_heading = "Inpainting and depth")
)]
#[non_exhaustive]
pub struct DepthSettings {
    /// Depth map, in which bright parts are near and dark parts are far; needs a depth model.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "depth.image", long = "depth", value_name = "PIC")
    )]
    pub image: Option<PathBuf>,
}

/// The second stage and its model; see [`Upscale`](crate::Upscale).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Upscaling"))]
#[non_exhaustive]
pub struct UpscaleSettings {
    /// Upscaling model (x4), which renders the film again at four times the width and height.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "upscale.model", long = "upscale", value_name = "NAME|DIR")
    )]
    pub model: Option<String>,
    /// How the second stage is computed.
    #[serde(flatten)]
    #[merge(strategy = Merge::merge)]
    #[cfg_attr(feature = "arguments", command(flatten))]
    pub stage: SecondStageSettings,
}

/// How a second stage is computed, apart from its model.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Upscaling"))]
#[non_exhaustive]
pub struct SecondStageSettings {
    /// Inference steps of the second stage.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "upscale.steps", long = "upscale-steps", value_name = "N")
    )]
    pub steps: Option<usize>,
    /// Computed frames from one frame of the first stage to the next, both included.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "upscale.frames", long = "upscale-frames", value_name = "N")
    )]
    pub frames: Option<usize>,
    /// Where blending begins in the second stage, as a share of its steps from 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "upscale.depth_strength",
            long = "upscale-depth-strength",
            value_name = "D"
        )
    )]
    pub depth_strength: Option<f64>,
    /// Noise added to the frames of the first stage: with more noise, the model invents more.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "upscale.noise_level",
            long = "upscale-noise-level",
            value_name = "N"
        )
    )]
    pub noise_level: Option<usize>,
    /// Seed of the second stage's noise, which is the same for all of its frames.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "upscale.seed", long = "upscale-seed", value_name = "N")
    )]
    pub seed: Option<u64>,
}

/// How much trajectories take over from each other: nothing if the powers are 0. See
/// [`Crossfeed`](crate::Crossfeed).
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, Merge)]
#[serde(default)]
#[merge(strategy = merge::option::overwrite_none)]
#[cfg_attr(feature = "arguments", derive(clap::Args))]
#[cfg_attr(feature = "arguments", command(next_help_heading = "Crossfeed"))]
#[non_exhaustive]
pub struct CrossfeedSettings {
    /// How much each keyframe takes over from the one before it, 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "crossfeed.power", long = "crossfeed-power", value_name = "P")
    )]
    pub power: Option<f64>,
    /// Share of the steps over which keyframes take over structure, 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "crossfeed.range", long = "crossfeed-range", value_name = "R")
    )]
    pub range: Option<f64>,
    /// How much of the power is left at the end of that range, 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(id = "crossfeed.decay", long = "crossfeed-decay", value_name = "D")
    )]
    pub decay: Option<f64>,
    /// How much each branch takes over from its parents, 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "crossfeed.parental_power",
            long = "crossfeed-parental-power",
            value_name = "P"
        )
    )]
    pub parental_power: Option<f64>,
    /// Share of the steps over which branches take over structure, 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "crossfeed.parental_range",
            long = "crossfeed-parental-range",
            value_name = "R"
        )
    )]
    pub parental_range: Option<f64>,
    /// How much of the power is left at the end of that range, 0 to 1.
    #[cfg_attr(
        feature = "arguments",
        arg(
            id = "crossfeed.parental_decay",
            long = "crossfeed-parental-decay",
            value_name = "D"
        )
    )]
    pub parental_decay: Option<f64>,
}
