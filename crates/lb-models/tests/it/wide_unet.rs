//! A UNet of Stable Diffusion's smallest width, with random weights: the golden models are narrower than
//! what some kernels take.

use std::fs;
use std::path::Path;

use lb_models::testing::{NamedTensor, TensorValues};
use serde_json::{Map, json};

/// The width of the network, of its time embedding, and of the text.
const WIDTH: usize = 320;
const TIME: usize = 4 * WIDTH;
const TEXT: usize = 16;

/// Writes `unet/config.json` and its weights: one block down, the middle block with a transformer, one
/// block up.
pub(crate) fn write(directory: &Path) {
    let folder = directory.join("unet");
    fs::create_dir_all(&folder).unwrap();
    let config = json!({
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": [5],
        "block_out_channels": [WIDTH],
        "cross_attention_dim": TEXT,
        "down_block_types": ["DownBlock2D"],
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": 1,
        "norm_eps": 1e-5,
        "norm_num_groups": 32,
        "out_channels": 4,
        "sample_size": 8,
        "up_block_types": ["UpBlock2D"],
        "upcast_attention": true,
        "use_linear_projection": true,
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let (mut header, mut data, mut random) = (Map::new(), Vec::new(), 0_u64);
    for (name, shape) in tensors() {
        let begin = data.len();
        let count: usize = shape.iter().product();
        // Layers keep the magnitude of their inputs; norms scale by about one.
        let range = match shape[..] {
            [_] => 0.1,
            _ => (3.0 / shape[1..].iter().product::<usize>() as f32).sqrt(),
        };
        let middle = if name.contains("norm") && name.ends_with("weight") {
            1.0
        } else {
            0.0
        };
        for _ in 0..count {
            let value = middle + range * uniform(&mut random);
            data.extend(value.to_le_bytes());
        }
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(name, entry);
    }
    let header = json!(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    fs::write(folder.join("diffusion_pytorch_model.safetensors"), file).unwrap();
}

/// Inputs for two rows of latents of 4×6.
pub(crate) fn inputs() -> Vec<NamedTensor> {
    let mut random = 1;
    let mut floats = |name: &str, shape: &[usize]| NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        values: TensorValues::Float32(
            (0..shape.iter().product())
                .map(|_| 1.7 * uniform(&mut random))
                .collect(),
        ),
    };
    vec![
        floats("sample", &[2, 4, 4, 6]),
        floats("encoder_hidden_states", &[2, 7, TEXT]),
        NamedTensor {
            name: "timestep".into(),
            shape: vec![1],
            values: TensorValues::Int64(vec![501]),
        },
    ]
}

/// The height and width of these latents.
pub(crate) const SIZE: [usize; 2] = [4, 6];

/// A number from -1 to 1, by a linear congruential generator.
fn uniform(state: &mut u64) -> f32 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// The names and shapes of all tensors.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors = Vec::new();
    let mut layer = |path: &str, weight: &[usize], has_bias: bool| {
        tensors.push((format!("{path}.weight"), weight.to_vec()));
        if has_bias {
            tensors.push((format!("{path}.bias"), vec![weight[0]]));
        }
    };
    layer("conv_in", &[WIDTH, 4, 3, 3], true);
    layer("time_embedding.linear_1", &[TIME, WIDTH], true);
    layer("time_embedding.linear_2", &[TIME, TIME], true);
    for (path, inputs) in [
        ("down_blocks.0.resnets.0", WIDTH),
        ("mid_block.resnets.0", WIDTH),
        ("mid_block.resnets.1", WIDTH),
        ("up_blocks.0.resnets.0", 2 * WIDTH),
        ("up_blocks.0.resnets.1", 2 * WIDTH),
    ] {
        layer(&format!("{path}.norm1"), &[inputs], true);
        layer(&format!("{path}.conv1"), &[WIDTH, inputs, 3, 3], true);
        layer(&format!("{path}.time_emb_proj"), &[WIDTH, TIME], true);
        layer(&format!("{path}.norm2"), &[WIDTH], true);
        layer(&format!("{path}.conv2"), &[WIDTH, WIDTH, 3, 3], true);
        if inputs != WIDTH {
            layer(
                &format!("{path}.conv_shortcut"),
                &[WIDTH, inputs, 1, 1],
                true,
            );
        }
    }
    let path = "mid_block.attentions.0";
    layer(&format!("{path}.norm"), &[WIDTH], true);
    layer(&format!("{path}.proj_in"), &[WIDTH, WIDTH], true);
    layer(&format!("{path}.proj_out"), &[WIDTH, WIDTH], true);
    let path = format!("{path}.transformer_blocks.0");
    for (attention, seen) in [("attn1", WIDTH), ("attn2", TEXT)] {
        layer(&format!("{path}.{attention}.to_q"), &[WIDTH, WIDTH], false);
        layer(&format!("{path}.{attention}.to_k"), &[WIDTH, seen], false);
        layer(&format!("{path}.{attention}.to_v"), &[WIDTH, seen], false);
        layer(
            &format!("{path}.{attention}.to_out.0"),
            &[WIDTH, WIDTH],
            true,
        );
    }
    for norm in ["norm1", "norm2", "norm3"] {
        layer(&format!("{path}.{norm}"), &[WIDTH], true);
    }
    layer(&format!("{path}.ff.net.0.proj"), &[8 * WIDTH, WIDTH], true);
    layer(&format!("{path}.ff.net.2"), &[WIDTH, 4 * WIDTH], true);
    layer("conv_norm_out", &[WIDTH], true);
    layer("conv_out", &[4, WIDTH, 3, 3], true);
    tensors
}
