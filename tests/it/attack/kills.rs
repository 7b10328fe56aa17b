//! Two renders that share a cache, and an import, of which some get a signal at a random moment. The same
//! commands are then run to their end.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{chance, isolated, leftovers, report, runs, within};
use crate::chance::Chance;
use crate::imports::{configuration, golden};
use crate::lb::{Folder, Said};
use crate::stored::TREE;

/// No run takes as long, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(120);

const SIGNALS: [&str; 3] = ["KILL", "TERM", "HUP"];

/// The commands that run at the same time. The renders have a keyframe in common, and both write into this
/// folder and the same cache.
fn commands(folder: &Folder, force: bool) -> Vec<Command> {
    let render = |prompts: [&str; 2], film: &str, frames: &str| {
        let mut command = folder.command(&[&["render"], &prompts[..], TREE].concat());
        command.args(["--seconds=0.4", "--fps=10", "--threads=1", film, frames]);
        command
    };
    let mut import = folder.command(&["import", &golden("sd2/checkpoint.ckpt"), "--name=imported"]);
    import.arg(configuration("sd2/checkpoint.ckpt"));
    let mut commands = vec![
        render(["a red apple", "a lemon"], "-o=one.mp4", "--frames-dir=one"),
        render(
            ["a lemon", "a sunflower"],
            "-o=two.gif",
            "--contact-sheet=two.png",
        ),
        import,
    ];
    for command in &mut commands {
        isolated(command, folder);
        // The bundled model is found next to the folder of imported ones.
        let folders = [
            folder.join("models"),
            crate::broken_models::pocket().join(".."),
        ];
        command.env("LB_MODELS", std::env::join_paths(folders).unwrap());
        if force {
            command.arg("--force");
        }
    }
    commands
}

/// Runs all commands to their end; all must succeed.
fn finish(folder: &Folder, force: bool) {
    for mut command in commands(folder, force) {
        let said = Said::from(command.output().unwrap());
        assert_eq!(said.code, Some(0), "{command:?}: {}", said.error);
        assert!(!said.error.contains("damaged"), "{}", said.error);
    }
}

/// What the commands leave: the bytes of every file in the folder.
fn results(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let files = folder.contents().into_iter().filter_map(|name| {
        let path = folder.join(&name);
        path.is_file().then(|| (name, fs::read(path).unwrap()))
    });
    files.collect()
}

/// Sends a signal to some of the programs, each at a moment of its own, and waits for all of them.
fn disturb(children: Vec<Child>, signal: &str, longest: Duration, chance: &mut Chance) -> usize {
    // Every other time, all of them get it, as when a machine goes down.
    let all = chance.below(2) == 0;
    let chosen = chance.below(children.len());
    let begun = Instant::now();
    let mut moments: Vec<(Duration, Child)> = Vec::new();
    for (index, child) in children.into_iter().enumerate() {
        let moment = longest * chance.below(1000) as u32 / 1000;
        let never = !all && index != chosen;
        moments.push((if never { LONGEST } else { moment }, child));
    }
    moments.sort_by_key(|(moment, _)| *moment);
    let mut sent = 0;
    for (moment, mut child) in moments {
        while begun.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_none() {
            let kill = [format!("-{signal}"), child.id().to_string()];
            sent += usize::from(Command::new("kill").args(kill).status().unwrap().success());
        }
        let ended = within(child, LONGEST);
        assert!(ended.is_some(), "it does not end after SIG{signal}");
    }
    sent
}

#[test]
fn what_is_killed_can_be_run_again_and_gives_what_it_would_have_given() {
    let mut chance = chance();
    let whole = Folder::new();
    let begun = Instant::now();
    finish(&whole, false);
    let longest = begun.elapsed();
    let whole = results(&whole);
    assert!(whole.iter().any(|(name, _)| name == "one.mp4"));

    let (mut signals, mut after_signals, mut after_runs) = (0, 0, 0);
    let moments = runs("LB_ATTACK_KILLS", 6);
    let mut round = 0;
    while signals < moments {
        let signal = SIGNALS[round % SIGNALS.len()];
        let folder = Folder::new();
        let children = commands(&folder, false)
            .into_iter()
            .map(|mut command| command.spawn().unwrap());
        let sent = disturb(children.collect(), signal, longest, &mut chance);
        signals += sent;
        let left = leftovers(&folder);
        after_signals += left.len();
        if signal != "KILL" {
            assert!(left.is_empty(), "SIG{signal} leaves {left:?}");
        }
        for (name, bytes) in results(&folder) {
            let expected = whole.iter().find(|(known, _)| *known == name);
            // What is hidden is not finished, and nobody takes it for a result.
            let is_hidden = name.split('/').any(|part| part.starts_with('.'));
            let is_whole = expected.is_some_and(|(_, expected)| *expected == bytes);
            assert!(
                is_hidden || is_whole,
                "half of {name} under its final name after SIG{signal}"
            );
        }
        finish(&folder, true);
        let again = results(&folder);
        for (name, bytes) in &whole {
            let found = again.iter().find(|(known, _)| known == name);
            assert!(
                found.is_some_and(|(_, found)| found == bytes),
                "another {name} after SIG{signal}"
            );
        }
        let mut left = leftovers(&folder);
        // The cache keeps unfinished entries for an hour, because another machine may be writing them.
        left.retain(|path| !path.starts_with(folder.cache()));
        after_runs += left.len();
        assert!(left.is_empty(), "left after the next run: {left:?}");
        assert_eq!(again.len(), whole.len(), "round {round}");
        round += 1;
    }
    report(
        "kills",
        &json!({
            "signals": signals, "rounds": round,
            "leftovers_after_signals": after_signals, "leftovers_after_runs": after_runs,
        }),
    );
}
