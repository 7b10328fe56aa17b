//! How files are brought into Hugging Face's cache: contents under their hashes, links to them under their names,
//! and the commit of a revision.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use lb_files::StagedFile;

use crate::cache::RepositoryHome;
use crate::error::HubError;
use crate::listing::RemoteFile;
use crate::repository::is_commit;

impl RepositoryHome {
    /// The file with this hash. It is whole if it is there.
    pub(crate) fn blob(&self, hash: &str) -> PathBuf {
        self.folder.join("blobs").join(hash)
    }

    /// Whether this file is there, whole. Python may have put a link in its place, which leads to a store of the
    /// whole cache, in which repositories share files.
    pub(crate) fn has(&self, file: &RemoteFile) -> bool {
        let blob = self.blob(file.hash.digits());
        let is_whole = |there: Metadata| there.is_file() && there.len() == file.bytes;
        match blob.symlink_metadata() {
            Ok(there) if there.is_symlink() => {
                let cache = self
                    .folder
                    .parent()
                    .and_then(|cache| cache.canonicalize().ok());
                let store = cache.map(|cache| cache.join("blobs"));
                let shared = blob.canonicalize().ok();
                let shared =
                    shared.filter(|path| store.is_some_and(|store| path.starts_with(store)));
                shared.is_some_and(|path| path.metadata().is_ok_and(is_whole))
            }
            there => there.is_ok_and(is_whole),
        }
    }

    /// What has arrived so far of the file with this hash. Python's name for it is another one, because
    /// Python gives it up when it is interrupted.
    pub(crate) fn incomplete(&self, hash: &str) -> PathBuf {
        self.folder
            .join("blobs")
            .join(format!("{hash}.lb.incomplete"))
    }

    /// The folder of the locks of this repository's files, which Python knows too.
    fn locks(&self) -> PathBuf {
        let name = self.folder.file_name().unwrap_or_default();
        self.folder.with_file_name(".locks").join(name)
    }

    /// Makes the folders for files and locks.
    pub(crate) fn make_folders(&self) -> Result<(), HubError> {
        for folder in [self.folder.join("blobs"), self.locks()] {
            fs::create_dir_all(&folder).map_err(HubError::io("made", &folder))?;
        }
        Ok(())
    }

    /// The lock of the file with this hash, open and not locked yet.
    pub(crate) fn lock_file(&self, hash: &str) -> Result<File, HubError> {
        Ok(lb_files::open_lock(
            &self.locks().join(format!("{hash}.lock")),
        )?)
    }

    /// Remembers which commit the revision is.
    pub(crate) fn write_reference(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if is_commit(revision) {
            return Ok(());
        }
        let path = self.reference(revision);
        make_parents(&path)?;
        lb_files::write(&path, commit.as_bytes(), true)?;
        Ok(())
    }

    /// Gives the file with this hash its name in the snapshot, as a relative link where the system has
    /// links, so that the cache can be moved.
    pub(crate) fn link(&self, hash: &str, commit: &str, path: &str) -> Result<(), HubError> {
        let name = self.snapshot(commit).join(path);
        let blob = self.blob(hash);
        let depth = Path::new(path).components().count() + 1;
        let target = PathBuf::from("../".repeat(depth)).join("blobs").join(hash);
        if fs::read_link(&name).is_ok_and(|there| there == target) {
            return Ok(());
        }
        make_parents(&name)?;
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(HubError::io("replaced", &name)(error));
            }
            _ => {}
        }
        symbolic_link(&target, &name)
            // Windows lets only some users make links.
            .or_else(|_| fs::hard_link(&blob, &name))
            // Another download of the same file may have been quicker.
            .or_else(|_| match name.exists() {
                true => Ok(()),
                false => copy(&blob, &name),
            })
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), HubError> {
    let mut copied = StagedFile::create(to, false)?;
    let mut content = lb_files::open(from)?;
    io::copy(&mut content, &mut copied).map_err(HubError::io("written", to))?;
    copied.complete()?;
    Ok(copied.publish()?)
}

fn make_parents(path: &Path) -> Result<(), HubError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(HubError::io("made", parent))
}

#[cfg(unix)]
fn symbolic_link(target: &Path, name: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, name)
}

#[cfg(windows)]
fn symbolic_link(target: &Path, name: &Path) -> io::Result<()> {
    // Windows wants its own separators in the target of a relative link.
    let target: PathBuf = target.components().collect();
    std::os::windows::fs::symlink_file(target, name)
}

#[cfg(not(any(unix, windows)))]
fn symbolic_link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether a path that a server has given stays inside of the folder that it is joined to, on every system.
pub(crate) fn is_inside(path: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty()
            && part.len() <= 255
            && !part.ends_with(['.', ' '])
            && !lb_files::is_device(part)
    };
    !path.contains(['\\', ':', '\0'])
        && !path.contains(char::is_control)
        && path.split('/').all(is_plain)
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::HubCache;
    use crate::repository::Repository;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn cache() -> (tempfile::TempDir, HubCache, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let cache = HubCache::new(folder.path());
        (folder, cache, "some/model@fp16".parse().unwrap())
    }

    #[test]
    fn what_is_linked_and_named_is_found() {
        let (folder, cache, repository) = cache();
        let home = cache.home(&repository);
        home.make_folders().unwrap();
        fs::write(home.blob("aa"), "{}").unwrap();
        for _ in 0..2 {
            home.link("aa", COMMIT, "unet/config.json").unwrap();
        }
        assert_eq!(cache.snapshot(&repository), None, "it has no name yet");
        home.write_reference("fp16", COMMIT).unwrap();
        let snapshot = cache.snapshot(&repository).unwrap();
        assert_eq!(
            fs::read_to_string(snapshot.join("unet/config.json")).unwrap(),
            "{}"
        );
        let by_commit = format!("some/model@{COMMIT}").parse().unwrap();
        assert_eq!(cache.snapshot(&by_commit), Some(snapshot));
        assert_eq!(cache.snapshots(), [], "main was not downloaded");
        home.write_reference("main", COMMIT).unwrap();
        assert_eq!(cache.snapshots()[0].0.id(), "some/model");

        let moved = folder.path().join("moved");
        fs::create_dir(&moved).unwrap();
        fs::rename(
            folder.path().join("models--some--model"),
            moved.join("models--some--model"),
        )
        .unwrap();
        let snapshot = HubCache::new(&moved).snapshot(&repository).unwrap();
        assert!(snapshot.join("unet/config.json").is_file());
    }

    #[test]
    fn a_reference_that_is_no_commit_leads_nowhere() {
        let (_folder, cache, repository) = cache();
        let home = cache.home(&repository);
        for text in ["../../..", "", "/etc", &"a".repeat(1000)] {
            let path = home.reference("fp16");
            make_parents(&path).unwrap();
            fs::write(&path, text).unwrap();
            assert_eq!(cache.snapshot(&repository), None, "{text}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for path in ["config.json", "unet/config.json", "a/b/c.safetensors"] {
            assert!(is_inside(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/./b",
            "C:/x",
            "a\\b",
            "a/b\0",
            "a\nb",
            "nul.",
            "unet/a ",
            "unet/aux.safetensors",
            "NUL/config.json",
        ] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
