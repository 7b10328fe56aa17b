//! Warnings: what is probably not as the user wants it, although the work continues.

use lb_job::{Job, JobSettings};
use lb_render::RenderEvent;

/// Sound whose length differs by less than this many seconds from that of its film counts as equally
/// long.
const TRACK_TOLERANCE: f64 = 0.5;

/// The warning that an event of a render calls for.
pub(crate) fn of_event(event: &RenderEvent<'_>) -> Option<String> {
    match event {
        RenderEvent::PromptCut { prompt, cut } => Some(format!(
            "the prompt {} is too long; the model does not see {}",
            shortened(prompt, 60),
            shortened(cut, 200),
        )),
        RenderEvent::Cache { problem } => Some(problem.to_string()),
        RenderEvent::FramesWithoutPosition { first, count } => Some(format!(
            "{count} of the frames, first {}, do not carry their position in the film, probably \
             because another program saved them; they are spaced evenly between their neighbours",
            first.display()
        )),
        RenderEvent::Reconstructed(at) if at.is_bad() => Some(format!(
            "keyframe {} differs from its picture by {:.0} %, so the film jumps there; raise \
             --inversion-iterations, take more steps, or, if its own table in a job file has a \
             guidance_scale, leave that out",
            at.keyframe + 1,
            100.0 * at.latent_error
        )),
        _ => None,
    }
}

/// The warning about sound that is longer or shorter than its film, if there is one.
pub(crate) fn of_track(track: f64, film: f64) -> Option<String> {
    let remedy = "; --film-seconds track makes the film as long as the sound";
    if track > film + TRACK_TOLERANCE {
        Some(format!(
            "the sound lasts {track:.1} s and is cut to the {film:.1} s of the film{remedy}"
        ))
    } else if track < film - TRACK_TOLERANCE {
        Some(format!(
            "the sound lasts {track:.1} s, and the rest of the film, which lasts {film:.1} s, is \
             silent{remedy}"
        ))
    } else {
        None
    }
}

/// Warnings about flags that change nothing in this job.
pub(crate) fn without_effect(flags: &JobSettings, job: &Job) -> impl Iterator<Item = String> {
    let (crossfeed, feeds) = (&flags.crossfeed, &job.crossfeed);
    let has_pictures = job.pictures() > 0;
    let fits = has_pictures || job.inpaint.is_some() || job.depth.is_some();
    let no_picture = "no picture is given";
    [
        (
            flags.fit.is_some() && !fits,
            "--fit has no effect",
            no_picture,
        ),
        (
            flags.inversion_iterations.is_some() && !has_pictures,
            "--inversion-iterations has no effect",
            "no keyframe is a picture",
        ),
        (
            flags.defaults.shared.guidance_scale.is_some() && job.pictures() == job.keyframes.len(),
            "--guidance-scale has no effect",
            "it applies to keyframes that are made from prompts, and there are none",
        ),
        (
            (crossfeed.range.is_some() || crossfeed.decay.is_some())
                && feeds.keyframes.power == 0.0,
            "--crossfeed-range and --crossfeed-decay have no effect",
            "--crossfeed-power is 0",
        ),
        (
            (crossfeed.parental_range.is_some() || crossfeed.parental_decay.is_some())
                && feeds.parents.power == 0.0,
            "--crossfeed-parental-range and --crossfeed-parental-decay have no effect",
            "--crossfeed-parental-power is 0",
        ),
    ]
    .into_iter()
    .filter(|(applies, ..)| *applies)
    .map(|(_, what, reason)| format!("{what}: {reason}"))
}

/// The warning about prompts that are probably the words of fewer prompts whose quotes were forgotten.
pub(crate) fn forgotten_quotes(words: usize) -> String {
    format!(
        "each of these {words} words becomes a keyframe; put quotes around a prompt of several words"
    )
}

/// The beginning of a long text in quotes, followed by how many characters were left out.
fn shortened(text: &str, most: usize) -> String {
    let rest = text.chars().count().saturating_sub(most);
    if rest == 0 {
        return format!("{text:?}");
    }
    let shown: String = text.chars().take(most).collect();
    format!("{shown:?}… ({rest} more characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_without_effect_are_named() {
        let mut job = Job::of_prompts(["a", "b"]);
        let mut flags = JobSettings::default();
        let warned = |flags: &JobSettings, job: &Job| without_effect(flags, job).count();
        assert_eq!(warned(&flags, &job), 0);
        flags.inversion_iterations = Some(5);
        flags.crossfeed.range = Some(0.5);
        flags.crossfeed.parental_decay = Some(0.5);
        flags.defaults.shared.guidance_scale = Some(3.0);
        assert_eq!(warned(&flags, &job), 3);
        job.crossfeed.parents.power = 0.5;
        assert_eq!(
            without_effect(&flags, &job).collect::<Vec<_>>(),
            [
                "--inversion-iterations has no effect: no keyframe is a picture",
                "--crossfeed-range and --crossfeed-decay have no effect: --crossfeed-power is 0",
            ]
        );
        for keyframe in &mut job.keyframes {
            keyframe.image = Some("picture.png".into());
        }
        assert!(without_effect(&flags, &job).any(|text| text.contains("--guidance-scale")));
    }

    #[test]
    fn sound_of_another_length_than_the_film_is_told_with_both_lengths() {
        assert_eq!(
            of_track(40.0, 3.0).unwrap(),
            "the sound lasts 40.0 s and is cut to the 3.0 s of the film; --film-seconds track makes \
             the film as long as the sound"
        );
        let silent = of_track(1.0, 3.0).unwrap();
        assert!(silent.contains("lasts 1.0 s") && silent.contains("3.0 s, is silent"));
        assert_eq!(of_track(3.2, 3.0), None);
    }

    #[test]
    fn long_texts_are_shortened_and_say_by_how_much() {
        assert_eq!(shortened("an apple", 8), "\"an apple\"");
        assert_eq!(shortened("an apple", 5), "\"an ap\"… (3 more characters)");
    }
}
