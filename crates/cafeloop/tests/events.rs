//! Waiting for an event.

mod common;

use std::rc::Rc;

use cafeloop::{Event, Task, create_task, now, sleep, timeout, yield_now};
use common::{Log, run, seconds};

fn waiter(event: &Rc<Event>, log: &Log, name: &'static str) -> Task<()> {
    let (event, log) = (event.clone(), log.clone());
    create_task(async move {
        event.wait().await;
        log.note(name);
    })
}

#[test]
fn an_event_that_is_set_is_not_waited_for() {
    run(async {
        let event = Event::new();
        assert!(!event.is_set());
        event.set();
        assert!(event.is_set());
        let task = create_task(async {});
        event.wait().await;
        assert!(!task.done(), "it took no turn");
        event.clear();
        assert!(!event.is_set());
        timeout(seconds(1), event.wait()).await.expect_err("nobody sets it");
    });
}

#[test]
fn all_who_wait_go_on_in_the_order_in_which_they_came() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let event = Rc::new(Event::new());
        let tasks = ["a", "b", "c"].map(|name| waiter(&event, &noted, name));
        sleep(seconds(1)).await;
        event.set();
        for task in tasks {
            task.await.expect("it ends");
        }
        assert_eq!(now(), seconds(1));
    });
    assert_eq!(log.take(), ["a", "b", "c"]);
}

#[test]
fn whoever_is_cancelled_leaves_the_queue_wherever_he_stands() {
    for cancelled in 0..3 {
        let log = Log::default();
        let noted = log.clone();
        run(async move {
            let event = Rc::new(Event::new());
            let tasks = ["0", "1", "2"].map(|name| waiter(&event, &noted, name));
            yield_now().await;
            tasks[cancelled].cancel();
            yield_now().await;
            event.set();
            yield_now().await;
        });
        let mut left = vec!["0", "1", "2"];
        left.remove(cancelled);
        assert_eq!(log.take(), left);
    }
}

#[test]
fn whoever_comes_after_a_clear_waits_for_the_next_set() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let event = Rc::new(Event::new());
        drop(waiter(&event, &noted, "early"));
        yield_now().await;
        event.set();
        event.clear();
        drop(waiter(&event, &noted, "late"));
        yield_now().await;
        yield_now().await;
        noted.note("again");
        event.set();
        yield_now().await;
    });
    assert_eq!(log.take(), ["early", "again", "late"]);
}
