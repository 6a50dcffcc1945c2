use std::path::PathBuf;

use super::keeping::{Keeping, Reader};

/// How the page is served, and what it works on.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "The page")]
pub(crate) struct PageOptions {
    /// The address to listen on; addresses other than this machine's own require a token
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1", conflicts_with = "terminal")]
    pub host: String,
    /// The port to listen on; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 8642, conflicts_with = "terminal")]
    pub port: u16,
    /// Require a token on 127.0.0.1 too, on a machine that others use
    #[arg(long, conflicts_with = "terminal")]
    pub token: bool,
    /// Do not open the browser
    #[arg(long, conflicts_with = "terminal")]
    pub no_open: bool,
    /// Offer the checkpoints in this folder on the page
    #[arg(long, value_name = "DIR", conflicts_with = "terminal")]
    pub models: Option<PathBuf>,
    /// Match each image's grey values to this image before the network sees it
    #[arg(long = "match", value_name = "REFERENCE", conflicts_with = "terminal")]
    pub matching: Option<PathBuf>,
    /// Save the work in this folder [default: beside each image; added films and the log in ikem-annotations there]
    #[arg(long, value_name = "DIR", conflicts_with = "terminal")]
    pub output: Option<PathBuf>,
    /// A further reading by this person: work of others is not shown, and the own is saved in ikem-annotations/readers/NAME
    #[arg(long, value_name = "NAME", conflicts_with = "terminal")]
    pub reader: Option<Reader>,
    /// Read the page's own files here: for who works on the page
    #[arg(long, value_name = "DIR", hide = true)]
    pub page: Option<PathBuf>,
}

impl PageOptions {
    /// Where the work is saved.
    pub(super) fn keeping(&self) -> Keeping {
        Keeping::new(self.output.as_deref(), self.reader.as_ref())
    }
}
