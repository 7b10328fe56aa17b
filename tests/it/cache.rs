//! The cache: what is found again, and what happens if it cannot be written or is damaged.

use serde_json::Value;

use crate::broken_models::copy_of_pocket;
use crate::lb::{Folder, Said};
use crate::stored::{KEYFRAME, TRANSITION, TREE, entries, stored};

fn arguments<'a>(prompts: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let film = ["--fps=5", "--threads=1", "--force"];
    [
        &["render"],
        prompts,
        TREE,
        &film,
        &["--output=film.mp4"],
        more,
    ]
    .concat()
}

fn evaluations(facts: &Value) -> u64 {
    facts["model_evaluations"].as_u64().unwrap()
}

#[test]
fn only_what_depends_on_a_change_is_computed() {
    let folder = Folder::new();
    let render = |prompts: &[&str], more: &[&str]| folder.facts(&arguments(prompts, more));
    let two = render(&["a red apple", "a green pear"], &[]);
    assert_eq!(evaluations(&two), 2 * KEYFRAME + TRANSITION);
    let three = ["a red apple", "a green pear", "a lemon"];
    let appended = render(&three, &[]);
    assert_eq!(evaluations(&appended), KEYFRAME + TRANSITION);
    // A keyframe, two frames before it, and a picture for every other film frame of the transition.
    assert_eq!(appended["decodes"].as_u64(), Some(15));
    let film = std::fs::read(folder.join("film.mp4")).unwrap();

    let changed = render(&["a red apple", "a sunflower", "a lemon"], &[]);
    assert_eq!(evaluations(&changed), KEYFRAME + 2 * TRANSITION);
    // What is computed already needs no model at all, neither for other timing nor for going back.
    let needs_no_model = |facts: &Value| {
        assert_eq!(evaluations(facts), 0);
        assert_eq!(facts["decodes"].as_u64(), Some(0));
        assert_eq!(facts["seconds"]["loading"].as_f64(), Some(0.0));
    };
    let length = ["--seconds=1.2", "--hold=0.4"];
    needs_no_model(&render(
        &three,
        &[&length[..], &["--between=pictures"]].concat(),
    ));
    needs_no_model(&render(&three, &["--easing=smooth", "--timing=even"]));
    // A shorter film has fewer in-betweens, which lie elsewhere.
    let shorter = render(&three, &["--seconds=1.2"]);
    assert_eq!(evaluations(&shorter), 0);
    assert!(shorter["decodes"].as_u64() <= shorter["in_betweens"].as_u64());
    needs_no_model(&render(&three, &[]));
    assert!(film == std::fs::read(folder.join("film.mp4")).unwrap());

    let before = stored(folder.cache());
    let again = render(&three, &["--no-cache"]);
    assert_eq!(evaluations(&again), 3 * KEYFRAME + 2 * TRANSITION);
    assert_eq!(again["reused_decodes"].as_u64(), Some(0));
    assert!(film == std::fs::read(folder.join("film.mp4")).unwrap());
    assert_eq!(stored(folder.cache()), before, "--no-cache keeps nothing");
}

#[test]
fn a_model_changed_under_the_same_name_is_another_one() {
    let folder = Folder::new();
    let model = copy_of_pocket(&folder);
    let arguments = arguments(&["a red apple", "a green pear"], &["--model=./model"]);
    let before = folder.facts(&arguments);
    let weights = model.join("vae/diffusion_pytorch_model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x80;
    std::fs::write(&weights, bytes).unwrap();
    let after = folder.facts(&arguments);
    // Keyframes are what they were; what lies between is placed by how latents show when decoded.
    assert_eq!(evaluations(&after), TRANSITION);
    assert_eq!(after["decodes"], before["decodes"]);
    assert_eq!(after["reused_decodes"].as_u64(), Some(0));
}

#[test]
fn damaged_entries_are_reported_and_computed_again() {
    let folder = Folder::new();
    let arguments = arguments(&["a red apple", "a green pear"], &[]);
    folder.facts(&arguments);
    let film = std::fs::read(folder.join("film.mp4")).unwrap();
    let whole = stored(folder.cache());
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        },
        |bytes| bytes[48..56].copy_from_slice(&(1_u64 << 60).to_le_bytes()),
        Vec::clear,
    ];
    let files = entries(folder.cache());
    for (index, path) in files.iter().enumerate() {
        let mut bytes = std::fs::read(path).unwrap();
        damages[index % damages.len()](&mut bytes);
        std::fs::write(path, bytes).unwrap();
    }
    let said = folder.run(&arguments);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let warnings = said.error.lines().filter(|line| {
        line.starts_with("warning: the cache entry")
            && line.contains("damaged, so its result is computed again")
    });
    assert_eq!(warnings.count(), files.len(), "{}", said.error);
    assert!(film == std::fs::read(folder.join("film.mp4")).unwrap());
    assert_eq!(stored(folder.cache()), whole, "all is whole again");
    let said = folder.run(&[&arguments[..], &["--quiet"]].concat());
    assert_eq!((said.code, said.error.as_str()), (Some(0), ""));
}

#[test]
fn two_renders_share_a_folder() {
    let folders = [Folder::new(), Folder::new()];
    let prompts = ["a red apple", "a green pear", "a lemon"];
    let arguments = arguments(&prompts, &["--quiet"]);
    let render = |folder: &Folder| {
        let mut command = folder.command(&arguments);
        Said::from(
            command
                .env("LB_CACHE_DIR", folders[0].cache())
                .output()
                .unwrap(),
        )
    };
    let render = &render;
    let said: Vec<Said> = std::thread::scope(|scope| {
        let running: Vec<_> = folders
            .iter()
            .map(|folder| scope.spawn(move || render(folder)))
            .collect();
        let ended = running.into_iter().map(|one| one.join().unwrap());
        ended.collect()
    });
    for said in said {
        assert_eq!((said.code, said.error.as_str()), (Some(0), ""));
    }
    let [one, other] = folders
        .each_ref()
        .map(|folder| std::fs::read(folder.join("film.mp4")));
    assert!(one.unwrap() == other.unwrap());
}

#[test]
fn the_limit_is_kept_and_the_newest_stays() {
    let folder = Folder::new();
    let render = |seed: &str| {
        let tree = ["--steps=2", "--branches=2,20", "--injection-steps=0,1"];
        let film = [
            "render",
            "a lemon",
            "a pear",
            "--frames-dir=frames",
            "--force",
        ];
        let more = ["--cache-size=1M", "--between=pictures", "--threads=1", seed];
        folder.facts(&[&film[..], &tree, &more].concat())
    };
    for seed in ["--seed=1,2", "--seed=3,4"] {
        assert_eq!(evaluations(&render(seed)), 2 * 2 + 18);
        let files = entries(folder.cache());
        let bytes: u64 = files
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        assert!(bytes <= 1_000_000, "{bytes} bytes");
    }
    assert_eq!(evaluations(&render("--seed=3,4")), 0, "rendered last");
    assert!(
        evaluations(&render("--seed=1,2")) > 0,
        "its results had to go"
    );
}

#[test]
fn a_folder_that_cannot_be_used_is_reported() {
    let folder = Folder::new();
    std::fs::write(folder.join("file"), "in the way").unwrap();
    let small = [
        "render",
        "a lemon",
        "a pear",
        "--steps=1",
        "--frames=2",
        "--frames-dir=frames",
    ];

    // Asked for, it is an error before any work.
    let asked = folder.run(&[&small[..], &["--cache-dir=file/cache"]].concat());
    asked.assert_refused(2, &["cache folder file/cache cannot be used", "--no-cache"]);
    let mut named = folder.command(&small);
    let named = Said::from(named.env("LB_CACHE_DIR", "file/cache").output().unwrap());
    named.assert_refused(2, &["cache folder file/cache cannot be used"]);
    let small_size = folder.run(&[&small[..], &["--cache-size=1K"]].concat());
    small_size.assert_refused(2, &["size of 1000 is too small"]);
    assert_eq!(folder.contents(), ["file"]);

    // The user's own is done without, and that is said once.
    let mut usual = folder.command(&small);
    for (variable, folder) in [
        ("XDG_CACHE_HOME", "file"),
        ("HOME", "file"),
        ("LOCALAPPDATA", "file"),
    ] {
        usual.env(variable, folder);
    }
    let usual = Said::from(usual.env_remove("LB_CACHE_DIR").output().unwrap());
    assert_eq!(usual.code, Some(0), "{}", usual.error);
    let warnings = usual
        .error
        .matches("warning: the cache folder file/")
        .count();
    assert_eq!(warnings, 1, "{}", usual.error);
}

#[test]
fn a_read_only_folder_is_read_and_reported_once() {
    let folder = Folder::new();
    let small = [
        "render",
        "a lemon",
        "a pear",
        "--steps=1",
        "--frames=2",
        "--frames-dir=frames",
    ];
    let user = folder.join("user");
    let render = |seed: &str| {
        let mut command = folder.command(&[&small[..], &["--force", "--json", seed]].concat());
        command.env("XDG_CACHE_HOME", &user).env("HOME", &user);
        Said::from(command.env_remove("LB_CACHE_DIR").output().unwrap())
    };
    assert_eq!(render("--seed=1,2").code, Some(0));
    set_writable(&user, false);
    if std::fs::write(user.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write into folders that are closed to writing");
        return;
    }
    let found = render("--seed=1,2");
    let facts: Value = serde_json::from_str(&found.output).unwrap();
    assert_eq!((evaluations(&facts), found.error.as_str()), (0, ""));
    let new = render("--seed=3,4");
    set_writable(&user, true);
    assert_eq!(new.code, Some(0), "{}", new.error);
    assert_eq!(
        new.error.matches("cannot be written").count(),
        1,
        "{}",
        new.error
    );
}

/// Closes or opens every folder below this one, itself included.
fn set_writable(folder: &std::path::Path, writable: bool) {
    let mut permissions = folder.metadata().unwrap().permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(
        &mut permissions,
        if writable { 0o755 } else { 0o555 },
    );
    #[cfg(not(unix))]
    permissions.set_readonly(!writable);
    std::fs::set_permissions(folder, permissions).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            set_writable(&path, writable);
        }
    }
}

#[test]
fn doctor_shows_the_folder_and_how_much_is_there() {
    let folder = Folder::new();
    let cache = |facts: &Value| facts["cache"]["detail"].as_str().unwrap().to_owned();
    let before = folder.facts(&["doctor"]);
    assert_eq!(before["cache"]["name"].as_str(), folder.cache().to_str());
    assert!(cache(&before).starts_with("0 results"), "{before}");
    folder.facts(&[
        "render",
        "a",
        "b",
        "--steps=1",
        "--frames=2",
        "--frames-dir=frames",
    ]);
    let after = cache(&folder.facts(&["doctor"]));
    let count = entries(folder.cache()).len();
    assert!(after.starts_with(&format!("{count} results")), "{after}");
}

/// A model whose weights were changed, though their size and time say that they were not.
#[cfg(unix)]
#[test]
fn weights_changed_in_place_are_noticed_whatever_their_time_says() {
    let folder = Folder::new();
    let model = copy_of_pocket(&folder);
    let weights = model.join("vae/diffusion_pytorch_model.safetensors");
    let set_time = || {
        let file = std::fs::File::options().write(true).open(&weights).unwrap();
        let then =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        file.set_modified(then).unwrap();
    };
    set_time();
    // Hashes of files that were changed just now are not kept.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let arguments = arguments(&["a red apple", "a green pear"], &["--model=./model"]);
    folder.facts(&arguments);
    let again = folder.facts(&arguments);
    assert_eq!(again["decodes"].as_u64(), Some(0), "the hash is known");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x80;
    std::fs::write(&weights, bytes).unwrap();
    set_time();
    let after = folder.facts(&arguments);
    assert_eq!(after["reused_decodes"].as_u64(), Some(0));
}

/// Neither a link nor a folder that somebody has put into the store does any harm.
#[cfg(unix)]
#[test]
fn what_others_have_put_into_the_folder_is_neither_changed_nor_believed() {
    use std::os::unix::fs::symlink;

    let folder = Folder::new();
    let mine = folder.join("mine");
    std::fs::write(&mine, "mine").unwrap();
    symlink(&mine, folder.cache().join("lock")).unwrap();
    let film = |seed: &str| {
        let film = [
            "render",
            "a lemon",
            "a pear",
            "--frames-dir=frames",
            "--force",
        ];
        let tree = ["--steps=2", "--branches=2,20", "--injection-steps=0,1"];
        let more = ["--cache-size=1M", "--between=pictures", "--threads=1", seed];
        folder.run(&[&film[..], &tree, &more].concat())
    };
    for seed in ["--seed=1,2", "--seed=3,4"] {
        let said = film(seed);
        assert_eq!(said.code, Some(0), "{}", said.error);
        assert!(!said.error.contains("cache"), "{}", said.error);
    }
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");

    // Folders in the place of some entries: the others are found again.
    let files = entries(folder.cache());
    for path in files.iter().step_by(4) {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir_all(path.join("mine")).unwrap();
    }
    for _ in 0..2 {
        let said = film("--seed=3,4");
        assert_eq!(said.code, Some(0), "{}", said.error);
        let warnings = said.error.matches("warning: the cache entry").count();
        assert_eq!(warnings, 1, "{}", said.error);
    }
    let whole = files.iter().filter(|path| path.is_file()).count();
    assert_eq!(whole, files.len() - files.len().div_ceil(4));
}

#[test]
fn the_cache_is_shown_checked_and_emptied() {
    let folder = Folder::new();
    let cache = |arguments: &[&str]| folder.facts(&[&["cache"], arguments].concat());
    assert_eq!(cache(&["status"])["results"], 0);
    let arguments = arguments(&["a red apple", "a green pear"], &[]);
    folder.facts(&arguments);
    let files = entries(folder.cache());
    let bytes: u64 = files
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    let status = cache(&["status"]);
    assert_eq!(status["folder"].as_str(), folder.cache().to_str());
    assert_eq!(status["results"], files.len());
    assert_eq!(status["bytes"].as_u64(), Some(bytes));
    assert_eq!(status["limit"], 10_000_000_000_u64);
    assert_eq!(cache(&["check"])["whole"], files.len());

    let mut damaged = std::fs::read(&files[0]).unwrap();
    damaged[60] ^= 1;
    std::fs::write(&files[0], damaged).unwrap();
    let mut other = std::fs::read(&files[1]).unwrap();
    other[8] = 99;
    std::fs::write(&files[1], other).unwrap();
    let foreign = files[2].with_file_name("notes.txt");
    std::fs::write(&foreign, "mine").unwrap();
    let said = folder.run(&["cache", "check"]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    let name = files[0].to_string_lossy().into_owned();
    for words in [
        &name,
        "its checksum is wrong",
        "other lb    1 file",
        "notes.txt",
    ] {
        assert!(
            said.output.contains(words),
            "`{words}` is not in {}",
            said.output
        );
    }
    assert!(
        said.error
            .contains("error: a result in the cache is damaged")
    );
    assert!(said.error.contains("--remove"));
    let said = folder.run(&["cache", "check", "--json"]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    let facts: Value = serde_json::from_str(&said.output).unwrap();
    assert_eq!(facts["damaged"][0]["path"].as_str(), Some(name.as_str()));
    assert_eq!(facts["other_versions"], 1);

    let removed = cache(&["check", "--remove"]);
    assert_eq!(removed["removed"], 2);
    assert_eq!(cache(&["check"])["whole"], files.len() - 2);
    let cleared = cache(&["clear"]);
    assert_eq!(cleared["removed"], files.len() - 2);
    assert!(foreign.is_file(), "it is not lb's");
    let status = cache(&["status"]);
    assert_eq!(
        (&status["results"], &status["foreign"]),
        (&0.into(), &1.into())
    );
    let said = folder.run(&["cache", "clear", "--cache-dir=nowhere"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.output.ends_with("removed 0 files, 0 kB\n"),
        "{}",
        said.output
    );
    assert!(!folder.join("nowhere").exists());
}
