//! One ONNX Runtime session: made from a graph, its signature checked, its time counted.

mod bound;
mod resident;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lb_export::Graph;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{NoSelectedOutputs, RunOptions, Session, SessionInputs, SessionOutputs};
use ort::value::{Outlet, TensorElementType};

pub(crate) use self::bound::GraphRuns;
pub(crate) use self::resident::Resident;
use crate::device::{self, Device, Engine, PlacementRecorder, SettledOptions, ShapeProfile};
use crate::error::ModelError;
use crate::runtime::Runtime;

/// Where a component's graph comes from.
pub(crate) enum GraphSource {
    /// Written just now from the component's weights; the weights stay where they are.
    Weights(Graph),
    /// An ONNX file that was there, as Optimum or torch export it.
    File(PathBuf),
}

impl GraphSource {
    /// The files of the weights; of an ONNX file, all that lie beside it, since what its external
    /// data is called stands in the file.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, ModelError> {
        match self {
            Self::Weights(graph) => {
                let files = graph.weight_files.iter();
                Ok(files.map(|file| file.path.clone()).collect())
            }
            Self::File(path) => files_beside(path),
        }
    }

    /// The size of graph and weights in bytes, as far as their files can be looked at.
    pub(crate) fn bytes(&self) -> u64 {
        let graph = match self {
            Self::Weights(graph) => graph.bytes.len() as u64,
            Self::File(_) => 0,
        };
        let files = self.files().unwrap_or_default();
        let sizes = files.iter().flat_map(std::fs::metadata);
        graph + sizes.map(|file| file.len()).sum::<u64>()
    }
}

fn files_beside(path: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let folder = path.parent().unwrap_or(path);
    let unreadable = |error| ModelError::unreadable(folder, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Tells ONNX Runtime where the weight files of a graph lie that it gets as bytes: it then maps
/// them itself, copying nothing (`kOrtSessionOptionsModelExternalInitializersFileFolderPath`).
const WEIGHT_FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// An input or output that a component must have.
pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) types: &'static [TensorElementType],
}

/// What a session is made from.
pub(crate) struct SessionRequest<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) source: &'a GraphSource,
    pub(crate) options: &'a SettledOptions,
    /// The shapes that TensorRT builds its engine for; other shapes are then refused.
    pub(crate) profile: Option<ShapeProfile>,
    /// Whether runs may be recorded as CUDA graphs: their tensors are bound and have few sizes.
    pub(crate) records_graphs: bool,
}

/// Where a session's time went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionTimes {
    /// Making the session from its graph.
    pub loading: Duration,
    /// Running it.
    pub running: Duration,
}

impl std::ops::AddAssign for SessionTimes {
    fn add_assign(&mut self, other: Self) {
        self.loading += other.loading;
        self.running += other.running;
    }
}

pub(crate) struct ComponentSession {
    component: &'static str,
    session: Session,
    device: Device,
    run_options: RunOptions<NoSelectedOutputs>,
    records_graphs: bool,
    times: SessionTimes,
    has_failed: bool,
}

impl ComponentSession {
    /// Makes the session of a component, which errors call `component`.
    pub(crate) fn load(
        component: &'static str,
        request: SessionRequest<'_>,
    ) -> Result<Self, ModelError> {
        let SessionRequest {
            runtime,
            source,
            options,
            profile,
            records_graphs,
        } = request;
        let device = options.device;
        let engine = match device {
            Device::TensorRt => {
                let cache = options.engine_cache.as_deref();
                Some(Engine::new(runtime, source, cache, profile)?)
            }
            _ => None,
        };
        let recorder = (device != Device::Cpu).then(PlacementRecorder::default);
        let started = Instant::now();
        // A memory pattern is one more block for every shape of input that has come twice: no faster
        // on a CPU, and a fifth more memory for a film of several transitions.
        let make = |engine: Option<&Engine>, recorded: bool| -> ort::Result<Session> {
            let mut builder = Session::builder(runtime.environment())?
                .with_optimization_level(GraphOptimizationLevel::Level3)?
                .with_inter_threads(1)?
                .with_memory_pattern(device != Device::Cpu)?
                .with_execution_providers(device::execution_providers(device, engine, recorded))?;
            if let Some(threads) = options.threads {
                builder = builder.with_intra_threads(threads)?;
            }
            if let Some(recorder) = &recorder {
                builder = recorder.listen(builder)?;
            }
            match source {
                GraphSource::File(path) => builder.commit_from_file(path),
                GraphSource::Weights(graph) => commit_graph(builder, graph),
            }
        };
        let mut records_graphs = records_graphs && device == Device::Cuda;
        let made = match (make(engine.as_ref(), records_graphs), engine) {
            (Err(error), None) if records_graphs && refuses_graphs(&error.to_string()) => {
                tracing::warn!("the {component} cannot be run as CUDA graphs: {error}");
                records_graphs = false;
                make(None, false)
            }
            (Err(error), Some(engine)) if Engine::lacks_shapes(&error.to_string()) => {
                tracing::warn!(
                    "TensorRT does not take the whole {component}; its engines are built when \
                     their shapes are met: {error}"
                );
                make(Some(&engine.for_any_shapes()), false)
            }
            (made, _) => made,
        };
        let doing = format!("loading the {component} on {device}");
        let (session, run_options) = made
            .and_then(|session| Ok((session, bound::plain_run_options(records_graphs)?)))
            .map_err(ModelError::runtime(doing))?;
        let loading = started.elapsed();
        tracing::debug!(component, seconds = loading.as_secs_f64(), "session loaded");
        if let Some(recorder) = recorder {
            recorder.placement().tell(component, device);
        }
        Ok(Self {
            component,
            session,
            device,
            run_options,
            records_graphs,
            times: SessionTimes {
                loading,
                running: Duration::ZERO,
            },
            has_failed: false,
        })
    }

    /// Checks that the graph has these inputs and no others, and at least these outputs.
    pub(crate) fn check(&self, inputs: &[Port], outputs: &[Port]) -> Result<(), ModelError> {
        check_ports(
            self.component,
            "lacks an input",
            self.session.inputs(),
            inputs,
        )?;
        check_ports(
            self.component,
            "lacks an output",
            self.session.outputs(),
            outputs,
        )?;
        let unknown = self
            .session
            .inputs()
            .iter()
            .find(|found| inputs.iter().all(|port| port.name != found.name()));
        match unknown {
            None => Ok(()),
            Some(found) => Err(ModelError::Signature {
                component: self.component,
                rule: "has an input that nothing can be given for",
                found: found.name().into(),
                expected: names(inputs),
            }),
        }
    }

    /// The element type of an input.
    pub(crate) fn input_type(&self, name: &str) -> Option<TensorElementType> {
        self.session
            .inputs()
            .iter()
            .find(|input| input.name() == name)
            .and_then(|input| input.dtype().tensor_type())
    }

    /// How many dimensions an input has.
    pub(crate) fn input_rank(&self, name: &str) -> Option<usize> {
        self.session
            .inputs()
            .iter()
            .find(|input| input.name() == name)
            .and_then(|input| input.dtype().tensor_shape().map(|shape| shape.len()))
    }

    pub(crate) fn run<'s, 'i, 'v: 'i, const N: usize>(
        &'s mut self,
        inputs: impl Into<SessionInputs<'i, 'v, N>>,
    ) -> Result<SessionOutputs<'s>, ModelError> {
        let started = Instant::now();
        let outputs = self
            .session
            .run_with_options(inputs, &self.run_options)
            .map_err(ModelError::runtime(format!(
                "running the {}",
                self.component
            )));
        self.times.running += started.elapsed();
        self.has_failed |= outputs.as_ref().is_err_and(spoils);
        outputs
    }

    /// Where its time went so far.
    pub(crate) fn times(&self) -> SessionTimes {
        self.times
    }

    /// Where its time went so far; counting starts again.
    pub(crate) fn take_times(&mut self) -> SessionTimes {
        std::mem::take(&mut self.times)
    }

    /// Whether a run has failed for another reason than memory. After some errors of a GPU no other
    /// run succeeds either.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }
}

/// Whether a session is of no more use after this error of a run. Memory may suffice another time.
fn spoils(error: &ModelError) -> bool {
    !matches!(error, ModelError::OutOfMemory { .. })
}

/// Whether a session was refused because not all of it can be recorded.
fn refuses_graphs(refusal: &str) -> bool {
    refusal.contains("graph capture feature")
}

pub(crate) fn commit_graph(builder: SessionBuilder, graph: &Graph) -> ort::Result<Session> {
    let folder = graph
        .weight_files
        .first()
        .and_then(|file| file.path.parent());
    let folder = folder.unwrap_or(Path::new("."));
    builder
        .with_config_entry(WEIGHT_FOLDER, folder.to_string_lossy())?
        .commit_from_memory(&graph.bytes)
}

fn check_ports(
    component: &'static str,
    rule: &'static str,
    found: &[Outlet],
    expected: &[Port],
) -> Result<(), ModelError> {
    for port in expected {
        let Some(outlet) = found.iter().find(|outlet| outlet.name() == port.name) else {
            let found: Vec<&str> = found.iter().map(Outlet::name).collect();
            return Err(ModelError::Signature {
                component,
                rule,
                found: found.join(", "),
                expected: port.name.into(),
            });
        };
        let element = outlet.dtype().tensor_type();
        if !element.is_some_and(|element| port.types.contains(&element)) {
            return Err(ModelError::Signature {
                component,
                rule: "has a value of another type",
                found: format!("{} of type {:?}", port.name, element),
                expected: format!("{:?}", port.types),
            });
        }
    }
    Ok(())
}

fn names(ports: &[Port]) -> String {
    ports
        .iter()
        .map(|port| port.name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_recorded_is_told_from_other_refusals() {
        // Words of ONNX Runtime 1.31.
        let refusal = "This session cannot use the graph capture feature as requested by the user \
                       as all compute graph nodes have not been partitioned to the \
                       CUDAExecutionProvider";
        assert!(refuses_graphs(refusal));
        assert!(!refuses_graphs(
            "Failed to allocate memory for requested buffer"
        ));
    }
}
