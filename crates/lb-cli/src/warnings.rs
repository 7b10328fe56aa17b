//! Warnings: what is probably not as the user wants it, although the work continues.

use std::path::{Path, PathBuf};

use lb_job::{Between, EmbeddingFile, Job, JobSettings, ReadAsWords, TimedFilm};
use lb_render::{
    EmbeddingNote, LateStart, ModelDirectory, RenderEvent, SamplerKind, Tokenizer, UnseenWord,
    embedding_notes,
};

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
        RenderEvent::UnseenWords {
            model,
            prompt,
            words,
        } => Some(unseen_words(model, prompt, words)),
        RenderEvent::Embedding(note) => Some(of_embedding(note)),
        RenderEvent::LateStart(start) => Some(late_start(*start)),
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

/// The warning about pictures of a folder in formats that are not read.
pub(crate) fn unread_pictures(folder: &Path, unread: &[PathBuf]) -> String {
    let folder = folder.display();
    let names = unread.iter().filter_map(|path| path.file_name());
    let mut names: Vec<_> = names.map(|name| name.display().to_string()).collect();
    if names.len() > 3 {
        let more = names.split_off(2).len();
        names.push(format!("{more} more"));
    }
    let (are, they) = match unread.len() {
        1 => ("is", "it is"),
        _ => ("are", "they are"),
    };
    let names = names.join(", ");
    format!(
        "{names} of {folder} {are} left out: {they} in a format that lb does not read; convert pictures \
         to JPEG or PNG"
    )
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

/// How many files are named one by one in a warning.
const MOST_NAMED: usize = 5;

/// The warning about files that a job names outside of its own folder, and may name.
pub(crate) fn paths_outside(job: &Path, paths: &[PathBuf]) -> String {
    let (named, rest) = paths.split_at(paths.len().min(MOST_NAMED));
    let mut names: Vec<String> = named
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if !rest.is_empty() {
        names.push(format!("{} more", rest.len()));
    }
    format!(
        "{} names {}, outside of its own folder, which --allow-paths allows",
        job.display(),
        listed(&names)
    )
}

/// The warning about an embedding that frames name, and that `lb upscale` does not open.
pub(crate) fn embedding_outside(embedding: &EmbeddingFile) -> String {
    format!(
        "the job of the frames names the embedding {embedding}, which is not in their folder, so its name is read as \
         words; give its file to --embedding"
    )
}

/// The warning about a film that may take longer than the time for which it was chosen.
pub(crate) fn of_time(film: &TimedFilm, within: f64) -> Option<String> {
    match film.expected_seconds {
        None => Some(
            "it is not known yet how fast this machine is with this model, size and device, so --within \
             takes the numbers of --quality lowest; a render measures it for the next one, and so does \
             `lb plan --measure`"
                .into(),
        ),
        Some(expected) if !film.fits => Some(format!(
            "even the coarsest film that --within chooses takes about {expected:.1} s on this machine, \
             which is more than {within} s"
        )),
        Some(_) => None,
    }
}

/// Warnings about flags that change nothing in this job.
pub(crate) fn without_effect(flags: &JobSettings, job: &Job) -> impl Iterator<Item = String> {
    let (crossfeed, feeds) = (&flags.crossfeed, &job.crossfeed);
    let has_pictures = job.pictures() > 0;
    let fits = has_pictures || job.inpaint.is_some() || job.depth.is_some();
    let no_picture = "no picture is given";
    let is_unguided = job.keyframes.iter().all(|at| at.guidance_scale == 1.0);
    let has_negative = job
        .keyframes
        .iter()
        .any(|at| !at.negative_prompt.is_empty());
    [
        (
            // The negative prompt may be in a job file, and it may be the model that needs no guidance.
            has_negative && is_unguided,
            "the negative prompt has no effect",
            "there is no guidance (the guidance scale is 1) that could lead away from it",
        ),
        (
            flags
                .guidance_rescale
                .is_some_and(|rescale| rescale.value() > 0.0)
                && is_unguided,
            "--guidance-rescale has no effect",
            "there is no guidance (the guidance scale is 1) whose contrast it could take back",
        ),
        (
            flags.guidance_every.is_some_and(|every| every > 1) && is_unguided,
            "--guidance-every has no effect",
            "there is no guidance (the guidance scale is 1) that could be reused",
        ),
        (
            flags.timestep_spacing.is_some() && job.sampler == SamplerKind::Tcd,
            "--timestep-spacing has no effect",
            "the sampler tcd visits the timesteps with which its model was distilled",
        ),
        (
            flags.defaults.branching.pictures.is_some() && job.between == Between::Pictures,
            "--pictures has no effect",
            "--between pictures cross-fades computed frames",
        ),
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
            flags.camera.easing.is_some() && !job.moves_camera(),
            "--camera-easing has no effect",
            "the camera does not move",
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

/// The most words that a warning names.
const MOST_WORDS: usize = 8;

/// The warning about words of a prompt that the model was not trained on.
fn unseen_words(model: &str, prompt: &str, words: &[UnseenWord]) -> String {
    let named = words.iter().take(MOST_WORDS).map(|unseen| {
        let word = shortened(&unseen.word, 40);
        match &unseen.near[..] {
            [] => word,
            near => format!("{word} (but {})", near.join(", ")),
        }
    });
    let mut named: Vec<String> = named.collect();
    if let Some(more @ 1..) = words.len().checked_sub(MOST_WORDS) {
        named.push(format!("{more} more"));
    }
    format!(
        "in the prompt {}, the model does not know {}; `lb models {model}` lists the words that it was \
         trained on",
        shortened(prompt, 60),
        listed(&named)
    )
}

/// The warnings about what other programs would not take for words in a job's prompts.
pub(crate) fn read_as_words(job: &Job) -> impl Iterator<Item = String> {
    job.read_as_words().map(|(prompt, words)| {
        let prompt = shortened(prompt, 60);
        match words {
            ReadAsWords::And => format!(
                "AND is read as a word in {prompt}: lb does not combine prompts as other programs do; give \
                 each its own keyframe, or join them by a comma"
            ),
            ReadAsWords::Number => format!(
                "a number is not a weight in {prompt} and is read as words; a weight is written as (word:1.3), with both \
                 brackets and with a point, not a comma"
            ),
            ReadAsWords::Braces => format!(
                "braces and wildcards are read as words in {prompt}: lb does not choose between words; stress a \
                 word with round brackets, as in (word:1.3), and give each wording its own keyframe"
            ),
            ReadAsWords::Signs => format!(
                "++ and -- are read as words in {prompt}; write a weight in round brackets, as in (word:1.3)"
            ),
            _ => format!(
                "embedding: is read as a word in {prompt}; give the file of an embedding to --embedding \
                 FILE=NAME"
            ),
        }
    })
}

/// The warning about an embedding that no prompt names, or about a word that looks like one.
fn of_embedding(note: &EmbeddingNote<'_>) -> String {
    match note {
        EmbeddingNote::Unused { path, name, own } => {
            let own = own.map_or(String::new(), |own| format!(" (its file calls it {own:?})"));
            format!(
                "no prompt names the embedding {}: write {name:?} where it belongs{own}, or give it another name \
                 with --embedding FILE=NAME",
                path.display()
            )
        }
        EmbeddingNote::Unknown { prompt, word } => format!(
            "{word} is read as words in {}; if it is an embedding, give its file to --embedding \
             FILE={word}",
            shortened(prompt, 60)
        ),
    }
}

/// The warnings about a job's prompts that its model calls for, before anything is rendered.
pub(crate) fn of_prompts(job: &Job, model: &ModelDirectory) -> Vec<String> {
    let Ok(tokenizer) = Tokenizer::of(model) else {
        return Vec::new();
    };
    let notes = embedding_notes(job, model, &tokenizer).unwrap_or_default();
    let mut warnings: Vec<String> = notes.iter().map(of_embedding).collect();
    let Some(known) = &model.words else {
        return warnings;
    };
    let prompts = job.prompts().into_iter();
    let read = prompts.filter_map(|prompt| Some((prompt, job.read_prompt(prompt).ok()?)));
    let unseen = read.map(|(prompt, read)| {
        let words = tokenizer.without_names(&read.words());
        (prompt, known.unseen(&words))
    });
    let unseen = unseen.filter(|(_, words)| !words.is_empty());
    warnings.extend(unseen.map(|(prompt, words)| unseen_words(&model.name, prompt, &words)));
    warnings
}

/// The warning about sampling whose first step is far from pure noise.
fn late_start(LateStart { timestep, last, .. }: LateStart) -> String {
    format!(
        "sampling starts at timestep {timestep} instead of {last}, with noise that belongs to {last}: \
         the fewer steps there are, the paler or noisier the pictures become; take more steps, or start at \
         {last} with --timestep-spacing trailing"
    )
}

/// The warning that a job of this many steps calls for, before anything is rendered.
pub(crate) fn of_sampling(job: &Job, steps: usize, model: &ModelDirectory) -> Option<String> {
    lb_render::late_start(job, steps, model).map(late_start)
}

/// Items as in "a, b and c".
fn listed(items: &[String]) -> String {
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
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
    use lb_job::RenderRate;
    use lb_render::{Easing, TimestepSpacing};

    use super::*;

    #[test]
    fn flags_without_effect_are_named() {
        let mut job = Job::of_prompts(["a", "b"]);
        let mut flags = JobSettings::default();
        let warned = |flags: &JobSettings, job: &Job| without_effect(flags, job).count();
        assert_eq!(warned(&flags, &job), 0);
        flags.inversion_iterations = Some(5);
        flags.camera.easing = Some(Easing::Smooth);
        flags.crossfeed.range = Some(0.5);
        flags.crossfeed.parental_decay = Some(0.5);
        flags.defaults.shared.guidance_scale = Some(3.0);
        flags.timestep_spacing = Some(TimestepSpacing::Trailing);
        assert_eq!(warned(&flags, &job), 4);
        job.keyframes[1].camera.zoom = Some(2.0);
        job.crossfeed.parents.power = 0.5;
        assert_eq!(
            without_effect(&flags, &job).collect::<Vec<_>>(),
            [
                "--inversion-iterations has no effect: no keyframe is a picture",
                "--crossfeed-range and --crossfeed-decay have no effect: --crossfeed-power is 0",
            ]
        );
        job.sampler = SamplerKind::Tcd;
        let spacing = without_effect(&flags, &job).next().unwrap();
        assert!(spacing.starts_with("--timestep-spacing has"), "{spacing}");
        job.sampler = SamplerKind::Ddim;
        for keyframe in &mut job.keyframes {
            keyframe.image = Some("picture.png".into());
        }
        assert!(without_effect(&flags, &job).any(|text| text.contains("--guidance-scale")));
    }

    #[test]
    fn a_time_that_is_too_short_is_said_with_the_one_that_is_needed() {
        let job = Job::of_prompts(["a", "b"]);
        let rate = RenderRate {
            per_row: 0.01,
            per_decode: 0.01,
            beside: 1.0,
        };
        let warning = |seconds, rates: Option<&[RenderRate]>| {
            let film = job.within(seconds, rates, true).unwrap();
            of_time(&film, seconds)
        };
        let late = warning(0.5, Some(&[rate])).unwrap();
        assert!(late.ends_with("which is more than 0.5 s"), "{late}");
        assert_eq!(warning(60.0, Some(&[rate])), None);
        let unknown = warning(60.0, None).unwrap();
        assert!(unknown.starts_with("it is not known yet"), "{unknown}");
    }

    #[test]
    fn a_negative_prompt_needs_guidance() {
        let mut job = Job::of_prompts(["a", "b"]);
        let warned = |job: &Job| {
            let no_flags = JobSettings::default();
            let mut warnings = without_effect(&no_flags, job);
            warnings.any(|text| text.starts_with("the negative prompt has no effect"))
        };
        job.keyframes[0].negative_prompt = "red".into();
        assert!(!warned(&job));
        job.keyframes[0].guidance_scale = 1.0;
        assert!(!warned(&job), "the transition is guided");
        job.keyframes[1].guidance_scale = 1.0;
        assert!(warned(&job));
        job.keyframes[0].negative_prompt.clear();
        assert!(!warned(&job));
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
    fn unseen_words_are_named_with_those_that_are_near() {
        let unseen = |word: &str, near: &[&str]| UnseenWord {
            word: word.into(),
            near: near.iter().map(|&near| near.into()).collect(),
        };
        assert_eq!(
            unseen_words(
                "pocket",
                "apples by a ferrari",
                &[unseen("apples", &["apple"]), unseen("ferrari", &[])]
            ),
            "in the prompt \"apples by a ferrari\", the model does not know \"apples\" (but apple) and \
             \"ferrari\"; `lb models pocket` lists the words that it was trained on"
        );
        let many = vec![unseen("x", &[]); MOST_WORDS + 2];
        assert!(unseen_words("pocket", "x", &many).contains("\"x\" and 2 more;"));
    }

    #[test]
    fn long_texts_are_shortened_and_say_by_how_much() {
        assert_eq!(shortened("an apple", 8), "\"an apple\"");
        assert_eq!(shortened("an apple", 5), "\"an ap\"… (3 more characters)");
    }
}
