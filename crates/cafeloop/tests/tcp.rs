//! TCP on the loopback interface.

mod common;

use std::net::SocketAddr;
use std::rc::Rc;

use cafeloop::net::{Address, TcpListener, TcpStream};
use cafeloop::{Error, Task, create_task, gather, try_gather, yield_now};

/// Runs `main` by the real clock, as sockets do.
fn run<T: 'static>(main: impl Future<Output = Result<T, Error>> + 'static) -> T {
    cafeloop::run(main).expect("a loop can be opened").expect("nothing fails")
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr();
    (listener, address)
}

/// The two ends of a connection.
async fn pair() -> Result<(TcpStream, TcpStream), Error> {
    let (listener, address) = listen().await;
    let near = TcpStream::connect(address).await?;
    let (far, _) = listener.accept().await?;
    Ok((near, far))
}

async fn read_to_end(stream: &TcpStream) -> Result<Vec<u8>, Error> {
    let (mut all, mut buffer) = (vec![], [0; 4096]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(all),
            bytes => all.extend_from_slice(&buffer[..bytes]),
        }
    }
}

/// Echoes all connections, as many at once as come.
fn echo(listener: TcpListener) -> Task<Result<(), Error>> {
    create_task(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            drop(create_task(async move {
                stream.write_all(&read_to_end(&stream).await?).await?;
                Ok::<(), Error>(())
            }));
        }
    })
}

#[test]
fn what_is_written_at_one_end_is_read_at_the_other() {
    run(async {
        let (near, far) = pair().await?;
        let mut buffer = [0; 16];
        for (from, to) in [(&near, &far), (&far, &near)] {
            assert_eq!(from.write(b"Latte").await?, 5);
            assert_eq!(to.read(&mut buffer).await?, 5);
            assert_eq!(&buffer[..5], b"Latte");
        }
        assert_eq!(near.peer_addr(), far.local_addr()?);
        assert_eq!(far.peer_addr(), near.local_addr()?);
        Ok(())
    });
}

#[test]
fn a_reader_waits_until_there_is_something() {
    run(async {
        let (near, far) = pair().await?;
        let reader = create_task(async move {
            let mut buffer = [0; 16];
            far.read(&mut buffer).await
        });
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(!reader.done());
        near.write_all(b"Mocha").await?;
        assert_eq!(reader.await??, 5);
        Ok(())
    });
}

#[test]
fn more_than_fits_is_written_in_pieces() {
    const BYTES: usize = 8 << 20;
    run(async {
        let (near, far) = pair().await?;
        let writer = create_task(async move { near.write_all(&vec![7; BYTES]).await });
        let all = read_to_end(&far).await?;
        assert_eq!(all.len(), BYTES);
        assert!(all.iter().all(|&byte| byte == 7));
        writer.await?
    });
}

#[test]
fn what_two_tasks_write_stays_whole() {
    const BYTES: usize = 2 << 20;
    run(async {
        let (near, far) = pair().await?;
        let near = Rc::new(near);
        let writers = [1, 2].map(|byte| {
            let near = near.clone();
            create_task(async move { near.write_all(&vec![byte; BYTES]).await })
        });
        let end = create_task(async move {
            try_gather(writers).await?;
            near.shutdown()
        });
        let all = read_to_end(&far).await?;
        assert_eq!(all.len(), 2 * BYTES);
        assert!(all[..BYTES].iter().all(|&byte| byte == all[0]));
        assert!(all[BYTES..].iter().all(|&byte| byte == 3 - all[0]));
        end.await?
    });
}

#[test]
fn tasks_that_read_the_same_stream_take_turns() {
    run(async {
        let (near, far) = pair().await?;
        let far = Rc::new(far);
        let readers = [(); 2].map(|()| {
            let far = far.clone();
            create_task(async move {
                let mut byte = [0];
                far.read(&mut byte).await?;
                Ok::<_, Error>(byte[0])
            })
        });
        yield_now().await;
        near.write_all(b"ab").await?;
        assert_eq!(try_gather(readers).await?, b"ab");
        Ok(())
    });
}

#[test]
fn a_task_reads_while_another_writes() {
    run(async {
        let (near, far) = pair().await?;
        let (near, far) = (Rc::new(near), Rc::new(far));
        let [near_reads, far_reads] = [&near, &far].map(|end| {
            let end = end.clone();
            create_task(async move { read_to_end(&end).await })
        });
        yield_now().await;
        near.write_all(b"Latte").await?;
        far.write_all(b"5 euros").await?;
        near.shutdown()?;
        far.shutdown()?;
        assert_eq!(near_reads.await??, b"5 euros");
        assert_eq!(far_reads.await??, b"Latte");
        Ok(())
    });
}

#[test]
fn after_a_half_close_the_other_direction_stays_open() {
    run(async {
        let (listener, address) = listen().await;
        let server = echo(listener);
        let client = TcpStream::connect(address).await?;
        client.write_all(b"Flat White").await?;
        client.shutdown()?;
        assert_eq!(read_to_end(&client).await?, b"Flat White");
        let error = client.write(b"more").await.expect_err("the writing has ended");
        let peer = client.peer_addr();
        assert_eq!(error.to_string(), format!("can't write to {peer}: Broken pipe (os error 32)"));
        server.cancel();
        Ok(())
    });
}

#[test]
fn many_connections_are_served_side_by_side() {
    run(async {
        let (listener, address) = listen().await;
        let server = echo(listener);
        let clients = (0..200_u32).map(|number| async move {
            let client = TcpStream::connect(address).await?;
            client.write_all(&number.to_be_bytes()).await?;
            client.shutdown()?;
            Ok::<_, Error>(read_to_end(&client).await? == number.to_be_bytes())
        });
        assert!(try_gather(clients).await?.into_iter().all(|same| same));
        server.cancel();
        Ok(())
    });
}

#[test]
fn a_connection_after_another_may_have_its_number() {
    run(async {
        let (listener, address) = listen().await;
        let server = echo(listener);
        for _ in 0..50 {
            let client = TcpStream::connect(address).await?;
            client.write_all(b"again").await?;
            client.shutdown()?;
            assert_eq!(read_to_end(&client).await?, b"again");
        }
        server.cancel();
        Ok(())
    });
}

#[test]
fn dropping_a_stream_closes_it() {
    run(async {
        let (near, far) = pair().await?;
        drop(near);
        assert_eq!(far.read(&mut [0; 16]).await?, 0);
        Ok(())
    });
}

#[test]
fn dropping_a_pending_read_loses_no_byte_and_frees_the_side() {
    run(async {
        let (near, far) = pair().await?;
        let far = Rc::new(far);
        let its = far.clone();
        let reader = create_task(async move { its.read(&mut [0; 16]).await });
        yield_now().await;
        reader.cancel();
        near.write_all(b"Latte").await?;
        reader.await.map(drop).expect_err("it was cancelled");
        let mut buffer = [0; 16];
        assert_eq!(far.read(&mut buffer).await?, 5);
        Ok(())
    });
}

#[test]
fn dropping_a_pending_accept_loses_no_connection() {
    run(async {
        let (listener, address) = listen().await;
        let listener = Rc::new(listener);
        let its = listener.clone();
        let acceptor = create_task(async move { its.accept().await });
        yield_now().await;
        acceptor.cancel();
        let _client = TcpStream::connect(address).await?;
        listener.accept().await?;
        Ok(())
    });
}

#[test]
fn several_tasks_may_accept() {
    run(async {
        let (listener, address) = listen().await;
        let listener = Rc::new(listener);
        let acceptors = [(); 3].map(|()| {
            let listener = listener.clone();
            create_task(async move { listener.accept().await })
        });
        yield_now().await;
        let _clients = try_gather([(); 3].map(|()| TcpStream::connect(address))).await?;
        try_gather(acceptors).await?;
        Ok(())
    });
}

#[test]
fn a_refused_connection_is_an_error_that_names_the_address() {
    run(async {
        let (listener, address) = listen().await;
        drop(listener); // nobody listens there any more
        let error = TcpStream::connect(address).await.expect_err("it is refused");
        assert_eq!(error.io_kind(), Some(std::io::ErrorKind::ConnectionRefused));
        let text = format!("can't connect to {address}: Connection refused (os error 111)");
        assert_eq!(error.to_string(), text);

        // Of a name, the literal that was tried last is named too.
        let name = Address::from(("localhost", address.port()));
        let error = TcpStream::connect(name).await.expect_err("it is refused");
        let begin = format!("can't connect to localhost:{} (", address.port());
        assert!(error.to_string().starts_with(&begin), "{error}");
        Ok(())
    });
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_the_address() {
    run(async {
        let (_listener, address) = listen().await;
        let error = TcpListener::bind(address).await.expect_err("it is taken");
        let text = format!("can't listen on {address}: Address already in use (os error 98)");
        assert_eq!(error.to_string(), text);
        Ok(())
    });
}

#[test]
fn a_malformed_address_is_an_error_that_says_what_was_expected() {
    run(async {
        for text in ["", "localhost", "localhost:", ":80", "localhost:http", "::1:80", "host:65536"]
        {
            let error = TcpStream::connect(text).await.expect_err("it is malformed");
            let expected = format!(
                "can't connect to {text:?}: expected HOST:PORT, as in localhost:80 or [::1]:80"
            );
            assert_eq!(error.to_string(), expected);
        }
        Ok(())
    });
}

#[test]
fn names_are_looked_up() {
    run(async {
        let listener = TcpListener::bind("localhost:0").await?;
        let address = listener.local_addr();
        assert!(address.ip().is_loopback());
        let server = echo(listener);
        let client = TcpStream::connect(("localhost", address.port())).await?;
        client.write_all(b"Mocha").await?;
        client.shutdown()?;
        assert_eq!(read_to_end(&client).await?, b"Mocha");
        server.cancel();
        Ok(())
    });
}

#[test]
fn packets_may_wait_if_asked() {
    run(async {
        let (near, _far) = pair().await?;
        near.set_nodelay(false)?;
        near.set_nodelay(true)
    });
}

#[test]
fn a_stream_may_be_used_in_a_later_run() {
    let (near, far) = run(pair());
    let reader = async move {
        let read = create_task(async move { far.read(&mut [0; 16]).await });
        yield_now().await;
        near.write_all(b"late").await?;
        read.await?
    };
    assert_eq!(run(reader), 4);
}

#[test]
fn streams_are_closed_at_the_end_of_a_run_with_the_tasks_that_hold_them() {
    let near = run(async {
        let (near, far) = pair().await?;
        drop(create_task(async move { far.read(&mut [0; 16]).await }));
        yield_now().await;
        Ok(near)
    });
    assert_eq!(run(async move { near.read(&mut [0; 16]).await }), 0);
}

#[test]
fn a_virtual_clock_waits_for_the_outside_as_a_real_one_does() {
    let bytes = common::run(async {
        let (near, far) = pair().await?;
        let reader = create_task(async move { far.read(&mut [0; 16]).await });
        let writer = create_task(async move { near.write_all(b"Latte").await });
        let answers = gather([reader]).await?;
        writer.await??;
        answers.into_iter().next().expect("one was asked")
    });
    assert_eq!(bytes.expect("nothing fails"), 5);
}
