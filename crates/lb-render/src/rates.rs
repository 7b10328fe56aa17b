//! How fast this machine rendered earlier, from which the time of a film is estimated.

mod stopwatch;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use lb_job::{Job, RenderRate};
use lb_models::{ModelDirectory, Precision, SessionOptions};
use serde::{Deserialize, Serialize};

pub use self::stopwatch::Stopwatch;
use crate::renderer::{Renderer, film_work};

/// A file that remembers how fast models were on this machine.
///
/// Front ends share it, so that a film whose speed one of them has measured is known to all. A missing or
/// damaged file counts as an empty one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RememberedRates {
    file: PathBuf,
}

/// What a rate depends on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Circumstances {
    model: PathBuf,
    /// The VAE decoder that is used instead of the model's own.
    #[serde(default)]
    vae: Option<PathBuf>,
    size: (usize, usize),
    device: String,
    precision: String,
    threads: Option<usize>,
}

impl Circumstances {
    fn new(
        model: &Path,
        vae: Option<&Path>,
        size: (usize, usize),
        session: &SessionOptions,
    ) -> Self {
        let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
        let precision = match session.precision {
            None => "auto",
            Some(Precision::Float32) => "fp32",
            Some(Precision::Float16) => "fp16",
        };
        Self {
            model: canonical(model),
            vae: vae.map(canonical),
            size,
            device: session.device.to_string(),
            precision: precision.into(),
            threads: session.threads,
        }
    }
}

/// The largest number of rates in the file; older ones are dropped.
const MOST_REMEMBERED: usize = 100;

/// The largest file in bytes that is read; one of this program is far smaller.
const LARGEST_FILE: u64 = 1 << 20;

impl RememberedRates {
    /// The rates in this file, which need not exist.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// As [`Self::of_job`], on the device that [`Renderer::for_film`] may choose for a long film, if that was ever
    /// used.
    #[must_use]
    pub fn of_film(
        &self,
        job: &Job,
        model: &str,
        folders: &[PathBuf],
        session: &SessionOptions,
    ) -> Option<Vec<RenderRate>> {
        let of_a_long_one = || {
            let mut long = session.clone();
            long.device = session.compiling_device(u64::MAX)?;
            let rates = self.of_job(job, model, folders, &long)?;
            let name = job.model.as_deref().unwrap_or(model);
            let work = film_work(job, &ModelDirectory::find(name, folders).ok()?)?;
            session.compiling_device(work).map(|_| rates)
        };
        of_a_long_one().or_else(|| self.of_job(job, model, folders, session))
    }

    /// The rate of each stage of a job whose size is filled in, if all were remembered. `model` is the name of
    /// its model if the job names none, and `folders` hold the model directories.
    #[must_use]
    pub fn of_job(
        &self,
        job: &Job,
        model: &str,
        folders: &[PathBuf],
        session: &SessionOptions,
    ) -> Option<Vec<RenderRate>> {
        let size = job.size.unwrap_or_default();
        let upscaler = job.upscale.as_ref().map(|upscale| upscale.model.as_str());
        let first = (job.model.as_deref().unwrap_or(model), job.vae.as_deref());
        let models = [Some(first), upscaler.map(|name| (name, None))];
        let rates = models.into_iter().flatten().map(|(name, vae)| {
            let model = ModelDirectory::locate(name, folders).ok()?;
            self.recall(&Circumstances::new(&model, vae, size, session))
        });
        rates.collect()
    }

    /// Remembers the rates of a render's stages. `size` is the width and height of the first stage's frames.
    ///
    /// # Errors
    /// Those of writing the file. No film depends on it.
    pub fn remember_stages(
        &self,
        renderer: &Renderer,
        size: (usize, usize),
        rates: &[Option<RenderRate>],
    ) -> std::io::Result<()> {
        let session = &renderer.options().session;
        let models = [Some(renderer.directory()), renderer.upscaler()];
        for (model, rate) in models.into_iter().zip(rates) {
            if let (Some(model), Some(rate)) = (model, rate) {
                let vae = model.other_decoder();
                let circumstances = Circumstances::new(&model.path, vae, size, session);
                self.remember(circumstances, *rate)?;
            }
        }
        Ok(())
    }

    /// The rates that are remembered, the latest first.
    fn remembered(&self) -> Vec<(Circumstances, RenderRate)> {
        // A missing or damaged file counts as an empty one, and so does a link or a pipe.
        let read = || {
            let mut text = String::new();
            let file = lb_files::open_no_follow(&self.file).ok()?;
            file.take(LARGEST_FILE).read_to_string(&mut text).ok()?;
            serde_json::from_str(&text).ok()
        };
        read().unwrap_or_default()
    }

    /// The rate that was remembered for these circumstances, if there is one.
    fn recall(&self, circumstances: &Circumstances) -> Option<RenderRate> {
        let mut rates = self.remembered().into_iter();
        let found = rates.find(|(known, _)| known == circumstances);
        found.map(|(_, rate)| rate)
    }

    fn remember(&self, circumstances: Circumstances, rate: RenderRate) -> std::io::Result<()> {
        let mut rates = self.remembered();
        rates.retain(|(known, _)| *known != circumstances);
        rates.insert(0, (circumstances, rate));
        rates.truncate(MOST_REMEMBERED);
        let folder = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let bytes = serde_json::to_vec(&rates)?;
        // A link in its place is replaced, and what it leads to stays as it is.
        let written = lb_files::replace_by(&self.file, |partial| std::fs::write(partial, &bytes));
        written.map_err(lb_files::FileError::into_io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances(width: usize) -> Circumstances {
        Circumstances {
            model: "pocket".into(),
            vae: None,
            size: (width, 64),
            device: "cpu".into(),
            precision: "auto".into(),
            threads: None,
        }
    }

    #[test]
    fn the_latest_rate_of_each_circumstance_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lb/rates.json");
        let rates = RememberedRates::new(&file);
        let rate = |per_row| RenderRate {
            per_row,
            per_decode: 0.5,
            beside: 2.0,
        };
        assert_eq!(rates.recall(&circumstances(64)), None);
        for width in 0..150 {
            rates
                .remember(circumstances(width), rate(1.0))
                .expect("written");
        }
        rates
            .remember(circumstances(149), rate(3.0))
            .expect("written");
        let recalled = |width| rates.recall(&circumstances(width));
        assert_eq!(recalled(149), Some(rate(3.0)));
        assert_eq!(recalled(148), Some(rate(1.0)));
        assert_eq!(recalled(3), None, "forgotten");
        std::fs::write(&file, "not json").expect("written");
        assert_eq!(recalled(149), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_files_place_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, mine) = (folder.path().join("rates.json"), folder.path().join("mine"));
        let rate = RenderRate {
            per_row: 1.0,
            per_decode: 0.5,
            beside: 2.0,
        };
        let [linked, other] = [&file, &mine].map(RememberedRates::new);
        other.remember(circumstances(64), rate).expect("written");
        let before = std::fs::read(&mine).expect("written");
        std::os::unix::fs::symlink(&mine, &file).expect("linked");
        assert_eq!(linked.recall(&circumstances(64)), None);
        linked.remember(circumstances(128), rate).expect("written");
        assert_eq!(std::fs::read(&mine).expect("still there"), before);
        assert_eq!(linked.recall(&circumstances(128)), Some(rate));
        assert!(!file.is_symlink());
    }
}
