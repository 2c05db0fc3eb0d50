//! Whose data a request asks for, and whether it may.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use plimsoll_alerting::Alerting;
use plimsoll_model::TenantName;
use plimsoll_query::{Locked, QueryEngine};

use crate::Faces;
use crate::problem::Problem;

/// The engine of `tenant`, if it is open or the request shows its token: as `Bearer`, or as the password of `Basic`, which
/// is what browsers ask people for.
pub(crate) fn engine<'f>(
    faces: &'f Faces,
    headers: &HeaderMap,
    tenant: &str,
) -> Result<&'f QueryEngine, Problem> {
    let token = token(headers);
    faces.databases.engine(tenant, token.as_deref()).map_err(|Locked| {
        if faces.databases.has_tokens() {
            return Problem::new(
                StatusCode::UNAUTHORIZED,
                "urn:plimsoll:unauthorized",
                "There is no such tenant, or the token is not its",
                "send \"Authorization: Bearer TOKEN\" with the tenant's query token",
            );
        }
        Problem::not_found(format!("there is no tenant named {tenant:?}"))
    })
}

/// The pipeline of `tenant`, behind the same door.
pub(crate) fn alerting<'f>(
    faces: &'f Faces,
    headers: &HeaderMap,
    tenant: &str,
) -> Result<&'f Alerting, Problem> {
    engine(faces, headers, tenant)?;
    let name = tenant.parse::<TenantName>().ok();
    name.and_then(|name| faces.alerting.get(&name))
        .ok_or_else(|| Problem::not_found(format!("tenant {tenant:?} has no alerting")))
}

fn token(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_comes_as_bearer_or_as_the_password_of_basic() {
        let of = |value: &'static str| {
            token(&HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]))
        };
        assert_eq!(of("Bearer s3cret").as_deref(), Some("s3cret"));
        assert_eq!(of("bearer  s3cret ").as_deref(), Some("s3cret"));
        assert_eq!(of("Basic YW55Ym9keTpzM2M6cmV0").as_deref(), Some("s3c:ret"), "anybody:s3c:ret");
        for other in ["Digest s3cret", "s3cret", "Basic !", "Basic YW55Ym9keQ==", "Basic"] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
