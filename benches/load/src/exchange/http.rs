//! HTTP/1.1: a GET on a connection that is kept alive, and its response.

use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

use super::{Answer, Exchange};
use crate::failure::{Failure, FailureKind};

/// More than any server sends to say hello.
const MOST_HEADERS: usize = 64;

/// What all connections ask for, and what they must be answered.
pub(crate) struct HttpJob {
    request: Vec<u8>,
    /// The body of every response: the one that was named, or the first.
    body: OnceCell<Vec<u8>>,
}

impl HttpJob {
    pub(crate) fn new(host: &str, path: &str, body: Option<&str>) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
        let expected = OnceCell::new();
        if let Some(body) = body {
            let _ = expected.set(body.as_bytes().to_owned());
        }
        HttpJob { request: request.into_bytes(), body: expected }
    }
}

pub(crate) struct Http {
    job: Rc<HttpJob>,
    response: Vec<u8>,
    head: Option<Head>,
    body_bytes: usize,
}

/// What the first lines of a response say about the rest.
#[derive(Clone, Copy)]
struct Head {
    bytes: usize,
    framing: Framing,
    is_last: bool,
}

#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Http {
    pub(crate) fn new(job: Rc<HttpJob>) -> Self {
        Http { job, response: Vec::new(), head: None, body_bytes: 0 }
    }

    /// Judges a body that has arrived whole.
    fn whole(&mut self, body: &[u8], is_last: bool) -> Result<Answer, Failure> {
        let expected = self.job.body.get_or_init(|| body.to_owned());
        if body != expected {
            let (expected, found) = (preview(expected), preview(body));
            let detail = format!("the body is {found}, expected {expected}");
            return Err(Failure::new(FailureKind::WrongBytes, detail));
        }
        self.body_bytes = body.len();
        Ok(if is_last { Answer::WholeAndLast } else { Answer::Whole })
    }
}

impl Exchange for Http {
    fn begin(&mut self, _number: u64) {
        self.response.clear();
        self.head = None;
    }

    fn unsent(&self, sent: usize) -> &[u8] {
        &self.job.request[sent..]
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Answer, Failure> {
        self.response.extend_from_slice(bytes);
        let head = match self.head {
            Some(head) => head,
            None => match read_head(&self.response)? {
                Some(head) => *self.head.insert(head),
                None => return Ok(Answer::Partial),
            },
        };
        let response = std::mem::take(&mut self.response);
        let body = &response[head.bytes..];
        let answer = match head.framing {
            Framing::Length(length) if body.len() < length => Ok(Answer::Partial),
            Framing::Length(length) if body.len() == length => self.whole(body, head.is_last),
            Framing::Length(length) => Err(wrong(format!(
                "the response goes on after the {length} bytes that it announced"
            ))),
            Framing::Chunked => match read_chunks(body)? {
                None => Ok(Answer::Partial),
                Some(chunks) => {
                    let chunks: Vec<&[u8]> = chunks.into_iter().map(|chunk| &body[chunk]).collect();
                    self.whole(&chunks.concat(), head.is_last)
                }
            },
        };
        self.response = response;
        answer
    }

    fn payload_bytes(&self) -> u64 {
        self.body_bytes as u64
    }
}

/// Reads the head of a response, if it has arrived whole.
fn read_head(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let status = response.parse(bytes).map_err(|error| wrong(format!("not HTTP: {error}")))?;
    let httparse::Status::Complete(length) = status else {
        return Ok(None);
    };
    let code = response.code.unwrap_or_default();
    if !(200..300).contains(&code) {
        return Err(wrong(format!("status {code} {}", response.reason.unwrap_or_default())));
    }
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| str::from_utf8(header.value).ok())
    };
    let framing = match (header("content-length"), header("transfer-encoding")) {
        (_, Some(encoding)) if encoding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
        (_, Some(encoding)) => return Err(wrong(format!("transfer encoding {encoding}"))),
        (Some(length), None) => match length.parse() {
            Ok(length) => Framing::Length(length),
            Err(_) => return Err(wrong(format!("content length {length:?}"))),
        },
        (None, None) if code == 204 => Framing::Length(0),
        (None, None) => return Err(wrong("neither a content length nor chunks".to_owned())),
    };
    let is_last = header("connection").is_some_and(|words| words.eq_ignore_ascii_case("close"));
    Ok(Some(Head { bytes: length, framing, is_last }))
}

/// Where the pieces of a chunked body stand, if it has arrived whole.
fn read_chunks(body: &[u8]) -> Result<Option<Vec<Range<usize>>>, Failure> {
    let mut chunks = Vec::new();
    let mut position = 0;
    loop {
        let status = httparse::parse_chunk_size(&body[position..])
            .map_err(|_| wrong(format!("no length of a chunk at byte {position} of the body")))?;
        let httparse::Status::Complete((line_bytes, length)) = status else {
            return Ok(None);
        };
        let begin = position + line_bytes;
        let end = usize::try_from(length).ok().and_then(|length| begin.checked_add(length));
        match end.and_then(|end| body.get(end..end + 2).map(|closing| (end, closing))) {
            None => return Ok(None),
            Some((end, b"\r\n")) if end == begin && end + 2 == body.len() => {
                return Ok(Some(chunks));
            }
            Some((end, b"\r\n")) if end > begin => {
                chunks.push(begin..end);
                position = end + 2;
            }
            Some((end, _)) => return Err(wrong(format!("no end of a chunk at byte {end}"))),
        }
    }
}

fn wrong(detail: String) -> Failure {
    Failure::new(FailureKind::Http, detail)
}

/// The beginning of a body, for a message about it.
fn preview(body: &[u8]) -> String {
    const SHOWN_BYTES: usize = 32;
    let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]);
    let ellipsis = if body.len() > SHOWN_BYTES { "..." } else { "" };
    format!("{shown:?}{ellipsis} ({} bytes)", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(body: Option<&str>) -> Http {
        Http::new(Rc::new(HttpJob::new("localhost:80", "/hello", body)))
    }

    const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKS: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";

    #[test]
    fn the_request_asks_for_the_path() {
        let request = http(None).unsent(0).to_owned();
        assert_eq!(request, b"GET /hello HTTP/1.1\r\nHost: localhost:80\r\nAccept: */*\r\n\r\n");
    }

    #[test]
    fn a_response_is_whole_with_its_last_byte() {
        for response in [HELLO, CHUNKS] {
            let mut http = http(Some("hello"));
            for end in 1..response.len() {
                let answer = http.receive(&response[end - 1..end]);
                assert_eq!(answer.ok(), Some(Answer::Partial), "{end} bytes");
            }
            let last = &response[response.len() - 1..];
            assert_eq!(http.receive(last).ok(), Some(Answer::Whole));
            assert_eq!(http.payload_bytes(), 5);
        }
    }

    #[test]
    fn a_response_may_be_the_last_of_its_connection() {
        let response = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        assert_eq!(http(None).receive(response).ok(), Some(Answer::WholeAndLast));
    }

    #[test]
    fn every_body_must_be_the_first_ones() {
        let job = Rc::new(HttpJob::new("localhost:80", "/", None));
        let (mut one, mut other) = (Http::new(Rc::clone(&job)), Http::new(job));
        assert_eq!(one.receive(HELLO).ok(), Some(Answer::Whole));
        let failure = other
            .receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhullo")
            .expect_err("it is another body");
        assert_eq!(failure.detail, "the body is \"hullo\" (5 bytes), expected \"hello\" (5 bytes)");
    }

    #[test]
    fn what_is_wrong_about_a_response_is_named() {
        for (response, detail) in [
            (&b"SSH-2.0-OpenSSH\r\n"[..], "not HTTP: invalid HTTP version"),
            (b"HTTP/1.1 500 Oh No\r\nContent-Length: 0\r\n\r\n", "status 500 Oh No"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "neither a content length nor chunks"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "content length \"x\""),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer encoding gzip"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
                "the response goes on after the 1 bytes that it announced",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "no length of a chunk at byte 0 of the body",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
                "no end of a chunk at byte 4",
            ),
        ] {
            let failure = http(None).receive(response).expect_err(detail);
            assert_eq!(failure.detail, detail);
        }
    }
}
