//! What a task and its handle share.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use cafeloop_flow::TaskId;

use super::host::Listed;
use crate::error::Error;

/// Somebody who waits for several tasks and is told which of them has ended.
pub(crate) trait Observer {
    /// The task that was given this number has ended; its outcome is there.
    fn ended(&self, number: usize);
}

/// Who is told when a task has ended.
pub(super) enum Waiter {
    /// Nobody: the task is detached, or not waited for yet.
    Nobody,
    /// A task that awaits this one.
    Task(Waker),
    /// A gatherer, and the number that it gave.
    Observer(Rc<dyn Observer>, usize),
}

impl Waiter {
    pub(super) fn tell(self) {
        match self {
            Waiter::Nobody => {}
            Waiter::Task(waker) => waker.wake(),
            Waiter::Observer(observer, number) => observer.ended(number),
        }
    }
}

/// The states of a task, as the head of this folder draws them.
enum State<T> {
    Live(Live),
    Done(Result<T, Error>),
    Taken,
}

struct Live {
    /// Queues the task.  It holds the allocation that holds the body that holds
    /// this cell: a cycle, cut when the task ends and this becomes `Done`.
    waker: Waker,
    waiter: Waiter,
    cancelling: bool,
}

/// A task's state and outcome.
pub(crate) struct TaskCell<T> {
    /// Its place in the loop's list.
    pub(super) place: usize,
    /// The number by which whoever listens knows it; 0 for none.
    number: u64,
    state: RefCell<State<T>>,
}

impl<T> TaskCell<T> {
    /// A task that lives; [`set_waker`](Self::set_waker) comes next.
    pub(super) fn new(place: usize, number: u64) -> Self {
        let waker = Waker::noop().clone();
        let live = Live { waker, waiter: Waiter::Nobody, cancelling: false };
        TaskCell { place, number, state: RefCell::new(State::Live(live)) }
    }

    /// A task that has ended without ever being on a loop's list.
    pub(crate) fn ended(outcome: Result<T, Error>) -> Self {
        TaskCell { place: usize::MAX, number: 0, state: RefCell::new(State::Done(outcome)) }
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        if let State::Live(live) = &mut *self.state.borrow_mut() {
            live.waker = waker;
        }
    }

    /// The number by which whoever listens knows it.
    pub(super) fn id(&self) -> Option<TaskId> {
        TaskId::new(self.number)
    }

    /// Asks the task to end; false if it has.
    pub(crate) fn cancel(&self) -> bool {
        let waker = match &mut *self.state.borrow_mut() {
            State::Live(live) => {
                live.cancelling = true;
                live.waker.clone()
            }
            State::Done(_) | State::Taken => return false,
        };
        waker.wake();
        true
    }

    /// Whether the task lives and was asked to end.
    pub(super) fn is_cancelling(&self) -> bool {
        matches!(&*self.state.borrow(), State::Live(live) if live.cancelling)
    }

    /// Whether the task has ended.
    pub(crate) fn is_done(&self) -> bool {
        !matches!(*self.state.borrow(), State::Live(_))
    }

    /// Whether there is an outcome and `test` holds for it, which must not run
    /// anybody's code.
    pub(crate) fn outcome_is(&self, test: impl FnOnce(&Result<T, Error>) -> bool) -> bool {
        matches!(&*self.state.borrow(), State::Done(outcome) if test(outcome))
    }

    /// The task has ended; the caller tells the waiter.
    pub(super) fn end(&self, outcome: Result<T, Error>) -> Waiter {
        match self.state.replace(State::Done(outcome)) {
            State::Live(live) => live.waiter,
            State::Done(_) | State::Taken => unreachable!("a body ends its task once"),
        }
    }

    /// The outcome, if there is one that nobody has taken yet.
    pub(crate) fn take(&self) -> Option<Result<T, Error>> {
        let mut state = self.state.borrow_mut();
        if !matches!(*state, State::Done(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(outcome) => Some(outcome),
            State::Live(_) | State::Taken => None,
        }
    }

    /// The outcome, or else the task of `context` waits for it.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Result<T, Error>> {
        if let Some(outcome) = self.take() {
            return Poll::Ready(outcome);
        }
        let waker = context.waker().clone();
        let replaced = match &mut *self.state.borrow_mut() {
            State::Live(live) => std::mem::replace(&mut live.waiter, Waiter::Task(waker)),
            _ => panic!("a task was polled for its outcome after it had given it"),
        };
        drop(replaced);
        Poll::Pending
    }

    /// Has `observer` told when the task ends; gives it back if it has.
    pub(crate) fn observe(
        &self,
        observer: Rc<dyn Observer>,
        number: usize,
    ) -> Result<(), Rc<dyn Observer>> {
        match &mut *self.state.borrow_mut() {
            State::Live(live) => {
                live.waiter = Waiter::Observer(observer, number);
                Ok(())
            }
            State::Done(_) | State::Taken => Err(observer),
        }
    }
}

impl<T> Listed for TaskCell<T> {
    fn cancel(&self) -> bool {
        TaskCell::cancel(self)
    }
}
