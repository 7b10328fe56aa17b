//! The page, which is part of the program: what Vite has built of `page/src`.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use include_dir::{Dir, include_dir};

static PAGE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/page/dist");

/// Answers with a file of the page, or with the page itself for the places that only the page knows.
pub(crate) async fn answer(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = PAGE.get_file(path) {
        // Vite puts a hash of the content into the names of these files.
        let keeps = path.starts_with("assets/");
        return respond(path, file.contents(), keeps);
    }
    let is_place = !path.rsplit('/').next().unwrap_or_default().contains('.');
    match PAGE.get_file("index.html") {
        Some(file) if is_place && !path.starts_with("api/") => {
            respond("index.html", file.contents(), false)
        }
        _ => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
    }
}

fn respond(path: &str, contents: &'static [u8], keeps: bool) -> Response {
    let kept = match keeps {
        true => "private, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type(path))),
        (CACHE_CONTROL, HeaderValue::from_static(kept)),
    ];
    (headers, contents).into_response()
}

/// The media type of a file of the page.
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "jpg" => "image/jpeg",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
