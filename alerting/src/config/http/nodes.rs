//! `http_config` as it is written. Keys of secret managers (`..._ref`) are not ours: they are refused by name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::config::secret::Secret;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct HttpNode {
    pub basic_auth: Option<BasicAuthNode>,
    pub authorization: Option<Spanned<AuthorizationNode>>,
    pub oauth2: Option<Spanned<OAuth2Node>>,
    pub bearer_token: Option<Secret>,
    pub bearer_token_file: Option<PathBuf>,
    pub tls_config: Option<Spanned<TlsNode>>,
    pub proxy_url: Option<Secret>,
    pub no_proxy: Option<String>,
    pub proxy_from_environment: bool,
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    pub follow_redirects: Option<bool>,
    /// Accepted whatever it says: a delivery is one request, for which HTTP/1.1 is enough.
    pub enable_http2: Option<bool>,
    pub http_headers: BTreeMap<String, HeaderNode>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct TlsNode {
    pub ca: Option<Secret>,
    pub ca_file: Option<PathBuf>,
    pub cert: Option<Secret>,
    pub cert_file: Option<PathBuf>,
    pub key: Option<Secret>,
    pub key_file: Option<PathBuf>,
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
    pub min_version: Option<String>,
    pub max_version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct BasicAuthNode {
    pub username: Option<Secret>,
    pub username_file: Option<PathBuf>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct AuthorizationNode {
    pub r#type: Option<String>,
    pub credentials: Option<Secret>,
    pub credentials_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct OAuth2Node {
    pub client_id: String,
    pub client_secret: Option<Secret>,
    pub client_secret_file: Option<PathBuf>,
    pub scopes: Vec<String>,
    pub token_url: String,
    pub endpoint_params: BTreeMap<String, String>,
    pub tls_config: Option<Spanned<TlsNode>>,
    pub proxy_url: Option<Secret>,
    pub no_proxy: Option<String>,
    pub proxy_from_environment: bool,
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct HeaderNode {
    pub values: Vec<Secret>,
    pub secrets: Vec<Secret>,
    pub files: Vec<PathBuf>,
}

/// The same four keys stand in `http_config` and in `oauth2`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProxyKeys<'a> {
    pub url: Option<&'a Secret>,
    pub no_proxy: Option<&'a str>,
    pub from_environment: bool,
    pub headers: &'a BTreeMap<String, Vec<Secret>>,
}

impl HttpNode {
    pub(super) fn proxy(&self) -> ProxyKeys<'_> {
        ProxyKeys {
            url: self.proxy_url.as_ref(),
            no_proxy: self.no_proxy.as_deref(),
            from_environment: self.proxy_from_environment,
            headers: &self.proxy_connect_header,
        }
    }
}

impl OAuth2Node {
    pub(super) fn proxy(&self) -> ProxyKeys<'_> {
        ProxyKeys {
            url: self.proxy_url.as_ref(),
            no_proxy: self.no_proxy.as_deref(),
            from_environment: self.proxy_from_environment,
            headers: &self.proxy_connect_header,
        }
    }
}

impl AuthorizationNode {
    /// `bearer_token`, as files of before 2021 have it.
    pub(super) fn bearer(credentials: Option<Secret>, credentials_file: Option<PathBuf>) -> Option<Self> {
        let is_given = credentials.is_some() || credentials_file.is_some();
        is_given.then_some(Self { r#type: None, credentials, credentials_file })
    }
}
