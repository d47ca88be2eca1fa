//! Pictures of a run: a [`Run`](crate::Run) in, text or bytes out.
//!
//! ```text
//! rows      what is shown, and what isn't     strip    a row, reduced to cells
//! terminal  characters                        svg      for documents
//! perfetto  for the tools that people have    json     for programs
//! html      one page to look around in        clean    text made harmless
//! compared  two runs side by side             account  where the time went
//! ```

mod account;
mod clean;
mod compared;
mod groups;
mod html;
mod json;
mod perfetto;
mod rows;
mod strip;
mod svg;
mod terminal;

pub use compared::compared;
pub use html::html;
pub use json::json;
pub use perfetto::perfetto;
pub use svg::{Svg, svg};
pub use terminal::{Terminal, terminal};
