//! What acts would do, and how long that would take.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use lb_job::RenderRate;
use lb_schedule::{Spacing, Tree};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job_schema::JobDocument;
use super::projects::id;
use super::types::{
    FramePicture, PlanBody, PlannedFilm, PlannedKeyframe, PlannedTransition, State as Presence,
    TreeFacts, TreeLevelFacts,
};
use super::{Body, blocking};
use crate::error::{ApiError, ErrorBody};
use crate::film::{Film, Problem};
use crate::frames::FrameStore;
use crate::guard::Visitor;
use crate::ids::Id;
use crate::shared::Shared;

/// What acts would do, what of it is there already, and how long the rest takes on this machine. Nothing is
/// loaded for it.
#[utoipa::path(
    get, path = "/api/projects/{id}/plan", params(("id" = Id, Path)),
    responses((status = 200, body = PlanBody), (status = 404, body = ErrorBody))
)]
pub(crate) async fn plan(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
) -> Result<Json<PlanBody>, ApiError> {
    let plan = blocking(move || {
        let project = shared.projects.open(&id(&project)?, &owner)?;
        Ok(
            match Film::new(&project.settings, &project.folder, &shared.models) {
                Ok(film) => {
                    let rates = shared.rates_of(&film);
                    planned(&film, &shared.frames(&project), rates.as_deref())
                }
                Err(Problem(problem)) => PlanBody {
                    problem: Some(shared.shown(problem)),
                    ..PlanBody::default()
                },
            },
        )
    });
    Ok(Json(plan.await?))
}

fn planned(film: &Film, store: &FrameStore, rates: Option<&[RenderRate]>) -> PlanBody {
    let first = rates.and_then(|rates| rates.first());
    let rows = |evaluations: usize| {
        // A guided evaluation is two rows, and this is their mean number in the film.
        let stage = &film.plan.stages[0];
        evaluations as f64 * stage.rows as f64 / stage.model_evaluations.max(1) as f64
    };
    let seconds = |evaluations: usize, decodes: usize| {
        first.map(|rate| rate.per_row * rows(evaluations) + rate.per_decode * decodes as f64)
    };
    let keyframes: Vec<PlannedKeyframe> = (0..film.keyframes.len())
        .map(|index| {
            let key = film.keyframes[index].clone();
            let picture = store.keyframe(&key);
            let evaluations = match picture {
                Some(_) => 0,
                None => film.keyframe_evaluations(index),
            };
            PlannedKeyframe {
                state: match picture {
                    Some(_) => Presence::Ready,
                    None => Presence::Missing,
                },
                seconds: seconds(evaluations, usize::from(picture.is_none())),
                key,
                picture,
                evaluations,
            }
        })
        .collect();
    let transitions: Vec<PlannedTransition> = (0..film.transitions.len())
        .map(|index| {
            let ends = film.ends(index).map(|end| &keyframes[end]);
            let mut at = planned_transition(film, index, store, &ends);
            at.seconds = seconds(at.evaluations, at.decodes);
            at
        })
        .collect();
    let is_film = film.incomplete.is_none() && !film.transitions.is_empty();
    PlanBody {
        problem: film.incomplete.clone(),
        film: is_film.then(|| {
            let missing: usize = keyframes.iter().map(|at| at.evaluations).sum();
            let pairs = transitions.iter().enumerate();
            let missing = missing
                + pairs
                    .filter(|(_, at)| at.state != Presence::Ready)
                    .map(|(index, _)| film.transition_evaluations(index))
                    .sum::<usize>();
            planned_film(film, missing, rates, seconds)
        }),
        keyframes,
        transitions,
        unused_embeddings: film.unused_embeddings.clone(),
    }
}

fn planned_transition(
    film: &Film,
    index: usize,
    store: &FrameStore,
    ends: &[&PlannedKeyframe; 2],
) -> PlannedTransition {
    let key = film.transitions[index].clone();
    let inner = film.inner_frames(index);
    let frames = store.frames(&key);
    let has_ends = ends.iter().all(|end| end.state == Presence::Ready);
    let state = match frames.len() {
        found if found >= inner && has_ends => Presence::Ready,
        0 => Presence::Missing,
        _ => Presence::Partial,
    };
    let evaluations = match state {
        Presence::Ready => 0,
        _ => {
            let ends: usize = ends.iter().map(|end| end.evaluations).sum();
            film.transition_evaluations(index) + ends
        }
    };
    let computed_frames = inner + 2;
    PlannedTransition {
        state,
        frames: frames
            .iter()
            .map(|frame| FramePicture {
                number: frame.number,
                fraction: frame.fraction,
                picture: store.picture(&key, frame.number),
            })
            .collect(),
        key,
        computed_frames,
        in_betweens: film.plan.in_betweens[index],
        evaluations,
        decodes: match state {
            Presence::Ready => 0,
            _ => computed_frames,
        },
        seconds: None,
        tree: tree(film, index),
    }
}

fn planned_film(
    film: &Film,
    missing_evaluations: usize,
    rates: Option<&[RenderRate]>,
    seconds: impl Fn(usize, usize) -> Option<f64>,
) -> PlannedFilm {
    let (width, height) = film.size();
    let scale = film.job.scale * if film.job.upscale.is_some() { 4 } else { 1 };
    let first = seconds(missing_evaluations, film.plan.pictures());
    let render_seconds = match rates {
        // What is there of a second stage is not known.
        Some([_, second, ..]) => {
            let stage = film.plan.stages.get(1).map(|stage| second.seconds(stage));
            first.zip(stage).map(|(first, second)| first + second)
        }
        _ => first,
    };
    PlannedFilm {
        key: film.key(),
        frames: film.plan.film_frames(),
        seconds: film.plan.seconds(),
        width: width * scale,
        height: height * scale,
        evaluations: film.plan.cost.model_evaluations,
        missing_evaluations: match film.job.upscale {
            Some(_) => {
                missing_evaluations + film.plan.stages.get(1).map_or(0, |at| at.model_evaluations)
            }
            None => missing_evaluations,
        },
        decodes: film.plan.pictures(),
        render_seconds,
    }
}

/// The tree of a transition. Under perceptual spacing its fractions move while it is rendered, and these are
/// even.
fn tree(film: &Film, index: usize) -> TreeFacts {
    let profile = film.plan.profiles[index].clone();
    let steps = profile.steps();
    let compression = match film.job.spacing {
        Spacing::Fixed { mid_compression } => mid_compression,
        Spacing::Perceptual => 1.0,
    };
    let levels = profile.levels().to_vec();
    let tree = Tree::fixed(profile, compression).ok();
    let fractions = tree.as_ref().map(Tree::fractions).unwrap_or_default();
    let levels = levels
        .iter()
        .zip(fractions)
        .map(|(level, fractions)| TreeLevelFacts {
            start: level.injection_step,
            fractions: fractions.clone(),
        });
    TreeFacts {
        steps,
        levels: levels.collect(),
    }
}

/// How long a film may take.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Within {
    /// Seconds that the whole render may take.
    pub(crate) seconds: f64,
}

/// The finest film that takes at most some time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct WithinBody {
    /// The job with the numbers of steps, frames and pictures of that film, to be put in place of the project's.
    pub(crate) job: JobDocument,
    /// How long it will take; `null` if nothing was rendered here yet, and then it is the fastest film.
    pub(crate) expected_seconds: Option<f64>,
    /// Whether that is within the time.
    pub(crate) fits: bool,
}

/// Finds the finest film of this project whose render takes at most some time on this machine.
#[utoipa::path(
    post, path = "/api/projects/{id}/within", params(("id" = Id, Path)), request_body = Within,
    responses((status = 200, body = WithinBody), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody))
)]
pub(crate) async fn within(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
    Body(within): Body<Within>,
) -> Result<Json<WithinBody>, ApiError> {
    let body = blocking(move || {
        let project = shared.projects.open(&id(&project)?, &owner)?;
        let mut settings = project.settings;
        let problem = |Problem(problem): Problem| ApiError::request(problem);
        let film = Film::new(&settings, &project.folder, &shared.models).map_err(problem)?;
        let rates = shared.rates_of(&film);
        let timed = film.job.within(within.seconds, rates.as_deref(), true)?;
        // The numbers go into the job as it was given, so that its gaps stay gaps.
        let tree = timed.job.transitions.first().map(|at| &at.branching);
        settings.defaults.branching = tree.map(Into::into).unwrap_or_default();
        for keyframe in &mut settings.keyframes {
            keyframe.branching = Default::default();
        }
        settings.defaults.branching.quality = None;
        Ok(WithinBody {
            job: JobDocument::of(&settings),
            expected_seconds: timed.expected_seconds,
            fits: timed.fits,
        })
    });
    Ok(Json(body.await?))
}
