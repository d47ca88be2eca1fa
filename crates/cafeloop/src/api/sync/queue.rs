//! Items passed from task to task.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;

use crate::error::Error;
use crate::task::{Held, Permits, Waiters};

/// Passes items from tasks that put to tasks that get, in order, on one thread.
///
/// Those who wait are served in the order in which they came: an item that
/// arrives while somebody waits for one is promised to that task, and
/// [`try_get`](Queue::try_get) can't take it away; likewise with the room that an
/// item leaves behind.
///
/// Source: [`asyncio.Queue`](https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue),
/// with `shutdown` from Python 3.13.
///
/// # Examples
///
/// ```
/// use cafeloop::{Queue, create_task};
/// use std::rc::Rc;
///
/// cafeloop::run(async {
///     let orders = Rc::new(Queue::bounded(2));
///     let barista = create_task({
///         let orders = orders.clone();
///         async move {
///             let mut served = vec![];
///             while let Ok(order) = orders.get().await {
///                 served.push(order);
///                 orders.task_done();
///             }
///             served
///         }
///     });
///     for order in ["Latte", "Mocha", "Flat White"] {
///         orders.put(order).await?; // waits while two orders wait
///     }
///     orders.join().await; // all are served
///     orders.shutdown(false);
///     assert_eq!(barista.await?, ["Latte", "Mocha", "Flat White"]);
///     Ok::<(), cafeloop::Error>(())
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
pub struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    /// `None` is without a bound.
    capacity: Option<usize>,
    /// Items that are promised to nobody.
    filled: Permits,
    /// Room that is promised to nobody.
    room: Permits,
    shut: Cell<bool>,
    /// Items that were put and not reported done.
    unfinished: Cell<usize>,
    joiners: Waiters,
}

impl<T> Queue<T> {
    /// A queue that always has room.
    pub fn new() -> Self {
        Queue::with(None)
    }

    /// A queue that holds at most `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero: nothing could ever be put.  (In asyncio it means
    /// without a bound: that is [`new`](Queue::new).)
    pub fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue of capacity 0 can't hold an item: give at least 1");
        Queue::with(Some(capacity))
    }

    fn with(capacity: Option<usize>) -> Self {
        Queue {
            items: RefCell::default(),
            capacity,
            filled: Permits::new(0),
            room: Permits::new(capacity.unwrap_or(usize::MAX)),
            shut: Cell::new(false),
            unfinished: Cell::new(0),
            joiners: Waiters::default(),
        }
    }

    /// Puts an item in, when there is room.
    ///
    /// Dropping the future before it is done drops the item.
    ///
    /// # Errors
    ///
    /// [`is_closed`](Error::is_closed) if the queue is shut down, before or while
    /// it waits.  The error has the item.
    pub async fn put(&self, item: T) -> Result<(), PutError<T>> {
        if !self.shut.get() {
            let room = self.room.acquire().await;
            return self.fill(room, item);
        }
        Err(PutError { item, error: Error::closed("queue") })
    }

    /// Puts an item in, if there is room.
    ///
    /// # Errors
    ///
    /// [`is_full`](Error::is_full) if there is none, or if all is promised to
    /// those who wait; [`is_closed`](Error::is_closed) if the queue is shut down.
    /// The error has the item.
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        match self.room.try_acquire() {
            Some(room) => self.fill(room, item),
            None if self.shut.get() => Err(PutError { item, error: Error::closed("queue") }),
            None => {
                let error = Error::full(self.capacity.unwrap_or(usize::MAX));
                Err(PutError { item, error })
            }
        }
    }

    fn fill(&self, room: Held<'_>, item: T) -> Result<(), PutError<T>> {
        if self.shut.get() {
            return Err(PutError { item, error: Error::closed("queue") });
        }
        room.keep();
        self.items.borrow_mut().push_back(item);
        self.unfinished.set(self.unfinished.get() + 1);
        self.filled.release();
        Ok(())
    }

    /// Takes the first item, when there is one.
    ///
    /// Dropping the future loses no item.
    ///
    /// # Errors
    ///
    /// [`is_closed`](Error::is_closed) if the queue is shut down and has no item
    /// left.
    pub async fn get(&self) -> Result<T, Error> {
        let item = match self.filled.try_acquire() {
            Some(filled) => filled,
            None if self.shut.get() => return Err(Error::closed("queue")),
            None => self.filled.acquire().await,
        };
        self.take(item).ok_or_else(|| Error::closed("queue"))
    }

    /// Takes the first item, if there is one.
    ///
    /// # Errors
    ///
    /// [`is_empty`](Error::is_empty) if there is none, or if all are promised to
    /// those who wait; [`is_closed`](Error::is_closed) if there is none and the
    /// queue is shut down.
    pub fn try_get(&self) -> Result<T, Error> {
        let item = self.filled.try_acquire().and_then(|filled| self.take(filled));
        item.ok_or_else(|| if self.shut.get() { Error::closed("queue") } else { Error::empty() })
    }

    fn take(&self, filled: Held<'_>) -> Option<T> {
        filled.keep();
        // There is none if the queue was shut down at once meanwhile.
        let item = self.items.borrow_mut().pop_front()?;
        self.room.release();
        Some(item)
    }

    /// How many items it holds.
    pub fn len(&self) -> usize {
        self.items.borrow().len()
    }

    /// Whether it holds no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it holds as many items as it may.
    pub fn is_full(&self) -> bool {
        self.capacity.is_some_and(|capacity| self.len() >= capacity)
    }

    /// Reports that an item that was got is dealt with, for
    /// [`join`](Queue::join).
    ///
    /// # Panics
    ///
    /// If it is called more often than items were put.
    pub fn task_done(&self) {
        let left = self.unfinished.get().checked_sub(1);
        self.unfinished.set(left.expect("`task_done` is called once for each item that was got"));
        if self.unfinished.get() == 0 {
            self.joiners.wake_all();
        }
    }

    /// Waits until all items that were put are reported done.
    ///
    /// Dropping the future gives up the wait.
    pub async fn join(&self) {
        if self.unfinished.get() > 0 {
            self.joiners.wait().await;
        }
    }

    /// Lets nothing more in; at once (`immediate`), or when the items that are
    /// left have been taken, nothing more comes out.
    ///
    /// All who wait are woken.  Immediately means that the items are dropped, and
    /// count as reported done.
    pub fn shutdown(&self, immediate: bool) {
        self.shut.set(true);
        let dropped = if immediate { self.items.take() } else { VecDeque::new() };
        if !dropped.is_empty() {
            self.unfinished.set(self.unfinished.get() - dropped.len());
            if self.unfinished.get() == 0 {
                self.joiners.wake_all();
            }
        }
        // Each looks for itself what is left.
        self.filled.release_to_all();
        self.room.release_to_all();
        drop(dropped);
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .field("shut", &self.shut.get())
            .finish_non_exhaustive()
    }
}

/// An item that a [`Queue`] didn't take, and why.
pub struct PutError<T> {
    item: T,
    error: Error,
}

impl<T> PutError<T> {
    /// The item.
    pub fn into_item(self) -> T {
        self.item
    }

    /// Why it wasn't taken.
    pub fn error(&self) -> &Error {
        &self.error
    }
}

impl<T> From<PutError<T>> for Error {
    fn from(error: PutError<T>) -> Error {
        error.error
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> std::error::Error for PutError<T> {}
