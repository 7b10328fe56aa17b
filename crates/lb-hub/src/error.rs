//! What can go wrong between a hub and its cache.

#[cfg(feature = "download")]
use std::io;
#[cfg(feature = "download")]
use std::path::Path;
use std::path::PathBuf;

use lb_files::FileError;

/// Why a repository cannot be listed or downloaded. What has arrived before stays in the cache, and the next
/// try goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// Something that cannot be the name of a repository.
    #[error("`{text}` is not the name of a repository: {rule}")]
    InvalidRepository {
        /// What was given.
        text: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// Something that cannot be the address of a hub.
    #[error("the hub's address `{endpoint}` does not begin with https:// or http://")]
    InvalidEndpoint {
        /// What was given.
        endpoint: String,
    },
    /// A file of certificates that cannot be used.
    #[error("the certificates in {} cannot be read: {problem}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The hub wants to know who asks (401 or 403).
    #[error("{endpoint} does not give {repository} to {}", if *.with_token { "the owner of this token" } else { "everybody, or does not have it" })]
    Unauthorised {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The hub does not have it (404).
    #[error("{endpoint} has no {what}")]
    NotFound {
        /// The hub.
        endpoint: String,
        /// A repository, or a file of it.
        what: String,
    },
    /// Another answer than the one that was asked for.
    #[error("{host} answered with status {status} when asked for {what}")]
    Status {
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
    },
    /// There is no connection, or it breaks again and again.
    #[error("{what} cannot be downloaded from {host}: {problem}")]
    Connection {
        /// The server.
        host: String,
        /// What was asked for.
        what: String,
        /// What happened.
        problem: String,
    },
    /// The hub's list of files cannot be read as one.
    #[error("{endpoint} describes {repository} in a way that is not understood: {problem}")]
    Listing {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
        /// What is wrong.
        problem: String,
    },
    /// There is nothing in the repository that `lb` can use.
    #[error("{repository} has no {missing}")]
    Incomplete {
        /// The repository.
        repository: String,
        /// What a model would need.
        missing: String,
    },
    /// The repository is not a diffusers directory, and it is not clear which file is meant.
    #[error("{repository} is not a diffusers directory; name one of its files: {}", candidates.join(", "))]
    Ambiguous {
        /// The repository.
        repository: String,
        /// Files that could be meant.
        candidates: Vec<String>,
    },
    /// The bytes that arrived are not the hub's file.
    #[error(
        "{path} is not what the hub has listed: the hash of what arrived is {found} and not {listed}"
    )]
    WrongHash {
        /// The file in the repository.
        path: String,
        /// The hash that the hub lists.
        listed: String,
        /// The hash of the bytes that arrived.
        found: String,
    },
    /// The disk has no room.
    #[error("there is no room for {path} in {}: {bytes} more bytes are needed", folder.display())]
    NoSpace {
        /// The file in the repository.
        path: String,
        /// The cache.
        folder: PathBuf,
        /// What is missing, at least.
        bytes: u64,
    },
    /// A file of the cache cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The observer asked for the end.
    #[error("interrupted")]
    Interrupted,
}

impl HubError {
    #[cfg(feature = "download")]
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let error = FileError::io(action, path);
        move |source| Self::File(error(source))
    }

    /// Whether what was asked for was wrong, rather than the way to it.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::InvalidRepository { .. }
                | Self::InvalidEndpoint { .. }
                | Self::Certificates { .. }
                | Self::NotFound { .. }
                | Self::Incomplete { .. }
                | Self::Ambiguous { .. }
        )
    }
}
