//! Retries failed saves, for example after a full disk or an unreachable folder.

use std::sync::Arc;
use std::time::Duration;

use super::super::entry::{Entry, Slot, lock};
use super::{Workplace, blocking};

/// The pause before the next attempt to save.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);

impl Workplace {
    /// Retries unsaved work after each pause, forever.
    pub(crate) async fn keep_saving(self: Arc<Self>, pause: Duration) {
        loop {
            tokio::time::sleep(pause).await;
            let workplace = Arc::clone(&self);
            let _ = blocking(move || {
                // An image in use is saved by its next action.
                let idle = |entry: &Arc<Entry>| entry.slot.try_lock().is_ok();
                workplace.entries().iter().filter(|entry| idle(entry)).for_each(|entry| {
                    let _ = save(entry);
                });
                let _ = workplace.log.write_pending();
                Ok(())
            })
            .await;
        }
    }

    /// Tries once more to save everything. Returns one line for each image that is still not saved.
    pub(crate) fn save_all(&self) -> Vec<String> {
        let mut unsaved: Vec<String> = self
            .entries()
            .iter()
            .filter_map(|entry| Some(format!("{}: {}", entry.name, save(entry).err()?)))
            .collect();
        if let Err(error) = self.log.write_pending() {
            unsaved.push(format!("the log of actions: {error}"));
        }
        unsaved
    }
}

/// Saves an unsaved image. The error gives the reason if it fails.
fn save(entry: &Entry) -> Result<(), String> {
    let mut slot = lock(&entry.slot);
    match &mut *slot {
        Slot::Open(document) => {
            if !document.is_saved() {
                document.save(entry);
            }
            document.save_error().map_or(Ok(()), |error| Err(error.to_owned()))
        }
        Slot::Kept(sidecar) => {
            sidecar.save(entry)?;
            *slot = Slot::Closed;
            Ok(())
        }
        Slot::Closed => Ok(()),
    }
}
