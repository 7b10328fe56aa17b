//! The denoiser: latents, a timestep and conditioning to a model output.
//!
//! Whatever a kind of model takes beside them goes in here too: concatenated channels behind each
//! row's latents, and a class label.

use lb_blend::PredictRequest;
use lb_export::Component;
use ort::session::SessionInputValue;
use ort::value::{TensorElementType, TensorRef};

use crate::device::SessionOptions;
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::kind::ModelKind;
use crate::runtime::Runtime;
use crate::session::{ComponentSession, Port, SessionTimes};

const NAME: &str = "UNet";

pub(crate) struct Unet {
    session: ComponentSession,
    takes_float_timestep: bool,
    /// `[1]`, or `[]` in graphs that PyTorch's older exporter wrote.
    timestep_shape: Vec<usize>,
    /// Latents and concatenated channels, row by row; keeps its allocation from call to call.
    sample: Vec<f32>,
    /// The class of a model that takes one: the upscaler's noise level.
    class: Option<i64>,
    labels: Vec<i64>,
}

impl Unet {
    pub(crate) fn load(
        runtime: Runtime,
        directory: &ModelDirectory,
        options: &SessionOptions,
        noise_level: usize,
    ) -> Result<Self, ModelError> {
        let source = directory.graph(Component::Unet)?;
        let session = ComponentSession::load(runtime, NAME, &source, options)?;
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
            sample: Vec::new(),
            class,
            labels: Vec::new(),
        })
    }

    /// One call for all rows; `output` gets rows × channels × height × width values.
    pub(crate) fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), ModelError> {
        let channels = request.concatenated_channels;
        let doing = || ModelError::runtime("handing a batch to the UNet");
        let shape = request
            .shape
            .with_channels(request.shape.channels + channels);
        let values = match channels {
            0 => request.latents,
            _ => {
                concatenate(request, &mut self.sample);
                self.sample.as_slice()
            }
        };
        let sides = [request.rows, shape.channels, shape.height, shape.width];
        let sample = TensorRef::from_array_view((sides, values)).map_err(doing())?;
        let text = TensorRef::from_array_view((
            [request.rows, request.tokens, request.width],
            request.conditioning,
        ))
        .map_err(doing())?;
        let (whole, float) = ([i64::from(request.timestep)], [request.timestep as f32]);
        let sides = self.timestep_shape.clone();
        let timestep: SessionInputValue<'_> = match self.takes_float_timestep {
            true => TensorRef::from_array_view((sides, &float[..]))
                .map_err(doing())?
                .into(),
            false => TensorRef::from_array_view((sides, &whole[..]))
                .map_err(doing())?
                .into(),
        };
        let mut inputs = vec![
            ("sample", sample.into()),
            ("timestep", timestep),
            ("encoder_hidden_states", text.into()),
        ];
        if let Some(class) = self.class {
            self.labels.resize(request.rows, class);
            let labels = TensorRef::from_array_view(([request.rows], self.labels.as_slice()));
            inputs.push(("class_labels", labels.map_err(doing())?.into()));
        }
        let outputs = self.session.run(inputs)?;
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

    pub(crate) fn times(&self) -> SessionTimes {
        self.session.times()
    }
}

/// Each row's latents with its concatenated channels behind them.
fn concatenate(request: &PredictRequest<'_>, sample: &mut Vec<f32>) {
    let shape = request.shape;
    let concatenated = shape.with_channels(request.concatenated_channels);
    let latents = request.latents.chunks_exact(shape.len());
    sample.clear();
    for (latents, concatenated) in
        latents.zip(request.concatenated.chunks_exact(concatenated.len()))
    {
        sample.extend_from_slice(latents);
        sample.extend_from_slice(concatenated);
    }
}
