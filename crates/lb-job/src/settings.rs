//! A film as a user asks for it, with gaps. Every setting is declared here, and only here.
//!
//! Flags, job files, the text that a film carries and JSON are all read into these structs. Settings
//! are laid [over](JobSettings::over) each other, and [`JobSettings::resolve`] fills what is still open
//! with the defaults, which are collected in [`JobSettings::defaults`].

mod defaults;
mod error;
mod film_length;
mod layer;
mod layers;
mod resolve;
mod text;

use std::path::PathBuf;

use lb_blend::{SamplerKind, SpacingDistance, TimestepSpacing};
use lb_prompt::PromptSyntax;
use lb_schedule::{BranchingRule, Easing, FrameRate, GuidanceRescale, Quality};
use serde::{Deserialize, Serialize};

use crate::{Between, EmbeddingFile, Fit, Frames, FromTo, KeyframeLora, Pan, Sync, Timing};

#[cfg(feature = "arguments")]
use crate::value_parsers::{choices, list_item};
pub use error::SettingsError;
pub use film_length::{FilmLength, InvalidFilmLength};
use layer::Layer;
#[cfg(feature = "arguments")]
use text::parse_size;

/// Declares a table of settings under a heading of the help. Each field is a setting: its documentation
/// is the help, its name is the key, and the attribute behind `=>` makes it a flag with the feature
/// `arguments`. Where nothing else is said, the flag has the name of the field as well.
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident $(under $heading:literal)? {
            $($(#[$field_attribute:meta])* $field:ident: $type:ty => $flag:meta,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
        #[serde(default)]
        #[cfg_attr(feature = "arguments", derive(clap::Args) $(, command(next_help_heading = $heading))?)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_attribute])* #[cfg_attr(feature = "arguments", $flag)] pub $field: $type,)+
        }

        impl Layer for $name {
            fn fill_from(&mut self, lower: Self) {
                $(self.$field.fill_from(lower.$field);)+
            }
        }
    };
}

settings! {
    /// All settings of a film. A setting that is not given is `None` or an empty list.
    pub struct JobSettings under "Keyframes" {
        /// The keyframes, each with the transition after it. They are `[[keyframe]]` tables in a job file.
        #[serde(rename = "keyframe", skip_serializing_if = "Vec::is_empty")]
        keyframes: Vec<KeyframeSettings> => arg(skip),
        /// Make each keyframe a picture of its own, which no transition joins to the next.
        stills: Option<bool> => arg(skip),
        /// How prompts are read.
        #[serde(flatten)]
        prompts: PromptSettings => command(flatten),
        /// The text encoder's layer that describes the prompt, counted from the last one: 1 is the last, 2 the
        /// one before it [default: 1, or the model's own].
        clip_skip: Option<usize> => arg(long, value_name = "N"),
        /// Width and height in pixels, multiples of 8 [default: the model's own].
        #[serde(with = "text::size")]
        size: Option<(usize, usize)> => arg(long, value_name = "WxH", value_parser = parse_size),
        /// How many times wider and higher the film is than its frames. They are enlarged before they are
        /// encoded; --frames-dir and --contact-sheet show them as they are.
        scale: Option<usize> => arg(long, value_name = "N", help_heading = "Output"),
        /// How far the contrast that guidance adds is taken back, from 0 (not at all) to 1. About 0.7 suits
        /// models with zero terminal SNR [default: 0, or the model's own].
        guidance_rescale: Option<GuidanceRescale> => arg(long, value_name = "PHI"),
        /// Compute guidance only at every Nth step. The steps in between reuse it, and take half the time.
        guidance_every: Option<usize> => arg(long, value_name = "N"),
        /// Sampler that denoises the latents.
        #[serde(with = "text::choice")]
        sampler: Option<SamplerKind> => arg(long, value_name = "NAME", value_parser = choices::<SamplerKind>()),
        /// Timesteps that the sampler visits [default: those that the model needs].
        #[serde(with = "text::choice")]
        timestep_spacing: Option<TimestepSpacing> => arg(
            long,
            value_name = "NAME",
            value_parser = choices::<TimestepSpacing>(),
        ),
        /// Values for all keyframes and transitions that do not set their own: the table `[defaults]`.
        defaults: DefaultSettings => command(flatten),
        /// How the fractions of a level's branches are chosen.
        #[serde(flatten)]
        spacing: SpacingSettings => command(flatten),
        /// Differences that perceptual spacing measures.
        #[serde(rename = "spacing_distance", with = "text::choice")]
        distance: Option<SpacingDistance> => arg(
            id = "spacing_distance",
            long = "spacing-distance",
            value_name = "NAME",
            value_parser = choices::<SpacingDistance>(),
            help_heading = "Branching",
        ),
        /// The timing of the film.
        #[serde(flatten)]
        timing: TimingSettings => command(flatten),
        /// What the film shows of its pictures.
        camera: CameraSettings => command(flatten),
        /// Refinements of each step when a picture is inverted to noise: more of them come closer to the
        /// picture and take longer [default: 4, or 3 from 30 steps on].
        inversion_iterations: Option<usize> =>
            arg(long, value_name = "N", help_heading = "Pictures as keyframes"),
        /// The model: a name that `lb models` lists, or a model directory
        /// [default: $LB_MODEL, else pocket].
        model: Option<String> => arg(long, value_name = "NAME|DIR", help_heading = "Model and machine"),
        /// VAE decoder instead of the model's own, such as the quick decoder TAESD: a safetensors file, or
        /// a folder in the layout of diffusers [default: the model's own].
        vae: Option<PathBuf> => arg(long, value_name = "FILE|DIR", help_heading = "Model and machine"),
        /// The picture that is partly repainted.
        inpaint: InpaintSettings => command(flatten),
        /// How pictures that do not have the film's size are fitted [default: keyframes are cropped, other
        /// pictures are refused].
        #[serde(with = "text::choice")]
        fit: Option<Fit> => arg(
            long,
            value_name = "NAME",
            value_parser = choices::<Fit>(),
            help_heading = "Inpainting and depth",
        ),
        /// The depth map that the film follows.
        depth: DepthSettings => command(flatten),
        /// The second stage at four times the size.
        upscale: UpscaleSettings => command(flatten),
        /// How much trajectories take over from each other.
        crossfeed: CrossfeedSettings => command(flatten),
    }
}

settings! {
    /// How prompts are read: by the model of the film, and by that of its second stage.
    pub struct PromptSettings under "Keyframes" {
        /// How prompts are read.
        #[serde(with = "text::choice")]
        prompt_syntax: Option<PromptSyntax> => arg(
            long,
            value_name = "NAME",
            value_parser = choices::<PromptSyntax>(),
        ),
        /// Embedding (textual inversion) that prompts may name, by the name of its file or by another one; may be
        /// given several times.
        #[serde(rename = "embedding", with = "text::list")]
        embeddings: Option<Vec<EmbeddingFile>> => arg(
            id = "embedding",
            long = "embedding",
            value_name = "FILE[=NAME]",
        ),
    }
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
    /// A second seed: the noise of the first one is moved towards its noise, which gives a similar picture.
    pub variation_seed: Option<u64>,
    /// How far the noise is moved: 0 is not at all, 1 is all the way.
    pub variation_strength: Option<f64>,
    /// A picture to be this keyframe.
    pub image: Option<PathBuf>,
    /// The SHA-256 of the picture's content, by which it is found after it was moved.
    #[serde(with = "text::sha256")]
    pub image_sha256: Option<String>,
    /// How many times larger the picture is than what the film shows of it.
    pub zoom: Option<f64>,
    /// Where the camera looks.
    pub pan: Option<Pan>,
    /// The degrees by which the picture is turned clockwise.
    pub rotation: Option<f64>,
    /// The settings that `[defaults]` may contain as well.
    #[serde(flatten)]
    pub shared: SharedSettings,
    /// How the way of the transition that follows is divided over its time: the shares of the way that are
    /// covered at equal distances in time, of which the last is 1; see [`Pace`](crate::Pace).
    pub pace: Option<Vec<f64>>,
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

settings! {
    /// Values for all keyframes and transitions that do not set their own.
    pub struct DefaultSettings {
        /// The trees of the transitions.
        #[serde(flatten)]
        branching: BranchingSettings => command(flatten),
        /// The keyframes and the motion between them.
        #[serde(flatten)]
        shared: SharedSettings => command(flatten),
    }
}

settings! {
    /// Settings of keyframes and of the motion between them, apart from prompts and trees.
    pub struct SharedSettings under "Keyframes" {
        /// What the keyframes should not show [default: nothing].
        negative_prompt: Option<String> => arg(long, value_name = "TEXT"),
        /// LoRA that changes the model, and how strongly, where 1 is as it was trained; may be given several
        /// times. Between keyframes with different strengths, the strength changes linearly.
        #[serde(rename = "lora", with = "text::list")]
        loras: Option<Vec<KeyframeLora>> => arg(
            id = "lora",
            long = "lora",
            value_name = "FILE[:STRENGTH]",
        ),
        /// Seconds for which the film rests on each keyframe.
        hold: Option<f64> => arg(long, value_name = "S", help_heading = "Film timing"),
        /// Guidance scale of keyframes that are made from prompts; 1 and 0 mean no guidance.
        guidance_scale: Option<f64> => arg(long, value_name = "G"),
        /// Seconds of each transition.
        seconds: Option<f64> => arg(long, value_name = "S", help_heading = "Film timing"),
        /// How much of the guidance is left in the middle of a transition: 1 for all of it, 0 for none.
        guidance_damper: Option<f64> => arg(long, value_name = "D"),
        /// How the motion of a transition starts and ends.
        #[serde(with = "text::choice")]
        easing: Option<Easing> => arg(
            long,
            value_name = "NAME",
            value_parser = choices::<Easing>(),
            help_heading = "Film timing",
        ),
    }
}

settings! {
    /// The tree of a transition: a quality, numbers that replace some of the quality's own, and levels
    /// that a rule sets up or that are given one by one; see [`Branching`](crate::Branching).
    pub struct BranchingSettings under "Branching" {
        /// Preset of the steps, computed frames and pictures that are not given.
        #[serde(with = "text::choice")]
        quality: Option<Quality> => arg(
            long,
            value_name = "NAME",
            value_parser = choices::<Quality>(),
            ignore_case = true,
        ),
        /// Inference steps [default: those of the quality].
        steps: Option<usize> => arg(long, value_name = "N"),
        /// Computed frames of a transition, both keyframes included: a number, a share of its film
        /// frames such as 1/2, or film for all of them [default: those of the quality].
        frames: Option<Frames> =>
            arg(long, value_name = "N|N/M|film", conflicts_with = "branches"),
        /// Pictures of a transition: its computed frames, and in-betweens that are decoded from the
        /// latents between them. A number, a share of its film frames such as 1/2, or film for all of
        /// them; film frames beyond are cross-faded [default: those of the quality].
        pictures: Option<Frames> => arg(long, value_name = "N|N/M|film"),
        /// Rule that sets up the levels of the tree and the numbers of the presets.
        #[serde(rename = "branching", with = "text::choice")]
        rule: Option<BranchingRule> => arg(
            id = "branching",
            long = "branching",
            value_name = "NAME",
            value_parser = choices::<BranchingRule>(),
            conflicts_with = "branches",
        ),
        /// Where blending begins, as a share of the steps from 0 to 1.
        ///
        /// With low values the model invents more and shapes move more; with high values the film is
        /// close to a cross-fade.
        depth_strength: Option<f64> => arg(long, value_name = "D", conflicts_with = "branches"),
        /// Number of branches of each level; needs --injection-steps or --injection-strengths.
        branches: Option<Vec<usize>> => arg(
            long,
            value_name = "2,4,…",
            value_delimiter = ',',
            value_parser = list_item::<usize>,
        ),
        /// Step at which each level begins.
        injection_steps: Option<Vec<usize>> => arg(
            long,
            value_name = "0,3,…",
            value_delimiter = ',',
            value_parser = list_item::<usize>,
            requires = "branches",
            conflicts_with = "injection_strengths",
        ),
        /// Where each level begins, as a share of the steps from 0 to 1.
        injection_strengths: Option<Vec<f64>> => arg(
            long,
            value_name = "0,0.3,…",
            value_delimiter = ',',
            value_parser = list_item::<f64>,
            requires = "branches",
        ),
    }
}

settings! {
    /// How the fractions of a level's branches are chosen; see [`Spacing`](crate::Spacing).
    #[derive(Copy)]
    pub struct SpacingSettings under "Branching" {
        /// How the fractions of a level's branches are chosen.
        #[serde(rename = "spacing", with = "text::choice")]
        choice: Option<SpacingChoice> => arg(
            id = "spacing",
            long = "spacing",
            value_name = "NAME",
            value_parser = choices::<SpacingChoice>(),
        ),
        /// How close together branches are in the middle under fixed spacing: 1 for even spacing, higher
        /// values for closer branches.
        mid_compression: Option<f64> => arg(long, value_name = "S"),
    }
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

settings! {
    /// The timing of the film.
    pub struct TimingSettings under "Film timing" {
        /// Film frames per second: a number, or a fraction such as 24000/1001.
        ///
        /// 23.976, 29.97 and 59.94 mean the exact fractions of NTSC.
        #[serde(rename = "fps", with = "text::frame_rate")]
        frame_rate: Option<FrameRate> => arg(id = "fps", long = "fps", value_name = "F"),
        /// Seconds of the whole film, or track for as many as the sound has [default: the sum of
        /// transitions and holds].
        ///
        /// All transitions are scaled by the same factor, and holds keep their length.
        film_seconds: Option<FilmLength> => arg(long, value_name = "S|track"),
        /// What the keyframes land on in the sound, whose percussion drives the motion between them.
        ///
        /// Each transition ends on the beat that is nearest to the end that it would have otherwise.
        #[serde(with = "text::choice")]
        sync: Option<Sync> => arg(long, value_name = "NAME", value_parser = choices::<Sync>()),
        /// When the computed frames of a transition are shown.
        #[serde(with = "text::choice")]
        timing: Option<Timing> => arg(long, value_name = "NAME", value_parser = choices::<Timing>()),
        /// What the film shows between computed frames.
        #[serde(with = "text::choice")]
        between: Option<Between> => arg(long, value_name = "NAME", value_parser = choices::<Between>()),
        /// Add a transition from the last keyframe to the first one, so that the film can repeat without a
        /// jump.
        #[serde(rename = "loop")]
        looped: Option<bool> => arg(id = "loop", long = "loop", action = clap::ArgAction::SetTrue),
    }
}

settings! {
    /// The picture that is partly repainted; see [`Inpaint`](crate::Inpaint).
    pub struct InpaintSettings under "Inpainting and depth" {
        /// Picture that is partly repainted; needs --mask and an inpainting model.
        image: Option<PathBuf> => arg(id = "inpaint.image", long = "image", value_name = "PIC"),
        /// The SHA-256 of the picture's content, by which it is found after it was moved.
        #[serde(with = "text::sha256")]
        image_sha256: Option<String> => arg(skip),
        /// Mask for the picture: black parts are kept, white parts are repainted.
        mask: Option<PathBuf> => arg(id = "inpaint.mask", long = "mask", value_name = "PIC"),
        /// The SHA-256 of the mask's content.
        #[serde(with = "text::sha256")]
        mask_sha256: Option<String> => arg(skip),
        /// Width in pixels of the soft edge between the kept and the repainted part, on the repainted side.
        feather: Option<f64> => arg(id = "inpaint.feather", long = "feather", value_name = "PIXELS"),
    }
}

settings! {
    /// The depth map that the film follows; see [`DepthMap`](crate::DepthMap).
    pub struct DepthSettings under "Inpainting and depth" {
        /// Depth map, in which bright parts are near and dark parts are far; needs a depth model.
        image: Option<PathBuf> => arg(id = "depth.image", long = "depth", value_name = "PIC"),
        /// The SHA-256 of the map's content.
        #[serde(with = "text::sha256")]
        image_sha256: Option<String> => arg(skip),
    }
}

settings! {
    /// The second stage and its model; see [`Upscale`](crate::Upscale).
    pub struct UpscaleSettings under "Upscaling" {
        /// Upscaling model (x4), which renders the film again at four times the width and height.
        model: Option<String> => arg(id = "upscale.model", long = "upscale", value_name = "NAME|DIR"),
        /// How the second stage is computed.
        #[serde(flatten)]
        stage: SecondStageSettings => command(flatten),
    }
}

settings! {
    /// How a second stage is computed, apart from its model.
    pub struct SecondStageSettings under "Upscaling" {
        /// Inference steps of the second stage.
        steps: Option<usize> => arg(id = "upscale.steps", long = "upscale-steps", value_name = "N"),
        /// Computed frames from one frame of the first stage to the next, both included.
        frames: Option<usize> => arg(id = "upscale.frames", long = "upscale-frames", value_name = "N"),
        /// Where blending begins in the second stage, as a share of its steps from 0 to 1.
        depth_strength: Option<f64> =>
            arg(id = "upscale.depth_strength", long = "upscale-depth-strength", value_name = "D"),
        /// Noise added to the frames of the first stage: with more noise, the model invents more.
        noise_level: Option<usize> =>
            arg(id = "upscale.noise_level", long = "upscale-noise-level", value_name = "N"),
        /// Seed of the second stage's noise, which is the same for all of its frames.
        seed: Option<u64> => arg(id = "upscale.seed", long = "upscale-seed", value_name = "N"),
    }
}

settings! {
    /// How much trajectories take over from each other: nothing if the powers are 0. See
    /// [`Crossfeed`](crate::Crossfeed).
    #[derive(Copy)]
    pub struct CrossfeedSettings under "Crossfeed" {
        /// How much each keyframe takes over from the one before it, 0 to 1.
        power: Option<f64> => arg(id = "crossfeed.power", long = "crossfeed-power", value_name = "P"),
        /// Share of the steps over which keyframes take over structure, 0 to 1.
        range: Option<f64> => arg(id = "crossfeed.range", long = "crossfeed-range", value_name = "R"),
        /// How much of the power is left at the end of that range, 0 to 1.
        decay: Option<f64> => arg(id = "crossfeed.decay", long = "crossfeed-decay", value_name = "D"),
        /// How much each branch takes over from its parents, 0 to 1.
        parental_power: Option<f64> =>
            arg(id = "crossfeed.parental_power", long = "crossfeed-parental-power", value_name = "P"),
        /// Share of the steps over which branches take over structure, 0 to 1.
        parental_range: Option<f64> =>
            arg(id = "crossfeed.parental_range", long = "crossfeed-parental-range", value_name = "R"),
        /// How much of the power is left at the end of that range, 0 to 1.
        parental_decay: Option<f64> =>
            arg(id = "crossfeed.parental_decay", long = "crossfeed-parental-decay", value_name = "D"),
    }
}

settings! {
    /// How the camera moves through the whole film; see [`FilmCamera`](crate::FilmCamera).
    #[derive(Copy)]
    pub struct CameraSettings under "Camera" {
        /// How many times larger the picture is than what the film shows of it, from 1 (all of it): a number, or
        /// two for the beginning and the end of the film.
        zoom: Option<FromTo<f64>> => arg(id = "camera.zoom", long = "zoom", value_name = "Z|FROM..TO"),
        /// Where a zoom leads and the camera looks, to the right and down: 0 is the middle of the picture, and
        /// -1 and 1 are its edges. A place, or two for the beginning and the end of the film.
        pan: Option<FromTo<Pan>> => arg(
            id = "camera.pan",
            long = "pan",
            value_name = "X,Y|FROM..TO",
            allow_hyphen_values = true,
        ),
        /// Degrees by which the picture is turned clockwise: a number, or two for the beginning and the end of
        /// the film.
        rotation: Option<FromTo<f64>> => arg(
            id = "camera.rotation",
            long = "rotation",
            value_name = "DEG|FROM..TO",
            allow_hyphen_values = true,
        ),
        /// How the movement of the camera starts and ends.
        #[serde(with = "text::choice")]
        easing: Option<Easing> => arg(
            id = "camera.easing",
            long = "camera-easing",
            value_name = "NAME",
            value_parser = choices::<Easing>(),
        ),
    }
}
