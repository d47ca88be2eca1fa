//! What a café says to those whom it can't serve: one explanation on stderr,
//! nothing on stdout, exit code 2.

use crate::{refused, served, text};

#[test]
fn a_wrong_argument_is_explained() {
    for (args, explanation) in [
        (
            &["sync", "--brew", "-1"][..],
            "'-1' for '--brew <SECONDS>': expected seconds from 0 to 3600",
        ),
        (
            &["sync", "--brew", "nan"],
            "'nan' for '--brew <SECONDS>': expected seconds from 0 to 3600",
        ),
        (
            &["sync", "--brew", "1e9"],
            "'1e9' for '--brew <SECONDS>': expected seconds from 0 to 3600",
        ),
        (
            &["sync", "--brew", "five"],
            "'five' for '--brew <SECONDS>': expected seconds from 0 to 3600",
        ),
        (
            &["async", "--customers", "10000001"],
            "'10000001' for '--customers <N>': expected a whole number from 0 to 10000000",
        ),
        (
            &["async", "--machines", "0"],
            "'0' for '--machines <M>': expected a whole number from 1: no coffee brews without a machine",
        ),
        (
            &["async", "--grind-ms", "3600001"],
            "'3600001' for '--grind-ms <N>': 3600001 is not in 0..=3600000",
        ),
        (
            &["async", "--grind-on", "beach"],
            "'beach' for '--grind-on <WHERE>'\n  [possible values: loop, threads]",
        ),
        (
            &["async", "--clock", "sun"],
            "'sun' for '--clock <CLOCK>'\n  [possible values: real, virtual]",
        ),
        (&["open"], "'open' for '<CAFÉ>'\n  [possible values: sync, async]"),
    ] {
        let help = "For more information, try '--help'.";
        assert_eq!(refused(args), format!("error: invalid value {explanation}\n\n{help}\n"));
    }
}

#[test]
fn a_missing_or_unknown_argument_is_explained() {
    assert!(refused(&[]).contains("<CAFÉ>"));
    assert!(refused(&["sync", "--tea"]).starts_with("error: unexpected argument '--tea' found"));
}

#[test]
fn an_order_that_is_not_on_the_menu_is_answered_with_what_is() {
    assert_eq!(
        refused(&["sync", "--order", "Vanilla Latte", "--order", "Vanilla Tea"]),
        "error: can't take the order \"Vanilla Tea\": \
         expected a coffee on our menu after Vanilla: Latte, Cappuccino, Flat White, Mocha\n"
    );
    assert_eq!(
        refused(&["async", "--order", "Mint Latte"]),
        "error: can't take the order \"Mint Latte\": \
         expected a flavour on our menu first: Vanilla, Chocolate, Pistachio, Caramel\n"
    );
}

#[test]
fn an_order_that_is_not_in_the_file_is_answered_with_its_line() {
    written("small.toml", b"flavours = ['Vanilla']\n\n[coffees]\nLatte = 5\nMocha = 5\n");
    assert_eq!(
        refused(&["async", "--menu", "small.toml", "--order", "Vanilla Cappuccino"]),
        "error: can't take the order \"Vanilla Cappuccino\": \
         expected a coffee at small.toml:3 after Vanilla: Latte, Mocha\n"
    );
    assert_eq!(
        refused(&["async", "--menu", "small.toml", "--order", "Caramel Latte"]),
        "error: can't take the order \"Caramel Latte\": \
         expected a flavour at small.toml:1 first: Vanilla\n"
    );
}

#[test]
fn a_wrong_menu_is_explained_with_its_file_and_line() {
    for (menu, explanation) in [
        (
            &b"flavours = []\n[coffees]\nLatte = 5\n"[..],
            "1: expected flavours such as [\"Vanilla\"], found an empty list",
        ),
        (
            b"flavours = ['Vanilla']\n[coffees]\nLatte = 5\nMocha = -5\n",
            "4: expected the seconds that Mocha brews, from 0 to 3600, found -5",
        ),
        (
            b"flavors = ['Vanilla']\n[coffees]\nLatte = 5\n",
            "1: expected flavours or coffees, found \"flavors\"",
        ),
        (b"flavours = ['Vanill\xe0']\n", "1: expected UTF-8 text"),
    ] {
        written("wrong.toml", menu);
        for cafe in ["sync", "async"] {
            assert_eq!(
                refused(&[cafe, "--menu", "wrong.toml"]),
                format!("error: can't serve from the menu at wrong.toml:{explanation}\n")
            );
        }
    }
}

#[test]
fn a_menu_that_is_not_there_is_named() {
    assert_eq!(
        refused(&["sync", "--menu", "nowhere.toml"]),
        "error: can't read the menu nowhere.toml: No such file or directory (os error 2)\n"
    );
}

#[test]
fn with_stderr_closed_the_exit_code_is_what_is_left() {
    for args in [&["sync", "--order", "Tea"][..], &["sync", "--tea"]] {
        let (reader, writer) = std::io::pipe().expect("there are descriptors");
        drop(reader);
        let mut command = crate::cafe(args);
        let output = command.stderr(writer).output().expect("the program starts");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn help_is_no_mistake() {
    assert!(served(&["--help"]).starts_with("Serve coffee, to see what an event loop is for.\n"));
    assert_eq!(served(&["--version"]), concat!("cafe ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// Puts a file where the program runs; each test has its own.
fn written(file: &str, text: &[u8]) {
    let path = format!("{}/{file}", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(path, text).expect("the folder is for that");
}
