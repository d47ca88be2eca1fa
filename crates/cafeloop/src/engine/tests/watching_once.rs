//! Descriptors that their owners may close without a word: told once, and asked of the
//! kernel each time.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::{Loop, Watcher, new_loop, recorded_loop, turn};
use crate::engine::Interest;
use crate::engine::Interest::{Read as Reading, Write as Writing};

fn watch_once(engine: &Loop, of: &impl AsRawFd, interest: Interest, name: &'static str) {
    let replaced = engine.watch_once(of.as_raw_fd(), interest, Watcher::once(name));
    assert!(replaced.expect("it can be polled").is_none());
}

fn watch(engine: &Loop, of: &impl AsRawFd, interest: Interest, watcher: Watcher) {
    let replaced = engine.watch(of.as_raw_fd(), interest, watcher);
    assert!(replaced.expect("it can be polled").is_none());
}

/// A socket, with something to read.
fn full_socket() -> (UnixStream, UnixStream) {
    let (socket, mut peer) = empty_socket();
    peer.write_all(b"!").expect("the socket has room");
    (socket, peer)
}

fn empty_socket() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("two sockets can be made")
}

/// Closes a number and opens it again as another name of `other`, in one step.
fn reopen_as(owned: &mut OwnedFd, other: &UnixStream) {
    rustix::io::dup2(other, owned).expect("a descriptor can be given another number");
}

#[test]
fn what_was_told_once_is_reported_no_more() {
    let (engine, recorder) = recorded_loop();
    let (socket, _peer) = full_socket();
    let (silence, _its_peer) = empty_socket();
    watch(&engine, &silence, Reading, Watcher::always("silence"));
    watch_once(&engine, &socket, Reading, "once");
    assert_eq!(turn(&engine), ["once"]);
    assert!(turn(&engine).is_empty());
    assert_eq!(recorder.polls(), [1, 0]);
}

#[test]
fn with_nothing_to_report_the_kernel_is_not_asked() {
    let (engine, recorder) = recorded_loop();
    let (socket, _peer) = full_socket();
    watch_once(&engine, &socket, Reading, "once");
    turn(&engine);
    turn(&engine);
    assert_eq!(recorder.polls(), [1]);
    watch_once(&engine, &socket, Reading, "again");
    assert_eq!(turn(&engine), ["again"]);
    turn(&engine);
    assert_eq!(recorder.polls(), [1]);
}

#[test]
fn who_comes_back_is_told_again() {
    let engine = new_loop();
    let (socket, _peer) = full_socket();
    for _ in 0..3 {
        watch_once(&engine, &socket, Reading, "once");
        assert_eq!(turn(&engine), ["once"]);
    }
}

#[test]
fn who_comes_back_on_a_number_closed_and_reopened_is_told() {
    let engine = new_loop();
    let (before, _peer) = full_socket();
    let (after, _peer_after) = full_socket();
    let mut number = OwnedFd::from(before);
    watch_once(&engine, &number, Reading, "before");
    assert_eq!(turn(&engine), ["before"]);
    reopen_as(&mut number, &after);
    watch_once(&engine, &number, Reading, "after");
    assert_eq!(turn(&engine), ["after"]);
}

#[test]
fn who_stays_on_a_number_closed_and_reopened_is_told() {
    let engine = new_loop();
    let (before, _peer) = full_socket();
    let (after, _peer_after) = full_socket();
    let mut number = OwnedFd::from(before);
    watch_once(&engine, &number, Reading, "before");
    turn(&engine);
    reopen_as(&mut number, &after);
    watch(&engine, &number, Reading, Watcher::always("after"));
    assert_eq!(turn(&engine), ["after"]);
    assert_eq!(turn(&engine), ["after"]);
}

#[test]
fn a_closed_socket_that_lives_on_is_reported_no_more() {
    let (engine, recorder) = recorded_loop();
    let (socket, mut peer) = full_socket();
    let (silence, _its_peer) = empty_socket();
    watch(&engine, &silence, Reading, Watcher::always("silence"));
    let copy = socket.try_clone().expect("a socket can be cloned");
    watch_once(&engine, &socket, Reading, "once");
    turn(&engine);
    drop(socket);
    peer.write_all(b"!").expect("the copy has room");
    assert!(turn(&engine).is_empty());
    assert_eq!(recorder.polls(), [1, 0]);
    drop(copy);
}

#[test]
fn a_report_for_one_side_leaves_the_other_watched() {
    let engine = new_loop();
    let (socket, mut peer) = full_socket();
    watch_once(&engine, &socket, Writing, "write");
    assert_eq!(turn(&engine), ["write"]);
    (&socket).read_exact(&mut [0]).expect("there is one byte");
    watch_once(&engine, &socket, Reading, "read");
    watch_once(&engine, &socket, Writing, "write");
    assert_eq!(turn(&engine), ["write"]);
    peer.write_all(b"!").expect("the socket has room");
    assert_eq!(turn(&engine), ["read"]);
}

#[test]
fn beside_a_watcher_that_stays_each_is_told_as_it_wants() {
    let engine = new_loop();
    let (socket, _peer) = full_socket();
    watch(&engine, &socket, Writing, Watcher::always("stays"));
    watch_once(&engine, &socket, Reading, "once");
    assert_eq!(turn(&engine), ["once", "stays"]);
    assert_eq!(turn(&engine), ["stays"]);
    watch_once(&engine, &socket, Reading, "again");
    assert_eq!(turn(&engine), ["again", "stays"]);
}

#[test]
fn a_watcher_that_comes_to_stay_leaves_the_other_told_once() {
    let engine = new_loop();
    let (socket, _peer) = full_socket();
    watch_once(&engine, &socket, Reading, "once");
    watch(&engine, &socket, Writing, Watcher::always("stays"));
    assert_eq!(turn(&engine), ["once", "stays"]);
    assert_eq!(turn(&engine), ["stays"]);
    engine.unwatch(socket.as_raw_fd(), Writing);
    watch_once(&engine, &socket, Reading, "again");
    assert_eq!(turn(&engine), ["again"]);
    assert!(turn(&engine).is_empty());
}

#[test]
fn beside_one_that_stays_a_number_closed_and_reopened_is_watched_anew() {
    let engine = new_loop();
    let (before, _peer) = full_socket();
    let (after, _peer_after) = full_socket();
    let mut number = OwnedFd::from(before);
    watch(&engine, &number, Writing, Watcher::always("stays"));
    watch_once(&engine, &number, Reading, "once");
    assert_eq!(turn(&engine), ["once", "stays"]);
    engine.unwatch(number.as_raw_fd(), Writing);
    reopen_as(&mut number, &after);
    watch(&engine, &number, Reading, Watcher::always("after"));
    assert_eq!(turn(&engine), ["after"]);
}

#[test]
fn one_that_is_taken_back_is_told_nothing() {
    let engine = new_loop();
    let (socket, _peer) = full_socket();
    watch_once(&engine, &socket, Reading, "once");
    let watcher = engine.unwatch(socket.as_raw_fd(), Reading);
    assert_eq!(watcher.map(|watcher| watcher.name), Some("once"));
    assert!(turn(&engine).is_empty());
    assert!(engine.is_idle());
    watch_once(&engine, &socket, Reading, "again");
    assert_eq!(turn(&engine), ["again"]);
}

#[test]
fn one_that_was_told_can_be_forgotten() {
    let (engine, recorder) = recorded_loop();
    let (socket, _peer) = full_socket();
    watch_once(&engine, &socket, Reading, "once");
    turn(&engine);
    assert!(engine.forget(socket.as_raw_fd()).iter().all(Option::is_none));
    turn(&engine);
    assert_eq!(recorder.polls(), [1]);
    watch_once(&engine, &socket, Reading, "again");
    assert_eq!(turn(&engine), ["again"]);
}
