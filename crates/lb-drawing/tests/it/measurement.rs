//! The plot of a measured film is well-formed and names what it shows.

use lb_drawing::{MeasurementPlot, TransitionCurves, draw_measurement};
use proptest::prelude::*;

use crate::check_well_formed;

#[test]
fn a_plot_names_its_axes_and_numbers() {
    let mut plot = MeasurementPlot::new(6, [48, 32]);
    plot.frames_per_second = Some(25.0);
    plot.coefficient_of_variation = 0.25;
    plot.retention = Some([0.9, 0.8]);
    plot.transitions = vec![TransitionCurves {
        first: 0,
        last: 5,
        distances: &[1.0, 2.0, 3.0, 2.0, 1.0],
        retention: &[1.0, 0.9, 0.8, 0.9, 1.0, 1.0],
        residual: None,
    }];
    let svg = draw_measurement(&plot);
    for words in [
        "6 frames · 48×32 · 25 frames a second",
        "coefficient of variation 0.250",
        "retention 0.90 (least 0.80)",
        "film time (s)",
        "grey levels",
        "blend residual",
    ] {
        assert!(svg.contains(words), "{words}");
    }
    // Few frames are marked one by one.
    assert_eq!(svg.matches("<circle").count(), 6);
    plot.frames_per_second = None;
    assert!(draw_measurement(&plot).contains(">frame<"));
}

#[test]
fn transitions_are_separated() {
    let curves = |first, last| TransitionCurves {
        first,
        last,
        distances: &[1.0, 1.0],
        retention: &[1.0, 1.0, 1.0],
        residual: Some(&[0.0, 0.5, 0.0]),
    };
    let mut plot = MeasurementPlot::new(8, [2, 2]);
    plot.transitions = vec![curves(0, 2), curves(2, 4), curves(5, 7)];
    let svg = draw_measurement(&plot);
    // Transitions meet at frame 2, and a keyframe is held from frame 4 to 5, in each of the panels.
    assert_eq!(svg.matches("stroke-dasharray").count(), 3 * 3);
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
        }];
        let svg = draw_measurement(&plot);
        check_well_formed(&svg)?;
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
