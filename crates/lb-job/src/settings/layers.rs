//! How settings are laid over each other.
//!
//! Nearly every setting that the upper layer leaves open takes the value of the lower layer. The
//! exceptions are settings that contradict each other, of which the lower ones are dropped first.

use lb_blend::SamplerKind;

use super::layer::Layer;
use super::{
    BranchingSettings, DefaultSettings, DepthSettings, InpaintSettings, JobSettings,
    KeyframeSettings, SpacingChoice, SpacingSettings,
};

impl JobSettings {
    /// These settings, with open ones taken from `lower`. The keyframes all come from one layer: from
    /// the upper one, unless it has none.
    #[must_use]
    pub fn over(mut self, mut lower: Self) -> Self {
        lower.spacing = self.spacing.compatible(lower.spacing);
        lower.defaults.branching = (self.defaults.branching).compatible(lower.defaults.branching);
        lower.inpaint = self.inpaint.compatible(lower.inpaint);
        lower.depth = self.depth.compatible(lower.depth);
        self.drop_other_camera(&mut lower);
        self.fill_from(lower);
        self
    }

    /// Drops what lower settings say about the camera where these say the same in another way: for the whole film
    /// or at keyframes.
    fn drop_other_camera(&self, lower: &mut Self) {
        let keyframes =
            |is_given: fn(&KeyframeSettings) -> bool| self.keyframes.iter().any(is_given);
        if keyframes(|at| at.zoom.is_some()) {
            lower.camera.zoom = None;
        }
        if keyframes(|at| at.pan.is_some()) {
            lower.camera.pan = None;
        }
        if keyframes(|at| at.rotation.is_some()) {
            lower.camera.rotation = None;
        }
        for keyframe in &mut lower.keyframes {
            keyframe.zoom = keyframe.zoom.filter(|_| self.camera.zoom.is_none());
            keyframe.pan = keyframe.pan.filter(|_| self.camera.pan.is_none());
            keyframe.rotation = keyframe.rotation.filter(|_| self.camera.rotation.is_none());
        }
    }

    /// These settings over lower ones. Their defaults also replace what each lower keyframe sets
    /// itself: a flag that is given with a job file applies to the whole film.
    #[must_use]
    pub fn forced_on(self, mut lower: Self) -> Self {
        for keyframe in &mut lower.keyframes {
            let own = DefaultSettings {
                shared: std::mem::take(&mut keyframe.shared),
                branching: std::mem::take(&mut keyframe.branching),
            };
            let forced = keyframe.applicable(&self.defaults).over(own);
            (keyframe.shared, keyframe.branching) = (forced.shared, forced.branching);
        }
        self.over(lower)
    }
}

impl JobSettings {
    /// These settings, with open ones taken from what a model needs.
    ///
    /// The model's steps take the place of those of a quality, which then decides only about frames and
    /// pictures. They do not apply if any keyframe has a number of steps of its own, because a film has
    /// one number. The model's sampler does not apply to a film with pictures as keyframes that it cannot
    /// invert.
    #[must_use]
    pub fn over_model(mut self, mut model: Self) -> Self {
        let steps = model.defaults.branching.steps.take();
        let mut trees = self.keyframes.iter().map(|keyframe| &keyframe.branching);
        let has_own = trees.any(|tree| tree.steps.is_some());
        if !has_own && self.defaults.branching.steps.is_none() {
            for keyframe in &mut self.keyframes {
                keyframe.branching.steps = steps;
            }
        }
        let has_pictures = self.keyframes.iter().any(|at| at.image.is_some());
        let is_suitable = |sampler: &SamplerKind| !has_pictures || sampler.is_invertible();
        model.sampler = model.sampler.filter(is_suitable);
        self.over(model)
    }
}

impl KeyframeSettings {
    /// This keyframe, with open settings taken from `defaults`.
    ///
    /// A guidance scale that is meant for prompts does not reach a keyframe that is a picture,
    /// because guidance makes its inversion less exact.
    #[must_use]
    pub fn with_defaults(mut self, defaults: &DefaultSettings) -> Self {
        let defaults = self.applicable(defaults);
        let own = DefaultSettings {
            shared: self.shared,
            branching: self.branching,
        };
        let DefaultSettings { shared, branching } = own.over(defaults);
        (self.shared, self.branching) = (shared, branching);
        self
    }

    /// The defaults that apply to this keyframe: all, but for the guidance scale of a picture.
    fn applicable(&self, defaults: &DefaultSettings) -> DefaultSettings {
        let mut defaults = defaults.clone();
        if self.image.is_some() {
            defaults.shared.guidance_scale = None;
        }
        defaults
    }
}

impl DefaultSettings {
    fn over(mut self, mut lower: Self) -> Self {
        lower.branching = self.branching.compatible(lower.branching);
        self.fill_from(lower);
        self
    }
}

impl SpacingSettings {
    /// The part of the lower settings that these can be laid over: perceptual spacing has no mid
    /// compression.
    fn compatible(&self, lower: Self) -> Self {
        let is_perceptual = self.choice == Some(SpacingChoice::Perceptual);
        Self {
            mid_compression: lower.mid_compression.filter(|_| !is_perceptual),
            ..lower
        }
    }
}

impl InpaintSettings {
    /// The lower settings without the content of pictures that are replaced by others.
    fn compatible(&self, lower: Self) -> Self {
        Self {
            image_sha256: lower.image_sha256.filter(|_| self.image.is_none()),
            mask_sha256: lower.mask_sha256.filter(|_| self.mask.is_none()),
            ..lower
        }
    }
}

impl DepthSettings {
    /// The lower settings without the content of a map that is replaced by another.
    fn compatible(&self, lower: Self) -> Self {
        Self {
            image_sha256: lower.image_sha256.filter(|_| self.image.is_none()),
            ..lower
        }
    }
}

impl BranchingSettings {
    /// The part of the lower settings that is compatible with how these describe the tree. For
    /// example, an upper number of frames keeps the lower steps, but not a lower list of branches, and
    /// an upper quality brings its own steps, frames and pictures.
    fn compatible(&self, lower: Self) -> Self {
        let injections = self.injection_steps.is_some() || self.injection_strengths.is_some();
        let steps = lower.steps.filter(|_| self.quality.is_none());
        let pictures = lower.pictures.filter(|_| self.quality.is_none());
        let open = Self::default();
        if self.branches.is_some() || injections {
            let (injection_steps, injection_strengths) = if injections {
                (None, None)
            } else {
                (lower.injection_steps, lower.injection_strengths)
            };
            Self {
                quality: lower.quality,
                steps,
                pictures,
                branches: lower.branches,
                injection_steps,
                injection_strengths,
                ..open
            }
        } else if self.quality.is_some() || self.frames.is_some() {
            Self {
                quality: lower.quality,
                steps,
                pictures,
                rule: lower.rule,
                depth_strength: lower.depth_strength,
                ..open
            }
        } else {
            lower
        }
    }
}

#[cfg(test)]
mod tests {
    use lb_schedule::{FrameRate, Quality};

    use super::*;
    use crate::{Branching, Frames, Injections};

    fn over(upper: BranchingSettings, lower: BranchingSettings) -> BranchingSettings {
        let layer = |branching| DefaultSettings {
            branching,
            ..Default::default()
        };
        layer(upper).over(layer(lower)).branching
    }

    fn numbers(steps: Option<usize>, frames: Option<usize>) -> BranchingSettings {
        BranchingSettings {
            steps,
            frames: frames.map(Frames::Number),
            ..Default::default()
        }
    }

    #[test]
    fn compatible_settings_are_kept_and_others_are_dropped() {
        let depth = |depth_strength| BranchingSettings {
            depth_strength: Some(depth_strength),
            ..Default::default()
        };
        let automatic = |frames, depth_strength| {
            let frames = Frames::Number(frames);
            Ok(Branching::automatic(20, frames, depth_strength))
        };
        let below = over(numbers(Some(20), Some(8)), depth(0.2));
        assert_eq!(below.resolve(), automatic(8, 0.2));
        let fewer = over(numbers(None, Some(4)), below.clone());
        assert_eq!(fewer.resolve(), automatic(4, 0.2));
        assert_eq!(over(depth(0.7), below.clone()).resolve(), automatic(8, 0.7));
        let preset = BranchingSettings {
            quality: Some(Quality::Low),
            ..Default::default()
        };
        assert_eq!(
            over(preset.clone(), below.clone()).resolve(),
            Ok(Branching::preset(Quality::Low, 0.2))
        );
        let pictures = |pictures| BranchingSettings {
            pictures: Some(pictures),
            ..Default::default()
        };
        let more = over(pictures(Frames::FILM), preset.clone()).resolve();
        let low = Branching::preset(Quality::Low, Branching::DEPTH_STRENGTH);
        let pictures_of_film = Some(Frames::FILM);
        assert_eq!(
            more,
            Ok(Branching {
                pictures: pictures_of_film,
                ..low.clone()
            })
        );
        // A quality brings its own pictures, and other numbers keep those that are given.
        let over_pictures = |upper| over(upper, pictures(Frames::FILM)).resolve();
        assert_eq!(over_pictures(preset.clone()), Ok(low));
        let fewer = over_pictures(numbers(None, Some(4))).unwrap();
        assert_eq!(fewer.pictures, pictures_of_film);
        // Steps over a quality keep its frames.
        assert_eq!(
            over(numbers(Some(30), None), preset).resolve(),
            Ok(Branching {
                steps: Some(30),
                ..Branching::preset(Quality::Low, Branching::DEPTH_STRENGTH)
            })
        );
        let by_hand = BranchingSettings {
            branches: Some(vec![2, 5]),
            injection_steps: Some(vec![0, 9]),
            ..Default::default()
        };
        let by_hand = over(by_hand, below);
        let injections = Injections::Steps(vec![0, 9]);
        assert_eq!(
            by_hand.resolve(),
            Ok(Branching::manual(20, vec![2, 5], injections))
        );
        let strengths = BranchingSettings {
            injection_strengths: Some(vec![0.0, 0.5]),
            ..Default::default()
        };
        let injections = Injections::Strengths(vec![0.0, 0.5]);
        assert_eq!(
            over(strengths, by_hand.clone()).resolve(),
            Ok(Branching::manual(20, vec![2, 5], injections))
        );
        let frames = over(numbers(None, Some(4)), by_hand);
        assert_eq!(frames.resolve(), automatic(4, Branching::DEPTH_STRENGTH));
    }

    fn keyframe(prompt: &str, hold: Option<f64>) -> KeyframeSettings {
        let mut keyframe = KeyframeSettings::from_prompt(prompt);
        keyframe.shared.hold = hold;
        keyframe
    }

    #[test]
    fn upper_settings_win_and_forced_ones_win_over_each_keyframe() {
        let mut file = JobSettings {
            keyframes: vec![keyframe("a", Some(2.0)), keyframe("b", None)],
            ..Default::default()
        };
        file.defaults.shared.hold = Some(1.0);
        file.timing.frame_rate = FrameRate::new(12.0).ok();
        let mut flags = JobSettings::default();
        flags.defaults.shared.hold = Some(0.5);
        let holds = |settings: JobSettings| -> Vec<f64> {
            let job = settings.resolve().unwrap();
            assert_eq!(job.frame_rate.as_f64(), 12.0);
            job.keyframes.iter().map(|keyframe| keyframe.hold).collect()
        };
        assert_eq!(holds(file.clone()), [2.0, 1.0]);
        assert_eq!(holds(flags.clone().over(file.clone())), [2.0, 0.5]);
        assert_eq!(holds(flags.forced_on(file)), [0.5, 0.5]);
    }

    #[test]
    fn a_picture_is_guided_only_where_its_own_keyframe_says_so() {
        let picture = |guidance_scale| {
            let mut keyframe = KeyframeSettings::from_image("b.png");
            keyframe.shared.guidance_scale = guidance_scale;
            keyframe
        };
        let file = JobSettings {
            keyframes: vec![keyframe("a", None), picture(None), picture(Some(1.5))],
            ..Default::default()
        };
        let mut flags = JobSettings::default();
        flags.defaults.shared.guidance_scale = Some(3.0);
        for settings in [
            flags.clone().over(file.clone()),
            flags.clone().forced_on(file),
        ] {
            let job = settings.resolve().unwrap();
            let scales = job.keyframes.iter().map(|keyframe| keyframe.guidance_scale);
            assert_eq!(scales.collect::<Vec<_>>(), [3.0, 1.0, 1.5]);
        }
    }

    #[test]
    fn a_models_steps_replace_those_of_qualities_but_no_given_ones() {
        let mut model = JobSettings::default();
        model.defaults.branching.steps = Some(4);
        model.defaults.branching.depth_strength = Some(0.5);
        model.defaults.shared.guidance_scale = Some(1.0);
        model.sampler = Some(SamplerKind::DpmSolver);
        let film = || JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            ..Default::default()
        };
        let job = |settings: JobSettings| settings.over_model(model.clone()).resolve().unwrap();

        let plain = job(film());
        assert_eq!(plain.keyframes[1].guidance_scale, 1.0);
        assert_eq!(plain.sampler, SamplerKind::DpmSolver);
        let mut high = film();
        high.defaults.branching.quality = Some(Quality::High);
        let mut own_quality = film();
        own_quality.keyframes[0].branching.quality = Some(Quality::High);
        for settings in [high, own_quality] {
            let tree = &job(settings).transitions[0].branching;
            let expected = Branching {
                steps: Some(4),
                ..Branching::preset(Quality::High, 0.5)
            };
            assert_eq!(*tree, expected);
        }

        let mut given = film();
        given.keyframes[0].branching.steps = Some(2);
        given.defaults.shared.guidance_scale = Some(3.0);
        given.sampler = Some(SamplerKind::Ddim);
        let given = job(given);
        assert_eq!(given.transitions[0].branching.steps, Some(2));
        assert_eq!(given.keyframes[0].guidance_scale, 3.0);
        assert_eq!(given.sampler, SamplerKind::Ddim);

        let mut by_hand = film();
        by_hand.defaults.branching.branches = Some(vec![2, 5]);
        by_hand.defaults.branching.injection_steps = Some(vec![0, 3]);
        let injections = Injections::Steps(vec![0, 3]);
        let tree = &job(by_hand).transitions[0].branching;
        assert_eq!(*tree, Branching::manual(4, vec![2, 5], injections));

        let mut with_picture = film();
        with_picture.keyframes[1] = KeyframeSettings::from_image("b.png");
        assert_eq!(job(with_picture).sampler, SamplerKind::Ddim);
    }

    #[test]
    fn the_camera_is_that_of_the_uppermost_layer_that_moves_it() {
        let mut file = JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            ..Default::default()
        };
        file.keyframes[0].zoom = Some(1.5);
        file.keyframes[1].rotation = Some(4.0);
        let mut flags = JobSettings::default();
        flags.camera.zoom = "1..2".parse().ok();
        let job = flags.clone().forced_on(file.clone()).resolve().unwrap();
        assert_eq!(job.camera.zoom.to, 2.0);
        let cameras = job.keyframes.iter().map(|keyframe| keyframe.camera);
        let found: Vec<_> = cameras
            .map(|camera| (camera.zoom, camera.rotation))
            .collect();
        assert_eq!(found, [(None, None), (None, Some(4.0))]);
        let below = file.over(flags).resolve().unwrap();
        assert_eq!(below.camera.zoom.to, 1.0);
        assert_eq!(below.keyframes[0].camera.zoom, Some(1.5));
    }

    #[test]
    fn a_hash_belongs_to_the_picture_beside_it() {
        let mut film = JobSettings::default();
        film.inpaint.image = Some("a.png".into());
        film.inpaint.image_sha256 = Some("ab".repeat(32));
        film.inpaint.mask = Some("mask.png".into());
        film.inpaint.mask_sha256 = Some("cd".repeat(32));
        film.depth.image_sha256 = Some("ef".repeat(32));
        let mut flags = JobSettings::default();
        flags.inpaint.image = Some("b.png".into());
        flags.depth.image = Some("map.png".into());
        let both = flags.forced_on(film.clone());
        assert_eq!(both.inpaint.image_sha256, None);
        assert_eq!(both.inpaint.mask_sha256, film.inpaint.mask_sha256);
        assert_eq!(both.depth.image_sha256, None);
        assert_eq!(JobSettings::default().forced_on(film.clone()), film);
    }

    #[test]
    fn a_mid_compression_is_dropped_with_the_fixed_spacing_it_belonged_to() {
        let upper = SpacingSettings {
            choice: Some(SpacingChoice::Perceptual),
            mid_compression: None,
        };
        let lower = SpacingSettings {
            choice: Some(SpacingChoice::Fixed),
            mid_compression: Some(2.0),
        };
        let over = |spacing, lower| {
            let layer = |spacing| JobSettings {
                spacing,
                ..Default::default()
            };
            layer(spacing).over(layer(lower)).spacing
        };
        assert_eq!(over(upper, lower).mid_compression, None);
        assert_eq!(over(SpacingSettings::default(), lower), lower);
    }
}
