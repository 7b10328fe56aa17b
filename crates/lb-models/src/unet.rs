//! The denoiser: latents, a timestep and conditioning to a model output.
//!
//! Whatever a kind of model takes beside them goes in here too: concatenated channels behind each
//! row's latents, and a class label.

mod batch;

use lb_blend::{CallRows, LatentShape, PredictRequest};
use lb_export::Component;
use ort::value::{Tensor, TensorElementType};

use self::batch::BoundBatch;
use crate::device::{InputShape, SettledOptions, ShapeProfile};
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::kind::ModelKind;
use crate::runtime::Runtime;
use crate::session::{ComponentSession, GraphSource, Port, SessionTimes};

const NAME: &str = "UNet";

pub(crate) struct Unet {
    session: ComponentSession,
    takes_float_timestep: bool,
    /// `[1]`, or `[]` in graphs that PyTorch's older exporter wrote.
    timestep_shape: Vec<usize>,
    /// The class of a model that takes one: the upscaler's noise level.
    class: Option<i64>,
    batches: Vec<BoundBatch>,
}

/// Batches that stay bound: a level that the batch limit splits has calls of two sizes.
const BATCHES_KEPT: usize = 2;

impl Unet {
    /// `expected`: what it will be called with, where that is known.
    pub(crate) fn load(
        runtime: Runtime,
        directory: &ModelDirectory,
        options: &SettledOptions,
        noise_level: usize,
        expected: Option<(LatentShape, CallRows)>,
    ) -> Result<Self, ModelError> {
        let source = directory.graph(Component::Unet, &options.export())?;
        let profile = match source {
            GraphSource::Weights(_) => {
                expected.map(|(latents, rows)| shapes(directory, latents, rows))
            }
            // Whoever exported the file chose which shapes to leave open.
            GraphSource::File(_) => None,
        };
        let session = ComponentSession::load(runtime, NAME, &source, options, profile)?;
        let class = (directory.kind() == ModelKind::Upscale).then_some(noise_level as i64);
        let mut inputs = vec![
            Port {
                name: "sample",
                types: &[TensorElementType::Float32],
            },
            Port {
                name: "timestep",
                types: &[TensorElementType::Int64, TensorElementType::Float32],
            },
            Port {
                name: "encoder_hidden_states",
                types: &[TensorElementType::Float32],
            },
        ];
        if class.is_some() {
            inputs.push(Port {
                name: "class_labels",
                types: &[TensorElementType::Int64],
            });
        }
        session.check(
            &inputs,
            &[Port {
                name: "out_sample",
                types: &[TensorElementType::Float32],
            }],
        )?;
        let takes_float_timestep =
            session.input_type("timestep") == Some(TensorElementType::Float32);
        let is_scalar = session.input_rank("timestep") == Some(0);
        Ok(Self {
            session,
            takes_float_timestep,
            timestep_shape: if is_scalar { Vec::new() } else { vec![1] },
            class,
            batches: Vec::new(),
        })
    }

    /// One call for all rows; `output` gets rows × channels × height × width values.
    pub(crate) fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), ModelError> {
        let handing = || ModelError::runtime("handing a batch to the UNet");
        let place = self.batches.iter().position(|batch| batch.fits(request));
        let mut batch = match place {
            Some(place) => self.batches.remove(place),
            None => BoundBatch::new(&self.session, request, self.class).map_err(handing())?,
        };
        batch.set(request).map_err(handing())?;
        let sides = self.timestep_shape.clone();
        let bound = match self.takes_float_timestep {
            true => Tensor::from_array((sides, vec![request.timestep as f32]))
                .and_then(|timestep| batch.bind("timestep", &timestep)),
            false => Tensor::from_array((sides, vec![i64::from(request.timestep)]))
                .and_then(|timestep| batch.bind("timestep", &timestep)),
        };
        bound.map_err(handing())?;
        batch.run(&mut self.session, output)?;
        // The last one used stands last.
        self.batches.push(batch);
        if self.batches.len() > BATCHES_KEPT {
            self.batches.remove(0);
        }
        Ok(())
    }

    pub(crate) fn times(&self) -> SessionTimes {
        self.session.times()
    }
}

/// The shapes that TensorRT builds the engine for.
fn shapes(directory: &ModelDirectory, latents: LatentShape, rows: CallRows) -> ShapeProfile {
    let channels = latents.channels + directory.concatenated_channels();
    let text = [directory.text_length(), directory.text_width()];
    let mut inputs = vec![
        InputShape::of_rows("sample", &[channels, latents.height, latents.width]),
        InputShape::fixed("timestep", &[1]),
        InputShape::of_rows("encoder_hidden_states", &text),
    ];
    if directory.kind() == ModelKind::Upscale {
        inputs.push(InputShape::of_rows("class_labels", &[]));
    }
    ShapeProfile::new(inputs, rows)
}
