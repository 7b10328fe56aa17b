//! A hub that breaks off, stalls, lies, or does not let everybody in.

use std::time::{Duration, Instant};

use lb_hub::{Hub, HubError};

use crate::{NAME, blobs, noise, options, pull, server, unet, unet_in};

#[test]
fn twenty_breaks_at_random_bytes_do_no_harm() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let places: Vec<usize> = noise(7, 40)
        .chunks(2)
        .map(|pair| usize::from(pair[0]) * 100 + usize::from(pair[1]))
        .collect();
    // The seven texts and the smallest weights arrive whole.
    let breaks = [usize::MAX; 8].into_iter().chain(places);
    server.behave(|manners| manners.breaks = breaks.collect());
    let snapshot = pull(options(&server, cache.path())).unwrap();
    assert_eq!(unet_in(&snapshot), unet());
    let requests = server.requests();
    let parts = requests
        .iter()
        .filter(|asked| asked.headers.contains_key("range"));
    assert!(parts.count() >= 19, "every break is followed by the rest");
    assert!(
        blobs(cache.path())
            .iter()
            .all(|name| !name.contains("incomplete"))
    );
}

#[test]
fn a_server_that_never_sends_anything_is_given_up() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.behave(|manners| manners.breaks = [0; 9].into());
    let error = pull(options(&server, cache.path())).unwrap_err();
    assert!(matches!(error, HubError::Connection { .. }), "{error}");
    assert_eq!(server.requests().len(), 1 + 3, "it is tried three times");
}

#[test]
fn a_stalled_connection_is_given_up_and_what_came_is_kept() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.behave(|manners| manners.stall_after = Some(100_000));
    let begun = Instant::now();
    let mut options = options(&server, cache.path());
    options.tries = 1;
    let error = pull(options.clone());
    // Each try brings 100,000 bytes more, until fewer are missing than the server sends.
    let snapshot = error.unwrap();
    assert_eq!(unet_in(&snapshot), unet());
    assert!(begun.elapsed() < Duration::from_secs(30));

    server.add(
        NAME,
        "unet/diffusion_pytorch_model.safetensors",
        noise(8, 50_000),
    );
    server.behave(|manners| manners.stall_after = Some(0));
    let error = pull(options).unwrap_err();
    assert!(error.to_string().ends_with("nothing arrives"), "{error}");
}

#[test]
fn a_file_with_another_hash_is_not_kept() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.behave(|manners| manners.lies = true);
    let error = pull(options(&server, cache.path())).unwrap_err();
    assert!(matches!(error, HubError::WrongHash { .. }), "{error}");
    assert_eq!(blobs(cache.path()), [""; 0]);
    server.behave(|manners| manners.lies = false);
    pull(options(&server, cache.path())).unwrap();
}

#[test]
fn a_damaged_part_of_an_earlier_try_is_replaced() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    pull(options(&server, cache.path())).unwrap();
    let folder = cache.path().join("models--some--model/blobs");
    for name in blobs(cache.path()) {
        let blob = folder.join(&name);
        let mut bytes = std::fs::read(&blob).unwrap();
        bytes.truncate(bytes.len() / 2);
        bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
        std::fs::remove_file(&blob).unwrap();
        std::fs::write(folder.join(format!("{name}.lb.incomplete")), bytes).unwrap();
    }
    let snapshot = pull(options(&server, cache.path())).unwrap();
    assert_eq!(unet_in(&snapshot), unet());
    // More than the file has.
    let name = blobs(cache.path()).pop().unwrap();
    std::fs::remove_file(folder.join(&name)).unwrap();
    std::fs::write(
        folder.join(format!("{name}.lb.incomplete")),
        noise(5, 700_000),
    )
    .unwrap();
    pull(options(&server, cache.path())).unwrap();
}

#[test]
fn a_server_that_sends_no_parts_sends_the_whole() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.behave(|manners| {
        manners.ignores_ranges = true;
        manners.breaks = [usize::MAX; 9].into_iter().chain([300_000]).collect();
    });
    let snapshot = pull(options(&server, cache.path())).unwrap();
    assert_eq!(unet_in(&snapshot), unet());
}

#[test]
fn what_is_not_there_is_named() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let hub = Hub::new(options(&server, cache.path())).unwrap();
    let error = hub.list(&"some/other".parse().unwrap(), &mut crate::go_on);
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} has no repository some/other", server.endpoint())
    );
    assert!(error.is_request());
}

#[test]
fn a_busy_server_is_asked_again() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.behave(|manners| manners.statuses = [503, 429, 200, 500].into());
    // The third answer is an empty listing, which is not understood.
    let error = pull(options(&server, cache.path())).unwrap_err();
    assert!(matches!(error, HubError::Listing { .. }), "{error}");
    pull(options(&server, cache.path())).unwrap();
    server.behave(|manners| manners.statuses = [418].into());
    let error = pull(options(&server, cache.path())).unwrap_err();
    assert!(error.to_string().contains("status 418"), "{error}");
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.behave(|manners| manners.token = Some("hf_secret".into()));
    let mut options = options(&server, cache.path());
    let error = pull(options.clone()).unwrap_err();
    assert!(
        matches!(
            error,
            HubError::Unauthorised {
                with_token: false,
                ..
            }
        ),
        "{error}"
    );

    let store = crate::server();
    server.behave(|manners| manners.contents_at = Some(store.endpoint_by_name()));
    options.token = Some("hf_secret".into());
    let snapshot = pull(options.clone()).unwrap();
    assert_eq!(unet_in(&snapshot), unet());
    let requests = store.requests();
    assert_eq!(requests.len(), 10);
    for asked in requests {
        assert!(!asked.headers.contains_key("authorization"), "{asked:?}");
    }
    assert!(!format!("{options:?}").contains("secret"));

    // Another address of the hub's own host is let in with the token.
    let cache = tempfile::tempdir().unwrap();
    options.cache = lb_hub::HubCache::new(cache.path());
    let store = crate::server();
    store.behave(|manners| manners.token = Some("hf_secret".into()));
    server.behave(|manners| manners.contents_at = Some(store.endpoint()));
    pull(options.clone()).unwrap();
    let requests = store.requests();
    assert_eq!(requests.len(), 10);
    for asked in requests {
        assert_eq!(asked.headers["authorization"], "Bearer hf_secret");
    }

    options.token = Some("wrong".into());
    let error = pull(options).unwrap_err();
    assert!(
        matches!(
            error,
            HubError::Unauthorised {
                with_token: true,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn addresses_that_are_none_are_refused() {
    let cache = tempfile::tempdir().unwrap();
    for endpoint in ["", "huggingface.co", "ftp://x", "https://", "http:///x"] {
        let mut options = lb_hub::HubOptions::new(cache.path());
        options.endpoint = endpoint.into();
        let refused = Hub::new(options);
        assert!(
            matches!(refused, Err(HubError::InvalidEndpoint { .. })),
            "{endpoint}"
        );
    }
    let mut options = lb_hub::HubOptions::new(cache.path());
    let path = cache.path().join("certificates.pem");
    std::fs::write(&path, "none").unwrap();
    options.certificates = Some(path);
    assert!(matches!(
        Hub::new(options),
        Err(HubError::Certificates { .. })
    ));
}
