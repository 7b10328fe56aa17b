//! Comparisons with torch's and diffusers' own numbers (and of films with earlier ones). The fixtures
//! are written by `tests/golden/make_goldens.py` and name the versions they were made with.

mod ddim;
mod dpm_solver;
mod few_steps;
mod films;
mod inversion;
mod noise;
mod walk;

fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        let allowed = tolerance * e.abs().max(1.0);
        assert!(
            (a - e).abs() <= allowed,
            "{what}: value {index} is {a}, not {e}"
        );
    }
}
