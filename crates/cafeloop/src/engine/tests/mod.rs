//! The engine, tested by situation.
//!
//! Its host writes down what ran, its clock is virtual, and a test runs as many
//! turns as it needs, by the number.  What only time or another thread can bring
//! is brought at the moment when the loop begins to wait, by
//! [`TestHost::when_it_waits`]: nothing here sleeps.

mod clock;
mod held;
mod host;
mod order;
mod probe;
mod reentry;
mod signals;
mod threads;
mod timers;
mod turn;
mod watching;
mod watching_once;

use std::rc::Rc;

use self::host::{Job, Left, Loop, Names, Recorder, TestHost, Watcher};
use super::Clock;

/// A loop with a virtual clock.
fn new_loop() -> Rc<Loop> {
    new_loop_by(Clock::virtual_time())
}

fn new_loop_by(clock: Clock) -> Rc<Loop> {
    Rc::new(Loop::new(TestHost::default(), clock, None).expect("a loop can be opened"))
}

/// A loop with a virtual clock, and all that it says of itself.
fn recorded_loop() -> (Rc<Loop>, Recorder) {
    recorded_loop_by(Clock::virtual_time())
}

fn recorded_loop_by(clock: Clock) -> (Rc<Loop>, Recorder) {
    let recorder = Recorder::default();
    let sink = Rc::new(recorder.clone());
    let engine = Loop::new(TestHost::default(), clock, Some(sink)).expect("a loop can be opened");
    (Rc::new(engine), recorder)
}

/// Runs one turn, which doesn't wait, and tells what ran in it.
fn turn(engine: &Loop) -> Names {
    engine.stop();
    run(engine)
}

/// Runs turns until a job stops the loop, and tells what ran in them.
fn run(engine: &Loop) -> Names {
    engine.run(engine).expect("no job leaves");
    engine.host().ran()
}
