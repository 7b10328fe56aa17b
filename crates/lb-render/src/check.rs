//! Checking a job against its models without rendering it.

use lb_job::{Job, JobError, Plan};
use lb_models::{ModelDirectory, Tokenizer};
use lb_video::picture_size;

use crate::error::RenderError;
use crate::model_settings::changed_by;
use crate::modes::Mode;
use crate::picture_keyframes::film_size;
use crate::sampling::check_sampling;
use crate::upscale::Upscaler;

/// Checks a job as [`Renderer::render`](crate::Renderer::render) does, as far as neither a runtime nor a loaded
/// model is needed: the kinds of the models, the size of the film, the steps of the sampler, the tokens of the
/// prompts, and the pictures that the job names. Keyframes that are pictures are opened, but not decoded. Without `reads_pictures`, no
/// picture is opened, and a film without a size is taken to have the model's own.
///
/// # Errors
/// Those of [`Renderer::render`](crate::Renderer::render).
pub fn check_job(
    job: &Job,
    plan: &Plan,
    model: &ModelDirectory,
    upscaler: Option<&ModelDirectory>,
    reads_pictures: bool,
) -> Result<(), RenderError> {
    let model = &changed_by(job, model)?;
    let size = match reads_pictures {
        true => film_size(job, model.default_size)?,
        false => job.size.unwrap_or(model.default_size),
    };
    if let Some(camera) = &plan.camera {
        camera.validate_for(size).map_err(JobError::from)?;
    }
    if let Some(upscale) = &job.upscale {
        let directory = upscaler.ok_or_else(|| RenderError::NoUpscaler {
            model: upscale.model.clone(),
        })?;
        Upscaler::new(upscale, directory, size)?;
    }
    check_sampling(job, plan, Some(model), upscaler)?;
    model.latent_shape(size.0, size.1)?;
    Mode::check(job, model)?;
    let tokenizer = Tokenizer::of(model)?;
    for prompt in job.prompts() {
        tokenizer.tokenize_prompt(&job.read_prompt(prompt)?)?;
    }
    if reads_pictures {
        Mode::read(job, model, size)?;
        let images = job.keyframes.iter().filter_map(|at| at.image.as_ref());
        for image in images {
            picture_size(image)?;
        }
    }
    Ok(())
}
