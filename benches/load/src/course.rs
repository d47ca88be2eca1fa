//! When the next request is due: the closed loop, the open loop, and their end.
//!
//! It is told the time, and has no clock.

use std::time::{Duration, Instant};

/// What makes a connection send its next request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// The answer to the last one: the closed loop.
    Answers,
    /// The time, so many times a second over all connections: the open loop.
    Rate(f64),
}

/// How long requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    Requests(u64),
    Time(Duration),
}

/// The requests of one phase of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    pace: Pace,
    bound: Bound,
    began: Instant,
    sent: u64,
}

/// What is to be done about the next request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// Send it; it was due then.
    Due(Instant),
    /// Wait until then.
    At(Instant),
    /// There is none.
    Over,
}

impl Course {
    pub(crate) fn new(pace: Pace, bound: Bound, began: Instant) -> Self {
        Course { pace, bound, began, sent: 0 }
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// What `now` is to be done.
    pub(crate) fn next(&self, now: Instant) -> Next {
        let is_over = match self.bound {
            Bound::Requests(requests) => self.sent == requests,
            Bound::Time(time) => now.duration_since(self.began) >= time,
        };
        match self.pace {
            _ if is_over => Next::Over,
            Pace::Answers => Next::Due(now),
            Pace::Rate(rate) => {
                // Exact up to 2^53 requests, which is some time away.
                #[allow(clippy::cast_precision_loss)]
                let due = self.began + Duration::from_secs_f64(self.sent as f64 / rate);
                if due <= now { Next::Due(due) } else { Next::At(due) }
            }
        }
    }

    /// When requests end, if the time says so.
    pub(crate) fn end(&self) -> Option<Instant> {
        match self.bound {
            Bound::Requests(_) => None,
            Bound::Time(time) => Some(self.began + time),
        }
    }

    pub(crate) fn sent_one(&mut self) {
        self.sent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn in_the_closed_loop_a_request_is_due_whenever_one_is_asked_for() {
        let began = Instant::now();
        let mut course = Course::new(Pace::Answers, Bound::Requests(2), began);
        for _ in 0..2 {
            assert_eq!(course.next(began + 5 * MS), Next::Due(began + 5 * MS));
            course.sent_one();
        }
        assert_eq!(course.next(began + 5 * MS), Next::Over);
    }

    #[test]
    fn in_the_open_loop_requests_are_due_at_their_time_however_late_it_is() {
        let began = Instant::now();
        let mut course = Course::new(Pace::Rate(100.0), Bound::Requests(4), began);
        assert_eq!(course.next(began), Next::Due(began));
        course.sent_one();
        assert_eq!(course.next(began + MS), Next::At(began + 10 * MS));
        // A late one keeps the time at which it was due, and so does the next.
        for due in [10, 20, 30] {
            assert_eq!(course.next(began + 500 * MS), Next::Due(began + due * MS));
            course.sent_one();
        }
        assert_eq!(course.next(began + 500 * MS), Next::Over);
    }

    #[test]
    fn a_time_ends_both() {
        let began = Instant::now();
        for pace in [Pace::Answers, Pace::Rate(1.0)] {
            let course = Course::new(pace, Bound::Time(10 * MS), began);
            assert_eq!(course.end(), Some(began + 10 * MS));
            assert!(matches!(course.next(began + 9 * MS), Next::Due(_)));
            assert_eq!(course.next(began + 10 * MS), Next::Over);
        }
    }
}
