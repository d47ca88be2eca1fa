//! What an engine needs from the language that it serves.

use cafeloop_flow::Event;

use super::probe::Moment;
use crate::error::Error;

/// The language whose jobs an engine runs: Rust's is a runnable task, Python's
/// an enum of its own.  Dispatch is static.
///
/// All methods are called on the loop's thread.  None may be called while the
/// engine holds its own state borrowed, except [`ready`](Host::ready) and
/// [`is_promised`](Host::is_promised), which therefore must not run anybody's code.
pub trait Host {
    /// Something to run once.  Other threads may post one.
    type Job: Send;

    /// Whoever wants to know that a descriptor is ready or a signal has come.
    type Watcher;

    /// What is at hand while the loop runs and only then (for Python, the proof
    /// that the interpreter is attached).
    type Scope<'s>: Copy;

    /// Why the loop was left early.
    type Exit: From<Error>;

    /// Runs a job.  An error leaves the loop; the jobs behind it stay queued.
    fn run(&self, scope: Self::Scope<'_>, job: Self::Job) -> Result<(), Self::Exit>;

    /// A job is some places from its turn: the host's chance to have what it will look at
    /// fetched from memory.  It must not look at it itself.
    fn comes_soon(&self, job: &Self::Job) {
        let _ = job;
    }

    /// The same a few places later, when what it was then has come.
    fn comes_next(&self, job: &Self::Job) {
        let _ = job;
    }

    /// A job is about to run; called only while somebody listens, for the host to say
    /// what kind of job it is.
    fn job_begins(&self, scope: Self::Scope<'_>, moment: Moment<'_>, job: &Self::Job) {
        let _ = (scope, job);
        moment.tell(Event::JobBegins);
    }

    /// The job that began last has run; called only while somebody listens.
    fn job_ends(&self, scope: Self::Scope<'_>, moment: Moment<'_>) {
        let _ = scope;
        moment.tell(Event::JobEnds);
    }

    /// The job that tells `watcher` of its event, if it still wants to know.
    /// A watcher that is told only once is taken out of its place.
    fn ready(
        &self,
        scope: Self::Scope<'_>,
        watcher: &mut Option<Self::Watcher>,
    ) -> Option<Self::Job>;

    /// The loop is about to [block](Host::block): the host's chance to let go of what it
    /// keeps from job to job, which may run anybody's code, and so queue jobs.
    fn settle(&self, scope: Self::Scope<'_>) {
        let _ = scope;
    }

    /// Calls `wait`, which blocks, with the host's own locks let go.
    fn block<R: Send>(&self, scope: Self::Scope<'_>, wait: impl FnOnce() -> R + Send) -> R;

    /// Whether the language promises that such jobs run in the order in which they are
    /// queued, whoever queues them; asked only where a seed chooses the order of others.
    fn is_promised(&self, job: &Self::Job) -> bool {
        let _ = job;
        false
    }

    /// What time it is, if that is for the host to say: deadlines are then due by
    /// its clock, and not by the engine's.
    fn now_ns(&self, scope: Self::Scope<'_>) -> Result<Option<u64>, Self::Exit> {
        let _ = scope;
        Ok(None)
    }

    /// The jobs of a turn have run: the host's chance to do together what they had
    /// it put off, such as sending what they wrote.  Whether it did anything that took
    /// time.
    fn turn_ends(&self, scope: Self::Scope<'_>) -> Result<bool, Self::Exit> {
        let _ = scope;
        Ok(false)
    }

    /// A signal ended a wait: the host's chance to leave the loop.
    fn interrupted(&self, scope: Self::Scope<'_>) -> Result<(), Self::Exit>;
}
