//! The fence as a table: method, host, origin, and whether it opens.

use super::*;

const PUBLIC_URL: &str = "https://plimsoll.example.com";

fn verdict(method: Method, host: &str, origin: Option<&str>) -> Option<StatusCode> {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_str(host).expect("a header value"));
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).expect("a header value"));
    }
    let uri = Uri::from_static("/api/v1/sql");
    let refusal = check(&OwnNames::new(PUBLIC_URL), &method, &uri, &headers).err()?;
    Some(refusal.into_response().status())
}

#[test]
fn our_own_names_are_let_in_with_any_port() {
    for host in ["localhost", "LocalHost:8088", "127.0.0.1:8088", "[::1]:9", "plimsoll.example.com"] {
        assert_eq!(verdict(Method::GET, host, None), None, "{host}");
    }
}

#[test]
fn a_name_that_a_stranger_points_at_loopback_is_refused() {
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.example", "0.0.0.0:8088", ""] {
        assert_eq!(verdict(Method::GET, host, None), Some(StatusCode::MISDIRECTED_REQUEST), "{host}");
    }
}

#[test]
fn without_any_host_nobody_is_let_in() {
    let uri = Uri::from_static("/");
    assert!(check(&OwnNames::new(PUBLIC_URL), &Method::GET, &uri, &HeaderMap::new()).is_err());
}

#[test]
fn http_2_names_its_host_in_the_target() {
    let names = OwnNames::new(PUBLIC_URL);
    let open =
        |uri: &'static str| check(&names, &Method::GET, &Uri::from_static(uri), &HeaderMap::new()).is_ok();
    assert!(open("http://localhost:8088/"));
    assert!(!open("http://evil.example/"));
}

#[test]
fn a_post_comes_from_our_own_page_or_from_no_page_at_all() {
    let post = |origin| verdict(Method::POST, "127.0.0.1:8088", origin);
    assert_eq!(post(None), None);
    assert_eq!(post(Some("http://127.0.0.1:8088")), None);
    assert_eq!(post(Some(PUBLIC_URL)), None, "a proxy may rewrite the host");
    for foreign in ["http://127.0.0.1:3000", "https://evil.example", "http://plimsoll.example.com", "null"] {
        assert_eq!(post(Some(foreign)), Some(StatusCode::FORBIDDEN), "{foreign}");
    }
}
