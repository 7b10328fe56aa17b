//! Writes the residual block of the UNet and the autoencoder, and the layers that change the resolution.

use lb_checkpoint::CheckpointError;

use super::{Bias, Features, GroupNorm};
use crate::graph::{Attribute, GraphWriter, Value};
use crate::options::GraphForm;

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
        let first = match time {
            Some(time) => self.convolve_and_shift(path, &first, outputs, time)?,
            None => self.convolve(&format!("{path}.conv1"), &first, outputs, 3)?,
        };
        let second = self.group_norm_and_silu(&format!("{path}.norm2"), &first, norm)?;
        if self.has_bias_add(outputs) && x.size.is_some() {
            return self.convolve_onto_shortcut(path, &second, outputs, x);
        }
        let second = self.convolve(&format!("{path}.conv2"), &second, outputs, 3)?;
        if x.channels == outputs {
            return Ok(self.add(path, x, &second));
        }
        let shortcut = self.convolve(&format!("{path}.conv_shortcut"), x, outputs, 1)?;
        Ok(self.add(path, &shortcut, &second))
    }

    /// Writes the first convolution, and adds what the time embedding is projected to.
    fn convolve_and_shift(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        time: &Features,
    ) -> Result<Features, CheckpointError> {
        let (conv, name) = (format!("{path}.conv1"), format!("{path}.time_emb_proj"));
        if self.form != GraphForm::Cuda {
            let convolved = self.convolve(&conv, x, outputs, 3)?;
            let offsets = self.linear(&name, time, outputs, Bias::Present)?;
            let offsets = self.reshape(&name, &offsets.value, &[0, outputs as i64, 1, 1]);
            return Ok(self.add(path, &convolved, &Features::new(offsets, outputs)));
        }
        // On a GPU, a bias of a convolution is one more pass over its result. Here it is part of the
        // offsets.
        let convolved = self.convolve_without_bias(&conv, x, outputs, 3)?;
        let projected = self.linear(&name, time, outputs, Bias::Absent)?;
        let biases = [format!("{conv}.bias"), format!("{name}.bias")];
        let bias = self.sum_of_biases(&name, &biases, outputs)?;
        let offsets = self.node(&name, "Add", &[&projected.value, &bias], &[]);
        let offsets = self.reshape(&name, &offsets, &[0, 1, 1, outputs as i64]);
        let convolved = self.channels_last(path, &convolved);
        let sum = self.node(path, "Add", &[&convolved.value, &offsets], &[]);
        Ok(convolved.with_value(sum))
    }

    /// Writes the last convolution and the one of the shortcut, if there is one, and adds their results
    /// and their biases in one pass.
    fn convolve_onto_shortcut(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        input: &Features,
    ) -> Result<Features, CheckpointError> {
        let name = format!("{path}.conv2");
        let convolved = self.convolve_without_bias(&name, x, outputs, 3)?;
        let mut biases = vec![format!("{name}.bias")];
        let mut shortcut = input.clone();
        if input.channels != outputs {
            let name = format!("{path}.conv_shortcut");
            shortcut = self.convolve_without_bias(&name, input, outputs, 1)?;
            biases.push(format!("{name}.bias"));
        }
        let bias = self.sum_of_biases(path, &biases, outputs)?;
        let tokens = [&convolved, &shortcut].map(|picture| self.tokens_from_picture(path, picture));
        let inputs = [&tokens[0].value, &bias, &tokens[1].value];
        let sum = Features::new(self.node(path, "BiasAdd", &inputs, &[]), outputs);
        let picture = self.picture_from_tokens(path, &sum, &convolved);
        Ok(self.channels_first(path, &picture))
    }

    /// Writes the doubling of height and width by repetition of pixels, and a convolution after it. If `size`
    /// is given, the larger picture has this height and width: halving an odd number leaves one more or less
    /// than half.
    pub(crate) fn upsample(
        &mut self,
        path: &str,
        x: &Features,
        size: Option<[usize; 2]>,
    ) -> Result<Features, CheckpointError> {
        let name = format!("{path}.conv");
        match (x.size, size) {
            (Some(from), Some(to)) if to != from.map(|side| 2 * side) => {
                let mut larger = self.channels_first(path, x);
                for (axis, (from, to)) in [2, 3].into_iter().zip(from.into_iter().zip(to)) {
                    // The nearest neighbours, as PyTorch finds them.
                    let nearest: Vec<i64> = (0..to).map(|at| (at * from / to) as i64).collect();
                    let nearest = self.integers(&nearest);
                    let inputs = [&larger.value, &nearest];
                    let value =
                        self.node(path, "Gather", &inputs, &[Attribute::Integer("axis", axis)]);
                    larger = larger.with_value(value);
                }
                let larger = Features::picture(larger.value, x.channels, Some(to));
                self.convolve_strided(&name, &larger, x.channels, 3, 1, [1; 4], Bias::Present)
            }
            _ => self.double_size_and_convolve(path, &name, x, Bias::Present),
        }
    }

    /// Writes the doubling of height and width by repetition of pixels, and a convolution by a kernel of
    /// 3×3 that keeps the number of channels, whose weights are at `convolution`.
    pub(crate) fn double_size_and_convolve(
        &mut self,
        path: &str,
        convolution: &str,
        x: &Features,
        bias: Bias,
    ) -> Result<Features, CheckpointError> {
        if self.form == GraphForm::OnnxRuntime {
            return self.convolve_before_doubling(path, convolution, x, bias);
        }
        let larger = self.double_size(path, x);
        let padding = [1; 4];
        self.convolve_strided(convolution, &larger, x.channels, 3, 1, padding, bias)
    }

    /// Writes the doubling of height and width by repetition of pixels.
    fn double_size(&mut self, path: &str, x: &Features) -> Features {
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
        Features::picture(larger, x.channels, size)
    }

    /// Writes the same as a doubling and a convolution of the larger picture, with four ninths of the
    /// multiplications: where pixels repeat, a kernel of 3×3 sees only 2×2 different ones. Each of the
    /// four pixels that one becomes has a kernel of its own, which contains the sums of the weights that
    /// meet the same pixel. The runtime adds them up only once, when it loads the graph.
    fn convolve_before_doubling(
        &mut self,
        path: &str,
        convolution: &str,
        x: &Features,
        bias: Bias,
    ) -> Result<Features, CheckpointError> {
        let channels = x.channels;
        let shape = [channels, channels, 3, 3];
        let weight = self.weight(&format!("{convolution}.weight"), &shape)?;
        let weight = self.reshape(convolution, &weight, &[-1, 9]);
        let bias = match bias {
            Bias::Present => Some(self.weight(&format!("{convolution}.bias"), &[channels])?),
            Bias::Absent => None,
        };
        let x = self.channels_first(path, x);
        let mut quarters = Vec::new();
        for [row, column] in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let name = format!("sums_of_taps({row},{column})");
            let sums = self.float32s(&name, &[9, 4], &sums_of_taps(row, column));
            let sums = self.enter_graph_format(&name, &sums);
            let kernels = self.node(convolution, "MatMul", &[&weight, &sums], &[]);
            let sides = [channels as i64, channels as i64, 2, 2];
            let kernels = self.reshape(convolution, &kernels, &sides);
            // The pixels on the left (above) also see the pixel to the left (above), the others the one
            // to the right (below).
            let [row, column] = [row as i64, column as i64];
            let attributes = [
                Attribute::Integers("kernel_shape", &[2; 2]),
                Attribute::Integers("pads", &[1 - row, 1 - column, row, column]),
            ];
            let mut inputs = vec![&x.value, &kernels];
            inputs.extend(&bias);
            quarters.push(self.node(convolution, "Conv", &inputs, &attributes));
        }
        let quarters: Vec<&Value> = quarters.iter().collect();
        let quarters = self.concatenate(path, &quarters, 1);
        let attributes = [
            Attribute::Integer("blocksize", 2),
            Attribute::Text("mode", "DCR"),
        ];
        let mut larger = self.node(path, "DepthToSpace", &[&quarters], &attributes);
        if self.is_changed(convolution) {
            // A change has so few kernels that it may as well see the larger picture.
            let picture = self.double_size(path, &x);
            let padded = [
                Attribute::Integers("kernel_shape", &[3; 2]),
                Attribute::Integers("pads", &[1; 4]),
            ];
            if let Some(change) =
                self.convolution_change(convolution, &picture, channels, 3, &padded)?
            {
                larger = self.node(path, "Add", &[&larger, &change], &[]);
            }
        }
        let size = x.size.map(|size| size.map(|side| side * 2));
        Ok(Features::picture(larger, channels, size))
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
        let name = format!("{path}.conv");
        self.convolve_strided(&name, x, x.channels, 3, 2, padding, Bias::Present)
    }
}

/// The matrix that sums up the nine weights of a kernel of 3×3, which meets a picture of doubled size at an
/// even (0) or odd (1) row and column, into a kernel of 2×2 for the picture before: nine rows of four.
fn sums_of_taps(row: usize, column: usize) -> [f32; 36] {
    let mut sums = [0.0; 36];
    for tap in 0..9 {
        // Rows -1, 0 and 1 beside row 0 lie in the rows -1, 0 and 0 before the doubling, those beside row
        // 1 in the rows 0, 0 and 1.
        let [seen_row, seen_column] = [
            (tap / 3 + 1 + row) / 2 - row,
            (tap % 3 + 1 + column) / 2 - column,
        ];
        sums[tap * 4 + seen_row * 2 + seen_column] = 1.0;
    }
    sums
}
