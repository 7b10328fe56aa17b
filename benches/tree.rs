//! What a tree costs outside of the model: planning it, spacing its levels, drawing and timing it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lb_drawing::draw_tree;
use lb_schedule::{
    BranchingProfile, Choice, FilmTiming, FrameRate, Parents, Quality, ScheduleError, Timeline,
    TransitionMotion, Tree, film_frames, parents, perceptual_fractions,
};

const DEPTH_STRENGTH: f64 = 0.4;

criterion_group!(tree, plan, grow, draw, time);
criterion_main!(tree);

fn plan(criterion: &mut Criterion) {
    criterion.bench_function("tree/plan ultra", |bencher| {
        bencher.iter(|| BranchingProfile::preset(Quality::Ultra, black_box(DEPTH_STRENGTH)));
    });
}

/// Computes the fractions of every level by perceptual spacing, and the parents of every branch.
fn grow(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tree/grow");
    for quality in [Quality::Medium, Quality::Ultra] {
        let profile = preset(quality);
        group.bench_function(quality.name(), |bencher| {
            bencher.iter(|| grown(black_box(&profile)));
        });
    }
}

fn draw(criterion: &mut Criterion) {
    let tree = Tree::fixed(preset(Quality::Ultra), 1.2).expect("a mid compression in range");
    criterion.bench_function("tree/draw ultra", |bencher| {
        bencher.iter(|| draw_tree(black_box(&tree), ["a red apple", "a green pear"]));
    });
}

fn time(criterion: &mut Criterion) {
    let timing = FilmTiming::uniform(FrameRate::new(60.0).expect("a frame rate"), 10.0, 11);
    // Computed frames on an arc of a quarter of a circle.
    let distance = |left: usize, right: usize| {
        let angle = (right - left) as f64 / 49.0 * std::f64::consts::FRAC_PI_2;
        Ok::<_, ScheduleError>(2.0 * (0.5 * angle).sin())
    };
    criterion.bench_function("tree/time 10 transitions of 600 frames", |bencher| {
        bencher.iter(|| {
            let timeline = Timeline::new(black_box(&timing))?;
            let spans = timeline.transitions().iter();
            let motions = spans.map(|span| TransitionMotion::perceptual(span, 50, distance));
            film_frames(&timeline, &motions.collect::<Result<Vec<_>, _>>()?)
        });
    });
}

fn preset(quality: Quality) -> BranchingProfile {
    BranchingProfile::preset(quality, DEPTH_STRENGTH).expect("a depth strength in range")
}

fn grown(profile: &BranchingProfile) -> Result<Vec<Parents>, ScheduleError> {
    let mut all = Vec::new();
    let mut above = vec![0.0, 1.0];
    for level in &profile.levels()[1..] {
        // Pictures of a real transition change fastest around one place.
        let distances: Vec<f64> = above
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) / (0.1 + (pair[0] - 0.4_f64).abs()))
            .collect();
        let fractions = perceptual_fractions(level.branch_count, &above, &distances)?;
        for &fraction in &fractions {
            all.push(parents(&above, fraction)?);
        }
        above = fractions;
    }
    Ok(all)
}
