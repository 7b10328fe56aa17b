//! A time instead of numbers: the finest film that a machine makes within given seconds.

use lb_blend::Forecast;
use lb_schedule::{BranchingRule, Quality, Timeline};
use serde::{Deserialize, Serialize};

use crate::plan::timing;
use crate::{Choice as _, Frames, Job, JobError, Levels, Plan};

/// How fast a machine rendered a stage of a film, in seconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct RenderRate {
    /// Seconds for one row of a model call.
    pub per_row: f64,
    /// Seconds for one picture, a computed frame or an in-between: for decoding and for writing it.
    pub per_decode: f64,
    /// Seconds for everything else: loading models, encoding prompts, finishing files.
    pub beside: f64,
}

impl RenderRate {
    /// How long a stage takes at this rate, in seconds.
    #[must_use]
    pub fn seconds(&self, stage: &Forecast) -> f64 {
        self.beside + self.per_row * stage.rows as f64 + self.per_decode * stage.decodes as f64
    }
}

impl Plan {
    /// How long a render of this plan takes at these rates, in seconds; there is one for each stage.
    #[must_use]
    pub fn render_seconds(&self, rates: &[RenderRate]) -> f64 {
        let stages = rates.iter().zip(&self.stages);
        stages.map(|(rate, stage)| rate.seconds(stage)).sum()
    }
}

/// The film that [`Job::within`] chose.
#[derive(Clone, PartialEq, Debug)]
pub struct TimedFilm {
    /// The job, in which steps, computed frames and pictures of every transition are numbers.
    pub job: Job,
    /// Its plan.
    pub plan: Plan,
    /// How long its render will take, in seconds; `None` if no rates are known.
    pub expected_seconds: Option<f64>,
    /// Whether that is within the time that was given.
    pub fits: bool,
}

/// How many candidates there are from one quality to the next.
const CANDIDATES_A_PRESET: usize = 8;

impl Job {
    /// The finest film of this job whose render takes at most this many seconds at these rates.
    ///
    /// The candidates are the qualities from the lowest to the highest, and numbers of steps, computed frames
    /// and pictures between theirs. A transition has no more computed frames than the film shows. Numbers that
    /// the job gives are kept, and so are trees whose levels are given one by one; the qualities of its
    /// transitions are not used. If no candidate is fast enough, or if there are no rates, the lowest one is
    /// taken. `has_film` is false for a render that writes only computed frames.
    ///
    /// # Errors
    /// [`JobError::Within`] for a time that is not above 0, [`JobError::StillsWithin`] for stills, which have
    /// no transitions, and those of [`Plan::new`].
    pub fn within(
        &self,
        seconds: f64,
        rates: Option<&[RenderRate]>,
        has_film: bool,
    ) -> Result<TimedFilm, JobError> {
        if !(seconds > 0.0 && seconds.is_finite()) {
            return Err(JobError::Within { found: seconds });
        }
        if self.has_stills() {
            return Err(JobError::StillsWithin);
        }
        self.validate()?;
        let last = (Quality::ALL.len() - 1) * CANDIDATES_A_PRESET;
        let finest = rates.map_or(0, |_| last);
        let mut index = finest;
        loop {
            let job = self.candidate(index)?;
            let mut plan = Plan::new(&job)?;
            if !has_film {
                plan = plan.without_film();
            }
            let expected_seconds = rates.map(|rates| plan.render_seconds(rates));
            let fits = expected_seconds.is_some_and(|expected| expected <= seconds);
            if fits || index == 0 {
                return Ok(TimedFilm {
                    job,
                    plan,
                    expected_seconds,
                    fits,
                });
            }
            index -= 1;
        }
    }

    /// The job, with the numbers of a candidate in place of those that it leaves open.
    fn candidate(&self, index: usize) -> Result<Self, JobError> {
        let mut job = self.clone();
        let timeline = Timeline::new(&timing(self))?;
        let trees = self.transitions.iter().map(|at| &at.branching);
        let given = trees.clone().find_map(|tree| tree.steps);
        // A film has one number of steps.
        let finest = trees.map(|tree| Numbers::of_candidate(tree.rule(), index).steps);
        let steps = given.or(finest.max());
        let pairs = self
            .upscale
            .as_ref()
            .map_or(1, |upscale| upscale.frames - 1);
        for (transition, span) in job.transitions.iter_mut().zip(timeline.transitions()) {
            let tree = &mut transition.branching;
            let numbers = Numbers::of_candidate(tree.rule(), index);
            let shown = span.intervals() + 1;
            tree.quality = Quality::default();
            tree.steps = tree.steps.or(steps);
            if let Levels::Automatic { frames, .. } = &mut tree.levels {
                // A second stage computes more frames between these.
                let most = (span.intervals() / pairs.max(1) + 1).max(2);
                let chosen = || Frames::Number(numbers.frames.min(most));
                *frames = Some(frames.unwrap_or_else(chosen));
            }
            let chosen = || Frames::Number(numbers.pictures.min(shown).max(2));
            tree.pictures = Some(tree.pictures.unwrap_or_else(chosen));
        }
        Ok(job)
    }
}

/// The numbers that a quality stands for.
struct Numbers {
    steps: usize,
    frames: usize,
    pictures: usize,
}

impl Numbers {
    /// The numbers of a candidate: those of a quality, or of a point between two of them.
    fn of_candidate(rule: BranchingRule, index: usize) -> Self {
        let preset = |index: usize| Quality::ALL[index.min(Quality::ALL.len() - 1)];
        let lower = preset(index / CANDIDATES_A_PRESET);
        let upper = preset(index / CANDIDATES_A_PRESET + 1);
        let share = (index % CANDIDATES_A_PRESET) as f64 / CANDIDATES_A_PRESET as f64;
        // The numbers of the qualities grow by factors, so those between them do too.
        let between = |number: &dyn Fn(Quality) -> usize| {
            let (from, to) = (number(lower) as f64, number(upper) as f64);
            (from * (to / from).powf(share)).round() as usize
        };
        Self {
            steps: between(&|quality| quality.steps(rule)),
            frames: between(&|quality| quality.frames(rule)),
            pictures: between(&Quality::pictures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Injections, Upscale};

    const RATE: RenderRate = RenderRate {
        per_row: 0.01,
        per_decode: 0.02,
        beside: 0.5,
    };

    fn film(transitions: usize) -> Job {
        Job::of_prompts((0..=transitions).map(|index| index.to_string()))
    }

    fn within(job: &Job, seconds: f64) -> TimedFilm {
        job.within(seconds, Some(&[RATE]), true).unwrap()
    }

    /// Steps, computed frames and pictures of a transition.
    fn numbers(film: &TimedFilm, transition: usize) -> [usize; 3] {
        let tree = &film.job.transitions[transition].branching;
        match (&tree.levels, tree.steps, tree.pictures) {
            (
                Levels::Automatic {
                    frames: Some(Frames::Number(frames)),
                    ..
                },
                Some(steps),
                Some(Frames::Number(pictures)),
            ) => [steps, *frames, pictures],
            other => panic!("not explicit: {other:?}"),
        }
    }

    #[test]
    fn candidates_are_the_presets_and_what_is_between_them() {
        for &rule in BranchingRule::ALL {
            for (index, quality) in Quality::ALL.iter().enumerate() {
                let numbers = Numbers::of_candidate(rule, index * CANDIDATES_A_PRESET);
                assert_eq!(numbers.steps, quality.steps(rule));
                assert_eq!(numbers.frames, quality.frames(rule));
                assert_eq!(numbers.pictures, quality.pictures());
            }
        }
        let halfway = Numbers::of_candidate(BranchingRule::Doubling, CANDIDATES_A_PRESET / 2);
        let numbers = [halfway.steps, halfway.frames, halfway.pictures];
        assert_eq!(numbers, [9, 10, 25]);
    }

    #[test]
    fn more_time_never_makes_a_worse_film_and_is_never_exceeded() {
        for transitions in [1, 2, 7] {
            let job = film(transitions);
            let mut last = [0; 3];
            for tenths in 1..2000 {
                let seconds = f64::from(tenths) / 10.0;
                let film = within(&job, seconds);
                let chosen = numbers(&film, 0);
                let grows = last.iter().zip(chosen).all(|(&before, now)| before <= now);
                assert!(grows, "{seconds} s: {last:?}, {chosen:?}");
                let expected = film.plan.render_seconds(&[RATE]);
                assert_eq!(film.expected_seconds, Some(expected));
                assert_eq!(film.fits, expected <= seconds);
                let smallest = [8, 8, 18];
                assert!(film.fits || chosen == smallest, "{seconds} s: {chosen:?}");
                assert_eq!(Plan::new(&film.job).unwrap(), film.plan);
                last = chosen;
            }
            // Computed frames and pictures are no more than the film shows.
            assert_eq!(last, [20, 90, 90], "{transitions} transitions");
        }
    }

    #[test]
    fn a_time_is_used_as_far_as_candidates_go() {
        for seconds in [4.0, 6.0, 9.0, 12.0] {
            let film = within(&film(1), seconds);
            let expected = film.expected_seconds.unwrap();
            assert!(expected > 0.8 * seconds, "{expected} of {seconds} s");
        }
    }

    #[test]
    fn without_rates_the_lowest_preset_is_taken() {
        let film = film(2).within(1000.0, None, true).unwrap();
        assert_eq!(numbers(&film, 1), [8, 8, 18]);
        assert_eq!((film.expected_seconds, film.fits), (None, false));
    }

    #[test]
    fn numbers_that_are_given_stay() {
        let mut job = film(2);
        job.transitions[1].branching.steps = Some(4);
        job.transitions[0].branching.pictures = Some(Frames::FILM);
        let [slow, fast] = [3.0, 1000.0].map(|seconds| within(&job, seconds));
        for film in [&slow, &fast] {
            assert_eq!(film.plan.steps(), 4);
            let pictures = film.job.transitions[0].branching.pictures;
            assert_eq!(pictures, Some(Frames::FILM));
        }
        let [few, many] = [&slow, &fast].map(|film| numbers(film, 1));
        assert!(few[1] < many[1] && few[2] < many[2], "{few:?} {many:?}");

        let injections = Injections::Strengths(vec![0.0, 0.5]);
        let levels = Levels::Manual {
            branch_counts: vec![2, 6],
            injections,
        };
        job.transitions[0].branching.levels = levels.clone();
        assert_eq!(
            within(&job, 9.0).job.transitions[0].branching.levels,
            levels
        );
    }

    #[test]
    fn only_what_is_written_costs_time() {
        let frames_only = |seconds| film(1).within(seconds, Some(&[RATE]), false).unwrap();
        let (film, frames) = (within(&film(1), 6.0), frames_only(6.0));
        assert_eq!(frames.plan.in_betweens, [0]);
        assert!(numbers(&frames, 0)[1] > numbers(&film, 0)[1]);
    }

    #[test]
    fn a_second_stage_takes_its_share_of_the_time() {
        let mut job = film(1);
        job.upscale = Some(Upscale::with_model("x4"));
        let rates = [RATE; 2];
        let film = job.within(1e6, Some(&rates), true).unwrap();
        // Three frames of the second stage begin with each of the first.
        assert_eq!(numbers(&film, 0), [20, 30, 90]);
        assert_eq!(film.plan.computed_frames(), 88);
        let hurried = job.within(30.0, Some(&rates), true).unwrap();
        let chosen = numbers(&hurried, 0);
        assert!(hurried.fits && chosen < [20, 30, 90], "{chosen:?}");
    }

    #[test]
    fn a_time_is_above_0_and_for_films() {
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = film(1).within(seconds, None, true).unwrap_err();
            assert!(matches!(error, JobError::Within { .. }), "{error}");
            assert!(error.is_request());
        }
        let still = Job::of_stills(film(1).keyframes, 8);
        let error = still.within(1.0, None, true).unwrap_err();
        assert!(matches!(error, JobError::StillsWithin), "{error}");
    }
}
