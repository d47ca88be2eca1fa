//! What happens when no descriptor is left.  Alone in its binary, since it takes
//! all that the process may have.

mod common;

use std::fs::File;

use cafeloop::create_task;
use cafeloop::net::{TcpListener, TcpStream};
use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors that the process may have: few, to be taken quickly.
const LIMIT: u64 = 64;

/// All descriptors that were left.
fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[test]
fn running_out_of_descriptors_is_an_error_of_whoever_needs_one_and_passes() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(LIMIT);
    setrlimit(Resource::Nofile, limit).expect("a limit may be lowered");

    let mut taken = take_all();
    let error = cafeloop::run(async {}).expect_err("there is no descriptor");
    assert!(error.is_io());
    let text = "can't open an event loop: Too many open files (os error 24)";
    assert_eq!(error.to_string(), text);

    taken.clear();
    common::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr();
        let client = create_task(TcpStream::connect(address));
        let (first, _) = listener.accept().await.expect("there are descriptors");
        let waiting = create_task(async move { first.read(&mut [0; 1]).await });

        let taken = {
            let mut taken = take_all();
            taken.pop(); // for the client
            let second = create_task(TcpStream::connect(address));
            (taken, second.await.expect("it ends").expect("there was one left"))
        };
        let error = listener.accept().await.map(drop).expect_err("there is no descriptor");
        let text = format!("can't accept on {address}: Too many open files (os error 24)");
        assert_eq!(error.to_string(), text);

        drop(taken.0);
        listener.accept().await.expect("the connection has waited");
        drop(client.await.expect("it ends").expect("it is connected"));
        assert_eq!(waiting.await.expect("it ends").expect("it was closed"), 0);
    });
}
