//! Getting a job back from a job file, or from a film or picture that carries one.
//!
//! The file may come from anybody. Of what it names, models are taken over by their names. A picture, a LoRA, an
//! embedding or a VAE decoder is taken over if one of the projects has one of the same content, and the latter three
//! also if there is one of the same name on this machine. Everything else is left out.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use lb_files::NamedTempFile;
use lb_job::{EmbeddingFile, JobSettings, embedded_job};
use percent_encoding::percent_decode_str;

use crate::add_ons::{self, AddOn, AddOnKind, keep_copy};
use crate::error::ApiError;
use crate::events::Owner;
use crate::ids::is_hex;
use crate::job_document::{is_model_name, loras_mut, picture_path};
use crate::limits::{LONGEST_NAME, MOST_EMBEDDINGS};
use crate::projects::Project;
use crate::shared::Shared;

/// What a file gave.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) settings: JobSettings,
    /// The hashes of pictures that the job names, and where they are.
    pub(crate) pictures: Vec<(String, PathBuf)>,
    /// The LoRAs, the embeddings and the VAE decoder that the job names.
    pub(crate) add_ons: Vec<FoundAddOn>,
    /// What was left out, in sentences.
    pub(crate) left_out: Vec<String>,
}

/// A LoRA, an embedding or a VAE decoder that was found by what a job says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FoundAddOn {
    /// The path in the job, in place of which comes that of the copy.
    named: PathBuf,
    kind: AddOnKind,
    name: String,
    source: PathBuf,
}

impl Imported {
    /// Copies the LoRAs, the embeddings and the VAE decoder into a new project, and lets its job name the copies.
    pub(crate) fn keep_add_ons(&mut self, project: &Project) -> Result<(), ApiError> {
        for found in &self.add_ons {
            let kept = keep_copy(project, found.kind, &found.name, &found.source)?;
            if found.kind == AddOnKind::Embedding {
                name_embedding(&mut self.settings, &found.named);
            }
            for path in paths_mut(&mut self.settings, found.kind) {
                if *path == found.named {
                    *path = kept.path();
                }
            }
        }
        Ok(())
    }
}

/// Makes prompts that call an embedding by its file call it by its name, because the copy of the file has another name.
fn name_embedding(settings: &mut JobSettings, file: &Path) {
    let mut embeddings = settings.prompts.embeddings.iter().flatten();
    let embedding = embeddings.find(|embedding| embedding.path == file);
    let file = file.file_name().and_then(|file| file.to_str());
    let (Some(EmbeddingFile { name, .. }), Some(file)) = (embedding.cloned(), file) else {
        return;
    };
    let named = format!("embedding:{}", file.to_ascii_lowercase());
    let keyframes = settings.keyframes.iter_mut();
    let prompts = keyframes.flat_map(|at| [&mut at.prompt, &mut at.shared.negative_prompt]);
    let prompts = prompts.chain([&mut settings.defaults.shared.negative_prompt]);
    for prompt in prompts.flatten() {
        let places = prompt.to_ascii_lowercase();
        let ends_here = |at: usize| {
            let behind = places[at + named.len()..].chars().next();
            !behind.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
        };
        let places: Vec<usize> = places.match_indices(&named).map(|(at, _)| at).collect();
        for at in places.into_iter().rev().filter(|&at| ends_here(at)) {
            prompt.replace_range(at..at + named.len(), &format!("embedding:{name}"));
        }
    }
}

/// The paths of the files of a kind.
fn paths_mut(settings: &mut JobSettings, kind: AddOnKind) -> Vec<&mut PathBuf> {
    match kind {
        AddOnKind::Lora => {
            let loras = loras_mut(settings).flatten().flatten();
            loras.map(|lora| &mut lora.path).collect()
        }
        AddOnKind::Embedding => {
            let embeddings = settings.prompts.embeddings.iter_mut().flatten();
            embeddings.map(|embedding| &mut embedding.path).collect()
        }
        AddOnKind::Vae => settings.vae.iter_mut().collect(),
    }
}

/// Reads the job of a file that was uploaded.
pub(crate) fn read(
    file: &NamedTempFile,
    shared: &Shared,
    owner: &Owner,
) -> Result<Imported, ApiError> {
    // A folder with nothing else in it: whatever the job names beside itself is missing.
    let folder = tempfile::tempdir()?;
    let ending = ending_of(file.path())?;
    let path = folder.path().join("upload").with_extension(ending);
    std::fs::rename(file.path(), &path).or_else(|_| {
        let bytes = lb_files::read(file.path(), u64::MAX).map_err(lb_files::FileError::into_io)?;
        std::fs::write(&path, bytes)
    })?;
    let hide = |message: String| {
        let message = message.replace(&path.display().to_string(), "the file");
        ApiError::request(message.replace(&folder.path().display().to_string(), "its folder"))
    };
    let text = match ending {
        "toml" => lb_files::read_text(&path, lb_job::LARGEST_JOB_FILE as u64).map_err(|_| {
            ApiError::request("the file is neither a job file nor a film or picture")
        })?,
        _ => embedded_job(&path).map_err(|error| hide(error.to_string()))?,
    };
    let settings = JobSettings::parse(&text, &path).map_err(|error| hide(error.to_string()))?;
    cleaned(settings, shared, owner)
}

/// The ending that belongs to the first bytes of a file.
fn ending_of(path: &Path) -> Result<&'static str, ApiError> {
    let mut start = [0; 12];
    let file = lb_files::open(path)?;
    let mut read = Vec::new();
    file.take(12).read_to_end(&mut read)?;
    start[..read.len()].copy_from_slice(&read);
    Ok(match &start {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => "webp",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "mp4",
        _ => "toml",
    })
}

/// The settings without what a client must not name.
fn cleaned(
    mut settings: JobSettings,
    shared: &Shared,
    owner: &Owner,
) -> Result<Imported, ApiError> {
    let mut left_out = Vec::new();
    let own = shared.projects.list(owner)?;
    let mut add_ons = Vec::new();
    let mut is_found = |kind: AddOnKind, path: &Path| match find_add_on(kind, path, &own, shared) {
        Ok(found) => {
            add_ons.push(found);
            true
        }
        Err(missing) => {
            left_out.push(missing);
            false
        }
    };
    settings.vae.take_if(|vae| !is_found(AddOnKind::Vae, vae));
    for loras in loras_mut(&mut settings).flatten() {
        loras.retain(|lora| is_found(AddOnKind::Lora, &lora.path));
    }
    if let Some(embeddings) = &mut settings.prompts.embeddings {
        embeddings.truncate(MOST_EMBEDDINGS);
        embeddings.retain(|embedding| is_found(AddOnKind::Embedding, &embedding.path));
    }
    let mut model = |model: &mut Option<String>| {
        if let Some(name) = model.take_if(|name| !is_model_name(name)) {
            let last = Path::new(&name).file_name().and_then(|name| name.to_str());
            let known = last.filter(|name| shared.models.open(name).is_ok());
            *model = known.map(str::to_owned);
            if model.is_none() {
                left_out.push("A model that was named by its path was left out.".to_owned());
            }
        }
    };
    model(&mut settings.model);
    model(&mut settings.upscale.model);
    if settings.timing.film_seconds == Some(lb_job::FilmLength::Track) {
        settings.timing.film_seconds = None;
        left_out
            .push("The sound was left out, and the film has the length of its parts.".to_owned());
    }
    if settings.timing.sync.take().is_some() {
        left_out.push("The sound was left out, and the film does not follow it.".to_owned());
    }
    let mut pictures = Vec::new();
    for (path, hash) in settings.pictures_mut() {
        let hash = hash.take();
        let Some(named) = path.take() else {
            continue;
        };
        let name = named.file_stem().and_then(|name| name.to_str());
        let hash = hash
            .or(name.map(str::to_owned))
            .filter(|hash| is_hex(hash, 64));
        let found = hash.and_then(|hash| {
            let mut paths = own.iter().map(|project| project.picture(&hash));
            let source = paths.find(|path| path.is_file())?;
            Some((hash, source))
        });
        match found {
            Some((hash, source)) => {
                *path = Some(picture_path(&hash));
                pictures.push((hash, source));
            }
            None => left_out.push(
                "A picture that the job names is not in the file, and has to be uploaded again."
                    .to_owned(),
            ),
        }
    }
    // A mask or a picture alone would be no film at all.
    if settings.inpaint.image.is_none() || settings.inpaint.mask.is_none() {
        settings.inpaint = Default::default();
    }
    add_ons.dedup();
    left_out.dedup();
    if settings.keyframes.len() > shared.limits.keyframes {
        let most = shared.limits.keyframes;
        return Err(ApiError::too_large(format!(
            "a project has at most {most} keyframes"
        )));
    }
    Ok(Imported {
        settings,
        pictures,
        add_ons,
        left_out,
    })
}

/// The file that a job names: one of the same content in a project, or else one of the same name, which must have
/// the same content if the job tells its hash. If there is none, a sentence that says so.
fn find_add_on(
    kind: AddOnKind,
    named: &Path,
    own: &[Project],
    shared: &Shared,
) -> Result<FoundAddOn, String> {
    let (noun, name) = (kind.noun(), AddOn::name_of(named));
    let missing = || format!("The {noun} {name} is not on this machine, and was left out.");
    let file = named.file_name().and_then(|file| file.to_str());
    let file = file.ok_or_else(missing)?;
    let in_project = format!("{}/{file}", kind.folder());
    let kept = AddOn::of_path(kind, Path::new(&in_project));
    let in_projects = kept.as_ref().and_then(|add_on| {
        let mut paths = own.iter().map(|at| at.folder.join(add_on.path()));
        paths.find(|path| path.is_file())
    });
    let source = match in_projects {
        Some(path) => path,
        None => {
            let mut known = add_ons::known(kind, &shared.options.model_folders).into_iter();
            let found = known.find(|known| known.name == name);
            let path = found.ok_or_else(missing)?.path;
            if let Some(kept) = kept
                && !add_ons::described(kind, &name, &path)
                    .is_ok_and(|found| found.sha256 == kept.sha256)
            {
                return Err(format!(
                    "The {noun} {name} of this machine is not the one that the job names, which was left out."
                ));
            }
            path
        }
    };
    Ok(FoundAddOn {
        named: named.to_owned(),
        kind,
        name,
        source,
    })
}

/// The name of a project that is made of a file of this name, in which letters beyond ASCII are
/// percent-encoded, because headers cannot have them.
pub(crate) fn project_name(file: Option<&str>) -> String {
    let decoded = file.map(|name| percent_decode_str(name).decode_utf8_lossy());
    let file = decoded.as_deref();
    let last = file
        .and_then(|name| name.rsplit(['/', '\\']).next())
        .unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let plain = stem.chars().filter(|letter| !letter.is_control());
    let name: String = plain.take(LONGEST_NAME).collect();
    match name.trim() {
        "" => "Imported".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lb_job::SharedSettings;

    use super::*;

    #[test]
    fn prompts_call_an_embedding_by_its_name() {
        let job = r#"{
            "embedding": ["toys/Toy.v1.pt=<bear>", "toys/other.pt"],
            "defaults": { "negative_prompt": "(embedding:toy.v1.pt:1.2)" },
            "keyframe": [{
                "prompt": "É Embedding:TOY.v1.pt, embedding:Toy.v1.ptx, embedding:other.pt embedding:Toy.v1.pt",
                "negative_prompt": "Toy.v1.pt"
            }]
        }"#;
        let mut settings = JobSettings::from_json(job).unwrap();
        name_embedding(&mut settings, Path::new("toys/Toy.v1.pt"));
        name_embedding(&mut settings, Path::new("toys/missing.pt"));
        let keyframe = &settings.keyframes[0];
        assert_eq!(
            keyframe.prompt.as_deref(),
            Some("É embedding:<bear>, embedding:Toy.v1.ptx, embedding:other.pt embedding:<bear>")
        );
        let negative = |shared: &SharedSettings| shared.negative_prompt.clone().unwrap();
        assert_eq!(negative(&keyframe.shared), "Toy.v1.pt");
        assert_eq!(
            negative(&settings.defaults.shared),
            "(embedding:<bear>:1.2)"
        );
    }

    #[test]
    fn names_of_files_become_names_of_projects() {
        assert_eq!(project_name(Some("Fruits.mp4")), "Fruits");
        assert_eq!(project_name(Some("C:\\films\\a b.toml")), "a b");
        assert_eq!(project_name(Some("../../etc/passwd")), "passwd");
        assert_eq!(project_name(Some("%C3%A4pfel%20%26.mp4")), "äpfel &");
        assert_eq!(project_name(Some("%2e%2e%2fa%0Ab.mp4")), "ab");
        assert_eq!(project_name(Some("..")), ".");
        assert_eq!(project_name(Some("")), "Imported");
        assert_eq!(project_name(None), "Imported");
    }
}
