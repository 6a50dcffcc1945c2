//! Accepts connections, within limits, and closes stalled ones.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;

use super::seats::{Rules, Seat, Seats};

/// How long to wait when the system has no connection to give.
const REST: Duration = Duration::from_millis(100);

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For the head of a request to arrive, and between requests on one connection.
    pub head: Duration,
    /// Without progress while the client receives an answer.
    pub write: Duration,
}

impl Default for Times {
    /// 15 s for a head, 30 s without progress on an answer.
    fn default() -> Self {
        Self { head: Duration::from_secs(15), write: Duration::from_secs(30) }
    }
}

/// Answers requests for ever.
pub async fn serve(listener: TcpListener, router: Router, rules: Rules, times: Times) {
    let seats = Arc::new(Seats::new(rules));
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        admit(&seats, stream, address.ip(), &router, times);
    }
}

/// Gives a connection a seat and answers its requests; closes it if no seat is free.
fn admit(seats: &Arc<Seats>, stream: TcpStream, peer: IpAddr, router: &Router, times: Times) {
    let Some(seat) = seats.take(peer) else { return };
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router.clone().layer(Extension(Arc::clone(&seat))));
    let stream =
        Watched { stream: TokioIo::new(stream), seat: Arc::clone(&seat), time: times.write, stalled: None };
    let (held, leaving) = (Arc::clone(seats), Arc::clone(&seat));
    let task = tokio::spawn(async move {
        let _leave = Leave(held, leaving);
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(times.head);
        // A broken connection only concerns its client.
        let _ = builder.serve_connection(stream, service).await;
    });
    seat.can_be_closed_by(task.abort_handle());
}

/// Returns the seat when the connection ends for any reason.
struct Leave(Arc<Seats>, Arc<Seat>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.give_back(&self.1);
    }
}

/// A connection that records its progress, and fails when the client receives nothing for too long.
struct Watched {
    stream: TokioIo<TcpStream>,
    seat: Arc<Seat>,
    time: Duration,
    /// A timer since the client last received data.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    /// Passes on the result of a write; one that waits too long becomes an error.
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<std::io::Result<T>>,
    ) -> Poll<std::io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            self.seat.note_progress();
            return outcome;
        }
        let time = self.time;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()))
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        if outcome.is_ready() {
            self.seat.note_progress();
        }
        outcome
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(context, outcome)
    }
}
