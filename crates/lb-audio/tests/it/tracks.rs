//! Every beat of a synthetic track is found within 30 ms, and none is invented.

use lb_audio::Rhythm;

use crate::synthetic::{Track, pulse};

/// The tempi of the tracks, in beats a minute.
const TEMPI: [f64; 13] = [
    60.0, 66.6, 75.0, 83.0, 90.0, 100.0, 113.0, 120.0, 128.0, 140.0, 150.0, 167.0, 180.0,
];

fn rhythm(track: &Track) -> Rhythm {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("track.wav");
    track.write_wav(&path, 2);
    Rhythm::of_file(&path).unwrap()
}

/// The largest distance of a moment from the nearest one of the others, in seconds.
fn farthest(moments: &[f64], others: &[f64]) -> f64 {
    let nearest = |at: &f64| {
        let apart = others.iter().map(|other| (at - other).abs());
        apart.fold(f64::INFINITY, f64::min)
    };
    moments.iter().map(nearest).fold(0.0, f64::max)
}

/// Checks that every beat is found within 30 ms, and that all found beats are beats.
fn assert_found(found: &[f64], beats: &[f64], what: &str) {
    let missed = farthest(beats, found);
    assert!(
        missed < 0.030,
        "{what}: a beat is off by {missed:.3} s: {found:.3?}"
    );
    let invented = farthest(found, beats);
    assert!(
        invented < 0.030,
        "{what}: off by {invented:.3} s: {found:.3?}"
    );
    assert_eq!(found.len(), beats.len(), "{what}: {found:.3?}");
}

/// Noise that begins with the file may be heard as a beat.
fn after_the_beginning(mut beats: Vec<f64>) -> Vec<f64> {
    beats.retain(|&beat| beat > 0.05);
    beats
}

#[test]
fn clicks_at_any_tempo() {
    for rate in [22_050, 48_000] {
        for tempo in TEMPI {
            let beats = pulse(tempo, 0.37, 20.0);
            let found = rhythm(&Track::of_clicks(rate, 20.5, &beats));
            assert_found(&found.beats, &beats, &format!("{tempo} at {rate}"));
            assert_found(
                &found.onsets,
                &beats,
                &format!("onsets of {tempo} at {rate}"),
            );
            let error = (found.tempo().unwrap() / tempo - 1.0).abs();
            assert!(error < 0.01, "{tempo}: {:?}", found.tempo());
        }
    }
}

#[test]
fn the_first_click_is_at_the_very_beginning() {
    let beats = pulse(120.0, 0.0, 10.0);
    let found = rhythm(&Track::of_clicks(44_100, 10.0, &beats));
    assert_found(&found.beats, &beats, "from 0");
}

#[test]
fn clicks_in_noise() {
    for tempo in TEMPI {
        let beats = pulse(tempo, 0.37, 20.0);
        let mut track = Track::of_clicks(44_100, 20.5, &beats);
        // The peaks of the clicks are 26 dB above the root mean square of the noise.
        track.noise(0.025);
        let found = after_the_beginning(rhythm(&track).beats);
        assert_found(&found, &beats, &format!("{tempo} in noise"));
    }
}

/// The second half of every beat is late, as in jazz, and softer than the beat.
#[test]
fn swing() {
    for tempo in TEMPI {
        for share in [0.58, 0.62, 2.0 / 3.0] {
            let beats = pulse(tempo, 0.37, 20.0);
            let mut track = Track::of_clicks(44_100, 20.5, &beats);
            let late = share * 60.0 / tempo;
            beats.iter().for_each(|beat| track.click(beat + late, 0.1));
            let what = format!("{tempo}, swing {share:.2}");
            assert_found(&rhythm(&track).beats, &beats, &what);
        }
    }
}

/// Players are not machines: each click is up to 10 ms early or late.
#[test]
fn uneven_clicks() {
    for tempo in TEMPI {
        let beats = pulse(tempo, 0.37, 20.0);
        let jitter = |(index, beat): (usize, &f64)| beat + 0.010 * (index as f64 * 2.7).sin();
        let beats: Vec<f64> = beats.iter().enumerate().map(jitter).collect();
        let found = rhythm(&Track::of_clicks(44_100, 20.5, &beats));
        assert_found(&found.beats, &beats, &format!("{tempo}, uneven"));
    }
}

#[test]
fn a_change_of_tempo() {
    for (before, after) in [
        (100.0, 140.0),
        (140.0, 100.0),
        (90.0, 180.0),
        (170.0, 85.0),
        (60.0, 75.0),
        (120.0, 126.0),
    ] {
        let mut beats = pulse(before, 0.37, 15.0);
        let last = beats.last().unwrap();
        beats.extend(pulse(after, last + 60.0 / after, 30.0));
        let found = rhythm(&Track::of_clicks(44_100, 30.5, &beats));
        assert_found(&found.beats, &beats, &format!("{before} to {after}"));
    }
    // Ever faster, from 80 to 160 beats a minute.
    let (mut beats, mut at) = (Vec::new(), 0.5);
    while at < 40.0 {
        beats.push(at);
        at += 60.0 / (80.0 + 2.0 * at);
    }
    let found = rhythm(&Track::of_clicks(44_100, 40.5, &beats));
    assert_found(&found.beats, &beats, "accelerando");
}

/// Silence before, in the middle and after: beats go on through a rest, and there are none at the ends.
#[test]
fn silence() {
    for tempo in TEMPI {
        let period = 60.0 / tempo;
        let first = pulse(tempo, 6.0, 16.0);
        // The rest lasts four beats, and then the pulse goes on.
        let again = first.last().unwrap() + 5.0 * period;
        let second = pulse(tempo, again, 32.0);
        let clicks = [first.clone(), second].concat();
        let found = rhythm(&Track::of_clicks(44_100, 40.0, &clicks));
        let bridged: Vec<f64> = (1..5)
            .map(|beat| first.last().unwrap() + f64::from(beat) * period)
            .collect();
        let mut beats = [clicks, bridged].concat();
        beats.sort_by(f64::total_cmp);
        assert_found(&found.beats, &beats, &format!("{tempo} with a rest"));
        assert!((found.seconds - 40.0).abs() < 1e-6);
    }
    let nothing = rhythm(&Track::silent(44_100, 5.0));
    assert!(nothing.beats.is_empty() && nothing.onsets.is_empty());
    assert_eq!(nothing.tempo(), None);
}

/// A bass line, chords that change every other beat, a soft noise on the half of each beat: not clicks alone.
#[test]
fn a_small_band() {
    for tempo in [84.0, 96.0, 124.0, 150.0] {
        let beats = pulse(tempo, 0.5, 24.0);
        let period = 60.0 / tempo;
        // Chords are cut off where the track ends.
        let mut track = Track::silent(44_100, beats.last().unwrap() + 0.9 * period);
        for (index, &beat) in beats.iter().enumerate() {
            let kick = [0.7, 0.35, 0.6, 0.35][index % 4];
            track.tone(beat, 0.2, kick, 60.0, 0.05);
            track.tone(beat, 0.03, 0.2 * kick, 3000.0, 0.005);
            track.tone(beat + 0.5 * period, 0.03, 0.06, 8000.0, 0.01);
            if index % 2 == 0 {
                let root = [220.0, 174.6, 130.8, 196.0][index / 2 % 4];
                for interval in [1.0, 1.26, 1.5] {
                    track.tone(beat, 2.0 * period, 0.08, root * interval, 5.0);
                }
            }
        }
        track.noise(0.003);
        let found = after_the_beginning(rhythm(&track).beats);
        assert_found(&found, &beats, &format!("band at {tempo}"));
    }
}

/// Percussion is strong at the clicks, and weak where a chord is held.
#[test]
fn percussion_is_where_the_clicks_are() {
    let beats = pulse(120.0, 1.0, 9.0);
    let mut track = Track::of_clicks(44_100, 10.0, &beats);
    for hertz in [220.0, 277.0, 330.0] {
        track.tone(0.0, 10.0, 0.2, hertz, 100.0);
    }
    let found = rhythm(&track);
    let strength = |at: f64| {
        let place = (at / found.step).round() as usize;
        found.percussion[place - 2..=place + 2]
            .iter()
            .copied()
            .fold(0.0, f32::max)
    };
    let clicks: Vec<f32> = beats.iter().map(|&beat| strength(beat)).collect();
    let between: Vec<f32> = beats.iter().map(|&beat| strength(beat + 0.25)).collect();
    let least = clicks.iter().copied().fold(f32::INFINITY, f32::min);
    let most = between.iter().copied().fold(0.0, f32::max);
    assert!(least > 5.0 * most, "{least} {most}");
}
