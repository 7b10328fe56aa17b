//! What a model needs, as settings of a film.

use lb_job::{Job, JobError, JobSettings};
use lb_models::{ModelDefaults, ModelDirectory, ModelError, few_step_defaults};

use crate::error::RenderError;

fn as_settings(defaults: &ModelDefaults) -> JobSettings {
    let mut settings = JobSettings::default();
    settings.clip_skip = defaults.clip_skip;
    settings.guidance_rescale = defaults.guidance_rescale;
    settings.sampler = defaults.sampler;
    settings.timestep_spacing = defaults.timestep_spacing;
    settings.defaults.shared.guidance_scale = defaults.guidance_scale;
    settings.defaults.branching.steps = defaults.steps;
    settings.defaults.branching.depth_strength = defaults.depth_strength;
    settings
}

/// The model as a job changes it: with its LoRAs, its embeddings and its clip skip.
///
/// # Errors
/// Those of [`ModelDirectory::with_loras`], [`ModelDirectory::with_embeddings`] and
/// [`ModelDirectory::with_clip_skip`].
pub fn changed_by(job: &Job, model: &ModelDirectory) -> Result<ModelDirectory, RenderError> {
    let embeddings = job.embeddings.iter();
    let named = embeddings.map(|embedding| (&embedding.path, embedding.name.clone()));
    let model = model.clone().with_clip_skip(job.clip_skip.unwrap_or(1))?;
    let model = model.with_loras(job.lora_files())?;
    Ok(model.with_embeddings(named)?)
}

/// The job of these settings, which are laid over what its LoRAs need if they shorten
/// ([`few_step_defaults`]), and these over what the model needs: the defaults of its `lb.toml`, and the sampler
/// that its scheduler's configuration names.
///
/// # Errors
/// Those of [`JobSettings::resolve`], and [`ModelError::UnsupportedScheduler`] if nothing names a sampler
/// and the model's scheduler is one that no sampler equals.
pub fn resolve_for(settings: JobSettings, model: &ModelDirectory) -> Result<Job, RenderError> {
    let defaults = &model.defaults;
    let mut needs = as_settings(defaults);
    needs.sampler = needs.sampler.or(model.scheduler.sampler);
    let mut shortening = settings.loras().filter(|lora| lora.strength != 0.0);
    let shortened = shortening.find_map(|lora| few_step_defaults(&lora.path));
    drop(shortening);
    let settings = match shortened {
        Some(shortened) => settings.over_model(as_settings(&shortened)),
        None => settings,
    };
    let is_sampler_given = settings.sampler.is_some() || defaults.sampler.is_some();
    if let Some(setting) = &model.scheduler.unsupported
        && !is_sampler_given
    {
        return Err(ModelError::UnsupportedScheduler {
            path: model.scheduler.path.clone(),
            setting: setting.clone(),
        }
        .into());
    }
    Ok(settings
        .over_model(needs)
        .resolve()
        .map_err(JobError::from)?)
}
