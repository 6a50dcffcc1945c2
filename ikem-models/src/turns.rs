//! Many clients and one network.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::cancel::Cancel;

/// Limits of [`Turns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnLimits {
    /// The most turns at a time. A prediction uses all cores, so that two at a time are hardly faster than one after the
    /// other.
    pub at_once: usize,
    /// The most requests that wait, of all clients together.
    pub waiting: usize,
    /// The most requests of one client that wait.
    pub waiting_per_client: usize,
}

impl Default for TurnLimits {
    /// One turn at a time; 256 requests wait, 64 of them of one client.
    fn default() -> Self {
        Self { at_once: 1, waiting: 256, waiting_per_client: 64 }
    }
}

/// Gives the clients of a service turns at the network: fairly, in bounded numbers, and the newest request of a client
/// in place of its older ones.
///
/// Clients get turns one after the other, however many requests each of them has. A client has one turn at a time, and
/// its requests keep their order. `C` tells clients apart, for example by the number of a session. Clones share the turns.
///
/// A request is [`lasting`](Self::lasting), as a correction that must not be lost, or
/// [`replaceable`](Self::replaceable), as the preview of a drag, which a newer request of its client supersedes: one that
/// waits ends with [`NoTurn::Superseded`], and the [`Cancel`] of one that has its turn is cancelled. Requests are awaited
/// in any async runtime, or a thread [waits](TurnRequest::wait). Dropping a request gives up its place.
///
/// ```
/// # use ikem_core::{GrayImage, Hint, Point, Size};
/// # use ikem_models::{Error, ModelConfig, NetworkConfig, Predictor, UnetConfig};
/// use std::time::Duration;
/// use ikem_models::{TurnLimits, Turns};
/// # let unet = UnetConfig { width: 1, gate_width: None, ..UnetConfig::default() };
/// # let config = ModelConfig { size: Size::new(64, 64), ..ModelConfig::new(NetworkConfig::Unet(unet)) };
/// # let predictor = Predictor::builder().untrained(&config, 1)?;
/// # let image = GrayImage::new(Size::new(300, 700), vec![0.5; 300 * 700])?;
/// # let mut session = predictor.session(&image)?;
/// # let hint = Hint::new(3, Point::new(120.0, 250.0));
///
/// let turns = Turns::new(TurnLimits::default());
/// let client = 7;
/// let turn = turns.replaceable(client).wait(Duration::from_secs(30))?;
/// match session.cancelled_by(turn.cancel()).preview(hint) {
///     Ok(preview) => println!("{:?}", preview.keypoints()[3]),
///     Err(Error::Cancelled) => println!("client {client} has asked again"),
///     Err(other) => return Err(other.into()),
/// }
/// drop(turn); // the next client has its turn
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Turns<C: Eq + Clone>(Arc<Shared<C>>);

impl<C: Eq + Clone> Clone for Turns<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Why a request gets no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTurn {
    /// The same client has asked again.
    #[error("a newer request of the same client took its place")]
    Superseded,
    /// As many requests wait as may.
    #[error("{waiting} requests are waiting already")]
    Full {
        /// How many wait: of all clients or, where that is the limit that was reached, of this one.
        waiting: usize,
    },
    /// It has waited as long as it was willing to.
    #[error("there was no turn within {patience:?}")]
    TimedOut {
        /// How long it has waited.
        patience: Duration,
    },
}

#[derive(Debug)]
struct Shared<C> {
    limits: TurnLimits,
    state: Mutex<State<C>>,
}

#[derive(Debug)]
struct State<C> {
    /// The clients with requests that wait; the first has the next turn.
    lines: VecDeque<Line<C>>,
    running: Vec<(C, Arc<Ticket>)>,
}

/// The requests of one client that wait, in order.
#[derive(Debug)]
struct Line<C> {
    client: C,
    tickets: VecDeque<Arc<Ticket>>,
}

/// A request.
#[derive(Debug)]
struct Ticket {
    replaceable: bool,
    cancel: Cancel,
    fate: Mutex<(Fate, Option<Waker>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Called,
    Refused(NoTurn),
}

impl<C: Eq + Clone> Turns<C> {
    /// Turns within these limits, each of which counts as one at least.
    #[must_use]
    pub fn new(limits: TurnLimits) -> Self {
        let TurnLimits { at_once, waiting, waiting_per_client } = limits;
        let limits = TurnLimits {
            at_once: at_once.max(1),
            waiting: waiting.max(1),
            waiting_per_client: waiting_per_client.max(1),
        };
        let state = State { lines: VecDeque::new(), running: Vec::new() };
        Self(Arc::new(Shared { limits, state: Mutex::new(state) }))
    }

    /// Asks for a turn that is wanted even if `client` asks again.
    pub fn lasting(&self, client: C) -> TurnRequest<C> {
        self.request(client, false)
    }

    /// Asks for a turn that is wanted only until `client` asks again, for either kind of turn. The newer request takes its
    /// place among the clients, so that whoever asks again and again has its turns, too.
    pub fn replaceable(&self, client: C) -> TurnRequest<C> {
        self.request(client, true)
    }

    /// Ends the replaceable requests of `client`, as a newer request does: for a change that needs no turn.
    pub fn supersede(&self, client: &C) {
        let superseded = lock(&self.0.state).supersede(client);
        superseded.iter().for_each(|old| old.decide(Fate::Refused(NoTurn::Superseded)));
    }

    /// The number of requests that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.0.state).waiting()
    }

    /// The number of turns that are taken.
    #[must_use]
    pub fn running(&self) -> usize {
        lock(&self.0.state).running.len()
    }

    fn request(&self, client: C, replaceable: bool) -> TurnRequest<C> {
        let fate = Mutex::new((Fate::Waiting, None));
        let ticket = Arc::new(Ticket { replaceable, cancel: Cancel::new(), fate });
        let place = Place { turns: self.clone(), ticket: Arc::clone(&ticket) };
        let mut state = lock(&self.0.state);
        let superseded = state.supersede(&client);
        let entered = state.enter(client, &ticket, &self.0.limits);
        let called = state.call(&self.0.limits);
        drop(state);
        superseded.iter().for_each(|old| old.decide(Fate::Refused(NoTurn::Superseded)));
        if let Err(full) = entered {
            ticket.decide(Fate::Refused(full));
        }
        called.iter().for_each(|ticket| ticket.decide(Fate::Called));
        TurnRequest { place: Some(place) }
    }
}

impl<C: Eq + Clone> State<C> {
    fn waiting(&self) -> usize {
        self.lines.iter().map(|line| line.tickets.len()).sum()
    }

    /// Adds a request of `client`.
    fn enter(&mut self, client: C, ticket: &Arc<Ticket>, limits: &TurnLimits) -> Result<(), NoTurn> {
        let all = self.waiting();
        let line = self.lines.iter_mut().find(|line| line.client == client);
        let own = line.as_ref().map_or(0, |line| line.tickets.len());
        if own >= limits.waiting_per_client {
            return Err(NoTurn::Full { waiting: own });
        }
        if all >= limits.waiting {
            return Err(NoTurn::Full { waiting: all });
        }
        match line {
            Some(line) => line.tickets.push_back(Arc::clone(ticket)),
            None => {
                let tickets = VecDeque::from([Arc::clone(ticket)]);
                self.lines.push_back(Line { client, tickets });
            }
        }
        Ok(())
    }

    /// Removes the replaceable requests of `client` that wait, whose place its next request takes; cancels those that run.
    fn supersede(&mut self, client: &C) -> Vec<Arc<Ticket>> {
        for (_, ticket) in self.running.iter().filter(|(of, ticket)| of == client && ticket.replaceable) {
            ticket.cancel.cancel();
        }
        let mut superseded = Vec::new();
        for line in self.lines.iter_mut().filter(|line| line.client == *client) {
            superseded.extend(line.tickets.iter().filter(|ticket| ticket.replaceable).cloned());
            line.tickets.retain(|ticket| !ticket.replaceable);
        }
        superseded
    }

    /// Gives turns to those who are next, as far as turns are free; returns them.
    fn call(&mut self, limits: &TurnLimits) -> Vec<Arc<Ticket>> {
        let mut called = Vec::new();
        while self.running.len() < limits.at_once {
            let running = &self.running;
            let is_idle = |line: &Line<C>| running.iter().all(|(client, _)| *client != line.client);
            let next = self.lines.iter().position(is_idle).and_then(|place| self.lines.remove(place));
            let Some(mut line) = next else { break };
            if let Some(ticket) = line.tickets.pop_front() {
                called.push(Arc::clone(&ticket));
                self.running.push((line.client.clone(), ticket));
            }
            if !line.tickets.is_empty() {
                self.lines.push_back(line);
            }
        }
        called
    }

    /// Removes a request that waits, or has its turn.
    fn leave(&mut self, ticket: &Arc<Ticket>) {
        self.running.retain(|(_, held)| !Arc::ptr_eq(held, ticket));
        for line in &mut self.lines {
            line.tickets.retain(|held| !Arc::ptr_eq(held, ticket));
        }
        self.lines.retain(|line| !line.tickets.is_empty());
    }
}

impl Ticket {
    fn decide(&self, fate: Fate) {
        let mut held = lock(&self.fate);
        held.0 = fate;
        let waker = held.1.take();
        drop(held);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The place of a request, given up when it is dropped.
#[derive(Debug)]
struct Place<C: Eq + Clone> {
    turns: Turns<C>,
    ticket: Arc<Ticket>,
}

impl<C: Eq + Clone> Drop for Place<C> {
    fn drop(&mut self) {
        let Shared { limits, state } = &*self.turns.0;
        let mut state = lock(state);
        state.leave(&self.ticket);
        let called = state.call(limits);
        drop(state);
        called.iter().for_each(|ticket| ticket.decide(Fate::Called));
    }
}

/// A request for a turn: a future of the turn. Its time limit is the caller's, such as tokio's `timeout`.
#[derive(Debug)]
#[must_use = "a request that is dropped gives up its place"]
pub struct TurnRequest<C: Eq + Clone> {
    place: Option<Place<C>>,
}

impl<C: Eq + Clone> TurnRequest<C> {
    /// Blocks this thread until the turn comes.
    ///
    /// # Errors
    /// [`NoTurn`], after `patience` at the latest.
    pub fn wait(self, patience: Duration) -> Result<Turn<C>, NoTurn> {
        let begin = Instant::now();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let (mut request, mut context) = (pin!(self), Context::from_waker(&waker));
        loop {
            if let Poll::Ready(turn) = request.as_mut().poll(&mut context) {
                return turn;
            }
            let left = patience.checked_sub(begin.elapsed()).ok_or(NoTurn::TimedOut { patience })?;
            thread::park_timeout(left);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<C: Eq + Clone> Unpin for TurnRequest<C> {}

impl<C: Eq + Clone> Future for TurnRequest<C> {
    type Output = Result<Turn<C>, NoTurn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(place) = &self.place else { return Poll::Pending };
        let mut held = lock(&place.ticket.fate);
        match held.0 {
            Fate::Waiting => {
                held.1 = Some(context.waker().clone());
                Poll::Pending
            }
            Fate::Refused(reason) => Poll::Ready(Err(reason)),
            Fate::Called => {
                drop(held);
                self.place.take().map_or(Poll::Pending, |place| Poll::Ready(Ok(Turn { place })))
            }
        }
    }
}

/// A turn at the network, until it is dropped.
#[derive(Debug)]
#[must_use = "a turn that is dropped is over"]
pub struct Turn<C: Eq + Clone> {
    place: Place<C>,
}

impl<C: Eq + Clone> Turn<C> {
    /// The token that is cancelled when a newer request supersedes this one, for
    /// [`Session::cancelled_by`](crate::Session::cancelled_by).
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.place.ticket.cancel
    }
}

/// Locks what no panic leaves half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
