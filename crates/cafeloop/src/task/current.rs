//! The loop that runs on this thread, if one does.

use std::cell::RefCell;
use std::rc::Rc;

use super::host::{Job, RustHost};
use crate::engine::{Engine, Remote};

/// A loop that serves Rust.
pub(crate) type Loop = Engine<RustHost>;

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

struct Current {
    its_loop: Rc<Loop>,
    /// To recognise the loop by, without making one each time.
    remote: Remote<Job>,
}

/// The loop that runs on this thread.
///
/// # Panics
///
/// If there is none, which is a mistake of the program.
#[track_caller]
pub(crate) fn current() -> Rc<Loop> {
    try_current().expect("no event loop runs on this thread: call this inside `cafeloop::run`")
}

/// The loop that runs on this thread; `None` too while the thread ends.
pub(crate) fn try_current() -> Option<Rc<Loop>> {
    let its_loop = |current: &Current| current.its_loop.clone();
    CURRENT.try_with(|current| current.borrow().as_ref().map(its_loop)).ok().flatten()
}

/// Queues a job for its loop, from whatever thread.
pub(super) fn queue(remote: &Remote<Job>, job: Job) {
    let mut job = Some(job);
    let mut woken = None;
    let push = |current: &RefCell<Option<Current>>| {
        // Borrowed while it pushes, which runs nobody's code.
        if let Some(current) = &*current.borrow()
            && current.remote.is_same(remote)
            && let Some(job) = job.take()
        {
            if current.its_loop.is_heard()
                && let Job::Run(runnable) = &job
            {
                woken = Some((current.its_loop.clone(), *runnable.metadata()));
            }
            current.its_loop.push(job);
        }
    };
    // A thread that is ending has no loop.
    let _ = CURRENT.try_with(push);
    if let Some((its_loop, task)) = woken {
        its_loop.host().heard.woken(&its_loop, task);
    }
    if let Some(Err(job)) = job.map(|job| remote.post(job)) {
        // The loop is closed.  Dropping a task here would drop its future, on a
        // thread that isn't its own.
        std::mem::forget(job);
    }
}

/// While this lives, its loop is the current one.
pub(crate) struct Entered {
    its_loop: Rc<Loop>,
}

impl Entered {
    /// Makes `its_loop` the current one of this thread, which has none.
    pub(crate) fn new(its_loop: Loop) -> Self {
        let its_loop = Rc::new(its_loop);
        let remote = its_loop.remote();
        let before = CURRENT.replace(Some(Current { its_loop: its_loop.clone(), remote }));
        debug_assert!(before.is_none(), "loops don't nest");
        Entered { its_loop }
    }
}

impl std::ops::Deref for Entered {
    type Target = Loop;

    fn deref(&self) -> &Loop {
        &self.its_loop
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // The loop itself is dropped, and so closed, with the field.
        CURRENT.take();
    }
}
