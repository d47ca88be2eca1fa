//! The two clocks.

mod common;

use std::time::{Duration, Instant};

use cafeloop::{Clock, Runner, gather, now, sleep};
use common::{Log, run, seconds};

#[test]
fn a_virtual_clock_starts_at_zero_and_stands_still_while_jobs_run() {
    run(async {
        assert_eq!(now(), Duration::ZERO);
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1) {}
        assert_eq!(now(), Duration::ZERO);
    });
}

#[test]
fn ten_hours_asleep_take_no_time_and_end_in_order() {
    let log = Log::default();
    let noted = log.clone();
    let began = Instant::now();
    run(async move {
        let sleepers = (0..10).rev().map(|hour| {
            let noted = noted.clone();
            async move {
                sleep(seconds(hour * 3600)).await;
                sleep(seconds(3600)).await;
                noted.note(now().as_secs() / 3600);
            }
        });
        gather(sleepers).await.expect("all end");
        assert_eq!(now(), seconds(10 * 3600));
    });
    assert_eq!(log.take(), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert!(began.elapsed() < seconds(3600));
}

#[test]
fn a_clock_can_be_read_from_outside_after_the_run() {
    let clock = Clock::virtual_time();
    let runner = Runner::new().clock(clock.clone());
    runner.run(sleep(seconds(5))).expect("a loop can be opened");
    assert_eq!(clock.now_ns(), 5_000_000_000);
    // A run that goes by the same clock goes on from there.
    let runner = Runner::new().clock(clock);
    let later = runner.run(async { now() }).expect("a loop can be opened");
    assert_eq!(later, seconds(5));
}

#[test]
fn by_the_real_clock_a_sleep_is_never_early() {
    cafeloop::run(async {
        for microseconds in 1..=100 {
            let delay = Duration::from_micros(microseconds);
            let (began, began_by_loop) = (Instant::now(), now());
            sleep(delay).await;
            assert!(began.elapsed() >= delay);
            assert!(now() >= began_by_loop + delay);
        }
    })
    .expect("a loop can be opened");
}
