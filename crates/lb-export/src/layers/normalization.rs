//! Writes layer norms and group norms.

use lb_checkpoint::CheckpointError;

use super::{Activation, Features};
use crate::graph::{Attribute, ElementType, GraphWriter};
use crate::options::GraphForm;

/// The settings of a group normalisation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupNorm {
    pub(crate) groups: usize,
    pub(crate) epsilon: f64,
}

impl GroupNorm {
    /// Whether the CUDA provider's kernel of `GroupNorm` takes this number of channels. Each of its
    /// threads reads two channels of a group, and one block of threads reads whole groups.
    fn has_cuda_kernel(self, channels: usize) -> bool {
        const CHANNELS_PER_THREAD: usize = 2;
        const MOST_CHANNELS_PER_BLOCK: usize = 512;
        if !channels.is_multiple_of(self.groups) {
            return false;
        }
        let per_group = channels / self.groups;
        per_group.is_multiple_of(CHANNELS_PER_THREAD) && per_group <= MOST_CHANNELS_PER_BLOCK
    }
}

impl GraphWriter<'_> {
    /// Writes a layer normalisation over the last axis.
    pub(crate) fn layer_norm(
        &mut self,
        path: &str,
        x: &Features,
        epsilon: f64,
    ) -> Result<Features, CheckpointError> {
        let scale = self.weight(&format!("{path}.weight"), &[x.channels])?;
        let shift = self.weight(&format!("{path}.bias"), &[x.channels])?;
        let epsilon = [Attribute::Float("epsilon", epsilon as f32)];
        let inputs = [&x.value, &scale, &shift];
        let normal = self.node(path, "LayerNormalization", &inputs, &epsilon);
        Ok(x.with_value(normal))
    }

    /// Writes a group normalisation of pictures: each group of channels is normalised to mean 0 and
    /// variance 1, and then each channel is scaled and shifted.
    pub(crate) fn group_norm(
        &mut self,
        path: &str,
        x: &Features,
        norm: GroupNorm,
    ) -> Result<Features, CheckpointError> {
        if self.form == GraphForm::Cuda && norm.has_cuda_kernel(x.channels) {
            return self.group_norm_of_cuda(path, x, norm, false);
        }
        self.group_norm_by_instances(path, x, norm)
    }

    /// Writes a group normalisation of pictures, and a SiLU of its result.
    pub(crate) fn group_norm_and_silu(
        &mut self,
        path: &str,
        x: &Features,
        norm: GroupNorm,
    ) -> Result<Features, CheckpointError> {
        if self.form == GraphForm::Cuda && norm.has_cuda_kernel(x.channels) {
            return self.group_norm_of_cuda(path, x, norm, true);
        }
        let normal = self.group_norm_by_instances(path, x, norm)?;
        Ok(self.activate(path, &normal, Activation::Silu))
    }

    /// Writes the operator for which only the CUDA provider has a kernel. It takes the channels last, and
    /// scale and shift in 32 bits. It sums in 32 bits, too.
    fn group_norm_of_cuda(
        &mut self,
        path: &str,
        x: &Features,
        GroupNorm { groups, epsilon }: GroupNorm,
        with_silu: bool,
    ) -> Result<Features, CheckpointError> {
        let mut parameter = |name: &str| {
            let name = format!("{path}.{name}");
            self.weight_in(ElementType::Float32, &name, &[x.channels])
        };
        let (scale, shift) = (parameter("weight")?, parameter("bias")?);
        let x = self.channels_last(path, x);
        let attributes = [
            Attribute::Integer("groups", groups as i64),
            Attribute::Float("epsilon", epsilon as f32),
            Attribute::Integer("activation", i64::from(with_silu)),
            Attribute::Integer("channels_last", 1),
        ];
        let inputs = [&x.value, &scale, &shift];
        Ok(x.with_value(self.node(path, "GroupNorm", &inputs, &attributes)))
    }

    /// Writes the operator `InstanceNormalization` over the groups, because ONNX Runtime's CPU provider
    /// has a kernel for it. It has none for `GroupNormalization`, which it splits into slower operators.
    /// Means and variances are always computed in 32-bit floats, because their sums would overflow 16-bit
    /// ones.
    fn group_norm_by_instances(
        &mut self,
        path: &str,
        x: &Features,
        GroupNorm { groups, epsilon }: GroupNorm,
    ) -> Result<Features, CheckpointError> {
        let scale = self.weight(&format!("{path}.weight"), &[x.channels])?;
        let shift = self.weight(&format!("{path}.bias"), &[x.channels])?;
        let x = self.channels_first(path, x);
        let shape = self.picture_shape(path, &x);
        let grouped = self.reshape(path, &x.value, &[0, groups as i64, -1]);
        let grouped = self.leave_graph_format(path, &grouped);
        let [ones, zeros] = [("ones", 1.0), ("zeros", 0.0)].map(|(name, number)| {
            self.float32s(
                &format!("{name}({groups})"),
                &[groups],
                &vec![number; groups],
            )
        });
        let epsilon = [Attribute::Float("epsilon", epsilon as f32)];
        let inputs = [&grouped, &ones, &zeros];
        let normal = self.node(path, "InstanceNormalization", &inputs, &epsilon);
        let normal = self.enter_graph_format(path, &normal);
        let normal = self.node(path, "Reshape", &[&normal, &shape], &[]);
        let per_channel = [x.channels as i64, 1, 1];
        let scale = self.reshape(path, &scale, &per_channel);
        let shift = self.reshape(path, &shift, &per_channel);
        let scaled = self.node(path, "Mul", &[&normal, &scale], &[]);
        let shifted = self.node(path, "Add", &[&scaled, &shift], &[]);
        Ok(x.with_value(shifted))
    }
}
