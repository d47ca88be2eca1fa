//! Draws recordings, on the streams that it is given and to files.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cafeloop_flow::render::{Svg, Terminal, compared, html, json, perfetto, svg, terminal};
use cafeloop_flow::{Parting, Run, Step, parting};

use crate::{Comparison, Drawing};

/// The exit code when a picture can't be drawn.
const CANNOT_DRAW: u8 = 2;
/// Reading that takes longer is told of, as often as this.
const PATIENCE: Duration = Duration::from_secs(1);
/// What stands for stdout in the place of a file's name.
const STDOUT: &str = "-";

/// What the terminal is like, for pictures that are drawn on it.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Columns.
    pub columns: usize,
    /// Whether it shows colours.
    pub has_colours: bool,
    /// Whether it shows more than ASCII.
    pub has_unicode: bool,
}

/// Draws recordings as one picture, on `out` or to files; complaints and progress go to
/// `err`.  Returns the exit code.
pub fn draw(drawing: &Drawing, screen: Screen, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    finish(try_draw(drawing, screen, out, err), err)
}

/// Shows two recordings side by side on `out`; complaints go to `err`.  Returns the exit
/// code.
pub fn compare(
    comparison: &Comparison,
    screen: Screen,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    finish(try_compare(comparison, screen, out, err), err)
}

/// Where the runs of two recordings part, in sentences.
///
/// # Errors
/// If one of them can't be read; the text completes a sentence.
pub fn how_they_part(comparison: &Comparison) -> Result<String, String> {
    let open = |file: &Path| {
        File::open(file).map_err(|cause| format!("can't read {}: {}", shown(file), reason(&cause)))
    };
    let parting = parting(open(&comparison.before)?, open(&comparison.after)?)
        .map_err(|error| format!("can't compare the recordings: {error}"))?;
    let Some(Parting { same, last, before, after }) = parting else {
        return Ok("Both took the same steps in the same order.".to_owned());
    };
    let next = |step: Option<Step>| step.map_or("nothing more".to_owned(), |it| it.to_string());
    let (before, after) = (next(before), next(after));
    let same = match last {
        None => "They part at the first step".to_owned(),
        Some(_) if same == 1 => "They part after one step".to_owned(),
        Some(last) => format!("They part after {same} steps, the last of them {last}"),
    };
    Ok(format!("{same}:\n  before: {before}\n  after:  {after}"))
}

fn finish(outcome: Result<(), String>, err: &mut dyn Write) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(complaint) => {
            // With the stream for complaints gone, nobody can be told of it.
            let _ = writeln!(err, "cafeloop: {complaint}");
            CANNOT_DRAW
        }
    }
}

/// How a picture is written.
type Draw<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

fn try_draw(
    drawing: &Drawing,
    screen: Screen,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), String> {
    let mut progress = Progress::new(err);
    let run = read_all(&drawing.recordings, &mut progress)?;
    progress.stage("drawing the flow");
    let pictures = &drawing.pictures;
    if pictures.files().next().is_none() {
        return write_text(out, &terminal(&run, screen.terminal()));
    }
    let kinds: [(&Option<PathBuf>, Draw<'_>); 4] = [
        (&pictures.html, &|out| html(&run, out)),
        (&pictures.svg, &|out| out.write_all(svg(&run, Svg::default()).as_bytes())),
        (&pictures.perfetto, &|out| perfetto(&run, out)),
        (&pictures.json, &|out| json(&run, out)),
    ];
    for (file, draw) in kinds {
        let Some(file) = file else { continue };
        progress.stage("writing the flow");
        let written = if file.as_os_str() == STDOUT { draw(out) } else { write_file(file, draw) };
        written.map_err(|cause| format!("can't write {}: {}", shown(file), reason(&cause)))?;
    }
    Ok(())
}

fn try_compare(
    comparison: &Comparison,
    screen: Screen,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), String> {
    let mut progress = Progress::new(err);
    let before = read(&comparison.before, &mut progress)?;
    let after = read(&comparison.after, &mut progress)?;
    write_text(out, &compared(&before, &after, screen.terminal()))
}

/// The first recording's run, with those of the others that are of processes which it
/// started.
fn read_all(recordings: &[PathBuf], progress: &mut Progress<'_>) -> Result<Run, String> {
    let (first, children) = recordings.split_first().ok_or("there is no recording to draw")?;
    let mut run = read(first, progress)?;
    let mut others = Vec::new();
    for child in children {
        others.push(read(child, progress)?);
    }
    // Processes may have started others; a file may be of another run of the program.
    others.sort_by_key(|child| child.metadata.start_unix_ns);
    let mut family = vec![run.metadata.pid];
    for child in others {
        if family.contains(&child.metadata.parent_pid) {
            family.push(child.metadata.pid);
            run.adopt(child);
        }
    }
    Ok(run)
}

fn read(file: &Path, progress: &mut Progress<'_>) -> Result<Run, String> {
    let fails = |what: &str| format!("can't draw {}: {what}", shown(file));
    let input = File::open(file).map_err(|cause| fails(&reason(&cause)))?;
    let metadata = input.metadata().map_err(|cause| fails(&reason(&cause)))?;
    if metadata.is_dir() {
        return Err(fails("it is a directory"));
    }
    progress.stage("reading the recording");
    let input = Watched { input, progress, bytes: 0, all: metadata.len() };
    Run::read(input).map_err(|error| fails(&error.to_string()))
}

fn write_file(file: &Path, draw: Draw<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    draw(&mut out)?;
    out.flush()
}

/// Writes all of it, or as much as the reader wants (`cafeloop flow a.flow | head`).
fn write_text(out: &mut dyn Write, text: &str) -> Result<(), String> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(cause) => Err(format!("can't write to stdout: {}", reason(&cause))),
        Ok(()) => Ok(()),
    }
}

fn shown(file: &Path) -> String {
    format!("'{}'", file.display())
}

/// What the system says, in the middle of a sentence: "no such file or directory".
fn reason(cause: &io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

impl Screen {
    fn terminal(self) -> Terminal {
        Terminal {
            width: self.columns,
            colour: self.has_colours,
            unicode: self.has_unicode,
            ..Terminal::default()
        }
    }
}

/// Says what takes so long.
struct Progress<'a> {
    err: &'a mut dyn Write,
    said: Instant,
    stage: &'static str,
}

impl<'a> Progress<'a> {
    fn new(err: &'a mut dyn Write) -> Self {
        Progress { err, said: Instant::now(), stage: "" }
    }

    fn stage(&mut self, stage: &'static str) {
        self.stage = stage;
        self.say(None);
    }

    /// Says how far it is, if it hasn't for a while.
    fn say(&mut self, percent: Option<u64>) {
        if self.said.elapsed() < PATIENCE {
            return;
        }
        self.said = Instant::now();
        let percent = percent.map_or_else(String::new, |percent| format!(", {percent} %"));
        let _ = writeln!(self.err, "cafeloop: {}{percent}...", self.stage);
    }
}

/// An input that says how much of it has been read.
struct Watched<'a, 'b> {
    input: File,
    progress: &'a mut Progress<'b>,
    bytes: u64,
    all: u64,
}

impl Read for Watched<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.bytes += bytes as u64;
        self.progress.say(Some(self.bytes.saturating_mul(100) / self.all.max(1)));
        Ok(bytes)
    }
}
