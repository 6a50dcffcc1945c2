use std::net::{IpAddr, ToSocketAddrs};

use anyhow::{Context, Result};
use tokio::net::TcpListener;

use super::security::Token;

/// An address that is listened on.
#[derive(Debug)]
pub struct Listening {
    /// Where connections come from.
    pub listener: TcpListener,
    /// Its port.
    pub port: u16,
    /// What requests must bring, where others than this machine could connect, or where it was asked for.
    pub token: Option<Token>,
    /// The address to open, with the token.
    pub address: String,
}

/// Binds an address; with a token if it is not this machine's own, or `always_token`.
///
/// # Errors
/// When there is no such address, or it is taken.
pub async fn listen(host: &str, port: u16, always_token: bool) -> Result<Listening> {
    let named = || format!("cannot listen on {host}, port {port}");
    let addresses: Vec<_> = (host, port).to_socket_addrs().with_context(named)?.collect();
    let local = addresses.iter().all(|address| address.ip().is_loopback());
    let listener = TcpListener::bind(addresses.as_slice()).await.with_context(named)?;
    let bound = listener.local_addr()?;
    let token = if local && !always_token { None } else { Some(Token::new()?) };
    let shown = match bound.ip() {
        // Nobody can open 0.0.0.0; from elsewhere it is this machine's name.
        address if address.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(address) => format!("[{address}]"),
        IpAddr::V4(address) => address.to_string(),
    };
    let secret = token.as_ref().map(|token| format!("?token={}", token.text())).unwrap_or_default();
    let address = format!("http://{shown}:{}/{secret}", bound.port());
    Ok(Listening { listener, port: bound.port(), token, address })
}
