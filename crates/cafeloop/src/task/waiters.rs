//! Those who wait for something, in the order in which they came.
//!
//! A list whose nodes lie in a slab: joining, leaving and waking are O(1)
//! wherever in the queue.  Who is woken leaves the list at once and its place
//! when it has been told; whoever is dropped between the two was woken in vain,
//! and [`Waiting::leave`] says so, so that the wake-up can be passed on.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// A queue of those who wait.
#[derive(Default)]
pub(crate) struct Waiters {
    queue: RefCell<Queue>,
}

#[derive(Default)]
struct Queue {
    places: Slab<Place>,
    first: Option<usize>,
    last: Option<usize>,
}

enum Place {
    /// In the list.
    Asleep { waker: Waker, before: Option<usize>, after: Option<usize> },
    /// Out of it, and to be told so.
    Woken,
}

impl Waiters {
    /// A place at the end of the queue, taken when the future is first polled.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        Waiting { waiters: self, place: None }
    }

    /// Wakes whoever has waited longest; false if nobody waits.
    pub(crate) fn wake_first(&self) -> bool {
        let woken = self.queue.borrow_mut().wake_first();
        woken.map(Waker::wake).is_some()
    }

    /// Wakes all who wait now, in order.
    pub(crate) fn wake_all(&self) {
        let mut queue = self.queue.borrow_mut();
        let woken: Vec<Waker> = std::iter::from_fn(|| queue.wake_first()).collect();
        drop(queue);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Queue {
    fn join(&mut self, waker: Waker) -> usize {
        let place = self.places.insert(Place::Asleep { waker, before: self.last, after: None });
        match self.last {
            Some(last) => *self.after(last) = Some(place),
            None => self.first = Some(place),
        }
        self.last = Some(place);
        place
    }

    fn wake_first(&mut self) -> Option<Waker> {
        let place = self.first?;
        match self.unlink(place, Place::Woken) {
            Place::Asleep { waker, .. } => Some(waker),
            Place::Woken => unreachable!("the list holds those who sleep"),
        }
    }

    /// Takes a sleeper out of the list and puts `state` in its place.
    fn unlink(&mut self, place: usize, state: Place) -> Place {
        let asleep = std::mem::replace(&mut self.places[place], state);
        if let Place::Asleep { before, after, .. } = asleep {
            match before {
                Some(before) => *self.after(before) = after,
                None => self.first = after,
            }
            match after {
                Some(after) => *self.before(after) = before,
                None => self.last = before,
            }
        }
        asleep
    }

    fn before(&mut self, place: usize) -> &mut Option<usize> {
        match &mut self.places[place] {
            Place::Asleep { before, .. } => before,
            Place::Woken => unreachable!("the list holds those who sleep"),
        }
    }

    fn after(&mut self, place: usize) -> &mut Option<usize> {
        match &mut self.places[place] {
            Place::Asleep { after, .. } => after,
            Place::Woken => unreachable!("the list holds those who sleep"),
        }
    }
}

/// Somebody's place among the [`Waiters`], as a future that is ready when it is
/// woken.
pub(crate) struct Waiting<'a> {
    waiters: &'a Waiters,
    place: Option<usize>,
}

impl Waiting<'_> {
    /// Gives up the place; true if it had been woken and not told yet.
    pub(crate) fn leave(&mut self) -> bool {
        let Some(place) = self.place.take() else { return false };
        let mut queue = self.waiters.queue.borrow_mut();
        let state = queue.unlink(place, Place::Woken);
        queue.places.remove(place);
        drop(queue);
        // A waker is dropped here, outside of the queue: it is anybody's code.
        matches!(state, Place::Woken)
    }
}

impl Future for Waiting<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let new = context.waker().clone();
        let mut queue = self.waiters.queue.borrow_mut();
        let Some(place) = self.place else {
            let place = queue.join(new);
            drop(queue);
            self.place = Some(place);
            return Poll::Pending;
        };
        if let Place::Asleep { waker, .. } = &mut queue.places[place] {
            let old = std::mem::replace(waker, new);
            drop(queue);
            drop(old);
            return Poll::Pending;
        }
        queue.places.remove(place);
        drop(queue);
        self.place = None;
        Poll::Ready(())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use proptest::prelude::*;

    use super::*;

    /// Writes its number down when it is woken.
    struct Sleeper {
        number: usize,
        woken_last: Arc<AtomicUsize>,
    }

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.woken_last.store(self.number, Ordering::Relaxed);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Come,
        WakeFirst,
        /// Whoever came as this one, of those who are still there.
        Leave(usize),
        Poll(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Come),
            2 => Just(Step::WakeFirst),
            2 => (0..8_usize).prop_map(Step::Leave),
            1 => (0..8_usize).prop_map(Step::Poll),
        ]
    }

    proptest! {
        #[test]
        fn whoever_has_waited_longest_is_woken_first(steps in prop::collection::vec(step(), 0..60)) {
            let waiters = Waiters::default();
            let woken_last = Arc::new(AtomicUsize::new(usize::MAX));
            let mut here = Vec::new();
            let mut asleep = VecDeque::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Come => {
                        let sleeper = Sleeper { number, woken_last: woken_last.clone() };
                        let waker = Waker::from(Arc::new(sleeper));
                        let mut waiting = waiters.wait();
                        let polled = Pin::new(&mut waiting).poll(&mut Context::from_waker(&waker));
                        prop_assert!(polled.is_pending());
                        here.push((number, waker, waiting));
                        asleep.push_back(number);
                    }
                    Step::WakeFirst => {
                        let first = asleep.pop_front();
                        prop_assert_eq!(waiters.wake_first(), first.is_some());
                        if let Some(first) = first {
                            prop_assert_eq!(woken_last.load(Ordering::Relaxed), first);
                        }
                    }
                    Step::Leave(place) if place < here.len() => {
                        let (number, _, mut waiting) = here.remove(place);
                        let woken = !asleep.contains(&number);
                        asleep.retain(|&sleeper| sleeper != number);
                        prop_assert_eq!(waiting.leave(), woken);
                    }
                    Step::Poll(place) if place < here.len() => {
                        let (number, waker, waiting) = &mut here[place];
                        let polled = Pin::new(waiting).poll(&mut Context::from_waker(waker));
                        let woken = !asleep.contains(number);
                        prop_assert_eq!(polled.is_ready(), woken);
                        if woken {
                            here.remove(place);
                        }
                    }
                    Step::Leave(_) | Step::Poll(_) => {}
                }
            }
            prop_assert_eq!(waiters.queue.borrow().places.len(), here.len());
            drop(here);
            prop_assert!(waiters.queue.borrow().places.is_empty());
            prop_assert!(!waiters.wake_first());
        }
    }
}
