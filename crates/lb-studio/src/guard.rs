//! Keeps the rest of the web out.
//!
//! Every page that is open in a browser can send requests to this machine. A request is answered only if its
//! host is one of ours (a name of a hostile page may point here, which is DNS rebinding), if it comes from our
//! own page, and if it carries a session.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, COOKIE, HOST, LOCATION, ORIGIN,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::access;
use crate::error::{ApiError, ErrorKind, hidden_failure};
use crate::events::Owner;
use crate::shared::Shared;
use crate::studio::StudioOptions;

/// The hosts under which the studio may be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hosts {
    /// Whether only this machine can reach it.
    is_local: bool,
    names: Vec<String>,
}

impl Hosts {
    /// Those of a program that listens at this address, and other names under which it is known.
    pub(crate) fn new(address: IpAddr, names: &[String]) -> Self {
        let names = names.iter().map(|name| name.to_ascii_lowercase());
        Self {
            is_local: address.is_loopback(),
            names: names.collect(),
        }
    }

    /// Whether a header `Host` names one of them. Ports are not compared, since they may be forwarded.
    fn contain(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else {
            return false;
        };
        let name = name.to_ascii_lowercase();
        if name == "localhost" || self.names.contains(&name) {
            return true;
        }
        // No name can be made to point here by giving the number itself.
        let address = name.trim_start_matches('[').trim_end_matches(']');
        match address.parse::<IpAddr>() {
            Ok(address) => !self.is_local || address.is_loopback(),
            Err(_) => false,
        }
    }
}

/// The name or number of a host without its port.
fn without_port(host: &str) -> Option<&str> {
    if host.parse::<SocketAddr>().is_ok() {
        return host.rfind(':').map(|end| &host[..end]);
    }
    if host.starts_with('[') {
        return host.ends_with(']').then_some(host);
    }
    match host.split_once(':') {
        Some((name, port)) => port.parse::<u16>().ok().map(|_| name),
        None => Some(host),
    }
}

/// Whose requests these are, which handlers ask for.
#[derive(Clone, Debug)]
pub(crate) struct Visitor(pub(crate) Owner);

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let visitor = parts.extensions.get::<Self>().cloned();
        // The guard stands before every handler.
        visitor.ok_or_else(|| ApiError::failed("the request has passed no guard"))
    }
}

#[derive(Deserialize)]
struct TokenQuery {
    token: Option<String>,
}

/// The middleware before every handler.
pub(crate) async fn guard(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_page = !request.uri().path().starts_with("/api/");
    let site = request.headers().get("sec-fetch-site");
    let came_from_elsewhere = site.is_some_and(|site| site == "cross-site");
    let mut response = match admit(&shared, &mut request) {
        Ok(Admission::Known) => next.run(request).await,
        Ok(Admission::New(cookie)) => {
            let mut response = next.run(request).await;
            set_cookie(&shared, &mut response, &cookie);
            response
        }
        Ok(Admission::SignedIn(cookie)) => {
            let mut response = to_home(came_from_elsewhere);
            set_cookie(&shared, &mut response, &cookie);
            response
        }
        Err(error) if is_page && error.kind == ErrorKind::Unauthorized => {
            let text = "Open the address that `lb studio` has printed. Each can be opened once; \
                        start `lb studio` again for another one.\n";
            (StatusCode::UNAUTHORIZED, text).into_response()
        }
        Err(error) => error.into_response(),
    };
    if shared.options.demo && response.status().is_client_error() {
        response = without_paths(&shared, response).await;
    } else if shared.options.demo && response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        // Whoever has made the response has logged the details.
        let cookies = response.headers_mut().remove(SET_COOKIE);
        response = hidden_failure();
        if let Some(cookie) = cookies {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
    }
    protect(
        response.headers_mut(),
        shared.options.embedded_in.as_deref(),
    );
    response
}

/// Leads a browser that has just signed in to the page.
///
/// If it comes from the page in a file that `sign_in_page` has written, the cookie is not sent along a redirect,
/// because it is for requests of our own site only. A page of our own that leads on is not such a redirect.
fn to_home(came_from_elsewhere: bool) -> Response {
    if !came_from_elsewhere {
        let home = [(LOCATION, HeaderValue::from_static("/"))];
        return (StatusCode::SEE_OTHER, home).into_response();
    }
    let page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
                <meta http-equiv=\"refresh\" content=\"0;url=/\"><title>lb studio</title></html>\n";
    Html(page).into_response()
}

/// An error whose message names no path of this machine.
async fn without_paths(shared: &Shared, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Ok(mut json) = serde_json::from_slice::<Value>(&body) else {
        return (parts, body).into_response();
    };
    if let Some(Value::String(message)) = json.pointer_mut("/error/message") {
        *message = shared.shown(std::mem::take(message));
    }
    parts.headers.remove(CONTENT_LENGTH);
    (parts, json.to_string()).into_response()
}

enum Admission {
    Known,
    /// A visitor who gets this cookie.
    New(String),
    /// Somebody who has opened the address with the token.
    SignedIn(String),
}

fn admit(shared: &Shared, request: &mut Request) -> Result<Admission, ApiError> {
    refuse_others(&shared.options, request)?;
    let cookie = cookie(request.headers(), &shared.access.cookie_name()).map(str::to_owned);
    if shared.options.demo {
        let known = cookie.as_deref().and_then(access::visitor_of);
        let (owner, admission) = match known {
            Some(owner) => (Some(owner), Admission::Known),
            None => {
                let cookie = access::new_visitor()?;
                (access::visitor_of(&cookie), Admission::New(cookie))
            }
        };
        request
            .extensions_mut()
            .insert(Visitor(owner.map(Into::into)));
        return Ok(admission);
    }
    if request.uri().path() == "/"
        && let Ok(Query(TokenQuery { token: Some(token) })) = Query::try_from_uri(request.uri())
    {
        return match shared.access.sign_in(&token)? {
            Some(cookie) => Ok(Admission::SignedIn(cookie)),
            None => Err(unauthorized()),
        };
    }
    match cookie {
        Some(cookie) if shared.access.knows(&cookie) => {
            request.extensions_mut().insert(Visitor(None));
            Ok(Admission::Known)
        }
        _ => Err(unauthorized()),
    }
}

fn unauthorized() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthorized,
        "the request carries no session; open the address that `lb studio` has printed",
    )
}

/// Refuses requests under foreign names and from foreign pages.
fn refuse_others(options: &StudioOptions, request: &Request) -> Result<(), ApiError> {
    let hosts = options.hosts();
    let forbidden = |message| Err(ApiError::new(ErrorKind::Forbidden, message));
    let headers = request.headers();
    let authority = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.or(authority).filter(|host| hosts.contain(host)) else {
        return forbidden("the request names another host");
    };
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let origin = origin
            .strip_prefix("http://")
            .or(origin.strip_prefix("https://"));
        if !origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host)) {
            return forbidden("the request comes from another site");
        }
    }
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match value("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        // A link on another page may lead to the page itself, or a frame show it, but not anything that acts or
        // answers. Which sites may have such a frame is for the browser to enforce.
        Some(_)
            if value("sec-fetch-mode") == Some("navigate")
                && (value("sec-fetch-dest") == Some("document")
                    || value("sec-fetch-dest") == Some("iframe")
                        && options.embedded_in.is_some())
                && request.method() == Method::GET
                && !request.uri().path().starts_with("/api/") =>
        {
            Ok(())
        }
        Some(_) => forbidden("the request comes from another site"),
    }
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let headers = headers.get_all(COOKIE).iter();
    let mut pairs = headers
        .filter_map(|at| at.to_str().ok())
        .flat_map(|at| at.split(';'));
    pairs.find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

fn set_cookie(shared: &Shared, response: &mut Response, value: &str) {
    let name = shared.access.cookie_name();
    let kept = match (&shared.options.embedded_in, shared.options.is_behind_tls) {
        // In a frame of another site, browsers keep a cookie only if it says that it is meant for that.
        (Some(_), _) => "SameSite=None; Partitioned; Secure",
        (None, true) => "SameSite=Strict; Secure",
        (None, false) => "SameSite=Strict",
    };
    let cookie = format!("{name}={value}; HttpOnly; {kept}; Path=/; Max-Age=31536000");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; \
    manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'";

/// Adds the headers by which a browser protects the page, which only `embedded_in` may show in a frame.
fn protect(headers: &mut HeaderMap, embedded_in: Option<&str>) {
    let policy = format!(
        "{POLICY}; frame-ancestors {}",
        embedded_in.unwrap_or("'none'")
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    );
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_hosts_are_answered() {
        let hosts = Hosts::new("127.0.0.1".parse().unwrap(), &["Studio.example".into()]);
        for host in [
            "127.0.0.1",
            "127.0.0.1:7777",
            "localhost",
            "LOCALHOST:80",
            "[::1]:7777",
            "[::1]",
            "studio.example:443",
        ] {
            assert!(hosts.contain(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7777",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "10.0.0.1:7777",
            "localhost:evil",
            "[::1",
            "localhost@evil.example",
        ] {
            assert!(!hosts.contain(host), "{host}");
        }
        let everywhere = Hosts::new("0.0.0.0".parse().unwrap(), &[]);
        assert!(everywhere.contain("192.168.0.7:7777") && !everywhere.contain("evil.example"));
    }
}
