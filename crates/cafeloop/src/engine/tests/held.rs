//! What a loop holds of its host's: shown to it, and dropped with the loop.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::{Job, Watcher, new_loop};
use crate::engine::Interest;

#[test]
fn everything_held_is_shown() {
    let engine = new_loop();
    let (socket, _peer) = UnixStream::pair().expect("two sockets can be made");
    let fd = socket.as_raw_fd();
    engine.push(Job::named("ready"));
    engine.set_timer(1, Job::named("timer"));
    assert!(engine.remote().post(Job::named("post")).is_ok());
    for (interest, name) in [(Interest::Read, "read"), (Interest::Write, "write")] {
        engine.watch(fd, interest, Watcher::always(name)).expect("a socket can be polled");
    }
    engine.watch_signal(10, Watcher::always("signal"));
    let (mut jobs, mut watchers) = (Vec::new(), Vec::new());
    engine.for_each_held(|job| jobs.push(job.name), |watcher| watchers.push(watcher.name));
    assert_eq!(jobs, ["ready", "timer", "post"]);
    assert_eq!(watchers, ["read", "write", "signal"]);
}

#[test]
fn what_has_run_or_was_taken_back_is_held_no_more() {
    let engine = new_loop();
    engine.push(Job::named("ready"));
    let key = engine.set_timer(1, Job::named("timer"));
    engine.cancel_timer(key);
    super::turn(&engine);
    engine.for_each_held(|job| panic!("{} is held", job.name), |_| ());
}

#[test]
fn closing_a_loop_drops_what_it_holds() {
    let engine = new_loop();
    let (socket, _peer) = UnixStream::pair().expect("two sockets can be made");
    let thing = Arc::new(());
    let job = || {
        let thing = thing.clone();
        Job::new("unrun", move |_| drop(thing))
    };
    let watcher = || Watcher::always("untold").with(thing.clone());
    engine.push(job());
    engine.set_timer(1, job());
    assert!(engine.remote().post(job()).is_ok());
    let before = engine.watch(socket.as_raw_fd(), Interest::Read, watcher());
    before.expect("a socket can be polled");
    engine.watch_signal(10, watcher());
    assert_eq!(Arc::strong_count(&thing), 6);
    let remote = engine.remote();
    drop(engine);
    assert_eq!(Arc::strong_count(&thing), 1);
    drop(remote);
}
