//! Compares with torch's random numbers (`noise.json`).

use lb_blend::noise::{Generator, standard_normal};
use serde::Deserialize;

use super::assert_close;

#[derive(Deserialize)]
struct Noise {
    whole: usize,
    stride: usize,
    tail: usize,
    draws: Vec<Draw>,
    sequence_seed: u64,
    sequence: Vec<Sequel>,
}

#[derive(Deserialize)]
struct Draw {
    seed: String,
    size: usize,
    mean: f64,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Sequel {
    size: usize,
    values: Vec<f32>,
}

#[test]
fn noise_is_torchs() {
    let golden: Noise = serde_json::from_str(include_str!("../../golden/noise.json")).unwrap();
    for draw in &golden.draws {
        let what = format!("seed {}, {} values", draw.seed, draw.size);
        let values = standard_normal(draw.seed.parse().unwrap(), draw.size);
        let tail = golden.whole.max(draw.size.saturating_sub(golden.tail));
        let strided = (golden.whole..draw.size.saturating_sub(golden.tail)).step_by(golden.stride);
        let sampled: Vec<f32> = (0..golden.whole.min(draw.size))
            .chain(strided)
            .chain(tail..draw.size)
            .map(|index| values[index])
            .collect();
        assert_close(&sampled, &draw.values, 1e-5, &what);
        let mean = values
            .iter()
            .map(|value| f64::from(value.abs()))
            .sum::<f64>();
        assert!(
            (mean / draw.size as f64 - draw.mean).abs() < 1e-6,
            "{what}: mean {mean}"
        );
    }
    let mut generator = Generator::seeded(golden.sequence_seed);
    for draw in &golden.sequence {
        assert_close(
            &generator.standard_normal(draw.size),
            &draw.values,
            1e-5,
            "in sequence",
        );
    }
}
