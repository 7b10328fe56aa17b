//! Compares profiles with those that numpy computes: `tests/golden/autosetup.csv`, which `autosetup.py`
//! writes.

use lb_schedule::BranchingProfile;

const GOLDEN: &str = include_str!("../golden/autosetup.csv");

#[test]
fn equals_numpy() {
    let mut checked = 0;
    for line in GOLDEN.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [
            steps,
            frames,
            depth_strength,
            branch_counts,
            injection_steps,
        ] = fields[..]
        else {
            panic!("five fields in {line:?}");
        };
        let profile = BranchingProfile::autosetup(
            steps.parse().unwrap(),
            frames.parse().unwrap(),
            depth_strength.parse().unwrap(),
        )
        .unwrap();
        let list = |text: &str| -> Vec<usize> {
            text.split(' ')
                .map(|number| number.parse().unwrap())
                .collect()
        };
        let (counts, injections): (Vec<usize>, Vec<usize>) = profile
            .levels()
            .iter()
            .map(|level| (level.branch_count, level.injection_step))
            .unzip();
        assert_eq!(
            (counts, injections),
            (list(branch_counts), list(injection_steps)),
            "{line}"
        );
        checked += 1;
    }
    assert!(checked > 400);
}
