//! Arguments about the machine, and the renderer that follows from them.

use std::path::{Path, PathBuf};

use clap::Args;
use lb_job::arguments::choices;
use lb_job::{Job, JobError, JobSettings};
use lb_render::{
    Device, ModelDirectory, ModelError, PipelineOptions, Precision, RememberedRates, RenderRate,
    Renderer, Runtime, SessionOptions, film_size, locate_library, resolve_for,
};

use crate::error::CommandError;
use crate::surroundings::Surroundings;

/// The device and how it is used.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model and machine")]
pub(crate) struct MachineArguments {
    /// Device on which the models run.
    #[arg(
        long,
        value_name = "DEVICE",
        value_parser = choices::<Device>(),
        default_value_t = Device::Auto
    )]
    pub(crate) device: Device,
    /// Floating-point numbers in which the models compute.
    #[arg(
        long,
        value_name = "NAME",
        value_parser = choices::<PrecisionChoice>(),
        default_value_t = PrecisionChoice::Auto
    )]
    pub(crate) precision: PrecisionChoice,
    /// Launch the UNet's kernels one by one on CUDA, instead of recording them once and replaying
    /// them.
    #[arg(long)]
    no_cuda_graphs: bool,
    /// Threads of the model sessions [default: all cores].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Largest number of rows in one model call [default: depends on the picture size].
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
}

lb_schedule::choice! {
    /// A precision, or the choice of the device.
    #[strum(serialize_all = "lowercase")]
    pub(crate) enum PrecisionChoice: "precision" {
        /// fp16 on a GPU and fp32 on a CPU; with OpenVINO, 16 bits where the device has them.
        Auto,
        /// 32-bit numbers.
        Fp32,
        /// 16-bit numbers.
        Fp16,
    }
}

/// The model that is used if neither an argument nor the environment names one.
pub(crate) const BUNDLED_MODEL: &str = BUNDLED_MODELS[0];

/// The models that come with the program.
pub(crate) const BUNDLED_MODELS: [&str; 4] =
    ["pocket", "pocket-turbo", "pocket-inpaint", "pocket-depth"];

impl MachineArguments {
    /// The renderer of a job, with its upscaler if it has a second stage. The device is the one on which `film`
    /// is rendered, of which the job may be a sample.
    pub(crate) fn renderer(
        &self,
        job: &Job,
        film: &Job,
        surroundings: &Surroundings,
    ) -> Result<Renderer, CommandError> {
        let options = self.pipeline_options(surroundings)?;
        let (directory, upscaler) = models(job, surroundings)?;
        let renderer = Renderer::new(runtime(surroundings)?, directory, options)?;
        Ok(renderer.for_film(film).with_upscaler(upscaler))
    }

    /// The models of a job, as [`Self::renderer`] finds them. The options for the machine are checked, too.
    pub(crate) fn models(
        &self,
        job: &Job,
        surroundings: &Surroundings,
    ) -> Result<(ModelDirectory, Option<ModelDirectory>), CommandError> {
        self.pipeline_options(surroundings)?;
        models(job, surroundings)
    }

    /// A renderer that only has a second stage.
    pub(crate) fn upscaler(
        &self,
        model: &str,
        surroundings: &Surroundings,
    ) -> Result<Renderer, CommandError> {
        let options = self.pipeline_options(surroundings)?;
        let directory = ModelDirectory::find(model, &surroundings.model_folders)?;
        let renderer = Renderer::new(runtime(surroundings)?, directory.clone(), options)?;
        Ok(renderer.with_upscaler(Some(directory)))
    }

    pub(crate) fn pipeline_options(
        &self,
        surroundings: &Surroundings,
    ) -> Result<PipelineOptions, CommandError> {
        let mut session = SessionOptions::new(self.device);
        session.threads = self.threads;
        session.precision = match self.precision {
            PrecisionChoice::Auto => None,
            PrecisionChoice::Fp32 => Some(Precision::Float32),
            PrecisionChoice::Fp16 => Some(Precision::Float16),
        };
        session.engine_cache = surroundings.engine_cache.clone();
        session.cuda_graphs = !self.no_cuda_graphs;
        let mut options = PipelineOptions::from(session);
        options.batch_limit = self.batch;
        options.validate()?;
        Ok(options)
    }
}

/// The model of a job, and its upscaler if it has a second stage.
fn models(
    job: &Job,
    surroundings: &Surroundings,
) -> Result<(ModelDirectory, Option<ModelDirectory>), CommandError> {
    let folders = &surroundings.model_folders;
    let mut model = ModelDirectory::find(model_name(job, surroundings), folders)?;
    if let Some(vae) = &job.vae {
        model = model.with_decoder(vae)?;
    }
    let upscaler = match &job.upscale {
        Some(upscale) => Some(ModelDirectory::find(&upscale.model, folders)?),
        None => None,
    };
    Ok((model, upscaler))
}

impl MachineArguments {
    /// How fast the stages of a job were rendered earlier, if that is known of all. The job's size is filled in.
    pub(crate) fn rates_of(
        &self,
        job: &Job,
        surroundings: &Surroundings,
    ) -> Option<Vec<RenderRate>> {
        let session = self.pipeline_options(surroundings).ok()?.session;
        let rates = RememberedRates::new(surroundings.rates.as_ref()?);
        let (model, folders) = (model_name(job, surroundings), &surroundings.model_folders);
        rates.of_film(job, model, folders, &session)
    }
}

/// Remembers how fast the stages of a job were rendered, the first of which has frames of this width and
/// height. A failure is only logged, because no film depends on it.
pub(crate) fn remember_rates(
    renderer: &Renderer,
    size: (usize, usize),
    rates: &[Option<RenderRate>],
    surroundings: &Surroundings,
) {
    let Some(file) = &surroundings.rates else {
        return;
    };
    let remembered = RememberedRates::new(file);
    if let Err(error) = remembered.remember_stages(renderer, size, rates) {
        tracing::debug!("{}: {error}", file.display());
    }
}

/// Loads the ONNX Runtime library that the environment names, or one in a folder near the program.
pub(crate) fn runtime(surroundings: &Surroundings) -> Result<Runtime, CommandError> {
    let library = locate_library(
        surroundings.runtime_library.as_deref(),
        &surroundings.runtime_folders,
    )?;
    Ok(Runtime::load(&library)?)
}

/// The name of a job's model. A job that names none gets the model that the environment names, or
/// `pocket`.
pub(crate) fn model_name<'a>(job: &'a Job, surroundings: &'a Surroundings) -> &'a str {
    named_or_default(job.model.as_deref(), surroundings)
}

fn named_or_default<'a>(model: Option<&'a str>, surroundings: &'a Surroundings) -> &'a str {
    let named = model.or(surroundings.default_model.as_deref());
    named.unwrap_or(BUNDLED_MODEL)
}

/// The job of these settings, which are laid over what their model needs. Nothing is taken from a model
/// that is missing; this is reported where the model is used.
pub(crate) fn resolve(
    settings: JobSettings,
    surroundings: &Surroundings,
) -> Result<Job, CommandError> {
    let name = named_or_default(settings.model.as_deref(), surroundings);
    match ModelDirectory::find(name, &surroundings.model_folders) {
        Ok(model) => Ok(resolve_for(settings, &model)?),
        Err(ModelError::ModelMissing { .. }) => Ok(settings.resolve().map_err(JobError::from)?),
        Err(error) => Err(error.into()),
    }
}

/// Fills in the model and the size if the job leaves them open, and makes all paths absolute.
pub(crate) fn complete(job: &mut Job, surroundings: &Surroundings) -> Result<(), CommandError> {
    let name = model_name(job, surroundings).to_owned();
    let folder = ModelDirectory::locate(&name, &surroundings.model_folders)?;
    let directory = ModelDirectory::open(&folder)?;
    job.size = Some(film_size(job, directory.default_size)?);
    job.model = Some(lasting_name(&name, folder));
    if let Some(upscale) = &mut job.upscale {
        let folder = ModelDirectory::locate(&upscale.model, &surroundings.model_folders)?;
        upscale.model = lasting_name(&upscale.model, folder);
    }
    job.make_paths_absolute();
    Ok(())
}

/// A name that means the same model in any working directory: a relative path becomes absolute.
fn lasting_name(name: &str, folder: PathBuf) -> String {
    if folder != Path::new(name) {
        return name.to_owned();
    }
    let folder = std::path::absolute(folder).ok();
    let folder = folder.as_deref().and_then(Path::to_str);
    folder.unwrap_or(name).to_owned()
}
