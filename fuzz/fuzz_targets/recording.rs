//! A file that claims to be a recording: read, put together, judged and drawn in every
//! form.  Nothing of it may panic, whatever the bytes are.

#![no_main]

use cafeloop_flow::Run;
use cafeloop_flow::findings::find;
use cafeloop_flow::render::{Svg, Terminal, compared, html, json, perfetto, svg, terminal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Ok(run) = Run::read(file) else { return };
    find(&run);
    let narrow = Terminal { width: 40, colour: true, unicode: false, rows: 3 };
    terminal(&run, narrow);
    compared(&run, &run, Terminal::default());
    svg(&run, Svg::default());
    html(&run, std::io::sink()).expect("a sink takes everything");
    json(&run, std::io::sink()).expect("a sink takes everything");
    perfetto(&run, std::io::sink()).expect("a sink takes everything");
});
