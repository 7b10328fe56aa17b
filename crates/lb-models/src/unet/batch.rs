//! The tensors of the UNet's calls, bound to its session.
//!
//! Calls of one size follow each other for a whole level. Their inputs and their output keep their
//! memory, on a GPU its memory too, and what does not change from step to step (the conditioning,
//! the class) is copied to the GPU once.

use lb_blend::PredictRequest;
use ort::session::IoBinding;

use super::Unet;
use crate::error::ModelError;
use crate::session::{ComponentSession, GraphRuns, Resident};

/// Bound inputs and output of calls of one size.
pub(super) struct BoundBatch {
    size: Size,
    binding: IoBinding,
    sample: Resident<f32>,
    timestep: Timestep,
    text: Resident<f32>,
    /// Whether `text` was sent.
    text_is_there: bool,
    predicted: Resident<f32>,
    class: Option<Resident<i64>>,
    /// What `class` was last sent with.
    sent_class: Option<i64>,
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

/// The timestep in the type that the graph takes.
enum Timestep {
    Int64(Resident<i64>),
    Float32(Resident<f32>),
}

impl BoundBatch {
    pub(super) fn new(unet: &Unet, request: &PredictRequest<'_>) -> ort::Result<Self> {
        let (size, shape) = (Size::of(request), request.shape);
        let device = unet.session.device();
        let mut binding = unet.session.binding()?;
        let sample = Resident::new(device, &size.sample)?;
        sample.bind_input(&mut binding, "sample")?;
        let text = Resident::new(device, &size.text)?;
        text.bind_input(&mut binding, "encoder_hidden_states")?;
        let timestep = match unet.takes_float_timestep {
            true => {
                let timestep = Resident::new(device, &unet.timestep_shape)?;
                timestep.bind_input(&mut binding, "timestep")?;
                Timestep::Float32(timestep)
            }
            false => {
                let timestep = Resident::new(device, &unet.timestep_shape)?;
                timestep.bind_input(&mut binding, "timestep")?;
                Timestep::Int64(timestep)
            }
        };
        let class = match unet.takes_class {
            true => {
                let labels = Resident::new(device, &[request.rows])?;
                labels.bind_input(&mut binding, "class_labels")?;
                Some(labels)
            }
            false => None,
        };
        let sides = [request.rows, shape.channels, shape.height, shape.width];
        let mut predicted = Resident::new(device, &sides)?;
        predicted.bind_output(&mut binding, "out_sample")?;
        Ok(Self {
            size,
            binding,
            sample,
            timestep,
            text,
            text_is_there: false,
            predicted,
            class,
            sent_class: None,
        })
    }

    pub(super) fn fits(&self, request: &PredictRequest<'_>) -> bool {
        self.size == Size::of(request)
    }

    /// Takes the latents, the concatenated channels behind each row's, the timestep, and the
    /// conditioning and the class where they are others.
    pub(super) fn set(&mut self, request: &PredictRequest<'_>, class: i64) -> ort::Result<()> {
        let latents = request.shape.len();
        let concatenated = request.shape.with_channels(request.concatenated_channels);
        let rows = self.sample.values_mut();
        for (row, sample) in rows
            .chunks_exact_mut(latents + concatenated.len())
            .enumerate()
        {
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

        if !self.text_is_there || *self.text.values() != *request.conditioning {
            self.text.values_mut().copy_from_slice(request.conditioning);
            self.text.send()?;
            self.text_is_there = true;
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

    /// What the UNet makes of what was set.
    pub(super) fn run(
        &mut self,
        session: &mut ComponentSession,
        graph: Option<&GraphRuns>,
    ) -> Result<&[f32], ModelError> {
        session.run_bound(&self.binding, graph)?;
        self.predicted
            .receive()
            .map_err(ModelError::runtime("reading the UNet's output"))
    }

    /// What the last run made.
    pub(super) fn predicted(&self) -> &[f32] {
        self.predicted.values()
    }
}
