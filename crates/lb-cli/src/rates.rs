//! How fast this machine rendered earlier, from which the time of a film is estimated.

mod stopwatch;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use lb_job::{Job, RenderRate};
use lb_render::{ModelDirectory, Renderer};
use serde::{Deserialize, Serialize};

pub(crate) use self::stopwatch::Stopwatch;
use crate::machine::{self, MachineArguments};
use crate::surroundings::Surroundings;

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
        machine: &MachineArguments,
    ) -> Self {
        let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
        Self {
            model: canonical(model),
            vae: vae.map(canonical),
            size,
            device: machine.device.to_string(),
            precision: machine.precision.to_string(),
            threads: machine.threads,
        }
    }
}

/// The largest number of rates in the file; older ones are dropped.
const MOST_REMEMBERED: usize = 100;

/// The largest file in bytes that is read; one of this program is far smaller.
const LARGEST_FILE: u64 = 1 << 20;

/// The rates that are remembered, the latest first.
fn remembered(file: &Path) -> Vec<(Circumstances, RenderRate)> {
    // A missing or damaged file counts as an empty one, and so does a link or a pipe.
    let read = || {
        let mut text = String::new();
        let file = lb_files::open_no_follow(file).ok()?;
        file.take(LARGEST_FILE).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    };
    read().unwrap_or_default()
}

/// The rate that was remembered for these circumstances, if there is one.
fn recall(file: Option<&Path>, circumstances: &Circumstances) -> Option<RenderRate> {
    let mut rates = remembered(file?).into_iter();
    let found = rates.find(|(known, _)| known == circumstances);
    found.map(|(_, rate)| rate)
}

/// The rate of each stage of a job whose model and size are filled in, if all were remembered.
pub(crate) fn of_job(
    job: &Job,
    machine: &MachineArguments,
    surroundings: &Surroundings,
) -> Option<Vec<RenderRate>> {
    let size = job.size.unwrap_or_default();
    let upscaler = job.upscale.as_ref().map(|upscale| upscale.model.as_str());
    let first = (machine::model_name(job, surroundings), job.vae.as_deref());
    let models = [Some(first), upscaler.map(|name| (name, None))];
    let rates = models.into_iter().flatten().map(|(name, vae)| {
        let model = ModelDirectory::locate(name, &surroundings.model_folders).ok()?;
        let circumstances = Circumstances::new(&model, vae, size, machine);
        recall(surroundings.rates.as_deref(), &circumstances)
    });
    rates.collect()
}

/// Remembers a rate. A failure is only logged, because no film depends on it.
fn remember(file: Option<&Path>, circumstances: Circumstances, rate: RenderRate) {
    let Some(file) = file else { return };
    let mut rates = remembered(file);
    rates.retain(|(known, _)| *known != circumstances);
    rates.insert(0, (circumstances, rate));
    rates.truncate(MOST_REMEMBERED);
    if let Err(error) = write(file, &rates) {
        tracing::debug!("{}: {error}", file.display());
    }
}

/// Remembers the rates of a render's stages. `size` is the width and height of the first stage's frames.
pub(crate) fn remember_stages(
    file: Option<&Path>,
    renderer: &Renderer,
    size: (usize, usize),
    machine: &MachineArguments,
    rates: &[Option<RenderRate>],
) {
    let models = [Some(renderer.directory()), renderer.upscaler()];
    for (model, rate) in models.into_iter().zip(rates) {
        if let (Some(model), Some(rate)) = (model, rate) {
            let vae = model.other_decoder();
            remember(
                file,
                Circumstances::new(&model.path, vae, size, machine),
                *rate,
            );
        }
    }
}

fn write(file: &Path, rates: &[(Circumstances, RenderRate)]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let bytes = serde_json::to_vec(rates)?;
    // A link in its place is replaced, and what it leads to stays as it is.
    let written = lb_files::replace_by(file, |partial| std::fs::write(partial, &bytes));
    written.map_err(lb_files::FileError::into_io)
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
        let rate = |per_row| RenderRate {
            per_row,
            per_decode: 0.5,
            beside: 2.0,
        };
        assert_eq!(recall(Some(&file), &circumstances(64)), None);
        for width in 0..150 {
            remember(Some(&file), circumstances(width), rate(1.0));
        }
        remember(Some(&file), circumstances(149), rate(3.0));
        let recalled = |width| recall(Some(&file), &circumstances(width));
        assert_eq!(recalled(149), Some(rate(3.0)));
        assert_eq!(recalled(148), Some(rate(1.0)));
        assert_eq!(recalled(3), None, "forgotten");
        std::fs::write(&file, "not json").expect("written");
        assert_eq!(recalled(149), None);
        assert_eq!(recall(None, &circumstances(64)), None);
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
        remember(Some(&mine), circumstances(64), rate);
        let before = std::fs::read(&mine).expect("written");
        std::os::unix::fs::symlink(&mine, &file).expect("linked");
        assert_eq!(recall(Some(&file), &circumstances(64)), None);
        remember(Some(&file), circumstances(128), rate);
        assert_eq!(std::fs::read(&mine).expect("still there"), before);
        assert_eq!(recall(Some(&file), &circumstances(128)), Some(rate));
        assert!(!file.is_symlink());
    }
}
