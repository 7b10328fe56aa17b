//! What an upscaler's files say of the noise on the picture it enlarges.

use std::path::Path;

use lb_blend::NoiseScheduleConfig;
use lb_checkpoint::Size;

use crate::config::{Config, IndexSettings, UnetSettings};
use crate::error::ModelError;
use crate::scheduler_config;

/// diffusers' `StableDiffusionUpscalePipeline` takes this where `model_index.json` is silent.
const DEFAULT_MAX_NOISE_LEVEL: Size = Size(350);

/// The noise that an upscaler can be given on its picture of low resolution.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct UpscalerConfig {
    pub(crate) low_res_schedule: NoiseScheduleConfig,
    /// The highest level that the pipeline allows, the schedule has, and the UNet has a class for.
    pub(crate) max_noise_level: usize,
}

impl UpscalerConfig {
    pub(crate) fn read(
        folder: &Path,
        index: &Config<IndexSettings>,
        unet: &Config<UnetSettings>,
    ) -> Result<Self, ModelError> {
        let path = folder.join("low_res_scheduler/scheduler_config.json");
        let low_res_schedule = scheduler_config::read(&path)?;
        let allowed = index
            .settings
            .max_noise_level
            .unwrap_or(DEFAULT_MAX_NOISE_LEVEL);
        let classes = unet.required("num_class_embeds", unet.settings.num_class_embeds)?;
        let last = classes.min(low_res_schedule.num_train_timesteps) - 1;
        Ok(Self {
            low_res_schedule,
            max_noise_level: allowed.0.min(last),
        })
    }
}
