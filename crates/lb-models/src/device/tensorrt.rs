//! NVIDIA's GPUs, with TensorRT: it compiles a graph to an engine, which takes minutes for a large
//! model and is kept on disk.

use lb_export::Precision;
use ort::ep::{self, ExecutionProviderDispatch};

use super::compiled;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::session::SessionRequest;

/// Parts of a graph with fewer nodes are left to CUDA.
const SMALLEST_ENGINE: usize = 5;

/// TensorRT's provider for a session, or for the trial of the device.
pub(super) fn provider(
    session: Option<&SessionRequest<'_>>,
) -> Result<ExecutionProviderDispatch, ModelError> {
    let mut provider = ep::TensorRT::default().with_min_subgraph_size(SMALLEST_ENGINE);
    if let Some(session) = session {
        let precision = match session.source {
            GraphSource::Weights(graph) => graph.precision,
            GraphSource::File(_) => Precision::Float32,
        };
        // Allowed only where the graph asks for it: TensorRT would take 16 bits for any layer,
        // those of a decoder that overflows them too.
        provider = provider
            .with_fp16(precision == Precision::Float16)
            .with_layer_norm_fp32_fallback(true);
        if let Some(folder) = compiled::folder(session, "")? {
            provider = provider
                .with_engine_cache(true)
                .with_engine_cache_path(folder.display())
                .with_timing_cache(true)
                .with_timing_cache_path(folder.display());
        }
        if let Some(profile) = &session.profile
            && session.keeps_to_profile
        {
            let [fewest, usual, most] = profile.shapes();
            provider = provider
                .with_profile_min_shapes(fewest)
                .with_profile_opt_shapes(usual)
                .with_profile_max_shapes(most);
        }
    }
    Ok(provider.build().error_on_failure())
}

/// Whether a session was refused because TensorRT takes only parts of the graph: ONNX Runtime then
/// also wants the shapes between the parts, which nobody can know beforehand.
pub(super) fn lacks_shapes(refusal: &str) -> bool {
    refusal.contains("no associated shape profiles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_that_is_taken_in_parts_is_distinguished_from_other_refusals() {
        // The message of ONNX Runtime 1.31's TensorRT provider.
        let parts = "User needs to provide all the dynamic shape inputs with associated profiles \
                     […]. Following input(s) has no associated shape profiles provided: /mid/y";
        assert!(lacks_shapes(parts));
        assert!(!lacks_shapes("Failed to load library"));
    }
}
