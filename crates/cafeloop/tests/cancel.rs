//! Cancelling tasks: when the future is dropped, and what is left to await.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use cafeloop::{Error, Task, create_task, now, sleep, yield_now};
use common::{Log, forever, run, seconds};

/// The handle of a task that is to cancel itself.
type Own<T> = Rc<RefCell<Option<Task<T>>>>;

fn cancel_own<T>(own: &Own<T>) {
    let handle = own.borrow();
    assert!(handle.as_ref().expect("it was put there").cancel());
}

#[test]
fn a_task_that_has_not_started_never_does() {
    let log = Log::default();
    let (polled, dropped) = (log.clone(), log.note_drop("dropped"));
    run(async move {
        let task = create_task(async move {
            let _dropped = dropped;
            polled.note("polled");
        });
        assert!(task.cancel());
        assert!(task.await.expect_err("it was cancelled").is_cancelled());
    });
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn a_task_that_waits_is_dropped_where_it_waits() {
    let log = Log::default();
    let inside = log.clone();
    run(async move {
        let outside = inside.clone();
        let task = create_task(async move {
            let _outer = inside.note_drop("outer");
            let _inner = inside.note_drop("inner");
            sleep(seconds(5)).await;
            inside.note("never");
        });
        yield_now().await;
        task.cancel();
        outside.note("asked");
        let error = task.await.expect_err("it was cancelled");
        assert_eq!(error.to_string(), "the task was cancelled");
        assert_eq!(now(), seconds(0), "its timer is gone");
    });
    assert_eq!(log.take(), ["asked", "inner", "outer"]);
}

#[test]
fn a_task_that_was_woken_in_the_same_turn_is_dropped_all_the_same() {
    let outcome = run(async {
        let task = create_task(yield_now());
        yield_now().await; // the task has run once and is queued again
        assert!(task.cancel());
        task.await
    });
    assert!(outcome.expect_err("it was cancelled").is_cancelled());
}

#[test]
fn a_task_that_is_done_can_not_be_cancelled() {
    run(async {
        let task = create_task(async { "served" });
        yield_now().await;
        assert!(task.done());
        assert!(!task.cancel());
        assert!(!task.cancelled());
        assert_eq!(task.await.expect("it ended"), "served");
    });
}

#[test]
fn cancelling_again_changes_nothing() {
    run(async {
        let task = create_task(forever());
        assert!(task.cancel());
        assert!(task.cancel());
        yield_now().await;
        assert!(task.cancelled());
        assert!(!task.cancel());
    });
}

#[test]
fn a_task_that_cancels_itself_goes_on_to_its_next_await() {
    let log = Log::default();
    let inside = log.clone();
    run(async move {
        let own: Own<()> = Rc::default();
        let its = own.clone();
        *own.borrow_mut() = Some(create_task(async move {
            cancel_own(&its);
            inside.note("before the await");
            yield_now().await;
            inside.note("after the await");
        }));
        yield_now().await;
        yield_now().await;
        let task = own.take().expect("it was put there");
        assert!(task.await.expect_err("it cancelled itself").is_cancelled());
    });
    assert_eq!(log.take(), ["before the await"]);
}

/// The outcome of a task that cancels itself and then does `last`.
fn cancelled_itself(last: fn() -> &'static str) -> Result<&'static str, Error> {
    run(async move {
        let own: Own<&str> = Rc::default();
        let its = own.clone();
        *own.borrow_mut() = Some(create_task(async move {
            cancel_own(&its);
            last()
        }));
        yield_now().await;
        let task = own.take().expect("it was put there");
        task.await
    })
}

#[test]
fn a_task_that_cancels_itself_and_returns_was_cancelled() {
    let outcome = cancelled_itself(|| "served");
    assert!(outcome.expect_err("it cancelled itself").is_cancelled());
}

#[test]
fn a_task_that_cancels_itself_and_panics_has_panicked() {
    let outcome = cancelled_itself(|| panic!("spilt"));
    assert_eq!(outcome.expect_err("it panicked").to_string(), "the task panicked: spilt");
}

#[test]
fn cancelling_a_task_that_awaits_another_leaves_the_other_alone() {
    run(async {
        let inner = Rc::new(RefCell::new(None));
        let handle = inner.clone();
        let outer = create_task(async move {
            create_task(async move {
                yield_now().await;
                yield_now().await;
                handle.replace(Some("served"));
            })
            .await
        });
        yield_now().await;
        outer.cancel();
        assert!(outer.await.expect_err("it was cancelled").is_cancelled());
        yield_now().await;
        yield_now().await;
        assert_eq!(inner.take(), Some("served"));
    });
}

#[test]
fn dropping_a_handle_or_a_join_detaches_the_task() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let task = |name| {
            let noted = noted.clone();
            create_task(async move {
                yield_now().await;
                noted.note(name);
            })
        };
        drop(task("handle"));
        drop(task("join").into_future());
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(log.take(), ["handle", "join"]);
}

#[test]
fn a_destructor_may_cancel_and_make_tasks() {
    struct Meddle(Task<()>, Log);
    impl Drop for Meddle {
        fn drop(&mut self) {
            self.0.cancel();
            let log = self.1.clone();
            drop(create_task(async move { log.note("made") }));
        }
    }
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let victim_note = noted.note_drop("victim");
        let victim = create_task(async move {
            let _note = victim_note;
            forever().await;
        });
        let meddle = Meddle(victim, noted);
        let task = create_task(async move {
            let _meddle = meddle;
            forever().await;
        });
        yield_now().await;
        task.cancel();
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(log.take(), ["victim", "made"]);
}
