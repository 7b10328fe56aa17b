//! Which execution provider each node of a session runs on, read from ONNX Runtime's log.
//!
//! A node that a GPU's provider has no kernel for runs on the CPU, silently and very slowly. ONNX
//! Runtime lists where it placed the nodes in its most detailed log while it loads a session. There
//! is no other way of finding out without running the model first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::logging::{LogLevel, LoggerFunction};
use ort::session::builder::SessionBuilder;

use crate::device::Device;

/// ONNX Runtime's name for the CPU's provider.
pub(crate) const CPU: &str = "CPUExecutionProvider";

/// The operators that compute on whole tensors. All others are for shapes or single numbers, which
/// ONNX Runtime places on the CPU on purpose.
const COMPUTING: &[&str] = &[
    "Attention",
    "BiasAdd",
    "BiasGelu",
    "BiasSplitGelu",
    "Conv",
    "Einsum",
    "FastGelu",
    "FusedConv",
    "FusedGemm",
    "FusedMatMul",
    "Gelu",
    "Gemm",
    "GroupNorm",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "MatMul",
    "MultiHeadAttention",
    "QuickGelu",
    "Resize",
    "SkipGroupNorm",
    "SkipLayerNormalization",
    "Softmax",
];

/// Where the nodes of a session run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct NodePlacement {
    /// The number of nodes of every provider, by its name.
    pub(crate) nodes: BTreeMap<String, usize>,
    /// The number of nodes on the CPU, by operator, where there is another provider.
    on_cpu: BTreeMap<String, usize>,
    /// The provider whose nodes the log lists at the moment.
    listed: Option<String>,
}

impl NodePlacement {
    /// The computing nodes of a GPU's session that are on the CPU, for a message; `None` if there are
    /// none.
    fn falls_back(&self) -> Option<String> {
        if self.nodes.keys().eq([CPU]) {
            return Some("all nodes".into());
        }
        let nodes = self.on_cpu.iter();
        let computing = nodes.filter(|(operator, _)| COMPUTING.contains(&operator.as_str()));
        let computing = computing.map(|(operator, count)| format!("{count} {operator}"));
        let computing: Vec<String> = computing.collect();
        (!computing.is_empty()).then(|| computing.join(", "))
    }

    /// Logs what a component's session runs on, with a warning if computing nodes fell back to the
    /// CPU.
    pub(crate) fn report(&self, component: &'static str, device: Device) {
        tracing::debug!(component, %device, nodes = ?self.nodes, on_cpu = ?self.on_cpu, "nodes placed");
        if let Some(nodes) = self.falls_back() {
            tracing::warn!(
                "the {component} runs partly on the CPU, which is slow: ONNX Runtime has no kernel \
                 on {device} for {nodes}"
            );
        }
    }

    /// Reads one message of the log.
    fn read(&mut self, message: &str) {
        let message = message.trim_start();
        let placed = ["All nodes placed on [", "Node(s) placed on ["];
        if let Some(rest) = placed.iter().find_map(|head| message.strip_prefix(head)) {
            let parts = rest.split_once("]. Number of nodes: ");
            let (provider, count) = parts.unwrap_or((rest, ""));
            let count: usize = count.trim().parse().unwrap_or_default();
            *self.nodes.entry(provider.into()).or_default() += count;
            self.listed = Some(provider.into());
            return;
        }
        // The nodes below such a line: `Conv (/down_blocks.0/conv)`.
        match (&self.listed, message.split_once(" (")) {
            (Some(provider), Some((operator, name))) if name.trim_end().ends_with(')') => {
                if provider == CPU {
                    *self.on_cpu.entry(operator.into()).or_default() += 1;
                }
            }
            _ => self.listed = None,
        }
    }
}

/// Listens to the log of one session while it is made.
#[derive(Clone, Default)]
pub(crate) struct PlacementRecorder(Arc<Mutex<NodePlacement>>);

impl PlacementRecorder {
    /// Lets the session that is made next log everything.
    pub(crate) fn listen(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        Ok(builder
            .with_log_level(LogLevel::Verbose)?
            .with_logger(self.logger())?)
    }

    /// Receives the session's log. Warnings and errors go to `tracing`, as they would without it.
    fn logger(&self) -> LoggerFunction {
        let placement = self.0.clone();
        Arc::new(move |level, category, _id, location, message| match level {
            LogLevel::Verbose => lock(&placement).read(message),
            LogLevel::Info => {}
            LogLevel::Warning => tracing::warn!(target: "ort", category, location, "{message}"),
            LogLevel::Error | LogLevel::Fatal => {
                tracing::error!(target: "ort", category, location, "{message}");
            }
        })
    }

    /// What the log has said so far.
    pub(crate) fn placement(&self) -> NodePlacement {
        lock(&self.0).clone()
    }
}

fn lock(placement: &Mutex<NodePlacement>) -> MutexGuard<'_, NodePlacement> {
    placement.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(messages: &[&str]) -> NodePlacement {
        let mut placement = NodePlacement::default();
        for message in messages {
            placement.read(message);
        }
        placement
    }

    #[test]
    fn shapes_on_the_cpu_are_no_fallback_but_attention_is() {
        let mut log = vec![
            "Node placements",
            " Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3",
            "  Shape (/conv_norm_out/Shape)",
            "  Shape (/mid/Shape)",
            "  Gather ()",
            " Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 2",
            "  Conv (/conv_in)",
            "  Attention (/mid/attention)",
            "SaveMLValueNameIndexMapping",
            "  Softmax (not in the list any more)",
        ];
        let placement = read(&log);
        assert_eq!(placement.nodes["CUDAExecutionProvider"], 2);
        assert_eq!(placement.on_cpu["Shape"], 2);
        assert_eq!(placement.falls_back(), None);

        log.insert(5, "  Attention (/up/attention)");
        assert_eq!(read(&log).falls_back().unwrap(), "1 Attention");
    }

    #[test]
    fn running_on_the_cpu_alone_is_a_fallback_whatever_the_operators() {
        let log = [" All nodes placed on [CPUExecutionProvider]. Number of nodes: 7"];
        assert_eq!(read(&log).falls_back().unwrap(), "all nodes");
        assert_eq!(read(&[]).falls_back(), None);
    }
}
