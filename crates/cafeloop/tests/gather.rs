//! Waiting for many: the three forms, and what becomes of the others.

mod common;

use cafeloop::{Error, create_task, gather, now, sleep, timeout, try_gather, yield_now};
use common::{Log, forever, run, seconds};

#[derive(Debug, PartialEq)]
enum Refusal {
    NoBeans,
    Loop(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Loop(error.to_string())
    }
}

async fn after<T>(delay: u64, output: T) -> T {
    sleep(seconds(delay)).await;
    output
}

#[test]
fn outputs_come_in_the_order_of_the_items() {
    run(async {
        let outputs = gather([3, 1, 2].map(|delay| after(delay, delay))).await;
        assert_eq!(outputs.expect("all end"), [3, 1, 2]);
        assert_eq!(now(), seconds(3));
    });
}

#[test]
fn to_gather_nothing_takes_no_turn() {
    run(async {
        let task = create_task(async {});
        let none: [std::future::Ready<()>; 0] = [];
        assert!(gather(none).await.expect("nothing fails").is_empty());
        assert!(!task.done());
    });
}

#[test]
fn tasks_that_have_ended_are_counted_as_they_are() {
    run(async {
        let tasks = [1, 2].map(|number| create_task(async move { number }));
        yield_now().await;
        assert!(tasks.iter().all(cafeloop::Task::done));
        assert_eq!(gather(tasks).await.expect("both ended"), [1, 2]);
    });
}

#[test]
fn the_first_error_comes_at_once_and_the_others_go_on() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let slow = noted.clone();
        let slow = create_task(async move {
            sleep(seconds(5)).await;
            slow.note("slow ends");
        });
        let bad = create_task(async {
            sleep(seconds(1)).await;
            panic!("spilt");
        });
        let error = gather([slow, bad]).await.expect_err("one panics");
        noted.note(format_args!("{error} at {:?}", now()));
        sleep(seconds(5)).await;
    });
    assert_eq!(log.take(), ["the task panicked: spilt at 1s", "slow ends"]);
}

#[test]
fn collect_all_waits_for_all_however_they_end() {
    run(async {
        let good = create_task(after(2, "served"));
        let cancelled = create_task(after(3, "never"));
        let panicked = create_task(async { panic!("spilt") });
        cancelled.cancel();
        yield_now().await; // one has failed before it is gathered
        let outcomes = gather([good, cancelled, panicked]).collect_all().await;
        assert_eq!(now(), seconds(2));
        let texts: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| outcome.map_or_else(|error| error.to_string(), str::to_owned))
            .collect();
        assert_eq!(texts, ["served", "the task was cancelled", "the task panicked: spilt"]);
    });
}

#[test]
fn try_gather_gives_the_oks_or_the_first_error_in_time() {
    run(async {
        let good = [2, 1].map(|delay| after(delay, Ok::<_, Refusal>(delay)));
        assert_eq!(try_gather(good).await, Ok(vec![2, 1]));

        let bad = [(9, Ok(())), (4, Err(Refusal::Loop(String::new()))), (3, Err(Refusal::NoBeans))];
        let began = now();
        let answer = try_gather(bad.map(|(delay, outcome)| after(delay, outcome))).await;
        assert_eq!(answer, Err(Refusal::NoBeans));
        assert_eq!(now(), began + seconds(3));
    });
}

#[test]
fn try_gather_makes_an_error_of_a_panic_and_of_a_cancellation() {
    run(async {
        let panicked = create_task(async { panic!("spilt") });
        let answer: Result<Vec<()>, _> = try_gather([panicked]).await;
        assert_eq!(answer, Err(Refusal::Loop("the task panicked: spilt".into())));

        let cancelled = create_task(after(1, Ok(())));
        cancelled.cancel();
        let answer = try_gather([cancelled]).await;
        assert_eq!(answer, Err(Refusal::Loop("the task was cancelled".into())));
    });
}

#[test]
fn dropping_a_gathering_cancels_its_tasks() {
    let log = Log::default();
    let noted = log.clone();
    run(async move {
        let child = |name: &str| {
            let note = noted.note_drop(format_args!("{name} dropped"));
            async move {
                let _note = note;
                forever().await;
            }
        };
        let gathering = gather([child("a"), child("b")]);
        assert!(timeout(seconds(1), gathering).await.is_err());
        yield_now().await;
        noted.note("then");

        drop(gather([child("c")]).collect_all());
        yield_now().await;
        drop(try_gather([async move {
            forever().await;
            Ok::<_, Error>(())
        }]));
    });
    assert_eq!(log.take(), ["a dropped", "b dropped", "then", "c dropped"]);
}

#[test]
fn dropping_a_gathering_that_has_failed_cancels_nobody() {
    let served = run(async {
        let bad = create_task(async { panic!("spilt") });
        let good = create_task(after(1, ()));
        let mut gathering = Box::pin(gather([bad, good]));
        gathering.as_mut().await.expect_err("one panics");
        drop(gathering);
        sleep(seconds(2)).await;
        "served"
    });
    assert_eq!(served, "served");
}

#[test]
fn a_hundred_thousand_tasks_can_be_gathered() {
    run(async {
        let outputs = gather((0..100_000_u64).map(|number| after(number % 7, number))).await;
        assert_eq!(outputs.expect("all end").iter().sum::<u64>(), 4_999_950_000);
        assert_eq!(now(), seconds(6));
    });
}

#[test]
fn gatherings_can_be_gathered() {
    run(async {
        let rows = [1, 2].map(|row| gather([1, 2].map(|column| after(column, row * column))));
        let rows = try_gather(rows).await.expect("all end");
        assert_eq!(rows, [[1, 2], [2, 4]]);
    });
}
