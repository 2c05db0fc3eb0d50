//! `http_config` and `tls_config`, as Prometheus' tools have them: how a receiver's server is reached and who we are to it.

mod nodes;

use std::path::PathBuf;

use reqwest::header::{HeaderName, HeaderValue};
use serde_saphyr::Spanned;

use super::check::{Report, line};
use super::secret::{Secret, SecretSource};

use nodes::{AuthorizationNode, BasicAuthNode, OAuth2Node};
pub(super) use nodes::{HttpNode, TlsNode};

#[derive(Clone, Debug, Default)]
pub(crate) struct HttpConfig {
    pub(crate) auth: Option<HttpAuth>,
    pub(crate) tls: TlsConfig,
    pub(crate) proxy: ProxyConfig,
    pub(crate) headers: Vec<(HeaderName, SecretSource)>,
}

#[derive(Clone, Debug)]
pub(crate) enum HttpAuth {
    Basic { user: SecretSource, password: Option<SecretSource> },
    Authorization { scheme: String, credentials: SecretSource },
    OAuth2(Box<OAuth2>),
}

/// The client credentials flow.
#[derive(Clone, Debug)]
pub(crate) struct OAuth2 {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretSource,
    pub(crate) token_url: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) endpoint_params: Vec<(String, String)>,
    pub(crate) tls: TlsConfig,
    pub(crate) proxy: ProxyConfig,
}

/// Certificates and keys are PEM, read for each delivery.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsConfig {
    /// In place of the well-known authorities.
    pub(crate) ca: Option<SecretSource>,
    /// Certificate and key that we show.
    pub(crate) identity: Option<(SecretSource, SecretSource)>,
    pub(crate) server_name: Option<String>,
    pub(crate) insecure_skip_verify: bool,
    pub(crate) only_tls13: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum ProxyConfig {
    #[default]
    None,
    /// What the environment said when the process began.
    Environment,
    At {
        url: Secret,
        no_proxy: String,
        headers: Vec<(HeaderName, SecretSource)>,
    },
}

impl HttpConfig {
    /// A receiver's own takes the place of the global one as a whole.
    pub(super) fn read(
        own: Option<&Spanned<HttpNode>>,
        global: Option<&Spanned<HttpNode>>,
        report: &mut Report,
    ) -> Self {
        let Some(node) = own.or(global) else { return Self::default() };
        let (at, node) = (line(node), &node.value);
        if node.follow_redirects == Some(true) {
            report.warn(
                at,
                "redirects are never followed: write the final address, and remove follow_redirects",
            );
        }
        let proxy = ProxyConfig::read(node.proxy(), at, report);
        Self {
            auth: auth(node, at, report),
            tls: TlsConfig::read(node.tls_config.as_ref(), report),
            proxy,
            headers: headers(node, at, report),
        }
    }
}

fn auth(node: &HttpNode, at: u64, report: &mut Report) -> Option<HttpAuth> {
    let bearer = AuthorizationNode::bearer(node.bearer_token.clone(), node.bearer_token_file.clone());
    let authorization = node.authorization.as_ref().map(|node| &node.value);
    let given = [bearer.is_some(), authorization.is_some(), node.basic_auth.is_some(), node.oauth2.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        report.error(
            at,
            "at most one of basic_auth, authorization, oauth2 and bearer_token can be used: keep one",
        );
        return None;
    }
    if let Some(node) = bearer.as_ref().or(authorization) {
        return authorization_of(node, at, report);
    }
    if let Some(node) = &node.basic_auth {
        return basic(node, at, report);
    }
    oauth2(&node.oauth2.as_ref()?.value, at, report)
}

fn authorization_of(node: &AuthorizationNode, at: u64, report: &mut Report) -> Option<HttpAuth> {
    let scheme = node.r#type.clone().unwrap_or_else(|| "Bearer".to_owned());
    if scheme.eq_ignore_ascii_case("basic") {
        report
            .error(at, "authorization cannot have the type Basic: use basic_auth with username and password");
        return None;
    }
    let credentials =
        report.secret(node.credentials.clone(), node.credentials_file.clone(), "credentials", at)?;
    Some(HttpAuth::Authorization { scheme, credentials })
}

fn basic(node: &BasicAuthNode, at: u64, report: &mut Report) -> Option<HttpAuth> {
    let user = report.secret(node.username.clone(), node.username_file.clone(), "username", at)?;
    let has_password = node.password.is_some() || node.password_file.is_some();
    let password = if has_password {
        Some(report.secret(node.password.clone(), node.password_file.clone(), "password", at)?)
    } else {
        None
    };
    Some(HttpAuth::Basic { user, password })
}

fn oauth2(node: &OAuth2Node, at: u64, report: &mut Report) -> Option<HttpAuth> {
    let client_secret =
        report.secret(node.client_secret.clone(), node.client_secret_file.clone(), "client_secret", at);
    if node.client_id.is_empty() {
        report.error(at, "oauth2 has no client_id: set it");
    }
    if !is_web_address(&node.token_url) {
        report.error(at, "`token_url` is not a web address: it starts with https:// or http:// and a host");
        return None;
    }
    let proxy = ProxyConfig::read(node.proxy(), at, report);
    Some(HttpAuth::OAuth2(Box::new(OAuth2 {
        client_id: node.client_id.clone(),
        client_secret: client_secret?,
        token_url: node.token_url.clone(),
        scopes: node.scopes.clone(),
        endpoint_params: node.endpoint_params.clone().into_iter().collect(),
        tls: TlsConfig::read(node.tls_config.as_ref(), report),
        proxy,
    })))
}

impl TlsConfig {
    pub(super) fn read(node: Option<&Spanned<TlsNode>>, report: &mut Report) -> Self {
        let Some(node) = node else { return Self::default() };
        let (at, node) = (line(node), &node.value);
        let mut optional = |inline: &Option<Secret>, file: &Option<PathBuf>, key: &str| {
            let is_given = inline.is_some() || file.is_some();
            is_given.then(|| report.secret(inline.clone(), file.clone(), key, at)).flatten()
        };
        let ca = optional(&node.ca, &node.ca_file, "ca");
        let certificate = optional(&node.cert, &node.cert_file, "cert");
        let key = optional(&node.key, &node.key_file, "key");
        if certificate.is_some() != key.is_some() {
            report.error(
                at,
                "a client certificate needs both cert (or cert_file) and key (or key_file): set both",
            );
        }
        let only_tls13 = match node.min_version.as_deref() {
            Some("TLS13") => true,
            None | Some("TLS10" | "TLS11" | "TLS12") => false,
            Some(_) => {
                report.error(at, "`min_version` is not known: use TLS12 or TLS13");
                false
            }
        };
        if node.max_version.as_deref().is_some_and(|version| version != "TLS13") {
            report.error(at, "a `max_version` below TLS13 is not supported: remove it");
        }
        if node.insecure_skip_verify {
            report.warn(
                at,
                "insecure_skip_verify lets anybody be the server: name its authority in ca_file instead",
            );
        }
        Self {
            ca,
            identity: certificate.zip(key),
            server_name: node.server_name.clone().filter(|name| !name.is_empty()),
            insecure_skip_verify: node.insecure_skip_verify,
            only_tls13,
        }
    }
}

impl ProxyConfig {
    fn read(node: nodes::ProxyKeys<'_>, at: u64, report: &mut Report) -> Self {
        if node.from_environment {
            if node.url.is_some() || node.no_proxy.is_some() {
                report.error(at, "proxy_from_environment stands alone: remove proxy_url and no_proxy, or it");
            }
            return Self::Environment;
        }
        let Some(url) = node.url else {
            if node.no_proxy.is_some() || !node.headers.is_empty() {
                report
                    .error(at, "no_proxy and proxy_connect_header need a proxy_url: set it, or remove them");
            }
            return Self::None;
        };
        if !is_web_address(url.expose()) {
            report.error(at, "`proxy_url` is not the address of an HTTP proxy: write http://host:port");
        }
        let names =
            node.headers.iter().filter_map(|(name, values)| Some((header_name(name, at, report)?, values)));
        let headers = names.flat_map(|(name, values)| {
            values.iter().map(move |value| (name.clone(), SecretSource::Inline(value.clone())))
        });
        let headers = headers.collect();
        Self::At { url: url.clone(), no_proxy: node.no_proxy.unwrap_or_default().to_owned(), headers }
    }
}

/// Headers that we set ourselves are not the file's to set.
const OURS: [&str; 5] = ["authorization", "content-length", "content-type", "host", "transfer-encoding"];

fn headers(node: &HttpNode, at: u64, report: &mut Report) -> Vec<(HeaderName, SecretSource)> {
    let mut headers = Vec::new();
    for (name, header) in &node.http_headers {
        let Some(name) = header_name(name, at, report) else { continue };
        if OURS.contains(&name.as_str()) {
            report.error(at, format!("http_headers cannot set `{name}`: use the key that is meant for it"));
            continue;
        }
        let inline = header.values.iter().chain(&header.secrets);
        for value in inline {
            if HeaderValue::from_str(value.expose()).is_err() {
                report.error(
                    at,
                    format!("a value of the header `{name}` holds characters that a header cannot carry"),
                );
            }
            headers.push((name.clone(), SecretSource::Inline(value.clone())));
        }
        for path in &header.files {
            headers.extend(
                report.secret(None, Some(path.clone()), "files", at).map(|file| (name.clone(), file)),
            );
        }
    }
    headers
}

fn header_name(name: &str, at: u64, report: &mut Report) -> Option<HeaderName> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
    if parsed.is_none() {
        report.error(at, format!("`{name}` is not the name of a header: use letters, digits and hyphens"));
    }
    parsed
}

pub(super) fn is_web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
