//! Errors as the user sees them: a message, a hint and an exit code.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use lb_audio::AudioError;
use lb_hub::{HubError, KnownModel, Repository};
use lb_job::{Job, JobError, JobFileError, PromptError, SettingsError, Unsupported};
use lb_measure::MeasureError;
use lb_models::{CheckpointError, LARGEST_SIDE};
use lb_render::{
    Device, DeviceProblem, FileError, InputError, ModelError, Precision, RenderError, VideoError,
};

use crate::commands::models::quoted;
use crate::machine::BUNDLED_MODELS;
use crate::surroundings;

/// Why a command failed. The libraries have their own errors; what only a command can notice is a
/// message with its hint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The request was wrong.
    #[error("{message}")]
    Request {
        message: String,
        hint: Option<&'static str>,
    },
    /// The request was right, but the work failed.
    #[error("{message}")]
    Failure {
        message: String,
        hint: Option<&'static str>,
    },
    /// A render failed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Frames cannot be measured.
    #[error(transparent)]
    Measure(MeasureError),
    /// A hub does not give what was asked for.
    #[error(transparent)]
    Hub(HubError),
    /// Frames were measured, and are not as the user requires.
    #[error("{message}")]
    NotAsRequired {
        message: String,
        /// Lines below the message that say which requirements are not met, and by how much.
        details: Vec<String>,
    },
    /// The user interrupted a render that uses a cache.
    #[error("interrupted")]
    InterruptedWithCache,
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

impl From<HubError> for CommandError {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Interrupted => Self::Render(RenderError::Interrupted),
            error => Self::Hub(error),
        }
    }
}

impl From<JobError> for CommandError {
    fn from(error: JobError) -> Self {
        Self::Render(error.into())
    }
}

impl From<AudioError> for CommandError {
    fn from(error: AudioError) -> Self {
        match error.is_request() {
            true => Self::request(error.to_string()),
            false => Self::failure(error.to_string()),
        }
    }
}

impl From<ModelError> for CommandError {
    fn from(error: ModelError) -> Self {
        Self::Render(error.into())
    }
}

impl CommandError {
    pub(crate) const INTERRUPTED: u8 = 130;
    pub(crate) const NOT_AS_REQUIRED: u8 = 3;

    /// A wrong request.
    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::Request {
            message: message.into(),
            hint: None,
        }
    }

    /// A failure that the user can do nothing about.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self::Failure {
            message: message.into(),
            hint: None,
        }
    }

    /// The machine cannot render anything.
    pub(crate) fn unready(reason: impl Display) -> Self {
        Self::failure(format!("this machine cannot render yet: {reason}"))
    }

    /// A file cannot be written.
    pub(crate) fn write(file: impl Display, reason: impl Display) -> Self {
        Self::failure(format!("cannot write {file}: {reason}"))
    }

    /// A file cannot be written, because its folder does not exist.
    pub(crate) fn no_folder(file: impl Display, folder: impl Display) -> Self {
        Self::Failure {
            message: format!("{file} cannot be made: there is no folder {folder}"),
            hint: Some(MAKE_FOLDER),
        }
    }

    /// The error of a render. `has_cache` says whether its results so far are in a cache.
    pub(crate) fn of_render(error: RenderError, has_cache: bool) -> Self {
        match error {
            RenderError::Interrupted if has_cache => Self::InterruptedWithCache,
            error => error.into(),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Render(RenderError::Interrupted) | Self::InterruptedWithCache => {
                Self::INTERRUPTED
            }
            Self::NotAsRequired { .. } => Self::NOT_AS_REQUIRED,
            Self::Request { .. } => 2,
            Self::Render(error) if error.is_request() => 2,
            Self::Measure(error) if error.is_request() => 2,
            Self::Hub(error) if error.is_request() => 2,
            Self::Failure { .. } | Self::Render(_) | Self::Measure(_) | Self::Hub(_) => 1,
        })
    }

    /// Lines that belong below the message.
    pub(crate) fn details(&self) -> &[String] {
        match self {
            Self::NotAsRequired { details, .. } => details,
            _ => &[],
        }
    }

    /// What the user can do about the error, if there is any advice.
    pub(crate) fn hint(&self) -> Option<Cow<'static, str>> {
        if let Self::Render(RenderError::Model(ModelError::PictureSize { width, height, .. })) =
            self
        {
            let [width, height] = [*width, *height].map(allowed_side);
            return Some(format!("try --size {width}x{height}").into());
        }
        if let Self::Render(RenderError::Model(ModelError::ModelMissing { name, .. })) = self
            && (KnownModel::find(name).is_some() || name.parse::<Repository>().is_ok())
        {
            return Some(format!("`lb pull {name}` downloads it").into());
        }
        if let Self::Render(RenderError::Model(ModelError::RuntimeMissing { .. })) = self {
            return Some(how_to_get_the_runtime(surroundings::package_folder().as_deref()).into());
        }
        if let Self::Render(error) = self
            && let Some(ModelError::DeviceUnavailable { reason, .. }) = error.model_error()
        {
            return Some(device_advice(reason));
        }
        let hint = match self {
            Self::Request { hint, .. } | Self::Failure { hint, .. } => (*hint)?,
            Self::InterruptedWithCache => {
                "no file was written; the results so far are in the cache, and the same command \
                 continues from them"
            }
            Self::Measure(_) | Self::NotAsRequired { .. } => return None,
            Self::Hub(error) => hub_hint(error)?,
            Self::Render(error) if error.is_out_of_memory() => {
                "compute fewer branches at once with --batch N, make the pictures smaller with \
                 --size WxH, or close other programs that use the memory"
            }
            Self::Render(error) => render_hint(error)?,
        };
        Some(hint.into())
    }
}

/// The side length nearest to this one that models can draw.
fn allowed_side(side: usize) -> usize {
    const UNIT: usize = 8;
    let units = side.saturating_add(UNIT / 2) / UNIT;
    units.clamp(1, LARGEST_SIDE / UNIT) * UNIT
}

/// How to get ONNX Runtime. `folder` is where `lb` looks for packages that belong to no environment of Python: pip
/// installs into a named folder even where the system manages its own Python.
fn how_to_get_the_runtime(folder: Option<&Path>) -> String {
    let python = if cfg!(windows) { "py" } else { "python3" };
    let install = folder.map(|folder| {
        let folder = quoted(&folder.to_string_lossy());
        format!("`{python} -m pip install --no-deps --target {folder} onnxruntime` gets it; ")
    });
    let install = install.unwrap_or_default();
    format!(
        "{install}in a checkout, `cargo xtask setup` does; ORT_DYLIB_PATH names another library of version 1.24 or \
         newer"
    )
}

fn render_hint(error: &RenderError) -> Option<&'static str> {
    if let Some(error) = error.model_error() {
        return model_hint(error);
    }
    Some(match error {
        RenderError::Job(error) => job_hint(error)?,
        RenderError::Video(error) => video_hint(error)?,
        RenderError::NeedsFit { .. } => {
            "say how to fit it: --fit crop, --fit pad or --fit stretch; or give the film its size \
             with --size WxH"
        }
        RenderError::MaskProportions { .. } => {
            "give a mask of the picture's size, or --fit stretch"
        }
        RenderError::Input(InputError::NotAPicture { .. }) => {
            "convert it first, to PNG for instance"
        }
        RenderError::Input(InputError::TooManyPixels { .. }) => {
            "scale it down first: the film is smaller anyway"
        }
        RenderError::LowResCount { .. } => {
            "give the folder that --frames-dir wrote, or prompts for these frames"
        }
        RenderError::FramePosition(_) => {
            "give the folder that --frames-dir wrote, as it is; or give the fractions of its \
             frames with --facts FILE"
        }
        RenderError::OutputExists { .. } => "add --force to replace it",
        RenderError::ContactSheetFormat { .. } | RenderError::PictureFormat { .. } => {
            "give it a name that ends in .png"
        }
        RenderError::Cache(_) => "name another folder with --cache-dir DIR, or add --no-cache",
        RenderError::Interrupted => "nothing was written",
        _ => return None,
    })
}

fn hub_hint(error: &HubError) -> Option<&'static str> {
    Some(match error {
        HubError::Unauthorised {
            with_token: false, ..
        } => {
            "if you may use it, accept its terms on its page, and give your token in HF_TOKEN or by \
             `hf auth login`; a name that does not exist gets the same answer"
        }
        HubError::Unauthorised { .. } => {
            "accept its terms on its page with the account of the token in HF_TOKEN; a name that does not \
             exist gets the same answer"
        }
        HubError::NotFound { .. } => {
            "look for a copy that others keep: docs/models.md says where weights are"
        }
        HubError::Ambiguous { .. } => {
            "`lb pull REPOSITORY --file PATH` downloads one of them, `lb import FILE` makes a model of it"
        }
        HubError::Connection { .. } | HubError::Status { .. } => {
            "what has arrived is kept: the same command goes on from there"
        }
        HubError::NoSpace { .. } => {
            "free some space, or name a folder on another disk with HF_HOME; what has arrived is kept"
        }
        HubError::WrongHash { .. } => {
            "try again; if it happens again, the hub or something on the way to it is broken"
        }
        _ => return None,
    })
}

fn job_hint(error: &JobError) -> Option<&'static str> {
    Some(match error {
        JobError::NoPictures { unread, .. } if !unread.is_empty() => {
            "convert the pictures to JPEG or PNG"
        }
        JobError::NoPictures { .. } => {
            "to render words that are also a folder's name, put a space in front of them"
        }
        JobError::PromptCount { found } if *found > Job::MOST_KEYFRAMES => {
            "make several films, or leave keyframes out"
        }
        JobError::PromptCount { .. } => {
            "quote each prompt: lb render \"red apple\" \"green pear\" -o film.mp4"
        }
        JobError::Prompt(PromptError::Unsupported { kind, .. }) => match kind {
            Unsupported::File => {
                "take the tag out of the prompt, and give a LoRA to --lora FILE:STRENGTH. To keep these \
                 characters as text, write \\<…>, or add --prompt-syntax plain"
            }
            _ => {
                "give each wording a keyframe of its own, or write a weight in round brackets, such as \
                 (word:0.5). To keep these characters as text, write \\[…\\], or add --prompt-syntax plain"
            }
        },
        JobError::Settings(SettingsError::InpaintIncomplete { missing: "mask" }) => {
            "add --mask; to begin or end the film with the picture, give it to --from or --to"
        }
        JobError::Settings(SettingsError::NoTrack) => {
            "add --audio FILE, or give a number of seconds"
        }
        JobError::Settings(SettingsError::NoSound { .. }) => "add --audio FILE",
        JobError::Settings(SettingsError::MidCompressionWithoutFixed) => "add --spacing fixed",
        JobError::Settings(SettingsError::BranchesWithoutInjections) => {
            "add --injection-steps or --injection-strengths"
        }
        JobError::NoJob { .. } => {
            "films and PNG pictures that lb renders carry their job, but lose it when another program \
             saves them again. To begin a film with a picture, give it to --from"
        }
        JobError::PathsOutside { .. } | JobError::JobFile(JobFileError::IncludeOutside { .. }) => {
            "add --allow-paths if you know who made the job, and mean the result to use these files; or copy \
             them into the job's folder"
        }
        JobError::SamplerNotInvertible { .. } => "leave --sampler out, or take ddim",
        JobError::PictureCrossfed { .. } => {
            "leave --crossfeed-power out; --crossfeed-parental-power changes no keyframe and may \
             stay"
        }
        _ => return None,
    })
}

fn model_hint(error: &ModelError) -> Option<&'static str> {
    Some(match error {
        ModelError::Checkpoint(error) => checkpoint_hint(error)?,
        ModelError::UnsupportedScheduler { .. } => {
            "add --sampler NAME, with ddim, dpmpp-2m or euler; or write `sampler` into the model's \
             lb.toml"
        }
        ModelError::RuntimeUnusable { .. } => {
            "lb needs ONNX Runtime 1.24 or newer for this machine; `cargo xtask setup` gets one, \
             ORT_DYLIB_PATH names another"
        }
        ModelError::ModelMissing { name, .. } if BUNDLED_MODELS.contains(&name.as_str()) => {
            "it comes with the Python package and with the sources of lb, whose folder `models` can be named in \
             LB_MODELS; `lb pull sd-turbo` downloads another model, for --model sd-turbo"
        }
        ModelError::ModelMissing { .. } => {
            "`lb models` lists what is there, `lb pull NAME` downloads one, `lb import SOURCE` takes one from \
             this machine; folders of models are named in LB_MODELS"
        }
        ModelError::NotFinite {
            precision: Precision::Float16,
            ..
        } => "compute in 32-bit floats, which have room for larger numbers: --precision fp32",
        _ => return None,
    })
}

fn checkpoint_hint(error: &CheckpointError) -> Option<&'static str> {
    Some(match error {
        CheckpointError::NotInferable { .. } => {
            "give the model's diffusers directory, without weights, with --config DIR; an autoencoder by itself \
             needs its folder with a config.json"
        }
        CheckpointError::OtherFile { what, .. } if what.contains("a LoRA") => {
            "`lb render … --lora FILE` uses it with a model"
        }
        CheckpointError::OtherFile { what, .. } if what.contains("embedding") => {
            "`lb render … --embedding FILE=NAME` lets prompts name it"
        }
        CheckpointError::OtherFile { what, .. } if what.contains("an autoencoder alone") => {
            "`lb import MODEL --vae FILE` makes it a part of a model, `lb render … --vae FILE` decodes with it"
        }
        CheckpointError::NoAutoencoder { .. } => {
            "add --vae FILE|DIR with an autoencoder, such as vae-ft-mse-840000-ema-pruned.safetensors, or the \
             folder `vae` of a model of the same family"
        }
        CheckpointError::PickledWeights { .. } => {
            "`lb import FOLDER --name NAME` makes a model of it, and runs nothing of it"
        }
        CheckpointError::NoWeights { folder, .. } if folder.join("model.onnx").is_file() => {
            "a folder of ONNX graphs needs no import: --model FOLDER takes it as it is"
        }
        CheckpointError::LargeFilePointer { .. } => "`git lfs pull` in this folder downloads it",
        CheckpointError::DestinationExists { .. } => {
            "move it away, or give another name with --name NAME"
        }
        CheckpointError::CheckpointGlobal { .. } => {
            "do not open this file with Python; look for the model as a .safetensors file"
        }
        _ => return None,
    })
}

fn video_hint(error: &VideoError) -> Option<&'static str> {
    Some(match error {
        VideoError::AudioWithoutFfmpeg { .. } => "install ffmpeg, or leave --audio out",
        VideoError::EncoderNotStarted { .. } => "install ffmpeg, or leave --encoder out",
        VideoError::SheetSize { .. } => "show fewer prompts or seeds on one sheet",
        VideoError::File(FileError::NoFolder { .. }) => MAKE_FOLDER,
        VideoError::File(FileError::Io {
            action: "named",
            source,
            ..
        }) if cfg!(windows) && source.kind() == ErrorKind::PermissionDenied => {
            "close the program that shows the file, or give another name with -o"
        }
        VideoError::File(FileError::NoSpace { .. }) => {
            "free some space, or name another disk's folder with -o"
        }
        _ => return None,
    })
}

/// The next thing to do about the problem, with the command for it.
pub(crate) fn device_advice(problem: &DeviceProblem) -> Cow<'static, str> {
    if let DeviceProblem::NoPlugin {
        package, device, ..
    } = problem
    {
        return format!(
            "in a checkout, run `cargo xtask setup --device {device}`; elsewhere run `pip install {package}` in \
             the Python environment of ONNX Runtime and lb"
        )
        .into();
    }
    Cow::Borrowed(match problem {
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
        DeviceProblem::Refused {
            device: Device::Cuda | Device::TensorRt,
            ..
        } => {
            "CUDA 13 needs driver 580 or newer and a GPU of 2018 or later (Turing), which \
             `nvidia-smi` lists; a container needs `--gpus all`"
        }
        DeviceProblem::PluginUnusable { .. } => {
            "the plugin needs a newer ONNX Runtime, or another library that the message names; \
             `cargo xtask setup` gets an ONNX Runtime that fits"
        }
        DeviceProblem::NotListed { .. } => "--device cpu works everywhere",
        DeviceProblem::ComputesWrong {
            device: Device::OpenVino,
            ..
        }
        | DeviceProblem::Refused {
            device: Device::OpenVino,
            ..
        } => "update the plugin; --device cpu works everywhere",
        _ => "update the driver of the device; --device cpu works everywhere",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_of_a_device_has_its_own_advice() {
        let library = "libonnxruntime_providers_cuda.so".into();
        let reason = || String::from("it is not there");
        let refused = |device| DeviceProblem::Refused {
            device,
            reason: reason(),
        };
        let steps = [
            (DeviceProblem::NoProvider { library }, "setup --gpu` and"),
            (DeviceProblem::NoDriver { reason: reason() }, "nvidia-smi"),
            (DeviceProblem::NoCuda { reason: reason() }, "cuDNN 9 too"),
            (DeviceProblem::NoTensorRt { reason: reason() }, "libnvinfer"),
            (refused(Device::Cuda), "CUDA 13 needs"),
            (refused(Device::WebGpu), "update the driver"),
            (
                DeviceProblem::NoPlugin {
                    package: "onnxruntime-ep-openvino",
                    device: Device::OpenVino,
                    searched: Vec::new(),
                },
                "setup --device openvino`; elsewhere run `pip install onnxruntime-ep-openvino`",
            ),
            (
                DeviceProblem::NotListed {
                    device: Device::OpenVino,
                    runs_on: "CPUs made by Intel",
                    found: "CPU (AMD)".into(),
                },
                "--device cpu",
            ),
        ];
        for (problem, command) in steps {
            let advice = device_advice(&problem);
            assert!(advice.contains(command), "{problem:?}: {advice}");
        }
    }
}
