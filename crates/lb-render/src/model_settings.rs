//! What a model needs, as settings of a film.

use lb_job::JobSettings;
use lb_models::ModelDefaults;

/// The settings that a model's own defaults stand for. Lay a film's settings
/// [over](JobSettings::over_model) them before they are resolved.
///
/// ```
/// use lb_render::{JobSettings, KeyframeSettings, ModelDefaults, model_settings};
///
/// let mut defaults = ModelDefaults::default();
/// defaults.steps = Some(4);
/// defaults.guidance_scale = Some(1.0);
/// let mut settings = JobSettings::default();
/// settings.keyframes = ["a red apple", "a green pear"]
///     .map(KeyframeSettings::from_prompt)
///     .to_vec();
/// let job = settings.over_model(model_settings(&defaults)).resolve()?;
/// assert_eq!(job.transitions[0].branching.steps, Some(4));
/// assert_eq!(job.keyframes[0].guidance_scale, 1.0);
/// # Ok::<(), lb_render::SettingsError>(())
/// ```
#[must_use]
pub fn model_settings(defaults: &ModelDefaults) -> JobSettings {
    let mut settings = JobSettings::default();
    settings.sampler = defaults.sampler;
    settings.defaults.shared.guidance_scale = defaults.guidance_scale;
    settings.defaults.branching.steps = defaults.steps;
    settings.defaults.branching.depth_strength = defaults.depth_strength;
    settings
}
