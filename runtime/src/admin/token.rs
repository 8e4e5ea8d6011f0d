//! The bearer token that changes need.

use ::axum::extract::{Request, State};
use ::axum::http::header::{AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use ::axum::http::{HeaderValue, StatusCode};
use ::axum::middleware::Next;
use ::axum::response::Response;
use subtle::ConstantTimeEq;

use super::Shared;
use super::answer::refused;

const VARIABLE: &str = "STEADFAST_ADMIN_TOKEN";

pub(super) struct Token(Option<String>);

/// What a request says of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Right,
    /// None was given, or another.
    Wrong,
    /// There is none that would be right.
    Unset,
}

impl Token {
    /// The token that was given, else that of the environment.
    pub(super) fn new(given: Option<String>) -> Self {
        let token = given.or_else(|| std::env::var(VARIABLE).ok());
        Self(token.filter(|token| !token.is_empty()))
    }

    fn judge(&self, headers: &HeaderMap) -> Verdict {
        let Some(token) = &self.0 else {
            return Verdict::Unset;
        };
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else {
            return Verdict::Wrong;
        };
        match bearer(given.as_bytes()) {
            Some(given) if bool::from(given.ct_eq(token.as_bytes())) => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

/// What follows `Bearer `.
fn bearer(given: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, token) = given.split_at_checked(SCHEME.len())?;
    scheme
        .eq_ignore_ascii_case(SCHEME)
        .then(|| token.trim_ascii())
}

/// Lets a request pass that has the token. Its body is not looked at before.
pub(super) async fn required(State(desk): State<Shared>, request: Request, next: Next) -> Response {
    match desk.token.judge(request.headers()) {
        Verdict::Right => next.run(request).await,
        Verdict::Wrong => {
            let error = "this needs the bearer token, in the header `Authorization: Bearer …`";
            let mut response = refused(StatusCode::UNAUTHORIZED, error);
            let challenge = HeaderValue::from_static(r#"Bearer realm="steadfast""#);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            response
        }
        Verdict::Unset => {
            let error = "nothing can be changed here, since no token is configured; set \
                         STEADFAST_ADMIN_TOKEN, or `admin().token(…)` in the code";
            refused(StatusCode::FORBIDDEN, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(token: &str, given: &[&[u8]]) -> Verdict {
        let mut headers = HeaderMap::new();
        for value in given {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        Token::new(Some(token.into())).judge(&headers)
    }

    #[test]
    fn only_the_whole_token_of_one_header_is_right() {
        for right in [&b"Bearer s3cret"[..], b"bearer s3cret", b"BEARER   s3cret "] {
            assert_eq!(judged("s3cret", &[right]), Verdict::Right);
        }
        let wrong: [&[&[u8]]; 9] = [
            &[],
            &[b""],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"Bearer s3cre"],
            &[b"Bearer s3cret2"],
            &[b"Basic s3cret"],
            &[b"Bearer \xff\xfe"],
            &[b"Bearer s3cret", b"Bearer s3cret"],
        ];
        for given in wrong {
            assert_eq!(judged("s3cret", given), Verdict::Wrong, "{given:?}");
        }
        assert_eq!(judged("", &[b"Bearer "]), Verdict::Unset);
    }
}
