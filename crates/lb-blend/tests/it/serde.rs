//! Plain data to JSON and back (feature `serde`).

use lb_blend::{
    BlendOptions, Blended, Film, NoiseScheduleConfig, PredictionType, SamplerKind, SnapshotKey,
    SpacingDistance, TimestepSpacing,
};
use lb_schedule::{Choice, Spacing};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::scene::{film, quiet_film};

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
}

#[test]
fn films_and_their_options_are_read_back() {
    let options = BlendOptions::default()
        .with_spacing(Spacing::Fixed {
            mid_compression: 1.2,
        })
        .with_distance(SpacingDistance::Pictures);
    round_trip(&options);
    let film: Film = film(2);
    round_trip(&film);
    let made = quiet_film(8, 2, &BlendOptions::default());
    round_trip(&made.report);
    round_trip(&Blended {
        transitions: made.transitions,
        level_fractions: made.level_fractions,
    });
    round_trip(&SnapshotKey::Keyframe { index: 1, step: 7 });
}

#[test]
fn names_are_those_that_are_parsed() {
    fn same<C: Choice + Serialize>() {
        for &value in C::ALL {
            assert_eq!(serde_json::to_value(value).unwrap(), value.name());
        }
    }
    same::<SamplerKind>();
    same::<SpacingDistance>();
    same::<PredictionType>();
    same::<TimestepSpacing>();
    same::<lb_blend::BetaSchedule>();
}

#[test]
fn a_scheduler_configuration_is_read_with_diffusers_defaults() {
    let text =
        r#"{"_class_name": "DDIMScheduler", "prediction_type": "v_prediction", "steps_offset": 1}"#;
    let config: NoiseScheduleConfig = serde_json::from_str(text).unwrap();
    let expected = NoiseScheduleConfig {
        prediction_type: PredictionType::VPrediction,
        steps_offset: 1,
        ..NoiseScheduleConfig::diffusers_default()
    };
    assert_eq!(config, expected);
}

#[test]
fn latents_of_another_length_are_refused() {
    let text = r#"{"shape": {"channels": 1, "height": 1, "width": 2}, "values": [1.0]}"#;
    let error = serde_json::from_str::<lb_blend::Latents>(text).unwrap_err();
    assert!(error.to_string().contains("latents: 1 values, expected 2"));
}
