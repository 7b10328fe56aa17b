//! The trait of a device: what sessions need to know about it.

use std::path::Path;

use lb_export::{GraphForm, Precision};
use ort::ep::ExecutionProviderDispatch;
use ort::memory::AllocationDevice;

use super::problem::DeviceProblem;
use super::shape_profile::ShapeProfile;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::runtime::Runtime;

/// A device that models can run on: one of ONNX Runtime's execution providers, and what this
/// program knows of it.
///
/// The defaults are right for a device in the machine's own memory that takes every graph.
pub(crate) trait ExecutionProvider: Sync {
    /// What models compute in on this device unless the user chooses.
    fn precision(&self) -> Precision {
        Precision::Float32
    }

    /// The operators that graphs for this device are written in.
    fn graph_form(&self) -> GraphForm {
        GraphForm::OnnxRuntime
    }

    /// The device's own memory, in which tensors that stay bound to a session have a copy; `None` if it
    /// works in the machine's.
    fn memory(&self) -> Option<AllocationDevice<'static>> {
        None
    }

    /// Whether runs on tensors that stay bound can be recorded and replayed (CUDA graphs).
    fn records_graphs(&self) -> bool {
        false
    }

    /// Whether sessions are faster if the shapes of their inputs are known beforehand.
    fn wants_shapes(&self) -> bool {
        false
    }

    /// Looks for what the device needs, step by step, before it is tried out: ONNX Runtime's own
    /// messages about what is missing are hard to read.
    ///
    /// # Errors
    /// The first thing that is missing.
    fn look_for_requirements(&self, _runtime: Runtime) -> Result<(), DeviceProblem> {
        Ok(())
    }

    /// Why the device does not work, from ONNX Runtime's message about the trial.
    fn explain(&self, refusal: &str) -> DeviceProblem {
        DeviceProblem::refused(refusal)
    }

    /// The providers to register with a session, most wanted first. None is the CPU's, which ONNX
    /// Runtime always adds. `session` is `None` for the trial of a device.
    ///
    /// # Errors
    /// [`ModelError::Unwritable`] and [`ModelError::Unreadable`], if a device keeps files of its own.
    fn register(
        &self,
        session: Option<&Registration<'_>>,
    ) -> Result<Vec<ExecutionProviderDispatch>, ModelError>;

    /// Asks for less of a session that was refused with this message. Returns what the user should
    /// know, as a sentence about the component of this name, or `None` if there is nothing less to ask
    /// for.
    fn retreat(
        &self,
        _session: &mut Registration<'_>,
        _component: &str,
        _refusal: &str,
    ) -> Option<String> {
        None
    }
}

/// What a session is to do on its device.
pub(crate) struct Registration<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) source: &'a GraphSource,
    /// The folder for what a device compiles, if it is to be kept.
    pub(crate) engine_cache: Option<&'a Path>,
    /// The shapes of the inputs, if they are known.
    pub(crate) profile: Option<ShapeProfile>,
    /// Whether the session must keep to the profile, so that it is refused if it cannot.
    pub(crate) keeps_to_profile: bool,
    /// Whether runs are to be recorded and replayed.
    pub(crate) records_graphs: bool,
}
