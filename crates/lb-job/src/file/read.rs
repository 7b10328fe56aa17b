//! A job file to settings.

use std::path::{Path, PathBuf};

use super::JobFileError;
use super::document::{self, Document};
use super::keyframe::{self, KEYFRAME_KEYS, TRANSITION_KEYS};
use super::table::{Keys, Table};
use crate::names::{self, DISTANCES, SAMPLERS, SPACINGS};
use crate::{
    CrossfeedSettings, CurveSettings, Fit, InpaintSettings, JobSettings, KeyframeSettings,
    SettingsError, SpacingSettings, Timing, UpscaleSettings,
};

/// Keys of the whole film.
pub(super) const FILM_KEYS: &[&str] = &[
    "include",
    "model",
    "size",
    "fps",
    "film_seconds",
    "timing",
    "loop",
    "sampler",
    "spacing",
    "mid_compression",
    "spacing_distance",
    "fit",
    "inversion_iterations",
];
const TABLES: &[&str] = &[
    "defaults",
    "keyframe",
    "crossfeed",
    "inpaint",
    "depth",
    "upscale",
];

/// Reads a file and those that it includes.
pub(super) fn file(path: &Path) -> Result<JobSettings, JobFileError> {
    file_of(path, &mut Vec::new())
}

/// Reads a document that is no file on disk; what it includes is one.
pub(super) fn document(document: &Document<'_>) -> Result<JobSettings, JobFileError> {
    settings(document, &mut vec![document.path().to_path_buf()])
}

/// `chain` are the files that led here, outermost first.
fn file_of(path: &Path, chain: &mut Vec<PathBuf>) -> Result<JobSettings, JobFileError> {
    let same = |other: &PathBuf| match (other.canonicalize(), path.canonicalize()) {
        (Ok(other), Ok(path)) => other == path,
        _ => other == path,
    };
    let is_cycle = chain.iter().any(same);
    chain.push(path.to_path_buf());
    if is_cycle {
        let files = chain.clone();
        return Err(JobFileError::IncludeCycle { files });
    }
    if chain.len() > JobFileError::DEEPEST_INCLUDE + 1 {
        let files = chain.clone();
        return Err(JobFileError::IncludeDepth { files });
    }
    let text = document::read(path)?;
    let read = settings(&Document::new(path, &text)?, chain)?;
    chain.pop();
    Ok(read)
}

fn settings(
    document: &Document<'_>,
    chain: &mut Vec<PathBuf>,
) -> Result<JobSettings, JobFileError> {
    let root = Table::root(document);
    root.check(&Keys {
        known: &[FILM_KEYS, TABLES],
        elsewhere: (
            &[&["prompt", "seed", "image"], KEYFRAME_KEYS, TRANSITION_KEYS],
            "in a [[keyframe]], or what holds for all of them in [defaults]",
        ),
    })?;
    let keyframes = root.tables("keyframe")?;
    if chain.len() > 1 && !keyframes.is_empty() {
        return Err(JobFileError::IncludedKeyframes {
            location: root.location_of("keyframe"),
        });
    }
    let keyframes = keyframes.into_iter().map(keyframe::keyframe);
    let defaults = root.table("defaults")?;
    let own = JobSettings {
        keyframes: keyframes.collect::<Result<_, _>>()?,
        defaults: defaults.map_or_else(|| Ok(KeyframeSettings::default()), keyframe::defaults)?,
        looped: root.flag("loop")?,
        model: root.model("model")?,
        size: size(root)?,
        sampler: root.choice("sampler", &SAMPLERS, names::sampler)?,
        spacing: SpacingSettings {
            choice: root.choice("spacing", &SPACINGS, names::spacing)?,
            mid_compression: root.number("mid_compression")?,
        },
        distance: root.choice("spacing_distance", &DISTANCES, names::distance)?,
        crossfeed: crossfeed(root)?,
        timing: root.choice("timing", &Timing::ALL, Timing::name)?,
        frames_per_second: root.number("fps")?,
        film_seconds: root.number("film_seconds")?,
        fit: root.choice("fit", &Fit::ALL, Fit::name)?,
        inversion_iterations: root.whole("inversion_iterations")?,
        inpaint: inpaint(root)?,
        depth: depth(root)?,
        upscale: upscale(root)?,
    };
    match root.text("include")? {
        Some(included) => Ok(own.over(file_of(&document.beside(included), chain)?)),
        None => Ok(own),
    }
}

fn size(root: Table<'_>) -> Result<Option<(usize, usize)>, JobFileError> {
    let Some(given) = root.text("size")? else {
        return Ok(None);
    };
    match names::size(given) {
        Some(size) => Ok(Some(size)),
        None => Err(JobFileError::UnknownName {
            location: root.location_of("size"),
            key: "size",
            known: "sizes like 512x768, width first".into(),
            found: document::shortened(given, 40),
        }),
    }
}

fn within<'a>(
    root: Table<'a>,
    name: &'static str,
    keys: &'static [&'static str],
) -> Result<Option<Table<'a>>, JobFileError> {
    let Some(table) = root.table(name)? else {
        return Ok(None);
    };
    table.check(&Keys {
        known: &[keys],
        elsewhere: (&[FILM_KEYS], "at the top of the file, above every table"),
    })?;
    Ok(Some(table))
}

fn crossfeed(root: Table<'_>) -> Result<CrossfeedSettings, JobFileError> {
    const KEYS: &[&str] = &[
        "power",
        "range",
        "decay",
        "parental_power",
        "parental_range",
        "parental_decay",
    ];
    let Some(table) = within(root, "crossfeed", KEYS)? else {
        return Ok(CrossfeedSettings::default());
    };
    let curve = |[power, range, decay]: [&'static str; 3]| -> Result<_, JobFileError> {
        Ok(CurveSettings {
            power: table.number(power)?,
            range: table.number(range)?,
            decay: table.number(decay)?,
        })
    };
    Ok(CrossfeedSettings {
        keyframes: curve(["power", "range", "decay"])?,
        parents: curve(["parental_power", "parental_range", "parental_decay"])?,
    })
}

fn inpaint(root: Table<'_>) -> Result<InpaintSettings, JobFileError> {
    let Some(table) = within(root, "inpaint", &["image", "mask", "feather"])? else {
        return Ok(InpaintSettings::default());
    };
    Ok(InpaintSettings {
        image: table.path("image")?,
        mask: table.path("mask")?,
        feather: table.number("feather")?,
    })
}

fn depth(root: Table<'_>) -> Result<Option<PathBuf>, JobFileError> {
    match within(root, "depth", &["image"])? {
        Some(table) => match table.path("image")? {
            Some(image) => Ok(Some(image)),
            None => Err(JobFileError::Settings {
                location: table.location(),
                problem: SettingsError::DepthWithoutImage,
            }),
        },
        None => Ok(None),
    }
}

fn upscale(root: Table<'_>) -> Result<UpscaleSettings, JobFileError> {
    const KEYS: &[&str] = &[
        "model",
        "steps",
        "frames",
        "depth_strength",
        "noise_level",
        "seed",
    ];
    let Some(table) = within(root, "upscale", KEYS)? else {
        return Ok(UpscaleSettings::default());
    };
    Ok(UpscaleSettings {
        model: table.model("model")?,
        steps: table.whole("steps")?,
        frames: table.whole("frames")?,
        depth_strength: table.number("depth_strength")?,
        noise_level: table.whole("noise_level")?,
        seed: table.seed("seed")?,
    })
}
