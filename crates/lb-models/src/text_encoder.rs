//! Turns token ids into text embeddings.

use lb_blend::Conditioning;
use lb_checkpoint::Component;
use lb_export::LORA_STRENGTHS;
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
        session.validate(&ports, &[Port::floats("last_hidden_state")])?;
        let takes_int32 = session.input_type("input_ids") == Some(TensorElementType::Int32);
        Ok(Self {
            session,
            takes_int32,
            length: directory.text_length,
            width: directory.text_width,
            loras,
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

    /// The strengths of the LoRAs that the graph takes, for each prompt.
    fn lora_strengths(&self, prompts: &[Tokens]) -> Result<Vec<f32>, ModelError> {
        let mut strengths = Vec::with_capacity(prompts.len() * self.loras);
        for prompt in prompts {
            let given = &prompt.lora_strengths;
            match given.len() {
                0 => strengths.extend(std::iter::repeat_n(0.0, self.loras)),
                // The LoRAs of the model may change the UNet alone.
                found if self.loras > 0 && found != self.loras => {
                    let expected = self.loras;
                    return Err(ModelError::LoraStrengths { found, expected });
                }
                _ => strengths.extend(&given[..self.loras]),
            }
        }
        Ok(strengths)
    }

    fn encode_batch(&mut self, prompts: &[Tokens]) -> Result<Vec<Conditioning>, ModelError> {
        let (tokens, width) = (self.length, self.width);
        let ids = prompts.iter().flat_map(|prompt| &prompt.ids);
        let ids: Vec<i64> = ids.copied().collect();
        let shape = [prompts.len(), tokens];
        let not_finite = self.session.not_finite();
        let tensor = || ModelError::runtime("handing token ids to the text encoder");
        let strengths = self.lora_strengths(prompts)?;
        let sides = [prompts.len(), self.loras];
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
        let outputs = self.session.run(inputs)?;
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
