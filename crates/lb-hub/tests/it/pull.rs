//! What arrives, and where.

use std::ops::ControlFlow;

use lb_hub::testing::COMMIT;
use lb_hub::{Hub, HubError, Wanted};

use crate::{blobs, go_on, noise, options, pull, repository, server, unet, unet_in};

#[test]
fn the_files_of_one_variant_arrive_and_are_found_by_name() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let snapshot = pull(options(&server, cache.path())).unwrap();
    assert_eq!(unet_in(&snapshot), unet());
    assert!(snapshot.ends_with(COMMIT));
    assert_eq!(blobs(cache.path()).len(), 10, "7 texts and 3 weights");

    let hub = Hub::new(options(&server, cache.path())).unwrap();
    assert_eq!(hub.cache().snapshot(&repository()), Some(snapshot));
    let asked = server.requests().len();
    pull(options(&server, cache.path())).unwrap();
    assert_eq!(
        server.requests().len(),
        asked + 1,
        "only the listing is asked for again"
    );
}

#[test]
fn progress_grows_to_the_sizes_of_the_files() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let hub = Hub::new(options(&server, cache.path())).unwrap();
    let listing = hub.list(&repository(), &mut go_on).unwrap();
    let files = listing.select(&Wanted::default()).unwrap();
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    assert_eq!(hub.missing(&listing, &files), total);
    let mut seen = Vec::new();
    hub.pull(&listing, &files, &mut |progress| {
        assert_eq!(progress.total, total);
        seen.push(progress.bytes);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(*seen.last().unwrap() <= total && seen.len() > files.len());
    assert_eq!(hub.missing(&listing, &files), 0);
}

#[test]
fn small_files_can_be_looked_at_before_the_model_has_a_name() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let hub = Hub::new(options(&server, cache.path())).unwrap();
    let listing = hub.list(&repository(), &mut go_on).unwrap();
    let files = listing.select(&Wanted::default()).unwrap();
    let snapshot = hub.fetch(&listing, &files[..7], &mut go_on).unwrap();
    let text = std::fs::read_to_string(snapshot.join("unet/config.json")).unwrap();
    assert_eq!(text, "{\"the file\": \"unet/config.json\"}");
    assert_eq!(hub.cache().snapshot(&repository()), None);
}

#[test]
fn an_interrupted_download_goes_on_where_it_was() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let hub = Hub::new(options(&server, cache.path())).unwrap();
    let listing = hub.list(&repository(), &mut go_on).unwrap();
    let files = listing.select(&Wanted::default()).unwrap();
    server.behave(|manners| manners.stall_after = Some(200_000));
    let interrupted = hub.pull(&listing, &files, &mut |progress| {
        let is_unet = progress
            .file
            .is_some_and(|file| file.starts_with("unet/diff"));
        match is_unet && progress.bytes > 200_000 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    assert!(matches!(interrupted, Err(HubError::Interrupted)));
    assert_eq!(hub.cache().snapshot(&repository()), None);
    assert!(hub.missing(&listing, &files) <= 400_000);

    server.behave(|manners| manners.stall_after = None);
    let snapshot = pull(options(&server, cache.path())).unwrap();
    assert_eq!(unet_in(&snapshot), unet());
    let last = server.requests().pop().unwrap();
    let first: u64 = last.headers["range"]
        .strip_prefix("bytes=")
        .and_then(|range| range.strip_suffix('-'))
        .unwrap()
        .parse()
        .unwrap();
    assert!(first >= 200_000, "{first}");
}

#[test]
fn two_downloads_at_once_share_the_work() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let snapshots: Vec<_> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| pull(options(&server, cache.path())).unwrap());
        let both = [start(), start()];
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(snapshots[0], snapshots[1]);
    assert_eq!(unet_in(&snapshots[0]), unet());
    let requests = server.requests();
    let contents = requests
        .iter()
        .filter(|asked| asked.path.contains("/resolve/"));
    assert_eq!(contents.count(), 10, "each file is downloaded once");
}

#[test]
fn what_another_revision_shares_is_not_downloaded_again() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    pull(options(&server, cache.path())).unwrap();
    server.add(crate::NAME, "unet/config.json", "changed");
    let asked = server.requests().len();
    let snapshot = pull(options(&server, cache.path())).unwrap();
    assert_eq!(server.requests().len(), asked + 2);
    assert_eq!(
        std::fs::read_to_string(snapshot.join("unet/config.json")).unwrap(),
        "changed"
    );
}

#[cfg(unix)]
#[test]
fn what_python_shares_between_repositories_is_not_downloaded_again() {
    use std::os::unix::fs::symlink;

    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let snapshot = pull(options(&server, cache.path())).unwrap();
    let unet_file = snapshot.join("unet/diffusion_pytorch_model.safetensors");
    let blob = unet_file.canonicalize().unwrap();
    let store = cache.path().join("blobs/ab");
    std::fs::create_dir_all(&store).unwrap();
    std::fs::rename(&blob, store.join("ab12")).unwrap();
    symlink("../../blobs/ab/ab12", &blob).unwrap();
    let asked = server.requests().len();
    pull(options(&server, cache.path())).unwrap();
    assert_eq!(server.requests().len(), asked + 1, "only the listing");
    assert_eq!(unet_in(&snapshot), unet());

    // What a link to anywhere else leads to is neither taken for the file nor written to.
    let elsewhere = cache.path().join("elsewhere");
    std::fs::rename(store.join("ab12"), &elsewhere).unwrap();
    std::fs::remove_file(&blob).unwrap();
    symlink(&elsewhere, &blob).unwrap();
    pull(options(&server, cache.path())).unwrap();
    assert!(!blob.is_symlink());
    assert_eq!(unet_in(&snapshot), unet());
    assert_eq!(std::fs::read(&elsewhere).unwrap(), unet());
}

#[test]
fn one_file_of_a_newer_commit_does_not_take_the_place_of_a_model() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let model = pull(options(&server, cache.path())).unwrap();
    server.behave(|manners| manners.commit = Some("f".repeat(40)));
    let hub = Hub::new(options(&server, cache.path())).unwrap();
    let listing = hub.list(&repository(), &mut go_on).unwrap();
    let wanted = Wanted {
        files: vec!["vae/config.json".into()],
        ..Wanted::default()
    };
    let files = listing.select(&wanted).unwrap();
    let file = hub.pull(&listing, &files, &mut go_on).unwrap();
    assert!(file.join("vae/config.json").is_file());
    assert_eq!(hub.cache().snapshot(&repository()), Some(model));
    let newer = pull(options(&server, cache.path())).unwrap();
    assert_eq!(hub.cache().snapshot(&repository()), Some(newer));
}

#[test]
fn a_single_file_and_names_that_need_escapes_arrive() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.add("some/lora", "my style (100%).safetensors", noise(9, 5000));
    let hub = Hub::new(options(&server, cache.path())).unwrap();
    let listing = hub
        .list(&"some/lora@v1.0".parse().unwrap(), &mut go_on)
        .unwrap();
    let files = listing.select(&Wanted::default()).unwrap();
    // The server of the tests does not read escapes: the path that was asked for shows them.
    let _missing = hub.pull(&listing, &files, &mut go_on);
    let asked = server.requests().pop().unwrap().path;
    assert!(
        asked.ends_with("/my%20style%20(100%25).safetensors"),
        "{asked}"
    );
}
