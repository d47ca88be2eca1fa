//! What a load is aimed at: an address that was found and a way to talk to it.

use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::address::HostPort;
use crate::error::{Error, Result};
use crate::tls;

/// A server, and how it is spoken to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Tls { address: SocketAddr, name: ServerName<'static>, config: Arc<ClientConfig> },
    Unix(PathBuf),
    Udp(SocketAddr),
}

/// Whom a TLS client believes.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Whatever certificate comes.
    Anybody,
    /// Certificates that one in this PEM file vouches for.
    File(PathBuf),
}

impl Target {
    pub(crate) fn tcp(address: &HostPort) -> Result<Self> {
        resolve(address).map(Target::Tcp)
    }

    pub(crate) fn udp(address: &HostPort) -> Result<Self> {
        resolve(address).map(Target::Udp)
    }

    pub(crate) fn unix(path: &Path) -> Self {
        Target::Unix(path.to_owned())
    }

    pub(crate) fn tls(address: &HostPort, trust: &Trust) -> Result<Self> {
        let config = match trust {
            Trust::Anybody => tls::config_trusting_anybody(),
            Trust::File(file) => {
                let pem =
                    fs::read(file).map_err(|cause| Error::unread_certificates(file, cause))?;
                tls::config_trusting(&pem).map_err(|what| Error::wrong_certificates(file, what))?
            }
        };
        let name = match address.host.parse::<IpAddr>() {
            Ok(ip) => ServerName::from(ip),
            Err(_) => ServerName::try_from(address.host.clone())
                .map_err(|cause| Error::unresolved(address, cause))?,
        };
        Ok(Target::Tls { address: resolve(address)?, name, config: Arc::new(config) })
    }
}

fn resolve(address: &HostPort) -> Result<SocketAddr> {
    address.resolve().map_err(|cause| Error::unresolved(address, cause))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp(address) => write!(f, "tcp {address}"),
            Target::Tls { address, .. } => write!(f, "tls {address}"),
            Target::Unix(path) => write!(f, "unix {}", path.display()),
            Target::Udp(address) => write!(f, "udp {address}"),
        }
    }
}
