//! A run as one HTML page that needs nothing else: no network, no framework.
//!
//! ```text
//! scene      what of a run the page is given
//! page.html  its frame      style.css  its looks
//! model.js   the scene in arrays that are quick to search
//! timeline.js  the bars, on a canvas      page.js  all around them
//! ```
//!
//! What comes from a recording reaches the page as JSON whose `<` are escaped, or as
//! escaped text, and is put in as text by the script: a task named `<script>` is text.

mod scene;

use std::io::{self, Write};

use crate::render::clean::for_xml;
use crate::run::Run;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPTS: [&str; 3] =
    [include_str!("model.js"), include_str!("timeline.js"), include_str!("page.js")];

/// Writes a run as a page.
///
/// # Errors
/// What the output says.
pub fn html(run: &Run, mut out: impl Write) -> io::Result<()> {
    // What stands between double braces is filled in.
    for (index, part) in PAGE.split("{{").enumerate() {
        let Some((name, rest)) = part.split_once("}}").filter(|_| index > 0) else {
            out.write_all(part.as_bytes())?;
            continue;
        };
        match name {
            "title" => out.write_all(for_xml(&run.command_line()).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "run" => serde_json::to_writer(NoMarkup(&mut out), &scene::Scene::of(run))?,
            "script" => SCRIPTS.iter().try_for_each(|script| out.write_all(script.as_bytes()))?,
            _ => unreachable!("the page has four places to fill in"),
        }
        out.write_all(rest.as_bytes())?;
    }
    Ok(())
}

/// Writes JSON so that it ends no element: `<` stands in strings only.
struct NoMarkup<W>(W);

impl<W: Write> Write for NoMarkup<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pieces = bytes.split(|&byte| byte == b'<');
        if let Some(first) = pieces.next() {
            self.0.write_all(first)?;
        }
        for piece in pieces {
            self.0.write_all(b"\\u003c")?;
            self.0.write_all(piece)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
