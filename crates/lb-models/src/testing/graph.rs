//! Running any graph on named tensors, for tests of what graphs compute.

use std::collections::BTreeMap;

use lb_export::Graph;
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

use crate::device::{PlacementRecorder, SessionOptions};
use crate::error::ModelError;
use crate::runtime::Runtime;
use crate::session::{ComponentSession, GraphSource, SessionRequest, commit_graph};

const NAME: &str = "graph";

/// A tensor under the name of a graph's input or output.
#[derive(Clone, PartialEq, Debug)]
pub struct NamedTensor {
    /// The input's or output's name.
    pub name: String,
    /// Its sides, outermost first.
    pub shape: Vec<usize>,
    /// Its values, as many as the sides' product.
    pub values: TensorValues,
}

/// The values of a tensor, in the two formats that inputs and outputs have.
#[derive(Clone, PartialEq, Debug)]
pub enum TensorValues {
    /// 32-bit floats.
    Float32(Vec<f32>),
    /// 64-bit integers: token ids, timesteps, class labels.
    Int64(Vec<i64>),
}

/// A graph that was loaded and can be run.
pub struct GraphSession {
    session: ComponentSession,
}

impl GraphSession {
    /// Makes a session from `graph`.
    ///
    /// # Errors
    /// [`ModelError::Runtime`] where the runtime refuses the graph, and those of the options.
    pub fn load(
        runtime: Runtime,
        graph: Graph,
        options: &SessionOptions,
    ) -> Result<Self, ModelError> {
        let source = GraphSource::Weights(graph);
        options.validate()?;
        let request = SessionRequest {
            runtime,
            source: &source,
            options: &options.on(options.device.settle(runtime)?),
            profile: None,
            records_graphs: false,
        };
        let session = ComponentSession::load(NAME, request)?;
        Ok(Self { session })
    }

    /// Runs the graph on its inputs, in any order; all its outputs must be 32-bit floats.
    ///
    /// # Errors
    /// [`ModelError::Runtime`] where the runtime refuses the inputs, or an output is something
    /// else.
    pub fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, ModelError> {
        let inputs: Vec<_> = inputs.iter().map(input).collect::<Result<_, _>>()?;
        let outputs = self.session.run(inputs)?;
        outputs
            .iter()
            .map(|(name, value)| {
                let (shape, values) = value
                    .try_extract_tensor::<f32>()
                    .map_err(ModelError::runtime(format!("reading the output {name}")))?;
                Ok(NamedTensor {
                    name: name.to_owned(),
                    shape: shape.iter().map(|&side| side as usize).collect(),
                    values: TensorValues::Float32(values.to_vec()),
                })
            })
            .collect()
    }
}

/// How many nodes of a graph each provider gets on a CPU, by the provider's name, as the log tells.
///
/// # Errors
/// [`ModelError::Runtime`] where the runtime refuses the graph.
pub fn placement(runtime: Runtime, graph: &Graph) -> Result<BTreeMap<String, usize>, ModelError> {
    let recorder = PlacementRecorder::default();
    let load = || {
        let builder = Session::builder(runtime.environment())?;
        commit_graph(recorder.listen(builder)?, graph)
    };
    let _session = load().map_err(ModelError::runtime("loading a graph"))?;
    Ok(recorder.placement().nodes)
}

fn input(tensor: &NamedTensor) -> Result<(String, SessionInputValue<'static>), ModelError> {
    let NamedTensor {
        name,
        shape,
        values,
    } = tensor;
    let shape = shape.clone();
    let value: ort::Result<SessionInputValue<'static>> = match values {
        TensorValues::Float32(values) => {
            Tensor::from_array((shape, values.clone())).map(Into::into)
        }
        TensorValues::Int64(values) => Tensor::from_array((shape, values.clone())).map(Into::into),
    };
    let value = value.map_err(ModelError::runtime(format!(
        "handing over the input {name}"
    )))?;
    Ok((name.clone(), value))
}
