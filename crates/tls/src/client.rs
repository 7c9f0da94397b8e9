//! Our side of a connection to somebody else's server, which is always verified.

use std::sync::Arc;

use reqwest::{Certificate, ClientBuilder, Identity};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ALL_VERSIONS, ClientConfig, RootCertStore};

use crate::files::certificates;
use crate::{Pem, Problem, Tls};

/// A client for HTTP that trusts the authorities of the files instead of the system's, if there are some, and shows
/// our certificate, if there is one.
pub fn http_client(builder: ClientBuilder, tls: &Tls, pem: &Pem) -> Result<ClientBuilder, Problem> {
    let mut client = builder.tls_version_min(reqwest::tls::Version::TLS_1_2);
    if let Some(ca) = &pem.ca {
        let found = Certificate::from_pem_bundle(ca).ok().filter(|found| !found.is_empty());
        client = client.tls_certs_only(found.ok_or_else(|| tls.bad_ca())?);
    }
    if let Some((cert, key)) = &pem.own {
        let identity = Identity::from_pem(&[cert, b"\n".as_slice(), key].concat());
        client = client.identity(identity.map_err(|_| tls.bad_own())?);
    }
    Ok(client)
}

/// The same for other protocols.
pub fn client_config(tls: &Tls, pem: &Pem) -> Result<Arc<ClientConfig>, Problem> {
    let mut roots = RootCertStore::empty();
    match &pem.ca {
        Some(ca) => roots.add_parsable_certificates(certificates(ca)),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    if roots.is_empty() {
        return Err(tls.bad_ca());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_protocol_versions(ALL_VERSIONS).map_err(|_| tls.bad_ca())?.with_root_certificates(roots);
    let Some((cert, key)) = &pem.own else { return Ok(Arc::new(config.with_no_client_auth())) };
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| tls.bad_own())?;
    let config = config.with_client_auth_cert(certificates(cert), key).map_err(|_| tls.bad_own())?;
    Ok(Arc::new(config))
}
