//! Writes the residual block of the UNet and the autoencoder, and the layers that change the resolution.

use lb_checkpoint::CheckpointError;

use super::{Bias, Features, GroupNorm};
use crate::graph::{Attribute, GraphWriter, Value};

impl GraphWriter<'_> {
    /// Writes norm → SiLU → convolution (+ time embedding) → norm → SiLU → convolution, and adds the
    /// result to the input. `time` is the time embedding after its activation, if the network has one.
    pub(crate) fn resnet(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        norm: GroupNorm,
        time: Option<&Features>,
    ) -> Result<Features, CheckpointError> {
        let first = self.group_norm_and_silu(&format!("{path}.norm1"), x, norm)?;
        let mut first = self.convolve(&format!("{path}.conv1"), &first, outputs, 3)?;
        if let Some(time) = time {
            let name = format!("{path}.time_emb_proj");
            let offsets = self.linear(&name, time, outputs, Bias::Present)?;
            let offsets = self.reshape(&name, &offsets.value, &[0, outputs as i64, 1, 1]);
            first = self.add(path, &first, &Features::new(offsets, outputs));
        }
        let second = self.group_norm_and_silu(&format!("{path}.norm2"), &first, norm)?;
        let second = self.convolve(&format!("{path}.conv2"), &second, outputs, 3)?;
        if x.channels == outputs {
            return Ok(self.add(path, x, &second));
        }
        let shortcut = self.convolve(&format!("{path}.conv_shortcut"), x, outputs, 1)?;
        Ok(self.add(path, &shortcut, &second))
    }

    /// Writes the doubling of height and width by repetition of pixels, and a convolution after it.
    pub(crate) fn upsample(
        &mut self,
        path: &str,
        x: &Features,
    ) -> Result<Features, CheckpointError> {
        let factors = self.float32s("upsampling_factors", &[4], &[1.0, 1.0, 2.0, 2.0]);
        let x = self.channels_first(path, x);
        let inputs = [&x.value, &Value::absent(), &factors];
        let attributes = [
            Attribute::Text("mode", "nearest"),
            Attribute::Text("coordinate_transformation_mode", "asymmetric"),
            Attribute::Text("nearest_mode", "floor"),
        ];
        let larger = self.node(path, "Resize", &inputs, &attributes);
        let size = x.size.map(|size| size.map(|side| side * 2));
        let larger = Features::picture(larger, x.channels, size);
        self.convolve(&format!("{path}.conv"), &larger, x.channels, 3)
    }

    /// Writes the halving of height and width by a convolution with stride 2. With symmetric padding,
    /// zeros are added on all four sides; otherwise only at the bottom and on the right, as in diffusers'
    /// autoencoders.
    pub(crate) fn downsample(
        &mut self,
        path: &str,
        x: &Features,
        symmetric_padding: bool,
    ) -> Result<Features, CheckpointError> {
        let before = i64::from(symmetric_padding);
        let padding = [before, before, 1, 1];
        self.convolve_strided(&format!("{path}.conv"), x, x.channels, 3, 2, padding)
    }
}
