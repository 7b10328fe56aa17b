//! The LoRAs of a keyframe.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Job, JobError, Keyframe};

/// A LoRA of a keyframe: its file, and how strongly it changes the model. As a text it is
/// `FILE[:STRENGTH]`, such as `neon.safetensors:0.8`.
#[derive(Clone, PartialEq, Debug)]
pub struct KeyframeLora {
    /// The file.
    pub path: PathBuf,
    /// 0 for not at all, 1 for as much as it was trained to;
    /// −[`MOST_STRENGTH`](Self::MOST_STRENGTH) to [`MOST_STRENGTH`](Self::MOST_STRENGTH).
    pub strength: f64,
}

impl KeyframeLora {
    /// The greatest strength. LoRAs are made for about 1, and few show more than noise beyond 3.
    pub const MOST_STRENGTH: f64 = 10.0;

    pub(crate) fn validate(&self) -> Result<(), JobError> {
        let found = self.strength;
        match found.abs() <= Self::MOST_STRENGTH {
            true => Ok(()),
            false => Err(JobError::LoraStrength { found }),
        }
    }
}

/// The endings of LoRAs' files.
const ENDINGS: [&str; 5] = ["safetensors", "pt", "bin", "pth", "ckpt"];

impl FromStr for KeyframeLora {
    type Err = String;

    /// Reads `FILE[:STRENGTH]`. What follows the last colon is a strength if it is a number, and otherwise a
    /// part of the file's path, unless the path ends in front of it.
    fn from_str(text: &str) -> Result<Self, String> {
        let given = text.rsplit_once(':');
        let is_whole = |path: &str| {
            let ending = Path::new(path).extension();
            ending.is_some_and(|ending| {
                ENDINGS
                    .iter()
                    .any(|known| ending.eq_ignore_ascii_case(known))
            })
        };
        let (path, strength) = match given.map(|(path, strength)| (path, strength.trim().parse())) {
            Some((path, Ok(strength))) => (path, strength),
            Some((path, Err(_))) if is_whole(path) => {
                return Err(
                    "the strength after the colon must be a number, as in neon.safetensors:0.8"
                        .into(),
                );
            }
            _ => (text, 1.0),
        };
        if path.is_empty() {
            return Err("give the file of a LoRA, as in neon.safetensors:0.8".into());
        }
        Ok(Self {
            path: path.into(),
            strength,
        })
    }
}

impl fmt::Display for KeyframeLora {
    /// Writes the strength in any case, so that the end of a path is not taken for one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.path.display(), self.strength)
    }
}

impl Serialize for KeyframeLora {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.path.to_str() {
            Some(_) => serializer.collect_str(self),
            None => Err(serde::ser::Error::custom(
                "the path of a LoRA is not Unicode",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for KeyframeLora {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Job {
    /// The files of the LoRAs that change any keyframe, in the order in which keyframes name them. One that is
    /// named with a strength of 0 throughout is not among them.
    #[must_use]
    pub fn lora_files(&self) -> Vec<&Path> {
        let mut files: Vec<&Path> = Vec::new();
        for lora in self.keyframes.iter().flat_map(|keyframe| &keyframe.loras) {
            if lora.strength != 0.0 && !files.contains(&&*lora.path) {
                files.push(&lora.path);
            }
        }
        files
    }

    /// How strong each of [`Self::lora_files`] is in each keyframe: 0 where the keyframe does not name it.
    #[must_use]
    pub fn keyframe_lora_strengths(&self) -> Vec<Vec<f32>> {
        let files = self.lora_files();
        let of_keyframe = |keyframe: &Keyframe| {
            let strength = |file: &&Path| {
                let named = keyframe.loras.iter().find(|lora| lora.path == *file);
                named.map_or(0.0, |lora| lora.strength as f32)
            };
            files.iter().map(strength).collect()
        };
        self.keyframes.iter().map(of_keyframe).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, f64) {
        let lora: KeyframeLora = text.parse().unwrap();
        assert_eq!(lora.to_string().parse(), Ok(lora.clone()));
        (lora.path.to_str().unwrap().into(), lora.strength)
    }

    #[test]
    fn a_number_behind_the_last_colon_is_the_strength() {
        assert_eq!(read("a.safetensors"), ("a.safetensors".into(), 1.0));
        assert_eq!(read("a.safetensors:0.8"), ("a.safetensors".into(), 0.8));
        assert_eq!(read("a:b.pt:-1"), ("a:b.pt".into(), -1.0));
        assert_eq!(read(r"C:\a.pt"), (r"C:\a.pt".into(), 1.0));
        assert_eq!(read("a:1:0"), ("a:1".into(), 0.0));
        for text in [":0.5", "a.safetensors:", "a.PT:0,5", "a.pt:strong"] {
            assert!(text.parse::<KeyframeLora>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_job_has_the_strengths_of_all_files_for_each_keyframe() {
        let mut job = Job::of_prompts(["a", "b", "c"]);
        let loras = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        job.keyframes[0].loras = loras(&["off.pt:0", "x.pt"]);
        job.keyframes[2].loras = loras(&["y.pt:0.5", "x.pt:-2"]);
        assert_eq!(job.lora_files(), [Path::new("x.pt"), Path::new("y.pt")]);
        assert_eq!(
            job.keyframe_lora_strengths(),
            [[1.0, 0.0], [0.0, 0.0], [-2.0, 0.5]]
        );
        assert!(job.validate().is_ok());
        job.keyframes[1].loras = loras(&["x.pt:11"]);
        assert!(job.validate().is_err());
        job.keyframes[1].loras = loras(&["x.pt:1", "x.pt:2"]);
        assert!(job.validate().unwrap_err().to_string().contains("twice"));
    }
}
