//! Beats: the steady pulse that best explains the onsets.
//!
//! A beat track is a sequence of moments with a *period* between two of them. Every spectrum has a likelihood
//! under it: an onset of height h is likely (h) at a beat and unlikely (1 − h) between beats, and where there is no
//! onset it is the other way round. The track with the highest product of these likelihoods, and of those of its
//! periods, is found by dynamic programming. The score of a beat at moment t with the period τ before it is
//!
//! ```text
//! C(t, τ) = ln p(t) + Σ ln(1 − p(u)) + ln P(τ) + max over τ' of (C(t − τ, τ') − D(τ, τ'))
//!                     u between t − τ and t
//! ```
//!
//! where D is λ·|ln(τ/τ')|, but no more than the cost of a leap, so that a new tempo is taken up at once. Ellis's
//! score (2007) has only beats in it, one period for the whole piece, and the square of the logarithm, which
//! rewards a change that is spread over several beats. Counting what lies between beats keeps double and half
//! tempi apart.

use crate::onsets::Peak;

/// The periods, in spectra: 40 to 222 beats a minute.
const SHORTEST: usize = 27;
const LONGEST: usize = 150;
const PERIODS: usize = LONGEST - SHORTEST + 1;

/// The likelihood of a beat without an onset, and that of an onset between beats at the most.
const CHANCE: f64 = 0.03;

/// λ: what a change of the period costs.
const TIGHTNESS: f64 = 15.0;

/// What a leap to any other tempo costs: a little more than two missing onsets.
const LEAP: f64 = 8.0;

/// The period that is likeliest by itself, in spectra, and the weight of that against the onsets. Listeners tap
/// at about two beats a second.
const USUAL: f64 = 50.0;
const USUAL_WEIGHT: f64 = 0.4;

/// A beat without an onset counts fully at this many spectra from the nearest onset, and not at all from the second
/// number on: silence says nothing about beats.
const SILENCE: (f64, f64) = (40.0, 120.0);

/// Marks a beat that has none before it.
const FIRST: u8 = u8::MAX;

/// The moments of the beats, in spectra, for a sound of this many spectra with these onsets.
pub(crate) fn beats(count: usize, peaks: &[Peak]) -> Vec<f64> {
    let observed = Observed::new(count, peaks);
    let mut search = Search::new(count);
    for at in 0..count {
        search.step(at, &observed);
    }
    // The track comes with its last beat first.
    let mut found = search.best_track();
    extend(&mut found, peaks, usize::checked_sub);
    found.reverse();
    extend(&mut found, peaks, usize::checked_add);
    let mut peaks = peaks.iter().peekable();
    found
        .into_iter()
        .map(|at| {
            while peaks.next_if(|peak| peak.at < at).is_some() {}
            match peaks.peek() {
                Some(peak) if peak.at == at => peak.place,
                _ => at as f64,
            }
        })
        .collect()
}

/// Extends a track at its end, to where there are onsets. A soft beat at the end is worth less than none, because
/// nothing follows that it would have to be in time with. `next` is a moment and a period before or after another.
fn extend(track: &mut Vec<usize>, peaks: &[Peak], next: impl Fn(usize, usize) -> Option<usize>) {
    while let [.., before, last] = track[..] {
        let period = before.abs_diff(last);
        let Some(expected) = next(last, period) else {
            return;
        };
        let off = |peak: &&Peak| peak.at.abs_diff(expected);
        let onsets = peaks.iter().filter(|peak| peak.is_onset());
        match onsets.min_by_key(off) {
            Some(peak) if off(&peak) * 10 <= period => track.push(peak.at),
            _ => return,
        }
    }
}

/// The logarithms of what each spectrum is worth.
struct Observed {
    at_beat: Vec<f64>,
    /// The sums between beats, of all spectra before each.
    between: Vec<f64>,
    is_onset: Vec<bool>,
}

impl Observed {
    fn new(count: usize, peaks: &[Peak]) -> Self {
        let mut likelihoods = vec![CHANCE; count];
        let mut is_onset = vec![false; count];
        // The last onset before each spectrum, and then the next one.
        let mut distance = vec![usize::MAX; count];
        for peak in peaks {
            likelihoods[peak.at] = f64::from(peak.height).clamp(CHANCE, 1.0 - CHANCE);
            is_onset[peak.at] = peak.is_onset();
        }
        let mut near = |places: &mut dyn Iterator<Item = usize>| {
            let mut since = usize::MAX;
            for at in places {
                since = if is_onset[at] {
                    0
                } else {
                    since.saturating_add(1)
                };
                distance[at] = distance[at].min(since);
            }
        };
        near(&mut (0..count));
        near(&mut (0..count).rev());
        let at_beat = likelihoods.iter().zip(&distance);
        let at_beat = at_beat.map(|(&likelihood, &distance)| {
            let (full, none) = SILENCE;
            let weight = (none - distance as f64) / (none - full);
            weight.clamp(0.0, 1.0) * likelihood.ln()
        });
        let mut sum = 0.0;
        let mut between = vec![sum];
        between.extend(likelihoods.iter().map(|likelihood| {
            sum += (1.0 - likelihood).ln();
            sum
        }));
        Self {
            at_beat: at_beat.collect(),
            between,
            is_onset,
        }
    }
}

/// The scores of beats at the last moments, and where each track came from.
struct Search {
    /// For the last [`LONGEST`] moments, by moment modulo [`LONGEST`]: for each period after a beat there, the
    /// best score of a beat there less the cost of the change, and the period of that beat.
    reached: Vec<[(f64, u8); PERIODS]>,
    /// For each moment and the period before a beat there, the period before that.
    before: Vec<[u8; PERIODS]>,
    prior: [f64; PERIODS],
    /// The cost of the change from each period to the next longer one.
    costs: [f64; PERIODS],
    /// The best end of a track so far: its worth without what follows, its moment and its period.
    end: Option<(f64, usize, u8)>,
}

impl Search {
    fn new(count: usize) -> Self {
        let period = |index: usize| (SHORTEST + index) as f64;
        Self {
            reached: vec![[(f64::NEG_INFINITY, 0); PERIODS]; LONGEST],
            before: Vec::with_capacity(count),
            prior: std::array::from_fn(|index| {
                -USUAL_WEIGHT * (period(index) / USUAL).log2().powi(2)
            }),
            costs: std::array::from_fn(|index| {
                TIGHTNESS * (period(index + 1) / period(index)).ln()
            }),
            end: None,
        }
    }

    /// Scores the beats at a moment.
    fn step(&mut self, at: usize, observed: &Observed) {
        let mut scores = [f64::NEG_INFINITY; PERIODS];
        let mut before = [FIRST; PERIODS];
        // A track begins with an onset.
        let first = match observed.is_onset[at] {
            true => observed.between[at],
            false => f64::NEG_INFINITY,
        };
        for index in 0..PERIODS {
            let mut best = (first, FIRST);
            if let Some(last) = at.checked_sub(SHORTEST + index) {
                let passed = observed.between[at] - observed.between[last + 1];
                let (reached, from) = self.reached[last % LONGEST][index];
                if reached + passed > best.0 {
                    best = (reached + passed, from);
                }
            }
            scores[index] = best.0 + observed.at_beat[at] + self.prior[index];
            before[index] = best.1;
        }
        let mut most = (f64::NEG_INFINITY, 0);
        for (index, &score) in (0_u8..).zip(&scores) {
            if score > most.0 {
                most = (score, index);
            }
        }
        // What follows a track is between beats.
        let worth = most.0 - observed.between[at + 1];
        if observed.is_onset[at] && self.end.is_none_or(|(best, ..)| worth >= best) {
            self.end = Some((worth, at, most.1));
        }
        self.reached[at % LONGEST] = self.departures(&scores, most);
        self.before.push(before);
    }

    /// For each period after a beat, the best of these scores of the beat less the cost of the change, and its
    /// period. Costs add up from one period to the next, so two passes find all.
    fn departures(&self, scores: &[f64; PERIODS], most: (f64, u8)) -> [(f64, u8); PERIODS] {
        let leap = (most.0 - LEAP, most.1);
        let mut reached: [(f64, u8); PERIODS] =
            std::array::from_fn(|index| (scores[index], index as u8));
        for index in 1..PERIODS {
            let (score, from) = reached[index - 1];
            let score = score - self.costs[index - 1];
            if score > reached[index].0 {
                reached[index] = (score, from);
            }
        }
        for index in (0..PERIODS - 1).rev() {
            let (score, from) = reached[index + 1];
            let score = score - self.costs[index];
            if score > reached[index].0 {
                reached[index] = (score, from);
            }
        }
        reached.map(|at| if leap.0 > at.0 { leap } else { at })
    }

    /// The moments of the best track, the last one first.
    fn best_track(&self) -> Vec<usize> {
        let mut track = Vec::new();
        let mut state = self.end.map(|(_, at, index)| (at, index));
        while let Some((at, index)) = state {
            track.push(at);
            let before = self.before[at][usize::from(index)];
            state = match before {
                FIRST => None,
                _ => Some((at - SHORTEST - usize::from(index), before)),
            };
        }
        track
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks(places: impl IntoIterator<Item = usize>) -> Vec<Peak> {
        let peak = |at| Peak {
            at,
            place: at as f64,
            height: 1.0,
        };
        places.into_iter().map(peak).collect()
    }

    #[test]
    fn even_onsets_are_beats_at_any_tempo() {
        for period in [SHORTEST, 33, 50, 77, 100, LONGEST] {
            let places = (0..20).map(|beat| 7 + beat * period);
            let expected: Vec<f64> = places.clone().map(|at| at as f64).collect();
            assert_eq!(
                beats(8 + 19 * period + 60, &peaks(places)),
                expected,
                "{period}"
            );
        }
    }

    #[test]
    fn a_missing_onset_is_bridged() {
        let places = (0..20).filter(|beat| *beat != 9).map(|beat| beat * 50);
        let expected: Vec<f64> = (0..20).map(|beat| f64::from(beat * 50)).collect();
        assert_eq!(beats(960, &peaks(places)), expected);
    }

    #[test]
    fn nothing_has_no_beats() {
        assert!(beats(0, &[]).is_empty());
        assert!(beats(500, &[]).is_empty());
    }
}
