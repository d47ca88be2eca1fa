//! What a café prints, and how long it says that it took.

use crate::served;

const SYNC: &str = "\
Welcome to the Synchronous Café!
On our coffee menu we have Latte, Cappuccino, Flat White, Mocha.
On our flavours menu we have Vanilla, Chocolate, Pistachio, Caramel.

What would you like? - A Vanilla Latte.
One Vanilla Latte coming right up!

Making your Vanilla Latte...

Your Vanilla flavoured Latte is ready, enjoy!

Next customer please!

What would you like? - A Caramel Mocha.
One Caramel Mocha coming right up!

Making your Caramel Mocha...

Your Caramel flavoured Mocha is ready, enjoy!

Serving 2 customers took 10.00 seconds
";

const ASYNC: &str = "\
Welcome to the Asynchronous Café!
On our coffee menu we have Latte, Cappuccino, Flat White, Mocha.
On our flavours menu we have Vanilla, Chocolate, Pistachio, Caramel.

What would you like? - A Vanilla Latte.
One Vanilla Latte coming right up!

Making your Vanilla Latte...
What would you like? - A Caramel Mocha.
One Caramel Mocha coming right up!

Making your Caramel Mocha...

Your Vanilla flavoured Latte is ready, enjoy!


Your Caramel flavoured Mocha is ready, enjoy!

Serving 2 customers took 5.00 seconds
";

/// A café under the virtual clock.
#[track_caller]
fn at_once(args: &str) -> String {
    let args: Vec<_> = args.split(' ').chain(["--clock", "virtual"]).collect();
    served(&args)
}

/// The lines of a transcript that begin with `beginning`.
fn lines<'a>(transcript: &'a str, beginning: &str) -> Vec<&'a str> {
    transcript.lines().filter(|line| line.starts_with(beginning)).collect()
}

#[test]
fn the_synchronous_cafe_serves_one_after_the_other() {
    assert_eq!(at_once("sync"), SYNC);
}

#[test]
fn the_asynchronous_cafe_serves_while_coffee_brews() {
    assert_eq!(at_once("async"), ASYNC);
}

#[test]
fn under_the_real_clock_the_same_is_said() {
    for (cafe, transcript) in [("sync", SYNC), ("async", ASYNC)] {
        let printed = served(&[cafe, "--brew", "0"]);
        // How long it took is the computer's business.
        let without_time =
            |text: &str| text.split_once("Serving").map(|(steps, _)| steps.to_owned());
        assert_eq!(without_time(&printed), without_time(transcript));
    }
}

#[test]
fn quiet_is_the_last_line_alone_with_the_time_it_took() {
    for (args, line) in [
        ("sync", "Serving 2 customers took 10.00 seconds"),
        ("async", "Serving 2 customers took 5.00 seconds"),
        ("sync --customers 1", "Serving 1 customer took 5.00 seconds"),
        ("async --customers 1", "Serving 1 customer took 5.00 seconds"),
        ("sync --customers 0", "Serving 0 customers took 0.00 seconds"),
        ("async --customers 0", "Serving 0 customers took 0.00 seconds"),
        ("sync --customers 100", "Serving 100 customers took 500.00 seconds"),
        ("async --customers 100", "Serving 100 customers took 5.00 seconds"),
        ("sync --brew 0.25", "Serving 2 customers took 0.50 seconds"),
        ("async --brew 0.25", "Serving 2 customers took 0.25 seconds"),
        (
            "async --brew 3600 --customers 3 --machines 1",
            "Serving 3 customers took 10800.00 seconds",
        ),
        ("async --customers 4 --machines 2", "Serving 4 customers took 10.00 seconds"),
        ("async --customers 4 --machines 3", "Serving 4 customers took 10.00 seconds"),
        ("async --customers 4 --machines 4", "Serving 4 customers took 5.00 seconds"),
        ("async --customers 100 --machines 10", "Serving 100 customers took 50.00 seconds"),
        ("sync --customers 4 --machines 2", "Serving 4 customers took 20.00 seconds"),
    ] {
        assert_eq!(at_once(&format!("{args} --quiet")), format!("{line}\n"), "{args}");
    }
}

#[test]
fn customers_wait_in_line_for_a_machine_but_not_to_order() {
    let transcript = at_once("async --customers 3 --machines 1");
    let steps: Vec<_> = transcript
        .lines()
        .filter(|line| ["One ", "Making ", "Your "].iter().any(|step| line.starts_with(step)))
        .collect();
    assert_eq!(
        steps,
        [
            "One Vanilla Latte coming right up!",
            "Making your Vanilla Latte...",
            "One Caramel Mocha coming right up!",
            "One Vanilla Cappuccino coming right up!",
            "Your Vanilla flavoured Latte is ready, enjoy!",
            "Making your Caramel Mocha...",
            "Your Caramel flavoured Mocha is ready, enjoy!",
            "Making your Vanilla Cappuccino...",
            "Your Vanilla flavoured Cappuccino is ready, enjoy!",
        ]
    );
}

#[test]
fn orders_are_the_queue() {
    let orders = ["--order", "Pistachio Flat White", "--order", "chocolate latte"];
    let transcript = served(&[&["sync", "--clock", "virtual"], &orders[..]].concat());
    assert_eq!(
        lines(&transcript, "What"),
        [
            "What would you like? - A Pistachio Flat White.",
            "What would you like? - A Chocolate Latte.",
        ]
    );
    assert_eq!(lines(&transcript, "Next"), ["Next customer please!"]);

    let three = [&["async", "--clock", "virtual", "--customers", "3"], &orders[..]].concat();
    assert_eq!(
        lines(&served(&three), "One "),
        [
            "One Pistachio Flat White coming right up!",
            "One Chocolate Latte coming right up!",
            "One Pistachio Flat White coming right up!",
        ]
    );
}

#[test]
fn a_menu_says_what_there_is_and_how_long_it_brews() {
    let file = format!("{}/short.toml", env!("CARGO_TARGET_TMPDIR"));
    let menu = "flavours = ['Almond']\n[coffees]\nRistretto = 0.5\nLungo = 2\n";
    std::fs::write(file, menu).expect("the folder is for that");

    let transcript = at_once("async --menu short.toml");
    assert_eq!(
        lines(&transcript, "On our"),
        ["On our coffee menu we have Ristretto, Lungo.", "On our flavours menu we have Almond.",]
    );
    assert_eq!(lines(&transcript, "Serving"), ["Serving 2 customers took 2.00 seconds"]);
    for (args, line) in [
        ("sync", "Serving 2 customers took 2.50 seconds\n"),
        ("sync --customers 3", "Serving 3 customers took 3.00 seconds\n"),
        ("sync --brew 1", "Serving 2 customers took 2.00 seconds\n"),
    ] {
        assert_eq!(at_once(&format!("{args} --quiet --menu short.toml")), line);
    }
}

#[test]
fn grinding_on_the_loop_lets_nobody_order() {
    let transcript = at_once("async --grind-ms 1");
    assert_eq!(
        transcript.lines().skip(3).take(9).collect::<Vec<_>>(),
        [
            "",
            "What would you like? - A Vanilla Latte.",
            "One Vanilla Latte coming right up!",
            "",
            "Grinding the beans for your Vanilla Latte...",
            "Making your Vanilla Latte...",
            "What would you like? - A Caramel Mocha.",
            "One Caramel Mocha coming right up!",
            "",
        ]
    );
}

#[test]
fn grinding_on_threads_lets_everybody_order() {
    let transcript = at_once("async --grind-ms 1 --grind-on threads");
    assert_eq!(
        transcript.lines().skip(3).take(9).collect::<Vec<_>>(),
        [
            "",
            "What would you like? - A Vanilla Latte.",
            "One Vanilla Latte coming right up!",
            "",
            "Grinding the beans for your Vanilla Latte...",
            "What would you like? - A Caramel Mocha.",
            "One Caramel Mocha coming right up!",
            "",
            "Grinding the beans for your Caramel Mocha...",
        ]
    );
    assert_eq!(lines(&transcript, "Making").len(), 2);
}

#[test]
fn grinding_takes_no_virtual_time() {
    for (cafe, line) in [
        ("sync", "Serving 2 customers took 10.00 seconds\n"),
        ("async", "Serving 2 customers took 5.00 seconds\n"),
        ("async --grind-on threads", "Serving 2 customers took 5.00 seconds\n"),
    ] {
        assert_eq!(at_once(&format!("{cafe} --grind-ms 20 --quiet")), line, "{cafe}");
    }
}

#[test]
fn grinding_takes_real_time() {
    // At least so long; how much longer is the computer's business.
    for (cafe, shortest) in [("sync", 0.04), ("async", 0.04), ("async --grind-on threads", 0.02)] {
        let args: Vec<_> = cafe.split(' ').chain(["--grind-ms", "20", "--brew", "0"]).collect();
        let transcript = served(&args);
        let last = transcript.lines().last().expect("there is a last line");
        let seconds = last.strip_prefix("Serving 2 customers took ");
        let seconds = seconds.and_then(|rest| rest.strip_suffix(" seconds"));
        let seconds: f64 = seconds.and_then(|text| text.parse().ok()).expect("it says how long");
        assert!(seconds >= shortest, "{cafe}: {seconds}");
    }
}
