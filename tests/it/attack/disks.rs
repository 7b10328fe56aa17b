//! Renders and imports whose files cannot grow beyond a size that is different each time.

use std::fs;

use serde_json::json;

use super::{assert_no_panic, chance, isolated, leftovers, report, runs};
use crate::imports::{configuration, golden};
use crate::lb::{Folder, Said};
use crate::stored::TREE;

/// The blocks of 512 bytes (in some shells, of 1024) that the largest of these files has.
fn largest<'a>(files: impl Iterator<Item = &'a (String, Vec<u8>)>) -> usize {
    files.map(|(_, bytes)| bytes.len() / 512).max().unwrap()
}

fn outputs(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let contents = folder.contents().into_iter();
    let files = contents.filter_map(|name| {
        let path = folder.join(&name);
        path.is_file().then(|| (name, fs::read(path).unwrap()))
    });
    files.collect()
}

#[test]
fn a_full_disk_leaves_whole_outputs_or_none() {
    let mut chance = chance();
    let film = [
        "render",
        "a red apple",
        "a lemon",
        "--seconds=0.4",
        "--fps=10",
        "--threads=1",
    ];
    let film = [
        &film[..],
        TREE,
        &["-o=film.mp4", "--frames-dir=frames", "--quiet"],
    ]
    .concat();
    let (source, config) = (
        golden("sd2/checkpoint.ckpt"),
        configuration("sd2/checkpoint.ckpt"),
    );
    let import = ["import", &source, &config, "--name=imported", "--quiet"];
    let run = |folder: &Folder, first: &str, arguments: &[&str]| {
        let mut command = folder.command_after(first, arguments);
        isolated(&mut command, folder);
        let folders = [
            folder.join("models"),
            crate::broken_models::pocket().join(".."),
        ];
        command.env("LB_MODELS", std::env::join_paths(folders).unwrap());
        Said::from(command.output().unwrap())
    };
    let whole = Folder::new();
    for arguments in [&film[..], &import] {
        assert_eq!(run(&whole, "true", arguments).code, Some(0));
    }
    let whole = outputs(&whole);
    let is_imported = |(name, _): &&(String, Vec<u8>)| name.starts_with("models");
    let (imported, rendered): (Vec<_>, Vec<_>) = whole.iter().partition(is_imported);
    let most = [rendered, imported].map(|files| largest(files.into_iter()));

    let disks = runs("LB_ATTACK_DISKS", 4);
    let (mut refused, mut left) = (0, 0);
    for disk in 0..disks {
        let folder = Folder::new();
        let is_import = disk % 3 == 2;
        // From too little for anything to enough for all but the end of the largest file.
        let blocks = chance.below(most[usize::from(is_import)].max(1));
        // The signal that would end the program is ignored, so that it meets an error.
        let full = format!("trap '' XFSZ; ulimit -f {blocks}");
        let arguments = if is_import { &import[..] } else { &film };
        let said = run(&folder, &full, arguments);
        let what = format!("{blocks} blocks");
        assert_no_panic(&said, &what);
        match said.code {
            Some(0) => {}
            Some(1) => refused += 1,
            other => panic!("{what}: exit code {other:?}: {}", said.error),
        }
        for (name, bytes) in outputs(&folder) {
            let expected = whole.iter().find(|(known, _)| *known == name);
            let is_whole = expected.is_some_and(|(_, expected)| *expected == bytes);
            assert!(is_whole, "{what}: {name} is not what it should be");
        }
        let remains = leftovers(&folder);
        left += remains.len();
        assert!(remains.is_empty(), "{what}: {remains:?}");
    }
    assert!(refused > 0, "no run met the end of its disk");
    report(
        "disks",
        &json!({ "runs": disks, "refused": refused, "leftovers": left }),
    );
}
