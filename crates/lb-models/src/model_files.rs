//! The files of a model directory as they were at one moment.

use std::fs;
use std::path::{Path, PathBuf};

use lb_checkpoint::Manifest;
use lb_files::FileIdentity;

/// Which files a model directory has: two equal values mean that nothing was changed in between.
///
/// Contents are not read, since weights have gigabytes: a file counts as unchanged while its
/// [`FileIdentity`] is the same. The files of the directory itself and of the folders in it count, and so
/// do the folders that it shares with other models. Links count as the files that they point to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ModelFiles {
    folder: PathBuf,
    /// By their paths in the directory.
    files: Vec<(PathBuf, FileIdentity)>,
}

impl ModelFiles {
    /// Looks at the files below `folder`, or at `folder` itself if it is a file. Files that cannot be
    /// looked at are left out; the errors appear when they are needed.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut paths = Vec::new();
        if folder.is_file() {
            paths.push(folder.to_owned());
        }
        for path in entries(folder) {
            match path.is_dir() {
                true => paths.extend(entries(&path)),
                false => paths.push(path),
            }
        }
        // A manifest that cannot be read is reported when it is needed.
        for (part, home) in Manifest::read(folder).iter().flat_map(Manifest::shared) {
            paths.extend(entries(&home.join(part)));
            paths.extend(
                entries(home).filter(|path| path.extension() == Some("safetensors".as_ref())),
            );
        }
        paths.retain(|path| path.is_file());
        paths.sort();
        paths.dedup();
        let files = paths.into_iter().filter_map(|path| {
            let identity = FileIdentity::of(&path).ok()?;
            Some((path, identity))
        });
        Self {
            folder: canonical(folder),
            files: files.collect(),
        }
    }

    /// Whether these are files of the model directory at `folder`, changed or not.
    pub(crate) fn are_in(&self, folder: &Path) -> bool {
        self.folder == canonical(folder)
    }

    /// The model directory, as an absolute path without links.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn canonical(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.into())
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_a_replaced_and_a_new_file_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (root, unet) = (folder.path(), folder.path().join("unet"));
        fs::create_dir(&unet).unwrap();
        let weights = unet.join("weights");
        fs::write(&weights, "one").unwrap();
        let before = ModelFiles::of(root);
        assert_eq!(before, ModelFiles::of(root));
        assert!(before.are_in(root) && !before.are_in(&unet));

        fs::write(&weights, "three").unwrap();
        let rewritten = ModelFiles::of(root);
        assert_ne!(before, rewritten);

        fs::write(unet.join("other"), "seven").unwrap();
        fs::rename(unet.join("other"), &weights).unwrap();
        let replaced = ModelFiles::of(root);
        assert_ne!(rewritten, replaced);

        fs::write(root.join("model_index.json"), "{}").unwrap();
        assert_ne!(replaced, ModelFiles::of(root));
    }

    #[test]
    fn files_that_another_model_shares_count_as_well() {
        let models = tempfile::tempdir().unwrap();
        let (own, other) = (models.path().join("own"), models.path().join("other"));
        fs::create_dir(&own).unwrap();
        fs::create_dir_all(other.join("vae")).unwrap();
        fs::write(own.join(Manifest::FILE), "[shared]\nvae = \"../other\"").unwrap();
        fs::write(other.join("vae/weights"), "one").unwrap();
        let before = ModelFiles::of(&own);
        fs::write(other.join("README.md"), "text").unwrap();
        assert_eq!(before, ModelFiles::of(&own));
        fs::write(other.join("vae/weights"), "three").unwrap();
        assert_ne!(before, ModelFiles::of(&own));
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let files = ModelFiles::of(&folder.path().join("nowhere"));
        assert!(files.files.is_empty());
    }
}
