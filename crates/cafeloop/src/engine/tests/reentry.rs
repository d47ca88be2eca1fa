//! Whoever's code runs may call back into the loop: nothing is borrowed then.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::{Rc, Weak};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use cafeloop_flow::{Event, Sink};

use super::{Job, Loop, TestHost, Watcher, new_loop, turn};
use crate::engine::{Clock, Interest, Remote};

const SIGNAL: i32 = 10;
/// More than a pool has threads (`blocking::limit`).
const MORE_THAN_THREADS: usize = 33;

thread_local! {
    /// The loop of the test's thread, for those who are dropped.
    static CURRENT: RefCell<Weak<Loop>> = const { RefCell::new(Weak::new()) };
    /// How often [`touch_everything`] was done.
    static TOUCHED: Cell<usize> = const { Cell::new(0) };
}

/// Calls everything that a job may call.  A cell that is borrowed panics.
fn touch_everything(engine: &Loop) {
    engine.push(Job::named("touch"));
    let key = engine.set_timer(u64::MAX, Job::named("touch"));
    drop(engine.cancel_timer(key));
    let (reader, _writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    for interest in [Interest::Read, Interest::Write] {
        drop(engine.watch(fd, interest, Watcher::once("touch")));
        drop(engine.watch(-1, interest, Watcher::once("touch")));
    }
    drop(engine.unwatch(fd, Interest::Read));
    drop(engine.forget(fd));
    drop(engine.watch_signal(SIGNAL + 1, Watcher::once("touch")));
    drop(engine.unwatch_signal(SIGNAL + 1));
    engine.watched_signals();
    engine.with_signal_writer(|fd| fd.as_raw_fd()).expect("a pipe can be made");
    drop(engine.submit(|| ()).expect("a thread can be made"));
    assert!(engine.remote().post(Job::named("touch")).is_ok());
    engine.for_each_held(|_| (), |_| ());
    TOUCHED.set(TOUCHED.get() + 1);
}

/// Touches everything when it is dropped, if the loop is still there.
struct Restless;

impl Drop for Restless {
    fn drop(&mut self) {
        let engine = CURRENT.with_borrow(Weak::upgrade);
        if let Some(engine) = engine {
            touch_everything(&engine);
        }
    }
}

fn job() -> Job {
    let restless = Restless;
    Job::new("restless", move |_| drop(restless))
}

fn watcher() -> Watcher {
    Watcher::always("restless").with(Restless)
}

/// A loop that the restless find.
fn found_loop() -> Rc<Loop> {
    let engine = new_loop();
    CURRENT.set(Rc::downgrade(&engine));
    TOUCHED.set(0);
    engine
}

fn program() -> File {
    let program = std::env::current_exe().expect("the test knows its program");
    File::open(program).expect("a program can be read")
}

#[test]
fn a_job_may_touch_everything_wherever_it_came_from() {
    let engine = found_loop();
    engine.push(job());
    engine.set_timer(0, job());
    assert!(engine.remote().post(job()).is_ok());
    assert_eq!(turn(&engine), ["restless"; 3]);
    assert_eq!(TOUCHED.get(), 3);
}

#[test]
fn a_job_cancelled_may_touch_everything() {
    let engine = found_loop();
    let key = engine.set_timer(1, job());
    drop(engine.cancel_timer(key));
    assert_eq!(TOUCHED.get(), 1);
}

#[test]
fn a_watcher_replaced_or_taken_back_may_touch_everything() {
    let engine = found_loop();
    let (socket, _peer) = UnixStream::pair().expect("two sockets can be made");
    let fd = socket.as_raw_fd();
    let watch = |interest| engine.watch(fd, interest, watcher()).expect("it can be polled");
    watch(Interest::Read);
    drop(watch(Interest::Read));
    watch(Interest::Write);
    assert_eq!(TOUCHED.get(), 1);
    drop(engine.unwatch(fd, Interest::Write));
    assert_eq!(TOUCHED.get(), 2);
    watch(Interest::Write);
    drop(engine.forget(fd));
    assert_eq!(TOUCHED.get(), 4);
}

#[test]
fn a_watcher_refused_may_touch_everything() {
    let engine = found_loop();
    for fd in [-1, RawFd::MAX, program().as_raw_fd()] {
        assert!(engine.watch(fd, Interest::Read, watcher()).is_err());
    }
    assert_eq!(TOUCHED.get(), 3);
}

#[test]
fn a_watcher_refused_beside_another_may_touch_everything() {
    let engine = found_loop();
    let (socket, _peer) = UnixStream::pair().expect("two sockets can be made");
    let mut number = OwnedFd::from(socket);
    let fd = number.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::always("first")).expect("it can be polled");
    rustix::io::dup2(program(), &mut number).expect("a descriptor can be given another number");
    for interest in [Interest::Read, Interest::Write] {
        assert!(engine.watch(fd, interest, watcher()).is_err());
    }
    assert_eq!(TOUCHED.get(), 2);
}

#[test]
fn a_signal_s_watcher_replaced_or_taken_back_may_touch_everything() {
    let engine = found_loop();
    engine.watch_signal(SIGNAL, watcher());
    drop(engine.watch_signal(SIGNAL, watcher()));
    drop(engine.unwatch_signal(SIGNAL));
    assert_eq!(TOUCHED.get(), 2);
}

#[test]
fn whoever_is_given_the_signal_writer_may_touch_everything() {
    let engine = found_loop();
    for _ in 0..2 {
        engine.with_signal_writer(|_| touch_everything(&engine)).expect("a pipe can be made");
    }
    assert_eq!(TOUCHED.get(), 2);
}

#[test]
fn work_that_never_began_may_touch_everything() {
    let engine = found_loop();
    let (release, released) = channel::<()>();
    let gate = Arc::new(Mutex::new(released));
    for _ in 0..MORE_THAN_THREADS {
        let gate = gate.clone();
        let work = move || {
            // Ends when the sender is dropped.
            let gate = gate.lock().expect("nobody panics");
            gate.recv().expect_err("nothing is sent");
        };
        drop(engine.submit(work).expect("a thread can be made"));
    }
    let unbegun = (Restless, release);
    drop(engine.submit(move || drop(unbegun)).expect("there are threads"));
    engine.end_threads();
    assert_eq!(TOUCHED.get(), 1);
}

#[test]
fn a_job_dropped_with_its_loop_may_post_and_is_refused() {
    struct Posts(Remote<Job>, Arc<Mutex<Vec<bool>>>);

    impl Drop for Posts {
        fn drop(&mut self) {
            let taken = self.0.post(Job::named("late")).is_ok();
            self.1.lock().expect("nobody panics").push(taken);
        }
    }

    let engine = new_loop();
    let answers = Arc::new(Mutex::new(Vec::new()));
    let job = || {
        let posts = Posts(engine.remote(), answers.clone());
        Job::new("unrun", move |_| drop(posts))
    };
    engine.push(job());
    engine.set_timer(1, job());
    assert!(engine.remote().post(job()).is_ok());
    drop(engine);
    assert_eq!(*answers.lock().expect("nobody panics"), [false; 3]);
}

#[test]
fn whoever_listens_may_touch_everything() {
    #[derive(Default)]
    struct Meddler {
        meddles: Cell<bool>,
    }

    impl Sink for Meddler {
        fn record(&self, _: u64, _: Event) {
            // What it does is told to it in turn.
            if !self.meddles.replace(true) {
                drop(Restless);
                self.meddles.set(false);
            }
        }
    }

    let sink = Rc::new(Meddler::default());
    let engine = Loop::new(TestHost::default(), Clock::virtual_time(), Some(sink));
    let engine = Rc::new(engine.expect("a loop can be opened"));
    CURRENT.set(Rc::downgrade(&engine));
    TOUCHED.set(0);
    let (socket, _peer) = UnixStream::pair().expect("two sockets can be made");
    let fd = socket.as_raw_fd();
    engine.watch(fd, Interest::Write, Watcher::once("socket")).expect("it can be polled");
    let key = engine.set_timer(0, Job::named("cancelled"));
    drop(engine.cancel_timer(key));
    engine.set_timer(0, Job::named("timer"));
    assert!(engine.remote().post(Job::named("post")).is_ok());
    turn(&engine);
    assert!(TOUCHED.get() > 0);
}
