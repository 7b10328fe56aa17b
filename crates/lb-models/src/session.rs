//! One ONNX Runtime session: made from a graph, its inputs and outputs checked, its time counted.
//!
//! A session is run in one of two ways: on tensors that are handed over for one run
//! ([`ComponentSession::run`]), or on tensors that stay bound to it ([`BoundTensor`]), which spares
//! copies from run to run and allows CUDA graphs.

use std::fmt::Debug;
use std::path::Path;
use std::time::{Duration, Instant};

use lb_export::{Graph, Precision};
use ort::logging::LogLevel;
use ort::memory::{AllocationDevice, Allocator};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{
    IoBinding, NoSelectedOutputs, RunOptions, Session, SessionInputs, SessionOutputs,
};
use ort::value::{Outlet, PrimitiveTensorElementType, Tensor, TensorElementType};

use crate::device::{CallSizing, Device, ShapeProfile};
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::node_placement::PlacementRecorder;
use crate::options::SettledOptions;
use crate::runtime::Runtime;

/// The option that names the folder of the weight files of a graph that is handed over as bytes. ONNX
/// Runtime then maps the files into memory itself, and nothing is copied
/// (`kOrtSessionOptionsModelExternalInitializersFileFolderPath`).
const WEIGHT_FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// The number that means no CUDA graph: kernels are launched one by one, and nothing is recorded.
const NO_GRAPH: i32 = -1;

/// An input or output that a component must have.
pub(crate) struct Port {
    pub(crate) name: &'static str,
    pub(crate) types: &'static [TensorElementType],
}

impl Port {
    /// A port of 32-bit floats.
    pub(crate) const fn floats(name: &'static str) -> Self {
        let types = &[TensorElementType::Float32];
        Self { name, types }
    }
}

/// What a session is made from.
pub(crate) struct SessionRequest<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) source: &'a GraphSource,
    pub(crate) options: &'a SettledOptions,
    /// The shapes of the inputs, if they are known. A device that wants them may refuse others.
    pub(crate) profile: Option<ShapeProfile>,
    /// Whether the session must keep to the profile, so that it is refused if it cannot.
    pub(crate) keeps_to_profile: bool,
    /// Whether runs are to be recorded as CUDA graphs, if the device has them: their tensors are bound
    /// and have few sizes.
    pub(crate) records_graphs: bool,
}

/// How long sessions took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionTimes {
    /// Time spent making sessions from graphs.
    pub loading: Duration,
    /// Time spent running them.
    pub running: Duration,
}

impl std::ops::AddAssign for SessionTimes {
    fn add_assign(&mut self, other: Self) {
        self.loading += other.loading;
        self.running += other.running;
    }
}

/// The session of one component of a model.
pub(crate) struct ComponentSession {
    component: &'static str,
    session: Session,
    device: Device,
    precision: Precision,
    run_options: RunOptions<NoSelectedOutputs>,
    records_graphs: bool,
    times: SessionTimes,
    has_failed: bool,
}

impl ComponentSession {
    /// Makes the session of a component, which messages call `component`.
    pub(crate) fn load(
        component: &'static str,
        mut request: SessionRequest<'_>,
    ) -> Result<Self, ModelError> {
        let (source, options) = (request.source, request.options);
        let device = options.device;
        let provider = device.provider();
        request.records_graphs &= provider.records_graphs;
        request.keeps_to_profile &= request.profile.is_some();
        let recorder = (device != Device::Cpu).then(PlacementRecorder::default);
        let doing = || format!("loading the {component} on {device}");
        let started = Instant::now();
        let session = loop {
            let registration = provider.register(request.runtime, Some(&request))?;
            let made = (|| {
                // On a CPU, a memory pattern is one more block for every shape of input that has come
                // twice: no faster, and a fifth more memory for a film of several transitions.
                let mut builder = Session::builder(request.runtime.environment())?
                    .with_optimization_level(GraphOptimizationLevel::Level3)?
                    .with_inter_threads(1)?
                    .with_memory_pattern(device != Device::Cpu)?;
                builder = registration.add_to(builder)?;
                if let Some(profile) = &request.profile
                    && provider.call_sizing == CallSizing::Compiled
                {
                    for (dimension, size) in profile.dimensions() {
                        builder = builder.with_dimension_override(dimension, size)?;
                    }
                }
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
            })();
            match made {
                Ok(session) => break session,
                Err(error) => {
                    let refusal = error.to_string();
                    if !provider.retreat(&mut request, component, &refusal) {
                        return Err(ModelError::runtime(doing())(error));
                    }
                }
            }
        };
        let records_graphs = request.records_graphs;
        let run_options = run_options(records_graphs.then_some(NO_GRAPH))
            .map_err(ModelError::runtime(doing()))?;
        let loading = started.elapsed();
        tracing::debug!(component, seconds = loading.as_secs_f64(), "session loaded");
        if let Some(recorder) = recorder {
            recorder.placement().report(component, device);
        }
        Ok(Self {
            component,
            session,
            device,
            precision: match options.may_narrow {
                true => Precision::Float16,
                false => options.precision,
            },
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
    ///
    /// # Errors
    /// [`ModelError::Signature`] if it has not.
    pub(crate) fn validate(&self, inputs: &[Port], outputs: &[Port]) -> Result<(), ModelError> {
        let refuse = |rule, found: String, expected: String| {
            Err(ModelError::Signature {
                component: self.component,
                rule,
                found,
                expected,
            })
        };
        for (rule, found, expected) in [
            ("lacks an input", self.session.inputs(), inputs),
            ("lacks an output", self.session.outputs(), outputs),
        ] {
            for port in expected {
                let Some(outlet) = found.iter().find(|outlet| outlet.name() == port.name) else {
                    let found: Vec<&str> = found.iter().map(Outlet::name).collect();
                    return refuse(rule, found.join(", "), port.name.into());
                };
                let element = outlet.dtype().tensor_type();
                if !element.is_some_and(|element| port.types.contains(&element)) {
                    let found = format!("{} of type {element:?}", port.name);
                    let expected = format!("{:?}", port.types);
                    return refuse("has a value of another type", found, expected);
                }
            }
        }
        let names: Vec<&str> = inputs.iter().map(|port| port.name).collect();
        let mut found = self.session.inputs().iter().map(Outlet::name);
        match found.find(|found| !names.contains(found)) {
            None => Ok(()),
            Some(found) => refuse(
                "has an input that nothing can be given for",
                found.into(),
                names.join(", "),
            ),
        }
    }

    /// The element type of an input.
    pub(crate) fn input_type(&self, name: &str) -> Option<TensorElementType> {
        self.input(name)?.dtype().tensor_type()
    }

    /// How many dimensions an input has.
    pub(crate) fn input_rank(&self, name: &str) -> Option<usize> {
        let shape = self.input(name)?.dtype().tensor_shape()?;
        Some(shape.len())
    }

    fn input(&self, name: &str) -> Option<&Outlet> {
        let mut inputs = self.session.inputs().iter();
        inputs.find(|input| input.name() == name)
    }

    /// Runs on tensors that are handed over for this run.
    pub(crate) fn run<'s, 'i, 'v: 'i, const N: usize>(
        &'s mut self,
        inputs: impl Into<SessionInputs<'i, 'v, N>>,
    ) -> Result<SessionOutputs<'s>, ModelError> {
        let started = Instant::now();
        let doing = format!("running the {}", self.component);
        let outputs = self.session.run_with_options(inputs, &self.run_options);
        let outputs = outputs.map_err(ModelError::runtime(doing));
        self.times.running += started.elapsed();
        self.has_failed |= outputs.as_ref().is_err_and(spoils);
        outputs
    }

    /// A binding to which nothing is bound yet.
    pub(crate) fn binding(&self) -> ort::Result<IoBinding> {
        self.session.create_binding()
    }

    /// A tensor of zeros with these sides, bound as the input `name`.
    pub(crate) fn bound_input<T: Element>(
        &self,
        binding: &mut IoBinding,
        name: &str,
        sides: &[usize],
    ) -> ort::Result<BoundTensor<T>> {
        let tensor = BoundTensor::new(self.device.provider().memory.clone(), sides)?;
        binding.bind_input(name, tensor.on_device.as_ref().unwrap_or(&tensor.host))?;
        Ok(tensor)
    }

    /// A tensor of zeros with these sides, bound as the output `name`.
    pub(crate) fn bound_output<T: Element>(
        &self,
        binding: &mut IoBinding,
        name: &str,
        sides: &[usize],
    ) -> ort::Result<BoundTensor<T>> {
        let mut tensor = BoundTensor::new(self.device.provider().memory.clone(), sides)?;
        let BoundTensor { host, on_device } = &mut tensor;
        binding.bind_output(name, on_device.as_mut().unwrap_or(host))?;
        Ok(tensor)
    }

    /// Whether runs can be recorded and replayed.
    pub(crate) fn records_graphs(&self) -> bool {
        self.records_graphs
    }

    /// Runs by a new CUDA graph. Each graph has a number of its own, from 1 on.
    pub(crate) fn graph(&self, number: u16) -> Result<GraphRuns, ModelError> {
        run_options(Some(number.into()))
            .map(GraphRuns)
            .map_err(ModelError::runtime("preparing a CUDA graph"))
    }

    /// Whether inputs are copied to the device when they are bound, so that they have to be bound again before
    /// each run.
    pub(crate) fn copies_when_bound(&self) -> bool {
        self.device.provider().copies_when_bound
    }

    /// Runs on bound inputs, by a CUDA graph if one is given. The bound outputs are complete when this
    /// returns.
    pub(crate) fn run_bound(
        &mut self,
        binding: &IoBinding,
        graph: Option<&GraphRuns>,
    ) -> Result<(), ModelError> {
        let started = Instant::now();
        let options = graph.map_or(&self.run_options, |graph| &graph.0);
        let ran = self
            .session
            .run_binding_with_options(binding, options)
            .map(drop)
            .and_then(|()| binding.synchronize_outputs());
        self.times.running += started.elapsed();
        let doing = format!("running the {}", self.component);
        let ran = ran.map_err(ModelError::runtime(doing));
        self.has_failed |= ran.as_ref().is_err_and(spoils);
        ran
    }

    /// How long it took so far.
    pub(crate) fn times(&self) -> SessionTimes {
        self.times
    }

    /// How long it took so far; counting starts again.
    pub(crate) fn take_times(&mut self) -> SessionTimes {
        std::mem::take(&mut self.times)
    }

    /// The precision in which it may compute: that of 16-bit floats if the device may narrow those of the graph.
    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// The error for an output with values that are not finite.
    pub(crate) fn not_finite(&self) -> ModelError {
        ModelError::NotFinite {
            component: self.component,
            precision: self.precision,
        }
    }

    /// Whether a run has failed for another reason than memory. After some errors of a GPU no other
    /// run succeeds either.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }
}

/// Whether no other run of the session can be trusted after this error. A lack of memory may pass.
fn spoils(error: &ModelError) -> bool {
    !matches!(error, ModelError::OutOfMemory { .. })
}

/// Makes a session from a graph whose weights are in files.
pub(crate) fn commit_graph(builder: SessionBuilder, graph: &Graph) -> ort::Result<Session> {
    let file = graph.weight_files.first();
    let folder = file.and_then(|file| file.path.parent());
    let folder = folder.unwrap_or(Path::new("."));
    builder
        .with_config_entry(WEIGHT_FOLDER, folder.to_string_lossy())?
        .commit_from_memory(&graph.bytes)
}

/// Options with which runs log only what goes wrong, even if the session logged everything while it
/// was made. `graph` is the number of the CUDA graph that runs record and replay, if the session
/// records any.
fn run_options(graph: Option<i32>) -> ort::Result<RunOptions<NoSelectedOutputs>> {
    let mut options = RunOptions::new()?;
    options.set_log_level(LogLevel::Warning)?;
    if let Some(graph) = graph {
        options.set("gpu_graph_id", graph.to_string())?;
    }
    Ok(options)
}

/// Runs of calls of one size by a CUDA graph of their own: the first run records it, all others
/// replay it (`gpu_graph_id`).
pub(crate) struct GraphRuns(RunOptions<NoSelectedOutputs>);

/// The numbers that bound tensors consist of.
pub(crate) trait Element: PrimitiveTensorElementType + Debug + Copy + Default {}

impl<T: PrimitiveTensorElementType + Debug + Copy + Default> Element for T {}

/// An input or output that stays bound to a session: values that the CPU writes and reads, and on a
/// device with memory of its own a copy there, which is what the session works with.
pub(crate) struct BoundTensor<T: Element> {
    host: Tensor<T>,
    /// Not allocated from the session that it is bound to: to the session, what a CUDA graph works in
    /// is free again once the graph is recorded.
    on_device: Option<Tensor<T>>,
}

impl<T: Element> BoundTensor<T> {
    fn new(memory: Option<AllocationDevice<'static>>, sides: &[usize]) -> ort::Result<Self> {
        let mut host = Tensor::new(&Allocator::default(), sides.to_vec())?;
        host.extract_tensor_mut().1.fill(T::default());
        let on_device = match memory {
            Some(memory) => Some(host.to(memory, 0)?),
            None => None,
        };
        Ok(Self { host, on_device })
    }

    /// Binds the values as they are now as the input `name`.
    pub(crate) fn bind_again(&self, binding: &mut IoBinding, name: &str) -> ort::Result<()> {
        binding.bind_input(name, self.on_device.as_ref().unwrap_or(&self.host))
    }

    /// The values as they were last written or received.
    pub(crate) fn values(&self) -> &[T] {
        self.host.extract_tensor().1
    }

    /// The values to write; a session sees them after [`send`](Self::send).
    pub(crate) fn values_mut(&mut self) -> &mut [T] {
        self.host.extract_tensor_mut().1
    }

    /// Copies what was written to the device.
    pub(crate) fn send(&mut self) -> ort::Result<()> {
        match &mut self.on_device {
            Some(copy) => self.host.copy_into(copy),
            None => Ok(()),
        }
    }

    /// Copies what a session wrote from the device.
    pub(crate) fn receive(&mut self) -> ort::Result<&[T]> {
        if let Some(copy) = &self.on_device {
            copy.copy_into(&mut self.host)?;
        }
        Ok(self.values())
    }
}
