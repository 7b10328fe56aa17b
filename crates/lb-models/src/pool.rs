//! Models that stay loaded from one render to the next.
//!
//! Loading a model takes seconds to minutes, so a [`ModelPool`] keeps what was loaded:
//!
//! ```text
//!               take: an idle one of the same key, else a new one
//!   ModelPool ───────────────────────────────────────────────────▶ Pipeline
//!   idle, least                                                    has it alone
//!   recently used first ◀──────────────────────────────────────────
//!        │       give back, unless it failed or its files changed
//!        ▼
//!   dropped, when the memory budget is exceeded or on request
//! ```

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lb_checkpoint::Component;
use lb_export::Precision;

use crate::device::{Device, ShapeProfile, compiles_here};
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::model_files::ModelFiles;
use crate::options::{SessionOptions, SettledOptions};
use crate::runtime::Runtime;
use crate::session::{ComponentSession, SessionRequest, SessionTimes};
use crate::tokenizer::Tokenizer;

/// The runtime, and the components of models that are loaded in it.
///
/// Pipelines ([`Pipeline::open`](crate::Pipeline::open)) take their components from a pool. They are
/// loaded on first use and then belong to one pipeline at a time; two pipelines that need the same
/// component at once have one each. What a pipeline gives back stays loaded as long as the memory
/// budget allows, the most recently used components longest; so do the models' tokenizers, which are
/// small and do not count. A model whose files have changed since is loaded again.
///
/// Clones share what is loaded, and can be used from several threads.
#[derive(Clone)]
pub struct ModelPool {
    runtime: Runtime,
    state: Arc<Mutex<State>>,
}

/// A component that is loaded, as [`ModelPool::loaded`] reports it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LoadedComponent {
    /// The model directory, or the path of a VAE decoder that is used instead of a model's own.
    pub model: PathBuf,
    /// The part of the model.
    pub component: Component,
    /// The device on which it runs, never [`Device::Auto`].
    pub device: Device,
    /// The precision in which it computes.
    pub precision: Precision,
    /// Estimated memory in bytes: the size of the files of its graph and weights.
    pub bytes: u64,
    /// Whether a pipeline has it at the moment.
    pub in_use: bool,
}

impl ModelPool {
    /// A pool in which nothing is loaded yet. `budget` is the memory, in bytes, that components may
    /// take: idle ones are dropped, least recently used first, while all together take more.
    ///
    /// With a budget of 0 nothing is kept: a component is dropped as soon as it is given back.
    /// A component that is needed is always loaded, even if it exceeds the budget.
    #[must_use]
    pub fn new(runtime: Runtime, budget: u64) -> Self {
        let state = State {
            budget,
            ..State::default()
        };
        Self {
            runtime,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The runtime that the components are loaded in.
    #[must_use]
    pub fn runtime(&self) -> Runtime {
        self.runtime
    }

    /// Changes the memory budget, and drops the idle components that exceed the new one.
    pub fn set_budget(&self, bytes: u64) {
        self.change(|state| {
            state.budget = bytes;
            if bytes == 0 {
                state.tokenizers.clear();
            }
            state.evict(0)
        });
    }

    /// What is loaded: idle components in the order in which they would be dropped, then those in
    /// use.
    #[must_use]
    pub fn loaded(&self) -> Vec<LoadedComponent> {
        let report = |entry: &Entry| LoadedComponent {
            model: entry.key.files.folder().to_owned(),
            component: entry.key.component,
            device: entry.key.options.device,
            precision: entry.key.options.precision,
            bytes: entry.bytes,
            in_use: entry.idle.is_none(),
        };
        let mut loaded: Vec<_> = self.lock().entries.iter().map(report).collect();
        loaded.sort_by_key(|component| component.in_use);
        loaded
    }

    /// How many components the pool has loaded since it was made. It does not grow when an idle
    /// one is used again.
    #[must_use]
    pub fn loads(&self) -> u64 {
        self.lock().loads
    }

    /// Drops the components of the model directory at `model`: the idle ones now, those in use when
    /// their pipelines give them back.
    pub fn release(&self, model: &Path) {
        self.release_where(|files| files.are_in(model));
    }

    /// Drops the components of all models, as [`Self::release`] does for one.
    pub fn release_all(&self) {
        self.release_where(|_| true);
    }

    fn release_where(&self, released: impl Fn(&ModelFiles) -> bool) {
        self.change(|state| {
            for entry in &mut state.entries {
                entry.keep &= !released(&entry.key.files);
            }
            state.tokenizers.retain(|(files, _)| !released(files));
            state.take_idle(|entry| !entry.keep)
        });
    }

    /// The device and precision that `options` mean on this machine. Devices are tried out once.
    ///
    /// # Errors
    /// [`ModelError::DeviceUnavailable`], and those of [`SessionOptions::validate`].
    pub(crate) fn settle(&self, options: &SessionOptions) -> Result<SettledOptions, ModelError> {
        options.validate()?;
        let asked = options.device;
        let known = self.lock().devices.get(&asked).copied();
        let device = match known {
            Some(device) => device,
            None => {
                let device = asked.settle(self.runtime)?;
                self.lock().devices.insert(asked, device);
                device
            }
        };
        Ok(options.on(device))
    }

    /// The device for a film of this much work, which is the rows that the UNet predicts times the pixels of a
    /// row's latents. It is the device of `options`, unless that is [`Device::Auto`], which would become the
    /// CPU, and a device that compiles models first is there and worth it.
    #[must_use]
    pub fn device_for(&self, options: &SessionOptions, work: u64) -> Device {
        let is_cpu = || {
            self.settle(options)
                .is_ok_and(|on| on.device == Device::Cpu)
        };
        match options.compiling_device(work) {
            Some(device) if is_cpu() && compiles_here(self.runtime) => device,
            _ => options.device,
        }
    }

    /// Hands out a component: an idle one if there is one of the same key, else a new one. `size` is the
    /// height and width of the latents that it will be given. On devices whose graphs are written for one
    /// size, it takes no others, and neither does a UNet whose latents cannot be halved as often as it does.
    ///
    /// # Errors
    /// [`ModelError`] if it cannot be loaded. The pool is then as it was before.
    pub(crate) fn take<T: Pooled>(
        &self,
        directory: &ModelDirectory,
        options: &SettledOptions,
        size: Option<[usize; 2]>,
        profile: Option<ShapeProfile>,
    ) -> Result<Lease<T>, ModelError> {
        let wants_size = options.device.provider().wants_size;
        let is_uneven =
            |size: &[usize; 2]| T::COMPONENT == Component::Unet && !directory.can_be_halved(*size);
        let size = size.filter(|size| wants_size || is_uneven(size));
        let (path, files) = directory.origin_of(T::COMPONENT);
        let loras = directory.lora_files(T::COMPONENT);
        let takes_embeddings = directory.gives_vectors(T::COMPONENT);
        let key = Key {
            files: ModelFiles::of(path),
            loras,
            skipped_layers: directory.skipped_layers(T::COMPONENT),
            takes_embeddings,
            component: T::COMPONENT,
            options: options.clone(),
            size,
            profile,
        };
        // Configurations were read before the files changed: they may not fit the weights that the
        // next opening of the directory will find.
        let keep = key.files == *files;
        self.drop_outdated(&key.files);
        if keep && let Some(lease) = self.take_idle(&key) {
            return Ok(lease);
        }
        let mut export = options.export();
        export.latent_size = size;
        export.takes_embeddings = takes_embeddings;
        let source = GraphSource::of(directory, T::COMPONENT, &export)?;
        let profile = key.profile.clone();
        let ticket = self.reserve(Entry {
            bytes: source.bytes().max(1),
            key,
            keep,
            ticket: 0,
            idle: None,
        });
        let request = SessionRequest {
            runtime: self.runtime,
            source: &source,
            options,
            profile,
            keeps_to_profile: true,
            records_graphs: false,
        };
        let component = Box::new(T::load(directory, request)?);
        self.lock().loads += 1;
        Ok(Lease { component, ticket })
    }

    /// The tokenizer of a model, with the model's embeddings. It is read once, if there is a memory budget at
    /// all.
    ///
    /// # Errors
    /// The errors of [`Tokenizer::of`].
    pub fn tokenizer(&self, directory: &ModelDirectory) -> Result<Arc<Tokenizer>, ModelError> {
        let tokenizer = self.tokenizer_alone(directory)?;
        match directory.gives_vectors(Component::TextEncoder) {
            true => Ok(Arc::new(tokenizer.with_embeddings(directory)?)),
            false => Ok(tokenizer),
        }
    }

    fn tokenizer_alone(&self, directory: &ModelDirectory) -> Result<Arc<Tokenizer>, ModelError> {
        let files = ModelFiles::of(&directory.path);
        self.drop_outdated(&files);
        let keep = files == directory.files;
        if keep && let Some(known) = self.lock().tokenizer(&files) {
            return Ok(known);
        }
        let tokenizer = Arc::new(Tokenizer::without_embeddings(directory)?);
        let mut state = self.lock();
        if keep && state.budget > 0 && state.tokenizer(&files).is_none() {
            state.tokenizers.push((files, Arc::clone(&tokenizer)));
        }
        Ok(tokenizer)
    }

    /// Drops what was loaded from earlier versions of a model's files, as nobody can ask for it again.
    fn drop_outdated(&self, files: &ModelFiles) {
        let is_outdated = |other: &ModelFiles| other.folder() == files.folder() && other != files;
        self.change(|state| {
            state.tokenizers.retain(|(files, _)| !is_outdated(files));
            state.take_idle(|entry| is_outdated(&entry.key.files))
        });
    }

    /// An idle component of this key, now in use.
    fn take_idle<T: Pooled>(&self, key: &Key) -> Option<Lease<T>> {
        let is_wanted = |entry: &Entry| entry.idle.is_some() && entry.key == *key;
        let mut found = {
            let mut state = self.lock();
            let position = state.entries.iter().rposition(is_wanted)?;
            state.entries.remove(position)
        };
        let component = found.idle.take()?.downcast().ok()?;
        let ticket = self.reserve(found);
        Some(Lease { component, ticket })
    }

    /// Makes room for a component that will be in use from now on.
    fn reserve(&self, mut entry: Entry) -> Ticket {
        let mut ticket = 0;
        self.change(|state| {
            let dropped = state.evict(entry.bytes);
            state.last_ticket += 1;
            ticket = state.last_ticket;
            entry.ticket = ticket;
            state.entries.push(entry);
            dropped
        });
        Ticket {
            pool: self.clone(),
            number: ticket,
        }
    }

    /// Changes the state, and drops the components that the change takes out of it. The lock is not held
    /// by then, because dropping can take long.
    fn change(&self, change: impl FnOnce(&mut State) -> Vec<Entry>) {
        let _dropped = change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ModelPool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut pool = formatter.debug_struct("ModelPool");
        pool.field("runtime", &self.runtime);
        pool.field("loaded", &self.loaded()).finish_non_exhaustive()
    }
}

/// A part of a model that a pool can keep.
pub(crate) trait Pooled: Sized + Send + 'static {
    /// Which part it is.
    const COMPONENT: Component;

    /// Loads it from its graph.
    fn load(directory: &ModelDirectory, request: SessionRequest<'_>) -> Result<Self, ModelError>;

    /// Its session.
    fn session(&mut self) -> &mut ComponentSession;

    /// Forgets what belongs to the pipeline that had it. Returns `false` if it should not be used
    /// again.
    fn recycle(&mut self) -> bool {
        true
    }
}

/// A component that a pipeline has for itself. It goes back to the pool by [`Self::give_back`]; one
/// that is just dropped, after an error for instance, is unloaded.
pub(crate) struct Lease<T: Pooled> {
    component: Box<T>,
    ticket: Ticket,
}

impl<T: Pooled> Lease<T> {
    /// Gives the component back, and returns how long its session took since it was taken.
    pub(crate) fn give_back(self) -> SessionTimes {
        let Self {
            mut component,
            ticket,
        } = self;
        let session = component.session();
        let times = session.take_times();
        let is_sound = !session.has_failed() && !std::thread::panicking();
        if is_sound && component.recycle() {
            ticket.put_back(component);
        }
        times
    }
}

impl<T: Pooled> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.component
    }
}

impl<T: Pooled> DerefMut for Lease<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.component
    }
}

/// The pool's account of a component in use, closed on drop.
struct Ticket {
    pool: ModelPool,
    number: u64,
}

impl Ticket {
    fn put_back(&self, component: Box<dyn Any + Send>) {
        let mut component = Some(component);
        self.pool.change(|state| {
            if let Some(mut entry) = state.take_in_use(self.number)
                && entry.keep
            {
                entry.idle = component.take();
                state.entries.push(entry);
            }
            state.evict(0)
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let _closed = self.pool.lock().take_in_use(self.number);
    }
}

#[derive(Default)]
struct State {
    budget: u64,
    /// For each device that was asked for, the one that is used.
    devices: BTreeMap<Device, Device>,
    /// The components that are loaded, least recently used first.
    entries: Vec<Entry>,
    /// The tokenizers, each with its model's files. They are small and do not count against the budget.
    tokenizers: Vec<(ModelFiles, Arc<Tokenizer>)>,
    last_ticket: u64,
    loads: u64,
}

struct Entry {
    key: Key,
    bytes: u64,
    /// Whether it may become idle.
    keep: bool,
    /// The number of the last ticket for it.
    ticket: u64,
    /// The component; `None` while a pipeline has it.
    idle: Option<Box<dyn Any + Send>>,
}

/// Everything that makes one loaded component unlike another.
#[derive(PartialEq)]
struct Key {
    files: ModelFiles,
    /// The LoRAs that are a part of it. How strong they are is an input.
    loras: Vec<ModelFiles>,
    /// How many of its last layers its graph leaves out.
    skipped_layers: usize,
    /// Whether the vectors of embeddings are an input.
    takes_embeddings: bool,
    component: Component,
    options: SettledOptions,
    /// Height and width of the latents, if its graph is for one size only.
    size: Option<[usize; 2]>,
    profile: Option<ShapeProfile>,
}

impl State {
    fn tokenizer(&self, files: &ModelFiles) -> Option<Arc<Tokenizer>> {
        let mut tokenizers = self.tokenizers.iter();
        let found = tokenizers.find(|(known, _)| known == files);
        found.map(|(_, tokenizer)| Arc::clone(tokenizer))
    }

    /// Takes out as many of the least recently used components as have to go before `more` bytes
    /// fit into the budget.
    fn evict(&mut self, more: u64) -> Vec<Entry> {
        let loaded: u64 = self.entries.iter().map(|entry| entry.bytes).sum();
        let mut excess = (loaded + more).saturating_sub(self.budget);
        self.take_idle(|entry| {
            let has_to_go = excess > 0;
            excess = excess.saturating_sub(entry.bytes);
            has_to_go
        })
    }

    /// Takes out the idle components that match.
    fn take_idle(&mut self, mut matches: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        let taken = |entry: &mut Entry| entry.idle.is_some() && matches(entry);
        self.entries.extract_if(.., taken).collect()
    }

    /// Takes out the component in use with this ticket.
    fn take_in_use(&mut self, ticket: u64) -> Option<Entry> {
        let in_use = |entry: &Entry| entry.idle.is_none() && entry.ticket == ticket;
        let position = self.entries.iter().position(in_use)?;
        Some(self.entries.remove(position))
    }
}
