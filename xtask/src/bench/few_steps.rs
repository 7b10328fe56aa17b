//! The model for few steps beside the model that it was distilled from.

use std::time::Instant;

use anyhow::Result;

use super::{Bench, RenderFacts, facts, median, spread};

const PROMPTS: [&str; 2] = ["a red apple", "a green pear"];
const RUNS: usize = 5;

/// A film, and the flags that ask for it.
struct Film {
    title: &'static str,
    model: &'static str,
    flags: &'static [&'static str],
}

/// The first is the one that the others are compared with.
const FILMS: [Film; 4] = [
    Film {
        title: "12 computed frames, classic tree",
        model: "pocket",
        flags: &["--branching=classic", "--between=pictures"],
    },
    Film {
        title: "12 computed frames",
        model: "pocket-turbo",
        flags: &["--frames=12", "--between=pictures"],
    },
    Film {
        title: "default film",
        model: "pocket-turbo",
        flags: &[],
    },
    Film {
        title: "every film frame computed",
        model: "pocket-turbo",
        flags: &["--frames=film"],
    },
];

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    println!("## A model for few steps\n");
    println!(
        "Films of 3 s by two threads, from the start of the process to its end (medians of {RUNS} rounds, in \
         which the films take turns; model seconds also with the least and the largest share of the first row's).\n"
    );
    let mut rounds: Vec<Vec<(RenderFacts, f64)>> = Vec::new();
    for _ in 0..RUNS {
        let films = FILMS.iter().map(|film| render(bench, film));
        rounds.push(films.collect::<Result<_>>()?);
    }
    println!("| film | model | rows | whole process | in model sessions | share of the first |");
    println!("|---|---|---|---|---|---|");
    for (index, film) in FILMS.iter().enumerate() {
        let all = |value: fn(&(RenderFacts, f64)) -> f64| -> Vec<f64> {
            rounds.iter().map(|round| value(&round[index])).collect()
        };
        let sessions = |run: &(RenderFacts, f64)| run.0.seconds.in_model_sessions;
        let shares: Vec<f64> = rounds
            .iter()
            .map(|round| sessions(&round[index]) / sessions(&round[0]))
            .collect();
        println!(
            "| {} | {} | {} | {:.2} s | {:.2} s | {} |",
            film.title,
            film.model,
            rounds[0][index].0.predicted_rows,
            median(&all(|run| run.1)),
            median(&all(sessions)),
            spread(&shares)
        );
    }
    println!();
    Ok(())
}

/// Renders a film, and returns its facts and the seconds of the process.
fn render(bench: &Bench<'_>, film: &Film) -> Result<(RenderFacts, f64)> {
    let mut render = bench.lb("render");
    render.args(PROMPTS).args(["--model", film.model]);
    render.args(["--device", "cpu", "--json", "--force", "--no-cache"]);
    render.args(["--threads", "2"]).args(film.flags);
    render
        .arg("-o")
        .arg(bench.scratch.path().join("few-steps.mp4"));
    let begun = Instant::now();
    let facts = facts(&mut render)?;
    Ok((facts, begun.elapsed().as_secs_f64()))
}
