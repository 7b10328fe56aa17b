//! The tensors of the UNet's calls, bound to its session.
//!
//! Calls of one size follow each other for a whole level. They use the same memory for their inputs
//! and their output, on a GPU too, and what does not change from step to step (the conditioning, the
//! class) is copied to the GPU once.

use lb_blend::PredictRequest;
use lb_export::LORA_STRENGTHS;
use ort::session::IoBinding;

use crate::device::TEXT;
use crate::error::ModelError;
use crate::session::{BoundTensor, ComponentSession, GraphRuns};

/// The forms of the inputs that differ between graphs.
pub(super) struct InputForms {
    /// Whether the timestep is a 32-bit float rather than a 64-bit integer.
    pub(super) takes_float_timestep: bool,
    /// `[1]`, or `[]` in graphs that PyTorch's older exporter wrote.
    pub(super) timestep_shape: Vec<usize>,
    /// Whether there is a class label for each row.
    pub(super) takes_class: bool,
    /// How many strengths of LoRAs each row has.
    pub(super) loras: usize,
}

/// The bound inputs and the bound output of calls of one size.
pub(super) struct BoundBatch {
    size: Size,
    binding: IoBinding,
    sample: BoundTensor<f32>,
    timestep: Timestep,
    text: BoundTensor<f32>,
    /// Whether `text` has been sent before.
    text_is_sent: bool,
    predicted: BoundTensor<f32>,
    lora_strengths: Option<BoundTensor<f32>>,
    class: Option<BoundTensor<i64>>,
    /// What `class` was last sent with.
    sent_class: Option<i64>,
}

/// The shapes that calls must have in common to share tensors.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Size {
    sample: [usize; 4],
    text: [usize; 3],
}

impl Size {
    fn of(request: &PredictRequest<'_>, rows: usize) -> Self {
        let channels = request.shape.channels + request.concatenated_channels;
        let (height, width) = (request.shape.height, request.shape.width);
        Self {
            sample: [rows, channels, height, width],
            text: [rows, request.tokens, request.width],
        }
    }
}

/// The timestep in the type that the graph takes.
enum Timestep {
    Int64(BoundTensor<i64>),
    Float32(BoundTensor<f32>),
}

impl BoundBatch {
    /// Tensors for calls of this many rows of the request's form, bound to the session.
    pub(super) fn new(
        session: &ComponentSession,
        inputs: &InputForms,
        request: &PredictRequest<'_>,
        rows: usize,
    ) -> ort::Result<Self> {
        let (size, shape) = (Size::of(request, rows), request.shape);
        let mut binding = session.binding()?;
        let sample = session.bound_input(&mut binding, "sample", &size.sample)?;
        let text = session.bound_input(&mut binding, TEXT, &size.text)?;
        let sides = &inputs.timestep_shape;
        let timestep = match inputs.takes_float_timestep {
            true => Timestep::Float32(session.bound_input(&mut binding, "timestep", sides)?),
            false => Timestep::Int64(session.bound_input(&mut binding, "timestep", sides)?),
        };
        let class = match inputs.takes_class {
            true => Some(session.bound_input(&mut binding, "class_labels", &[rows])?),
            false => None,
        };
        let lora_strengths = match inputs.loras {
            0 => None,
            loras => Some(session.bound_input(&mut binding, LORA_STRENGTHS, &[rows, loras])?),
        };
        let sides = [rows, shape.channels, shape.height, shape.width];
        let predicted = session.bound_output(&mut binding, "out_sample", &sides)?;
        Ok(Self {
            size,
            binding,
            sample,
            timestep,
            text,
            text_is_sent: false,
            predicted,
            lora_strengths,
            class,
            sent_class: None,
        })
    }

    /// Whether these are the tensors for calls of this many rows of the request's form.
    pub(super) fn fits(&self, request: &PredictRequest<'_>, rows: usize) -> bool {
        self.size == Size::of(request, rows)
    }

    /// Fills the inputs: each row's latents with its concatenated channels behind them, the timestep,
    /// and, if they have changed, the conditioning, the strengths of LoRAs and the class. If the request has fewer rows than
    /// the call, its last row fills the rest of the latents; the rest of the conditioning is whatever
    /// was there before.
    pub(super) fn set(&mut self, request: &PredictRequest<'_>, class: i64) -> ort::Result<()> {
        let latents = request.shape.len();
        let concatenated = request.shape.with_channels(request.concatenated_channels);
        let rows = self.sample.values_mut();
        for (row, sample) in rows
            .chunks_exact_mut(latents + concatenated.len())
            .enumerate()
        {
            let row = row.min(request.rows - 1);
            let (own, beside) = sample.split_at_mut(latents);
            own.copy_from_slice(&request.latents[row * latents..][..latents]);
            let first = row * concatenated.len();
            beside.copy_from_slice(&request.concatenated[first..][..concatenated.len()]);
        }
        self.sample.send()?;

        match &mut self.timestep {
            Timestep::Int64(timestep) => {
                timestep.values_mut().fill(i64::from(request.timestep));
                timestep.send()?;
            }
            Timestep::Float32(timestep) => {
                timestep.values_mut().fill(request.timestep as f32);
                timestep.send()?;
            }
        }

        let values = request.conditioning.len();
        if !self.text_is_sent || self.text.values()[..values] != *request.conditioning {
            self.text.values_mut()[..values].copy_from_slice(request.conditioning);
            self.text.send()?;
            self.text_is_sent = true;
        }

        if let Some(strengths) = &mut self.lora_strengths {
            let values = request.lora_strengths;
            if strengths.values()[..values.len()] != *values {
                strengths.values_mut()[..values.len()].copy_from_slice(values);
                strengths.send()?;
            }
        }

        if let Some(labels) = &mut self.class
            && self.sent_class != Some(class)
        {
            labels.values_mut().fill(class);
            labels.send()?;
            self.sent_class = Some(class);
        }
        Ok(())
    }

    /// Runs the UNet on the inputs that were set, and returns its prediction.
    pub(super) fn run(
        &mut self,
        session: &mut ComponentSession,
        graph: Option<&GraphRuns>,
    ) -> Result<&[f32], ModelError> {
        if session.copies_when_bound() {
            self.bind_again()
                .map_err(ModelError::runtime("handing a batch to the UNet"))?;
        }
        session.run_bound(&self.binding, graph)?;
        self.predicted
            .receive()
            .map_err(ModelError::runtime("reading the UNet's output"))
    }

    /// Binds all inputs with what they contain now.
    fn bind_again(&mut self) -> ort::Result<()> {
        let binding = &mut self.binding;
        self.sample.bind_again(binding, "sample")?;
        self.text.bind_again(binding, TEXT)?;
        match &self.timestep {
            Timestep::Int64(timestep) => timestep.bind_again(binding, "timestep")?,
            Timestep::Float32(timestep) => timestep.bind_again(binding, "timestep")?,
        }
        if let Some(strengths) = &self.lora_strengths {
            strengths.bind_again(binding, LORA_STRENGTHS)?;
        }
        if let Some(class) = &self.class {
            class.bind_again(binding, "class_labels")?;
        }
        Ok(())
    }

    /// The prediction of the last run.
    pub(super) fn predicted(&self) -> &[f32] {
        self.predicted.values()
    }
}
