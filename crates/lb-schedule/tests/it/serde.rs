//! The plain data of this crate as JSON: names are those of job files, and rules are checked.

use lb_schedule::{
    BranchingProfile, Choice, Crossfeed, Easing, FilmTiming, FrameRate, Guidance, GuidanceRescale,
    Quality, Spacing, Tree,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{from_str, to_string};

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, text: &str) {
    assert_eq!(to_string(value).unwrap(), text);
    assert_eq!(&from_str::<T>(text).unwrap(), value);
}

#[test]
fn named_choices_are_written_by_their_names() {
    for &quality in Quality::ALL {
        check(&quality, &format!("{:?}", quality.name()));
    }
    for &easing in Easing::ALL {
        check(&easing, &format!("{:?}", easing.name()));
    }
    assert!(from_str::<Easing>("\"bouncy\"").is_err());
}

#[test]
fn settings_are_read_back() {
    check(&Spacing::Perceptual, "\"perceptual\"");
    let fixed = Spacing::Fixed {
        mid_compression: 1.5,
    };
    check(&fixed, r#"{"fixed":{"mid_compression":1.5}}"#);
    check(&GuidanceRescale::new(0.7).unwrap(), "0.7");
    assert!(from_str::<GuidanceRescale>("1.1").is_err());
    check(&Guidance::new(4.0, 0.5), r#"{"scale":4.0,"damper":0.5}"#);
    check(
        &Crossfeed::default(),
        r#"{"keyframes":{"power":0.0,"range":0.6,"decay":0.8},"parents":{"power":0.0,"range":0.8,"decay":0.8}}"#,
    );
    check(
        &FilmTiming::uniform(FrameRate::default(), 5.0, 2),
        r#"{"frame_rate":30.0,"holds":[0.0,0.0],"transitions":[{"seconds":5.0,"easing":"linear"}],"film_seconds":null}"#,
    );
}

#[test]
fn a_tree_is_checked_when_it_is_read() {
    let profile = BranchingProfile::manual(4, &[2, 3], &[0, 2]).unwrap();
    let tree = Tree::fixed(profile, 1.0).unwrap();
    let text = r#"{"profile":{"steps":4,"levels":[{"injection_step":0,"branch_count":2},{"injection_step":2,"branch_count":3}]},"fractions":[[0.0,1.0],[0.0,0.5,1.0]]}"#;
    check(&tree, text);
    let refused = |from: &str, to: &str| {
        let error = from_str::<Tree>(&text.replace(from, to)).unwrap_err();
        error.to_string()
    };
    assert!(refused("0.5", "1.5").contains("never decrease"));
    assert!(refused("\"injection_step\":2", "\"injection_step\":4").contains("injection"));
    assert!(refused("\"steps\":4", "\"steps\":0").contains("steps must be 1 to 1000, got 0"));
}
