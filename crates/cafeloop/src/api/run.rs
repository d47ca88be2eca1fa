//! Running a loop from its first task to its last.

use std::panic::resume_unwind;

use cafeloop_flow::Sink;

use crate::engine::{Clock, Engine};
use crate::error::Error;
use crate::task::{Entered, Job, RustHost, current, spawn, try_current};

/// Runs a new event loop until `main` is done, and gives its output.
///
/// When `main` is done, the tasks that are left are cancelled (their futures are
/// dropped), threads that still work for [`to_thread`](crate::to_thread) are
/// waited for, and the loop is closed.  A destructor may still make tasks then;
/// they are cancelled in their turn, before they start.  (A task whose destructor
/// always makes another like it keeps the run from ending.)
///
/// The future need not be `Send`: it never leaves this thread.
///
/// # Errors
///
/// [`is_nested`](Error::is_nested) inside a running loop; [`is_io`](Error::is_io)
/// if the system has no descriptors left, or is older than Linux 5.11.
///
/// # Panics
///
/// If `main` panics: with that panic, once everything has been cleared away.
///
/// Source: [`asyncio.run`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.run).
///
/// # Examples
///
/// ```
/// let answer = cafeloop::run(async { 6 * 7 })?;
/// assert_eq!(answer, 42);
/// # Ok::<(), cafeloop::Error>(())
/// ```
///
/// A loop inside a loop would keep the outer one from its other tasks:
///
/// ```
/// let nested = cafeloop::run(async { cafeloop::run(async {}) })?;
/// assert!(nested.is_err_and(|error| error.is_nested()));
/// # Ok::<(), cafeloop::Error>(())
/// ```
pub fn run<F>(main: F) -> Result<F::Output, Error>
where
    F: Future + 'static,
{
    Runner::new().run(main)
}

/// [`run`] with options: by which clock, in which order, and who listens.
///
/// Source: [`asyncio.Runner`](https://docs.python.org/3/library/asyncio-runner.html#asyncio.Runner).
///
/// # Examples
///
/// Ten hours that take no time:
///
/// ```
/// use cafeloop::{Clock, Runner, now, sleep};
/// use std::time::Duration;
///
/// let shift = Duration::from_secs(10 * 60 * 60);
/// let passed = Runner::new().clock(Clock::virtual_time()).run(async move {
///     sleep(shift).await;
///     now()
/// })?;
/// assert_eq!(passed, shift);
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[must_use = "a runner does nothing until it runs"]
pub struct Runner {
    clock: Clock,
    seed: Option<u64>,
    sink: Option<Box<dyn Sink>>,
}

impl Runner {
    /// The options that [`run`] has: the real clock, no seed, and nobody listens.
    pub fn new() -> Self {
        Runner { clock: Clock::real(), seed: None, sink: None }
    }

    /// Lets the loop go by `clock`.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Has `seed` choose the order of tasks that are ready for different reasons, the
    /// same for the same seed: two that were woken by two others, by two descriptors,
    /// or by timers of one deadline.  What one task wakes keeps its order.
    ///
    /// # Examples
    ///
    /// ```
    /// use cafeloop::{Runner, create_task, gather, yield_now};
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let served = |seed| {
    ///     Runner::new().seed(seed).run(async {
    ///         let served = Rc::new(RefCell::new(String::new()));
    ///         let customers = ["Latte ", "Mocha "].map(|coffee| {
    ///             let served = served.clone();
    ///             create_task(async move {
    ///                 yield_now().await;
    ///                 served.borrow_mut().push_str(coffee);
    ///             })
    ///         });
    ///         gather(customers).await.expect("no customer panics");
    ///         served.take()
    ///     })
    /// };
    /// assert_eq!(served(7)?, served(7)?);
    /// assert!((0..100).any(|seed| served(seed).unwrap() == "Mocha Latte "));
    /// # Ok::<(), cafeloop::Error>(())
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Has `sink` told of everything that the loop does.
    pub fn sink(mut self, sink: Box<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Runs a new event loop until `main` is done, as [`run`] does.
    pub fn run<F>(self, main: F) -> Result<F::Output, Error>
    where
        F: Future + 'static,
    {
        if try_current().is_some() {
            return Err(Error::nested());
        }
        let engine = Engine::new(RustHost::default(), self.clock, self.sink)?;
        if let Some(seed) = self.seed {
            engine.set_seed(seed);
        }
        let entered = Entered::new(engine);
        let main = spawn(&entered, main, |outcome| {
            // Not at once: what `main` has woken at its end has its turn, too.
            current().push(Job::Stop);
            outcome
        });
        let ran = entered.run(());
        let ended = end_tasks(&entered);
        entered.end_threads();
        drop(entered);
        ran.and(ended).map_err(or_resume)?;
        main.take().expect("the loop has run until main was done").map_err(or_resume)
    }
}

impl Default for Runner {
    fn default() -> Self {
        Runner::new()
    }
}

/// Cancels tasks until none is left: one that is cancelled may make others.
fn end_tasks(entered: &Entered) -> Result<(), Error> {
    let mut first_panic = Ok(());
    while entered.host().cancel_all() {
        // Stopped before it runs, the loop makes one turn.
        entered.stop();
        match entered.run(()) {
            Err(error) if !error.is_panic() => return Err(error),
            ran => first_panic = first_panic.and(ran),
        }
    }
    first_panic
}

/// A panic belongs to whoever runs the loop; errors are given.
fn or_resume(error: Error) -> Error {
    match error.into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => error,
    }
}
