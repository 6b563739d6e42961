//! Which till a bearer token names, and who must wait.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::config::Till;

/// Wrong tokens are remembered this long.
const WINDOW: Duration = Duration::from_secs(60);

/// How many peers with wrong tokens are remembered at once.
const PEERS_MAX: usize = 1_024;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Denied {
    /// No token, or one that is no till's.
    BadToken,
    /// Too many wrong tokens from this peer; even the right one waits, or guessing would pay.
    TooMany {
        /// For so many seconds.
        retry_after_s: u64,
    },
}

/// Counts the wrong tokens of each peer.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    wrong: Mutex<BTreeMap<IpAddr, VecDeque<Duration>>>,
}

impl Guard {
    /// The till whose token the request carries. `now` is a reading of the clock's ticks.
    pub(crate) fn admit<'a>(
        &self,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
        tills: &'a [Till],
        wrong_max: usize,
        now: Duration,
    ) -> Result<&'a Till, Denied> {
        // Peers that cannot be told apart are one peer.
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        if let Some(wait) = self.wait(peer, wrong_max, now) {
            let rounded_up = wait.as_millis().div_ceil(1_000).max(1);
            let retry_after_s = u64::try_from(rounded_up).unwrap_or(u64::MAX);
            return Err(Denied::TooMany { retry_after_s });
        }
        let token = bearer(headers).ok_or(Denied::BadToken)?;
        match named(token, tills) {
            Some(till) => Ok(till),
            None => {
                self.remember(peer, wrong_max, now);
                Err(Denied::BadToken)
            }
        }
    }

    /// How long the peer must wait, if at all.
    fn wait(&self, peer: IpAddr, wrong_max: usize, now: Duration) -> Option<Duration> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let times = wrong.get_mut(&peer)?;
        while times.front().is_some_and(|at| now.saturating_sub(*at) >= WINDOW) {
            times.pop_front();
        }
        if times.is_empty() {
            wrong.remove(&peer);
            return None;
        }
        let oldest = *times.front()?;
        (times.len() >= wrong_max).then(|| (oldest + WINDOW).saturating_sub(now))
    }

    fn remember(&self, peer: IpAddr, wrong_max: usize, now: Duration) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= PEERS_MAX && !wrong.contains_key(&peer) {
            wrong
                .retain(|_, times| times.back().is_some_and(|at| now.saturating_sub(*at) < WINDOW));
            // Still full: the peer whose last try is oldest is forgotten.
            let oldest = wrong.iter().min_by_key(|(_, times)| times.back().copied());
            if let (true, Some((oldest, _))) = (wrong.len() >= PEERS_MAX, oldest) {
                let oldest = *oldest;
                wrong.remove(&oldest);
            }
        }
        let times = wrong.entry(peer).or_default();
        times.push_back(now);
        while times.len() > wrong_max.max(1) {
            times.pop_front();
        }
    }
}

/// The token of the one `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Compares with every till's token, in time that does not depend on where they differ.
fn named<'a>(token: &str, tills: &'a [Till]) -> Option<&'a Till> {
    let mut found = None;
    for till in tills {
        let same = till.token.expose_secret().as_bytes().ct_eq(token.as_bytes());
        if bool::from(same) {
            found = Some(till);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use tillway_core::id::TillId;

    use super::*;

    fn tills() -> Vec<Till> {
        let till = |id: &str, token: &str| Till::new(TillId::try_new(id).unwrap(), token);
        vec![till("till-1", "till-1-secret"), till("till-2", "till-2-secret")]
    }

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn the_token_names_the_till() {
        let tills = tills();
        let guard = Guard::default();
        let admit = |headers: &HeaderMap| {
            let admitted = guard.admit(None, headers, &tills, 100, Duration::ZERO);
            admitted.map(|till| till.id.to_string())
        };
        assert_eq!(admit(&headers("Bearer till-1-secret")), Ok("till-1".to_owned()));
        assert_eq!(admit(&headers("bearer  till-2-secret ")), Ok("till-2".to_owned()));
        for wrong in
            ["Bearer", "Bearer ", "Basic till-1-secret", "till-1-secret", "Bearer TILL-1-SECRET"]
        {
            assert_eq!(admit(&headers(wrong)), Err(Denied::BadToken), "{wrong}");
        }
        assert_eq!(admit(&HeaderMap::new()), Err(Denied::BadToken));
        let mut twice = headers("Bearer till-1-secret");
        twice.append(AUTHORIZATION, "Bearer till-1-secret".parse().unwrap());
        assert_eq!(admit(&twice), Err(Denied::BadToken));
    }

    #[test]
    fn ten_wrong_tokens_a_minute_and_the_peer_waits() {
        let tills = tills();
        let guard = Guard::default();
        let (good, bad) = (headers("Bearer till-1-secret"), headers("Bearer guess"));
        let mut at = Duration::from_secs(100);
        let ask = |peer: [u8; 4], headers: &HeaderMap, at| {
            let peer = Some(IpAddr::from(peer));
            guard.admit(peer, headers, &tills, 10, at).map(|till| till.id.to_string())
        };
        let (guesser, other) = ([10, 0, 0, 7], [10, 0, 0, 8]);
        for _ in 0..10 {
            assert_eq!(ask(guesser, &bad, at), Err(Denied::BadToken));
            at += Duration::from_secs(1);
        }
        assert_eq!(ask(guesser, &bad, at), Err(Denied::TooMany { retry_after_s: 50 }));
        assert_eq!(ask(guesser, &good, at), Err(Denied::TooMany { retry_after_s: 50 }));
        assert_eq!(ask(other, &good, at), Ok("till-1".to_owned()));
        at += Duration::from_secs(50);
        assert_eq!(ask(guesser, &good, at), Ok("till-1".to_owned()));
        assert_eq!(ask(guesser, &bad, at), Err(Denied::BadToken));
        assert_eq!(ask(guesser, &bad, at), Err(Denied::TooMany { retry_after_s: 1 }));
    }

    #[test]
    fn memory_of_wrong_peers_is_bounded() {
        let guard = Guard::default();
        let bad = headers("Bearer guess");
        for peer in 0..3_000_u32 {
            let at = Duration::from_millis(peer.into());
            let denied =
                guard.admit(Some(IpAddr::V4(peer.into())), &bad, &tills(), 10, at).unwrap_err();
            assert_eq!(denied, Denied::BadToken);
        }
        assert_eq!(guard.wrong.lock().unwrap().len(), PEERS_MAX);
    }
}
