//! TCP: [`TcpListener`] and [`TcpStream`].
//!
//! They never block the loop.  All methods take `&self`, so that one task can
//! read while another writes, sharing the stream through an `Rc` or a reference;
//! tasks that use the same side take turns.  Dropping a stream or a listener
//! closes it.  They stay on their thread, and need a running loop.
//!
//! # Examples
//!
//! ```
//! use cafeloop::net::{TcpListener, TcpStream};
//! use cafeloop::{Error, create_task};
//!
//! cafeloop::run(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr();
//!     let waiter = create_task(async move {
//!         let (stream, _) = listener.accept().await?;
//!         stream.write_all(b"What would you like?").await
//!     });
//!     let stream = TcpStream::connect(address).await?;
//!     let mut buffer = [0; 64];
//!     let bytes = stream.read(&mut buffer).await?;
//!     assert_eq!(&buffer[..bytes], b"What would you like?");
//!     waiter.await?
//! })??;
//! # Ok::<(), Error>(())
//! ```

// Here the engine's readiness and the kernel's sockets meet:
//
//   source   a socket that is tried, and tried again when it is ready
//   address  where to connect to, and finding it
//   tcp      connecting, listening and accepting
//   stream, listener  what users have of it
//   wire     bytes and datagrams in and out of a socket that somebody else owns
//   pipe     bytes in and out of what isn't a socket
//
// A call is tried at once and waits only when the kernel says that it would
// block, so a message that is there already costs no turn of the loop.

mod address;
mod listener;
#[doc(hidden)]
pub mod pipe;
mod source;
mod stream;
mod tcp;
#[doc(hidden)]
pub mod wire;

pub use address::Address;
pub use listener::TcpListener;
pub use stream::TcpStream;
