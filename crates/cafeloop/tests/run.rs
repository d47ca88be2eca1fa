//! The life of a run: its result, its end, and what is left of it.

mod common;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::thread;

use cafeloop::{Task, create_task, now, sleep, yield_now};
use common::{Flag, Log, forever, run, seconds};

#[test]
fn a_run_gives_what_main_gives() {
    assert_eq!(cafeloop::run(async { 6 * 7 }).expect("a loop can be opened"), 42);
}

#[test]
fn a_run_inside_a_run_is_refused_and_the_outer_one_goes_on() {
    let error = run(async {
        let error = cafeloop::run(async {}).expect_err("loops don't nest");
        yield_now().await;
        error
    });
    assert!(error.is_nested());
    assert_eq!(
        error.to_string(),
        "can't run a loop inside a running one: await the future instead, or use a thread"
    );
}

#[test]
fn one_run_after_another_begins_anew() {
    for _ in 0..2 {
        run(async {
            sleep(seconds(1)).await;
            assert_eq!(now(), seconds(1));
        });
    }
}

#[test]
fn each_thread_may_have_its_own_run() {
    let sums = [1, 2, 3].map(|start| {
        thread::spawn(move || {
            run(async move {
                yield_now().await;
                create_task(async move { start * 10 }).await.expect("it ends")
            })
        })
    });
    let sums = sums.map(|thread| thread.join().expect("it doesn't panic"));
    assert_eq!(sums, [10, 20, 30]);
}

#[test]
fn a_panic_of_main_is_resumed_once_the_others_are_dropped() {
    let dropped = Flag::default();
    let other = dropped.clone();
    let main = async move {
        drop(create_task(async move {
            let _raise = RaiseOnDrop(other);
            forever().await;
        }));
        yield_now().await;
        std::panic::panic_any("out of beans");
    };
    let panic = catch_unwind(AssertUnwindSafe(|| run(main))).expect_err("main panics");
    assert_eq!(panic.downcast_ref(), Some(&"out of beans"));
    assert!(dropped.is_raised());
    run(async {}); // and the thread can run again
}

struct RaiseOnDrop(Flag);

impl Drop for RaiseOnDrop {
    fn drop(&mut self) {
        self.0.raise();
    }
}

#[test]
fn tasks_that_are_left_are_dropped_before_the_run_returns() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        for name in ["a", "b"] {
            let note = noted.note_drop(name);
            drop(create_task(async move {
                let _note = note;
                forever().await;
            }));
        }
    });
    assert_eq!(log.take(), ["a", "b"]);
}

#[test]
fn a_task_made_by_a_destructor_at_the_end_never_starts() {
    struct Spawn(Log);
    impl Drop for Spawn {
        fn drop(&mut self) {
            let log = self.0.clone();
            self.0.note("destructor");
            drop(create_task(async move {
                let _note = log.note_drop("never");
            }));
        }
    }
    let log = Log::default();
    let spawn = Spawn(log.clone());
    run(async move {
        drop(create_task(async move {
            let _spawn = spawn;
            forever().await;
        }));
        yield_now().await;
    });
    assert_eq!(log.take(), ["destructor"]);
}

#[test]
fn tasks_that_hold_each_other_are_dropped_all_the_same() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let handles: Rc<RefCell<Vec<Task<()>>>> = Rc::default();
        let tasks = ["a", "b"].map(|name| {
            let (note, others) = (noted.note_drop(name), handles.clone());
            create_task(async move {
                let (_note, _others) = (note, others);
                forever().await;
            })
        });
        handles.borrow_mut().extend(tasks);
        yield_now().await;
    });
    assert_eq!(log.take(), ["a", "b"]);
}

#[test]
fn a_handle_that_outlives_its_loop_says_that_its_task_was_cancelled() {
    let task = run(async { create_task(forever()) });
    assert!(task.done() && task.cancelled());
    assert!(!task.cancel());
    let error = run(async { task.await }).expect_err("it was cancelled");
    assert!(error.is_cancelled());
}

#[test]
fn an_outcome_can_be_taken_in_a_later_run() {
    let task = run(async {
        let task = create_task(async { "served" });
        yield_now().await;
        task
    });
    assert_eq!(run(async { task.await }).expect("it ended"), "served");
}

#[test]
fn without_a_loop_what_needs_one_panics_and_says_what_to_do() {
    let poll_sleep = || {
        let _ = pin!(sleep(seconds(1))).poll(&mut Context::from_waker(Waker::noop()));
    };
    let without: [(&str, &dyn Fn()); 3] = [
        ("create_task", &|| drop(create_task(async {}))),
        ("now", &|| {
            now();
        }),
        ("sleep", &poll_sleep),
    ];
    for (name, call) in without {
        let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("there is no loop");
        let text: &String = panic.downcast_ref().expect("it is a text");
        let expected = "no event loop runs on this thread: call this inside `cafeloop::run`";
        assert_eq!(text, expected, "{name}");
    }
}

#[test]
fn a_listener_of_the_loop_hears_of_every_job() {
    use cafeloop::flow::{Event, Sink};

    struct Count(Rc<RefCell<usize>>);
    impl Sink for Count {
        fn record(&self, _at_ns: u64, event: Event) {
            let begins = matches!(event, Event::JobBegins | Event::StepBegins { .. });
            *self.0.borrow_mut() += usize::from(begins);
        }
    }
    let jobs = Rc::new(RefCell::new(0));
    let runner = cafeloop::Runner::new().sink(Rc::new(Count(jobs.clone())));
    runner.run(yield_now()).expect("a loop can be opened");
    // Two steps of main, and the stop.
    assert_eq!(*jobs.borrow(), 3);
}
