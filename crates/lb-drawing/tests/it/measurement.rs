//! The plot of a measured film is well-formed and names what it shows.

use lb_drawing::{
    MeasurementLimits, MeasurementPlot, TransitionCurves, draw_comparison, draw_measurement,
};
use proptest::prelude::*;

use crate::check_well_formed;

#[test]
fn a_plot_names_its_axes_and_numbers() {
    let mut plot = MeasurementPlot::new(6, [48, 32]);
    plot.frames_per_second = Some(25.0);
    plot.coefficient_of_variation = 0.25;
    plot.verdict = "uneven; sharp & clear";
    plot.retention = Some([0.8, 0.9, 1.1]);
    plot.transitions = vec![TransitionCurves {
        first: 0,
        last: 5,
        distances: &[1.0, 2.0, 3.0, 2.0, 1.0],
        retention: &[1.0, 0.9, 0.8, 0.9, 1.0, 1.0],
        residual: None,
        drift: None,
        spread: None,
    }];
    let svg = draw_measurement(&plot, &MeasurementLimits::default());
    for words in [
        "6 frames · 48×32 · 25 frames a second",
        "variation 0.250",
        "uneven; sharp &amp; clear",
        "retention 0.90 (0.80 to 1.10)",
        "film time (s)",
        "grey levels",
        "blend residual",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    // Few frames are marked one by one.
    assert_eq!(svg.matches("<circle").count(), 6);
    plot.frames_per_second = None;
    assert!(draw_measurement(&plot, &MeasurementLimits::default()).contains(">frame<"));
}

#[test]
fn transitions_are_separated() {
    let curves = |first, last| TransitionCurves {
        first,
        last,
        distances: &[1.0, 1.0],
        retention: &[1.0, 1.0, 1.0],
        residual: Some(&[0.0, 0.5, 0.0]),
        drift: None,
        spread: None,
    };
    let mut plot = MeasurementPlot::new(8, [2, 2]);
    plot.transitions = vec![curves(0, 2), curves(2, 4), curves(5, 7)];
    let svg = draw_measurement(&plot, &MeasurementLimits::default());
    // Transitions meet at frame 2, and a keyframe is held from frame 4 to 5, in each of the panels.
    assert_eq!(svg.matches("stroke-dasharray").count(), 3 * 3);
}

fn with_background(frames_per_second: Option<f64>) -> MeasurementPlot<'static> {
    let mut plot = MeasurementPlot::new(3, [2, 2]);
    plot.frames_per_second = frames_per_second;
    plot.background = Some([2.5, 1.25]);
    plot.transitions = vec![TransitionCurves {
        first: 0,
        last: 2,
        distances: &[1.0, 1.0],
        retention: &[1.0, 1.0, 1.0],
        residual: None,
        drift: Some(&[0.0, 2.5, 0.0]),
        spread: Some(&[1.0, 1.25, 1.0]),
    }];
    plot
}

#[test]
fn the_background_has_panels_and_limits_are_lines() {
    let plot = with_background(None);
    let mut limits = MeasurementLimits::default();
    let svg = draw_measurement(&plot, &limits);
    for words in [
        "drift of the background",
        "spread of the background",
        "background: drift 2.5, spread 1.25",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(!svg.contains("stroke-dasharray"));
    limits.retention = vec![0.8, 1.25];
    limits.drift = vec![3.0];
    let svg = draw_measurement(&plot, &limits);
    assert_eq!(svg.matches("stroke-dasharray").count(), 3);
    let without = draw_measurement(&MeasurementPlot::new(3, [2, 2]), &limits);
    assert!(!without.contains("background"));
}

#[test]
fn two_films_share_their_panels() {
    let limits = MeasurementLimits::default();
    let (slow, fast) = (with_background(Some(10.0)), with_background(Some(20.0)));
    let svg = draw_comparison([("slow.mp4", &slow), ("fast.mp4", &fast)], &limits);
    let title = "Smoothness of slow.mp4 · 3 frames · 2×2 · 10 frames a second, and of fast.mp4 · 3";
    assert!(svg.contains(title), "{svg}");
    assert_eq!(svg.matches("drift of the background").count(), 1);
    // The slow film ends at 0.2 s, at the right border, and the fast one at 0.1 s, in the middle.
    let ends = |x: &str| svg.matches(&format!("L{x} ")).count();
    assert!(ends("936.0") > 0 && ends("504.0") > 0, "{svg}");
    assert!(svg.contains("film time (s)"));
    let frames = draw_comparison([("a", &with_background(None)), ("b", &fast)], &limits);
    assert!(frames.contains(">frame<"));
}

proptest! {
    #[test]
    fn well_formed_for_any_numbers(
        distances in prop::collection::vec(0.0..=255.0_f64, 0..80),
        values in prop::collection::vec(0.0..=1.0_f64, 0..80),
        frames in 0..80_usize,
        frames_per_second in prop::option::of(0.1..1000.0_f64),
    ) {
        let mut plot = MeasurementPlot::new(frames, [640, 480]);
        plot.frames_per_second = frames_per_second;
        plot.transitions = vec![TransitionCurves {
            first: 0,
            last: distances.len(),
            distances: &distances,
            retention: &values,
            residual: Some(&values),
            drift: Some(&values),
            spread: Some(&values),
        }];
        let svg = draw_measurement(&plot, &MeasurementLimits::default());
        check_well_formed(&svg)?;
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
