//! The pictures that a job names: how an output names them, and how they are found again after they, or
//! the output, have been moved.
//!
//! An output may be given away, so it must not tell how a disk is organised. It therefore names pictures
//! in its own surroundings by relative paths and all others by their file names alone, and carries the
//! hash of each picture's content, by which the picture is recognised under any name.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_files::FileError;
use lb_hub::Repository;
use lb_video::VideoError;

use crate::named_paths::{JobFolder, is_remote, refuse_outside};
use crate::{Job, JobError, JobSettings, NamedPaths};

/// A picture that settings name, and the hash of its content.
pub type PictureSettings<'a> = (&'a mut Option<PathBuf>, &'a mut Option<String>);

impl JobSettings {
    /// Every picture that the settings name, to change it.
    pub fn pictures_mut(&mut self) -> impl Iterator<Item = PictureSettings<'_>> {
        let (inpaint, depth) = (&mut self.inpaint, &mut self.depth);
        let keyframes = self.keyframes.iter_mut();
        keyframes
            .map(|keyframe| (&mut keyframe.image, &mut keyframe.image_sha256))
            .chain([
                (&mut inpaint.image, &mut inpaint.image_sha256),
                (&mut inpaint.mask, &mut inpaint.mask_sha256),
                (&mut depth.image, &mut depth.image_sha256),
            ])
    }

    /// Replaces the path of each picture whose content is known, but is not at its path, by that of a
    /// file with this content. It is looked for in the folder of `origin`, which is the film or job file
    /// that the settings come from, and in the working directory: first under its name, then among all
    /// files with the same ending.
    ///
    /// A picture at a path that `named` does not allow is not looked at, whatever its content is.
    ///
    /// # Errors
    /// [`JobError::PathsOutside`] for paths that are not allowed, [`JobError::PictureMissing`], and
    /// [`JobError::Video`] for a folder that cannot be read.
    pub fn find_pictures(&mut self, origin: &Path, named: NamedPaths) -> Result<(), JobError> {
        let own = JobFolder::of(origin);
        let is_allowed = |path: &Path| named == NamedPaths::Anywhere || own.has(path);
        let mut folders = vec![PathBuf::from("."), own.path().to_path_buf()];
        // The two may be the same.
        folders.dedup();
        folders.reverse();
        let mut outside = Vec::new();
        for (path, hash) in self.pictures_mut() {
            let Some(path) = path else {
                continue;
            };
            let is_allowed = is_allowed(path);
            let Some(wanted) = hash else {
                if !is_allowed {
                    outside.push(path.clone());
                }
                continue;
            };
            if is_allowed && has_content(path, wanted) {
                continue;
            }
            match find(path, wanted, &folders, named)? {
                Some(found) => *path = found,
                // Where there is nothing, permission does not help.
                None if !is_allowed && (is_remote(path) || path.exists()) => {
                    outside.push(path.clone());
                }
                None => {
                    return Err(JobError::PictureMissing {
                        path: path.clone(),
                        is_other: path.exists(),
                        folders,
                    });
                }
            }
        }
        refuse_outside(origin, outside)
    }

    /// Adds the hash of every picture's content. A picture that cannot be read gets none: a film that is
    /// upscaled does without those of its first stage.
    pub(crate) fn add_hashes(&mut self) {
        for (path, hash) in self.pictures_mut() {
            *hash = path.as_ref().and_then(|path| content_hash(path).ok());
        }
    }
}

impl Job {
    /// Makes every path absolute, so that the job means the same in any folder. Models that are
    /// named without a slash stay as they are.
    pub fn make_paths_absolute(&mut self) {
        self.change_paths(|path| std::path::absolute(path).ok());
    }

    /// Makes the path of everything that lies in a folder, in the one above it, or anywhere below these,
    /// relative to the folder. All other paths stay as they are.
    pub fn make_paths_relative(&mut self, folder: &Path) {
        let Some(folder) = without_links(folder) else {
            return;
        };
        self.change_paths(|path| relative(&without_links(path)?, &folder));
    }

    /// As [`Self::make_paths_relative`], with only the last name of all other paths.
    pub(crate) fn shorten_paths(&mut self, folder: &Path) {
        self.make_paths_absolute();
        self.make_paths_relative(folder);
        self.change_paths(|path| match path.is_absolute() {
            true => Some(last_name(path)),
            false => None,
        });
    }

    /// Replaces each path by what `change` makes of it, unless that is `None`.
    fn change_paths(&mut self, change: impl Fn(&Path) -> Option<PathBuf>) {
        for path in self.paths_mut() {
            if let Some(changed) = change(path) {
                // Unlike the path of a model, these paths need no slash.
                *path = changed.strip_prefix(".").unwrap_or(&changed).into();
            }
        }
        let second = self.upscale.iter_mut().map(|upscale| &mut upscale.model);
        for model in self.model.iter_mut().chain(second) {
            let changed = change(Path::new(model.as_str()));
            if is_model_path(model, Path::new(""))
                && let Some(changed) = changed.as_deref().and_then(Path::to_str)
            {
                *model = changed.into();
            }
        }
    }
}

/// Whether the name of a model is a path. `ORG/REPOSITORY` is one only if there is something at this path, seen
/// from `folder`; otherwise it is the name of a model that was downloaded.
pub(crate) fn is_model_path(model: &str, folder: &Path) -> bool {
    if model.parse::<Repository>().is_ok() {
        return folder.join(model).exists();
    }
    model.contains(['/', std::path::MAIN_SEPARATOR]) || matches!(model, "." | "..")
}

/// The last name of an absolute path, which may end in `..`.
fn last_name(path: &Path) -> PathBuf {
    let real = path.canonicalize();
    let names = [Some(path), real.as_deref().ok()];
    let name = names.into_iter().flatten().find_map(Path::file_name);
    name.map_or_else(|| "unnamed".into(), PathBuf::from)
}

/// An absolute path with no links before its last name, which need not exist.
fn without_links(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let (parent, name) = (path.parent()?, path.file_name()?);
    Some(parent.canonicalize().ok()?.join(name))
}

/// The path of what lies in the folder, in the one above it, or below these, as seen from the folder. The
/// root of a disk is nobody's surroundings. Both paths are absolute.
fn relative(path: &Path, folder: &Path) -> Option<PathBuf> {
    if let Ok(inside) = path.strip_prefix(folder) {
        // A model whose name has no slash is not named by its path.
        return Some(slashed(".", inside));
    }
    let above = folder.parent().filter(|above| above.parent().is_some())?;
    let beside = path.strip_prefix(above).ok()?;
    Some(slashed("..", beside))
}

/// A relative path with slashes, which every system understands, also where the system's own separators are others.
fn slashed(first: &str, rest: &Path) -> PathBuf {
    let parts = rest.components().map(|part| part.as_os_str().to_str());
    match parts.collect::<Option<Vec<_>>>() {
        Some(parts) => format!("{first}/{}", parts.join("/")).into(),
        None => Path::new(first).join(rest),
    }
}

/// The first file in these folders that has the wanted content. It must not be a link that leads out of its
/// folder, unless that is allowed.
fn find(
    path: &Path,
    wanted: &str,
    folders: &[PathBuf],
    named: NamedPaths,
) -> Result<Option<PathBuf>, JobError> {
    let is_wanted = |path: &PathBuf| {
        let is_allowed = named == NamedPaths::Anywhere
            || path
                .parent()
                .is_some_and(|folder| JobFolder::of(folder).has(path));
        is_allowed && has_content(path, wanted)
    };
    let name = path.file_name().unwrap_or_default();
    let mut named_alike = folders.iter().map(|folder| folder.join(name));
    if let Some(found) = named_alike.find(is_wanted) {
        return Ok(Some(found));
    }
    let ending = |path: &Path| path.extension().map(|ending| ending.to_ascii_lowercase());
    for folder in folders {
        let unreadable = |source| VideoError::from(FileError::io("read", folder)(source));
        let mut alike = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let found = entry.map_err(unreadable)?.path();
            if ending(&found) == ending(path) {
                alike.push(found);
            }
        }
        alike.sort();
        if let Some(found) = alike.into_iter().find(is_wanted) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Whether there is a regular file with this content that can be read.
fn has_content(path: &Path, wanted: &str) -> bool {
    content_hash(path).is_ok_and(|hash| hash.eq_ignore_ascii_case(wanted))
}

/// The SHA-256 of a file's content, as hexadecimal digits.
fn content_hash(path: &Path) -> Result<String, FileError> {
    let mut file = lb_files::open(path)?;
    let hash = lb_files::content_hash(&mut file, |_| ControlFlow::Continue(()));
    let hash = match hash.map_err(FileError::io("read", path))? {
        ControlFlow::Continue(hash) => hash,
        ControlFlow::Break(()) => unreachable!("nothing stops the reading"),
    };
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DepthMap, Inpaint};

    /// A folder with a film in `films`, and pictures there, beside it, and elsewhere.
    struct Disk(tempfile::TempDir);

    impl Disk {
        fn new() -> Self {
            let disk = Self(tempfile::tempdir().unwrap());
            for path in ["work/films/a.png", "work/pictures/b.png", "private/c.png"] {
                std::fs::create_dir_all(disk.join(path).parent().unwrap()).unwrap();
                std::fs::write(disk.join(path), path).unwrap();
            }
            disk
        }

        fn join(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn job(&self) -> Job {
            let mut job = Job::of_prompts(["a", "b"]);
            job.keyframes[0].image = Some(self.join("work/films/a.png"));
            job.inpaint = Some(Inpaint {
                image: self.join("work/pictures/b.png"),
                mask: self.join("private/c.png"),
                feather: 1.0,
            });
            job.model = Some(self.join("private/mine").to_str().unwrap().into());
            job
        }

        fn film(&self) -> PathBuf {
            self.join("work/films/film.mp4")
        }

        /// The settings that the film carries.
        fn carried(&self) -> JobSettings {
            let folder = self.join("work/films");
            let text = self
                .job()
                .description(&folder, Path::new("pocket"), (64, 64));
            JobSettings::parse(&text.unwrap(), &self.film()).unwrap()
        }
    }

    #[test]
    fn an_output_does_not_tell_where_it_was_made() {
        let disk = Disk::new();
        let folder = disk.join("work/films");
        let text = disk
            .job()
            .description(&folder, Path::new("pocket"), (64, 64));
        let text = text.unwrap();
        for line in [
            "image = \"a.png\"",
            "image = \"../pictures/b.png\"",
            "mask = \"c.png\"",
            "model = \"mine\"",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(
            !text.contains("private") && !text.contains("work"),
            "{text}"
        );
        assert_eq!(text.matches("_sha256 = ").count(), 3);
    }

    #[test]
    fn a_model_in_the_folder_of_the_film_is_named_by_its_path() {
        let disk = Disk::new();
        let folder = disk.join("private");
        let mut job = disk.job();
        job.upscale = Some(crate::Upscale::with_model("x4"));
        job.make_paths_relative(&folder);
        assert_eq!(job.model.as_deref(), Some("./mine"));
        assert_eq!(job.upscale.unwrap().model, "x4");
        // Another part of the disk keeps its path in a file that is not an output.
        assert_eq!(
            job.keyframes[0].image.as_deref(),
            Some(Path::new("../work/films/a.png"))
        );
        let mut job = disk.job();
        job.make_paths_relative(&disk.join("work/films/deep"));
        assert_eq!(job.inpaint.unwrap().mask, disk.join("private/c.png"));
    }

    #[test]
    fn pictures_that_were_moved_are_found_by_their_content() {
        let disk = Disk::new();
        let carried = disk.carried();
        let found = || {
            let mut settings = carried.clone();
            let named = NamedPaths::Anywhere;
            settings
                .find_pictures(&disk.film(), named)
                .map(|()| settings)
        };
        let mask = |found: JobSettings| found.inpaint.mask.unwrap().canonicalize().unwrap();
        // The film knows only the name of the mask, which lies elsewhere.
        let error = found().unwrap_err();
        assert!(error.is_request());
        let message = error.to_string();
        let films = disk.join("work/films");
        assert_eq!(
            message,
            format!(
                "{} is missing, and no picture in {} or the current folder has its content: copy it \
                 there",
                films.join("c.png").display(),
                films.display()
            )
        );
        // Another picture of that name is not taken for it.
        std::fs::write(films.join("c.png"), "another").unwrap();
        let message = found().unwrap_err().to_string();
        assert!(message.contains("is another picture"), "{message}");
        std::fs::copy(disk.join("private/c.png"), films.join("renamed.PNG")).unwrap();
        let renamed = films.join("renamed.PNG").canonicalize().unwrap();
        assert_eq!(mask(found().unwrap()), renamed);
        std::fs::rename(&renamed, films.join("c.png")).unwrap();
        let named = films.join("c.png").canonicalize().unwrap();
        assert_eq!(mask(found().unwrap()), named);
        // Where nothing is missing, nothing changes.
        let all = found().unwrap();
        assert_eq!(all.keyframes[0].image, Some(films.join("a.png")));
        assert_eq!(all.inpaint.image, Some(films.join("../pictures/b.png")));
    }

    #[test]
    fn a_path_in_a_job_file_without_a_hash_is_left_alone() {
        let mut job = Job::of_prompts(["a", "b"]);
        job.depth = Some(DepthMap {
            image: "missing.png".into(),
        });
        let mut settings = job.settings();
        let named = NamedPaths::InFolder;
        settings
            .find_pictures(Path::new("film.toml"), named)
            .unwrap();
        assert_eq!(settings, job.settings());
    }
}
