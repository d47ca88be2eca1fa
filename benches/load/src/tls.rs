//! TLS over a socket that doesn't block: rustls does the records, this moves their
//! bytes.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, Resumption};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::socket::Socket;

/// A configuration that takes any certificate for the server's.
pub(crate) fn config_trusting_anybody() -> ClientConfig {
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = Arc::new(Anybody { provider: Arc::clone(&provider) });
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.expect("ring supports the versions that rustls does");
    resuming_nothing(
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth(),
    )
}

/// A configuration that believes the certificates in a PEM file.
pub(crate) fn config_trusting(pem: &[u8]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it has no certificate".to_owned());
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.expect("ring supports the versions that rustls does");
    Ok(resuming_nothing(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Each connection makes a handshake of its own: a server that remembers sessions
/// would be given less to do than one that doesn't.
fn resuming_nothing(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

/// The client's side of one TLS connection.
pub(crate) struct TlsSocket {
    socket: Socket,
    records: ClientConnection,
}

impl TlsSocket {
    pub(crate) fn new(
        socket: Socket,
        name: ServerName<'static>,
        config: Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let records = ClientConnection::new(config, name).map_err(invalid)?;
        Ok(TlsSocket { socket, records })
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether records wait for room in the socket.
    pub(crate) fn wants_write(&self) -> bool {
        self.records.wants_write()
    }

    /// Takes bytes as long as the socket takes the records made of them; goes on
    /// with the handshake, as long as that lasts.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        while self.records.is_handshaking() {
            self.take_records()?;
        }
        let taken = self.records.writer().write(bytes)?;
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    /// Gives what has arrived; it must be called until it would block, because the
    /// kernel knows nothing of what was decrypted already.  0 is the end.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.records.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.take_records()?,
                answer => return answer,
            }
        }
    }

    /// Takes the records that have arrived, and sends what they call for.
    fn take_records(&mut self) -> io::Result<()> {
        let arrived = self.records.read_tls(&mut &self.socket)?;
        let state = self.records.process_new_packets();
        // The next step of a handshake, or an alert that says what we didn't like.
        let flushed = self.flush();
        state.map_err(invalid)?;
        match flushed {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ if arrived == 0 && self.records.is_handshaking() => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            _ => Ok(()),
        }
    }

    /// Says goodbye, if the socket takes it at once.
    pub(crate) fn close(&mut self) {
        self.records.send_close_notify();
        let _ = self.flush();
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.records.wants_write() {
            self.records.write_tls(&mut &self.socket)?;
        }
        Ok(())
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Takes any certificate for the server's; signatures are checked as always, so
/// that the handshake costs what it costs.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
