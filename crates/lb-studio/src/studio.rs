//! Opening a studio, and serving it.

use std::fs::{File, TryLockError};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lb_render::{Cache, ModelPool, PipelineOptions, Runtime};
use tokio::sync::Semaphore;

use crate::access::{self, Access};
use crate::device::ChosenDevice;
use crate::error::ApiError;
use crate::events::EventLog;
use crate::guard::Hosts;
use crate::hidden_paths::HiddenPaths;
use crate::limits::Limits;
use crate::models::Models;
use crate::projects::Projects;
use crate::queue::Queue;
use crate::shared::Shared;
use crate::{server, worker};

/// What a studio works with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StudioOptions {
    /// The folder of the projects. It is made if it is missing.
    pub projects: PathBuf,
    /// Folders that may hold model directories, nearest first.
    pub model_folders: Vec<PathBuf>,
    /// The name of the model of jobs that name none.
    pub default_model: String,
    /// The runtime of the models.
    pub runtime: Runtime,
    /// The device and how it is used. [`Device::Auto`](lb_render::Device::Auto) leaves the device to the choice that
    /// was last made on the page.
    pub pipeline: PipelineOptions,
    /// The cache. Without one, a film computes everything again, and so does a task that was interrupted.
    pub cache: Option<Cache>,
    /// The file that remembers how fast films were rendered, from which estimates follow.
    pub rates: Option<PathBuf>,
    /// The memory in bytes that loaded models may take between tasks.
    pub model_memory: u64,
    /// The address on which the server listens. A loopback address can only be reached from this machine.
    pub address: SocketAddr,
    /// Other names of this host under which the studio may be asked for.
    pub host_names: Vec<String>,
    /// Whether browsers reach the studio by HTTPS, through a server in front of it.
    pub is_behind_tls: bool,
    /// The site on whose pages a demonstration is shown in a frame, such as `https://huggingface.co`. It needs
    /// [`Self::demo`] and [`Self::is_behind_tls`].
    pub embedded_in: Option<String>,
    /// Whether this is a public demonstration: everybody is let in and sees only their own work, sizes and the
    /// queue are limited, and work is deleted after [`Self::demo_lifetime`].
    pub demo: bool,
    /// How long the work of a visitor is kept in a demonstration.
    pub demo_lifetime: Duration,
}

impl StudioOptions {
    /// The options of a studio for one person on this machine.
    #[must_use]
    pub fn new(projects: PathBuf, runtime: Runtime) -> Self {
        Self {
            projects,
            model_folders: Vec::new(),
            default_model: "pocket".into(),
            runtime,
            pipeline: PipelineOptions::default(),
            cache: None,
            rates: None,
            model_memory: Self::MODEL_MEMORY,
            address: SocketAddr::from(([127, 0, 0, 1], Self::PORT)),
            host_names: Vec::new(),
            is_behind_tls: false,
            embedded_in: None,
            demo: false,
            demo_lifetime: Self::DEMO_LIFETIME,
        }
    }

    /// The usual lifetime of a visitor's work: an hour.
    pub const DEMO_LIFETIME: Duration = Duration::from_secs(60 * 60);

    /// The usual port.
    pub const PORT: u16 = 7860;

    /// The usual memory in bytes for models: enough for one of Stable Diffusion's size and a quick one.
    pub const MODEL_MEMORY: u64 = 8 << 30;

    /// Checks the site in whose frames the page is shown.
    fn validate(&self) -> Result<(), StudioError> {
        let Some(site) = &self.embedded_in else {
            return Ok(());
        };
        let host = site.strip_prefix("https://").unwrap_or_default();
        let is_host = |letter: char| letter.is_ascii_alphanumeric() || ".-:".contains(letter);
        match self.demo && self.is_behind_tls && !host.is_empty() && host.chars().all(is_host) {
            true => Ok(()),
            false => Err(StudioError::EmbeddedIn { site: site.clone() }),
        }
    }

    pub(crate) fn hosts(&self) -> Hosts {
        Hosts::new(self.address.ip(), &self.host_names)
    }
}

/// Why a studio cannot be opened or served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudioError {
    /// Another program works in this folder already.
    #[error("another lb studio works in {}", folder.display())]
    Busy {
        /// The folder of the projects.
        folder: PathBuf,
        /// The address under which it can be opened, with a token that was not used yet.
        url: Option<String>,
    },
    /// The page cannot be shown on this site.
    #[error(
        "the page cannot be shown in frames of `{site}`: a site is written https://HOST, and only a demonstration \
         that is reached by HTTPS is shown on others"
    )]
    EmbeddedIn {
        /// What was given.
        site: String,
    },
    /// The folder cannot be used.
    #[error("{} cannot be used: {reason}", folder.display())]
    Folder {
        /// The folder of the projects.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is taken, or there is none such on this machine.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server or a thread cannot be started.
    #[error("the server cannot start: {0}")]
    Start(#[source] std::io::Error),
}

/// A studio: the projects in a folder, and the worker that renders them.
///
/// [`Self::listen`] and [`Self::serve`] put it on the network; [`Self::router`] is for programs that serve it
/// themselves. When it is dropped, the task that is running stops at its next step, and goes on when the
/// folder is opened again.
#[derive(Debug)]
pub struct Studio {
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
    /// Locked for as long as this program works in the folder.
    _lock: File,
}

impl Studio {
    /// Opens the folder of the projects and starts the worker, which goes on with what is in the queue.
    ///
    /// # Errors
    /// [`StudioError::Busy`], [`StudioError::Folder`] and [`StudioError::EmbeddedIn`].
    pub fn open(mut options: StudioOptions) -> Result<Self, StudioError> {
        options.validate()?;
        let folder = options.projects.clone();
        let unusable = |reason: String| StudioError::Folder {
            folder: folder.clone(),
            reason,
        };
        let failed = |error: ApiError| unusable(error.message);
        // Jobs get absolute paths of what is in a project.
        options.projects =
            std::path::absolute(&folder).map_err(|error| unusable(error.to_string()))?;
        let folder = options.projects.clone();
        std::fs::create_dir_all(&folder).map_err(|error| unusable(error.to_string()))?;
        let lock = lock(&folder)?;
        let limits = Limits::of(options.demo);
        let events = EventLog::new().map_err(|error| unusable(error.to_string()))?;
        let events = Arc::new(events);
        let queue = folder.join("queue.json");
        let shared = Arc::new(Shared {
            limits,
            access: Access::open(&folder).map_err(failed)?,
            projects: Projects::new(folder.clone(), limits),
            queue: Queue::load(queue, limits, Arc::clone(&events)).map_err(failed)?,
            events,
            models: Models::new(options.model_folders.clone(), options.default_model.clone()),
            device: ChosenDevice::load(&folder, options.pipeline.session.device),
            pool: ModelPool::new(options.runtime, options.model_memory),
            decoding: Arc::new(Semaphore::new(1)),
            hidden: HiddenPaths::of(&options),
            options,
        });
        shared.projects.remove_leftovers();
        let worker = worker::start(Arc::clone(&shared)).map_err(StudioError::Start)?;
        Ok(Self {
            shared,
            worker: Some(worker),
            _lock: lock,
        })
    }

    /// Listens on the address of the options. Port 0 takes any port that is free.
    ///
    /// # Errors
    /// [`StudioError::Address`].
    pub fn listen(&self) -> Result<TcpListener, StudioError> {
        let address = self.shared.options.address;
        let refused = |source| StudioError::Address { address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        Ok(listener)
    }

    /// The address that opens the page, for a server that listens there. It contains a token that works once,
    /// except in a demonstration, which needs none.
    ///
    /// # Errors
    /// [`StudioError::Folder`] if the address cannot be left in the folder for others to find.
    pub fn url(&self, listener: &TcpListener) -> Result<String, StudioError> {
        let address = listener.local_addr().map_err(StudioError::Start)?;
        let host = match address.ip() {
            ip if ip.is_unspecified() => "localhost".to_owned(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        };
        let home = format!("http://{host}:{}/", address.port());
        let folder = &self.shared.options.projects;
        let url = self.shared.access.listen_at(&home);
        let url = url.map_err(|error| StudioError::Folder {
            folder: folder.clone(),
            reason: error.message,
        })?;
        Ok(if self.shared.options.demo { home } else { url })
    }

    /// The routes of the page and the API, behind the guard.
    pub fn router(&self) -> axum::Router {
        server::router(&self.shared)
    }

    /// Serves until `is_to_end` says so, which is asked ten times a second.
    ///
    /// # Errors
    /// [`StudioError::Start`].
    pub fn serve(
        self,
        listener: TcpListener,
        is_to_end: impl Fn() -> bool,
    ) -> Result<(), StudioError> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(StudioError::Start)?;
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let server = axum::serve(listener, self.router());
            let shared = Arc::clone(&self.shared);
            let sweep = server::SWEEP.min(shared.options.demo_lifetime);
            let sweeper = async move {
                if !shared.options.demo {
                    std::future::pending::<()>().await;
                }
                loop {
                    let shared = Arc::clone(&shared);
                    let _ = tokio::task::spawn_blocking(move || server::sweep(&shared)).await;
                    tokio::time::sleep(sweep).await;
                }
            };
            let end = async {
                while !is_to_end() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::select! {
                served = server => served,
                () = sweeper => Ok(()),
                () = end => Ok(()),
            }
        });
        // Streams of events never end by themselves.
        runtime.shutdown_timeout(Duration::from_secs(1));
        served.map_err(StudioError::Start)
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        self.shared.queue.stop();
        self.shared.access.remove_page();
        if let Some(worker) = self.worker.take() {
            // Faults of a task are contained in it.
            let _ = worker.join();
        }
    }
}

/// Locks the folder for this program.
fn lock(folder: &Path) -> Result<File, StudioError> {
    let unusable = |reason: String| StudioError::Folder {
        folder: folder.into(),
        reason,
    };
    let file = lb_files::open_lock(&folder.join("lock")).map_err(|at| unusable(at.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StudioError::Busy {
            folder: folder.into(),
            url: access::address_in(folder),
        }),
        Err(TryLockError::Error(error)) => Err(unusable(error.to_string())),
    }
}
