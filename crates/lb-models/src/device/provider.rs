//! ONNX Runtime's execution providers: what sessions need to know about each, and which of them work on
//! this machine.

use lb_export::{GraphForm, Precision};
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{self, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::memory::AllocationDevice;
use ort::session::Session;
use ort::value::Tensor;

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
    /// Whether a size of call takes long when it first comes, because kernels are planned for it. Then
    /// few sizes are used, and calls are padded.
    pub(crate) plans_each_size: bool,
}

/// Every device with its provider, in the order in which [`providers`] reports them.
static PROVIDERS: [ExecutionProvider; 3] = [
    ExecutionProvider {
        device: Device::Cpu,
        precision: Precision::Float32,
        graph_form: GraphForm::OnnxRuntime,
        memory: None,
        records_graphs: false,
        wants_shapes: false,
        wants_size: false,
        plans_each_size: false,
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
        plans_each_size: true,
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
        plans_each_size: false,
    },
];

/// The devices that [`Device::Auto`] tries, most wanted first. Where none of them works it becomes
/// the CPU.
const AUTOMATIC: [Device; 1] = [Device::Cuda];

/// Whether a device can be used, for `lb doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProviderReport {
    /// The device.
    pub device: Device,
    /// Why it cannot be used; `None` if something was computed on it.
    pub missing: Option<DeviceProblem>,
}

/// Tries out every device: the CPU, CUDA, TensorRT, in this order.
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
                        Err(problem) => tracing::info!("rendering on the CPU: {problem}"),
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

impl ExecutionProvider {
    /// Looks for what the device needs, then computes something on it. That loads the provider's library
    /// with all that it links to, starts the device, and runs a kernel, so that everything that is missing
    /// or too old is noticed before `auto` relies on it. ONNX Runtime's own messages about what is missing
    /// are hard to read.
    fn try_out(&self, runtime: Runtime) -> Result<(), DeviceProblem> {
        self.look_for_requirements(runtime)?;
        let providers = self.register(None).map_err(|error| error.to_string());
        let computed = providers.and_then(|providers| {
            let computed = convolve(runtime, providers);
            computed.map_err(|error| error.to_string())
        });
        computed.map_err(|refusal| match self.device {
            Device::Cuda | Device::TensorRt => nvidia::explain(&refusal),
            _ => DeviceProblem::Refused {
                reason: own_words(&refusal),
            },
        })
    }

    fn look_for_requirements(&self, runtime: Runtime) -> Result<(), DeviceProblem> {
        let (is_built_in, library) = match self.device {
            Device::Cuda => (ep::CUDA::is_available(), "onnxruntime_providers_cuda"),
            Device::TensorRt => (
                ep::TensorRT::is_available(),
                "onnxruntime_providers_tensorrt",
            ),
            _ => return Ok(()),
        };
        nvidia::look_for(runtime, self.device, is_built_in, library)
    }

    /// The providers to register with a session, most wanted first. None is the CPU's, which ONNX
    /// Runtime always adds. `session` is `None` for the trial of a device.
    ///
    /// # Errors
    /// [`ModelError::Unwritable`] and [`ModelError::Unreadable`], if a device keeps files of its own.
    pub(crate) fn register(
        &self,
        session: Option<&SessionRequest<'_>>,
    ) -> Result<Vec<ExecutionProviderDispatch>, ModelError> {
        match self.device {
            Device::Cuda => {
                let records_graphs = session.is_some_and(|session| session.records_graphs);
                // A graph of the form for CUDA is fast with convolutions that take the channels last
                // and are chosen by cuDNN's heuristics. Trying all algorithms for every new size of
                // call takes seconds, and the provider's default choice is seven times slower.
                let provider = cuda()
                    .with_prefer_nhwc(true)
                    .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
                    .with_cuda_graph(records_graphs);
                Ok(vec![required(provider)])
            }
            Device::TensorRt => Ok(vec![tensorrt::provider(session)?, required(cuda())]),
            _ => Ok(Vec::new()),
        }
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

fn convolve(
    runtime: Runtime,
    providers: Vec<ort::ep::ExecutionProviderDispatch>,
) -> ort::Result<()> {
    let mut session = Session::builder(runtime.environment())?
        .with_execution_providers(providers)?
        .commit_from_memory(CONVOLUTION)?;
    let picture = Tensor::from_array(([1_usize, 8, 8, 8], vec![0.0_f32; 8 * 8 * 8]))?;
    let weights = Tensor::from_array(([8_usize, 8, 3, 3], vec![0.0_f32; 8 * 8 * 3 * 3]))?;
    session.run(ort::inputs!["x" => picture, "w" => weights])?;
    Ok(())
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

    #[test]
    fn every_device_but_auto_has_a_row_in_the_table() {
        let listed: Vec<Device> = PROVIDERS.iter().map(|provider| provider.device).collect();
        let named = Device::ALL.iter().filter(|device| **device != Device::Auto);
        assert!(named.eq(&listed));
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
