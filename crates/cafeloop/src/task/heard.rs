//! What whoever listens hears of tasks: who runs, who is woken by whom, and what is
//! waited for.
//!
//! A future can't be looked into as a coroutine can, so what waits says so itself while
//! it is polled, with the line that asked for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;

use cafeloop_flow::{Awaited, Event, Frame, StepEnd, TaskEnd, TaskId, Waker, WorkId, WorkPlace};

use super::current::{Loop, try_current};
use super::host::Job;
use crate::engine::Moment;

/// Waits that are shorter aren't explained; a recording's own default.
pub(crate) const WAIT_THRESHOLD_NS: u64 = 1_000_000;

/// A step that is longer holds up the others; a recording's own default.
pub(crate) const BLOCK_THRESHOLD_NS: u64 = 50_000_000;

/// A line of a program that waits, and by what.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// What is waited with, as its users call it.
    pub(crate) by: &'static str,
    pub(crate) line: &'static Location<'static>,
}

/// What is known of a loop's tasks while somebody listens.
#[derive(Default)]
pub(crate) struct Heard {
    /// Counts the tasks, whether or not somebody listens.
    last: Cell<u64>,
    running: Cell<Option<TaskId>>,
    /// Who wakes whoever is woken now.
    wakes: Cell<Option<Waker>>,
    /// What the running step has said that it waits for.
    wait: Cell<Option<(Awaited, Option<Place>)>>,
    /// How the running step has ended its task.
    end: Cell<Option<TaskEnd>>,
    waiting: RefCell<HashMap<TaskId, Waiting>>,
}

/// A task that waits.
#[derive(Clone, Copy)]
struct Waiting {
    since_ns: u64,
    place: Option<Place>,
}

/// Whether a task is the program's own, or a part of how something of ours works.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Own,
    Inner,
}

impl Heard {
    /// The number of a new task, which runs a future of this type; 0 if it isn't to be
    /// heard of.
    pub(super) fn created(
        &self,
        its_loop: &Loop,
        kind: Kind,
        future: &'static str,
        line: &'static Location<'static>,
    ) -> u64 {
        if kind == Kind::Inner {
            return 0;
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        its_loop.tell(|moment| {
            let Some(task) = TaskId::new(number) else { return };
            let code = moment.sink.code(&function_of(future), line.file(), line.line());
            moment.tell(Event::TaskCreated { task, parent: self.running.get(), code });
        });
        number
    }

    pub(super) fn job_begins(&self, moment: Moment<'_>, job: &Job) {
        let task = match job {
            Job::Run(runnable) => TaskId::new(*runnable.metadata()),
            Job::Wake(_) | Job::Told(_) | Job::Stop => None,
        };
        self.running.set(task);
        self.wakes.set(Some(match (task, job) {
            (Some(task), _) => Waker::Task(task),
            (None, Job::Wake(_)) => Waker::Timer,
            (None, Job::Told(_)) => Waker::Unknown,
            (None, Job::Run(_) | Job::Stop) => Waker::Thread,
        }));
        let Some(task) = task else { return moment.tell(Event::JobBegins) };
        // Another thread has woken it: what it posts is queued without a word.
        self.told_woken(moment, task, Waker::Thread);
        moment.tell(Event::StepBegins { task });
    }

    pub(super) fn job_ends(&self, moment: Moment<'_>) {
        self.wakes.set(None);
        let (wait, end) = (self.wait.take(), self.end.take());
        let Some(task) = self.running.take() else { return moment.tell(Event::JobEnds) };
        let step_end = match end {
            Some(TaskEnd::Returned) => StepEnd::Returned,
            Some(_) => StepEnd::Raised,
            None => {
                let (what, place) = wait.unwrap_or((Awaited::Unknown, None));
                let since_ns = moment.at_ns;
                if what != Awaited::Turn {
                    self.waiting.borrow_mut().insert(task, Waiting { since_ns, place });
                }
                StepEnd::Suspended(what)
            }
        };
        moment.tell(Event::StepEnds { task, end: step_end });
        if let Some(end) = end {
            moment.tell(Event::TaskDone { task, end });
        }
    }

    /// A task is about to be queued by the thread of its loop.
    pub(super) fn woken(&self, its_loop: &Loop, task: u64) {
        its_loop.tell(|moment| {
            if let Some(task) = TaskId::new(task) {
                self.told_woken(moment, task, self.wakes.get().unwrap_or(Waker::Unknown));
            }
        });
    }

    fn told_woken(&self, moment: Moment<'_>, task: TaskId, by: Waker) {
        let Some(waiting) = self.waiting.borrow_mut().remove(&task) else { return };
        moment.tell(Event::Woken { task, by });
        if let Some(Place { by, line }) = waiting.place
            && moment.at_ns.saturating_sub(waiting.since_ns) > WAIT_THRESHOLD_NS
        {
            let code = moment.sink.code(by, line.file(), 0);
            let frames = [Frame { code, line: line.line() }];
            moment.sink.record_with(moment.at_ns, Event::Waited { task }, "", &frames);
        }
    }

    /// What runs is about to wait: the last that says so is what its step ends with.
    pub(crate) fn waits(&self, what: Awaited, place: Option<Place>) {
        self.wait.set(Some((what, place)));
    }

    /// The task that runs has ended.
    pub(super) fn ends(&self, end: TaskEnd) {
        self.end.set(Some(end));
    }

    /// The number of a job that was handed to a thread, which runs a closure of this type;
    /// `None` if nobody listens.
    pub(super) fn work_queued(
        &self,
        its_loop: &Loop,
        function: &'static str,
        line: &'static Location<'static>,
    ) -> Option<WorkId> {
        if !its_loop.is_heard() {
            return None;
        }
        self.last.set(self.last.get() + 1);
        let work = WorkId::new(self.last.get())?;
        let by = self.running.get();
        its_loop.tell(|moment| {
            let (code, place) = (
                moment.sink.code(&function_of(function), line.file(), line.line()),
                WorkPlace::Thread,
            );
            moment.tell(Event::WorkQueued { work, by, code, place });
        });
        Some(work)
    }
}

/// What runs is about to wait for so many tasks.
pub(crate) fn waits_for(tasks: usize) {
    if let Some(its_loop) = try_current() {
        let children = u64::try_from(tasks).unwrap_or(u64::MAX);
        its_loop.tell(|_| its_loop.host().heard.waits(Awaited::Gathered { children }, None));
    }
}

/// The function whose future has this type: `AsyncCafe::handle_customer` of
/// `cafe::async_cafe::AsyncCafe::handle_customer::{{closure}}`.
pub(crate) fn function_of(future: &str) -> String {
    let mut name = String::new();
    let mut depth = 0_u32;
    for letter in future.chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => name.push(letter),
            _ => {}
        }
    }
    let parts: Vec<&str> =
        name.split("::").filter(|part| !part.is_empty() && !part.starts_with('{')).collect();
    // A method is known by its type too, which begins with a capital.
    let own = match parts[..] {
        [.., class, function] if class.starts_with(char::is_uppercase) => {
            return format!("{class}::{function}");
        }
        [.., function] => function,
        [] => "async block",
    };
    own.to_owned()
}

#[cfg(test)]
mod tests {
    use super::function_of;

    #[test]
    fn a_future_is_called_by_its_function() {
        assert_eq!(function_of("cafe::brew::{{closure}}"), "brew");
        assert_eq!(function_of("cafe::Cafe::serve::{{closure}}"), "Cafe::serve");
        assert_eq!(function_of("cafe::brew<alloc::rc::Rc<u8>>::{{closure}}::{{closure}}"), "brew");
        assert_eq!(function_of("{closure#0}"), "async block");
    }
}
