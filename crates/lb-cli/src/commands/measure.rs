//! `lb measure`: measures how smoothly frames move, whether they morph or cross-fade, and whether the
//! background holds still.

mod plot;
mod report;
mod requirements;

use std::path::{Path, PathBuf};

use clap::Args;
use lb_measure::{FilmLayout, FrameSource, Measurement, Sections};
use lb_render::{JobSettings, Plan, RenderError, embedded_job};
use lb_schedule::BranchingProfile;
use serde::Serialize;

use self::requirements::{Broken, BrokenFacts, RequirementArguments};
use crate::error::CommandError;
use crate::facts;
use crate::write::write;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MeasureArguments {
    /// A film, a folder of PNG frames, or several pictures in film order. Two films or folders are compared.
    #[arg(value_name = "FILM|DIR|FRAME", required = true)]
    frames: Vec<PathBuf>,
    /// Print the verdict and the measurements of every frame as one line of JSON.
    #[arg(long)]
    json: bool,
    /// Plot the measurements over film time into this SVG file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replace the SVG file if it exists.
    #[arg(long, requires = "svg")]
    force: bool,
    /// Measure what happens in the pictures alone: undo the movement of the camera with which the film was made.
    #[arg(long)]
    past_camera: bool,
    #[command(flatten)]
    requirements: RequirementArguments,
}

/// What `--json` says about a film.
#[derive(Serialize)]
struct FilmFacts<'a> {
    /// The path of one of two films.
    #[serde(skip_serializing_if = "Option::is_none")]
    film: Option<String>,
    #[serde(flatten)]
    measurement: &'a Measurement,
    broken_requirements: Vec<BrokenFacts<'a>>,
}

impl<'a> FilmFacts<'a> {
    fn new(film: Option<&Path>, measurement: &'a Measurement, broken: &[Broken<'a>]) -> Self {
        Self {
            film: film.map(|path| path.display().to_string()),
            measurement,
            broken_requirements: broken.iter().map(Broken::facts).collect(),
        }
    }
}

const EXAMPLES: &str = "Examples:
  lb measure film.mp4
  lb measure film.mp4 --svg film.svg
  lb measure frames --json";

pub(crate) fn run(arguments: &MeasureArguments) -> Result<(), CommandError> {
    let requirements = arguments.requirements.requirements()?;
    if let Some(path) = &arguments.svg
        && path.symlink_metadata().is_ok()
        && !arguments.force
    {
        return Err(RenderError::OutputExists { path: path.clone() }.into());
    }
    let mut films = Vec::new();
    for mut source in FrameSource::find_one_or_two(&arguments.frames)? {
        if let Some(layout) = source.first_file().and_then(film_layout) {
            source = source.with_layout(layout);
        }
        if arguments.past_camera {
            source = source.past_camera()?;
        }
        films.push(source.measure()?);
    }
    let paths = arguments.frames.iter().map(PathBuf::as_path);
    let named: Vec<(&Path, &Measurement)> = paths.zip(&films).collect();
    let pair = <[_; 2]>::try_from(&named[..]).ok();
    if let Some(path) = &arguments.svg {
        let drawing = pair.map_or_else(|| plot::one(&films[0]), plot::two);
        write(path, &drawing, arguments.force)?;
    }
    let checked: Vec<(&Path, &Measurement, Vec<Broken<'_>>)> = named
        .iter()
        .map(|&(path, film)| (path, film, requirements::broken(&requirements, film)))
        .collect();
    if arguments.json {
        print_facts(&checked);
    } else {
        match pair {
            Some(pair) => report::comparison(pair),
            None => report::report(&films[0]),
        }
        if let Some(path) = &arguments.svg {
            outln!("plotted in {}", path.display());
        }
    }
    requirements::error(&checked).map_or(Ok(()), Err)
}

fn print_facts(films: &[(&Path, &Measurement, Vec<Broken<'_>>)]) {
    match films {
        [(_, measurement, broken)] => facts::print(&FilmFacts::new(None, measurement, broken)),
        films => {
            let films = films.iter();
            let films = films.map(|(path, film, broken)| FilmFacts::new(Some(path), film, broken));
            facts::print(&facts! { films: films.collect::<Vec<_>>() });
        }
    }
}

/// Where the transitions lie in a film that was rendered from the job that this file carries. A file
/// without a job, or with one that this version cannot plan, is measured without this knowledge.
fn film_layout(path: &Path) -> Option<FilmLayout> {
    let text = embedded_job(path).ok()?;
    let job = JobSettings::parse(&text, path).ok()?.resolve().ok()?;
    let plan = Plan::new(&job).ok().filter(|_| !job.has_stills())?;
    let spans = plan.timeline.transitions().iter();
    let mut last = 0;
    let profiles = plan.profiles.iter().map(BranchingProfile::frame_count);
    let computed: Vec<(usize, usize)> = profiles
        .map(|frames| {
            let first = last;
            last += frames - 1;
            (first, last)
        })
        .collect();
    Some(FilmLayout {
        film: Sections {
            transitions: spans
                .map(|span| (span.departure(), span.arrival()))
                .collect(),
            frame_count: plan.film_frames() + usize::from(plan.is_looped()),
            closes: plan.is_looped(),
        },
        computed: Sections {
            transitions: computed,
            frame_count: last + 1,
            closes: plan.is_looped(),
        },
        frame_rate: plan.timeline.frame_rate(),
        camera: plan.camera,
    })
}
