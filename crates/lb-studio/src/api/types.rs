//! What the API takes and gives, as JSON. Times are milliseconds since 1970, and lengths are seconds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job_schema::JobDocument;
use crate::add_ons::AddOnKind;
use crate::ids::Id;

/// The program and its limits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct StudioFacts {
    pub(crate) version: String,
    /// Whether this is a public demonstration, in which work is deleted after an hour.
    pub(crate) demo: bool,
    pub(crate) limits: LimitFacts,
    /// The device that was chosen, such as `auto` or `cuda`.
    pub(crate) device: String,
    /// The model of jobs that name none.
    pub(crate) default_model: String,
}

/// A device that models may run on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeviceFacts {
    /// Such as `auto` or `cuda`.
    pub(crate) name: String,
    /// What it is, in one line.
    pub(crate) help: String,
    /// Why it cannot be used, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
}

/// The choice of a device.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeviceChoice {
    /// The name of the device.
    pub(crate) device: String,
}

/// What a client may ask for.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LimitFacts {
    pub(crate) keyframes: usize,
    pub(crate) upload_bytes: u64,
    pub(crate) upload_pixels: u64,
    /// Tasks that have not ended.
    pub(crate) queue: usize,
    /// Bytes of a LoRA, of an embedding or of a VAE decoder; 0 if none can be uploaded.
    pub(crate) add_on_bytes: u64,
}

/// A model on this machine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ModelFacts {
    pub(crate) name: String,
    /// `text to image`, `inpainting`, `depth` or `x4 upscaling`.
    pub(crate) kind: String,
    /// The size of the pictures that it was trained with.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Whether it is made for few steps, so that its pictures appear at once.
    pub(crate) few_step: bool,
    pub(crate) defaults: ModelNeeds,
    /// Whether the words of its captions are known.
    pub(crate) words: bool,
}

/// The settings that a model needs, where they differ from the defaults of all models.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct ModelNeeds {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guidance_scale: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guidance_rescale: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip_skip: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampler: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestep_spacing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth_strength: Option<f64>,
}

/// A project in a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProjectFacts {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) modified: u64,
    pub(crate) keyframes: usize,
    /// The length of the film.
    pub(crate) seconds: f64,
    /// The picture of a keyframe, if one was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<String>,
}

/// A project.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProjectBody {
    pub(crate) id: Id,
    pub(crate) name: String,
    /// Counts the changes of the job. A change names the revision that it was made from.
    pub(crate) revision: u64,
    pub(crate) job: JobDocument,
    /// The job without gaps; `null` if it cannot be resolved.
    pub(crate) resolved: Option<ResolvedJob>,
    /// What keeps the job from being a film, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    pub(crate) favourites: Vec<Favourite>,
    pub(crate) films: Vec<FilmFacts>,
    /// The pictures that were uploaded, by the hashes in their paths.
    pub(crate) pictures: std::collections::BTreeMap<String, PictureSize>,
    /// What an import had to leave out, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<String>,
}

/// A job without gaps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResolvedJob {
    pub(crate) model: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Film frames per second.
    pub(crate) fps: f64,
    pub(crate) sampler: String,
    pub(crate) keyframes: Vec<ResolvedKeyframe>,
    pub(crate) transitions: Vec<ResolvedTransition>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResolvedKeyframe {
    pub(crate) seed: u64,
    pub(crate) guidance_scale: f64,
    pub(crate) hold: f64,
    pub(crate) negative_prompt: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResolvedTransition {
    pub(crate) seconds: f64,
    pub(crate) steps: usize,
    pub(crate) levels: Vec<ResolvedLevel>,
    /// Computed frames, both keyframes included.
    pub(crate) frames: usize,
    /// Computed frames and in-betweens, both keyframes included.
    pub(crate) pictures: usize,
    pub(crate) guidance_damper: f64,
    pub(crate) easing: String,
}

/// A level of a tree.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResolvedLevel {
    /// The step at which it begins.
    pub(crate) start: usize,
    pub(crate) branches: usize,
}

/// A prompt with a seed that somebody liked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Favourite {
    pub(crate) prompt: String,
    pub(crate) seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variation: Option<VariationFacts>,
    /// The picture that it made in this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<String>,
}

/// Noise between that of a seed and that of another one.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct VariationFacts {
    /// The other seed: `variation_seed` of a keyframe.
    pub(crate) seed: u64,
    /// The share of the way to it, from 0 to 1: `variation_strength` of a keyframe.
    pub(crate) strength: f64,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PictureSize {
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// A picture that was uploaded.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct UploadedPicture {
    pub(crate) sha256: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// The path by which the job names it.
    pub(crate) path: String,
}

/// A LoRA, an embedding or a VAE decoder that a project keeps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct KeptAddOn {
    pub(crate) kind: AddOnKind,
    pub(crate) name: String,
    pub(crate) sha256: String,
    /// The path by which the job names it.
    pub(crate) path: String,
}

/// A LoRA, an embedding or a VAE decoder that is on this machine and can be chosen by its name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct KnownAddOnFacts {
    pub(crate) kind: AddOnKind,
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// The choice of one of these.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenAddOn {
    pub(crate) name: String,
}

/// A prompt that is to be read.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenPrompt {
    pub(crate) prompt: String,
    /// The model that reads it; that of jobs which name none if it is not given.
    pub(crate) model: Option<String>,
    /// `weighted` or `plain`: how marks are read, as in a job.
    pub(crate) prompt_syntax: Option<String>,
    /// The embeddings that the prompt may name, as in a job.
    pub(crate) embedding: Vec<String>,
    /// The project that has their files.
    pub(crate) project: Option<Id>,
}

/// A prompt as a model reads it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReadPrompt {
    /// The most tokens of a chunk.
    pub(crate) room: usize,
    /// What the text encoder reads at once; empty if the prompt cannot be read.
    pub(crate) chunks: Vec<ReadChunk>,
    /// What keeps the prompt from being read, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// What may not be meant so, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReadChunk {
    pub(crate) tokens: usize,
    /// Its words, in lower case and without marks.
    pub(crate) words: String,
}

/// What a new project begins with.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewProject {
    pub(crate) name: Option<String>,
    pub(crate) job: Option<JobDocument>,
}

/// Changes of what a project has besides its job.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProjectChange {
    pub(crate) name: Option<String>,
    pub(crate) favourites: Option<Vec<Favourite>>,
}

/// A finished film.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct FilmFacts {
    /// Its number in the project.
    pub(crate) number: usize,
    pub(crate) format: FilmFormat,
    /// A good name for the file.
    pub(crate) file: String,
    /// Where it is downloaded.
    pub(crate) url: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Frames of the film.
    pub(crate) frames: usize,
    pub(crate) seconds: f64,
    pub(crate) bytes: u64,
    pub(crate) created: u64,
    /// The key of the job that it was made from: the same as `film.key` of the plan while nothing has changed.
    pub(crate) job_key: String,
}

/// The formats of films.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FilmFormat {
    Mp4,
    Gif,
    Webp,
    /// All film frames as PNG pictures in a zip archive.
    Png,
    /// All computed frames side by side in one PNG picture.
    Sheet,
}

/// The step between neighbouring frames of a film.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Motion {
    pub(crate) frames: usize,
    /// The distance from each frame to the next in grey levels; one less than there are frames.
    pub(crate) steps: Vec<f64>,
}

/// What acts would do.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlanBody {
    /// What keeps the job from being a film, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    pub(crate) keyframes: Vec<PlannedKeyframe>,
    pub(crate) transitions: Vec<PlannedTransition>,
    /// `null` until there is a film.
    pub(crate) film: Option<PlannedFilm>,
    /// The names of the embeddings that no prompt names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unused_embeddings: Vec<String>,
}

/// How much of something is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ready,
    Partial,
    Missing,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlannedKeyframe {
    pub(crate) key: String,
    pub(crate) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<String>,
    /// Model evaluations that are missing; 0 if it is ready.
    pub(crate) evaluations: usize,
    /// How long they take here, if that is known.
    pub(crate) seconds: Option<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlannedTransition {
    pub(crate) key: String,
    pub(crate) state: State,
    /// The computed frames between its keyframes that are there, in film order.
    pub(crate) frames: Vec<FramePicture>,
    /// All of its computed frames, both keyframes included.
    pub(crate) computed_frames: usize,
    /// Pictures between computed frames that only the film shows.
    pub(crate) in_betweens: usize,
    /// Model evaluations that are missing, with those of its keyframes; 0 if it is ready.
    pub(crate) evaluations: usize,
    pub(crate) decodes: usize,
    pub(crate) seconds: Option<f64>,
    pub(crate) tree: TreeFacts,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct FramePicture {
    /// From 1 to the number of computed frames between the keyframes.
    pub(crate) number: usize,
    /// Where it lies between the keyframes, from 0 to 1.
    pub(crate) fraction: f64,
    pub(crate) picture: String,
}

/// A tree as it is before the branches move.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TreeFacts {
    pub(crate) steps: usize,
    pub(crate) levels: Vec<TreeLevelFacts>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TreeLevelFacts {
    /// The step at which it begins.
    pub(crate) start: usize,
    pub(crate) fractions: Vec<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PlannedFilm {
    /// Changes with the job.
    pub(crate) key: String,
    pub(crate) frames: usize,
    pub(crate) seconds: f64,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Model evaluations of the whole film.
    pub(crate) evaluations: usize,
    /// Those of them that are not there yet.
    pub(crate) missing_evaluations: usize,
    pub(crate) decodes: usize,
    /// How long the missing part takes here, if that is known.
    pub(crate) render_seconds: Option<f64>,
}

/// What a task is asked to do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Act {
    /// The picture of one keyframe.
    Keyframe { index: usize },
    /// The computed frames of one transition, with its keyframes.
    Transition { index: usize },
    /// Everything that is missing, and the film.
    Film { format: FilmFormat },
    /// What a prompt becomes with different seeds.
    Seeds {
        prompt: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        negative_prompt: Option<String>,
        /// Another model than the project's, such as a quick one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// LoRAs instead of those of the film: the `lora` of a keyframe.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lora: Option<Vec<String>>,
        seeds: Vec<u64>,
    },
    /// Pictures that are like the one of a seed.
    Variations {
        prompt: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        negative_prompt: Option<String>,
        seed: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lora: Option<Vec<String>>,
        count: usize,
        /// How far they are from the seed's noise, from 0 to 1.
        strength: f64,
    },
}

/// A task that is asked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTask {
    pub(crate) project: Id,
    pub(crate) act: Act,
}

/// A new place in the queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPlace {
    /// The task before which it is put; `null` for the end.
    pub(crate) before: Option<Id>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskState {
    Waiting,
    Running,
    Paused,
    Done,
    Failed,
    Cancelled,
}

impl TaskState {
    /// Whether nothing will change any more.
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// A task in the queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Task {
    pub(crate) id: Id,
    pub(crate) project: Id,
    pub(crate) act: Act,
    pub(crate) title: String,
    pub(crate) state: TaskState,
    pub(crate) progress: Progress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<TaskResult>,
    pub(crate) created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) began: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<u64>,
}

/// What a task is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskPhase {
    #[default]
    Encoding,
    Inverting,
    Loading,
    Keyframes,
    Transition,
    Upscaling,
    Decoding,
    Finishing,
}

/// How far a task is.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Progress {
    pub(crate) phase: TaskPhase,
    /// The transition that is being computed, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transition: Option<usize>,
    /// Model evaluations that were computed.
    pub(crate) evaluations: usize,
    /// Those of the whole task, computed or reused.
    pub(crate) of_evaluations: usize,
    /// Those that were there already.
    pub(crate) reused_evaluations: usize,
    pub(crate) decodes: usize,
    pub(crate) of_decodes: usize,
    /// Model evaluations a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds_left: Option<f64>,
}

/// What a task has made.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct TaskResult {
    /// The number of the film.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) film: Option<usize>,
    /// The pictures of seeds or variations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) pictures: Vec<SeedPicture>,
    /// Words of the prompts that the model has not seen, and other things worth knowing, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct SeedPicture {
    pub(crate) seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variation: Option<VariationFacts>,
    pub(crate) key: String,
    pub(crate) picture: String,
}

/// The order of all tasks that have not ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct QueueOrder {
    pub(crate) order: Vec<Id>,
}

/// The event `project`: a project is new or has changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProjectEvent {
    pub(crate) id: Id,
    pub(crate) revision: u64,
}

/// The event `removed`: a project is gone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RemovedEvent {
    pub(crate) project: Id,
}

/// The event `keyframe`: the picture of a keyframe, a seed or a variation is there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct KeyframeEvent {
    pub(crate) task: Id,
    pub(crate) project: Id,
    /// The index of the keyframe, or of the seed or variation in its task.
    pub(crate) index: usize,
    pub(crate) key: String,
    pub(crate) picture: String,
}

/// The event `frame`: the picture of a computed frame is there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct FrameEvent {
    pub(crate) task: Id,
    pub(crate) project: Id,
    /// The index of the transition.
    pub(crate) transition: usize,
    pub(crate) key: String,
    pub(crate) fraction: f64,
    /// From 1 to `of`.
    pub(crate) number: usize,
    /// Computed frames between the keyframes.
    pub(crate) of: usize,
    pub(crate) picture: String,
}

/// The event `step`: a level of a transition takes its steps. There are at most ten a second.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct StepEvent {
    pub(crate) task: Id,
    pub(crate) project: Id,
    /// The index of the transition; `null` while keyframes are computed.
    pub(crate) transition: Option<usize>,
    pub(crate) level: usize,
    pub(crate) step: usize,
    pub(crate) steps: usize,
}
