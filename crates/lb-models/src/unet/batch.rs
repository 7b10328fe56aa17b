//! The tensors of the UNet's calls, bound to its session.
//!
//! Calls of one size follow each other for a whole level. Their inputs and their output keep their
//! memory, on a GPU its memory too, and what does not change from step to step (the conditioning,
//! the class) is copied to the GPU once.

use lb_blend::PredictRequest;
use ort::memory::MemoryType;
use ort::session::IoBinding;
use ort::value::{DefiniteTensorValueTypeMarker, Tensor, Value};

use crate::error::ModelError;
use crate::session::ComponentSession;

/// Bound inputs and output of calls of one size.
pub(super) struct BoundBatch {
    size: Size,
    binding: IoBinding,
    sample: Tensor<f32>,
    text: Tensor<f32>,
    /// Whether `text` holds what was bound last.
    text_is_bound: bool,
}

/// What calls must have in common to share tensors.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Size {
    sample: [usize; 4],
    text: [usize; 3],
}

impl Size {
    fn of(request: &PredictRequest<'_>) -> Self {
        let channels = request.shape.channels + request.concatenated_channels;
        let (height, width) = (request.shape.height, request.shape.width);
        Self {
            sample: [request.rows, channels, height, width],
            text: [request.rows, request.tokens, request.width],
        }
    }
}

impl BoundBatch {
    pub(super) fn new(
        session: &ComponentSession,
        request: &PredictRequest<'_>,
        class: Option<i64>,
    ) -> ort::Result<Self> {
        let size = Size::of(request);
        let inputs = session.allocator(MemoryType::CPUInput)?;
        let outputs = session.allocator(MemoryType::CPUOutput)?;
        let mut binding = session.binding()?;
        let shape = request.shape;
        let predicted = [request.rows, shape.channels, shape.height, shape.width];
        binding.bind_output("out_sample", Tensor::<f32>::new(&outputs, predicted)?)?;
        if let Some(class) = class {
            let labels = vec![class; request.rows];
            let labels = Tensor::from_array(([request.rows], labels))?;
            binding.bind_input("class_labels", &labels)?;
        }
        Ok(Self {
            size,
            binding,
            sample: Tensor::new(&inputs, size.sample)?,
            text: Tensor::new(&inputs, size.text)?,
            text_is_bound: false,
        })
    }

    pub(super) fn fits(&self, request: &PredictRequest<'_>) -> bool {
        self.size == Size::of(request)
    }

    /// Takes the latents, the concatenated channels behind each row's, and the conditioning.
    pub(super) fn set(&mut self, request: &PredictRequest<'_>) -> ort::Result<()> {
        let (_, sample) = self.sample.extract_tensor_mut();
        let latents = request.shape.len();
        let concatenated = request.shape.with_channels(request.concatenated_channels);
        for (row, sample) in sample
            .chunks_exact_mut(latents + concatenated.len())
            .enumerate()
        {
            let (own, beside) = sample.split_at_mut(latents);
            own.copy_from_slice(&request.latents[row * latents..][..latents]);
            let first = row * concatenated.len();
            beside.copy_from_slice(&request.concatenated[first..][..concatenated.len()]);
        }
        self.binding.bind_input("sample", &self.sample)?;

        let (_, text) = self.text.extract_tensor_mut();
        if !self.text_is_bound || *text != *request.conditioning {
            text.copy_from_slice(request.conditioning);
            self.binding
                .bind_input("encoder_hidden_states", &self.text)?;
            self.text_is_bound = true;
        }
        Ok(())
    }

    /// Takes one more input for the next run.
    pub(super) fn bind<T: DefiniteTensorValueTypeMarker + ?Sized>(
        &mut self,
        name: &str,
        value: &Value<T>,
    ) -> ort::Result<()> {
        self.binding.bind_input(name, value)
    }

    pub(super) fn run(
        &self,
        session: &mut ComponentSession,
        output: &mut [f32],
    ) -> Result<(), ModelError> {
        let outputs = session.run_bound(&self.binding)?;
        let (found, values) = outputs["out_sample"]
            .try_extract_tensor::<f32>()
            .map_err(ModelError::runtime("reading the UNet's output"))?;
        if values.len() != output.len() {
            return Err(ModelError::Shape {
                what: "out_sample of the UNet".into(),
                found: format!("{found:?}, {} values", values.len()),
                expected: format!("{} values", output.len()),
            });
        }
        output.copy_from_slice(values);
        Ok(())
    }
}
