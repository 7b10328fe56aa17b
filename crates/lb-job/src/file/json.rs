//! Reading settings from JSON, for example from a web page.

use serde_json::Value;

use super::JobFileError;
use super::keys::TableKeys;
use crate::settings::shortened;
use crate::{
    CrossfeedSettings, DepthSettings, InpaintSettings, JobSettings, KeyframeSettings,
    UpscaleSettings,
};

pub(super) fn read(text: &str) -> Result<JobSettings, JobFileError> {
    let broken = |error: serde_json::Error| JobFileError::Json {
        reason: error.to_string(),
    };
    let value: Value = serde_json::from_str(text).map_err(broken)?;
    validate_keys(&value, "", &TableKeys::film())?;
    for (name, keys) in [
        ("defaults", TableKeys::defaults()),
        ("crossfeed", TableKeys::table::<CrossfeedSettings>()),
        ("inpaint", TableKeys::table::<InpaintSettings>()),
        ("depth", TableKeys::table::<DepthSettings>()),
        ("upscale", TableKeys::table::<UpscaleSettings>()),
    ] {
        validate_keys(&value[name], &format!("{name}."), &keys)?;
    }
    let keyframes = value["keyframe"].as_array();
    for (index, keyframe) in keyframes.into_iter().flatten().enumerate() {
        let keys = TableKeys::table::<KeyframeSettings>();
        validate_keys(keyframe, &format!("keyframe[{index}]."), &keys)?;
    }
    serde_json::from_str(text).map_err(broken)
}

/// Refuses the first key of an object that its table does not have.
fn validate_keys(value: &Value, prefix: &str, keys: &TableKeys) -> Result<(), JobFileError> {
    for key in value
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys())
    {
        if let Some(advice) = keys.advice(key) {
            return Err(JobFileError::UnknownJsonKey {
                key: format!("{prefix}{}", shortened(key, 40)),
                advice,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{Fit, Job, JobSettings};

    #[test]
    fn a_job_survives_json() {
        let mut job = Job::of_prompts(["a", "b", "c"]);
        job.keyframes[1].seed = u64::MAX;
        job.size = Some((512, 768));
        job.fit = Some(Fit::Pad);
        job.transitions[1].seconds = 5.5;
        let text = serde_json::to_string(&job.settings()).unwrap();
        let read = JobSettings::from_json(&text).unwrap();
        assert_eq!(read.resolve().unwrap(), job, "{text}");
    }

    #[test]
    fn json_has_the_keys_of_job_files_and_no_others() {
        let settings = JobSettings::from_json(
            r#"{"fps": 24, "loop": true, "defaults": {"quality": "low"},
                "keyframe": [{"prompt": "a", "hold": 1}, {"prompt": "b"}]}"#,
        )
        .unwrap();
        let job = settings.resolve().unwrap();
        assert_eq!((job.frames_per_second, job.looped), (24.0, true));
        assert_eq!(job.keyframes[0].hold, 1.0);
        let refused = |text| JobSettings::from_json(text).unwrap_err().to_string();
        assert_eq!(
            refused(r#"{"keyframe": [{"promt": "a"}]}"#),
            "unknown key `keyframe[0].promt`; did you mean `prompt`?"
        );
        assert!(refused(r#"{"seconds": 3}"#).contains("it belongs in a [[keyframe]]"));
        assert!(refused(r#"{"fps": "fast"}"#).contains("line 1"));
        assert!(refused(r#"{"sampler": "euler"}"#).contains("must be one of ddim, dpmpp-2m"));
        assert!(refused("fps = 3").starts_with("the JSON is not a job: "));
    }
}
