//! What `lb measure` prints for people.

use std::path::Path;

use lb_measure::{Measurement, Quantity, Statistics};

/// The columns of the table: the heading over several of them, their names, widths and decimals.
const COLUMNS: [(&str, &str, Quantity, usize, usize); 11] = [
    ("", "distance", Quantity::Distance, 10, 3),
    ("", "variation", Quantity::Variation, 11, 3),
    ("", "peak", Quantity::Peak, 7, 2),
    ("", "directness", Quantity::Directness, 12, 2),
    ("retention", "least", Quantity::LeastRetention, 8, 2),
    ("retention", "mean", Quantity::MeanRetention, 6, 2),
    ("retention", "most", Quantity::MostRetention, 6, 2),
    ("residual", "mean", Quantity::MeanResidual, 8, 2),
    ("residual", "most", Quantity::MostResidual, 6, 2),
    ("background", "drift", Quantity::Drift, 8, 1),
    ("background", "spread", Quantity::Spread, 8, 2),
];

/// The width of the names of rows.
const NAMES: usize = 24;

/// One film: its verdicts, then its numbers.
pub(super) fn report(measurement: &Measurement) {
    outln!("{}", measurement.verdict);
    let several = measurement.transitions.len() > 1;
    if several {
        for (index, transition) in measurement.transitions.iter().enumerate() {
            let name = transition_name(measurement, index);
            outln!("{name}: {}", transition.verdict);
        }
    }
    outln!();
    outln!("{}", title(measurement));
    headings();
    if several {
        for (index, transition) in measurement.transitions.iter().enumerate() {
            row(&transition_name(measurement, index), &transition.statistics);
        }
    }
    row("all", &measurement.overall);
}

/// Two films: their verdicts, then their numbers side by side, with a star at the better one.
pub(super) fn comparison(films: [(&Path, &Measurement); 2]) {
    for (path, measurement) in films {
        outln!("{}: {}", path.display(), measurement.verdict);
    }
    outln!();
    let names = films.map(|(path, _)| path.display().to_string());
    let sizes = films.map(|(_, of)| format!("{} of {}x{}", of.frames, of.width, of.height));
    let widths = [0, 1].map(|film| {
        let [name, size] = [&names[film], &sizes[film]].map(|text| text.chars().count());
        name.max(size) + 2
    });
    let line = |name: &str, cells: [&str; 2], better: Option<usize>| {
        let cells = [0, 1].map(|film| {
            let star = if better == Some(film) { " *" } else { "  " };
            format!("{:>1$}{star}", cells[film], widths[film])
        });
        outln!("{}", format!("{name:18}{}", cells.concat()).trim_end());
    };
    line("", [&names[0], &names[1]], None);
    line("frames", [&sizes[0], &sizes[1]], None);
    for (_, _, quantity, _, decimals) in COLUMNS {
        let values = films.map(|(_, of)| quantity.of(&of.overall));
        let [left, right] = values.map(|value| number(value, decimals));
        // What is the same as far as it is printed is no better.
        let better = if left == right {
            None
        } else {
            better(quantity, values)
        };
        line(quantity.name(), [&left, &right], better);
    }
}

/// Which of two values is the better one.
fn better(quantity: Quantity, values: [Option<f64>; 2]) -> Option<usize> {
    let [left, right] = values.map(|value| value.and_then(|value| quantity.fault(value)));
    let (left, right) = left.zip(right)?;
    (left != right).then(|| usize::from(right < left))
}

fn title(measurement: &Measurement) -> String {
    let Measurement {
        frames,
        width,
        height,
        ..
    } = measurement;
    let rate = measurement.frames_per_second;
    let rate = rate.map(|rate| format!(", {rate} frames a second"));
    let rate = rate.unwrap_or_default();
    format!("{frames} frames of {width}x{height}{rate}")
}

/// The transition with this index, as people count it.
pub(super) fn transition_name(measurement: &Measurement, index: usize) -> String {
    let transition = &measurement.transitions[index];
    let (first, last) = (transition.first, transition.last);
    format!("transition {} ({first}-{last})", index + 1)
}

fn headings() {
    let mut groups = format!("{:NAMES$}", "");
    for columns in COLUMNS.chunk_by(|left, right| left.0 == right.0) {
        let width = columns.iter().map(|&(.., width, _)| width).sum::<usize>();
        groups.push_str(&format!("{:>width$}", columns[0].0));
    }
    outln!("{groups}");
    out!("{:NAMES$}", "");
    for (_, name, _, width, _) in COLUMNS {
        out!("{name:>width$}");
    }
    outln!();
}

fn row(name: &str, statistics: &Statistics) {
    out!("{name:NAMES$}");
    for (_, _, quantity, width, decimals) in COLUMNS {
        out!("{:>width$}", number(quantity.of(statistics), decimals));
    }
    outln!();
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.decimals$}"))
}
