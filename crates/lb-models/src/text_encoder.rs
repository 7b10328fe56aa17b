//! Turns token ids into text embeddings.

use lb_blend::Conditioning;
use lb_checkpoint::Component;
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
}

impl Pooled for TextEncoder {
    const COMPONENT: Component = Component::TextEncoder;

    fn load(directory: &ModelDirectory, request: SessionRequest<'_>) -> Result<Self, ModelError> {
        let session = ComponentSession::load(NAME, request)?;
        session.validate(
            &[Port {
                name: "input_ids",
                types: &[TensorElementType::Int64, TensorElementType::Int32],
            }],
            &[Port::floats("last_hidden_state")],
        )?;
        let takes_int32 = session.input_type("input_ids") == Some(TensorElementType::Int32);
        Ok(Self {
            session,
            takes_int32,
            length: directory.text_length,
            width: directory.text_width,
        })
    }

    fn session(&mut self) -> &mut ComponentSession {
        &mut self.session
    }
}

impl TextEncoder {
    /// The conditioning of every prompt: the last hidden state after the final layer norm. The memory for it
    /// does not grow with the number of prompts.
    pub(crate) fn encode(&mut self, prompts: &[Tokens]) -> Result<Vec<Conditioning>, ModelError> {
        let mut encoded = Vec::with_capacity(prompts.len());
        for batch in prompts.chunks(BATCH) {
            encoded.extend(self.encode_batch(batch)?);
        }
        Ok(encoded)
    }

    fn encode_batch(&mut self, prompts: &[Tokens]) -> Result<Vec<Conditioning>, ModelError> {
        let (tokens, width) = (self.length, self.width);
        let ids = prompts.iter().flat_map(|prompt| &prompt.ids);
        let ids: Vec<i64> = ids.copied().collect();
        let shape = [prompts.len(), tokens];
        let not_finite = self.session.not_finite();
        let tensor = ModelError::runtime("handing token ids to the text encoder");
        let outputs = if self.takes_int32 {
            let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
            let ids = TensorRef::from_array_view((shape, ids.as_slice())).map_err(tensor)?;
            self.session.run(ort::inputs!["input_ids" => ids])?
        } else {
            let ids = TensorRef::from_array_view((shape, ids.as_slice())).map_err(tensor)?;
            self.session.run(ort::inputs!["input_ids" => ids])?
        };
        let (found, values) = outputs["last_hidden_state"]
            .try_extract_tensor::<f32>()
            .map_err(ModelError::runtime("reading the text encoder's output"))?;
        if values.len() != prompts.len() * tokens * width {
            let expected = format!("[{}, {tokens}, {width}]", prompts.len());
            let what = "last_hidden_state of the text encoder";
            return Err(ModelError::shape(what, format!("{found:?}"), expected));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(not_finite);
        }
        let conditioning = |values: &[f32]| Conditioning {
            tokens,
            width,
            values: values.to_vec(),
        };
        let encoded = values.chunks_exact(tokens * width).map(conditioning);
        Ok(encoded.collect())
    }
}
