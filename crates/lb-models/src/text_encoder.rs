//! Turns token ids into text embeddings.

use lb_blend::Conditioning;
use lb_checkpoint::Component;
use lb_export::{EMBEDDING_VECTORS, LORA_STRENGTHS};
use ort::value::{TensorElementType, TensorRef};

use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::pool::Pooled;
use crate::session::{ComponentSession, Port, SessionRequest};
use crate::tokenizer::Tokens;

const NAME: &str = "text encoder";
/// The number of prompts in one call. More at once are no faster, and each takes megabytes while it is encoded.
const BATCH: usize = 8;

/// CLIP's text encoder.
pub(crate) struct TextEncoder {
    session: ComponentSession,
    takes_int32: bool,
    length: usize,
    width: usize,
    /// How many strengths of LoRAs each prompt has.
    loras: usize,
    /// Whether prompts may have vectors of embeddings.
    takes_embeddings: bool,
    /// The id of the first of them.
    first_vector: i64,
}

impl Pooled for TextEncoder {
    const COMPONENT: Component = Component::TextEncoder;

    fn load(directory: &ModelDirectory, request: SessionRequest<'_>) -> Result<Self, ModelError> {
        let session = ComponentSession::load(NAME, request)?;
        let loras = directory.lora_inputs(Self::COMPONENT);
        let mut ports = vec![Port {
            name: "input_ids",
            types: &[TensorElementType::Int64, TensorElementType::Int32],
        }];
        if loras > 0 {
            ports.push(Port::floats(LORA_STRENGTHS));
        }
        let takes_embeddings = directory.gives_vectors(Self::COMPONENT);
        if takes_embeddings {
            ports.push(Port::floats(EMBEDDING_VECTORS));
        }
        session.validate(&ports, &[Port::floats("last_hidden_state")])?;
        let takes_int32 = session.input_type("input_ids") == Some(TensorElementType::Int32);
        Ok(Self {
            session,
            takes_int32,
            length: directory.text_length,
            width: directory.text_width,
            loras,
            takes_embeddings,
            first_vector: directory.text_vocabulary as i64,
        })
    }

    fn session(&mut self) -> &mut ComponentSession {
        &mut self.session
    }
}

/// What the text encoder reads at once, and with which strengths of LoRAs.
struct Chunk<'a> {
    ids: &'a [i64],
    /// The vectors of embeddings in its prompt.
    vectors: &'a [f32],
    strengths: Vec<f32>,
}

impl TextEncoder {
    /// The conditioning of every prompt: the last hidden states after the final layer norm, those of its
    /// chunks one after the other, and weighted. The memory for it does not grow with the number of prompts.
    pub(crate) fn encode(&mut self, prompts: &[Tokens]) -> Result<Vec<Conditioning>, ModelError> {
        let (length, width) = (self.length, self.width);
        let mut chunks = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            let strengths = self.lora_strengths(prompt)?;
            chunks.extend(prompt.ids.chunks(length).map(|ids| Chunk {
                ids,
                vectors: &prompt.vectors,
                strengths: strengths.clone(),
            }));
        }
        let mut states = Vec::with_capacity(chunks.len());
        for batch in chunks.chunks(BATCH) {
            states.extend(self.encode_batch(batch)?);
        }
        let mut states = states.into_iter();
        let prompts = prompts.iter().map(|prompt| {
            let chunks = prompt.ids.len() / length;
            let mut values = states.by_ref().take(chunks).collect::<Vec<_>>().concat();
            let weights = prompt.weights.chunks(length);
            for (states, weights) in values.chunks_mut(length * width).zip(weights) {
                weigh(states, weights, width);
            }
            Conditioning {
                tokens: prompt.ids.len(),
                width,
                values,
            }
        });
        Ok(prompts.collect())
    }

    /// The strengths of the LoRAs that the graph takes, for a prompt.
    fn lora_strengths(&self, prompt: &Tokens) -> Result<Vec<f32>, ModelError> {
        let given = &prompt.lora_strengths;
        match given.len() {
            0 => Ok(vec![0.0; self.loras]),
            // The LoRAs of the model may change the UNet alone.
            found if self.loras > 0 && found != self.loras => {
                let expected = self.loras;
                Err(ModelError::LoraStrengths { found, expected })
            }
            _ => Ok(given[..self.loras].to_vec()),
        }
    }

    /// The ids of all chunks, and the vectors of all their embeddings, for which the ids from `first_vector` on
    /// stand.
    fn ids_and_vectors(&self, chunks: &[Chunk<'_>]) -> (Vec<i64>, Vec<f32>) {
        let first = self.first_vector;
        let (mut ids, mut vectors) = (Vec::new(), Vec::new());
        for chunk in chunks {
            let earlier = (vectors.len() / self.width) as i64;
            let placed = |&id: &i64| if id < first { id } else { id + earlier };
            ids.extend(chunk.ids.iter().map(placed));
            vectors.extend(chunk.vectors);
        }
        (ids, vectors)
    }

    /// The states of every chunk.
    fn encode_batch(&mut self, chunks: &[Chunk<'_>]) -> Result<Vec<Vec<f32>>, ModelError> {
        let (tokens, width) = (self.length, self.width);
        let (ids, mut vectors) = self.ids_and_vectors(chunks);
        // The input has at least one, even if no prompt has any.
        vectors.resize(vectors.len().max(width), 0.0);
        let shape = [chunks.len(), tokens];
        let not_finite = self.session.not_finite();
        let tensor = || ModelError::runtime("handing token ids to the text encoder");
        let strengths = chunks.iter().flat_map(|chunk| &chunk.strengths);
        let strengths: Vec<f32> = strengths.copied().collect();
        let sides = [chunks.len(), self.loras];
        let short: Vec<i32>;
        let mut inputs = match self.takes_int32 {
            true => {
                short = ids.iter().map(|&id| id as i32).collect();
                let ids = TensorRef::from_array_view((shape, short.as_slice())).map_err(tensor())?;
                ort::inputs!["input_ids" => ids]
            }
            false => {
                let ids = TensorRef::from_array_view((shape, ids.as_slice())).map_err(tensor())?;
                ort::inputs!["input_ids" => ids]
            }
        };
        if self.loras > 0 {
            let strengths = TensorRef::from_array_view((sides, strengths.as_slice()));
            inputs.extend(ort::inputs![LORA_STRENGTHS => strengths.map_err(tensor())?]);
        }
        if self.takes_embeddings {
            let shape = [vectors.len() / width, width];
            let vectors = TensorRef::from_array_view((shape, vectors.as_slice()));
            inputs.extend(ort::inputs![EMBEDDING_VECTORS => vectors.map_err(tensor())?]);
        }
        let outputs = self.session.run(inputs)?;
        let (found, values) = outputs["last_hidden_state"]
            .try_extract_tensor::<f32>()
            .map_err(ModelError::runtime("reading the text encoder's output"))?;
        if values.len() != chunks.len() * tokens * width {
            let expected = format!("[{}, {tokens}, {width}]", chunks.len());
            let what = "last_hidden_state of the text encoder";
            return Err(ModelError::shape(what, format!("{found:?}"), expected));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(not_finite);
        }
        let states = values.chunks_exact(tokens * width);
        Ok(states.map(<[f32]>::to_vec).collect())
    }
}

/// Multiplies each token's state in a chunk by its weight, and then the whole chunk by one number, so that the
/// mean of its values is what it was: the semantics for which prompts with weights are written. States that
/// become zero stay so.
fn weigh(states: &mut [f32], weights: &[f32], width: usize) {
    if weights.iter().all(|&weight| weight == 1.0) {
        return;
    }
    let sum = |states: &[f32]| states.iter().map(|&value| f64::from(value)).sum::<f64>();
    let before = sum(states);
    for (state, &weight) in states.chunks_mut(width).zip(weights) {
        state.iter_mut().for_each(|value| *value *= weight);
    }
    let restored = (before / sum(states)) as f32;
    if restored.is_finite() {
        states.iter_mut().for_each(|value| *value *= restored);
    }
}

#[cfg(test)]
mod tests {
    use super::weigh;

    #[test]
    fn weights_keep_the_mean_of_a_chunk() {
        let mut states = [1.0, 3.0, 2.0, 2.0];
        weigh(&mut states, &[1.0, 3.0], 2);
        assert_eq!(states, [0.5, 1.5, 3.0, 3.0]);
        let mut same = [0.1, 0.2];
        weigh(&mut same, &[1.0], 2);
        assert_eq!(same, [0.1, 0.2]);
        let mut gone = [1.0, 2.0];
        weigh(&mut gone, &[0.0], 2);
        assert_eq!(gone, [0.0, 0.0]);
    }
}
