//! The engine's snapshots in the cache.

use std::borrow::Cow;
use std::rc::Rc;

use lb_blend::{
    BlendOptions, FilmOutline, Keyframe, LatentShape, NoiseScheduleConfig, SamplerError,
    SamplerKind, Snapshot, SnapshotKey, SnapshotStore,
};
use lb_cache::{CacheEntry, ContentKey, Key, KeyHasher, LenientCache};
use lb_schedule::GuidanceRescale;

use super::content::Content;
use super::entries::SnapshotEntry;

/// Settings of denoising that are the same for all keyframes and trees.
#[derive(Clone, Debug)]
pub(crate) struct Denoising {
    pub(crate) sampler: SamplerKind,
    /// The model's noise schedule, with the timestep spacing that is wanted.
    pub(crate) schedule: NoiseScheduleConfig,
    /// The number of steps of a whole trajectory.
    pub(crate) steps: usize,
    /// That of the options with which the engine runs.
    pub(crate) guidance_rescale: GuidanceRescale,
    pub(crate) guidance_every: usize,
}

impl ContentKey for Denoising {
    fn write_key(&self, hasher: &mut KeyHasher) {
        let Self {
            sampler,
            schedule,
            steps,
            guidance_rescale,
            guidance_every,
        } = self;
        hasher.write(&Content(sampler));
        hasher.write(&Content(schedule));
        hasher.write(steps);
        if *guidance_rescale != GuidanceRescale::OFF {
            hasher
                .write("guidance rescale")
                .write(&guidance_rescale.value());
        }
        if *guidance_every != 1 {
            hasher.write("guidance every").write(guidance_every);
        }
    }
}

impl Denoising {
    /// The same settings with guidance at every step, which a keyframe without guidance and an inversion have
    /// in any case.
    pub(super) fn with_guidance_at_every_step(&self) -> Self {
        Self {
            guidance_every: 1,
            ..self.clone()
        }
    }

    /// The standard deviation of the noise from which the sampler starts.
    pub(crate) fn initial_noise(&self) -> Result<f64, SamplerError> {
        let sampler = self.sampler.sampler(&self.schedule, self.steps)?;
        Ok(sampler.initial_noise())
    }
}

/// The keys of the UNet.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnetKeys {
    /// With all LoRAs of the film.
    pub(super) changed: Key,
    /// Without any, as it is for rows in which none of them has any strength. So a film that gets a LoRA for one
    /// keyframe finds the others again.
    pub(super) plain: Key,
}

impl UnetKeys {
    /// The key of what computes a keyframe.
    pub(super) fn of(&self, keyframe: &Keyframe) -> Key {
        match is_plain(keyframe) {
            true => self.plain,
            false => self.changed,
        }
    }
}

/// Whether no LoRA has any strength.
fn is_plain(keyframe: &Keyframe) -> bool {
    keyframe
        .lora_strengths
        .iter()
        .all(|&strength| strength == 0.0)
}

/// The engine's snapshot store for one film, which keeps snapshots in the cache.
///
/// The key of a keyframe's snapshot follows from the keyframe alone (under crossfeed also from the
/// keyframes before it). The key of a level's snapshot follows from its two keyframes, the damper, the
/// options, and the tree down to that level. Therefore a film finds the snapshots of other films as far
/// as they have these in common.
pub(crate) struct CachedSnapshots<'a> {
    cache: Rc<LenientCache>,
    outline: FilmOutline<'a>,
    options: BlendOptions,
    /// The keys of the UNet. Without them, nothing is cached.
    unet: Option<UnetKeys>,
    denoising: Denoising,
    /// The key of the VAE decoder under perceptual spacing, where it sets the weights of the latent
    /// channels or decodes the pictures whose distances are measured.
    measured_by: Option<Key>,
    /// The shape of the film's latents, as soon as a keyframe is known.
    latents: Option<LatentShape>,
    /// The keys of the keyframes that are known.
    keyframes: Vec<Key>,
}

impl<'a> CachedSnapshots<'a> {
    pub(super) fn new(
        cache: &Rc<LenientCache>,
        unet: Option<UnetKeys>,
        measured_by: Option<Key>,
        outline: FilmOutline<'a>,
        options: &BlendOptions,
        denoising: &Denoising,
    ) -> Self {
        Self {
            cache: Rc::clone(cache),
            outline,
            options: *options,
            unet,
            denoising: denoising.clone(),
            measured_by,
            latents: None,
            keyframes: Vec::new(),
        }
    }

    /// Whether snapshots are cached at all.
    pub(crate) fn is_on(&self) -> bool {
        self.unet.is_some()
    }

    /// Whether all frames between the known keyframes are in the cache, so that the UNet is not needed.
    pub(super) fn are_complete(&self) -> bool {
        let mut keys = self
            .outline
            .final_snapshots(&self.options)
            .filter_map(|snapshot| self.key_and_entry(snapshot));
        !self.keyframes.is_empty() && keys.all(|(key, _)| self.cache.contains(&key))
    }

    fn key_and_entry(&self, snapshot: SnapshotKey) -> Option<(Key, SnapshotEntry)> {
        let latents = self.latents?;
        let guidance_differences = self.outline.guidance_differences(snapshot, &self.options);
        Some(match snapshot {
            SnapshotKey::Keyframe { index, step } => {
                let entry = SnapshotEntry {
                    step,
                    branch_counts: Vec::new(),
                    kept: 1,
                    guidance_differences,
                    latents,
                };
                let keyframe = *self.keyframes.get(index)?;
                (key(&("keyframe after", keyframe, step)), entry)
            }
            SnapshotKey::Level { transition, level } => {
                let profile = &self.outline.transitions()[transition].profile;
                let levels = profile.levels()[..=level].iter();
                let levels: Vec<(usize, usize)> = levels
                    .map(|level| (level.injection_step, level.branch_count))
                    .collect();
                let entry = SnapshotEntry {
                    step: profile.step_range(level).end,
                    branch_counts: levels.iter().map(|&(_, count)| count).collect(),
                    kept: levels[level].1.saturating_sub(2),
                    guidance_differences,
                    latents,
                };
                let transition = self.transition(transition)?;
                (key(&("level", transition, entry.step, levels)), entry)
            }
        })
    }

    /// The key of everything that a transition depends on, apart from its tree.
    fn transition(&self, index: usize) -> Option<Key> {
        let (left, right) = self.outline.ends(index);
        let keyframes = (*self.keyframes.get(left)?, *self.keyframes.get(right)?);
        Some(key(&(
            "transition, branches on a curve of contrast kept place by place",
            keyframes,
            self.outline.transitions()[index].guidance_damper,
            Content(&self.options),
            self.measured_by,
        )))
    }
}

impl SnapshotStore for CachedSnapshots<'_> {
    fn keyframe(&mut self, index: usize, keyframe: &Keyframe) {
        let Some(unet) = self.unet else {
            return;
        };
        if index < self.keyframes.len() {
            return;
        }
        let denoising = match keyframe.guidance_scale {
            1.0 => Cow::Owned(self.denoising.with_guidance_at_every_step()),
            _ => Cow::Borrowed(&self.denoising),
        };
        let denoiser = key(&("denoiser", unet.of(keyframe), &*denoising));
        let own = keyframe_key(&denoiser, keyframe);
        // Crossfeed draws a keyframe towards the one before it.
        let curve = self.options.crossfeed.keyframes;
        let crossfeeds = curve.active_steps(self.outline.steps()).next().is_some();
        self.keyframes.push(match self.keyframes.last() {
            Some(before) if crossfeeds => key(&("crossfed", own, Content(&curve), *before)),
            _ => own,
        });
        self.latents = Some(keyframe.initial_latents.shape());
    }

    fn load(&mut self, snapshot: SnapshotKey) -> Option<Snapshot> {
        let (key, entry) = self.key_and_entry(snapshot)?;
        self.cache.load(&entry, &key)
    }

    fn save(&mut self, snapshot: SnapshotKey, state: &Snapshot) {
        if let Some((key, entry)) = self.key_and_entry(snapshot) {
            self.cache.save(&entry, &key, state);
        }
    }
}

/// The key of a keyframe. `denoiser` is the key of the UNet and the settings of denoising.
pub(super) fn keyframe_key(denoiser: &Key, keyframe: &Keyframe) -> Key {
    let is_as_it_is = keyframe.lora_strengths.is_empty() || !is_plain(keyframe);
    let content = match is_as_it_is {
        true => Cow::Borrowed(keyframe),
        false => Cow::Owned(Keyframe {
            lora_strengths: Vec::new(),
            ..keyframe.clone()
        }),
    };
    key(&("keyframe", *denoiser, Content(&*content)))
}

fn key(content: &impl ContentKey) -> Key {
    Key::of(SnapshotEntry::KIND, content)
}

#[cfg(test)]
mod tests;
