//! Hugging Face's cache: how downloaded files are found.

use std::fs;
use std::path::{Path, PathBuf};

use crate::repository::{Repository, is_commit};

/// The longest file that holds the name of a commit, in bytes.
const LONGEST_REF: u64 = 100;

/// A folder in Hugging Face's layout: usually `~/.cache/huggingface/hub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubCache {
    folder: PathBuf,
}

impl HubCache {
    /// The cache in this folder, which need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the repository's files at its revision, if it has been downloaded.
    #[must_use]
    pub fn snapshot(&self, repository: &Repository) -> Option<PathBuf> {
        let home = self.home(repository);
        let snapshot = home.snapshot(&home.commit_of(repository.revision())?);
        snapshot.is_dir().then_some(snapshot)
    }

    /// The repositories whose main branch has been downloaded, with the folders of their files, in the order
    /// of their names.
    #[must_use]
    pub fn snapshots(&self) -> Vec<(Repository, PathBuf)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let repositories = names.filter_map(|name| Repository::of_folder(&name));
        let mut found: Vec<_> = repositories
            .filter_map(|repository| {
                let snapshot = self.snapshot(&repository)?;
                Some((repository, snapshot))
            })
            .collect();
        found.sort_by_key(|(repository, _)| repository.id());
        found
    }

    pub(crate) fn home(&self, repository: &Repository) -> RepositoryHome {
        RepositoryHome {
            folder: self.folder.join(repository.folder_name()),
        }
    }
}

/// The folder of a repository's files at its main branch, or the only one that there is. `home` is the
/// repository's own folder in a cache.
#[must_use]
pub fn main_snapshot(home: &Path) -> Option<PathBuf> {
    let home = RepositoryHome {
        folder: home.into(),
    };
    let named = home.commit_of("main").map(|commit| home.snapshot(&commit));
    let mut there = fs::read_dir(home.snapshots()).ok()?.flatten();
    match (
        named.filter(|named| named.is_dir()),
        there.next(),
        there.next(),
    ) {
        (Some(named), _, _) => Some(named),
        (None, Some(only), None) => Some(only.path()),
        _ => None,
    }
}

/// The repository to which a folder belongs that lies in a cache, or is one of its snapshots.
///
/// ```
/// let snapshot = "/home/me/.cache/huggingface/hub/models--some--model/snapshots/0123";
/// assert_eq!(lb_hub::repository_of(snapshot.as_ref()).unwrap().id(), "some/model");
/// assert!(lb_hub::repository_of("/home/me/models/pocket".as_ref()).is_none());
/// ```
#[must_use]
pub fn repository_of(folder: &Path) -> Option<Repository> {
    let mut above = folder.ancestors().take(3).filter_map(Path::file_name);
    above.find_map(|name| Repository::of_folder(name.to_str()?))
}

/// The folder of one repository in a cache.
#[derive(Debug)]
pub(crate) struct RepositoryHome {
    pub(crate) folder: PathBuf,
}

impl RepositoryHome {
    fn snapshots(&self) -> PathBuf {
        self.folder.join("snapshots")
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.snapshots().join(commit)
    }

    fn commit_of(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = lb_files::read_text(&self.reference(revision), LONGEST_REF).ok()?;
        // It has the name of a commit, which hubs could also shorten.
        let is_hash = |commit: &String| commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(text.trim().to_owned()).filter(|commit| !commit.is_empty() && is_hash(commit))
    }

    pub(crate) fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(revision)
    }
}
