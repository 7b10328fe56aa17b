//! The plan as text for people.

use std::fmt::Write;

use lb_render::{CameraValue, FilmCamera, FromTo, Job, Plan, Spacing};
use lb_schedule::BranchingProfile;

use crate::commands::render::pictures;
use crate::sound::Sound;

/// The plan as text, with one fact in each line. A tree that several transitions have in common
/// appears once. `within` is the time for which its numbers were chosen, and `seconds` the time that is
/// expected.
pub(super) fn text(job: &Job, plan: &Plan, within: Option<f64>, seconds: Option<f64>) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write_report(&mut text, job, plan, within, seconds);
    text
}

fn write_report(
    text: &mut String,
    job: &Job,
    plan: &Plan,
    within: Option<f64>,
    seconds: Option<f64>,
) -> std::fmt::Result {
    if job.has_stills() {
        writeln!(
            text,
            "stills: {}, of {} steps",
            plan.keyframes,
            plan.steps()
        )?;
    } else {
        write_trees(text, job, plan)?;
    }
    writeln!(text, "seeds: {}", list(&plan.seeds))?;
    writeln!(
        text,
        "cost: {} model evaluations in {} rows, {} decodes",
        plan.cost.model_evaluations,
        plan.rows(),
        plan.cost.decodes
    )?;
    if !job.has_stills() {
        write_film(text, plan)?;
        write_camera(text, job, plan)?;
    }
    if let Some(within) = within {
        let frames = plan.transition_frames();
        let pictures = frames.zip(&plan.in_betweens);
        writeln!(
            text,
            "chosen for {}: {} steps, {} computed frames and {} pictures for a transition",
            duration(within),
            plan.steps(),
            range(plan.transition_frames()),
            range(pictures.map(|(frames, in_betweens)| frames + in_betweens)),
        )?;
    }
    match seconds {
        Some(seconds) => writeln!(text, "time: about {} on this machine", duration(seconds)),
        None => writeln!(
            text,
            "time: not known yet for this model, size and device; add --measure to measure it, or render"
        ),
    }
}

/// The beats of a sound, ten to a line.
pub(super) fn sound(sound: &Sound) -> Vec<String> {
    let Some(rhythm) = &sound.rhythm else {
        return vec![format!("sound: {:.1} s", sound.seconds)];
    };
    let tempo = match rhythm.tempo() {
        Some(tempo) => format!("{} beats, about {tempo:.0} a minute", rhythm.beats.len()),
        None => "no beats".to_owned(),
    };
    let onsets = rhythm.onsets.len();
    let mut lines = vec![format!(
        "sound: {:.1} s, {tempo}, {onsets} onsets",
        sound.seconds
    )];
    if !rhythm.beats.is_empty() {
        lines.push("beats, in seconds:".to_owned());
    }
    lines.extend(rhythm.beats.chunks(10).map(|beats| {
        let beats: Vec<String> = beats.iter().map(|beat| format!("{beat:8.3}")).collect();
        beats.join("")
    }));
    lines
}

/// The transitions of a film and their trees.
fn write_trees(text: &mut String, job: &Job, plan: &Plan) -> std::fmt::Result {
    let looped = if plan.is_looped() { ", looped" } else { "" };
    writeln!(
        text,
        "{} keyframes, {}{looped}",
        plan.keyframes,
        match plan.profiles.len() {
            1 => "1 transition".to_owned(),
            more => format!("{more} transitions"),
        }
    )?;
    for (profile, transitions) in alike(&plan.profiles) {
        writeln!(
            text,
            "tree of {}, {} steps:",
            named(&transitions, plan.profiles.len()),
            profile.steps()
        )?;
        for (index, level) in profile.levels().iter().enumerate() {
            let steps = match (profile.steps(), index) {
                // Both levels of such a tree take the only step.
                (1, _) => 0..1,
                _ => profile.step_range(index),
            };
            writeln!(
                text,
                "  level {index}: {:>4} branches, steps {}..{}",
                level.branch_count, steps.start, steps.end
            )?;
        }
    }
    match job.spacing {
        Spacing::Fixed { mid_compression } => {
            writeln!(text, "fractions: fixed, mid compression {mid_compression}")
        }
        Spacing::Perceptual => writeln!(text, "fractions: perceptual, decided while rendering"),
    }
}

/// The length of a film.
fn write_film(text: &mut String, plan: &Plan) -> std::fmt::Result {
    writeln!(
        text,
        "film: {} frames from {}, {:.2} s at {} frames a second",
        plan.film_frames(),
        pictures(plan.computed_frames(), plan.in_betweens.iter().sum()),
        plan.seconds(),
        plan.timeline.frame_rate()
    )
}

/// What the film shows of its pictures, unless that is all of them.
fn write_camera(text: &mut String, job: &Job, plan: &Plan) -> std::fmt::Result {
    let Some(camera) = &plan.camera else {
        return Ok(());
    };
    let (film, still) = (&job.camera, FilmCamera::default());
    let keyed = job.keyframes.iter().map(|keyframe| keyframe.camera);
    let quantities = [
        course(
            "zoom",
            film.zoom,
            still.zoom,
            keyed.clone().map(|at| at.zoom),
        ),
        course("pan", film.pan, still.pan, keyed.clone().map(|at| at.pan)),
        course(
            "rotation",
            film.rotation,
            still.rotation,
            keyed.map(|at| at.rotation),
        ),
    ];
    let quantities: Vec<String> = quantities.into_iter().flatten().collect();
    let endless = match camera.endless_factor() {
        Some(factor) => format!(", endless: {factor:.3} times as large after each round"),
        None => String::new(),
    };
    writeln!(
        text,
        "camera: {}, {}{endless}",
        quantities.join("; "),
        film.easing
    )
}

/// How a quantity of the camera goes through the film; `None` if it never has another value than `still`.
fn course<Value: CameraValue>(
    name: &str,
    film: FromTo<Value>,
    still: FromTo<Value>,
    keyframes: impl Iterator<Item = Option<Value>>,
) -> Option<String> {
    let keyed = keyframes.zip(1..);
    let keyed = keyed.filter_map(|(value, keyframe)| Some((value?, keyframe)));
    let (values, keyframes): (Vec<Value>, Vec<usize>) = keyed.unzip();
    match &keyframes[..] {
        [] if film == still => None,
        [] if film.from == film.to => Some(format!("{name} {}", film.from)),
        [] => Some(format!("{name} from {} to {}", film.from, film.to)),
        [_] => Some(format!("{name} {}", list(&values))),
        _ => Some(format!(
            "{name} {} at keyframes {}",
            list(&values),
            list(&keyframes)
        )),
    }
}

/// A number, or the smallest and the largest of several.
fn range(numbers: impl Iterator<Item = usize>) -> String {
    let numbers: Vec<usize> = numbers.collect();
    let (least, most) = (numbers.iter().min(), numbers.iter().max());
    match (least.unwrap_or(&0), most.unwrap_or(&0)) {
        (least, most) if least == most => most.to_string(),
        (least, most) => format!("{least} to {most}"),
    }
}

/// A duration in the unit that suits it: seconds, minutes or hours.
fn duration(seconds: f64) -> String {
    match seconds {
        small if small < 9.5 => format!("{small:.1} s"),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Every distinct tree, with the numbers of the transitions that have it, counted from 1.
fn alike(profiles: &[BranchingProfile]) -> Vec<(&BranchingProfile, Vec<usize>)> {
    let mut groups: Vec<(&BranchingProfile, Vec<usize>)> = Vec::new();
    for (index, profile) in profiles.iter().enumerate() {
        match groups.iter_mut().find(|(known, _)| *known == profile) {
            Some((_, transitions)) => transitions.push(index + 1),
            None => groups.push((profile, vec![index + 1])),
        }
    }
    groups
}

fn named(transitions: &[usize], all: usize) -> String {
    match transitions {
        [_] if all == 1 => "the transition".into(),
        [one] => format!("transition {one}"),
        many if many.len() == all => "every transition".into(),
        many => format!("transitions {}", list(many)),
    }
}

/// The items with commas between them, as in `1, 2, 3`. Of a long list, only the first ones are shown.
fn list<T: ToString>(items: &[T]) -> String {
    const SHOWN: usize = 16;
    let shown: Vec<String> = items.iter().take(SHOWN).map(T::to_string).collect();
    let more = match items.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_in_suitable_units() {
        let shown = [0.25, 42.0, 600.0, 9000.0].map(duration);
        assert_eq!(shown, ["0.2 s", "42 s", "10 min", "2.5 h"]);
    }

    #[test]
    fn the_camera_is_described() {
        let described = |change: &dyn Fn(&mut Job)| {
            let mut job = Job::of_prompts(["a", "b", "c"]);
            change(&mut job);
            let plan = Plan::new(&job).expect("a plan");
            let mut text = String::new();
            write_camera(&mut text, &job, &plan).expect("a string");
            text
        };
        assert_eq!(described(&|_| ()), "");
        let whole = described(&|job| {
            job.camera.zoom = FromTo { from: 1.0, to: 1.6 };
            job.camera.pan = FromTo::still("0.5,-0.5".parse().expect("a place"));
        });
        assert_eq!(whole, "camera: zoom from 1 to 1.6; pan 0.5,-0.5, linear\n");
        let keyed = described(&|job| {
            job.keyframes[0].camera.zoom = Some(1.0);
            job.keyframes[2].camera.zoom = Some(2.0);
            job.camera.easing = lb_render::Easing::Smooth;
        });
        assert_eq!(keyed, "camera: zoom 1, 2 at keyframes 1, 3, smooth\n");
        let endless = described(&|job| {
            job.looped = true;
            job.transitions.push(job.transitions[0].clone());
            job.camera.zoom = FromTo { from: 1.0, to: 1.5 };
        });
        assert!(
            endless.ends_with("endless: 1.500 times as large after each round\n"),
            "{endless}"
        );
    }

    #[test]
    fn numbers_of_several_transitions_are_a_range() {
        assert_eq!(range([24, 24].into_iter()), "24");
        assert_eq!(range([24, 8, 12].into_iter()), "8 to 24");
    }

    #[test]
    fn equal_trees_are_listed_once() {
        let [small, large] =
            [5, 12].map(|frames| BranchingProfile::autosetup(30, frames, 0.4).expect("a tree"));
        let profiles = [small.clone(), large, small];
        let groups = alike(&profiles);
        let names: Vec<String> = groups.iter().map(|(_, at)| named(at, 3)).collect();
        assert_eq!(names, ["transitions 1, 3", "transition 2"]);
        assert_eq!(named(&[1, 2], 2), "every transition");
    }
}
