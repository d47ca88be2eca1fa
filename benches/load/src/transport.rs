//! What carries a connection's bytes: a plain socket, or TLS on top of one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crate::socket::Socket;
use crate::target::Target;
use crate::tls::TlsSocket;

pub(crate) enum Transport {
    Plain(Socket),
    Tls(Box<TlsSocket>),
}

impl Transport {
    /// Begins to connect to `target`.
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        match target {
            Target::Tcp(address) => Socket::connect_tcp(*address).map(Transport::Plain),
            Target::Udp(address) => Socket::connect_udp(*address).map(Transport::Plain),
            Target::Unix(path) => Socket::connect_unix(path).map(Transport::Plain),
            Target::Tls { address, name, config } => {
                let socket = Socket::connect_tcp(*address)?;
                let tls = TlsSocket::new(socket, name.clone(), Arc::clone(config))?;
                Ok(Transport::Tls(Box::new(tls)))
            }
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.send(bytes),
            Transport::Tls(tls) => tls.send(bytes),
        }
    }

    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.receive(buffer),
            Transport::Tls(tls) => tls.receive(buffer),
        }
    }

    /// Whether there may be more after `received` bytes that the kernel won't
    /// report, or that one more call is the cheaper way to.
    pub(crate) fn may_have_more(&self, received: usize, buffer: &[u8]) -> bool {
        match self {
            Transport::Plain(_) => received == buffer.len(),
            Transport::Tls(_) => true,
        }
    }

    /// Whether it must be told when the socket takes more, given whether its user
    /// has more to send.
    pub(crate) fn waits_for_room(&self, has_unsent: bool) -> bool {
        match self {
            Transport::Plain(_) => has_unsent,
            // During the handshake it's the server's turn, unless records wait.
            Transport::Tls(tls) => tls.wants_write(),
        }
    }

    pub(crate) fn close(self) {
        match self {
            Transport::Plain(_) => {}
            Transport::Tls(mut tls) => tls.close(),
        }
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Transport::Plain(socket) => socket.as_fd(),
            Transport::Tls(tls) => tls.socket().as_fd(),
        }
    }
}
