//! The job of a project as JSON and as a file, and what a client's job may name.

use std::path::{Path, PathBuf};

use lb_job::{EmbeddingFile, FilmLength, Job, JobSettings, KeyframeLora};
use lb_models::Repository;
use serde_json::Value;

use crate::add_ons::{AddOn, AddOnKind};
use crate::error::ApiError;
use crate::ids::is_hex;
use crate::limits::{Limits, MOST_EMBEDDINGS};

/// The folder of a project with its pictures.
pub(crate) const PICTURES: &str = "pictures";

/// The settings as JSON: the keys of a job file, without those that are not given.
pub(crate) fn to_json(settings: &JobSettings) -> Value {
    // Settings are plain values whose paths this crate has made.
    let mut value = serde_json::to_value(settings).unwrap_or_default();
    prune(&mut value);
    value
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.values_mut().for_each(prune);
            entries.retain(|_, value| {
                let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
                !value.is_null() && !is_empty
            });
        }
        Value::Array(items) => items.iter_mut().for_each(|item| {
            if let Value::Object(entries) = item {
                entries.retain(|_, value| !value.is_null());
            }
        }),
        _ => {}
    }
}

/// The settings as a job file, in which gaps stay gaps.
pub(crate) fn to_toml(settings: &JobSettings) -> Result<String, ApiError> {
    let text = toml::to_string(&to_json(settings)).map_err(ApiError::failed)?;
    Ok(format!(
        "# A project of lb studio, which `lb render` takes as well. Keys: docs/job-file.md\n{text}"
    ))
}

/// Reads the job of a client.
///
/// Only files of the project are accepted ([`picture_path`], [`AddOn::path`]), and only models by their names.
pub(crate) fn from_client(job: &Value, limits: &Limits) -> Result<JobSettings, ApiError> {
    let mut settings =
        JobSettings::from_json(&job.to_string()).map_err(|at| ApiError::request(at.to_string()))?;
    check(&mut settings, limits)?;
    Ok(settings)
}

fn check(settings: &mut JobSettings, limits: &Limits) -> Result<(), ApiError> {
    let found = settings.keyframes.len();
    if found > limits.keyframes {
        let most = limits.keyframes;
        return Err(ApiError::too_large(format!(
            "the job has {found} keyframes; a project has at most {most}"
        )));
    }
    let keyframes = settings.keyframes.iter();
    let prompts = keyframes.flat_map(|at| [&at.prompt, &at.shared.negative_prompt]);
    for prompt in prompts.chain([&settings.defaults.shared.negative_prompt]) {
        check_prompt(prompt.as_deref().unwrap_or_default())?;
    }
    let loras = settings.loras().map(|lora| (AddOnKind::Lora, &*lora.path));
    let vae = settings.vae.iter().map(|vae| (AddOnKind::Vae, &**vae));
    for (kind, path) in loras.chain(vae) {
        kept(kind, path)?;
    }
    check_embeddings(
        settings
            .prompts
            .embeddings
            .as_deref_mut()
            .unwrap_or_default(),
    )?;
    for model in [&settings.model, &settings.upscale.model]
        .into_iter()
        .flatten()
    {
        if !is_model_name(model) {
            return Err(ApiError::request(
                "a model is chosen by its name, and not by a path",
            ));
        }
    }
    if settings.timing.film_seconds == Some(FilmLength::Track) {
        return Err(ApiError::request("there is no sound to take a length from"));
    }
    if settings.timing.sync.is_some() {
        return Err(ApiError::request("there is no sound to follow"));
    }
    for (path, hash) in settings.pictures_mut() {
        *hash = None;
        if let Some(path) = path
            && picture_hash(path).is_none()
        {
            return Err(ApiError::request(
                "a picture is named as `pictures/SHA256.png`, as its upload was answered",
            ));
        }
    }
    Ok(())
}

/// The file of the project that a client names.
fn kept(kind: AddOnKind, path: &Path) -> Result<AddOn, ApiError> {
    AddOn::of_path(kind, path).ok_or_else(|| {
        let (noun, folder) = (kind.noun(), kind.folder());
        ApiError::request(format!(
            "the path of the {noun} is not `{folder}/SHA256-NAME.safetensors`, as its upload was answered"
        ))
    })
}

/// Refuses embeddings that are not in the form of a project's. One without a name of its own gets that of its file
/// without the hash.
fn check_embeddings(embeddings: &mut [EmbeddingFile]) -> Result<(), ApiError> {
    if embeddings.len() > MOST_EMBEDDINGS {
        return Err(ApiError::too_large(format!(
            "a film has at most {MOST_EMBEDDINGS} embeddings"
        )));
    }
    for embedding in embeddings {
        let file = kept(AddOnKind::Embedding, &embedding.path)?;
        let stem = embedding.path.file_stem().and_then(|stem| stem.to_str());
        if stem == Some(&embedding.name) {
            embedding.name = file.name;
        }
    }
    Ok(())
}

/// Reads a list of embeddings as a client gives it beside a job.
pub(crate) fn embeddings_of(named: &[String]) -> Result<Vec<EmbeddingFile>, ApiError> {
    let embeddings = named.iter().map(|text| text.parse());
    let mut embeddings: Vec<EmbeddingFile> = embeddings
        .collect::<Result<_, String>>()
        .map_err(ApiError::request)?;
    check_embeddings(&mut embeddings)?;
    Ok(embeddings)
}

/// Refuses a prompt that is too long for a job file.
pub(crate) fn check_prompt(prompt: &str) -> Result<(), ApiError> {
    match prompt.len() {
        found if found > Job::LONGEST_PROMPT => Err(ApiError::too_large(format!(
            "a prompt has {found} bytes; at most {} are allowed",
            Job::LONGEST_PROMPT
        ))),
        _ => Ok(()),
    }
}

/// Whether a model is named without a path.
pub(crate) fn is_model_name(name: &str) -> bool {
    if name.parse::<Repository>().is_ok() {
        return true;
    }
    !name.is_empty()
        && !name.contains(['/', '\\', ':', '\0'])
        && !name.starts_with('.')
        && name.len() <= 255
}

/// The LoRAs of the defaults and of every keyframe.
pub(crate) fn loras_mut(
    settings: &mut JobSettings,
) -> impl Iterator<Item = &mut Option<Vec<KeyframeLora>>> {
    let keyframes = settings.keyframes.iter_mut();
    let shared = keyframes.map(|keyframe| &mut keyframe.shared);
    let shared = shared.chain([&mut settings.defaults.shared]);
    shared.map(|shared| &mut shared.loras)
}

/// The path by which a job names the picture with this hash, relative to the project's folder.
pub(crate) fn picture_path(hash: &str) -> PathBuf {
    format!("{PICTURES}/{hash}.png").into()
}

/// The hash of the picture that has this path in a project; `None` for any other path.
pub(crate) fn picture_hash(path: &Path) -> Option<&str> {
    let name = path.to_str()?.strip_prefix("pictures/")?;
    name.strip_suffix(".png").filter(|hash| is_hex(hash, 64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(job: Value) -> Result<JobSettings, ApiError> {
        from_client(&job, &Limits::OWN)
    }

    #[test]
    fn gaps_stay_gaps_in_json_and_in_the_file() {
        let job = json!({
            "loop": true, "fps": 24.0, "size": "128x128",
            "defaults": { "seconds": 2.0 },
            "keyframe": [{ "prompt": "<b>an \"owl\"</b>", "seed": 7 }, { "prompt": "a pear", "hold": 0.5 }],
        });
        let settings = read(job.clone()).unwrap();
        assert_eq!(to_json(&settings), job);
        let file = to_toml(&settings).unwrap();
        let again = JobSettings::parse(&file, Path::new("film.toml")).unwrap();
        assert_eq!(again, settings, "{file}");
        assert_eq!(to_json(&JobSettings::default()), json!({}));
    }

    #[test]
    fn no_path_of_a_client_is_accepted() {
        let hash = "ab".repeat(32);
        let picture = format!("pictures/{hash}.png");
        assert!(read(json!({ "keyframe": [{ "image": picture }] })).is_ok());
        for path in [
            "/etc/passwd".to_owned(),
            "pictures/../film.toml".into(),
            format!("../pictures/{hash}.png"),
            format!("pictures/{}.png", hash.to_uppercase()),
            format!("pictures/{hash}.png/.."),
            format!("pictures\\{hash}.png"),
            String::new(),
        ] {
            for job in [
                json!({ "keyframe": [{ "image": path }] }),
                json!({ "inpaint": { "image": path } }),
                json!({ "inpaint": { "mask": path } }),
                json!({ "depth": { "image": path } }),
            ] {
                assert!(read(job).is_err(), "{path}");
            }
        }
        for model in [
            "../pocket",
            "/models/pocket",
            ".",
            "..",
            "a/..",
            "a/b/c",
            "a\\b",
            "C:x",
            "",
        ] {
            assert!(read(json!({ "model": model })).is_err(), "{model}");
            assert!(
                read(json!({ "upscale": { "model": model } })).is_err(),
                "{model}"
            );
        }
        assert!(read(json!({ "model": "organisation/repository" })).is_ok());
        for path in [
            "taesd",
            "/etc/passwd",
            "../loras/a.pt",
            "style.safetensors:0.5",
        ] {
            let lora = [path];
            assert!(read(json!({ "vae": path })).is_err(), "{path}");
            assert!(
                read(json!({ "defaults": { "lora": lora } })).is_err(),
                "{path}"
            );
            assert!(
                read(json!({ "keyframe": [{ "lora": lora }] })).is_err(),
                "{path}"
            );
        }
        let lora = format!("loras/{hash}-neon.safetensors:0.5");
        assert!(read(json!({ "keyframe": [{ "lora": [lora] }] })).is_ok());
        assert!(read(json!({ "vae": format!("vaes/{hash}-taesd.safetensors") })).is_ok());
        let embedding = format!("embeddings/{hash}-toy.safetensors");
        for (given, shown) in [
            (embedding.clone(), format!("{embedding}=toy")),
            (format!("{embedding}=<toy>"), format!("{embedding}=<toy>")),
        ] {
            let settings = read(json!({ "embedding": [given] })).unwrap();
            assert_eq!(to_json(&settings), json!({ "embedding": [shown] }));
        }
        for path in ["toy.pt", "/etc/passwd=toy", "embeddings/../toy.pt", ""] {
            assert!(read(json!({ "embedding": [path] })).is_err(), "{path}");
        }
        let many = vec![embedding; MOST_EMBEDDINGS + 1];
        assert!(read(json!({ "embedding": many })).is_err());
        assert!(read(json!({ "include": "other.toml" })).is_err());
        assert!(read(json!({ "film_seconds": "track" })).is_err());
        assert!(read(json!({ "promt": "a" })).is_err());
    }

    #[test]
    fn the_number_of_keyframes_is_limited() {
        let keyframes = vec![json!({ "prompt": "a" }); 10_000];
        let error = read(json!({ "keyframe": keyframes })).unwrap_err();
        assert_eq!(error.kind, crate::error::ErrorKind::TooLarge);
    }
}
