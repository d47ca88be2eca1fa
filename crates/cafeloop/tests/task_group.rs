//! Tasks that begin and end together.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cafeloop::{
    Error, GroupError, Task, TaskGroup, create_task, now, sleep, task_group, timeout, yield_now,
};
use common::{Log, forever, run, seconds};

type Errors = GroupError<&'static str>;

async fn after<T>(delay: u64, outcome: Result<T, &'static str>) -> Result<T, &'static str> {
    sleep(seconds(delay)).await;
    outcome
}

#[test]
fn a_group_is_left_when_the_body_and_all_tasks_have_ended() {
    run(async {
        let left: Result<_, Errors> = task_group(async |group| {
            drop(group.create_task(after(5, Ok(()))));
            after(3, Ok("body")).await
        })
        .await;
        assert_eq!(left.expect("nobody fails"), "body");
        assert_eq!(now(), seconds(5));
    });
}

#[test]
fn a_group_without_tasks_is_its_body() {
    run(async {
        let left: Result<_, Errors> = task_group(async |_| Ok("body")).await;
        assert_eq!(left.expect("nobody fails"), "body");
    });
}

#[test]
fn handles_give_what_the_tasks_give() {
    run(async {
        let sum: Result<_, Errors> = task_group(async |group| {
            let (one, two) =
                (group.create_task(after(1, Ok(1))), group.create_task(after(2, Ok(2))));
            Ok(one.await.expect("it ends") + two.await.expect("it ends"))
        })
        .await;
        assert_eq!(sum.expect("nobody fails"), 3);
    });
}

#[test]
fn a_task_that_fails_has_the_others_and_the_body_dropped() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let left: Result<(), Errors> = task_group(async |group| {
            let note = noted.note_drop("task dropped");
            drop(group.create_task(async move {
                let _note = note;
                after(9, Ok(())).await
            }));
            drop(group.create_task(after::<()>(1, Err("no beans"))));
            let _note = noted.note_drop("body dropped");
            after(9, Ok(())).await
        })
        .await;
        noted.note(left.expect_err("one fails"));
        assert_eq!(now(), seconds(1));
    });
    let failed = "the task group failed: no beans";
    assert_eq!(log.take(), ["task dropped", "body dropped", failed]);
}

#[test]
fn all_errors_are_collected_and_the_bodys_is_the_last() {
    run(async {
        let left: Result<(), Errors> = task_group(async |group| {
            for error in ["first", "second"] {
                drop(group.create_task(async move { Err::<(), _>(error) }));
            }
            // Two turns later all have failed, and the body isn't dropped yet.
            yield_now().await;
            Err("body")
        })
        .await;
        let error = left.expect_err("all fail");
        assert_eq!(error.errors, ["first", "second"]);
        assert_eq!(error.to_string(), "the task group failed with 2 errors: first; second");

        let left: Result<(), Errors> = task_group(async |group| {
            // It fails while it is dropped, for the sake of the body.
            drop(group.create_task(async { Err::<(), _>("task") }));
            Err("body")
        })
        .await;
        assert_eq!(left.expect_err("the body fails").errors, ["body"]);
    });
}

#[test]
fn a_task_that_is_cancelled_by_its_handle_has_not_failed() {
    run(async {
        let left: Result<_, Errors> = task_group(async |group| {
            let task = group.create_task(after(9, Ok(())));
            task.cancel();
            Ok(task.await.expect_err("it was cancelled").is_cancelled())
        })
        .await;
        assert!(left.expect("nobody fails"));
    });
}

#[test]
fn the_handle_of_a_task_that_failed_says_that_the_group_has_the_reason() {
    run(async {
        let mut handles: Vec<Task<()>> = vec![];
        let left: Result<(), Errors> = task_group(async |group| {
            handles.push(group.create_task(after(1, Err("no beans"))));
            handles.push(group.create_task(after(2, Ok(()))));
            Ok(())
        })
        .await;
        assert_eq!(left.expect_err("one fails").errors, ["no beans"]);
        let [failed, cancelled] = handles.try_into().expect("there are two");
        let failed: Error = failed.await.expect_err("it failed");
        assert!(failed.is_failed());
        assert_eq!(failed.to_string(), "the task failed: its task group has the reason");
        assert!(cancelled.await.expect_err("it was cancelled").is_cancelled());
    });
}

#[test]
fn a_panic_of_a_task_is_resumed_when_all_have_ended() {
    let log = Log::default();
    let noted = log.clone();
    let main = async move {
        let _: Result<(), Errors> = task_group(async |group| {
            let note = noted.note_drop("task dropped");
            drop(group.create_task(async move {
                let _note = note;
                after(9, Ok(())).await
            }));
            drop(group.create_task(async { panic!("spilt") }) as Task<()>);
            forever().await;
            Ok(())
        })
        .await;
    };
    let panic = catch_unwind(AssertUnwindSafe(|| run(main))).expect_err("it is resumed");
    assert_eq!(panic.downcast_ref(), Some(&"spilt"));
    assert_eq!(log.take(), ["task dropped"]);
}

#[test]
fn a_panic_of_the_body_is_resumed_when_all_have_ended() {
    let log = Log::default();
    let noted = log.clone();
    let main = async move {
        let _: Result<(), Errors> = task_group(async |group| {
            let note = noted.note_drop("task dropped");
            drop(group.create_task(async move {
                let _note = note;
                after(9, Ok(())).await
            }));
            yield_now().await;
            panic!("spilt");
        })
        .await;
    };
    let panic = catch_unwind(AssertUnwindSafe(|| run(main))).expect_err("it is resumed");
    assert_eq!(panic.downcast_ref(), Some(&"spilt"));
    assert_eq!(log.take(), ["task dropped"]);
}

#[test]
fn dropping_a_group_cancels_its_tasks() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let inner = noted.clone();
        let group = task_group(async |group| {
            let note = inner.note_drop("task dropped");
            drop(group.create_task(async move {
                let _note = note;
                after(9, Ok(())).await
            }));
            after(9, Ok(())).await
        });
        timeout(seconds(1), group).await.expect_err("it is late");
        yield_now().await;
        noted.note("a turn later");
    });
    assert_eq!(log.take(), ["task dropped", "a turn later"]);
}

#[test]
fn a_task_can_make_others_in_its_group() {
    async fn brew(group: TaskGroup<&'static str>, cups: u64) -> Result<(), &'static str> {
        sleep(seconds(1)).await;
        if cups > 1 {
            drop(group.create_task(brew(group.clone(), cups - 1)));
        }
        Ok(())
    }
    run(async {
        let left = task_group(async |group: &TaskGroup<_>| {
            drop(group.create_task(brew(group.clone(), 5)));
            Ok(())
        });
        left.await.expect("nobody fails");
        assert_eq!(now(), seconds(5));
    });
}

#[test]
fn a_group_that_has_failed_or_was_left_takes_no_task() {
    /// Makes a task when it is dropped, and keeps the handle.
    struct Late(TaskGroup<&'static str>, Log);
    impl Drop for Late {
        fn drop(&mut self) {
            let note = self.1.note_drop("future dropped");
            let task = self.0.create_task(async move {
                let _note = note;
                Ok(())
            });
            assert!(task.done() && !task.cancelled());
            let log = self.1.clone();
            drop(create_task(async move {
                let error: Error = task.await.expect_err("it never started");
                assert!(error.is_closed());
                log.note(error);
            }));
        }
    }
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let mut kept = None;
        let left: Result<(), Errors> = task_group(async |group: &TaskGroup<_>| {
            kept = Some(group.clone());
            let _late = Late(group.clone(), noted.clone());
            drop(group.create_task(after::<()>(1, Err("no beans"))));
            forever().await;
            Ok(())
        })
        .await;
        left.expect_err("one fails");
        noted.note("left");
        yield_now().await;
        drop(Late(kept.expect("the body ran"), noted));
        yield_now().await;
    });
    let closed = "the task group is closed";
    assert_eq!(log.take(), ["future dropped", "left", closed, "future dropped", closed]);
}

#[test]
fn groups_nest() {
    run(async {
        let outer: Result<(), GroupError<String>> = task_group(async |outer| {
            drop(outer.create_task(async {
                let inner: Result<(), Errors> = task_group(async |inner| {
                    drop(inner.create_task(after::<()>(1, Err("no beans"))));
                    forever().await;
                    Ok(())
                })
                .await;
                inner.map_err(|error| error.to_string())
            }));
            forever().await;
            Ok(())
        })
        .await;
        let error = outer.expect_err("the inner one fails");
        assert_eq!(error.errors, ["the task group failed: no beans"]);
    });
}
