//! Panics: kept for whoever awaits, and nobody else's concern.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use cafeloop::{create_task, sleep, yield_now};
use common::{forever, run, seconds};

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("bomb");
    }
}

#[test]
fn a_panic_is_kept_for_whoever_awaits() {
    let error = run(async { create_task(async { panic_any(7) }).await });
    let error = error.map(|never: ()| never).expect_err("it panicked");
    assert!(error.is_panic() && !error.is_cancelled());
    let payload = error.into_panic().expect("it is a panic");
    assert_eq!(payload.downcast_ref(), Some(&7));
}

#[test]
fn a_kept_panic_can_be_resumed() {
    let panic = catch_unwind(|| {
        run(async {
            let error = create_task(async { panic!("spilt") }).await;
            let error = error.map(|never: ()| never).expect_err("it panicked");
            resume_unwind(error.into_panic().expect("it is a panic"));
        });
    });
    let panic = panic.expect_err("main resumes it");
    assert_eq!(panic.downcast_ref(), Some(&"spilt"));
}

#[test]
fn a_panic_in_a_detached_task_disturbs_nobody() {
    let served = run(async {
        drop(create_task(async { panic!("spilt") }));
        yield_now().await;
        create_task(async { "served" }).await.expect("it ends")
    });
    assert_eq!(served, "served");
}

#[test]
fn a_panic_of_a_destructor_is_the_outcome_of_a_cancelled_task() {
    let error = run(async {
        let task = create_task(async {
            let _bomb = Bomb;
            forever().await;
        });
        yield_now().await;
        task.cancel();
        task.await.expect_err("it panicked")
    });
    assert_eq!(error.to_string(), "the task panicked: bomb");
}

#[test]
fn a_panic_of_a_destructor_after_a_panic_does_not_hide_the_first() {
    /// Dropped after its poll has unwound, so this is not a panic in a panic.
    struct First(#[allow(dead_code, reason = "it is there to be dropped")] Bomb);
    impl Future for First {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
            panic!("first");
        }
    }
    let error = run(async { create_task(First(Bomb)).await.expect_err("it panicked") });
    assert_eq!(error.to_string(), "the task panicked: first");
}

#[test]
fn an_output_that_is_lost_to_a_panic_may_panic_too() {
    /// Gives a bomb, and is one.
    struct Both(#[allow(dead_code, reason = "it is there to be dropped")] Bomb);
    impl Future for Both {
        type Output = Bomb;

        fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Bomb> {
            Poll::Ready(Bomb)
        }
    }
    let error = run(async { create_task(Both(Bomb)).await.map(drop).expect_err("it panicked") });
    assert_eq!(error.to_string(), "the task panicked: bomb");
}

#[test]
fn an_outcome_that_nobody_takes_may_panic_when_it_is_dropped() {
    run(async {
        drop(create_task(async { Bomb }));
        yield_now().await;
        yield_now().await;
    });
}

#[test]
fn a_strangers_waker_that_panics_ends_the_run_with_its_panic() {
    struct Stranger;
    impl Wake for Stranger {
        fn wake(self: Arc<Self>) {
            panic!("stranger");
        }
    }
    let main = async {
        let mut nap = pin!(sleep(seconds(1)));
        let waker = Waker::from(Arc::new(Stranger));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        forever().await;
    };
    let panic = catch_unwind(AssertUnwindSafe(|| run(main))).expect_err("it is resumed");
    assert_eq!(panic.downcast_ref(), Some(&"stranger"));
}
