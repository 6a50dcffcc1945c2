//! All exports of all films in one ZIP file, sent while it is made: no more than one film's files are in memory at a time.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::api::Status;
use super::entry::{Entry, lock};
use super::exports::{film_files, film_stem, table_files};
use super::failure::{Kind, Result};
use super::workplace::Workplace;

/// How many pieces wait for whoever downloads.
const WAITING: usize = 2;
/// What the list of what is missing is called.
const LEFT_OUT: &str = "LEFT-OUT.txt";

/// A file of the archive: its name and what is in it.
pub(super) type Packed = (String, Vec<u8>);

/// The archive as the body of an answer.
pub(super) fn of_all(place: &Arc<Workplace>) -> Body {
    let (sender, receiver) = channel(WAITING);
    tokio::spawn(pack(Arc::clone(place), sender));
    Body::new(Pieces(receiver))
}

/// Makes the archive, as long as somebody takes it.
async fn pack(place: Arc<Workplace>, sender: Sender<io::Result<Bytes>>) {
    let outcome = pack_all(&place, &sender).await;
    if let Err(failure) = outcome {
        // A broken connection tells the browser that the file is not whole.
        let _ = sender.send(Err(io::Error::other(failure.message().to_owned()))).await;
    }
}

async fn pack_all(place: &Arc<Workplace>, sender: &Sender<io::Result<Bytes>>) -> Result<()> {
    let mut archive = Archive::new();
    let mut left_out = Vec::new();
    for (name, content) in table_files(place, &mut left_out).await? {
        archive.add(&name, &content)?;
        archive.send(sender).await?;
    }
    let mut stems = BTreeSet::new();
    for entry in place.entries() {
        // The tables have asked what was done to it.
        if entry.effort().status == Status::Untouched {
            continue;
        }
        match film_files(place, entry.id).await {
            Ok(files) => {
                let folder = own_folder(&entry, &mut stems);
                for (name, content) in files {
                    archive.add(&format!("{folder}/{name}"), &content)?;
                }
            }
            Err(failure) => left_out.push(format!("{}: {}", entry.name, failure.message())),
        }
        archive.send(sender).await?;
    }
    if !left_out.is_empty() {
        archive.add(LEFT_OUT, (left_out.join("\n") + "\n").as_bytes())?;
    }
    archive.finish(sender).await
}

/// A folder of the archive for a film, of its name; a number is added where two films would share it.
fn own_folder(entry: &Entry, taken: &mut BTreeSet<String>) -> String {
    let stem = film_stem(&entry.name);
    let folder =
        if taken.contains(&stem.to_lowercase()) { format!("{stem} ({})", entry.id + 1) } else { stem };
    taken.insert(folder.to_lowercase());
    folder
}

/// What was made of the archive and not sent yet.
#[derive(Debug, Clone, Default)]
struct Made(Arc<Mutex<Vec<u8>>>);

impl Made {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Archive {
    zip: ZipWriter<StreamWriter<Made>>,
    made: Made,
}

impl Archive {
    fn new() -> Self {
        let made = Made::default();
        Self { zip: ZipWriter::new_stream(made.clone()), made }
    }

    fn add(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let failed = |error: io::Error| Kind::Failed.because(error);
        // Pictures are compressed already.
        let method =
            if name.ends_with(".png") { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default().compression_method(method);
        self.zip.start_file(name, options).map_err(|error| failed(error.into()))?;
        self.zip.write_all(content).map_err(failed)
    }

    /// Sends what was made; an error when nobody takes it any more.
    async fn send(&self, sender: &Sender<io::Result<Bytes>>) -> Result<()> {
        send(self.made.take(), sender).await
    }

    async fn finish(self, sender: &Sender<io::Result<Bytes>>) -> Result<()> {
        self.zip.finish().map_err(|error| Kind::Failed.because(error))?;
        send(self.made.take(), sender).await
    }
}

async fn send(bytes: Vec<u8>, sender: &Sender<io::Result<Bytes>>) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let gone = |_| Kind::Failed.because("nobody takes the archive any more");
    sender.send(Ok(bytes.into())).await.map_err(gone)
}

/// The pieces of the archive as they come.
struct Pieces(Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
