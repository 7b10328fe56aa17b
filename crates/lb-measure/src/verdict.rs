//! What the numbers say, in words, and the thresholds that the words use.

use crate::statistics::{Background, Retention, Statistics};

/// The largest coefficient of variation that is called *even*. Neighbouring distances are then within about
/// a tenth of each other, which is less than a difference of speed that is seen.
pub const EVEN_VARIATION: f64 = 0.05;

/// The largest coefficient of variation that is called *nearly even*. The film speeds up and slows down,
/// but does not jolt.
pub const NEARLY_EVEN_VARIATION: f64 = 0.1;

/// The mean blend residual below which a transition is called a *cross-fade*. What an encoder adds to a
/// cross-fade leaves a few hundredths, and nearly a tenth at a coarse quantiser between similar keyframes. The
/// morphs of the bundled model have 0.13 or more.
pub const CROSS_FADE_RESIDUAL: f64 = 0.1;

/// The least retention that is called *sharp*; the largest is 1 / 0.8. The contrast of fine detail,
/// which is the square root of it, is then within about a tenth of the keyframes'.
pub const SHARP_RETENTION: f64 = 0.8;

/// The largest drift of a *steady* background, in grey levels. It is a hundredth of the range, about the
/// least change of a large surface that is seen.
pub const STEADY_DRIFT: f64 = 3.0;

/// The largest spread of a *steady* background. Smooth shading may become half as strong again before it
/// is seen as flecks.
pub const STEADY_SPREAD: f64 = 1.5;

/// The ratio of two transitions' mean distances above which they are said to move at different speeds.
pub const UNEQUAL_SPEED: f64 = 1.5;

/// When a frame is shown, in words: in seconds if the frame rate is known.
pub(crate) fn time(frame: usize, frames_per_second: Option<f64>) -> String {
    match frames_per_second {
        Some(rate) => format!("{:.2} s", frame as f64 / rate),
        None => format!("frame {frame}"),
    }
}

/// One sentence about a transition, or about all transitions of a film: each part of it is about the
/// transition in which it is worst.
pub(crate) fn verdict(transitions: &[&Statistics], frames_per_second: Option<f64>) -> String {
    let at = |frame| time(frame, frames_per_second);
    let moving: Vec<&Statistics> = transitions
        .iter()
        .copied()
        .filter(|of| of.mean_distance > 0.0)
        .collect();
    let Some(motion) = motion(&moving, &at) else {
        return "nothing moves".into();
    };
    let retention: Vec<Retention> = moving.iter().filter_map(|of| of.retention).collect();
    let backgrounds: Vec<Background> = moving.iter().filter_map(|of| of.background).collect();
    let parts = [
        Some(motion),
        speeds(&moving),
        change(&moving),
        sharpness(&retention, &at),
        background(&backgrounds, &at),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("; ")
}

fn motion(moving: &[&Statistics], at: &impl Fn(usize) -> String) -> Option<String> {
    let by_variation = |a: &&&Statistics, b: &&&Statistics| {
        let [a, b] = [a, b].map(|of| of.coefficient_of_variation);
        a.total_cmp(&b)
    };
    let worst = moving.iter().max_by(by_variation)?;
    Some(if worst.coefficient_of_variation <= EVEN_VARIATION {
        "even".into()
    } else if worst.coefficient_of_variation <= NEARLY_EVEN_VARIATION {
        "nearly even".into()
    } else {
        let (peak, time) = (worst.peak_ratio, at(worst.peak_frame));
        format!("uneven, with {peak:.1} times the mean speed at {time}")
    })
}

/// Says that transitions move at different speeds, if they do.
fn speeds(moving: &[&Statistics]) -> Option<String> {
    let speeds = || moving.iter().map(|of| of.mean_distance);
    let (slowest, fastest) = (speeds().reduce(f64::min)?, speeds().reduce(f64::max)?);
    let ratio = fastest / slowest;
    (ratio > UNEQUAL_SPEED)
        .then(|| format!("the fastest transition has {ratio:.1} times the speed of the slowest"))
}

fn change(moving: &[&Statistics]) -> Option<String> {
    let residuals: Vec<f64> = moving
        .iter()
        .filter_map(|of| of.residual)
        .map(|residual| residual.mean)
        .collect();
    let fades = residuals.iter().filter(|&&mean| mean < CROSS_FADE_RESIDUAL);
    Some(match (fades.count(), residuals.len()) {
        (_, 0) => return None,
        (0, 1) => "a morph".into(),
        (0, _) => "morphs".into(),
        (1, 1) => "a cross-fade".into(),
        (fades, all) if fades == all => "cross-fades".into(),
        (1, all) => format!("1 of {all} transitions is a cross-fade"),
        (fades, all) => format!("{fades} of {all} transitions are cross-fades"),
    })
}

fn sharpness(retention: &[Retention], at: &impl Fn(usize) -> String) -> Option<String> {
    let least = retention
        .iter()
        .min_by(|a, b| a.least.total_cmp(&b.least))?;
    let most = retention.iter().max_by(|a, b| a.most.total_cmp(&b.most))?;
    let percent = |value: f64, frame| format!("to {:.0} % at {}", 100.0 * value, at(frame));
    let dips = (least.least < SHARP_RETENTION)
        .then(|| format!("dips {}", percent(least.least, least.least_frame)));
    let rises = (most.most > 1.0 / SHARP_RETENTION)
        .then(|| format!("rises {}", percent(most.most, most.most_frame)));
    Some(match (dips, rises) {
        (None, None) => "sharp".into(),
        (Some(one), None) | (None, Some(one)) => format!("sharpness {one}"),
        (Some(dips), Some(rises)) => format!("sharpness {dips} and {rises}"),
    })
}

fn background(backgrounds: &[Background], at: &impl Fn(usize) -> String) -> Option<String> {
    let drift = backgrounds
        .iter()
        .max_by(|a, b| a.drift.total_cmp(&b.drift))?;
    let spread = backgrounds
        .iter()
        .max_by(|a, b| a.spread.total_cmp(&b.spread))?;
    let drifts = (drift.drift > STEADY_DRIFT).then(|| {
        let (levels, time) = (drift.drift, at(drift.drift_frame));
        format!("the background drifts by {levels:.1} grey levels at {time}")
    });
    let spreads = (spread.spread > STEADY_SPREAD).then(|| {
        let (percent, time) = (100.0 * spread.spread, at(spread.spread_frame));
        format!("contrast rises to {percent:.0} % at {time}")
    });
    Some(match (drifts, spreads) {
        (None, None) => "a steady background".into(),
        (Some(drifts), None) => drifts,
        (None, Some(spreads)) => format!("the background's {spreads}"),
        (Some(drifts), Some(spreads)) => format!("{drifts}, and its {spreads}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Residual;

    fn good() -> Statistics {
        Statistics {
            mean_distance: 2.0,
            coefficient_of_variation: 0.05,
            peak_ratio: 1.1,
            peak_frame: 30,
            directness: 0.5,
            retention: Some(Retention {
                least: 0.8,
                least_frame: 24,
                mean: 0.9,
                most: 1.25,
                most_frame: 3,
            }),
            residual: Some(Residual {
                mean: 0.1,
                most: 0.2,
                most_frame: 9,
            }),
            background: Some(Background {
                drift: 3.0,
                drift_frame: 12,
                spread: 1.5,
                spread_frame: 18,
            }),
        }
    }

    fn said(statistics: &[Statistics]) -> String {
        let all: Vec<&Statistics> = statistics.iter().collect();
        verdict(&all, Some(24.0))
    }

    #[test]
    fn a_film_at_the_thresholds_is_good() {
        assert_eq!(said(&[good()]), "even; a morph; sharp; a steady background");
        assert_eq!(
            said(&[good(), good()]),
            "even; morphs; sharp; a steady background"
        );
    }

    #[test]
    fn each_fault_is_named_with_its_time() {
        let mut bad = good();
        bad.coefficient_of_variation = 0.11;
        bad.peak_ratio = 2.3;
        bad.residual = Some(Residual {
            mean: 0.09,
            most: 0.1,
            most_frame: 9,
        });
        bad.retention = Some(Retention {
            least: 0.37,
            most: 1.4,
            ..good().retention.unwrap()
        });
        bad.background = Some(Background {
            drift: 5.2,
            spread: 5.5,
            ..good().background.unwrap()
        });
        assert_eq!(
            said(&[bad]),
            "uneven, with 2.3 times the mean speed at 1.25 s; a cross-fade; sharpness dips to 37 % at \
             1.00 s and rises to 140 % at 0.12 s; the background drifts by 5.2 grey levels at 0.50 s, \
             and its contrast rises to 550 % at 0.75 s"
        );
        let frames = verdict(&[&bad], None);
        assert!(frames.contains("the mean speed at frame 30;"), "{frames}");
        // The film has what is worst in any of its transitions.
        let film = said(&[good(), bad]);
        let (motion, change) = ("uneven, with 2.3", "1 of 2 transitions is a cross-fade");
        assert!(film.starts_with(motion) && film.contains(change), "{film}");
        bad.coefficient_of_variation = 0.1;
        assert!(said(&[bad]).starts_with("nearly even; "));
    }

    #[test]
    fn transitions_of_different_speed_are_named() {
        let fast = Statistics {
            mean_distance: 4.2,
            ..good()
        };
        let film = said(&[good(), fast]);
        let speed = "even; the fastest transition has 2.1 times the speed of the slowest; morphs";
        assert!(film.starts_with(speed), "{film}");
    }

    #[test]
    fn what_was_not_measured_is_not_mentioned() {
        assert_eq!(said(&[Statistics::default()]), "nothing moves");
        let plain = Statistics {
            retention: None,
            residual: None,
            background: None,
            ..good()
        };
        assert_eq!(said(&[plain]), "even");
    }
}
