//! The processor.

use ort::ep::ExecutionProviderDispatch;

use super::provider::{ExecutionProvider, Registration};
use crate::error::ModelError;

/// ONNX Runtime's CPU provider, which every session has.
pub(super) struct Cpu;

impl ExecutionProvider for Cpu {
    fn register(
        &self,
        _session: Option<&Registration<'_>>,
    ) -> Result<Vec<ExecutionProviderDispatch>, ModelError> {
        Ok(Vec::new())
    }
}
