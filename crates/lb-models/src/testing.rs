//! For tests of this crate and of those above it (feature `testing`): any graph run on named tensors,
//! and tiny models of every kind. Nothing that renders uses it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use lb_export::Graph;
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

use crate::device::ListedDevices;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::node_placement::PlacementRecorder;
use crate::options::SessionOptions;
use crate::runtime::Runtime;
use crate::session::{ComponentSession, SessionRequest, commit_graph};

/// What errors call a graph.
const NAME: &str = "graph";

/// The files of tiny model directories other than their networks, written by `tests/golden/kinds.py`.
const KINDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/kinds");

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
    /// [`ModelError::Runtime`] if the runtime refuses the graph, and the errors of
    /// [`SessionOptions::validate`].
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
            keeps_to_profile: false,
            records_graphs: false,
        };
        let session = ComponentSession::load(NAME, request)?;
        Ok(Self { session })
    }

    /// Runs the graph on its inputs, in any order; all its outputs must be 32-bit floats.
    ///
    /// # Errors
    /// [`ModelError::Runtime`] if the runtime refuses the inputs, or an output is something else.
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

/// How many nodes of a graph each execution provider gets on a CPU, by the provider's name, read from
/// ONNX Runtime's log.
///
/// # Errors
/// [`ModelError::Runtime`] if the runtime refuses the graph.
pub fn placement(runtime: Runtime, graph: &Graph) -> Result<BTreeMap<String, usize>, ModelError> {
    let recorder = PlacementRecorder::default();
    let load = || {
        let ListedDevices { devices, options } = ListedDevices::cpu(runtime);
        let builder = Session::builder(runtime.environment())?;
        let builder = builder.with_devices(devices, Some(&options))?;
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

/// Writes a whole model directory with random weights, for prompts of the letters `a` to `w`.
///
/// `kind` is `sd15`, `sd21` (which predicts v), `sd21_base` (which predicts the noise), `inpaint`,
/// `depth` or `upscale`.
///
/// # Errors
/// Where the folder cannot be written, or there is no such kind.
pub fn write_tiny_model(kind: &str, to: &Path) -> io::Result<()> {
    let kinds = Path::new(KINDS);
    copy_folder(&kinds.join(kind), to)?;
    copy_folder(&kinds.join("tokenizer"), &to.join("tokenizer"))?;
    let (unet, vae, text_encoder) = match kind {
        "sd15" => ("sd1", "sd1", "sd1"),
        "inpaint" => ("sd2_inpainting", "sd2", "sd2"),
        "depth" => ("sd2_depth", "sd2", "sd2"),
        "upscale" => ("sd2_upscaler", "sd2_upscaler", "sd2"),
        _ => ("sd2", "sd2", "sd2"),
    };
    for (model, part) in [(unet, "unet"), (vae, "vae"), (text_encoder, "text_encoder")] {
        let network = lb_export::testing::networks().join(model).join(part);
        copy_folder(&network, &to.join(part))?;
    }
    Ok(())
}

/// Copies a folder and all that is in it, without permissions, so that a copy of what is read-only
/// can be changed.
///
/// # Errors
/// Where something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::write(&target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
