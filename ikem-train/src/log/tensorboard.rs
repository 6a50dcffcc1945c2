//! TensorBoard event files: records of protocol buffers. Scalars need three message types.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::EpochRow;
use crate::error::{Error, Result};
use crate::observer::{Observer, StepReport};
use crate::progress::Progress;

/// `tensorflow.Event`, with the fields that are written here.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// An observer that writes a training's scalars into a TensorBoard event file. A resumed training starts another file
/// in the same folder; for steps in both files, TensorBoard shows the newer ones.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// A new event file in `folder`, which is created if it does not exist.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
        let path = folder.join(format!("events.out.tfevents.{:.6}.ikem", now()));
        let file = File::create_new(&path).map_err(|error| Error::file(&path, error))?;
        let mut writer = Self { path, file };
        writer.write(&Event { file_version: Some("brain.Event:2".to_owned()), ..Event::default() })?;
        Ok(writer)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn scalars(&mut self, step: usize, values: &[(&str, f64)]) -> Result<()> {
        let value =
            |(tag, value): &(&str, f64)| Value { tag: (*tag).to_owned(), simple_value: Some(*value as f32) };
        let summary = Summary { value: values.iter().map(value).collect() };
        self.write(&Event { step: step as i64, summary: Some(summary), ..Event::default() })
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        let event = Event { wall_time: now(), ..event.clone() };
        // One write per record, so that a reader rarely sees an incomplete one.
        self.file.write_all(&record(&event.encode_to_vec())).map_err(|error| Error::file(&self.path, error))
    }
}

impl Observer for EventWriter {
    fn began(&mut self, _: &Progress, _: usize) -> Result<()> {
        Ok(())
    }

    fn step(&mut self, report: &StepReport) -> Result<()> {
        let loss = report.loss;
        self.scalars(
            report.steps,
            &[
                ("train/loss", loss.total),
                ("train/cross_entropy", loss.cross_entropy),
                ("train/coordinates", loss.coordinates),
                ("train/position", loss.position),
                ("train/morphology", loss.morphology),
                ("train/auxiliary", loss.auxiliary),
                ("train/gradient_norm", report.gradient_norm),
                ("train/learning_rate", report.learning_rate),
            ],
        )
    }

    fn epoch(&mut self, row: &EpochRow, steps: usize, _: bool) -> Result<()> {
        self.scalars(
            steps,
            &[
                ("validation/loss, no hint", row.validation_first_loss),
                ("validation/loss, one hint", row.validation_second_loss),
                ("validation/MRE, no hint", row.validation_first_mre),
                ("validation/MRE, one hint", row.validation_second_mre),
            ],
        )
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// A TFRecord: length, checksum of the length, data, checksum of the data.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// The masked CRC-32C of TFRecord, so that checksums of data with embedded checksums stay meaningful.
fn masked(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::LossParts;

    /// The events of a file, with verified checksums.
    fn events(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
            let (check, rest) = rest.split_first_chunk::<4>().expect("a checksum");
            assert_eq!(*check, masked(length));
            let (data, rest) = rest.split_at(u64::from_le_bytes(*length) as usize);
            let (check, rest) = rest.split_first_chunk::<4>().expect("a checksum");
            assert_eq!(*check, masked(data));
            events.push(Event::decode(data).expect("an event"));
            bytes = rest;
        }
        events
    }

    #[test]
    fn checksums_are_tensorflows() {
        // CRC-32C of "123456789" is 0xe3069283, by the standard (RFC 3720, B.4, of another text; Koopman's check value).
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let mask = 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(masked(b"123456789"), mask.to_le_bytes());
    }

    #[test]
    fn events_round_trip() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = EventWriter::new(folder.path()).expect("a file");
        let loss = LossParts { total: 0.75, cross_entropy: 0.5, coordinates: 0.25, ..LossParts::default() };
        let report = StepReport {
            epoch: 1,
            steps: 7,
            batches: 7,
            images: 2,
            loss,
            gradient_norm: 2.0,
            learning_rate: 0.001,
            seconds: 1.0,
            waited: 0.0,
        };
        writer.step(&report).expect("written");
        let row = EpochRow {
            epoch: 1,
            train_first_loss: 0.1,
            train_second_loss: 0.2,
            validation_first_loss: 0.3,
            validation_second_loss: 0.4,
            validation_first_mre: 50.0,
            validation_second_mre: 40.0,
        };
        writer.epoch(&row, 7, true).expect("written");
        let events = events(&std::fs::read(writer.path()).expect("the file"));
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        let scalars = |event: &Event| -> Vec<(String, f32)> {
            let values = event.summary.clone().expect("a summary").value;
            values.into_iter().map(|value| (value.tag, value.simple_value.expect("a number"))).collect()
        };
        assert_eq!((events.len(), events[1].step, events[2].step), (3, 7, 7));
        assert_eq!(scalars(&events[1])[0], ("train/loss".to_owned(), 0.75));
        assert_eq!(scalars(&events[2])[3], ("validation/MRE, one hint".to_owned(), 40.0));
        assert!(events[1].wall_time > 1.7e9);
    }
}
