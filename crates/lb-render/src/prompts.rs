//! The conditionings of a job's prompts.
//!
//! A prompt is one chunk of tokens, or several. All conditionings of a film have the same number of tokens,
//! so that they can be mixed and share calls of the model. A shorter one is repeated: attention to the same
//! tokens twice is attention to them once, so a keyframe looks as it does by itself, and a transition begins
//! and ends with it, however long the other prompts are. Where no number of chunks up to
//! [`MOST_REPEATED`] is a multiple of all, the empty prompt fills what is left, as in Stable Diffusion's web
//! UI.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lb_blend::Conditioning;
use lb_job::Job;
use lb_models::{Component, Tokens};

use crate::cached_pipeline::CachedPipeline;
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver, Stage, proceed};
use crate::record_spool::RecordSpool;
use crate::stage::{ENCODED_TOGETHER, KEPT_IN_MEMORY};

/// The most chunks up to which all prompts of a film are repeated until they are equally long. Each costs
/// time in every call.
const MOST_REPEATED: usize = 12;

/// The conditionings of a job's prompts and negative prompts. Equal prompts are encoded once, with LoRAs once
/// for all keyframes with the same strengths.
pub(crate) struct Prompts<'a> {
    /// The different strengths of LoRAs that keyframes have; none if no LoRA changes the text encoder.
    strengths: Vec<Vec<f32>>,
    /// Where a prompt's states are, under the strengths with this index.
    encoded: BTreeMap<(&'a str, usize), Encoded>,
    conditionings: RecordSpool,
    /// Chunks of every conditioning.
    chunks: usize,
    /// Tokens of a chunk.
    tokens: usize,
    width: usize,
}

/// Where the states of a prompt are.
#[derive(Clone, Copy)]
struct Encoded {
    place: usize,
    chunks: usize,
}

impl<'a> Prompts<'a> {
    /// Encodes the prompts of a job. Reports prompts that are cut, and words that the model was not trained
    /// on. `strengths` has those of the pipeline's LoRAs for each keyframe, or nothing where there are none.
    /// What does not fit into memory is kept in `folder`.
    pub(crate) fn encode(
        job: &'a Job,
        strengths: &[Vec<f32>],
        pipeline: &mut CachedPipeline,
        folder: &Path,
        observer: &mut dyn RenderObserver,
    ) -> Result<Self, RenderError> {
        proceed(observer.event(&RenderEvent::Stage(Stage::Encoding)))?;
        let mut tokens: BTreeMap<&str, Tokens> = BTreeMap::new();
        for prompt in job.prompts() {
            tokens.insert(prompt, tokenize(prompt, job, pipeline, observer)?);
        }
        let directory = pipeline.uncached.directory();
        let (length, width) = (directory.text_length, directory.text_width);
        let loras = directory.loras();
        let changes = loras
            .iter()
            .any(|lora| lora.changes(Component::TextEncoder));
        let strengths = if changes { strengths } else { &[] };
        let counts = tokens.values().map(|prompt| prompt.ids.len() / length);
        let counts: Vec<usize> = counts.collect();
        let chunks = chunks_of_film(&counts);
        let is_filled = counts.iter().any(|&count| !chunks.is_multiple_of(count));
        if is_filled && !tokens.contains_key("") {
            tokens.insert("", pipeline.uncached.tokenize("")?);
        }
        pipeline.uncached.expect_tokens(chunks * length);
        let mut encoded = Self {
            strengths: different(strengths),
            encoded: BTreeMap::new(),
            conditionings: RecordSpool::new(folder, KEPT_IN_MEMORY),
            chunks,
            tokens: length,
            width,
        };
        let mut needed = BTreeSet::new();
        for (index, keyframe) in job.keyframes.iter().enumerate() {
            let own = encoded.index_of(strengths.get(index).map_or(&[], Vec::as_slice));
            needed.insert((keyframe.prompt.as_str(), own));
            needed.insert((keyframe.negative_prompt.as_str(), own));
            if is_filled {
                needed.insert(("", own));
            }
        }
        let needed: Vec<(&str, usize)> = needed.into_iter().collect();
        for group in needed.chunks(ENCODED_TOGETHER) {
            let tokens = group.iter().map(|&(prompt, own)| {
                let strengths = encoded.strengths.get(own).cloned().unwrap_or_default();
                tokens[prompt].clone().with_lora_strengths(strengths)
            });
            let tokens: Vec<Tokens> = tokens.collect();
            for (&prompt, conditioning) in group.iter().zip(pipeline.encode(&tokens)?) {
                let place = encoded.conditionings.push_values(&conditioning.values)?;
                let chunks = conditioning.tokens / length;
                encoded.encoded.insert(prompt, Encoded { place, chunks });
            }
        }
        Ok(encoded)
    }

    /// The index of these strengths among the different ones.
    fn index_of(&self, strengths: &[f32]) -> usize {
        let mut known = self.strengths.iter();
        known.position(|known| known == strengths).unwrap_or(0)
    }

    /// The conditioning of a prompt of a keyframe with these strengths of LoRAs. It is as long as those of the
    /// others.
    pub(crate) fn of(&self, prompt: &str, strengths: &[f32]) -> Result<Conditioning, RenderError> {
        let index = self.index_of(strengths);
        let own = self.states(prompt, index)?;
        let whole = self.chunks * self.tokens * self.width;
        let mut values = own.repeat(whole / own.len());
        if values.len() < whole {
            let empty = self.states("", index)?;
            values.extend(empty.iter().cycle().take(whole - values.len()));
        }
        Ok(Conditioning {
            tokens: self.chunks * self.tokens,
            width: self.width,
            values,
        })
    }

    fn states(&self, prompt: &str, strengths: usize) -> Result<Vec<f32>, RenderError> {
        let Encoded { place, chunks } = self.encoded[&(prompt, strengths)];
        let length = chunks * self.tokens * self.width;
        self.conditionings.values(place, length)
    }
}

/// The strengths of keyframes, each once.
fn different(strengths: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut different: Vec<Vec<f32>> = Vec::new();
    for own in strengths {
        if !different.contains(own) {
            different.push(own.clone());
        }
    }
    different
}

/// The number of chunks of all conditionings of a film whose prompts have these numbers of them.
fn chunks_of_film(counts: &[usize]) -> usize {
    let most = counts.iter().copied().max().unwrap_or(1);
    let is_multiple_of_all =
        |chunks: &usize| counts.iter().all(|&count| chunks.is_multiple_of(count));
    let multiples = (most..=MOST_REPEATED.max(most)).step_by(most);
    multiples
        .into_iter()
        .find(is_multiple_of_all)
        .unwrap_or(most)
}

/// The tokens of a prompt, with events for what the model does not see or does not know.
fn tokenize(
    prompt: &str,
    job: &Job,
    pipeline: &CachedPipeline,
    observer: &mut dyn RenderObserver,
) -> Result<Tokens, RenderError> {
    let read = job.read_prompt(prompt)?;
    let tokens = pipeline.uncached.tokenize_prompt(&read)?;
    if let Some(cut) = &tokens.cut {
        proceed(observer.event(&RenderEvent::PromptCut { prompt, cut }))?;
    }
    let directory = pipeline.uncached.directory();
    let words = directory.words.as_ref().map(|known| {
        let tokenizer = pipeline.uncached.tokenizer();
        known.unseen(&tokenizer.without_names(&read.words()))
    });
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        proceed(observer.event(&RenderEvent::UnseenWords {
            model: &directory.name,
            prompt,
            words: &words,
        }))?;
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::chunks_of_film;

    #[test]
    fn a_film_has_the_fewest_chunks_of_which_every_prompt_has_a_share() {
        assert_eq!(chunks_of_film(&[1, 1]), 1);
        assert_eq!(chunks_of_film(&[1, 3, 1]), 3);
        assert_eq!(chunks_of_film(&[2, 3]), 6);
        assert_eq!(chunks_of_film(&[1, 2, 3, 4]), 12);
        assert_eq!(chunks_of_film(&[4, 5]), 5);
        assert_eq!(chunks_of_film(&[1, 20]), 20);
        assert_eq!(chunks_of_film(&[]), 1);
    }
}
