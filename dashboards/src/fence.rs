//! Who may talk to us: requests that name us by a name of ours, and, where something is sent, that come from a page of
//! ours. Without it any web page the reader has open could reach a loopback port, by DNS rebinding or by a form.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use crate::problem::Problem;

/// The page may run our own scripts and talk to us, and nothing else: no inline code, no frame around it, no form out.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/// The names under which we answer.
#[derive(Clone, Debug)]
pub(crate) struct OwnNames {
    public: Option<Arc<Uri>>,
}

impl OwnNames {
    /// Loopback's names, and the host of `public_url` when it has one.
    pub(crate) fn new(public_url: &str) -> Self {
        Self { public: public_url.parse().ok().map(Arc::new) }
    }

    fn include(&self, host: &str) -> bool {
        let public = self.public.as_ref().and_then(|url| url.host());
        let loopback = ["localhost", "127.0.0.1", "[::1]"];
        loopback.into_iter().chain(public).any(|name| name.eq_ignore_ascii_case(host))
    }

    /// A page of ours: the origin is what the request itself is addressed to, or `public_url`, which a proxy may serve
    /// under another scheme and port than we see.
    fn include_origin(&self, origin: &Uri, target: &Authority) -> bool {
        let same = |authority: &Authority| origin.authority().is_some_and(|origin| origin == authority);
        let public = self
            .public
            .as_ref()
            .is_some_and(|url| url.scheme() == origin.scheme() && url.authority().is_some_and(same));
        public || (origin.scheme_str() == Some("http") && same(target))
    }
}

/// Refuses what a stranger's page could send; sees every request before any handler.
pub(crate) async fn admit(State(names): State<OwnNames>, request: Request, next: Next) -> Response {
    match check(&names, request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(names: &OwnNames, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let target = target_of(uri, headers).filter(|target| names.include(target.host()));
    let Some(target) = target else {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "urn:plimsoll:foreign-host",
            "This is not the host you asked for",
            "the Host header names neither loopback nor the host of dashboards.public_url; \
             if people use this name, put it into dashboards.public_url",
        ));
    };
    let reads_only = method == Method::GET || method == Method::HEAD;
    let Some(origin) = headers.get(header::ORIGIN).filter(|_| !reads_only) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    if origin.is_some_and(|origin| names.include_origin(&origin, &target)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "urn:plimsoll:foreign-origin",
        "The request comes from another site's page",
        "the Origin header is neither this address nor dashboards.public_url",
    ))
}

/// HTTP/2 carries the host in the target, HTTP/1.1 in a header.
fn target_of(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let header = || headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    uri.authority().cloned().or_else(header)
}

/// On every response, refusals included.
pub(crate) async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    // A page of ours that needs less strict a policy says so itself.
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
