//! Writing into devices and pipes.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long to wait until the reader of a full pipe has read some of it.
const REST: Duration = Duration::from_millis(2);

/// A device or pipe that is appended to. Opening a pipe that no program reads fails, and does not wait for a reader.
pub(crate) struct Stream(File);

impl Stream {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(libc::O_NONBLOCK);
            let unread = |error: &io::Error| error.raw_os_error() == Some(libc::ENXIO);
            options.open(path).map(Self).map_err(|error| match unread(&error) {
                true => io::Error::new(ErrorKind::BrokenPipe, "no program reads this pipe"),
                false => error,
            })
        }
        #[cfg(not(unix))]
        options.open(path).map(Self)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(REST),
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
