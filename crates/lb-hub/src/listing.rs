//! What a repository contains, as its hub says.

use serde::Deserialize;

use crate::repository::{Repository, is_commit};
use crate::storage::is_inside;

/// The largest file that is believed to exist, in bytes: 64 TiB.
const LARGEST_FILE: u64 = 1 << 46;

/// The files of a repository at one commit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listing {
    /// The repository, with the revision that was asked for.
    pub repository: Repository,
    /// The commit: forty hexadecimal digits.
    pub commit: String,
    /// The licence that its card names, by the hub's short name such as `openrail++`.
    pub licence: Option<String>,
    /// All files whose names this machine can have, in the hub's order.
    pub files: Vec<RemoteFile>,
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteFile {
    /// Its path in the repository, with slashes.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The hash of its content.
    pub hash: FileHash,
}

/// The hash by which a hub knows the content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileHash {
    /// SHA-256 of the content, for large files. 64 hexadecimal digits.
    Sha256(String),
    /// What git calls a file: SHA-1 of `blob LENGTH\0` and the content. 40 hexadecimal digits.
    GitBlob(String),
}

impl RemoteFile {
    /// Whether this is a file of numbers rather than a text, or the index of several.
    #[must_use]
    pub fn is_weights(&self) -> bool {
        let endings = [".safetensors", ".bin", ".ckpt", ".pt"];
        self.is_index() || endings.iter().any(|ending| self.path.ends_with(ending))
    }

    /// Whether this text says in which files weights are.
    pub(crate) fn is_index(&self) -> bool {
        self.path.contains(".safetensors.index.")
    }
}

impl FileHash {
    /// The hexadecimal digits, which are the file's name in a cache.
    #[must_use]
    pub fn digits(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::GitBlob(digits) => digits,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    blob_id: Option<String>,
    size: Option<u64>,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    sha256: String,
    size: u64,
}

impl Listing {
    /// Reads a hub's answer to `/api/models/ORG/NAME/revision/REVISION?blobs=true`.
    ///
    /// # Errors
    /// What is wrong with an answer that cannot be used.
    pub fn read(repository: &Repository, answer: &[u8]) -> Result<Self, String> {
        let answer: Answer = serde_json::from_slice(answer)
            .map_err(|error| format!("its answer is not JSON as expected ({error})"))?;
        if !is_commit(&answer.sha) {
            return Err("its commit is not forty hexadecimal digits".into());
        }
        let mut files = Vec::with_capacity(answer.siblings.len());
        for sibling in answer.siblings {
            if is_inside(&sibling.rfilename) {
                files.push(sibling.file()?);
            }
        }
        let licence = answer
            .tags
            .iter()
            .find_map(|tag| tag.strip_prefix("license:"));
        Ok(Self {
            repository: repository.clone(),
            commit: answer.sha,
            licence: licence.map(Into::into),
            files,
        })
    }

    /// The file with this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&RemoteFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl Sibling {
    fn file(self) -> Result<RemoteFile, String> {
        let path = self.rfilename;
        let (hash, bytes) = match (self.lfs, self.blob_id) {
            (Some(large), _) => (FileHash::Sha256(large.sha256), Some(large.size)),
            (None, Some(blob)) => (FileHash::GitBlob(blob), self.size),
            (None, None) => return Err(format!("it gives no hash for {path}")),
        };
        let length = match hash {
            FileHash::Sha256(_) => 64,
            FileHash::GitBlob(_) => 40,
        };
        let digits = hash.digits();
        if digits.len() != length || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!(
                "the hash of {path} has not {length} hexadecimal digits"
            ));
        }
        let bytes = bytes.ok_or_else(|| format!("it gives no size for {path}"))?;
        if bytes > LARGEST_FILE {
            return Err(format!("{path} would have {bytes} bytes"));
        }
        Ok(RemoteFile { path, bytes, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> Result<Listing, String> {
        Listing::read(&"some/model".parse().unwrap(), answer.as_bytes())
    }

    #[test]
    fn sizes_hashes_and_the_licence_are_read() {
        let (small, large) = ("a".repeat(40), "b".repeat(64));
        let listing = read(&format!(
            r#"{{"sha": "{small}", "tags": ["diffusers", "license:openrail++"], "siblings": [
                {{"rfilename": "unet/config.json", "blobId": "{small}", "size": 12}},
                {{"rfilename": "unet/w.safetensors", "blobId": "{small}", "size": 130, "lfs":
                    {{"sha256": "{large}", "size": 5000000000, "pointerSize": 134}}}},
                {{"rfilename": "../escape", "blobId": "{small}", "size": 1}}
            ]}}"#
        ))
        .unwrap();
        assert_eq!(listing.licence.as_deref(), Some("openrail++"));
        assert_eq!(listing.files.len(), 2, "a path outside is not there");
        assert_eq!(listing.file("unet/config.json").unwrap().bytes, 12);
        let weights = listing.file("unet/w.safetensors").unwrap();
        assert_eq!(weights.hash, FileHash::Sha256(large));
        assert_eq!(weights.bytes, 5_000_000_000);
    }

    #[test]
    fn answers_that_cannot_be_checked_are_refused() {
        let commit = "a".repeat(40);
        for files in [
            r#"{"rfilename": "a", "size": 1}"#,
            r#"{"rfilename": "a", "blobId": "../../x", "size": 1}"#,
            r#"{"rfilename": "a", "blobId": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
            r#"{"rfilename": "a", "size": 1, "lfs": {"sha256": "zz", "size": 1}}"#,
            r#"{"rfilename": "a", "blobId": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "size": 18446744073709551615}"#,
        ] {
            let refused = read(&format!(r#"{{"sha": "{commit}", "siblings": [{files}]}}"#));
            assert!(refused.is_err(), "{files}: {refused:?}");
        }
        assert!(read("<html>").is_err());
        assert!(read(r#"{"sha": "main"}"#).is_err());
    }
}
