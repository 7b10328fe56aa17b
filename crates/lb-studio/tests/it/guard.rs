//! Other sites, other hosts, and people who were not let in.

use axum::body::Body;
use axum::http::Request;
use lb_studio::{Studio, StudioError};
use serde_json::json;

use crate::client::{TestStudio, options};

#[test]
fn only_our_own_page_with_a_session_is_answered() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    browser.get("/api/studio").granted();

    // No session.
    let get = |path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        studio.send(request.body(Body::empty()).unwrap())
    };
    let local = ("host", "localhost:7860");
    let cookie = ("cookie", browser.cookie.as_str());
    get("/api/studio", &[local]).refused(401);
    assert_eq!(get("/", &[local]).status, 401);
    assert_eq!(get("/assets/index.js", &[local]).status, 401);
    let name = browser.cookie.split('=').next().unwrap();
    for guess in ["", "0", &"0".repeat(64), "../access.json"] {
        get(
            "/api/studio",
            &[local, ("cookie", &format!("{name}={guess}"))],
        )
        .refused(401);
        assert_eq!(get(&format!("/?token={guess}"), &[local]).status, 401);
    }
    // The token was spent by the first browser.
    let spent = studio.url.split_once("/?").unwrap().1;
    assert_eq!(get(&format!("/?{spent}"), &[local]).status, 401);

    // Another host: a name that a hostile page has made to point here.
    for host in [
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "",
    ] {
        get("/api/studio", &[("host", host), cookie]).refused(403);
    }
    get("/api/studio", &[cookie]).refused(403);
    get("/api/studio", &[local, cookie]).granted();

    // Another site, whatever the browser says about it.
    let post = |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/projects").header("content-type", "application/json");
        for (name, value) in [local, cookie].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        studio.send(request.body(Body::from("{}")).unwrap())
    };
    for headers in [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("origin", "http://localhost:8080")],
        [("origin", "")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        post(&headers).refused(403);
    }
    let navigation = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    post(&navigation).refused(403);
    let link = [&[local, cookie][..], &navigation].concat();
    assert_eq!(get("/", &link).status, 200, "a link to the page itself");
    get("/api/studio", &link).refused(403);
    assert_eq!(
        browser.get("/api/projects").granted(),
        json!([]),
        "nothing was made"
    );
    post(&[
        ("origin", "http://localhost:7860"),
        ("sec-fetch-site", "same-origin"),
    ])
    .granted();
}

#[test]
fn browsers_are_told_what_the_page_may_do() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    for path in ["/", "/api/studio", "/missing.js", "/api/missing"] {
        let headers = browser.get(path).headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    assert_eq!(
        browser.get("/api/studio").headers["cache-control"],
        "no-store"
    );
}

#[test]
fn a_demonstration_is_shown_in_frames_of_the_site_that_is_named() {
    let site = "https://huggingface.co";
    let studio = TestStudio::with(|options| {
        options.demo = true;
        options.is_behind_tls = true;
        options.host_names = vec!["studio.example".into()];
        options.embedded_in = Some(site.into());
    });
    let in_frame = |path: &str, method: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request
            .header("host", "studio.example")
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "iframe");
        studio.send(request.body(Body::empty()).unwrap())
    };
    let page = in_frame("/", "GET");
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.ends_with("frame-ancestors https://huggingface.co"),
        "{policy}"
    );
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.contains("SameSite=None; Partitioned; Secure"),
        "{cookie}"
    );
    in_frame("/api/projects", "GET").refused(403);
    in_frame("/", "POST").refused(403);

    let other = TestStudio::with(|options| options.demo = true);
    let request = Request::get("/")
        .header("host", "localhost")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "iframe");
    let request = request.body(Body::empty()).unwrap();
    assert_eq!(other.send(request).status, 403);
}

#[test]
fn only_a_demonstration_behind_tls_is_shown_in_frames() {
    let folder = tempfile::tempdir().unwrap();
    for (site, demo, tls) in [
        ("https://a.example", false, true),
        ("https://a.example", true, false),
        ("http://a.example", true, true),
        ("https://a.example; script-src *", true, true),
        ("*", true, true),
    ] {
        let mut options = options(folder.path());
        (options.demo, options.is_behind_tls) = (demo, tls);
        options.embedded_in = Some(site.into());
        let refused = Studio::open(options);
        assert!(
            matches!(refused, Err(StudioError::EmbeddedIn { .. })),
            "{site}"
        );
    }
}

#[test]
fn no_path_leads_out() {
    let studio = TestStudio::new();
    let browser = studio.browser();
    let project = browser.project(&json!({}));
    let id = project["id"].as_str().unwrap();
    for path in [
        "/..%2f..%2fetc%2fpasswd".to_owned(),
        "/assets/../../../../etc/passwd".into(),
        "/%2e%2e/%2e%2e/etc/passwd".into(),
        "/api/projects/..".into(),
        "/api/projects/..%2f..%2f".into(),
        "/api/projects/%2e%2e".into(),
        "/api/projects/../../plan".into(),
        format!("/api/projects/{id}/../access.json"),
        format!("/api/projects/{id}%2f..%2faccess.json/plan"),
        format!("/api/projects/{id}/pictures/.."),
        format!("/api/projects/{id}/pictures/..%2f..%2faccess.json"),
        format!("/api/projects/{id}/films/..%2f..%2faccess/x.json"),
        format!("/api/projects/{id}/films/1/..%2f..%2f..%2faccess.json"),
        format!("/api/pictures/{id}-..-0"),
        "/api/pictures/..%2f..%2faccess.json".into(),
        "/api/tasks/..".into(),
    ] {
        let answer = browser.get(&path);
        assert!(
            matches!(answer.status.as_u16(), 200 | 400 | 404),
            "{path}: {}",
            answer.status
        );
        let text = answer.text();
        assert!(
            !text.contains("root:") && !text.contains("sessions"),
            "{path}: {text}"
        );
        // Whatever looks like a place of the page is the page.
        assert!(
            answer.status != 200 || text.contains("<html"),
            "{path}: {text}"
        );
    }
}
