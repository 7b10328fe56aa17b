//! ONNX Runtime's execution providers: what sessions need to know about each, and which of them work on
//! this machine.

use lb_export::{GraphForm, Precision};
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{self, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::memory::AllocationDevice;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::Tensor;

use super::plugin::{ListedDevices, Plugin};
use super::problem::{DeviceProblem, own_words};
use super::{Device, nvidia, tensorrt};
use crate::error::ModelError;
use crate::runtime::Runtime;
use crate::session::SessionRequest;

/// A device that models can run on: one of ONNX Runtime's execution providers, and what this program
/// knows of it.
#[derive(Debug)]
pub(crate) struct ExecutionProvider {
    device: Device,
    /// What models compute in on this device unless the user chooses.
    pub(crate) precision: Precision,
    /// The operators that graphs for this device are written in.
    pub(crate) graph_form: GraphForm,
    /// The device's own memory, in which tensors that stay bound to a session have a copy; `None` if it
    /// works in the machine's.
    pub(crate) memory: Option<AllocationDevice<'static>>,
    /// Whether runs on tensors that stay bound can be recorded and replayed (CUDA graphs).
    pub(crate) records_graphs: bool,
    /// Whether sessions are faster if the shapes of their inputs are known beforehand.
    pub(crate) wants_shapes: bool,
    /// Whether graphs are written for one size of latents, so that each size has a session of its own.
    pub(crate) wants_size: bool,
    /// What a new size of call costs.
    pub(crate) call_sizing: CallSizing,
    /// Whether the device computes 32-bit graphs in narrower numbers, unless `--precision fp32` is given:
    /// bf16 where a CPU has instructions for it.
    pub(crate) narrows: bool,
    /// Whether inputs may be copied to the device when they are bound to a session, instead of when it runs.
    /// OpenVINO's plugin has memory of its own, which ONNX Runtime takes for another device's.
    pub(crate) copies_when_bound: bool,
    /// Whether only the UNet and the VAE decoder run on the device, and the encoders on the CPU. They are
    /// called so seldom that compiling them would take longer.
    pub(crate) leaves_encoders: bool,
}

/// What a new size of call costs on a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallSizing {
    /// Nothing: calls have as many rows as there are.
    Any,
    /// It takes long when it first comes, because kernels are planned for it. Few sizes are used, and
    /// calls are padded.
    Planned,
    /// A session is compiled for one size. Calls are padded.
    Compiled,
}

/// How a session gets its providers.
pub(crate) enum Registration {
    /// Those that are parts of ONNX Runtime, most wanted first. The CPU's, which ONNX Runtime always adds, is
    /// none of them.
    BuiltIn(Vec<ExecutionProviderDispatch>),
    /// That of a plugin, or the CPU's alone.
    Listed(ListedDevices),
}

impl Registration {
    /// Adds the providers to a session that is being made.
    pub(crate) fn add_to(self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        Ok(match self {
            Self::BuiltIn(providers) => builder.with_execution_providers(providers)?,
            Self::Listed(ListedDevices { devices, options }) => {
                builder.with_devices(devices, Some(&options))?
            }
        })
    }
}

/// Every device with its provider, in the order in which [`providers`] reports them.
static PROVIDERS: [ExecutionProvider; 7] = [
    ExecutionProvider {
        device: Device::Cpu,
        precision: Precision::Float32,
        graph_form: GraphForm::OnnxRuntime,
        memory: None,
        records_graphs: false,
        wants_shapes: false,
        wants_size: false,
        call_sizing: CallSizing::Any,
        narrows: false,
        copies_when_bound: false,
        leaves_encoders: false,
    },
    // A GPU is faster with half the bits, and has less memory.
    ExecutionProvider {
        device: Device::Cuda,
        precision: Precision::Float16,
        graph_form: GraphForm::Cuda,
        memory: Some(AllocationDevice::CUDA),
        records_graphs: true,
        wants_shapes: false,
        wants_size: true,
        call_sizing: CallSizing::Planned,
        narrows: false,
        copies_when_bound: false,
        leaves_encoders: false,
    },
    // TensorRT's parser knows none of ONNX Runtime's own operators: a graph with them would be cut into
    // dozens of engines.
    ExecutionProvider {
        device: Device::TensorRt,
        precision: Precision::Float16,
        graph_form: GraphForm::Standard,
        memory: Some(AllocationDevice::CUDA),
        records_graphs: false,
        wants_shapes: true,
        wants_size: false,
        call_sizing: CallSizing::Any,
        narrows: false,
        copies_when_bound: false,
        leaves_encoders: false,
    },
    plugin(
        Device::OpenVino,
        Precision::Float32,
        GraphForm::OnnxRuntime,
        true,
    ),
    // Whether a GPU computes in 16 bits is an option of WebGPU, and nobody has tried the following three.
    plugin(
        Device::WebGpu,
        Precision::Float32,
        GraphForm::OnnxRuntime,
        false,
    ),
    plugin(Device::Mlx, Precision::Float32, GraphForm::Standard, false),
    plugin(
        Device::TensorRtRtx,
        Precision::Float16,
        GraphForm::Standard,
        false,
    ),
];

/// A device of a plugin. Plugins compile a graph for the shapes that it is called with.
const fn plugin(
    device: Device,
    precision: Precision,
    graph_form: GraphForm,
    narrows: bool,
) -> ExecutionProvider {
    ExecutionProvider {
        device,
        precision,
        graph_form,
        memory: None,
        records_graphs: false,
        wants_shapes: false,
        wants_size: true,
        call_sizing: CallSizing::Compiled,
        narrows,
        copies_when_bound: true,
        leaves_encoders: true,
    }
}

/// The devices that [`Device::Auto`] tries, most wanted first. Where none of them works it becomes
/// the CPU.
const AUTOMATIC: [Device; 1] = [Device::Cuda];

/// The device that is used instead of the CPU if there is enough to compute and the processor has instructions
/// for bf16. Without these it gains a fifth at most. On a Xeon with AMX it computed Stable Diffusion 2.1's UNet in
/// bf16 3.2 times as fast as ONNX Runtime's own provider, and on an EPYC with AVX512-BF16 `pocket`'s twice as fast.
pub(crate) const COMPILING: Device = Device::OpenVino;

/// The rows times latent pixels from which compiling for a processor pays. `pocket`, whose rows have 16×16 pixels,
/// takes 1.7 seconds to compile and saves 10 milliseconds with each row, so 170 rows pay for it the first time;
/// Stable Diffusion 2.1 took 14 to 20 seconds to compile. Both times grow with the number of weights, and that of a row
/// also with its pixels.
const WORTH_COMPILING: u64 = 100_000;

/// Whether a device can be used, for `lb doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProviderReport {
    /// The device.
    pub device: Device,
    /// Why it cannot be used; `None` if something was computed on it.
    pub missing: Option<DeviceProblem>,
}

/// Tries out every device, in the order in which they are declared.
#[must_use]
pub fn providers(runtime: Runtime) -> Vec<ProviderReport> {
    let report = |provider: &ExecutionProvider| ProviderReport {
        device: provider.device,
        missing: provider.try_out(runtime).err(),
    };
    PROVIDERS.iter().map(report).collect()
}

impl Device {
    /// What there is to know about this device; the CPU's for [`Self::Auto`].
    pub(crate) fn provider(self) -> &'static ExecutionProvider {
        let mut providers = PROVIDERS.iter();
        let found = providers.find(|provider| provider.device == self);
        found.unwrap_or(&PROVIDERS[0])
    }

    /// The device that is meant on this machine, never [`Self::Auto`]. It has been tried out, except
    /// for the CPU. If `auto` becomes the CPU, the log says why.
    ///
    /// # Errors
    /// [`ModelError::DeviceUnavailable`] for a device that does not work.
    pub(crate) fn settle(self, runtime: Runtime) -> Result<Self, ModelError> {
        match self {
            Self::Cpu => Ok(Self::Cpu),
            Self::Auto => {
                for device in AUTOMATIC {
                    match device.provider().try_out(runtime) {
                        Ok(()) => return Ok(device),
                        Err(problem) => tracing::info!("not rendering on {device}: {problem}"),
                    }
                }
                Ok(Self::Cpu)
            }
            asked => match asked.provider().try_out(runtime) {
                Ok(()) => Ok(asked),
                Err(reason) => Err(ModelError::DeviceUnavailable {
                    device: asked.to_string(),
                    reason,
                }),
            },
        }
    }
}

impl Device {
    /// What the results on this device depend on apart from ONNX Runtime: the plugin that computes them, by its
    /// library and the kind of device. `None` for a provider that is a part of ONNX Runtime.
    pub(crate) fn plugin_description(self, runtime: Runtime) -> Option<String> {
        Plugin::of(self).map(|plugin| plugin.description(runtime))
    }
}

impl ExecutionProvider {
    /// Looks for what the device needs, then computes something on it. That loads the provider's library
    /// with all that it links to, starts the device, and runs a kernel, so that everything that is missing
    /// or too old is noticed before `auto` relies on it. ONNX Runtime's own messages about what is missing
    /// are hard to read.
    fn try_out(&self, runtime: Runtime) -> Result<(), DeviceProblem> {
        self.look_for_requirements(runtime)?;
        let plugin = Plugin::of(self.device);
        let registration = self.register(runtime, None);
        let registration = registration.map_err(|error| error.to_string());
        let computed = registration.and_then(|registration| {
            let computed = convolve(runtime, registration, plugin.is_some());
            computed.map_err(|error| error.to_string())
        });
        let computed = computed.map_err(|refusal| match self.device {
            Device::Cuda | Device::TensorRt => nvidia::explain(self.device, &refusal),
            _ => DeviceProblem::Refused {
                device: self.device,
                reason: own_words(&refusal),
            },
        })?;
        match plugin {
            Some(_) => self.check(&computed),
            None => Ok(()),
        }
    }

    /// Checks the result of [`convolve`]. The provider of a plugin may be of any age and from anybody.
    fn check(&self, computed: &[f32]) -> Result<(), DeviceProblem> {
        let expected = convolution(&PICTURE, &WEIGHTS);
        let pairs = computed.iter().copied().zip(expected.iter().copied());
        let is_wrong = |&(found, expected): &(f32, f32)| {
            found.is_nan() || (found - expected).abs() > TOLERANCE * expected.abs().max(1.0)
        };
        match pairs.clone().find(is_wrong) {
            None if computed.len() == expected.len() => Ok(()),
            wrong => {
                let (found, expected) = wrong.unwrap_or((f32::NAN, expected[0]));
                Err(DeviceProblem::ComputesWrong {
                    device: self.device,
                    found: found.to_string(),
                    expected: expected.to_string(),
                })
            }
        }
    }

    fn look_for_requirements(&self, runtime: Runtime) -> Result<(), DeviceProblem> {
        let (is_built_in, library) = match self.device {
            Device::Cuda => (ep::CUDA::is_available(), "onnxruntime_providers_cuda"),
            Device::TensorRt => (
                ep::TensorRT::is_available(),
                "onnxruntime_providers_tensorrt",
            ),
            _ => {
                return match Plugin::of(self.device) {
                    Some(plugin) => plugin.look_for(runtime),
                    None => Ok(()),
                };
            }
        };
        nvidia::look_for(runtime, self.device, is_built_in, library)
    }

    /// The providers to register with a session. `session` is `None` for the trial of a device.
    ///
    /// # Errors
    /// [`ModelError::Unwritable`] and [`ModelError::Unreadable`], if a device keeps files of its own.
    pub(crate) fn register(
        &self,
        runtime: Runtime,
        session: Option<&SessionRequest<'_>>,
    ) -> Result<Registration, ModelError> {
        if let Some(plugin) = Plugin::of(self.device) {
            return Ok(Registration::Listed(plugin.devices(runtime, session)?));
        }
        Ok(Registration::BuiltIn(match self.device {
            Device::Cuda => {
                let records_graphs = session.is_some_and(|session| session.records_graphs);
                // A graph of the form for CUDA is fast with convolutions that take the channels last
                // and are chosen by cuDNN's heuristics. Trying all algorithms for every new size of
                // call takes seconds, and the provider's default choice is seven times slower.
                let provider = cuda()
                    .with_prefer_nhwc(true)
                    .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
                    .with_cuda_graph(records_graphs);
                vec![required(provider)]
            }
            Device::TensorRt => vec![tensorrt::provider(session)?, required(cuda())],
            _ => return Ok(Registration::Listed(ListedDevices::cpu(runtime))),
        }))
    }

    /// Asks for less of a session that was refused with this message, and says so in the log: as a
    /// warning if much is lost. Returns `false` if there is nothing less to ask for.
    pub(crate) fn retreat(
        &self,
        session: &mut SessionRequest<'_>,
        component: &str,
        refusal: &str,
    ) -> bool {
        match self.device {
            Device::Cuda if session.records_graphs && refuses_graphs(refusal) => {
                session.records_graphs = false;
                tracing::info!("the {component} cannot be run as CUDA graphs: {refusal}");
                true
            }
            Device::TensorRt if session.keeps_to_profile && tensorrt::lacks_shapes(refusal) => {
                session.keeps_to_profile = false;
                tracing::warn!(
                    "TensorRT does not take the whole {component}; its engines are built when their \
                     shapes are met: {refusal}"
                );
                true
            }
            _ => false,
        }
    }
}

/// Whether this much work, in rows times latent pixels, is worth compiling a model for a processor.
pub(crate) fn is_worth_compiling(work: u64) -> bool {
    work >= WORTH_COMPILING
}

/// Whether [`COMPILING`] works on this machine and is faster than ONNX Runtime's own provider. The log says why it
/// does not work.
pub(crate) fn compiles_here(runtime: Runtime) -> bool {
    if !has_bf16() {
        return false;
    }
    match COMPILING.provider().try_out(runtime) {
        Ok(()) => Plugin::of(COMPILING).is_some_and(|plugin| plugin.uses_cpu(runtime)),
        Err(problem) => {
            tracing::info!("not rendering on {COMPILING}: {problem}");
            false
        }
    }
}

/// Whether the processor computes with numbers of 16 bits (bf16). Those with AMX have these instructions, too.
pub(crate) fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    let found = std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    let found = false;
    found
}

/// CUDA's provider, which TensorRT also needs.
fn cuda() -> ep::CUDA {
    ep::CUDA::default().with_tf32(false)
}

/// A provider without which there is no session. A session that silently falls back to the CPU would be a
/// hundred times slower than what the user asked for.
fn required(provider: ep::CUDA) -> ExecutionProviderDispatch {
    provider.build().error_on_failure()
}

/// Whether a session was refused because not all of it can be recorded.
fn refuses_graphs(refusal: &str) -> bool {
    refusal.contains("graph capture feature")
}

/// The sides of the trial's picture and the channels of its input and output.
const SIDE: usize = 8;
const CHANNELS: usize = 8;
/// The result's height and width.
const RESULT_SIDE: usize = SIDE - 2;
/// How far the trial's result may be from the right one, relative to numbers above 1: as far as 8 binary places
/// (bf16) lead to.
const TOLERANCE: f32 = 0.05;

type Picture = [f32; CHANNELS * SIDE * SIDE];
type Weights = [f32; CHANNELS * CHANNELS * 9];

/// Small numbers that differ from each other and need few binary places.
const PICTURE: Picture = pattern(7);
const WEIGHTS: Weights = pattern(5);

const fn pattern<const N: usize>(period: usize) -> [f32; N] {
    let mut values = [0.0; N];
    let mut index = 0;
    while index < N {
        values[index] = (index % period) as f32 / 4.0 - 0.5;
        index += 1;
    }
    values
}

/// Computes a convolution on the providers. `forbids_fallback` says that it may not be left to the CPU's.
fn convolve(
    runtime: Runtime,
    registration: Registration,
    forbids_fallback: bool,
) -> ort::Result<Vec<f32>> {
    let mut builder = Session::builder(runtime.environment())?;
    if forbids_fallback {
        builder = builder.with_disable_cpu_fallback()?;
    }
    let mut session = registration
        .add_to(builder)?
        .commit_from_memory(CONVOLUTION)?;
    let picture = Tensor::from_array(([1, CHANNELS, SIDE, SIDE], PICTURE.to_vec()))?;
    let weights = Tensor::from_array(([CHANNELS, CHANNELS, 3, 3], WEIGHTS.to_vec()))?;
    let computed = session.run(ort::inputs!["x" => picture, "w" => weights])?;
    Ok(computed["y"].try_extract_tensor::<f32>()?.1.to_vec())
}

/// What [`convolve`] should return.
fn convolution(picture: &Picture, weights: &Weights) -> Vec<f32> {
    let mut result = Vec::with_capacity(CHANNELS * RESULT_SIDE * RESULT_SIDE);
    for to in 0..CHANNELS {
        for row in 0..RESULT_SIDE {
            for column in 0..RESULT_SIDE {
                let products = (0..CHANNELS * 9).map(|index| {
                    let (from, at) = (index / 9, index % 9);
                    let (row, column) = (row + at / 3, column + at % 3);
                    picture[(from * SIDE + row) * SIDE + column]
                        * weights[(to * CHANNELS + from) * 9 + at]
                });
                result.push(products.sum());
            }
        }
    }
    result
}

/// An ONNX file: one `Conv` of `x` (1, 8, 8, 8) with the weights `w` (8, 8, 3, 3) to `y`, in 32-bit
/// floats. Even TensorRT leaves it to CUDA, as it is less than the smallest engine.
const CONVOLUTION: &[u8] = b"\x08\x08\x3a\x6b\
    \x0a\x0f\x0a\x01x\x0a\x01w\x12\x01y\x22\x04Conv\x12\x01p\
    \x5a\x1b\x0a\x01x\x12\x16\x0a\x14\x08\x01\x12\x10\
    \x0a\x02\x08\x01\x0a\x02\x08\x08\x0a\x02\x08\x08\x0a\x02\x08\x08\
    \x5a\x1b\x0a\x01w\x12\x16\x0a\x14\x08\x01\x12\x10\
    \x0a\x02\x08\x08\x0a\x02\x08\x08\x0a\x02\x08\x03\x0a\x02\x08\x03\
    \x62\x1b\x0a\x01y\x12\x16\x0a\x14\x08\x01\x12\x10\
    \x0a\x02\x08\x01\x0a\x02\x08\x08\x0a\x02\x08\x06\x0a\x02\x08\x06\
    \x42\x02\x10\x11";

#[cfg(test)]
mod tests {
    use lb_schedule::Choice as _;

    use super::*;
    use crate::options::SessionOptions;

    #[test]
    fn every_device_but_auto_has_a_row_in_the_table() {
        let listed: Vec<Device> = PROVIDERS.iter().map(|provider| provider.device).collect();
        let named = Device::ALL.iter().filter(|device| **device != Device::Auto);
        assert!(named.eq(&listed));
    }

    #[test]
    fn a_film_is_worth_compiling_for_and_a_still_of_a_small_model_is_not() {
        let work = |rows: u64, side: u64| is_worth_compiling(rows * side * side);
        // 30 steps with guidance are 60 rows; a film of 12 frames has 282.
        assert!(!work(60, 16) && !work(282, 16) && work(1000, 16));
        assert!(work(60, 64) && work(282, 64) && !work(20, 64));
        let mut options = SessionOptions::default();
        assert_eq!(options.compiling_device(WORTH_COMPILING), Some(COMPILING));
        assert_eq!(options.compiling_device(WORTH_COMPILING - 1), None);
        options.precision = Some(Precision::Float32);
        assert_eq!(options.compiling_device(WORTH_COMPILING), None);
        let chosen = SessionOptions::new(Device::Cpu);
        assert_eq!(chosen.compiling_device(WORTH_COMPILING), None);
    }

    #[test]
    fn the_trial_tells_right_from_wrong() {
        let provider = Device::OpenVino.provider();
        let right = convolution(&PICTURE, &WEIGHTS);
        assert!(right.iter().any(|value| value.abs() > 1.0), "{right:?}");
        assert_eq!(provider.check(&right), Ok(()));
        let rounded: Vec<f32> = right.iter().map(|value| value * 1.01).collect();
        assert_eq!(provider.check(&rounded), Ok(()));
        for wrong in [
            vec![0.0; right.len()],
            vec![f32::NAN; right.len()],
            Vec::new(),
        ] {
            let problem = provider.check(&wrong).unwrap_err();
            assert!(matches!(problem, DeviceProblem::ComputesWrong { .. }));
        }
        let mut swapped = right;
        swapped.reverse();
        assert!(provider.check(&swapped).is_err());
    }

    #[test]
    fn only_gpus_compute_in_half_precision_unless_asked() {
        let precision = |device: Device| device.provider().precision;
        assert_eq!(precision(Device::Cpu), Precision::Float32);
        assert_eq!(precision(Device::Cuda), Precision::Float16);
        assert_eq!(precision(Device::TensorRt), Precision::Float16);
    }

    #[test]
    fn every_device_has_the_form_of_graphs_that_is_written_for_it() {
        let form = |device: Device| device.provider().graph_form;
        assert_eq!(form(Device::Cpu), GraphForm::OnnxRuntime);
        assert_eq!(form(Device::Cuda), GraphForm::Cuda);
        assert_eq!(form(Device::TensorRt), GraphForm::Standard);
    }

    #[test]
    fn a_graph_that_cannot_be_recorded_is_distinguished_from_other_refusals() {
        // ONNX Runtime 1.31's message.
        let refusal = "This session cannot use the graph capture feature as requested by the user \
                       as all compute graph nodes have not been partitioned to the \
                       CUDAExecutionProvider";
        assert!(refuses_graphs(refusal));
        assert!(!refuses_graphs(
            "Failed to allocate memory for requested buffer"
        ));
    }
}
