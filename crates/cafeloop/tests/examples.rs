//! The examples do what they say.

#[path = "../../../examples/rust/echo_server.rs"]
#[allow(dead_code, reason = "the test has its own main")]
mod echo_server;

use cafeloop::net::{TcpListener, TcpStream};
use cafeloop::{Error, create_task, try_gather};

async fn talk(client: TcpStream, words: &str) -> Result<bool, Error> {
    let mut buffer = vec![0; words.len()];
    for _ in 0..10 {
        client.write_all(words.as_bytes()).await?;
        let mut filled = 0;
        while filled < buffer.len() {
            filled += client.read(&mut buffer[filled..]).await?;
        }
        if buffer != words.as_bytes() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[test]
fn the_echo_server_answers_all_its_clients() {
    let answered = cafeloop::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr();
        let server = create_task(echo_server::serve(listener));
        let clients = ["Latte", "Cappuccino", "Flat White", "Mocha"]
            .map(|words| async move { talk(TcpStream::connect(address).await?, words).await });
        let answered = try_gather(clients).await;
        server.cancel();
        answered
    });
    let answered = answered.expect("a loop can be opened").expect("no connection breaks");
    assert_eq!(answered, [true; 4]);
}
