//! A hub: the server that has the files, and the cache that they are brought into.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::cache::HubCache;
use crate::download::{download, pause, wait_before};
use crate::error::HubError;
use crate::listing::{Listing, RemoteFile};
use crate::repository::Repository;
use crate::request::{Answer, Arrival, Failure, Request};
use crate::selection::INDEX;

/// What a path in a URL may not contain as it is.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');
/// The longest list of files, in bytes. One of ten thousand files has two million.
const LONGEST_LISTING: usize = 64 << 20;
/// The most bytes of a file of certificates. The usual collection has 220,000.
const LARGEST_CERTIFICATES: u64 = 16 << 20;

/// How a hub is reached.
#[derive(Clone)]
#[non_exhaustive]
pub struct HubOptions {
    /// The server [default: `https://huggingface.co`].
    pub endpoint: String,
    /// The token of a user. It is sent to the hub alone, and only by HTTPS or to this machine.
    pub token: Option<String>,
    /// The cache.
    pub cache: HubCache,
    /// A file with the certificates of the authorities to be trusted, in PEM form [default: Mozilla's].
    pub certificates: Option<PathBuf>,
    /// How long nothing may arrive before the connection counts as broken [default: 30 s].
    pub stall: Duration,
    /// How many tries in a row may bring nothing [default: 5].
    pub tries: u32,
    /// How long to wait after the first of them; each further wait is twice as long [default: 1 s].
    pub pause: Duration,
}

impl HubOptions {
    /// Hugging Face's own hub, with a cache in this folder.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: "https://huggingface.co".into(),
            token: None,
            cache: HubCache::new(cache),
            certificates: None,
            stall: Duration::from_secs(30),
            tries: 5,
            pause: Duration::from_secs(1),
        }
    }
}

impl fmt::Debug for HubOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HubOptions")
            .field("endpoint", &self.endpoint)
            .field("has_token", &self.token.is_some())
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// How far a download is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The file that arrives, by its path in the repository. Nothing while the list of files arrives.
    pub file: Option<&'a str>,
    /// Bytes that are there, of all files.
    pub bytes: u64,
    /// Bytes of all files.
    pub total: u64,
}

impl Progress<'_> {
    /// That of a list of files.
    const OF_LIST: Progress<'static> = Progress {
        file: None,
        bytes: 0,
        total: 0,
    };
}

/// Called several times a second; a break interrupts the download.
type Observe<'a> = dyn FnMut(&Progress<'_>) -> ControlFlow<()> + 'a;

/// A Hugging Face hub with a cache.
#[derive(Debug)]
pub struct Hub {
    pub(crate) options: HubOptions,
    pub(crate) agent: Agent,
}

impl Hub {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`HubError::InvalidEndpoint`] and [`HubError::Certificates`].
    pub fn new(mut options: HubOptions) -> Result<Self, HubError> {
        let endpoint = options.endpoint.trim_end_matches('/').to_owned();
        if !["https://", "http://"].iter().any(|scheme| {
            endpoint
                .strip_prefix(scheme)
                .is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        }) {
            return Err(HubError::InvalidEndpoint { endpoint });
        }
        options.endpoint = endpoint;
        let mut tls = TlsConfig::builder();
        if let Some(path) = &options.certificates {
            tls = tls.root_certs(certificates(path)?);
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("lb/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(options.stall))
            .timeout_per_read(Some(options.stall))
            .timeout_per_write(Some(options.stall))
            // A hub may send requests on to another of its own addresses.
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .tls_config(tls.build())
            .build();
        Ok(Self {
            options,
            agent: config.into(),
        })
    }

    /// The cache.
    #[must_use]
    pub fn cache(&self) -> &HubCache {
        &self.options.cache
    }

    /// Asks what the repository contains.
    ///
    /// # Errors
    /// [`HubError::NotFound`] and [`HubError::Unauthorised`] if the hub does not give the repository,
    /// [`HubError::Listing`] if the answer cannot be used, [`HubError::Connection`] and
    /// [`HubError::Status`] if there is none, and [`HubError::Interrupted`].
    pub fn list(
        &self,
        repository: &Repository,
        observe: &mut Observe<'_>,
    ) -> Result<Listing, HubError> {
        let url = format!(
            "{}/api/models/{}/revision/{}?blobs=true",
            self.options.endpoint,
            repository.id(),
            // The revision is one part of the path, even if there is a slash in it.
            repository.revision().replace('/', "%2F"),
        );
        let mut tries = 0;
        let answer = loop {
            match self.text(&url, observe)? {
                Ok(answer) => break answer,
                Err(failure) => {
                    tries += 1;
                    if !failure.may_pass() || tries >= self.options.tries {
                        return Err(self.failure(failure, repository, None));
                    }
                    let wait = wait_before(tries, &failure, self.options.pause);
                    pause(wait, &mut || match observe(&Progress::OF_LIST).is_break() {
                        true => Err(HubError::Interrupted),
                        false => Ok(()),
                    })?;
                }
            }
        };
        Listing::read(repository, &answer).map_err(|problem| HubError::Listing {
            endpoint: self.options.endpoint.clone(),
            repository: repository.to_string(),
            problem,
        })
    }

    /// A short answer, whole.
    fn text(
        &self,
        url: &str,
        observe: &mut Observe<'_>,
    ) -> Result<Result<Vec<u8>, Failure>, HubError> {
        let answer = Answer::to(&self.agent, self.request(url.into()));
        let mut text = Vec::new();
        loop {
            if observe(&Progress::OF_LIST).is_break() {
                return Err(HubError::Interrupted);
            }
            match answer.next() {
                Some(Arrival::Bytes(bytes)) if text.len() + bytes.len() <= LONGEST_LISTING => {
                    text.extend(bytes);
                }
                Some(Arrival::Bytes(_)) => {
                    return Ok(Err(Failure::Connection("its answer has no end".into())));
                }
                Some(Arrival::End) => return Ok(Ok(text)),
                Some(Arrival::Failure(failure)) => return Ok(Err(failure)),
                Some(Arrival::Begin(_)) | None => {}
            }
        }
    }

    /// Brings these files into the cache, those that are there excepted, and returns their folder. Only when
    /// all are there do they get their names, and does the revision lead to them. It goes on leading to a model
    /// of another commit if these files are none.
    ///
    /// # Errors
    /// Those of [`Self::list`], [`HubError::WrongHash`] for a file with another content than the hub has
    /// listed, [`HubError::NoSpace`], and [`HubError::File`] if the cache cannot be used. What has arrived before an
    /// error stays, except bytes that are wrong.
    pub fn pull(
        &self,
        listing: &Listing,
        files: &[&RemoteFile],
        observe: &mut Observe<'_>,
    ) -> Result<PathBuf, HubError> {
        let snapshot = self.fetch(listing, files, observe)?;
        let home = self.options.cache.home(&listing.repository);
        let revision = listing.repository.revision();
        // Some files of a newer commit must not take the place of a whole model.
        let leads_to_model = self
            .options
            .cache
            .snapshot(&listing.repository)
            .is_some_and(|there| there != snapshot && there.join(INDEX).is_file());
        if !leads_to_model || files.iter().any(|file| file.path == INDEX) {
            home.write_reference(revision, &listing.commit)?;
        }
        Ok(snapshot)
    }

    /// Like [`Self::pull`], but the revision does not lead to the files: for a look at the small ones
    /// before the large ones are downloaded.
    ///
    /// # Errors
    /// Those of [`Self::pull`].
    pub fn fetch(
        &self,
        listing: &Listing,
        files: &[&RemoteFile],
        observe: &mut Observe<'_>,
    ) -> Result<PathBuf, HubError> {
        let home = self.options.cache.home(&listing.repository);
        home.make_folders()?;
        let total = files.iter().map(|file| file.bytes).sum();
        let mut before = 0;
        for file in files {
            let mut tell = |there: u64| {
                let progress = Progress {
                    file: Some(&file.path),
                    bytes: before + there,
                    total,
                };
                match observe(&progress) {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(()) => Err(HubError::Interrupted),
                }
            };
            download(self, &home, listing, file, &mut tell)?;
            before += file.bytes;
        }
        // The index of weights comes after them.
        let mut in_order = files.to_vec();
        in_order.sort_by_key(|file| file.is_index());
        for file in in_order {
            home.link(file.hash.digits(), &listing.commit, &file.path)?;
        }
        Ok(home.snapshot(&listing.commit))
    }

    /// The bytes of these files that are not in the cache yet.
    #[must_use]
    pub fn missing(&self, listing: &Listing, files: &[&RemoteFile]) -> u64 {
        let home = self.options.cache.home(&listing.repository);
        let missing = files.iter().map(|file| match home.has(file) {
            true => 0,
            false => {
                let incomplete = home.incomplete(file.hash.digits()).symlink_metadata();
                file.bytes
                    .saturating_sub(incomplete.map_or(0, |there| there.len()))
            }
        });
        missing.sum()
    }

    /// The request for a file's content.
    pub(crate) fn request_of(&self, listing: &Listing, file: &RemoteFile) -> Request {
        self.request(format!(
            "{}/{}/resolve/{}/{}",
            self.options.endpoint,
            listing.repository.id(),
            listing.commit,
            utf8_percent_encode(&file.path, ESCAPED),
        ))
    }

    fn request(&self, url: String) -> Request {
        Request {
            url,
            token: self.token(),
            skip: 0,
        }
    }

    /// The token, if it can be sent without anybody on the way reading it.
    fn token(&self) -> Option<String> {
        let host = self.host();
        let is_here = ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .any(|name| host == *name || host.starts_with(&format!("{name}:")));
        let is_private = self.options.endpoint.starts_with("https://") || is_here;
        self.options.token.clone().filter(|_| is_private)
    }

    fn host(&self) -> &str {
        let endpoint = &self.options.endpoint;
        let host = endpoint.split_once("://").map_or("", |(_, host)| host);
        host.split('/').next().unwrap_or_default()
    }

    /// The error for a failure that does not pass.
    pub(crate) fn failure(
        &self,
        failure: Failure,
        repository: &Repository,
        file: Option<&str>,
    ) -> HubError {
        let endpoint = self.options.endpoint.clone();
        let host = self.host().to_owned();
        let what = match file {
            Some(file) => format!("{file} of {repository}"),
            None => format!("repository {repository}"),
        };
        match failure {
            Failure::Status {
                status: 401 | 403, ..
            } => HubError::Unauthorised {
                endpoint,
                repository: repository.to_string(),
                with_token: self.token().is_some(),
            },
            Failure::Status { status: 404, .. } => HubError::NotFound { endpoint, what },
            Failure::Status { status, .. } => HubError::Status { host, status, what },
            Failure::Connection(problem) => HubError::Connection {
                host,
                what,
                problem,
            },
        }
    }
}

fn certificates(path: &std::path::Path) -> Result<RootCerts, HubError> {
    let refuse = |problem: String| HubError::Certificates {
        path: path.into(),
        problem,
    };
    let text =
        lb_files::read(path, LARGEST_CERTIFICATES).map_err(|error| refuse(error.to_string()))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| refuse(error.to_string()))?
        {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err(refuse("there is none in it".into())),
        false => Ok(RootCerts::Specific(Arc::new(certificates))),
    }
}
