//! Items passed from task to task.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use cafeloop::{Queue, Task, create_task, gather, now, sleep, timeout, yield_now};
use common::{Log, run, seconds};

/// A task that gets an item, and notes it.
fn getter(queue: &Rc<Queue<u32>>, log: &Log, name: &'static str) -> Task<()> {
    let (queue, log) = (queue.clone(), log.clone());
    create_task(async move {
        match queue.get().await {
            Ok(item) => log.note(format_args!("{name} got {item}")),
            Err(error) => log.note(format_args!("{name}: {error}")),
        }
    })
}

/// A task that puts an item, and notes it.
fn putter(queue: &Rc<Queue<u32>>, log: &Log, item: u32) -> Task<()> {
    let (queue, log) = (queue.clone(), log.clone());
    create_task(async move {
        match queue.put(item).await {
            Ok(()) => log.note(format_args!("put {item}")),
            Err(refused) => {
                log.note(&refused);
                log.note(format_args!("I keep {}", refused.into_item()));
            }
        }
    })
}

#[test]
fn items_come_out_in_the_order_in_which_they_went_in() {
    run(async {
        let queue = Queue::new();
        for item in 0..3 {
            queue.put(item).await.expect("it is open");
        }
        assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (3, false, false));
        for item in 0..3 {
            assert_eq!(queue.get().await.expect("there is one"), item);
        }
        assert!(queue.is_empty());
    });
}

#[test]
fn a_full_queue_refuses_or_makes_wait_until_there_is_room() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let queue = Rc::new(Queue::bounded(1));
        queue.try_put(1).expect("there is room");
        assert!(queue.is_full());
        let refused = queue.try_put(2).expect_err("it is full");
        assert!(refused.error().is_full());
        assert_eq!(refused.to_string(), "the queue is full: it holds 1 items");
        assert_eq!(refused.into_item(), 2);
        drop(putter(&queue, &noted, 3));
        sleep(seconds(1)).await;
        noted.note(format_args!("got {}", queue.try_get().expect("there is one")));
        // The room is promised to the one who waits.
        assert!(queue.try_put(4).is_err());
        yield_now().await;
        assert_eq!(queue.try_get().expect("there is one"), 3);
    });
    assert_eq!(log.take(), ["got 1", "put 3"]);
}

#[test]
fn an_empty_queue_refuses_or_makes_wait_until_there_is_an_item() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let queue = Rc::new(Queue::new());
        let error = queue.try_get().expect_err("it is empty");
        assert!(error.is_empty());
        assert_eq!(error.to_string(), "the queue is empty");
        let getters = ["a", "b"].map(|name| getter(&queue, &noted, name));
        sleep(seconds(1)).await;
        queue.try_put(1).expect("there is room");
        // The item is promised to the one who has waited longest.
        assert_eq!(queue.len(), 1);
        assert!(queue.try_get().is_err());
        queue.try_put(2).expect("there is room");
        drop(getter(&queue, &noted, "late"));
        queue.try_put(3).expect("there is room");
        gather(getters).await.expect("both end");
    });
    assert_eq!(log.take(), ["a got 1", "b got 2", "late got 3"]);
}

#[test]
fn an_item_that_was_promised_to_a_task_that_is_cancelled_goes_to_the_next() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let queue = Rc::new(Queue::new());
        let [a, b] = ["a", "b"].map(|name| getter(&queue, &noted, name));
        yield_now().await;
        queue.try_put(1).expect("there is room");
        a.cancel();
        b.await.expect("it ends");

        let last = getter(&queue, &noted, "last");
        yield_now().await;
        queue.try_put(2).expect("there is room");
        last.cancel();
        yield_now().await;
        assert_eq!(queue.try_get().expect("it is free again"), 2);
    });
    assert_eq!(log.take(), ["b got 1"]);
}

#[test]
fn room_that_was_promised_to_a_task_that_is_cancelled_goes_to_the_next() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let queue = Rc::new(Queue::bounded(1));
        queue.try_put(0).expect("there is room");
        let [first, second] = [1, 2].map(|item| putter(&queue, &noted, item));
        yield_now().await;
        queue.try_get().expect("there is one");
        first.cancel();
        second.await.expect("it ends");
        assert_eq!(queue.try_get().expect("there is one"), 2);
    });
    assert_eq!(log.take(), ["put 2"]);
}

#[test]
fn a_get_that_times_out_loses_no_item() {
    run(async {
        let queue = Queue::new();
        timeout(seconds(1), queue.get()).await.expect_err("there is none");
        queue.try_put("item").expect("there is room");
        assert_eq!(queue.get().await.expect("there is one"), "item");
    });
}

#[test]
fn join_waits_until_all_items_are_reported_done() {
    run(async {
        let queue = Rc::new(Queue::new());
        queue.join().await; // nothing was put
        for item in 0..3 {
            queue.try_put(item).expect("there is room");
        }
        let its = queue.clone();
        drop(create_task(async move {
            while its.get().await.is_ok() {
                sleep(seconds(1)).await;
                its.task_done();
            }
        }));
        queue.join().await;
        assert_eq!(now(), seconds(3));
    });
}

#[test]
fn more_items_reported_done_than_were_put_is_a_mistake() {
    let queue = Queue::new();
    queue.try_put(1).expect("there is room");
    queue.task_done();
    catch_unwind(AssertUnwindSafe(|| queue.task_done())).expect_err("one was put");
}

#[test]
fn a_queue_that_could_hold_nothing_is_a_mistake() {
    let panic = catch_unwind(|| Queue::<()>::bounded(0)).expect_err("it is refused");
    let text = "a queue of capacity 0 can't hold an item: give at least 1";
    assert_eq!(panic.downcast_ref(), Some(&text));
}

#[test]
fn a_queue_that_is_shut_down_gives_what_is_left_and_takes_nothing() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let queue = Rc::new(Queue::bounded(1));
        queue.try_put(1).expect("there is room");
        drop(putter(&queue, &noted, 2));
        yield_now().await;
        queue.shutdown(false);
        yield_now().await;
        drop(putter(&queue, &noted, 3));
        let refused = queue.try_put(4).expect_err("it is closed");
        assert!(refused.error().is_closed());
        assert_eq!(queue.get().await.expect("there is one left"), 1);
        assert!(queue.try_get().expect_err("nothing is left").is_closed());
        getter(&queue, &noted, "late").await.expect("it ends");
    });
    let closed = "the queue is closed";
    let expected = [closed, "I keep 2", closed, "I keep 3", "late: the queue is closed"];
    assert_eq!(log.take(), expected);
}

#[test]
fn those_who_wait_for_items_are_told_of_the_shutdown() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let queue = Rc::new(Queue::new());
        let [a, b, c] = ["a", "b", "c"].map(|name| getter(&queue, &noted, name));
        yield_now().await;
        queue.try_put(1).expect("there is room");
        queue.shutdown(false);
        b.cancel();
        gather([a, c]).await.expect("both end");
        assert!(queue.try_get().expect_err("nothing is left").is_closed());
    });
    assert_eq!(log.take(), ["a got 1", "c: the queue is closed"]);
}

#[test]
fn an_immediate_shutdown_drops_the_items_and_ends_the_join() {
    run(async {
        let queue = Rc::new(Queue::new());
        let item = Rc::new(());
        for _ in 0..2 {
            queue.try_put(item.clone()).expect("there is room");
        }
        let joiner = create_task({
            let queue = queue.clone();
            async move { queue.join().await }
        });
        yield_now().await;
        queue.shutdown(true);
        assert_eq!(Rc::strong_count(&item), 1);
        assert!(queue.get().await.expect_err("nothing is left").is_closed());
        joiner.await.expect("it ends");
    });
}

#[test]
fn a_refused_item_becomes_an_error_of_the_loop_by_a_question_mark() {
    let put = || -> Result<(), cafeloop::Error> {
        let queue = Queue::bounded(1);
        queue.try_put(1)?;
        queue.try_put(2)?;
        Ok(())
    };
    assert!(put().expect_err("it is full").is_full());
}
