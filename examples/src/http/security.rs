//! Who may ask: requests of the page itself, and, where others could reach the server, of those who have the token.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST,
    ORIGIN, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use super::failure::{Kind, Result};
use super::seats::Seat;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
     font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The largest body that is no file, in bytes.
pub const BODY_LIMIT: usize = 64 << 10;
/// The largest image file, in bytes.
pub const UPLOAD_LIMIT: usize = 64 << 20;
/// What is read and thrown away of a body that is too large, so that its sender hears of it.
const PATIENCE: usize = 256 << 20;
/// How many bodies that may be larger than [`BODY_LIMIT`] are read at a time.
const LARGE_BODIES: usize = 4;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);

/// 128 random bits that only whoever started the program knows.
#[derive(Debug, Clone)]
pub struct Token(String);

impl Token {
    /// A new one, from the operating system.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new() -> anyhow::Result<Self> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
        let mut text = String::new();
        for byte in bytes {
            write!(text, "{byte:02x}")?;
        }
        Ok(Self(text))
    }

    /// The token in the printed address.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Compares in a time that depends on the length alone.
    fn is(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        let differs =
            own.iter().zip(given).fold(0, |differs, (a, b)| std::hint::black_box(differs | (a ^ b)));
        own.len() == given.len() && differs == 0
    }
}

/// The bodies that an address takes.
#[derive(Debug, Clone, Copy)]
pub struct Bodies {
    /// The largest, in bytes.
    pub limit: usize,
    /// Their media types.
    pub types: &'static [&'static str],
}

impl Bodies {
    /// A small body of JSON.
    pub const JSON: Self = Self { limit: BODY_LIMIT, types: &["application/json"] };
    /// An image file.
    pub const FILE: Self = Self { limit: UPLOAD_LIMIT, types: &["application/octet-stream"] };
}

/// Which requests are let in.
#[derive(Debug)]
pub struct Access {
    /// The name that the server was told to listen on.
    host: String,
    token: Option<Token>,
    cookie: String,
    bodies: fn(&str) -> Bodies,
    large_bodies: Semaphore,
}

impl Access {
    /// Requests to `host`; with a token, only of those who have it. Cookies know no ports, so that `port` is in its name.
    /// `bodies` says what the path of an address takes.
    #[must_use]
    pub fn new(host: &str, port: u16, token: Option<Token>, bodies: fn(&str) -> Bodies) -> Self {
        let (host, cookie) = (host.to_ascii_lowercase(), format!("ikem-{port}"));
        Self { host, token, cookie, bodies, large_bodies: Semaphore::new(LARGE_BODIES) }
    }

    /// Lets a request in or says why not.
    fn check(&self, request: &Request) -> Result<()> {
        let headers = request.headers();
        let host =
            single(headers, &HOST)?.ok_or_else(|| Kind::Forbidden.because("there is no Host header"))?;
        if !self.is_own(host) {
            return Err(Kind::Forbidden.because(format!("this server is not {host:?}")));
        }
        if let Some(origin) = single(headers, &ORIGIN)?
            && origin.strip_prefix("http://") != Some(host)
        {
            return Err(Kind::Forbidden.because(format!("requests from {origin:?} are not answered")));
        }
        let site = single(headers, &HeaderName::from_static("sec-fetch-site"))?;
        let mode = single(headers, &HeaderName::from_static("sec-fetch-mode"))?;
        // Only the page itself may be come to by a link from elsewhere.
        let link = request.method() == Method::GET && request.uri().path() == "/" && mode == Some("navigate");
        if !matches!(site, None | Some("same-origin" | "none")) && !link {
            return Err(Kind::Forbidden.because("requests from other pages are not answered"));
        }
        Ok(())
    }

    /// Whether `host` is a name of this server that no other site can have: DNS can be made to say anything of a name.
    #[must_use]
    pub fn is_own(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let unspecified = |own: &str| own.parse::<IpAddr>().is_ok_and(|own| own.is_unspecified());
        match bare.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || bare == self.host || unspecified(&self.host),
            Err(_) => name == "localhost" || name == self.host,
        }
    }

    /// Whether a request has the token, in its cookie or as `Authorization: Bearer`.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let bearer = headers.get(AUTHORIZATION).map(text).unwrap_or_default();
        let cookies: Vec<String> = headers.get_all(COOKIE).iter().map(text).collect();
        let own = |pair: &str| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie).then(|| value.to_owned())
        };
        let held = cookies.iter().flat_map(|cookies| cookies.split(';')).find_map(own);
        bearer.strip_prefix("Bearer ").is_some_and(|given| token.is(given))
            || held.is_some_and(|given| token.is(&given))
    }

    /// The answer to the printed address: the token becomes a cookie and leaves the address.
    ///
    /// A page that goes on by itself, and no redirect: a browser that came by a link from elsewhere would follow that without
    /// its cookie.
    fn welcome(&self, request: &Request) -> Option<Response> {
        let given = request.uri().query()?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
        if request.uri().path() != "/" || !self.token.as_ref()?.is(given) {
            return None;
        }
        let cookie = format!("{}={given}; HttpOnly; SameSite=Strict; Path=/", self.cookie);
        let page = "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url=/\"><title>IKEM</title>";
        Some(([(SET_COOKIE, cookie)], axum::response::Html(page)).into_response())
    }
}

/// A header that may be there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(Some).map_err(|_| Kind::BadRequest.because(format!("{name} is not text")))
        }
        _ => Err(Kind::BadRequest.because(format!("{name} is given twice"))),
    }
}

/// Lets requests in, reads their bodies within limits, and marks every answer as nobody else's.
pub async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let seat = request.extensions().get::<Arc<Seat>>().cloned();
    let at_work = |working: bool| seat.iter().for_each(|seat| seat.set_working(working));
    let mut response = match admitted(&access, request).await {
        Ok(Admission::Guest(request)) => {
            at_work(true);
            let response = next.run(request).await;
            at_work(false);
            response
        }
        Ok(Admission::Welcome(response)) => response,
        Err(failure) => failure.into_response(),
    };
    let headers = response.headers_mut();
    let own = HeaderValue::from_static("same-origin");
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), own.clone());
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), own);
    response
}

enum Admission {
    Guest(Request),
    Welcome(Response),
}

async fn admitted(access: &Access, request: Request) -> Result<Admission> {
    access.check(&request)?;
    if let Some(response) = access.welcome(&request) {
        return Ok(Admission::Welcome(response));
    }
    if !access.knows(request.headers()) {
        return Err(Kind::Unauthorized.because("open the address that the program printed"));
    }
    let (parts, body) = request.into_parts();
    let Bodies { limit, types: expected } = (access.bodies)(parts.uri.path());
    let arrival = async {
        let _turn = match limit > BODY_LIMIT {
            true => Some(access.large_bodies.acquire().await.map_err(|error| Kind::Failed.because(error))?),
            false => None,
        };
        read(&parts.headers, body, limit).await
    };
    let bytes = tokio::time::timeout(BODY_TIME, arrival).await;
    let bytes = bytes.map_err(|_| Kind::Timeout.because("the request did not arrive in time"))??;
    // A form of another site can't send these types without asking first.
    let found = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = found.split(';').next().map(str::trim).unwrap_or_default();
    if !bytes.is_empty() && !expected.contains(&kind) {
        let expected = expected.join(" or ");
        return Err(Kind::MediaType.because(format!("the body is {found:?}; expected {expected}")));
    }
    Ok(Admission::Guest(Request::from_parts(parts, Body::from(bytes))))
}

/// A whole body of at most `limit` bytes. One that is larger is read to its end, within reason, and thrown away.
async fn read(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes> {
    let too_large = || Kind::TooLarge.because(format!("the body is larger than {limit} bytes"));
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > PATIENCE as u64) {
        return Err(too_large());
    }
    let (mut held, mut seen) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Kind::BadRequest.because(error))?;
        let Some(data) = frame.data_ref() else { continue };
        seen = seen.saturating_add(data.len());
        if seen > PATIENCE {
            break;
        }
        if seen > limit {
            held = Vec::new();
        } else {
            held.extend_from_slice(data);
        }
    }
    if seen > limit { Err(too_large()) } else { Ok(held.into()) }
}
