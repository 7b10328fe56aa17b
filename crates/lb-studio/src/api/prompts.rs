//! What a model makes of a prompt, while it is written.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lb_job::{Prompt, PromptError, PromptSyntax, ReadAsWords, Unsupported};
use lb_models::UnseenWord;

use super::types::{GivenPrompt, ReadChunk, ReadPrompt};
use super::{Body, blocking};
use crate::error::{ApiError, ErrorBody};
use crate::guard::Visitor;
use crate::job_document::check_prompt;
use crate::models::Model;
use crate::shared::Shared;

/// How a model reads a prompt: its chunks of tokens, and what may not be meant so. No model is loaded for it.
#[utoipa::path(
    post, path = "/api/prompts", operation_id = "read_prompt", request_body = GivenPrompt,
    responses((status = 200, body = ReadPrompt), (status = 400, body = ErrorBody))
)]
pub(crate) async fn read(
    State(shared): State<Arc<Shared>>,
    _: Visitor,
    Body(given): Body<GivenPrompt>,
) -> Result<Json<ReadPrompt>, ApiError> {
    let read = blocking(move || {
        check_prompt(&given.prompt)?;
        let syntax = match &given.prompt_syntax {
            None => PromptSyntax::default(),
            Some(name) => name
                .parse()
                .map_err(|error: lb_job::UnknownChoice| ApiError::request(error.to_string()))?,
        };
        let name = given.model.as_deref();
        let model = shared
            .models
            .open(name.unwrap_or(shared.models.default_name()))?;
        read_prompt(&shared, &model, &given.prompt, syntax)
    });
    Ok(Json(read.await?))
}

fn read_prompt(
    shared: &Shared,
    model: &Model,
    text: &str,
    syntax: PromptSyntax,
) -> Result<ReadPrompt, ApiError> {
    let tokenizer = shared.pool.tokenizer(&model.directory)?;
    let mut read = ReadPrompt {
        room: tokenizer.chunk_room(),
        ..ReadPrompt::default()
    };
    let prompt = match Prompt::read(text, syntax) {
        Ok(prompt) => prompt,
        Err(error) => {
            read.problem = Some(sentence(&error));
            return Ok(read);
        }
    };
    match tokenizer.chunks(&prompt) {
        Ok(chunks) => {
            let chunks = chunks.into_iter().map(|chunk| ReadChunk {
                tokens: chunk.tokens,
                words: chunk.words,
            });
            read.chunks = chunks.collect();
        }
        Err(error) => {
            read.problem = Some(format!("The prompt cannot be read: {error}."));
            return Ok(read);
        }
    }
    if let Some(cut) = tokenizer.tokenize_prompt(&prompt)?.cut {
        let cut = cut.trim();
        read.warnings.push(format!(
            "A plain prompt ends after {} tokens; the model does not see: {cut}",
            read.room
        ));
    }
    if syntax == PromptSyntax::Weighted {
        let words = ReadAsWords::of(text, |_| false).into_iter().map(|words| match words {
            ReadAsWords::And => {
                "AND is read as a word. lb does not combine prompts as other programs do; give each its own \
                 keyframe, or join them by a comma."
            }
            _ => "embedding: is read as a word. A prompt loads no files.",
        });
        read.warnings.extend(words.map(str::to_owned));
    }
    if let Some(known) = &model.directory.words {
        let unseen = known.unseen(&tokenizer.without_names(&prompt.words()));
        if !unseen.is_empty() {
            let name = &model.directory.name;
            let words: Vec<String> = unseen.iter().take(MOST_WORDS).map(with_near).collect();
            let words = words.join(", ");
            read.warnings
                .push(format!("{name} does not know these words: {words}."));
        }
    }
    Ok(read)
}

/// The most words that a warning names.
const MOST_WORDS: usize = 8;

fn with_near(unseen: &UnseenWord) -> String {
    match &unseen.near[..] {
        [] => unseen.word.clone(),
        near => format!("{} (but {})", unseen.word, near.join(", ")),
    }
}

/// What is wrong with a prompt, and what the page offers instead.
fn sentence(error: &PromptError) -> String {
    let instead = match error {
        PromptError::Unsupported { kind, .. } => match kind {
            Unsupported::File => " Add the LoRA under “LoRAs” of the whole film instead.",
            Unsupported::Scheduled | Unsupported::Alternating => {
                " Give each wording a keyframe of its own instead: the film goes from one to the other."
            }
            _ => "",
        },
        _ => "",
    };
    format!("{}.{instead}", capitalised(&error.to_string()))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase());
    first.into_iter().flatten().chain(letters).collect()
}
