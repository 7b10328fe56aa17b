//! The denoiser: latents, a timestep and conditioning to a model output.

use lb_blend::PredictRequest;
use lb_export::Component;
use ort::value::{TensorElementType, TensorRef};

use crate::device::SessionOptions;
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::runtime::Runtime;
use crate::session::{ComponentSession, Port, SessionTimes};

const NAME: &str = "UNet";

pub(crate) struct Unet {
    session: ComponentSession,
    takes_float_timestep: bool,
    /// `[1]`, or `[]` in graphs that PyTorch's older exporter wrote.
    timestep_shape: Vec<usize>,
}

impl Unet {
    pub(crate) fn load(
        runtime: Runtime,
        directory: &ModelDirectory,
        options: &SessionOptions,
    ) -> Result<Self, ModelError> {
        let source = directory.graph(Component::Unet)?;
        let session = ComponentSession::load(runtime, NAME, &source, options)?;
        session.check(
            &[
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
            ],
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
        })
    }

    /// One call for all rows; `output` gets rows × channels × height × width values.
    pub(crate) fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), ModelError> {
        let shape = request.shape;
        let doing = || ModelError::runtime("handing a batch to the UNet");
        let sample = TensorRef::from_array_view((
            [request.rows, shape.channels, shape.height, shape.width],
            request.latents,
        ))
        .map_err(doing())?;
        let text = TensorRef::from_array_view((
            [request.rows, request.tokens, request.width],
            request.conditioning,
        ))
        .map_err(doing())?;
        let whole = [i64::from(request.timestep)];
        let float = [request.timestep as f32];
        let outputs = if self.takes_float_timestep {
            let timestep = TensorRef::from_array_view((self.timestep_shape.clone(), &float[..]))
                .map_err(doing())?;
            self.session.run(ort::inputs![
                "sample" => sample, "timestep" => timestep, "encoder_hidden_states" => text
            ])?
        } else {
            let timestep = TensorRef::from_array_view((self.timestep_shape.clone(), &whole[..]))
                .map_err(doing())?;
            self.session.run(ort::inputs![
                "sample" => sample, "timestep" => timestep, "encoder_hidden_states" => text
            ])?
        };
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
