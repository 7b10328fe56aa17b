//! Reading settings from JSON, for example from a web page.

use serde_json::Value;

use super::JobFileError;
use super::keys::{KEYFRAME, TableKeys, tables};
use crate::JobSettings;
use crate::number_or_text::shortened;

impl JobSettings {
    /// Reads settings from JSON. The keys are those of a job file, with `keyframe` as a list;
    /// `include` is not allowed. Paths are not changed.
    ///
    /// # Errors
    /// [`JobFileError::Json`] for text that is not JSON or has values of a wrong type, and
    /// [`JobFileError::UnknownJsonKey`].
    pub fn from_json(text: &str) -> Result<Self, JobFileError> {
        let broken = |error: serde_json::Error| JobFileError::Json {
            reason: error.to_string(),
        };
        let value: Value = serde_json::from_str(text).map_err(broken)?;
        validate_keys(&value, "", &TableKeys::film())?;
        for name in tables() {
            validate_keys(&value[&name], &format!("{name}."), &TableKeys::table(&name))?;
        }
        let keyframes = value[KEYFRAME].as_array();
        for (index, keyframe) in keyframes.into_iter().flatten().enumerate() {
            let keys = TableKeys::table(KEYFRAME);
            validate_keys(keyframe, &format!("{KEYFRAME}[{index}]."), &keys)?;
        }
        serde_json::from_str(text).map_err(broken)
    }
}

/// Refuses the first key of an object that its table does not have.
fn validate_keys(value: &Value, prefix: &str, keys: &TableKeys) -> Result<(), JobFileError> {
    for (key, _) in value.as_object().into_iter().flatten() {
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
        assert_eq!((job.frame_rate.as_f64(), job.looped), (24.0, true));
        assert_eq!(job.keyframes[0].hold, 1.0);
        let refused = |text| JobSettings::from_json(text).unwrap_err().to_string();
        assert_eq!(
            refused(r#"{"keyframe": [{"promt": "a"}]}"#),
            "unknown key `keyframe[0].promt`; did you mean `prompt`?"
        );
        assert!(refused(r#"{"seconds": 3}"#).contains("it belongs in a [[keyframe]]"));
        assert!(refused(r#"{"fps": "fast"}"#).contains("line 1"));
        assert!(refused(r#"{"sampler": "heun"}"#).contains("must be one of ddim, dpmpp-2m"));
        assert!(refused("fps = 3").starts_with("the JSON is not a job: "));
    }
}
