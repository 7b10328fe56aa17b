//! What a model makes of a prompt, while it is written.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lb_job::{EmbeddingFile, Job, Prompt, PromptError, PromptSyntax, ReadAsWords, Unsupported};
use lb_models::{ModelError, UnseenWord};
use lb_render::{EmbeddingNote, ModelDirectory, embedding_notes};

use super::types::{GivenPrompt, ReadChunk, ReadPrompt};
use super::{Body, blocking};
use crate::error::{ApiError, ErrorBody};
use crate::events::Owner;
use crate::guard::Visitor;
use crate::job_document::{check_prompt, embeddings_of};
use crate::shared::Shared;

/// How a model reads a prompt: its chunks of tokens, and what may not be meant so. No model is loaded for it.
#[utoipa::path(
    post, path = "/api/prompts", operation_id = "read_prompt", request_body = GivenPrompt,
    responses((status = 200, body = ReadPrompt), (status = 400, body = ErrorBody))
)]
pub(crate) async fn read(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
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
        let named = named_embeddings(&shared, &owner, &given)?;
        match model.directory.clone().with_embeddings(named.clone()) {
            Ok(model) => read_prompt(&shared, &model, &given.prompt, syntax),
            Err(error) => Ok(ReadPrompt {
                problem: Some(shared.shown(unfit(&error, &named))),
                ..ReadPrompt::default()
            }),
        }
    });
    Ok(Json(read.await?))
}

/// The embeddings that a prompt may name: the path of each file, and its name.
fn named_embeddings(
    shared: &Shared,
    owner: &Owner,
    given: &GivenPrompt,
) -> Result<Vec<(PathBuf, String)>, ApiError> {
    if given.embedding.is_empty() {
        return Ok(Vec::new());
    }
    let Some(project) = &given.project else {
        return Err(ApiError::request("the embeddings are those of a `project`"));
    };
    let folder = shared.projects.open(project, owner)?.folder;
    let embeddings = embeddings_of(&given.embedding)?.into_iter();
    Ok(embeddings
        .map(|EmbeddingFile { path, name }| (folder.join(path), name))
        .collect())
}

/// Why an embedding cannot be used, with its name in place of its path.
fn unfit(error: &ModelError, named: &[(PathBuf, String)]) -> String {
    let mut message = error.to_string();
    for (path, name) in named {
        message = message.replace(&path.display().to_string(), name);
    }
    format!("{message}.")
}

fn read_prompt(
    shared: &Shared,
    model: &ModelDirectory,
    text: &str,
    syntax: PromptSyntax,
) -> Result<ReadPrompt, ApiError> {
    let tokenizer = shared.pool.tokenizer(model)?;
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
        let others = tokenizer.without_names(&prompt.words());
        let is_known = |_: &str| !others.contains("embedding:");
        let words = ReadAsWords::of(text, is_known).into_iter().map(|words| match words {
            ReadAsWords::And => {
                "AND is read as a word. lb does not combine prompts as other programs do; give each its own \
                 keyframe, or join them by a comma."
            }
            ReadAsWords::Number => {
                "A number is not a weight and is read as words. A weight is written as (word:1.3), with both brackets \
                 and with a point, not a comma."
            }
            ReadAsWords::Braces => {
                "Braces and wildcards are read as words. lb does not choose between words; stress a word with \
                 round brackets, as in (word:1.3), and give each wording its own keyframe."
            }
            ReadAsWords::Signs => {
                "++ and -- are read as words. Write a weight in round brackets, as in (word:1.3)."
            }
            _ => "embedding: is read as a word. Add the embedding under “Embeddings” of the whole film.",
        });
        read.warnings.extend(words.map(str::to_owned));
    }
    let mut job = Job::of_prompts([text]);
    job.prompt_syntax = syntax;
    for note in embedding_notes(&job, model, &tokenizer)? {
        if let EmbeddingNote::Unknown { word, .. } = note {
            read.warnings.push(format!(
                "{word} is read as words. If it is an embedding, add it under “Embeddings” of the whole film."
            ));
        }
    }
    if let Some(known) = &model.words {
        let unseen = known.unseen(&tokenizer.without_names(&prompt.words()));
        if !unseen.is_empty() {
            let name = &model.name;
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
