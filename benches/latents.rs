//! What is computed on latents outside of the model: noise, mixing and sampler steps, for one branch
//! of the bundled model at 128 pixels and of Stable Diffusion 2.1 at 768.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lb_blend::noise::standard_normal;
use lb_blend::{LatentShape, NoiseScheduleConfig, SamplerKind, lerp, slerp};

const SHAPES: [(&str, LatentShape); 2] = [
    (
        "pocket 128 px",
        LatentShape {
            channels: 4,
            height: 16,
            width: 16,
        },
    ),
    (
        "SD 2.1 768 px",
        LatentShape {
            channels: 4,
            height: 96,
            width: 96,
        },
    ),
];
const STEPS: usize = 30;

criterion_group!(latents, noise, mix, step);
criterion_main!(latents);

fn noise(criterion: &mut Criterion) {
    for_each_shape(criterion, "latents/noise", |length| {
        Box::new(move || {
            black_box(standard_normal(black_box(7), length));
        })
    });
}

fn mix(criterion: &mut Criterion) {
    for (name, mix) in [
        ("latents/slerp", slerp as fn(&_, &_, _, &mut _) -> _),
        ("latents/lerp", lerp),
    ] {
        for_each_shape(criterion, name, |length| {
            let [left, right, mut result] = [0, 1, 2].map(|seed| standard_normal(seed, length));
            Box::new(move || {
                mix(
                    black_box(&left),
                    black_box(&right),
                    black_box(0.3),
                    &mut result,
                )
                .expect("equal lengths");
            })
        });
    }
}

fn step(criterion: &mut Criterion) {
    let config = NoiseScheduleConfig::default();
    for kind in [SamplerKind::Ddim, SamplerKind::DpmSolver] {
        criterion.bench_function(&format!("latents/{kind} schedule of 30 steps"), |bencher| {
            bencher.iter(|| kind.sampler(black_box(&config), STEPS));
        });
        let sampler = kind.sampler(&config, STEPS).expect("a valid configuration");
        for_each_shape(criterion, &format!("latents/{kind} step"), |length| {
            let [mut latents, output, mut clean] =
                [0, 1, 2].map(|seed| standard_normal(seed, length));
            let sampler = &sampler;
            Box::new(move || {
                sampler
                    .step(STEPS / 2, &mut latents, black_box(&output), &mut clean)
                    .expect("equal lengths");
            })
        });
    }
}

/// Measures the work that `prepare` returns for a number of values, for both shapes.
fn for_each_shape<'a>(
    criterion: &mut Criterion,
    name: &str,
    mut prepare: impl FnMut(usize) -> Box<dyn FnMut() + 'a>,
) {
    let mut group = criterion.benchmark_group(name);
    for (shape_name, shape) in SHAPES {
        let mut work = prepare(shape.len());
        group.throughput(Throughput::Elements(shape.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(shape_name), |bencher| {
            bencher.iter(&mut work);
        });
    }
}
