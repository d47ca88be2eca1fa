//! What may still come in through a descriptor, as far as the kernel can tell.
//!
//! It is asked by a virtual clock, before it jumps.  The answer is exact for pipes,
//! Unix sockets and TCP connections both of whose ends are this process's.  It knows
//! nothing of other threads, which may write to any of them.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_peercred, socket_type};
use rustix::net::{AddressFamily, SocketType, getpeername, getsockname};

use super::borrowed::borrow;

/// The descriptors of this process, by their numbers.
const DESCRIPTORS: &str = "/proc/self/fd";

/// What may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing, unless this process sends it.
    Own,
    /// Bytes that this process has sent to itself, and that haven't arrived.
    UnderWay,
    /// Anything at any time, from what the text names.
    Outside(String),
}

/// Which descriptors are the ends of one pipe or connection, as far as was found out.
#[derive(Default)]
pub(crate) struct Ends {
    other_of: HashMap<RawFd, RawFd>,
}

impl Ends {
    /// What may come in through `fd`.  A descriptor that was closed has nothing coming.
    pub(crate) fn reach(&mut self, fd: RawFd) -> io::Result<Reach> {
        let Some(file) = file(fd) else { return Ok(Reach::Own) };
        if file.file_type().is_socket() {
            self.socket(fd)
        } else if file.file_type().is_fifo() {
            let is_own = self.find(fd, |other| is_other_end(fd, &file, other)).is_some();
            Ok(if is_own { Reach::Own } else { Reach::Outside("a pipe".into()) })
        } else if is_of_process(fd) {
            Ok(Reach::Outside("a child process".into()))
        } else {
            Ok(Reach::Outside("what is neither a pipe nor a socket".into()))
        }
    }

    fn socket(&mut self, fd: RawFd) -> io::Result<Reach> {
        let socket = borrow(fd)?;
        if socket_acceptconn(socket)? {
            // Who may come to connect can't be known, and nobody would wait for it.
            return Ok(Reach::Own);
        }
        match (socket_domain(socket)?, socket_type(socket)?) {
            (AddressFamily::UNIX, SocketType::DGRAM) => Ok(Reach::Own),
            (AddressFamily::UNIX, _) => Ok(match socket_peercred(socket) {
                Ok(peer) if peer.pid != rustix::process::getpid() => {
                    Reach::Outside(format!("a Unix connection to the process {}", peer.pid))
                }
                // What is sent there has arrived at once.
                _ => Reach::Own,
            }),
            (AddressFamily::INET | AddressFamily::INET6, SocketType::STREAM) => self.tcp(fd),
            (AddressFamily::INET | AddressFamily::INET6, SocketType::DGRAM) => udp(fd),
            (family, kind) => Ok(Reach::Outside(format!("a socket ({family:?}, {kind:?})"))),
        }
    }

    fn tcp(&mut self, fd: RawFd) -> io::Result<Reach> {
        let own = tcp_info(fd)?;
        match Tcp::of(own.tcpi_state) {
            Tcp::Connecting => return Ok(Reach::Outside("a TCP connection to be made".into())),
            // The other side has ended its writing.
            Tcp::Ended => return Ok(Reach::Own),
            Tcp::Open => {}
        }
        let Some((address, peer)) = addresses(fd) else { return Ok(Reach::Own) };
        let other = self.find(fd, |other| addresses(other) == Some((peer, address)));
        let Some(other) = other else {
            return Ok(Reach::Outside(format!("a TCP connection to {peer}")));
        };
        let other = tcp_info(other)?;
        let is_under_way = has_under_way(&own, &other) || has_under_way(&other, &own);
        Ok(if is_under_way { Reach::UnderWay } else { Reach::Own })
    }

    /// The descriptor that `is_other` knows as the other end of `fd`'s.
    fn find(&mut self, fd: RawFd, is_other: impl Fn(RawFd) -> bool) -> Option<RawFd> {
        if let Some(&other) = self.other_of.get(&fd)
            && is_other(other)
        {
            return Some(other);
        }
        let found = descriptors().find(|&other| other != fd && is_other(other));
        match found {
            Some(other) => self.other_of.insert(fd, other),
            None => self.other_of.remove(&fd),
        };
        found
    }
}

fn file(fd: RawFd) -> Option<Metadata> {
    fs::metadata(format!("{DESCRIPTORS}/{fd}")).ok()
}

/// Whether it is from `pidfd_open(2)`: the kernel calls it `anon_inode:[pidfd]` or, since
/// Linux 6.9, `pidfd:[INODE]`.
fn is_of_process(fd: RawFd) -> bool {
    fs::read_link(format!("{DESCRIPTORS}/{fd}"))
        .is_ok_and(|name| name.to_string_lossy().contains("pidfd"))
}

fn descriptors() -> impl Iterator<Item = RawFd> {
    let entries = fs::read_dir(DESCRIPTORS).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Whether `other` is the other end of the pipe that `fd` is one of.
fn is_other_end(fd: RawFd, pipe: &Metadata, other: RawFd) -> bool {
    let is_same = file(other).is_some_and(|file| {
        (file.dev(), file.ino()) == (pipe.dev(), pipe.ino()) && file.file_type().is_fifo()
    });
    let mode = |fd| Some(fcntl_getfl(borrow(fd).ok()?).ok()? & OFlags::ACCMODE);
    is_same && mode(fd) != mode(other)
}

/// A connection's own address and its peer's.
fn addresses(fd: RawFd) -> Option<(SocketAddr, SocketAddr)> {
    let socket = borrow(fd).ok()?;
    let own = getsockname(socket).ok()?.try_into().ok()?;
    let peer = getpeername(socket).ok()??.try_into().ok()?;
    Some((own, peer))
}

fn udp(fd: RawFd) -> io::Result<Reach> {
    let Ok(own) = SocketAddr::try_from(getsockname(borrow(fd)?)?) else { return Ok(Reach::Own) };
    if own.port() != 0 && !own.ip().is_loopback() {
        return Ok(Reach::Outside(format!("a UDP socket at {own}")));
    }
    // A datagram counts as the sender's until it stands in the receiver's queue.
    Ok(if unsent_bytes(fd)? > 0 { Reach::UnderWay } else { Reach::Own })
}

/// What matters of the state of a TCP connection.
enum Tcp {
    Connecting,
    Open,
    Ended,
}

impl Tcp {
    /// From `tcpi_state`, whose numbers are those of `enum` in Linux's `tcp_states.h`.
    fn of(state: u8) -> Self {
        const SYN_SENT: u8 = 2;
        const SYN_RECV: u8 = 3;
        const ESTABLISHED: u8 = 1;
        const FIN_WAIT1: u8 = 4;
        const FIN_WAIT2: u8 = 5;
        match state {
            SYN_SENT | SYN_RECV => Tcp::Connecting,
            ESTABLISHED | FIN_WAIT1 | FIN_WAIT2 => Tcp::Open,
            _ => Tcp::Ended,
        }
    }
}

/// Whether not all that one end has sent has arrived at the other.
fn has_under_way(sender: &libc::tcp_info, receiver: &libc::tcp_info) -> bool {
    let sent = sender.tcpi_bytes_sent.wrapping_sub(sender.tcpi_bytes_retrans);
    // An end that has arrived counts as a byte.
    receiver.tcpi_bytes_received < sent
}

fn tcp_info(fd: RawFd) -> io::Result<libc::tcp_info> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `length` bytes into `info`, which has that size;
    // what it doesn't write, on an older kernel, stays zero, which every field may be.
    let answer = unsafe {
        libc::getsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all of it is zero or written, and every field is a number.
    Ok(unsafe { info.assume_init() })
}

/// Bytes of datagrams that haven't arrived (`SIOCOUTQ` in `udp(7)`).
fn unsent_bytes(fd: RawFd) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: this request writes one `int`, which `bytes` is.
    let answer = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut bytes) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn reach(fd: &impl AsRawFd) -> Reach {
        Ends::default().reach(fd.as_raw_fd()).expect("the kernel tells it")
    }

    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let client = TcpStream::connect(address).expect("it listens");
        let (server, _) = listener.accept().expect("it has a connection");
        (client, server)
    }

    #[test]
    fn a_connection_to_oneself_is_ones_own() {
        let (mut client, mut server) = connection();
        assert_eq!(reach(&client), Reach::Own);
        // Arrived, though nobody has read it.
        client.write_all(&[7; 1000]).expect("there is room");
        server.read_exact(&mut [0; 1]).expect("it has come");
        assert_eq!(reach(&client), Reach::Own);
        assert_eq!(reach(&server), Reach::Own);
    }

    #[test]
    fn a_connection_whose_other_end_nobody_here_has_reaches_outside() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let client = TcpStream::connect(address).expect("it listens");
        // It waits to be accepted, and is no descriptor yet.
        assert_eq!(reach(&client), Reach::Outside(format!("a TCP connection to {address}")));
        assert_eq!(reach(&listener), Reach::Own);
    }

    #[test]
    fn a_connection_that_the_other_end_has_closed_brings_nothing_more() {
        let (client, mut server) = connection();
        drop(client);
        assert_eq!(server.read(&mut [0; 1]).expect("it has ended"), 0);
        assert_eq!(reach(&server), Reach::Own);
    }

    #[test]
    fn the_other_end_is_found_again_when_its_number_is_anothers() {
        let mut ends = Ends::default();
        let (client, server) = connection();
        let mut ask = || ends.reach(client.as_raw_fd()).expect("the kernel tells it");
        assert_eq!(ask(), Reach::Own);
        let moved = server.try_clone().expect("there is a number left");
        drop(server);
        assert_eq!(ask(), Reach::Own);
        drop(moved);
    }

    #[test]
    fn pipes_and_pairs_are_ones_own_while_both_ends_are() {
        let (reader, writer) = io::pipe().expect("a pipe can be made");
        assert_eq!(reach(&reader), Reach::Own);
        assert_eq!(reach(&writer), Reach::Own);
        drop(writer);
        assert_eq!(reach(&reader), Reach::Outside("a pipe".into()));
        let (one, _other) = UnixStream::pair().expect("a pair can be made");
        assert_eq!(reach(&one), Reach::Own);
    }

    #[test]
    fn datagrams_of_the_loopback_are_ones_own_and_others_come_from_outside() {
        let own = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
        own.send_to(b"!", own.local_addr().expect("it has an address")).expect("it takes it");
        own.peek(&mut [0; 1]).expect("it has come");
        assert_eq!(reach(&own), Reach::Own);
        let open = UdpSocket::bind("0.0.0.0:0").expect("there is a port");
        assert!(matches!(reach(&open), Reach::Outside(what) if what.starts_with("a UDP socket")));
    }

    #[test]
    fn a_process_reaches_outside_and_is_called_one() {
        let own = rustix::process::getpid();
        let process = rustix::process::pidfd_open(own, rustix::process::PidfdFlags::empty());
        let process = process.expect("the kernel has such descriptors");
        assert_eq!(reach(&process), Reach::Outside("a child process".into()));
    }

    #[test]
    fn what_is_no_pipe_or_socket_is_outside_and_what_is_closed_is_nothing() {
        let terminal = fs::File::open("/dev/null").expect("it is there");
        assert!(matches!(reach(&terminal), Reach::Outside(_)));
        assert_eq!(Ends::default().reach(RawFd::MAX).expect("it isn't asked"), Reach::Own);
    }
}
