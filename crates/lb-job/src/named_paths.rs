//! Which of the files that a job names may be used.
//!
//! A job may come from anybody, in a film or as a file. If it could name any file of a disk, a film that is
//! rendered again and given away would show pictures that its author has chosen and the user has never
//! seen. What a job names must therefore lie in the folder that the job itself lies in, or below it,
//! unless the user confirms that it may be anywhere.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf, Prefix};

use crate::pictures::is_model_path;
use crate::{EmbeddingFile, JobError, JobSettings, KeyframeLora};

/// Which files a job may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NamedPaths {
    /// Those in the folder of the file that the job is read from, or below it. Links must not lead out of
    /// it.
    #[default]
    InFolder,
    /// Any, because the user has confirmed it.
    Anywhere,
}

/// The folder that a job lies in.
pub(crate) struct JobFolder {
    path: PathBuf,
    /// The folder without links; `None` if it cannot be looked at.
    real: Option<PathBuf>,
}

impl JobFolder {
    /// The folder of `origin`, which is a job file, a film, a picture, or itself a folder of frames.
    pub(crate) fn of(origin: &Path) -> Self {
        let folder = if origin.is_dir() {
            origin
        } else {
            origin.parent().unwrap_or(Path::new(""))
        };
        // The parent of a mere name is empty.
        let path = Path::new(".").join(folder);
        Self {
            real: path.canonicalize().ok(),
            path,
        }
    }

    /// The folder's path, relative to the working directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a path, which is relative to the working directory, leads to something in the folder or
    /// below it. What does not exist counts as lying where it would be made.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let (Some(folder), Ok(path)) = (&self.real, std::path::absolute(path)) else {
            return false;
        };
        // Looking for another computer's file would tell that computer who the user is.
        if is_remote(&path)
            && !std::path::absolute(&self.path).is_ok_and(|own| path.starts_with(own))
        {
            return false;
        }
        let mut above = path.ancestors();
        let Some((above, real)) = above.find_map(|above| Some((above, above.canonicalize().ok()?)))
        else {
            return false;
        };
        let missing = path.strip_prefix(above).unwrap_or(Path::new(""));
        let mut parts = missing.components();
        let is_plain = parts.all(|part| matches!(part, Component::Normal(_)));
        // A link that leads to nothing may lead anywhere later.
        let is_link = missing != Path::new("") && path.symlink_metadata().is_ok();
        is_plain && !is_link && real.join(missing).starts_with(folder)
    }
}

/// Whether a path leads to another computer.
pub(crate) fn is_remote(path: &Path) -> bool {
    let Some(Component::Prefix(prefix)) = path.components().next() else {
        return false;
    };
    matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..))
}

impl JobSettings {
    /// Everything that the settings name outside of the folder of `origin`, which is the job file, film,
    /// picture or folder that they come from.
    #[must_use]
    pub fn paths_outside(&self, origin: &Path) -> Vec<PathBuf> {
        let mut settings = self.clone();
        let pictures = settings.pictures_mut().filter_map(|(path, _)| path.clone());
        let mut paths: Vec<PathBuf> = pictures.collect();
        paths.extend(self.model_paths());
        let folder = JobFolder::of(origin);
        paths.retain(|path| !folder.has(path));
        let mut known = BTreeSet::new();
        paths.retain(|path| known.insert(path.clone()));
        paths
    }

    /// Checks that no model, VAE decoder, LoRA or embedding lies outside of the folder of `origin`.
    pub(crate) fn validate_models(&self, origin: &Path) -> Result<(), JobError> {
        let folder = JobFolder::of(origin);
        let models = self.model_paths().filter(|path| !folder.has(path));
        refuse_outside(origin, models.collect())
    }

    /// The paths of models, of the VAE decoder, of LoRAs and of embeddings. Models that are named without a
    /// slash, or as a repository, have none.
    fn model_paths(&self) -> impl Iterator<Item = PathBuf> {
        let models = [&self.model, &self.upscale.model].into_iter().flatten();
        let models = models.filter(|model| is_model_path(model, Path::new("")));
        let loras = self.loras().map(|lora| lora.path.clone());
        let models = models.map(PathBuf::from).chain(self.vae.clone());
        let embeddings = self.prompts.embeddings.iter().flatten();
        models
            .chain(loras)
            .chain(embeddings.map(|embedding| embedding.path.clone()))
    }

    /// The LoRAs of all keyframes, those of the defaults first.
    pub fn loras(&self) -> impl Iterator<Item = &KeyframeLora> {
        let keyframes = self.keyframes.iter().map(|keyframe| &keyframe.shared);
        let shared = [&self.defaults.shared].into_iter().chain(keyframes);
        shared.flat_map(|shared| shared.loras.iter().flatten())
    }

    /// The paths of all LoRAs, to change them.
    pub(crate) fn lora_paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let keyframes = self
            .keyframes
            .iter_mut()
            .map(|keyframe| &mut keyframe.shared);
        let shared = [&mut self.defaults.shared].into_iter().chain(keyframes);
        shared.flat_map(|shared| shared.loras.iter_mut().flatten().map(|lora| &mut lora.path))
    }

    /// Forgets all LoRAs.
    pub(crate) fn forget_loras(&mut self) {
        let keyframes = self
            .keyframes
            .iter_mut()
            .map(|keyframe| &mut keyframe.shared);
        for shared in [&mut self.defaults.shared].into_iter().chain(keyframes) {
            shared.loras = None;
        }
    }

    /// Makes the pictures that the settings name outside of the folder of `origin` files of that folder, which
    /// need not exist. Nobody who needs no pictures then opens them. Paths of models stay as they are.
    pub fn forget_pictures_outside(&mut self, origin: &Path) {
        let folder = JobFolder::of(origin);
        let pictures = self.pictures_mut().filter_map(|(path, _)| path.as_mut());
        for path in pictures.filter(|path| !folder.has(path)) {
            let name = path.file_name().unwrap_or("unnamed".as_ref());
            *path = folder.path().join(name);
        }
    }

    /// Leaves out the embeddings that lie outside of the folder of `origin` or do not exist, and returns them.
    pub fn leave_out_embeddings_outside(&mut self, origin: &Path) -> Vec<EmbeddingFile> {
        let folder = JobFolder::of(origin);
        let embeddings = self.prompts.embeddings.take();
        let is_there =
            |embedding: &EmbeddingFile| folder.has(&embedding.path) && embedding.path.is_file();
        let (kept, left_out) = embeddings.into_iter().flatten().partition(is_there);
        self.prompts.embeddings = Some(kept).filter(|kept: &Vec<_>| !kept.is_empty());
        left_out
    }
}

/// The error about files outside of the folder of a job, if there are any.
pub(crate) fn refuse_outside(origin: &Path, paths: Vec<PathBuf>) -> Result<(), JobError> {
    if paths.is_empty() {
        return Ok(());
    }
    Err(JobError::PathsOutside {
        origin: origin.into(),
        paths,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyframeSettings;

    #[test]
    fn a_job_has_its_folder_and_what_lies_below() {
        let disk = tempfile::tempdir().unwrap();
        let path = |name: &str| disk.path().join(name);
        std::fs::create_dir_all(path("job/deep")).unwrap();
        std::fs::create_dir(path("jobs")).unwrap();
        for name in ["job/film.mp4", "job/deep/a.png", "a.png", "jobs/a.png"] {
            std::fs::write(path(name), name).unwrap();
        }
        for origin in ["job/film.mp4", "job/missing.toml", "job"] {
            let folder = JobFolder::of(&path(origin));
            for inside in [
                "job/deep/a.png",
                "job/deep/../deep/a.png",
                "job/../job/deep/a.png",
                "job/missing/deep/a.png",
                "job",
            ] {
                assert!(folder.has(&path(inside)), "{origin}: {inside}");
            }
            for outside in [
                "a.png",
                "jobs/a.png",
                "job/../a.png",
                "job/deep/../../a.png",
                "job/../missing.png",
                "job/missing/../../a.png",
                "job/missing/../deep/a.png",
                "/etc/passwd",
                "/",
            ] {
                assert!(!folder.has(&path(outside)), "{origin}: {outside}");
            }
        }
        assert!(JobFolder::of(Path::new("film.mp4")).has(Path::new("missing.png")));
        assert!(!JobFolder::of(Path::new("film.mp4")).has(Path::new("../missing.png")));
        assert!(!JobFolder::of(&path("missing/film.mp4")).has(&path("missing/a.png")));
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_out() {
        use std::os::unix::fs::symlink;

        let disk = tempfile::tempdir().unwrap();
        let path = |name: &str| disk.path().join(name);
        for folder in ["job/deep", "private"] {
            std::fs::create_dir_all(path(folder)).unwrap();
        }
        for name in ["job/deep/a.png", "private/a.png"] {
            std::fs::write(path(name), name).unwrap();
        }
        symlink(path("private"), path("job/out")).unwrap();
        symlink(path("private/a.png"), path("job/a.png")).unwrap();
        symlink(path("private/missing"), path("job/later")).unwrap();
        symlink(path("job/deep"), path("job/in")).unwrap();
        symlink(path("job"), path("name")).unwrap();
        let folder = JobFolder::of(&path("name/film.mp4"));
        for outside in ["job/out/a.png", "job/a.png", "job/later", "job/out/missing"] {
            assert!(!folder.has(&path(outside)), "{outside}");
        }
        for inside in ["job/in/a.png", "name/in/a.png", "job/deep/a.png"] {
            assert!(folder.has(&path(inside)), "{inside}");
        }
    }

    #[test]
    fn embeddings_that_lie_outside_or_are_missing_are_left_out() {
        let disk = tempfile::tempdir().unwrap();
        let path = |name: &str| disk.path().join(name);
        std::fs::create_dir_all(path("frames")).unwrap();
        for name in ["frames/in.pt", "out.pt"] {
            std::fs::write(path(name), "").unwrap();
        }
        let named = |names: &[&str]| -> Vec<EmbeddingFile> {
            let embeddings = names.iter().map(|name| EmbeddingFile {
                path: path("frames").join(name),
                name: "toy".into(),
            });
            embeddings.collect()
        };
        let mut settings = JobSettings::default();
        let origin = path("frames/frame_0000.png");
        assert_eq!(settings.leave_out_embeddings_outside(&origin), []);
        let all = named(&["in.pt", "../out.pt", "missing.pt"]);
        settings.prompts.embeddings = Some(all);
        let left_out = settings.leave_out_embeddings_outside(&origin);
        assert_eq!(left_out, named(&["../out.pt", "missing.pt"]));
        assert_eq!(settings.prompts.embeddings, Some(named(&["in.pt"])));
    }

    #[test]
    fn everything_that_is_named_outside_is_found_and_can_be_forgotten() {
        let mut settings = JobSettings::default();
        let mut keyframe = KeyframeSettings::from_image("/private/a.png");
        settings.keyframes = vec![keyframe.clone()];
        keyframe.image = Some("b.png".into());
        settings.keyframes.push(keyframe);
        settings.inpaint.image = Some("../c.png".into());
        settings.inpaint.mask = Some("../d.png".into());
        settings.depth.image = Some("../e.png".into());
        settings.vae = Some("/private/f".into());
        settings.model = Some("..".into());
        let lora = |text: &str| Some(vec![text.parse().unwrap()]);
        settings.defaults.shared.loras = lora("/private/h:0.5");
        settings.keyframes[1].shared.loras = lora("../i");
        settings.upscale.model = Some("/private/g".into());
        settings.prompts.embeddings = Some(vec!["../j.pt".parse().unwrap()]);
        let origin = Path::new("film.mp4");
        let found = settings.paths_outside(origin);
        let mut names: Vec<_> = found.iter().filter_map(|path| path.to_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "..",
                "../c.png",
                "../d.png",
                "../e.png",
                "../i",
                "../j.pt",
                "/private/a.png",
                "/private/f",
                "/private/g",
                "/private/h"
            ]
        );
        settings.forget_pictures_outside(origin);
        let models = [
            "..",
            "/private/g",
            "/private/f",
            "/private/h",
            "../i",
            "../j.pt",
        ];
        let models = models.map(PathBuf::from);
        assert_eq!(settings.paths_outside(origin), models);
        assert_eq!(settings.keyframes[0].image, Some("./a.png".into()));
        assert_eq!(settings.keyframes[1].image, Some("b.png".into()));
        assert!(settings.validate_models(origin).is_err());
        (settings.vae, settings.upscale.model) = (None, None);
        settings.model = Some("pocket".into());
        assert!(settings.validate_models(origin).is_err());
        settings.forget_loras();
        assert!(settings.validate_models(origin).is_err());
        settings.prompts.embeddings = None;
        assert!(settings.validate_models(origin).is_ok());
    }
}
