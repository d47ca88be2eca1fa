//! The raw server: epoll and nothing else, as fast as one thread can be.
//!
//! It is what every loop is compared with, so it does the same system calls that
//! they can't avoid (wait, read, write) and no others.  Level-triggered; what was
//! read is written at once; only what the kernel doesn't take is kept, and then
//! nothing is read until it is gone.

mod service;

use std::io::{self, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with, listen};
use slab::Slab;

use crate::args::{ListenAddress, Service};
use crate::error::{Error, Result};
use crate::load::BUFFER_BYTES;
use crate::poller::{Interest, Poller};
use crate::socket::{Socket, send_unpaced};
use service::Peer;

/// Connections that may wait to be accepted: as many as Linux allows unless told
/// otherwise (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// What the poller calls the listener; connections have their slab's numbers.
const LISTENER: usize = usize::MAX;

/// Serves at `address` for ever; says on `out` where that is.
pub(crate) fn serve(service: Service, address: &ListenAddress, out: &mut dyn Write) -> Result<()> {
    let failed = |cause| match address {
        ListenAddress::Tcp(address) | ListenAddress::Udp(address) => Error::listen(address, cause),
        ListenAddress::Unix(path) => Error::listen(path.display(), cause),
    };
    match address {
        ListenAddress::Udp(address) => {
            let socket = address.resolve().and_then(UdpSocket::bind).map_err(failed)?;
            announce(out, socket.local_addr().map_err(failed)?)?;
            echo_datagrams(&socket).map_err(failed)
        }
        ListenAddress::Tcp(address) => {
            let listener = address.resolve().and_then(TcpListener::bind).map_err(failed)?;
            send_unpaced(&listener);
            let found = listener.local_addr().map_err(failed)?;
            serve_streams(service, &Listener::Tcp(listener), || announce(out, found), failed)
        }
        ListenAddress::Unix(path) => {
            let listener = UnixListener::bind(path).map_err(failed)?;
            let found = path.display();
            serve_streams(service, &Listener::Unix(listener), || announce(out, found), failed)
        }
    }
}

fn announce(out: &mut dyn Write, address: impl std::fmt::Display) -> Result<()> {
    writeln!(out, "listening on {address}").and_then(|()| out.flush()).map_err(Error::report)
}

/// One datagram is one message; a plain blocking socket is as raw as it gets, but
/// a loop has to wait for readiness, and so does this.
fn echo_datagrams(socket: &UdpSocket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut poller = Poller::new()?;
    poller.add(socket, LISTENER, Interest::Read)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        poller.wait(None)?;
        match socket.recv_from(&mut buffer) {
            // Whoever doesn't listen any more, or has no room, loses a datagram.
            Ok((received, peer)) => drop(socket.send_to(&buffer[..received], peer)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // What an earlier datagram has met (ECONNREFUSED) is no news here.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        }
    }
}

impl Listener {
    /// The next connection, if there is one.
    fn accept(&self) -> io::Result<Option<Socket>> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let accepted: OwnedFd = match accept_with(self, flags) {
            Ok(accepted) => accepted,
            // ECONNABORTED: it has gone before it was taken.
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let socket = Socket::from(accepted);
        if let Listener::Tcp(_) = self {
            socket.send_at_once()?;
        }
        Ok(Some(socket))
    }
}

fn serve_streams(
    service: Service,
    listener: &Listener,
    announce: impl FnOnce() -> Result<()>,
    failed: impl Fn(io::Error) -> Error,
) -> Result<()> {
    rustix::io::ioctl_fionbio(listener, true).map_err(|errno| failed(errno.into()))?;
    listen(listener, BACKLOG).map_err(|errno| failed(errno.into()))?;
    let mut poller = Poller::new().map_err(&failed)?;
    poller.add(listener, LISTENER, Interest::Read).map_err(&failed)?;
    announce()?;
    let mut peers = Slab::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        turn(service, listener, &mut poller, &mut peers, &mut buffer).map_err(&failed)?;
    }
}

/// Waits, and serves whoever is ready.
fn turn(
    service: Service,
    listener: &Listener,
    poller: &mut Poller,
    peers: &mut Slab<Peer>,
    buffer: &mut [u8],
) -> io::Result<()> {
    poller.wait(None)?;
    for event in 0..poller.events() {
        let token = poller.token(event);
        if token == LISTENER {
            while let Some(socket) = listener.accept()? {
                let place = peers.vacant_entry();
                poller.add(&socket, place.key(), Interest::Read)?;
                place.insert(Peer::new(socket, service));
            }
            continue;
        }
        // An event for one that has gone in this turn finds nobody, or somebody
        // who isn't ready, and does no harm.
        let Some(peer) = peers.get_mut(token) else { continue };
        let before = peer.interest();
        match peer.advance(buffer) {
            Ok(()) if peer.interest() == before => {}
            Ok(()) => poller.modify(&*peer, token, peer.interest())?,
            // It has gone, one way or the other.
            Err(_) => drop(peers.remove(token)),
        }
    }
    Ok(())
}
