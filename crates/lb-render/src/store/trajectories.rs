//! The engine's places as names of entries.

use lb_blend::{
    BlendOptions, Film, InversionOptions, Keyframe, LatentShape, LevelEnd, Place, TrajectoryStore,
    Transition,
};

use super::entry::EntryKind;
use super::key::{Key, KeyBuilder};
use super::payload::TrajectoryShape;
use super::session::StoreSession;

/// What every trajectory of a film depends on beside its keyframes.
pub(crate) struct TrajectoryOrigin<'a> {
    /// The denoiser ([`StoreSession::component`]).
    pub(crate) unet: Key,
    /// The sampler and its noise schedule, in words that differ where they do.
    pub(crate) sampler: &'a str,
    /// Steps of a whole trajectory.
    pub(crate) steps: usize,
    /// The decoder, under perceptual spacing: it weighs channels and may measure pictures.
    pub(crate) measured_by: Option<Key>,
}

/// The store as the engine sees it during one film.
///
/// A keyframe's name follows from the keyframe alone (and under crossfeed from those before it), a
/// level's from its two keyframes, the damper, the options, and the tree down to that level. So what
/// is the same in another film is found there.
pub(crate) struct FilmTrajectories<'a> {
    session: &'a StoreSession,
    film: &'a Film,
    options: BlendOptions,
    latents: LatentShape,
    /// Without an origin there are none, and nothing is kept.
    keyframes: Vec<Key>,
    /// Of each transition, all but the tree.
    transitions: Vec<Key>,
}

impl<'a> FilmTrajectories<'a> {
    pub(crate) fn new(
        session: &'a StoreSession,
        origin: Option<&TrajectoryOrigin<'_>>,
        film: &'a Film,
        options: &BlendOptions,
    ) -> Self {
        let mut trajectories = Self {
            session,
            latents: film.keyframes[0].initial_latents.shape(),
            keyframes: Vec::new(),
            transitions: Vec::new(),
            film,
            options: *options,
        };
        if let Some(origin) = origin {
            trajectories.name(origin);
        }
        trajectories
    }

    fn name(&mut self, origin: &TrajectoryOrigin<'_>) {
        let unet = denoiser_key(&origin.unet, origin.sampler, origin.steps);
        // Crossfeed draws a keyframe to the one before it.
        let curve = self.options.crossfeed.keyframes;
        let crossfeeds = curve.active_steps(origin.steps).next().is_some();
        for keyframe in &self.film.keyframes {
            let mut key = keyframe_key(&unet, keyframe);
            if crossfeeds && let Some(before) = self.keyframes.last() {
                key = key.text(&format!("{curve:?}")).key(before);
            }
            self.keyframes.push(key.finish());
        }
        let transitions = self.film.transitions.iter().enumerate();
        let keys = transitions.map(|(index, transition)| {
            let (left, right) = (index, (index + 1) % self.keyframes.len());
            let mut key = KeyBuilder::new("transition, branches moving with a restrained norm")
                .key(&self.keyframes[left])
                .key(&self.keyframes[right])
                .float(transition.guidance_damper)
                .text(&format!("{:?}", self.options));
            if let Some(decoder) = &origin.measured_by {
                key = key.key(decoder);
            }
            key.finish()
        });
        self.transitions = keys.collect();
    }

    /// Whether every frame of the film is there without a step of the denoiser.
    pub(crate) fn is_complete(&self) -> bool {
        let keyframes = (0..self.film.keyframes.len()).flat_map(|index| {
            let steps = self.film.recorded_steps(index, &self.options);
            let place = move |step| Place::Keyframe { index, step };
            steps.into_iter().map(place)
        });
        let levels = self.film.transitions.iter().enumerate();
        let levels = levels.filter_map(|(transition, at)| {
            let level = at.profile.levels().len() - 1;
            (level > 0).then_some(Place::Level { transition, level })
        });
        keyframes.chain(levels).all(|place| {
            let key = self.key(place);
            key.is_some_and(|key| self.session.contains(&key))
        })
    }

    fn key(&self, place: Place) -> Option<Key> {
        let key = match place {
            Place::Keyframe { index, step } => KeyBuilder::new("keyframe after")
                .key(self.keyframes.get(index)?)
                .number(step as u64),
            Place::Level { transition, level } => {
                let profile = &self.film.transitions[transition].profile;
                let levels = profile.levels()[..=level].iter();
                let key = KeyBuilder::new("level")
                    .key(self.transitions.get(transition)?)
                    .number(profile.step_range(level).end as u64);
                levels.fold(key, |key, at| {
                    key.number(at.injection_step as u64)
                        .number(at.branch_count as u64)
                })
            }
        };
        Some(key.finish())
    }

    fn shape(&self, place: Place) -> TrajectoryShape {
        let latents = self.latents;
        match place {
            Place::Keyframe { step, .. } => TrajectoryShape {
                step,
                branch_counts: Vec::new(),
                kept: 1,
                latents,
            },
            Place::Level { transition, level } => {
                let Transition { profile, .. } = &self.film.transitions[transition];
                let levels = profile.levels()[..=level].iter();
                let branch_counts: Vec<usize> = levels.map(|at| at.branch_count).collect();
                TrajectoryShape {
                    step: profile.step_range(level).end,
                    kept: branch_counts[level].saturating_sub(2),
                    branch_counts,
                    latents,
                }
            }
        }
    }
}

impl TrajectoryStore for FilmTrajectories<'_> {
    fn load(&mut self, place: Place) -> Option<LevelEnd> {
        let (key, shape) = (self.key(place)?, self.shape(place));
        let decode = |payload: &[u8]| shape.decode(payload);
        self.session
            .load(EntryKind::Trajectory, &key, shape.length(), decode)
    }

    fn save(&mut self, place: Place, end: &LevelEnd) {
        if let Some(key) = self.key(place) {
            let payload = || self.shape(place).encode(end);
            self.session.save(EntryKind::Trajectory, &key, payload);
        }
    }
}

fn denoiser_key(unet: &Key, sampler: &str, steps: usize) -> Key {
    KeyBuilder::new("denoiser")
        .key(unet)
        .text(sampler)
        .number(steps as u64)
        .finish()
}

/// The noise that becomes a picture; the keyframe's initial latents are the picture's own.
pub(crate) fn inversion_key(
    unet: &Key,
    sampler: &str,
    steps: usize,
    options: &InversionOptions,
    picture: &Keyframe,
) -> Key {
    let denoiser = denoiser_key(unet, sampler, steps);
    KeyBuilder::new("inverted")
        .number(options.iterations as u64)
        .key(&keyframe_key(&denoiser, picture).finish())
        .finish()
}

fn keyframe_key(unet: &Key, keyframe: &Keyframe) -> KeyBuilder {
    let latents = &keyframe.initial_latents;
    let LatentShape {
        channels,
        height,
        width,
    } = latents.shape();
    let conditioning = &keyframe.conditioning;
    let key = KeyBuilder::new("keyframe")
        .key(unet)
        .number(conditioning.tokens as u64)
        .number(conditioning.width as u64)
        .floats(&conditioning.values)
        .floats(&keyframe.negative.values)
        .float(keyframe.guidance_scale)
        .number(channels as u64)
        .number(height as u64)
        .number(width as u64)
        .floats(latents.values());
    let concatenated = keyframe.concatenated.as_ref();
    key.floats(concatenated.map_or(&[], |channels| channels.values()))
}

#[cfg(test)]
mod tests;
