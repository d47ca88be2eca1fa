//! A limit to how long a future may take.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use cafeloop::{Event, create_task, now, sleep, timeout, yield_now};
use common::{Log, forever, run, seconds};

#[test]
fn a_future_that_is_in_time_gives_its_output_and_leaves_no_timer() {
    run(async {
        let output = timeout(seconds(5), async {
            sleep(seconds(3)).await;
            "served"
        });
        assert_eq!(output.await.expect("it is in time"), "served");
        // A timer that is left would be the next deadline.
        sleep(seconds(10)).await;
        assert_eq!(now(), seconds(13));
    });
}

#[test]
fn a_future_that_is_late_is_dropped_before_the_error_is_given() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let note = noted.note_drop("dropped");
        let late = async move {
            let _note = note;
            sleep(seconds(6)).await;
        };
        let error = timeout(seconds(5), late).await.expect_err("it is late");
        assert!(error.is_timed_out());
        noted.note(error);
        assert_eq!(now(), seconds(5));
    });
    assert_eq!(log.take(), ["dropped", "timed out after 5s"]);
}

#[test]
fn a_result_that_comes_with_the_deadline_is_not_too_late() {
    run(async {
        timeout(seconds(5), sleep(seconds(5))).await.expect("the result goes first");
    });
}

#[test]
fn with_a_limit_of_zero_a_future_has_one_turn() {
    run(async {
        assert!(timeout(Duration::ZERO, async {}).await.is_ok());
        assert!(timeout(Duration::ZERO, yield_now()).await.is_ok());
        let two_turns = async {
            yield_now().await;
            yield_now().await;
        };
        assert!(timeout(Duration::ZERO, two_turns).await.is_err());
    });
}

#[test]
fn the_longest_limit_never_ends() {
    run(async {
        timeout(Duration::MAX, sleep(seconds(1))).await.expect("there is time");
    });
}

#[test]
fn of_nested_timeouts_the_shorter_one_decides() {
    run(async {
        let inner = timeout(seconds(1), timeout(seconds(9), forever())).await;
        assert_eq!(inner.expect_err("it is late").to_string(), "timed out after 1s");
        let outer = timeout(seconds(9), timeout(seconds(1), forever())).await;
        let outer = outer.expect("the inner one is in time");
        assert_eq!(outer.expect_err("it is late").to_string(), "timed out after 1s");
    });
}

#[test]
fn a_task_that_is_awaited_under_a_timeout_goes_on_when_it_is_over() {
    run(async {
        let ended = Rc::new(Cell::new(false));
        let its = ended.clone();
        let task = create_task(async move {
            sleep(seconds(5)).await;
            its.set(true);
        });
        timeout(seconds(1), task).await.expect_err("it is late");
        sleep(seconds(5)).await;
        assert!(ended.get());
    });
}

#[test]
fn a_timeout_that_is_woken_for_other_reasons_keeps_its_deadline() {
    run(async {
        let events: Rc<[Event; 3]> = Rc::default();
        let setter = events.clone();
        drop(create_task(async move {
            for event in setter.iter() {
                sleep(seconds(1)).await;
                event.set();
            }
        }));
        let all = async move {
            for event in events.iter() {
                event.wait().await;
            }
            forever().await;
        };
        timeout(seconds(5), all).await.expect_err("it is late");
        assert_eq!(now(), seconds(5));
    });
}
