//! All of a loop that other threads may touch.

use std::fmt;
use std::sync::Arc;

use super::inbox::Inbox;
use crate::sys::Waker;

pub(super) type Shared<J> = Inbox<J, Waker>;

/// A loop as seen from other threads: jobs can be posted to it, nothing else.
pub struct Remote<J> {
    shared: Arc<Shared<J>>,
}

impl<J: Send> Remote<J> {
    pub(super) fn new(shared: Arc<Shared<J>>) -> Self {
        Remote { shared }
    }

    /// Has the loop run `job` in a later turn, waking it if it waits.  Gives the
    /// job back if the loop is closed.  Any thread; jobs of one thread run in
    /// the order in which it posted them.
    pub fn post(&self, job: J) -> Result<(), J> {
        self.shared.post(job)
    }

    /// Whether both reach the same loop.
    pub fn is_same(&self, other: &Remote<J>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<J> Clone for Remote<J> {
    fn clone(&self) -> Self {
        Remote { shared: self.shared.clone() }
    }
}

impl<J> fmt::Debug for Remote<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}
