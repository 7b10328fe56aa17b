//! Errors as the user sees them: a message, a hint and an exit code.

use std::borrow::Cow;
use std::process::ExitCode;

use lb_job::{JobError, SettingsError};
use lb_measure::MeasureError;
use lb_models::{CheckpointError, LARGEST_SIDE};
use lb_render::{DeviceProblem, FileError, InputError, ModelError, RenderError, VideoError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The arguments contradict each other.
    #[error("{0}")]
    Request(String),
    /// The arguments of a command that writes pictures name no output.
    #[error("no output is named: a film, a folder for the frames, or a contact sheet")]
    NoOutput,
    /// A render failed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Frames cannot be measured.
    #[error(transparent)]
    Measure(MeasureError),
    /// The user interrupted a render that uses a cache.
    #[error("interrupted")]
    InterruptedWithCache,
    /// The command could not write a file.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The file.
        path: String,
        /// The message of the operating system.
        reason: String,
    },
    /// The command could not write a file, because its folder does not exist.
    #[error("{path} cannot be made: there is no folder {folder}")]
    NoFolder {
        /// The file.
        path: String,
        /// The folder.
        folder: String,
    },
    /// A model cannot have this name.
    #[error(
        "a model cannot be called `{found}`: a name is a plain folder name of at most 100 bytes, \
         without / \\ : * ? \" < > | and with no dot, dash or space in front"
    )]
    ModelName {
        /// The name.
        found: String,
    },
    /// There is already a model of this name.
    #[error("a model named `{name}` exists: {path}")]
    ModelExists {
        /// The name.
        name: String,
        /// Its folder.
        path: String,
    },
    /// `lb models` found that a model cannot be used.
    #[error("the model `{name}` cannot be used: {problem}")]
    BrokenModel {
        /// Its name.
        name: String,
        /// The first thing that is wrong.
        problem: String,
    },
    /// `lb doctor` found that nothing can be rendered.
    #[error("this machine cannot render yet: {0}")]
    Unready(String),
}

const MAKE_FOLDER: &str = "make the folder first, or check the path for a slip";

impl From<MeasureError> for CommandError {
    fn from(error: MeasureError) -> Self {
        match error {
            MeasureError::Input(error) => Self::Render(error.into()),
            MeasureError::Video(error) => Self::Render(error.into()),
            error => Self::Measure(error),
        }
    }
}

impl From<JobError> for CommandError {
    fn from(error: JobError) -> Self {
        Self::Render(error.into())
    }
}

impl From<ModelError> for CommandError {
    fn from(error: ModelError) -> Self {
        Self::Render(error.into())
    }
}

impl CommandError {
    pub(crate) const INTERRUPTED: u8 = 130;

    /// The error of a render. `has_cache` says whether its results so far are in a cache.
    pub(crate) fn of_render(error: RenderError, has_cache: bool) -> Self {
        match error {
            RenderError::Interrupted if has_cache => Self::InterruptedWithCache,
            error => error.into(),
        }
    }

    pub(crate) fn standard_output(error: std::io::Error) -> Self {
        Self::Write {
            path: "standard output".into(),
            reason: error.to_string(),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Request(_)
            | Self::NoOutput
            | Self::ModelName { .. }
            | Self::ModelExists { .. } => 2,
            Self::Render(RenderError::Interrupted) | Self::InterruptedWithCache => {
                Self::INTERRUPTED
            }
            Self::Render(error) if error.is_request() => 2,
            Self::Measure(error) if error.is_request() => 2,
            Self::Render(_)
            | Self::Measure(_)
            | Self::Write { .. }
            | Self::NoFolder { .. }
            | Self::BrokenModel { .. }
            | Self::Unready(_) => 1,
        })
    }

    /// What the user can do about the error, if there is any advice.
    pub(crate) fn hint(&self) -> Option<Cow<'static, str>> {
        if let Self::Render(RenderError::Model(ModelError::PictureSize { width, height, .. })) =
            self
        {
            let [width, height] = [*width, *height].map(allowed_side);
            return Some(format!("try --size {width}x{height}").into());
        }
        self.fixed_hint().map(Cow::Borrowed)
    }

    fn fixed_hint(&self) -> Option<&'static str> {
        let error = match self {
            Self::Render(error) => error,
            Self::InterruptedWithCache => {
                return Some(
                    "no file was written; the results so far are in the cache, and the same command \
                     continues from them",
                );
            }
            Self::NoOutput => {
                return Some("add -o film.mp4, --frames-dir DIR or --contact-sheet FILE");
            }
            Self::ModelName { .. } => return Some("give another one with --name NAME"),
            Self::ModelExists { .. } => {
                return Some("add --force to replace it, or --name NAME to keep both");
            }
            Self::NoFolder { .. } => return Some(MAKE_FOLDER),
            _ => return None,
        };
        if error.is_out_of_memory() {
            return Some(
                "compute fewer branches at once with --batch N, make the pictures smaller with \
                 --size WxH, or close other programs that use the memory",
            );
        }
        match error {
            RenderError::Job(error) => job_hint(error),
            RenderError::NeedsFit { .. } => Some(
                "say how to fit it: --fit crop, --fit pad or --fit stretch; or give the film its \
                 size with --size WxH",
            ),
            RenderError::MaskProportions { .. } => {
                Some("give a mask of the picture's size, or --fit stretch")
            }
            RenderError::Input(InputError::NotAPicture { .. }) => {
                Some("convert it first, to PNG for instance")
            }
            RenderError::Input(InputError::TooManyPixels { .. }) => {
                Some("scale it down first: the film is smaller anyway")
            }
            RenderError::LowResCount { .. } => {
                Some("give the folder that --frames-dir wrote, or prompts for these frames")
            }
            RenderError::FramePosition(_) => Some(
                "give the folder that --frames-dir wrote, as it is; or give the fractions of its \
                 frames with --facts FILE",
            ),
            RenderError::OutputExists { .. } => Some("add --force to replace it"),
            RenderError::ContactSheetFormat { .. } => Some("give it a name that ends in .png"),
            RenderError::Cache(_) => {
                Some("name another folder with --cache-dir DIR, or add --no-cache")
            }
            RenderError::Interrupted => Some("nothing was written"),
            RenderError::Model(ModelError::RuntimeMissing { .. }) => Some(
                "in a checkout, run `cargo xtask setup`; elsewhere set ORT_DYLIB_PATH to \
                 libonnxruntime (version 1.24 or newer)",
            ),
            RenderError::Model(ModelError::RuntimeUnusable { .. }) => Some(
                "lb needs ONNX Runtime 1.24 or newer for this machine; `cargo xtask setup` gets \
                 one, ORT_DYLIB_PATH names another",
            ),
            RenderError::Model(ModelError::ModelMissing { .. }) => Some(
                "`lb models` lists what is there, `lb import SOURCE` adds one; folders of models \
                 are named in LB_MODELS",
            ),
            RenderError::Model(ModelError::Checkpoint(CheckpointError::NotInferable {
                ..
            })) => Some("give the model's diffusers directory, without weights, with --config DIR"),
            RenderError::Model(ModelError::Checkpoint(CheckpointError::PickledWeights {
                ..
            })) => {
                Some("`lb import FOLDER --name NAME` makes a model of it, and runs nothing of it")
            }
            RenderError::Model(ModelError::Checkpoint(CheckpointError::NoWeights {
                folder,
                ..
            })) if folder.join("model.onnx").is_file() => {
                Some("a folder of ONNX graphs needs no import: --model FOLDER takes it as it is")
            }
            RenderError::Model(ModelError::Checkpoint(CheckpointError::LargeFilePointer {
                ..
            })) => Some("`git lfs pull` in this folder downloads it"),
            RenderError::Model(ModelError::Checkpoint(CheckpointError::DestinationExists {
                ..
            })) => Some("move it away, or give another name with --name NAME"),
            RenderError::Model(ModelError::Checkpoint(CheckpointError::CheckpointGlobal {
                ..
            })) => {
                Some("do not open this file with Python; look for the model as a .safetensors file")
            }
            RenderError::Model(ModelError::DeviceUnavailable { reason, .. }) => {
                Some(device_advice(reason))
            }
            RenderError::Video(VideoError::AudioWithoutFfmpeg { .. }) => {
                Some("install ffmpeg, or leave --audio out")
            }
            RenderError::Video(VideoError::EncoderNotStarted { .. }) => {
                Some("install ffmpeg, or leave --encoder out")
            }
            RenderError::Video(VideoError::File(FileError::NoFolder { .. })) => Some(MAKE_FOLDER),
            RenderError::Video(VideoError::File(FileError::NoSpace { .. })) => {
                Some("free some space, or name another disk's folder with -o")
            }
            _ => None,
        }
    }
}

/// The side length nearest to this one that models can draw.
fn allowed_side(side: usize) -> usize {
    const UNIT: usize = 64;
    let units = side.saturating_add(UNIT / 2) / UNIT;
    units.clamp(1, LARGEST_SIDE / UNIT) * UNIT
}

fn job_hint(error: &JobError) -> Option<&'static str> {
    match error {
        JobError::PromptCount { .. } => {
            Some("quote each prompt: lb render \"red apple\" \"green pear\" -o film.mp4")
        }
        JobError::Settings(SettingsError::StepsAlone) => {
            Some("add --frames N, or --branches with --injection-steps")
        }
        JobError::Settings(SettingsError::InpaintIncomplete { missing: "mask" }) => {
            Some("add --mask; to begin or end the film with the picture, give it to --from or --to")
        }
        JobError::Settings(SettingsError::MidCompressionWithoutFixed) => {
            Some("add --spacing fixed")
        }
        JobError::Settings(SettingsError::BranchesWithoutInjections) => {
            Some("add --injection-steps or --injection-strengths")
        }
        JobError::NoJob { .. } => Some(
            "films and PNG pictures that lb renders carry their job, but lose it when another program \
             saves them again. To begin a film with a picture, give it to --from",
        ),
        JobError::SamplerNotInvertible { .. } => Some("leave --sampler out, or take ddim"),
        JobError::PictureCrossfed { .. } => Some(
            "leave --crossfeed-power out; --crossfeed-parental-power changes no keyframe and may \
             stay",
        ),
        _ => None,
    }
}

/// The next thing to do about the problem, with the command for it.
pub(crate) fn device_advice(problem: &DeviceProblem) -> &'static str {
    match problem {
        DeviceProblem::NotBuiltIn { .. } | DeviceProblem::NoProvider { .. } => {
            "in a checkout, run `cargo xtask setup --gpu` and leave ORT_DYLIB_PATH unset; elsewhere \
             set ORT_DYLIB_PATH to the libonnxruntime of a build for GPUs"
        }
        DeviceProblem::NoDriver { .. } => {
            "install NVIDIA's driver, 580 or newer (Ubuntu: `sudo ubuntu-drivers install`), until \
             `nvidia-smi` lists the GPU; start a container with `--gpus all`"
        }
        DeviceProblem::NoCuda { .. } => {
            "in a checkout, run `cargo xtask setup --gpu`, which fetches CUDA 13 and cuDNN 9 too; \
             elsewhere install both and name their folders in LD_LIBRARY_PATH"
        }
        DeviceProblem::NoTensorRt { .. } => {
            "install TensorRT 10 for CUDA 13 from developer.nvidia.com and name the folder of \
             libnvinfer in LD_LIBRARY_PATH; --device cuda does without"
        }
        _ => {
            "CUDA 13 needs driver 580 or newer and a GPU of 2018 or later (Turing), which \
             `nvidia-smi` lists; a container needs `--gpus all`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_of_a_device_has_its_own_advice() {
        let library = "libonnxruntime_providers_cuda.so".into();
        let reason = || String::from("it is not there");
        let steps = [
            (DeviceProblem::NoProvider { library }, "setup --gpu` and"),
            (DeviceProblem::NoDriver { reason: reason() }, "nvidia-smi"),
            (DeviceProblem::NoCuda { reason: reason() }, "cuDNN 9 too"),
            (DeviceProblem::NoTensorRt { reason: reason() }, "libnvinfer"),
            (DeviceProblem::Refused { reason: reason() }, "CUDA 13 needs"),
        ];
        for (problem, command) in steps {
            let advice = device_advice(&problem);
            assert!(advice.contains(command), "{problem:?}: {advice}");
        }
    }
}
