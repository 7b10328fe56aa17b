//! Lists of seeds, as in `0..15` or `1,5,9` or `0..3,17`.

use std::str::FromStr;

use lb_render::Job;

/// Seeds in the order in which they were given, each once; at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

impl FromStr for Seeds {
    type Err = String;

    /// Reads single seeds and ranges, which contain both of their ends, with commas between them.
    ///
    /// A single number is refused, because it could be a seed or a number of seeds.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let items: Vec<&str> = text.split(',').map(str::trim).collect();
        if let [only] = items[..]
            && let Ok(number) = only.parse::<u64>()
        {
            let last = number.saturating_sub(1);
            return Err(format!(
                "{number} could be a seed or a number of seeds: write {number}..{number} for the seed \
                 {number}, or 0..{last} for {number} seeds"
            ));
        }
        let mut seeds = Vec::new();
        for item in items {
            let (first, last) = ends(item)?;
            if (last - first) as u128 + seeds.len() as u128 >= Job::MOST_KEYFRAMES as u128 {
                return Err(format!(
                    "these are more than {} seeds, the most that a sheet has",
                    Job::MOST_KEYFRAMES
                ));
            }
            for seed in first..=last {
                if !seeds.contains(&seed) {
                    seeds.push(seed);
                }
            }
        }
        Ok(Self(seeds))
    }
}

/// The first and the last seed of an item, which is a single seed or a range.
fn ends(item: &str) -> Result<(u64, u64), String> {
    let Some((first, last)) = item.split_once("..") else {
        return match (item.parse(), item.split_once('-')) {
            (Ok(seed), _) => Ok((seed, seed)),
            (Err(_), Some((first, last))) if is_number(first) && is_number(last) => Err(format!(
                "write {}..{} for the seeds from one to the other",
                first.trim(),
                last.trim()
            )),
            (Err(_), _) => Err(refused(item)),
        };
    };
    // Languages in which a range without this sign ends before its last number write it with one.
    let last = last.strip_prefix('=').unwrap_or(last);
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| refused(item));
    match (number(first)?, number(last)?) {
        (first, last) if first <= last => Ok((first, last)),
        (first, last) => Err(format!("{first}..{last} goes down; write {last}..{first}")),
    }
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<u64>().is_ok()
}

fn refused(item: &str) -> String {
    format!(
        "`{item}` is no seed, which is a whole number up to {}; write seeds as in 0..15 or 1,5,9",
        u64::MAX
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(text: &str) -> Vec<u64> {
        text.parse::<Seeds>()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .0
    }

    fn refused(text: &str) -> String {
        text.parse::<Seeds>().unwrap_err()
    }

    #[test]
    fn ranges_contain_both_of_their_ends() {
        assert_eq!(seeds("0..3"), [0, 1, 2, 3]);
        assert_eq!(seeds("7..7"), [7]);
        assert_eq!(seeds("2..=4"), [2, 3, 4]);
        assert_eq!(seeds("18446744073709551614..18446744073709551615").len(), 2);
    }

    #[test]
    fn lists_and_ranges_mix_and_repeat_nothing() {
        assert_eq!(seeds("1,5,9"), [1, 5, 9]);
        assert_eq!(seeds("9, 0..2 , 17"), [9, 0, 1, 2, 17]);
        assert_eq!(seeds("3,0..4,3"), [3, 0, 1, 2, 4]);
    }

    #[test]
    fn a_single_number_is_ambiguous() {
        let advice = refused("16");
        assert!(
            advice.contains("16..16") && advice.contains("0..15"),
            "{advice}"
        );
        assert!(refused("0").contains("0..0"));
    }

    #[test]
    fn what_cannot_be_meant_is_explained() {
        assert!(refused("0-15").contains("0..15"));
        assert!(refused("15..0").contains("write 0..15"));
        for text in [
            "", "1,", ",", "a", "1..", "..4", "-1", "1,-3", "0..x", "1.5,2", "0...4",
        ] {
            assert!(
                refused(text).contains("is no seed"),
                "{text}: {}",
                refused(text)
            );
        }
        for text in ["0..1000", "0..18446744073709551615", "0..600,1000..1500"] {
            assert!(refused(text).contains("more than 1000"), "{text}");
        }
        assert_eq!(seeds("0..999").len(), 1000);
    }
}
