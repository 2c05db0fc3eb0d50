//! TLS to the servers that we read, by rustls: how much of a certificate must be right is what `sslmode` means to libpq.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::TlsMode;

/// Makes the TLS side of a connection.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// The message says what is wrong with the CA file.
    pub(crate) fn new(mode: TlsMode, ca: Option<&[u8]>) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let roots = roots(mode, ca)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let check = match (mode, roots) {
            (TlsMode::VerifyFull, Some(roots)) => Check::Full(verifier(roots, &provider)?),
            (TlsMode::Require, Some(roots)) => Check::Signer(verifier(roots, &provider)?),
            _ => Check::Nothing(provider),
        };
        let config = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ServerCheck(check)))
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake on an open connection to `host`.
    pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        host: String,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

fn roots(mode: TlsMode, ca: Option<&[u8]>) -> Result<Option<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    let Some(pem) = ca else {
        if mode != TlsMode::VerifyFull {
            return Ok(None);
        }
        return Err(
            "tls = \"verify-full\" needs ca_file, the certificates that the server's is signed by".into()
        );
    };
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("the CA file is not PEM: {error:?}"))?;
        roots.add(certificate).map_err(|error| format!("the CA file: {error}"))?;
    }
    if roots.is_empty() {
        return Err("the CA file has no certificate".into());
    }
    Ok(Some(roots))
}

fn verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| error.to_string())
}

/// How much of a certificate must be right.
#[derive(Debug)]
enum Check {
    Nothing(Arc<CryptoProvider>),
    /// The signer, not the name in it.
    Signer(Arc<WebPkiServerVerifier>),
    Full(Arc<WebPkiServerVerifier>),
}

#[derive(Debug)]
struct ServerCheck(Check);

impl ServerCertVerifier for ServerCheck {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = match &self.0 {
            Check::Nothing(_) => return Ok(ServerCertVerified::assertion()),
            Check::Signer(verifier) | Check::Full(verifier) => {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
        };
        match (&self.0, verified) {
            (
                Check::Signer(_),
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )),
            ) => Ok(ServerCertVerified::assertion()),
            (_, verified) => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.0 {
            Check::Nothing(provider) => {
                let algorithms = &provider.signature_verification_algorithms;
                verify_tls12_signature(message, certificate, signature, algorithms)
            }
            Check::Signer(verifier) | Check::Full(verifier) => {
                verifier.verify_tls12_signature(message, certificate, signature)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.0 {
            Check::Nothing(provider) => {
                let algorithms = &provider.signature_verification_algorithms;
                verify_tls13_signature(message, certificate, signature, algorithms)
            }
            Check::Signer(verifier) | Check::Full(verifier) => {
                verifier.verify_tls13_signature(message, certificate, signature)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match &self.0 {
            Check::Nothing(provider) => provider.signature_verification_algorithms.supported_schemes(),
            Check::Signer(verifier) | Check::Full(verifier) => verifier.supported_verify_schemes(),
        }
    }
}
