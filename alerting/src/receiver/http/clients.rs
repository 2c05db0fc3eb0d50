//! A client for each way of reaching a server: its certificates, its proxy. They are kept for as long as what they were
//! made of says the same, so that connections are used again and a certificate that was renewed is noticed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy};
use sha2::{Digest, Sha256};
use url::Url;

use super::resolver::Resolver;
use super::{Scrub, SendError};
use crate::config::{Environment, ProxyConfig, Secret, SecretSource, TlsConfig};
use crate::fence::Fence;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_CLIENTS: usize = 64;

#[derive(Debug)]
pub(super) struct Clients {
    fence: Fence,
    environment: Environment,
    kept: Mutex<BTreeMap<[u8; 32], Client>>,
}

/// The files of one delivery, read.
struct Materials {
    ca: Option<Secret>,
    identity: Option<(Secret, Secret)>,
    stand_in: Option<(String, String)>,
    is_secure: bool,
}

impl Clients {
    pub(super) fn new(fence: Fence, environment: Environment) -> Self {
        Self { fence, environment, kept: Mutex::default() }
    }

    /// A client and the address to give it: with a `server_name` it is that name, which leads to the host all the same.
    pub(super) async fn get(
        &self,
        mut url: Url,
        tls: &TlsConfig,
        proxy: &ProxyConfig,
        scrub: &mut Scrub,
    ) -> Result<(Client, Url), SendError> {
        let is_secure = url.scheme() == "https";
        let stand_in = tls.server_name.clone().filter(|_| is_secure).zip(url.host_str().map(str::to_owned));
        if let Some((name, _)) = &stand_in {
            url.set_host(Some(name))
                .map_err(|error| SendError::give_up(format!("server_name is no name: {error}")))?;
        }
        let materials = Materials {
            ca: optional(tls.ca.as_ref()).await?,
            identity: match &tls.identity {
                Some((certificate, key)) if is_secure => Some((read(certificate).await?, read(key).await?)),
                _ => None,
            },
            stand_in,
            is_secure,
        };
        let proxies = self.proxies(proxy, scrub).await?;
        let key = materials.key(tls, proxy);
        if let Some(client) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok((client.clone(), url));
        }
        let client = self.build(materials, tls, proxies)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_CLIENTS {
            kept.clear();
        }
        kept.insert(key, client.clone());
        Ok((client, url))
    }

    fn build(&self, materials: Materials, tls: &TlsConfig, proxies: Vec<Proxy>) -> Result<Client, SendError> {
        let resolver = Resolver { fence: self.fence.clone(), stand_in: materials.stand_in };
        let mut builder = builder().dns_resolver(resolver);
        builder = match materials.ca {
            Some(pem) => builder.tls_certs_only(authorities(&pem)?),
            // Plain http needs none, and works on a machine that has none installed.
            None if !materials.is_secure || tls.insecure_skip_verify => {
                builder.tls_certs_only(std::iter::empty())
            }
            None => builder,
        };
        if let Some((certificate, key)) = materials.identity {
            let pem = format!("{}\n{}", key.expose(), certificate.expose());
            let identity = Identity::from_pem(pem.as_bytes()).map_err(|_| {
                SendError::retry(
                    "the client certificate and its key cannot be used: are both PEM?".to_owned(),
                )
            })?;
            builder = builder.identity(identity);
        }
        if tls.insecure_skip_verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let least =
            if tls.only_tls13 { reqwest::tls::Version::TLS_1_3 } else { reqwest::tls::Version::TLS_1_2 };
        builder = builder.tls_version_min(least);
        builder = proxies.into_iter().fold(builder, ClientBuilder::proxy);
        builder.build().map_err(|error| {
            SendError::retry(format!(
                "cannot set up https ({error}): are the system's CA certificates installed?"
            ))
        })
    }

    async fn proxies(&self, proxy: &ProxyConfig, scrub: &mut Scrub) -> Result<Vec<Proxy>, SendError> {
        match proxy {
            ProxyConfig::None => Ok(Vec::new()),
            ProxyConfig::Environment => self.environment_proxies(),
            ProxyConfig::At { url, no_proxy, headers } => {
                scrub.address(url);
                self.admit(url.expose())?;
                let mut sent = HeaderMap::new();
                for (name, value) in headers {
                    let value = read(value).await?;
                    scrub.secret(&value);
                    let value = HeaderValue::from_str(value.expose()).map_err(|_| no_header())?;
                    sent.append(name.clone(), value);
                }
                let proxy = Proxy::all(url.expose()).map_err(|_| no_proxy_address())?;
                Ok(vec![proxy.no_proxy(NoProxy::from_string(no_proxy)).headers(sent)])
            }
        }
    }

    fn environment_proxies(&self) -> Result<Vec<Proxy>, SendError> {
        let Environment { https_proxy, http_proxy, no_proxy } = &self.environment;
        let no_proxy = no_proxy.as_deref().and_then(NoProxy::from_string);
        let mut proxies = Vec::new();
        for (url, is_https) in [(https_proxy, true), (http_proxy, false)] {
            let Some(url) = url else { continue };
            self.admit(url)?;
            let proxy = if is_https { Proxy::https(url.as_str()) } else { Proxy::http(url.as_str()) };
            proxies.push(proxy.map_err(|_| no_proxy_address())?.no_proxy(no_proxy.clone()));
        }
        Ok(proxies)
    }

    fn admit(&self, proxy: &str) -> Result<(), SendError> {
        let Ok(url) = Url::parse(proxy) else { return Err(no_proxy_address()) };
        let address = match url.host() {
            Some(url::Host::Ipv4(v4)) => v4.into(),
            Some(url::Host::Ipv6(v6)) => v6.into(),
            _ => return Ok(()),
        };
        self.fence
            .check(address)
            .map_err(|refused| SendError::give_up(format!("not sent: the proxy {refused}")))
    }
}

impl Materials {
    fn key(&self, tls: &TlsConfig, proxy: &ProxyConfig) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut part = |text: &str| {
            hasher.update(text.len().to_le_bytes());
            hasher.update(text);
        };
        let shown = |secret: Option<&Secret>| secret.map_or("", Secret::expose).to_owned();
        part(&shown(self.ca.as_ref()));
        part(&shown(self.identity.as_ref().map(|(certificate, _)| certificate)));
        part(&shown(self.identity.as_ref().map(|(_, key)| key)));
        let (stand_in, secure, unchecked, tls13) =
            (&self.stand_in, self.is_secure, tls.insecure_skip_verify, tls.only_tls13);
        part(&format!("{stand_in:?} {secure} {unchecked} {tls13}"));
        match proxy {
            ProxyConfig::None => part("no proxy"),
            ProxyConfig::Environment => part("the environment's proxy"),
            ProxyConfig::At { url, no_proxy, headers } => {
                part(url.expose());
                part(no_proxy);
                for (name, value) in headers {
                    part(name.as_str());
                    part(if let SecretSource::Inline(value) = value { value.expose() } else { "" });
                }
            }
        }
        hasher.finalize().into()
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
}

fn authorities(pem: &Secret) -> Result<Vec<Certificate>, SendError> {
    let found = Certificate::from_pem_bundle(pem.expose().as_bytes()).unwrap_or_default();
    if found.is_empty() {
        return Err(SendError::retry("ca_file holds no certificate: it has to be PEM".to_owned()));
    }
    Ok(found)
}

/// `host:port` as the address has it.
pub(super) fn host_of(address: &Secret) -> Option<HeaderValue> {
    let url = Url::parse(address.expose()).ok()?;
    let host = url.host_str()?;
    let text = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    HeaderValue::from_str(&text).ok()
}

async fn optional(source: Option<&SecretSource>) -> Result<Option<Secret>, SendError> {
    match source {
        Some(source) => read(source).await.map(Some),
        None => Ok(None),
    }
}

async fn read(source: &SecretSource) -> Result<Secret, SendError> {
    source.read().await.map_err(SendError::retry)
}

fn no_header() -> SendError {
    SendError::give_up("proxy_connect_header holds characters that a header cannot carry".to_owned())
}

fn no_proxy_address() -> SendError {
    SendError::give_up("the proxy's address is not valid".to_owned())
}
