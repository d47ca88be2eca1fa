//! A socket that doesn't block, over TCP, Unix or UDP alike: the only place of the
//! load that calls the kernel about data.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with, sockopt,
};

pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Begins to connect; what is sent too early would block, and whether the
    /// server listens at all is told by the next call.
    pub(crate) fn connect_tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::connecting(family(address), SocketType::STREAM, &address)?;
        socket.send_at_once()?;
        send_unpaced(&socket);
        Ok(socket)
    }

    pub(crate) fn connect_udp(address: SocketAddr) -> io::Result<Self> {
        Socket::connecting(family(address), SocketType::DGRAM, &address)
    }

    pub(crate) fn connect_unix(path: &Path) -> io::Result<Self> {
        let address = SocketAddrUnix::new(path)?;
        Socket::connecting(AddressFamily::UNIX, SocketType::STREAM, &address)
    }

    fn connecting(
        family: AddressFamily,
        kind: SocketType,
        address: &impl SocketAddrArg,
    ) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, kind, flags, None)?;
        match connect(&socket, address) {
            // EINTR, like EINPROGRESS: the kernel goes on connecting (`connect(2)`).
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(Socket(socket)),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A TCP socket shall not wait for more to send.
    pub(crate) fn send_at_once(&self) -> io::Result<()> {
        Ok(sockopt::set_tcp_nodelay(&self.0, true)?)
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match send(&self.0, bytes, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                answer => return Ok(answer?),
            }
        }
    }

    /// 0 is the end.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match recv(&self.0, &mut *buffer, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                answer => return Ok(answer?.0),
            }
        }
    }
}

/// Has what is sent on a TCP socket, or on those that a listener accepts, wait for no
/// timer: where BBR is a machine's default, which paces by timers, a row would judge how
/// the sizes of its writes suit these (`DESIGN.md`).
pub(crate) fn send_unpaced(socket: impl AsFd) {
    // It needs privileges where the machine's owner doesn't offer it; then it's as it is.
    let _ = sockopt::set_tcp_congestion(socket, "cubic");
}

fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}

/// Of a socket that was accepted, and doesn't block.
impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Socket(fd)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// For rustls, which moves bytes by these.
impl io::Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer)
    }
}

impl io::Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
