//! In which turn things happen.  The numbers are those that asyncio gives for the
//! same scenes on Python 3.13; where a drop makes them differ, the test says so.

mod common;

use std::cell::Cell;
use std::rc::Rc;

use cafeloop::{
    Event, Lock, Queue, Semaphore, create_task, gather, sleep, task_group, timeout, yield_now,
};
use common::{Log, forever, run, seconds};

/// A log whose entries are numbered by turns.
#[derive(Clone)]
struct Scene {
    log: Log,
    turn: Rc<Cell<usize>>,
}

impl Scene {
    fn note(&self, entry: &str) {
        self.log.note(format_args!("{} {entry}", self.turn.get()));
    }

    async fn act(self, name: &'static str, turns: usize) {
        self.note(&format!("{name} starts"));
        for _ in 0..turns {
            yield_now().await;
        }
        self.note(&format!("{name} ends"));
    }
}

/// Plays a scene in whose first turn nobody but it is there, and gives its log.
fn play(scene: impl AsyncFnOnce(Scene) + 'static) -> Vec<String> {
    let log = Log::default();
    let stage = Scene { log: log.clone(), turn: Rc::default() };
    run(async move {
        let turn = stage.turn.clone();
        drop(create_task(async move {
            loop {
                turn.set(turn.get() + 1);
                yield_now().await;
            }
        }));
        yield_now().await;
        scene(stage.clone()).await;
        stage.note("end");
    });
    log.take()
}

#[test]
fn a_task_starts_in_the_next_turn_and_is_joined_in_the_one_after_its_last() {
    let log = play(async |scene| {
        let task = create_task(scene.clone().act("task", 0));
        scene.note("made");
        task.await.expect("it ends");
        scene.note("joined");
    });
    assert_eq!(log, ["1 made", "2 task starts", "2 task ends", "3 joined", "3 end"]);
}

#[test]
fn tasks_take_turns_in_the_order_in_which_they_were_made() {
    let log = play(async |scene| {
        let tasks = ["a", "b"].map(|name| create_task(scene.clone().act(name, 1)));
        for task in tasks {
            task.await.expect("it ends");
        }
    });
    assert_eq!(log, ["2 a starts", "2 b starts", "3 a ends", "3 b ends", "4 end"]);
}

#[test]
fn a_gathering_is_done_two_turns_after_its_last_child() {
    let log = play(async |scene| {
        let gathering = gather([scene.clone().act("a", 0), scene.clone().act("b", 1)]);
        scene.note("made");
        gathering.await.expect("both end");
    });
    let expected = ["1 made", "2 a starts", "2 a ends", "2 b starts", "3 b ends", "5 end"];
    assert_eq!(log, expected);
}

#[test]
fn a_gathering_fails_two_turns_after_the_child_that_does() {
    let log = play(async |scene| {
        let bad = create_task(forever());
        bad.cancel();
        let good = create_task(scene.clone().act("good", 4));
        assert!(gather([bad, good]).await.is_err());
        scene.note("failed");
        for _ in 0..5 {
            yield_now().await;
        }
    });
    assert_eq!(log, ["2 good starts", "4 failed", "6 good ends", "9 end"]);
}

#[test]
fn a_group_is_left_two_turns_after_its_last_child() {
    let log = play(async |scene| {
        let left = task_group(async |group| {
            for (name, turns) in [("a", 0), ("b", 1)] {
                let child = scene.clone().act(name, turns);
                drop(group.create_task(async move {
                    child.await;
                    Ok::<(), ()>(())
                }));
            }
            scene.note("body ends");
            Ok(())
        });
        left.await.expect("nobody fails");
    });
    let expected = ["1 body ends", "2 a starts", "2 a ends", "2 b starts", "3 b ends", "5 end"];
    assert_eq!(log, expected);
}

#[test]
fn a_failing_group_hears_all_who_fail_in_a_turn_and_drops_the_rest_two_turns_later() {
    let log = play(async |scene| {
        let left = task_group(async |group| {
            let long = scene.clone();
            drop(group.create_task(async move {
                let _dropped = long.log.note_drop("long dropped");
                forever().await;
                Ok(())
            }));
            for name in ["bad1", "bad2"] {
                let bad = scene.clone();
                drop(group.create_task(async move {
                    bad.note(name);
                    Err::<(), _>(name)
                }));
            }
            let _dropped = scene.log.note_drop("body dropped");
            forever().await;
            Ok(())
        });
        assert_eq!(left.await.expect_err("two fail").errors, ["bad1", "bad2"]);
    });
    // asyncio's group hears of cancelled children by callbacks, and ends in turn 6.
    assert_eq!(log, ["2 bad1", "2 bad2", "long dropped", "body dropped", "4 end"]);
}

#[test]
fn a_failing_body_has_its_children_dropped_in_the_next_turn() {
    let log = play(async |scene| {
        let left = task_group(async |group| {
            let child = scene.clone();
            drop(group.create_task(async move {
                let _dropped = child.log.note_drop("child dropped");
                forever().await;
                Ok::<(), _>(())
            }));
            yield_now().await;
            scene.note("body fails");
            Err::<(), _>("body")
        });
        assert_eq!(left.await.expect_err("the body fails").errors, ["body"]);
    });
    assert_eq!(log, ["2 body fails", "child dropped", "5 end"]);
}

#[test]
fn those_who_wait_for_an_event_go_on_in_the_next_turn_even_if_it_is_cleared() {
    let log = play(async |scene| {
        let event = Rc::new(Event::new());
        let waiters = ["a", "b"].map(|name| {
            let (event, scene) = (event.clone(), scene.clone());
            create_task(async move {
                event.wait().await;
                scene.note(name);
            })
        });
        yield_now().await;
        scene.note("set");
        event.set();
        event.clear();
        gather(waiters).await.expect("both end");
    });
    assert_eq!(log, ["2 set", "3 a", "3 b", "5 end"]);
}

#[test]
fn those_who_wait_for_an_item_get_theirs_in_the_turn_after_it_was_put() {
    let log = play(async |scene| {
        let queue = Rc::new(Queue::new());
        let [_a, b] = ["a", "b"].map(|name| {
            let (queue, scene) = (queue.clone(), scene.clone());
            create_task(async move {
                let item = queue.get().await.expect("it is open");
                scene.note(&format!("{name} got {item}"));
            })
        });
        yield_now().await;
        scene.note("put");
        queue.try_put(1).expect("there is room");
        queue.try_put(2).expect("there is room");
        b.await.expect("it ends");
    });
    assert_eq!(log, ["2 put", "3 a got 1", "3 b got 2", "4 end"]);
}

#[test]
fn a_lock_changes_hands_in_the_turn_after_it_came_free() {
    let log = play(async |scene| {
        let lock = Rc::new(Lock::new());
        let [_a, _b, c] = ["a", "b", "c"].map(|name| {
            let (lock, scene) = (lock.clone(), scene.clone());
            create_task(async move {
                let _guard = lock.acquire().await;
                scene.act(name, 1).await;
            })
        });
        c.await.expect("it ends");
    });
    let expected =
        ["2 a starts", "3 a ends", "4 b starts", "5 b ends", "6 c starts", "7 c ends", "8 end"];
    assert_eq!(log, expected);
}

#[test]
fn a_semaphore_lets_the_next_in_in_the_turn_after_a_permit_came_back() {
    let log = play(async |scene| {
        let semaphore = Rc::new(Semaphore::new(2));
        let tasks = ["a", "b", "c"].map(|name| {
            let (semaphore, scene) = (semaphore.clone(), scene.clone());
            create_task(async move {
                let _permit = semaphore.acquire().await;
                scene.act(name, 1).await;
            })
        });
        let [_a, _b, c] = tasks;
        c.await.expect("it ends");
    });
    let expected =
        ["2 a starts", "2 b starts", "3 a ends", "3 b ends", "4 c starts", "5 c ends", "6 end"];
    assert_eq!(log, expected);
}

#[test]
fn a_cancelled_task_is_dropped_in_the_next_turn_and_joined_in_the_one_after() {
    let log = play(async |scene| {
        let inner = scene.clone();
        let task = create_task(async move {
            let _dropped = inner.log.note_drop("dropped");
            forever().await;
        });
        yield_now().await;
        scene.note("cancel");
        task.cancel();
        assert!(task.await.expect_err("it was cancelled").is_cancelled());
    });
    assert_eq!(log, ["2 cancel", "dropped", "4 end"]);
}

#[test]
fn what_awaits_itself_inside_a_timeout_takes_no_turn_more() {
    let log = play(async |scene| {
        let act = scene.clone().act("act", 2);
        timeout(seconds(9), act).await.expect("there is time");
    });
    assert_eq!(log, ["1 act starts", "3 act ends", "3 end"]);
}

#[test]
fn what_main_starts_at_its_end_has_its_first_turn() {
    let log = play(async |scene| {
        drop(create_task(scene.act("late", 1)));
    });
    assert_eq!(log, ["1 end", "2 late starts"]);
}

#[test]
fn sleepers_of_one_deadline_wake_in_the_order_in_which_they_lay_down() {
    let log = Log::default();
    let sleepers = [(3, "c"), (1, "a"), (3, "d"), (2, "b"), (3, "e")].map(|(delay, name)| {
        let log = log.clone();
        async move {
            sleep(seconds(delay)).await;
            log.note(name);
        }
    });
    run(async { gather(sleepers).await.expect("all end") });
    assert_eq!(log.take(), ["a", "b", "c", "d", "e"]);
}
