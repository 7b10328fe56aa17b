//! The trees of a whole film: how many steps all of them have, and the profile of each.

use lb_schedule::{BranchingProfile, TransitionSpan};

use crate::{Branching, JobError, Transition};

/// The trees of a film's transitions, which all have the same number of steps.
///
/// A keyframe's trajectory is shared by the transitions around it, so a film has one number of
/// steps. All transitions that give a number must give the same one, and the others use it too. If no
/// transition gives a number, the finest quality sets it. Each quality keeps its own number of frames.
///
/// # Errors
/// [`JobError::StepsDiffer`], and the rule that the numbers of one transition break.
pub(crate) fn film_profiles(
    transitions: &[Transition],
    spans: &[TransitionSpan],
) -> Result<Vec<BranchingProfile>, JobError> {
    let steps = film_steps(transitions)?;
    let trees = transitions.iter().map(|transition| &transition.branching);
    let profiles = trees
        .zip(spans)
        .map(|(tree, span)| tree.profile(steps, span));
    Ok(profiles.collect::<Result<_, _>>()?)
}

/// The number of steps of a film; see [`film_profiles`].
///
/// # Errors
/// [`JobError::StepsDiffer`].
pub(crate) fn film_steps(transitions: &[Transition]) -> Result<usize, JobError> {
    let trees = transitions.iter().map(|transition| &transition.branching);
    let given = trees.clone().enumerate();
    let mut given = given.filter_map(|(index, tree)| Some((index, tree.steps?)));
    let Some((first, steps)) = given.next() else {
        return Ok(trees.map(Branching::own_steps).max().unwrap_or(0));
    };
    match given.find(|&(_, other)| other != steps) {
        None => Ok(steps),
        Some((second, other)) => Err(JobError::StepsDiffer {
            first,
            steps,
            second,
            other,
        }),
    }
}

#[cfg(test)]
mod tests {
    use lb_schedule::{BranchingRule, FilmTiming, FrameRate, MAX_BRANCHES, Quality, Timeline};

    use super::*;
    use crate::{Frames, Injections, Levels};

    fn transition(branching: Branching) -> Transition {
        Transition {
            branching,
            ..Default::default()
        }
    }

    fn preset(quality: Quality) -> Transition {
        transition(Branching {
            levels: Levels::Automatic {
                rule: BranchingRule::Classic,
                frames: None,
                depth_strength: 0.4,
            },
            ..Branching::preset(quality, 0.4)
        })
    }

    fn automatic(steps: usize, frames: usize) -> Transition {
        transition(Branching::automatic(steps, Frames::Number(frames), 0.4))
    }

    fn profiles(transitions: &[Transition]) -> Result<Vec<BranchingProfile>, JobError> {
        let timing = FilmTiming::uniform(FrameRate::default(), 3.0, transitions.len() + 1);
        film_profiles(transitions, Timeline::new(&timing).unwrap().transitions())
    }

    fn shapes(transitions: &[Transition]) -> Vec<(usize, usize)> {
        let profiles = profiles(transitions).unwrap();
        profiles
            .iter()
            .map(|profile| (profile.steps(), profile.frame_count()))
            .collect()
    }

    #[test]
    fn qualities_of_a_film_take_the_finest_ones_steps_and_their_own_frames() {
        let film = [preset(Quality::Lowest), preset(Quality::High)];
        assert_eq!(shapes(&film), [(60, 5), (60, 25)]);
    }

    #[test]
    fn a_long_transition_has_no_more_pictures_than_a_level_has_branches() {
        let timing = FilmTiming::uniform(FrameRate::default(), 1000.0, 2);
        let timeline = Timeline::new(&timing).unwrap();
        let span = &timeline.transitions()[0];
        assert_eq!(span.intervals() + 1, 30_000);
        let mut tree = Branching::automatic(12, Frames::Number(12), 0.2);
        tree.pictures = Some(Frames::FILM);
        assert_eq!(tree.pictures(span), MAX_BRANCHES);
    }

    #[test]
    fn given_steps_also_apply_to_qualities() {
        let film = [preset(Quality::High), automatic(20, 6)];
        assert_eq!(shapes(&film), [(20, 25), (20, 6)]);
    }

    #[test]
    fn numbers_that_are_not_given_are_those_of_the_quality() {
        let mut steps = Branching::preset(Quality::High, 0.2);
        steps.steps = Some(30);
        assert_eq!(shapes(&[transition(steps)]), [(30, 32)]);
        let mut frames = Branching::automatic(0, Frames::Number(90), 0.2);
        frames.steps = None;
        assert_eq!(shapes(&[transition(frames)]), [(12, 90)]);
        let strengths = Injections::Strengths(vec![0.0, 0.5]);
        let mut manual = Branching::manual(0, vec![2, 7], strengths);
        (manual.quality, manual.steps) = (Quality::Ultra, None);
        assert_eq!(shapes(&[transition(manual)]), [(20, 7)]);
    }

    #[test]
    fn shares_of_the_film_depend_on_the_transition() {
        let film = transition(Branching::automatic(12, Frames::FILM, 0.2));
        assert_eq!(shapes(&[film.clone(), film]), [(12, 90), (12, 91)]);
    }

    #[test]
    fn given_steps_that_differ_are_refused() {
        let film = [
            preset(Quality::Low),
            automatic(20, 6),
            automatic(20, 9),
            automatic(21, 6),
        ];
        let error = profiles(&film).unwrap_err();
        assert!(error.is_request());
        assert_eq!(
            error.to_string(),
            "a film has one number of steps: transition 2 has 20, transition 4 has 21"
        );
    }
}
