//! Streaming in: a length, then so many bytes, as fast as the server takes them;
//! the server answers with the number of bytes that have arrived.

use std::rc::Rc;

use super::{Answer, Exchange, LENGTH_BYTES};
use crate::failure::{Failure, FailureKind};

/// What one call hands to the kernel; more than a socket takes at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// What all connections send.
pub(crate) struct UploadJob {
    /// The length, and the first block behind it.
    head: Vec<u8>,
    bytes: usize,
}

impl UploadJob {
    pub(crate) fn new(bytes: usize) -> Self {
        let mut head = (bytes as u64).to_be_bytes().to_vec();
        head.resize(LENGTH_BYTES + bytes.min(BLOCK_BYTES), b'u');
        UploadJob { head, bytes }
    }
}

pub(crate) struct Upload {
    job: Rc<UploadJob>,
    answer: Vec<u8>,
}

impl Upload {
    pub(crate) fn new(job: Rc<UploadJob>) -> Self {
        Upload { job, answer: Vec::with_capacity(LENGTH_BYTES) }
    }
}

impl Exchange for Upload {
    fn begin(&mut self, _number: u64) {
        self.answer.clear();
    }

    fn unsent(&self, sent: usize) -> &[u8] {
        let UploadJob { head, bytes } = &*self.job;
        let block = &head[LENGTH_BYTES..];
        let left = LENGTH_BYTES + bytes - sent;
        if sent < head.len() { &head[sent..] } else { &block[..left.min(block.len())] }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Answer, Failure> {
        self.answer.extend_from_slice(bytes);
        match <[u8; LENGTH_BYTES]>::try_from(self.answer.as_slice()) {
            _ if self.answer.len() < LENGTH_BYTES => Ok(Answer::Partial),
            Ok(count) if u64::from_be_bytes(count) == self.job.bytes as u64 => Ok(Answer::Whole),
            Ok(count) => {
                let (sent, count) = (self.job.bytes, u64::from_be_bytes(count));
                Err(wrong(format!("the server counted {count} bytes, {sent} were sent")))
            }
            Err(_) => Err(wrong(format!("expected a count of {LENGTH_BYTES} bytes, and no more"))),
        }
    }

    fn payload_bytes(&self) -> u64 {
        self.job.bytes as u64
    }
}

fn wrong(detail: String) -> Failure {
    Failure::new(FailureKind::WrongBytes, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(bytes: usize) -> Upload {
        Upload::new(Rc::new(UploadJob::new(bytes)))
    }

    #[test]
    fn so_many_bytes_are_sent_behind_their_length() {
        for bytes in [1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES] {
            let upload = upload(bytes);
            assert!(upload.unsent(0).starts_with(&(bytes as u64).to_be_bytes()));
            let mut sent = 0;
            while !upload.unsent(sent).is_empty() {
                sent += upload.unsent(sent).len();
            }
            assert_eq!(sent, LENGTH_BYTES + bytes);
        }
    }

    #[test]
    fn the_servers_count_is_checked() {
        let mut upload = upload(1000);
        upload.begin(0);
        assert_eq!(upload.receive(&1000_u64.to_be_bytes()[..3]).ok(), Some(Answer::Partial));
        assert_eq!(upload.receive(&1000_u64.to_be_bytes()[3..]).ok(), Some(Answer::Whole));
        upload.begin(1);
        let failure = upload.receive(&999_u64.to_be_bytes()).expect_err("one is missing");
        assert_eq!(failure.detail, "the server counted 999 bytes, 1000 were sent");
        upload.begin(2);
        assert!(upload.receive(&[0; 9]).is_err());
    }
}
