//! Descriptors watched: who is told, how often, and who isn't.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use super::{Loop, Watcher, new_loop, recorded_loop, turn};
use crate::engine::Interest;
use crate::engine::Interest::{Read as Reading, Write as Writing};

/// Larger than any descriptor's number: none is ever open.
const NEVER_OPEN: RawFd = RawFd::MAX;

/// Watches, and names whoever watched before.
fn watch(
    engine: &Loop,
    of: &impl AsRawFd,
    interest: Interest,
    watcher: Watcher,
) -> Option<&'static str> {
    let replaced = engine.watch(of.as_raw_fd(), interest, watcher);
    name(replaced.expect("it can be polled"))
}

/// Takes a watcher back, by name.
fn unwatch(engine: &Loop, of: &impl AsRawFd, interest: Interest) -> Option<&'static str> {
    name(engine.unwatch(of.as_raw_fd(), interest))
}

fn name(watcher: Option<Watcher>) -> Option<&'static str> {
    watcher.map(|watcher| watcher.name)
}

/// A pipe with something to read.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    writer.write_all(b"!").expect("the pipe has room");
    (reader, writer)
}

fn sockets() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("two sockets can be made")
}

/// Writes until there is no more room.
fn fill(mut end: impl Write + AsFd) {
    rustix::io::ioctl_fionbio(&end, true).expect("it can be made non-blocking");
    while end.write(&[0; 4096]).is_ok() {}
}

/// Has the loop watch something that never happens, so that it asks the kernel
/// even when nothing else is watched; until the pipe is dropped.
fn watch_silence(engine: &Loop) -> (PipeReader, PipeWriter) {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    watch(engine, &reader, Reading, Watcher::always("silence"));
    (reader, writer)
}

/// Closes the number of `owned` and opens it again as another name of `other`,
/// in one step, so that no other test can take the number meanwhile.
fn reopen_as(owned: &mut OwnedFd, other: &UnixStream) {
    rustix::io::dup2(other, owned).expect("a descriptor can be given another number");
}

#[test]
fn a_watcher_that_wants_one_event_is_told_of_one() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::once("pipe"));
    assert_eq!(turn(&engine), ["pipe"]);
    assert!(turn(&engine).is_empty());
    assert_eq!(unwatch(&engine, &reader, Reading), None);
}

#[test]
fn a_watcher_that_comes_back_is_told_again() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    for _ in 0..3 {
        assert_eq!(watch(&engine, &reader, Reading, Watcher::once("pipe")), None);
        assert_eq!(turn(&engine), ["pipe"]);
    }
}

#[test]
fn a_watcher_that_comes_back_late_is_told_again() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    for _ in 0..3 {
        watch(&engine, &reader, Reading, Watcher::once("pipe"));
        assert_eq!(turn(&engine), ["pipe"]);
        // The kernel reports noise and is told, then has nothing to report.
        assert!(turn(&engine).is_empty());
        assert!(turn(&engine).is_empty());
    }
}

#[test]
fn a_watcher_that_stays_is_told_each_turn_while_there_is_something() {
    let engine = new_loop();
    let (mut reader, _writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::always("pipe"));
    assert_eq!(turn(&engine), ["pipe"]);
    assert_eq!(turn(&engine), ["pipe"]);
    reader.read_exact(&mut [0]).expect("there is one byte");
    assert!(turn(&engine).is_empty());
}

#[test]
fn a_watcher_replaced_is_given_back_and_told_nothing() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::always("first"));
    assert_eq!(watch(&engine, &reader, Reading, Watcher::always("second")), Some("first"));
    assert_eq!(turn(&engine), ["second"]);
}

#[test]
fn a_watcher_taken_back_is_told_nothing() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::always("pipe"));
    assert_eq!(unwatch(&engine, &reader, Reading), Some("pipe"));
    assert_eq!(unwatch(&engine, &reader, Reading), None);
    assert!(turn(&engine).is_empty());
}

#[test]
fn both_sides_of_a_descriptor_are_told_the_reader_first() {
    let engine = new_loop();
    let (socket, mut peer) = sockets();
    peer.write_all(b"!").expect("the socket has room");
    watch(&engine, &socket, Writing, Watcher::always("write"));
    watch(&engine, &socket, Reading, Watcher::always("read"));
    assert_eq!(turn(&engine), ["read", "write"]);
    assert_eq!(unwatch(&engine, &socket, Reading), Some("read"));
    assert_eq!(turn(&engine), ["write"]);
    assert_eq!(unwatch(&engine, &socket, Writing), Some("write"));
    assert!(turn(&engine).is_empty());
}

#[test]
fn each_side_is_told_of_its_own_events() {
    let engine = new_loop();
    let (socket, mut peer) = sockets();
    fill(&socket);
    watch(&engine, &socket, Reading, Watcher::always("read"));
    watch(&engine, &socket, Writing, Watcher::always("write"));
    assert!(turn(&engine).is_empty());
    peer.write_all(b"!").expect("the socket has room");
    assert_eq!(turn(&engine), ["read"]);
}

#[test]
fn a_hang_up_is_told_to_both_sides() {
    let engine = new_loop();
    let (socket, peer) = sockets();
    fill(&socket);
    watch(&engine, &socket, Reading, Watcher::always("read"));
    watch(&engine, &socket, Writing, Watcher::always("write"));
    assert!(turn(&engine).is_empty());
    drop(peer);
    assert_eq!(turn(&engine), ["read", "write"]);
}

#[test]
fn a_hang_up_is_told_to_the_only_side_that_watches() {
    let engine = new_loop();
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    watch(&engine, &reader, Reading, Watcher::once("read"));
    drop(writer);
    assert_eq!(turn(&engine), ["read"]);

    let (socket, peer) = sockets();
    fill(&socket);
    watch(&engine, &socket, Writing, Watcher::once("write"));
    drop(peer);
    assert_eq!(turn(&engine), ["write"]);
}

#[test]
fn a_broken_pipe_is_told_to_the_writer() {
    let engine = new_loop();
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    fill(&writer);
    watch(&engine, &writer, Writing, Watcher::always("write"));
    assert!(turn(&engine).is_empty());
    drop(reader);
    assert_eq!(turn(&engine), ["write"]);
}

#[test]
fn a_side_that_nobody_watches_any_more_is_reported_once() {
    let (engine, recorder) = recorded_loop();
    let _silence = watch_silence(&engine);
    let (reader, _writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::once("pipe"));
    for _ in 0..4 {
        turn(&engine);
    }
    // Told, found to be noise, then silent.
    assert_eq!(recorder.polls(), [1, 1, 0, 0]);
}

#[test]
fn a_hang_up_that_nobody_watches_any_more_is_reported_once() {
    let (engine, recorder) = recorded_loop();
    let _silence = watch_silence(&engine);
    let (socket, peer) = sockets();
    drop(peer);
    watch(&engine, &socket, Reading, Watcher::once("read"));
    for _ in 0..4 {
        turn(&engine);
    }
    assert_eq!(recorder.polls(), [1, 1, 0, 0]);
}

#[test]
fn noise_on_one_side_leaves_the_other_watched() {
    let (engine, recorder) = recorded_loop();
    let (socket, mut peer) = sockets();
    fill(&socket);
    peer.write_all(b"!").expect("the socket has room");
    watch(&engine, &socket, Reading, Watcher::once("read"));
    watch(&engine, &socket, Writing, Watcher::once("write"));
    assert_eq!(turn(&engine), ["read"]);
    for _ in 0..3 {
        assert!(turn(&engine).is_empty());
    }
    assert_eq!(recorder.polls(), [1, 1, 0, 0]);
    peer.set_nonblocking(true).expect("a socket can be made so");
    while peer.read(&mut [0; 4096]).is_ok() {}
    assert_eq!(turn(&engine), ["write"]);
}

#[test]
fn a_watcher_that_comes_back_to_a_side_found_to_be_noise_is_told() {
    let engine = new_loop();
    let (socket, mut peer) = sockets();
    fill(&socket);
    peer.write_all(b"!").expect("the socket has room");
    watch(&engine, &socket, Reading, Watcher::once("read"));
    watch(&engine, &socket, Writing, Watcher::always("write"));
    assert_eq!(turn(&engine), ["read"]);
    assert!(turn(&engine).is_empty());
    watch(&engine, &socket, Reading, Watcher::once("read again"));
    assert_eq!(turn(&engine), ["read again"]);
}

#[test]
fn a_descriptor_forgotten_gives_back_its_watchers_and_tells_nobody() {
    let (engine, recorder) = recorded_loop();
    let _silence = watch_silence(&engine);
    let (socket, mut peer) = sockets();
    peer.write_all(b"!").expect("the socket has room");
    watch(&engine, &socket, Reading, Watcher::always("read"));
    watch(&engine, &socket, Writing, Watcher::always("write"));
    let watchers = engine.forget(socket.as_raw_fd());
    assert_eq!(watchers.map(name), [Some("read"), Some("write")]);
    assert!(turn(&engine).is_empty());
    assert_eq!(recorder.polls(), [0]);
    assert!(engine.forget(socket.as_raw_fd()).map(name).iter().all(Option::is_none));
}

#[test]
fn a_descriptor_forgotten_can_be_watched_again() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::always("first"));
    engine.forget(reader.as_raw_fd());
    assert_eq!(watch(&engine, &reader, Reading, Watcher::always("second")), None);
    assert_eq!(turn(&engine), ["second"]);
}

#[test]
fn late_events_of_a_forgotten_descriptor_do_not_reach_the_next_owner() {
    let (engine, recorder) = recorded_loop();
    let (before, mut peer_before) = sockets();
    let (after, mut peer_after) = sockets();
    let mut number = OwnedFd::from(before.try_clone().expect("a socket can be cloned"));
    watch(&engine, &number, Reading, Watcher::always("before"));
    // Closed before it is forgotten, while a clone lives: the kernel goes on
    // reporting the old socket, and no number is left by which to stop it.
    reopen_as(&mut number, &after);
    engine.forget(number.as_raw_fd());
    watch(&engine, &number, Reading, Watcher::always("after"));
    peer_before.write_all(b"!").expect("the socket has room");
    assert!(turn(&engine).is_empty());
    assert_eq!(recorder.polls(), [1]);
    peer_after.write_all(b"!").expect("the socket has room");
    assert_eq!(turn(&engine), ["after"]);
    assert_eq!(recorder.polls(), [2]);
    drop(before);
}

#[test]
fn a_number_closed_and_reopened_is_watched_anew_by_who_replaces_the_watcher() {
    let engine = new_loop();
    let (before, _peer) = sockets();
    let (after, mut peer_after) = sockets();
    let mut number = OwnedFd::from(before);
    watch(&engine, &number, Reading, Watcher::always("before"));
    reopen_as(&mut number, &after);
    peer_after.write_all(b"!").expect("the socket has room");
    assert!(turn(&engine).is_empty());
    assert_eq!(watch(&engine, &number, Reading, Watcher::always("after")), Some("before"));
    assert_eq!(turn(&engine), ["after"]);
}

#[test]
fn a_number_closed_and_reopened_is_watched_anew_when_the_other_side_is() {
    let engine = new_loop();
    let (before, _peer) = sockets();
    let (after, _peer_after) = sockets();
    let mut number = OwnedFd::from(before);
    watch(&engine, &number, Reading, Watcher::always("read"));
    reopen_as(&mut number, &after);
    assert_eq!(watch(&engine, &number, Writing, Watcher::always("write")), None);
    assert_eq!(turn(&engine), ["write"]);
}

#[test]
fn a_number_closed_and_reopened_can_be_let_go() {
    let (engine, recorder) = recorded_loop();
    let _silence = watch_silence(&engine);
    let (before, mut peer) = sockets();
    let (after, mut peer_after) = sockets();
    let mut number = OwnedFd::from(before);
    watch(&engine, &number, Reading, Watcher::always("before"));
    reopen_as(&mut number, &after);
    peer.write_all(b"!").expect_err("nobody has the other end any more");
    peer_after.write_all(b"!").expect("the socket has room");
    assert_eq!(unwatch(&engine, &number, Reading), Some("before"));
    assert!(turn(&engine).is_empty());
    assert_eq!(recorder.polls(), [0]);
}

#[test]
fn a_regular_file_is_refused() {
    let engine = new_loop();
    let program = std::env::current_exe().expect("the test knows its program");
    let file = File::open(program).expect("a program can be read");
    let answer = engine.watch(file.as_raw_fd(), Reading, Watcher::always("file"));
    let error = answer.err().expect("a file is always ready");
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(unwatch(&engine, &file, Reading), None);
}

#[test]
fn a_number_that_is_not_open_is_refused() {
    let engine = new_loop();
    for number in [-1, RawFd::MIN, NEVER_OPEN] {
        let error = engine.watch(number, Reading, Watcher::always("nothing")).err();
        let errno = error.and_then(|error| error.raw_os_error());
        assert_eq!(errno, Some(rustix::io::Errno::BADF.raw_os_error()));
        assert!(engine.unwatch(number, Reading).is_none());
        assert!(engine.forget(number).map(name).iter().all(Option::is_none));
    }
}

#[test]
fn a_refused_watcher_leaves_the_one_before_it_in_its_place() {
    let engine = new_loop();
    let (socket, _peer) = sockets();
    let mut number = OwnedFd::from(socket);
    watch(&engine, &number, Reading, Watcher::always("before"));
    let program = std::env::current_exe().expect("the test knows its program");
    let file = File::open(program).expect("a program can be read");
    rustix::io::dup2(&file, &mut number).expect("a descriptor can be given another number");
    let refused = engine.watch(number.as_raw_fd(), Reading, Watcher::always("after"));
    assert!(refused.is_err());
    assert_eq!(unwatch(&engine, &number, Reading), Some("before"));
}

#[test]
fn more_descriptors_than_one_poll_reports_are_all_told() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    let readers: Vec<_> = (0..300).map(|_| reader.try_clone()).collect();
    for reader in &readers {
        let reader = reader.as_ref().expect("a pipe's end can be cloned");
        watch(&engine, reader, Reading, Watcher::once("pipe"));
    }
    let told: usize = (0..3).map(|_| turn(&engine).len()).sum();
    assert_eq!(told, readers.len());
}

#[test]
fn a_watcher_is_taken_back_only_from_whom_it_is_meant() {
    let engine = new_loop();
    let (reader, _writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::always("own"));
    let fd = reader.as_raw_fd();
    assert_eq!(name(engine.unwatch_if(fd, Reading, |watcher| watcher.name == "other")), None);
    assert_eq!(turn(&engine), ["own"]);
    assert_eq!(name(engine.unwatch_if(fd, Reading, |watcher| watcher.name == "own")), Some("own"));
    assert_eq!(turn(&engine), [] as [&str; 0]);
}

#[test]
fn a_descriptor_is_found_by_whoever_watches_it() {
    let engine = new_loop();
    let (reader, writer) = full_pipe();
    watch(&engine, &reader, Reading, Watcher::always("reader"));
    watch(&engine, &writer, Writing, Watcher::always("writer"));
    let find = |wanted| engine.find(|watcher| watcher.name == wanted);
    assert_eq!(find("reader"), Some(reader.as_raw_fd()));
    assert_eq!(find("writer"), Some(writer.as_raw_fd()));
    let number = writer.as_raw_fd();
    drop(writer);
    assert_eq!(find("writer"), Some(number));
    engine.unwatch(number, Writing);
    assert_eq!(find("writer"), None);
}
