//! The engine's snapshots under the keys of cache entries.

use lb_blend::{
    BlendOptions, FilmOutline, InversionOptions, Keyframe, LatentShape, Snapshot, SnapshotKey,
    SnapshotStore,
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
/// A keyframe's key follows from the keyframe alone (and under crossfeed from those before it), a
/// level's from its two keyframes, the damper, the options, and the tree down to that level. So what
/// is the same in another film is found there.
pub(crate) struct FilmTrajectories<'a> {
    session: &'a StoreSession,
    outline: FilmOutline<'a>,
    options: BlendOptions,
    /// The denoiser; without it there are no keys, and nothing is kept.
    denoiser: Option<Key>,
    measured_by: Option<Key>,
    /// The shape of the film's latents, once a keyframe is known.
    latents: Option<LatentShape>,
    /// The keys of the keyframes that are known.
    keyframes: Vec<Key>,
}

impl<'a> FilmTrajectories<'a> {
    pub(crate) fn new(
        session: &'a StoreSession,
        origin: Option<&TrajectoryOrigin<'_>>,
        outline: FilmOutline<'a>,
        options: &BlendOptions,
    ) -> Self {
        Self {
            session,
            outline,
            options: *options,
            denoiser: origin.map(|at| denoiser_key(&at.unet, at.sampler, at.steps)),
            measured_by: origin.and_then(|at| at.measured_by),
            latents: None,
            keyframes: Vec::new(),
        }
    }

    /// Takes note of all keyframes at once.
    pub(crate) fn with_keyframes(mut self, keyframes: &[Keyframe]) -> Self {
        for (index, keyframe) in keyframes.iter().enumerate() {
            self.keyframe(index, keyframe);
        }
        self
    }

    /// The key of all that a transition depends on but its tree.
    fn transition(&self, index: usize) -> Option<Key> {
        let (left, right) = self.outline.ends(index);
        let damper = self.outline.transitions()[index].guidance_damper;
        let mut key = KeyBuilder::new("transition, branches moving with a restrained norm")
            .key(self.keyframes.get(left)?)
            .key(self.keyframes.get(right)?)
            .float(damper)
            .text(&format!("{:?}", self.options));
        if let Some(decoder) = &self.measured_by {
            key = key.key(decoder);
        }
        Some(key.finish())
    }

    /// Whether every frame of the film is there without a step of the denoiser.
    pub(crate) fn is_complete(&self) -> bool {
        self.outline.final_snapshots(&self.options).all(|snapshot| {
            let key = self.key(snapshot);
            key.is_some_and(|key| self.session.contains(&key))
        })
    }

    fn key(&self, snapshot: SnapshotKey) -> Option<Key> {
        let key = match snapshot {
            SnapshotKey::Keyframe { index, step } => KeyBuilder::new("keyframe after")
                .key(self.keyframes.get(index)?)
                .number(step as u64),
            SnapshotKey::Level { transition, level } => {
                let profile = &self.outline.transitions()[transition].profile;
                let levels = profile.levels()[..=level].iter();
                let key = KeyBuilder::new("level")
                    .key(&self.transition(transition)?)
                    .number(profile.step_range(level).end as u64);
                levels.fold(key, |key, at| {
                    key.number(at.injection_step as u64)
                        .number(at.branch_count as u64)
                })
            }
        };
        Some(key.finish())
    }

    fn shape(&self, snapshot: SnapshotKey) -> Option<TrajectoryShape> {
        let latents = self.latents?;
        Some(match snapshot {
            SnapshotKey::Keyframe { step, .. } => TrajectoryShape {
                step,
                branch_counts: Vec::new(),
                kept: 1,
                latents,
            },
            SnapshotKey::Level { transition, level } => {
                let profile = &self.outline.transitions()[transition].profile;
                let levels = profile.levels()[..=level].iter();
                let branch_counts: Vec<usize> = levels.map(|at| at.branch_count).collect();
                TrajectoryShape {
                    step: profile.step_range(level).end,
                    kept: branch_counts[level].saturating_sub(2),
                    branch_counts,
                    latents,
                }
            }
        })
    }
}

impl SnapshotStore for FilmTrajectories<'_> {
    fn keyframe(&mut self, index: usize, keyframe: &Keyframe) {
        let Some(denoiser) = self.denoiser else {
            return;
        };
        if index < self.keyframes.len() {
            return;
        }
        let mut key = keyframe_key(&denoiser, keyframe);
        // Crossfeed draws a keyframe to the one before it.
        let curve = self.options.crossfeed.keyframes;
        let crossfeeds = curve.active_steps(self.outline.steps()).next().is_some();
        if crossfeeds && let Some(before) = self.keyframes.last() {
            key = key.text(&format!("{curve:?}")).key(before);
        }
        self.keyframes.push(key.finish());
        self.latents = Some(keyframe.initial_latents.shape());
    }

    fn load(&mut self, snapshot: SnapshotKey) -> Option<Snapshot> {
        let (key, shape) = (self.key(snapshot)?, self.shape(snapshot)?);
        let decode = |payload: &[u8]| shape.decode(payload);
        self.session
            .load(EntryKind::Trajectory, &key, shape.length(), decode)
    }

    fn save(&mut self, snapshot: SnapshotKey, state: &Snapshot) {
        if let (Some(key), Some(shape)) = (self.key(snapshot), self.shape(snapshot)) {
            let payload = || shape.encode(state);
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
        .floats(&keyframe.negative_conditioning.values)
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
