//! Which provider each node of a session runs on, as ONNX Runtime tells its log.
//!
//! A node that a GPU's provider has no kernel for runs on the CPU, without a word and very slowly.
//! ONNX Runtime lists where it placed the nodes in its most detailed log while it loads a session;
//! it has no other way of telling that does not run the model first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ort::logging::{LogLevel, LoggerFunction};
use ort::session::builder::SessionBuilder;

use super::Device;

/// The CPU's provider, as ONNX Runtime calls it.
const CPU: &str = "CPUExecutionProvider";

/// Nodes that compute on whole tensors. All others are for shapes or single numbers, and those
/// ONNX Runtime places on the CPU on purpose.
const COMPUTING: &[&str] = &[
    "Attention",
    "BiasGelu",
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
pub(crate) struct Placement {
    /// Nodes of every provider, by its name.
    pub(crate) nodes: BTreeMap<String, usize>,
    /// Nodes on the CPU beside another provider, by operator.
    on_cpu: BTreeMap<String, usize>,
    /// Whose nodes are being listed.
    listed: Option<String>,
}

impl Placement {
    /// What of a GPU's session is on the CPU though it computes: `None` where nothing is.
    fn falls_back(&self) -> Option<String> {
        if self.nodes.keys().eq([CPU]) {
            return Some("all nodes".into());
        }
        let computing = self
            .on_cpu
            .iter()
            .filter(|(operator, _)| COMPUTING.contains(&operator.as_str()))
            .map(|(operator, count)| format!("{count} {operator}"));
        let computing: Vec<String> = computing.collect();
        (!computing.is_empty()).then(|| computing.join(", "))
    }

    /// Tells what a component's session runs on, and warns of what is not where it was asked for.
    pub(crate) fn tell(&self, component: &'static str, device: Device) {
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
            let (provider, count) = rest
                .split_once("]. Number of nodes: ")
                .unwrap_or((rest, ""));
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
pub(crate) struct PlacementRecorder(Arc<Mutex<Placement>>);

impl PlacementRecorder {
    /// Has the session that is made next tell everything.
    pub(crate) fn listen(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        Ok(builder
            .with_log_level(LogLevel::Verbose)?
            .with_logger(self.logger())?)
    }

    /// Warnings go where they would have gone without it.
    fn logger(&self) -> LoggerFunction {
        let placement = self.0.clone();
        Arc::new(move |level, category, _id, place, message| match level {
            LogLevel::Verbose => placement
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .read(message),
            LogLevel::Info => {}
            LogLevel::Warning => tracing::warn!(target: "ort", category, place, "{message}"),
            LogLevel::Error | LogLevel::Fatal => {
                tracing::error!(target: "ort", category, place, "{message}");
            }
        })
    }

    pub(crate) fn placement(&self) -> Placement {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(messages: &[&str]) -> Placement {
        let mut placement = Placement::default();
        for message in messages {
            placement.read(message);
        }
        placement
    }

    #[test]
    fn shapes_on_the_cpu_are_no_fallback_and_attention_is() {
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
    fn nothing_but_the_cpu_is_a_fallback_whatever_it_runs() {
        let log = [" All nodes placed on [CPUExecutionProvider]. Number of nodes: 7"];
        assert_eq!(read(&log).falls_back().unwrap(), "all nodes");
        assert_eq!(read(&[]).falls_back(), None);
    }
}
