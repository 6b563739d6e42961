//! Follows the bytes of a connection from head to body to head, and judges each head.

use http::StatusCode;

use super::ServerConfig;
use super::framing::{BodyFraming, Chunks, head_end, judge_head, whole_head};
use super::shared::{Phase, Shared, Verdict};

/// Where the bytes that come next belong.
#[derive(Debug)]
enum At {
    /// `scanned` bytes of what waits hold no end of a head.
    Head {
        scanned: usize,
    },
    Length(u64),
    Chunked(Chunks),
    /// The chunked body is broken; nothing that follows can be told apart.
    Broken,
    /// A head was refused; nothing that follows is a request.
    Refused,
}

/// What is to be done about the first byte that was not followed.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Wait for more: there is none, or it begins a head that is not whole.
    More,
    /// Leave it out: empty lines before a request are allowed and mean nothing.
    Skip,
    /// Refuse the head that it begins, and forget it and all that follows.
    Refuse(StatusCode),
    /// Forget it and all that follows: it belongs to nothing.
    Forget,
}

/// A longer head is read each time, so that a connection keeps little.
const KNOWN_BYTES_MAX: usize = 1024;

/// Knows where heads and bodies end on one connection.
#[derive(Debug)]
pub(super) struct Framer {
    at: At,
    /// The peer may not talk to us: every head is refused with this.
    refuse_all: Option<StatusCode>,
    /// The last head that was read and is good, and how it frames its body.
    known: Option<(Vec<u8>, BodyFraming)>,
}

impl Framer {
    pub(super) fn new(refuse_all: Option<StatusCode>) -> Self {
        Self { at: At::Head { scanned: 0 }, refuse_all, known: None }
    }

    /// How many of these bytes hyper may have: whole heads, and bytes of a body. Each head is
    /// told to `shared` with its verdict.
    pub(super) fn follow(
        &mut self,
        bytes: &[u8],
        shared: &Shared,
        config: &ServerConfig,
    ) -> (usize, Next) {
        let mut followed = 0;
        while let Some(rest) = bytes.get(followed..).filter(|rest| !rest.is_empty()) {
            let step = match &mut self.at {
                At::Head { .. } => match self.head(rest, shared, config) {
                    Ok(step) => step,
                    Err(next) => return (followed, next),
                },
                At::Length(left) => {
                    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= step as u64;
                    if *left == 0 {
                        self.at = At::Head { scanned: 0 };
                    }
                    step
                }
                At::Chunked(chunks) => match chunks.take(rest) {
                    Ok(step) => {
                        if *chunks == Chunks::Done {
                            self.at = At::Head { scanned: 0 };
                        }
                        step
                    }
                    Err(_) => {
                        self.at = At::Broken;
                        return (followed, Next::Forget);
                    }
                },
                At::Broken | At::Refused => return (followed, Next::Forget),
            };
            followed += step;
        }
        (followed, Next::More)
    }

    /// The length of the head that these bytes begin with.
    fn head(
        &mut self,
        bytes: &[u8],
        shared: &Shared,
        config: &ServerConfig,
    ) -> Result<usize, Next> {
        let At::Head { scanned } = self.at else { return Err(Next::More) };
        if scanned == 0 && matches!(bytes.first(), Some(b'\r' | b'\n')) {
            return Err(Next::Skip);
        }
        let (end, framing) = match self.judged_at_once(bytes, scanned, config) {
            Some((end, framing)) => (Some(end), Some(framing)),
            None => (head_end(bytes, scanned), None),
        };
        if end.unwrap_or(bytes.len()) > config.header_bytes_max {
            return Err(self.refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, shared));
        }
        let Some(end) = end else {
            self.at = At::Head { scanned: bytes.len() };
            return Err(Next::More);
        };
        let judged = match (self.refuse_all, framing) {
            (Some(status), _) => Err(status),
            (None, Some(framing)) => framing,
            (None, None) => judge_head(&bytes[..end], config.body_bytes_max),
        };
        self.at = match judged {
            Ok(BodyFraming::Length(0)) => At::Head { scanned: 0 },
            Ok(BodyFraming::Length(length)) => At::Length(length),
            Ok(BodyFraming::Chunked) => At::Chunked(Chunks::START),
            Err(status) => return Err(self.refuse(status, shared)),
        };
        shared.released(Verdict::Pass);
        Ok(end)
    }

    /// Most heads come whole, and are read once then, not twice. A peer that asks the same again
    /// sends the same head, of which everything is known.
    fn judged_at_once(
        &mut self,
        bytes: &[u8],
        scanned: usize,
        config: &ServerConfig,
    ) -> Option<(usize, Result<BodyFraming, StatusCode>)> {
        if scanned > 0 || self.refuse_all.is_some() {
            return None;
        }
        if let Some((head, framing)) = &self.known
            && bytes.starts_with(head)
        {
            return Some((head.len(), Ok(*framing)));
        }
        let (end, judged) = whole_head(bytes, config.body_bytes_max)?;
        if let (Ok(framing), Some(head)) = (judged, bytes.get(..end))
            && end <= KNOWN_BYTES_MAX
        {
            let (known, known_framing) = self.known.get_or_insert((Vec::new(), framing));
            known.clear();
            known.extend_from_slice(head);
            *known_framing = framing;
        }
        Some((end, judged))
    }

    /// Refuses the head that is not whole yet, or a whole one.
    pub(super) fn refuse(&mut self, status: StatusCode, shared: &Shared) -> Next {
        self.at = At::Refused;
        shared.released(Verdict::Refuse(status));
        Next::Refuse(status)
    }

    /// What is waited for, when so many bytes wait that were not followed.
    pub(super) fn phase(&self, waiting: usize) -> Phase {
        match self.at {
            At::Head { .. } if waiting == 0 => Phase::Idle,
            At::Head { .. } => Phase::Head,
            _ => Phase::None,
        }
    }

    /// Whether the last head announced a body that is not whole yet.
    pub(super) fn is_body_due(&self) -> bool {
        matches!(self.at, At::Length(_) | At::Chunked(_))
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self.at, At::Broken)
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.at, At::Refused)
    }

    /// Whether a head is what comes next.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.at, At::Head { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_is_known_is_framed_as_it_was_when_it_was_read() {
        let (shared, config) = (Shared::default(), ServerConfig::default());
        let mut framer = Framer::new(None);
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let post = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n";
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let long = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(KNOWN_BYTES_MAX));
        let exchanges =
            [get.to_owned(), format!("{post}ab"), format!("{chunked}1\r\na\r\n0\r\n\r\n"), long];
        let mut heads = 0;
        for (first, second) in exchanges.iter().zip(exchanges.iter().cycle().skip(1)) {
            for bytes in [first, first, second, first, &format!("{first}{first}{second}")] {
                let followed = framer.follow(bytes.as_bytes(), &shared, &config);
                assert_eq!(followed, (bytes.len(), Next::More), "{bytes}");
                assert!(framer.is_between() && !framer.is_body_due(), "{bytes}");
            }
            heads += 7;
        }
        assert_eq!(shared.heads(), heads);
        // Known only as far as it is the same, and only when it is whole.
        assert_eq!(framer.follow(get.as_bytes(), &shared, &config), (get.len(), Next::More));
        let (part, _) = get.split_at(get.len() - 1);
        assert_eq!(framer.follow(part.as_bytes(), &shared, &config), (0, Next::More));
        assert_eq!(framer.follow(get.as_bytes(), &shared, &config), (get.len(), Next::More));
        let twice = post.replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\n");
        assert_eq!(framer.follow(post.as_bytes(), &shared, &config), (post.len(), Next::More));
        assert_eq!(framer.follow(b"ab", &shared, &config), (2, Next::More));
        let refused = Next::Refuse(StatusCode::BAD_REQUEST);
        assert_eq!(framer.follow(twice.as_bytes(), &shared, &config), (0, refused));
    }
}
