use std::path::PathBuf;

/// How the page is served, and what it works on.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "The page")]
pub struct PageOptions {
    /// The address to listen on; any other than this machine's own asks for a token
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1", conflicts_with = "terminal")]
    pub host: String,
    /// The port to listen on; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8642, conflicts_with = "terminal")]
    pub port: u16,
    /// Ask for a token on 127.0.0.1 too: where others work on the same machine
    #[arg(long, conflicts_with = "terminal")]
    pub token: bool,
    /// Do not open the browser
    #[arg(long, conflicts_with = "terminal")]
    pub no_open: bool,
    /// Offer the checkpoints of this folder on the page
    #[arg(long, value_name = "DIR", conflicts_with = "terminal")]
    pub models: Option<PathBuf>,
    /// Give images the grey values of this one before the network sees them
    #[arg(long = "match", value_name = "REFERENCE", conflicts_with = "terminal")]
    pub matching: Option<PathBuf>,
    /// Write down the work here [default: beside each image; uploads and phantoms: ikem-annotations]
    #[arg(long, value_name = "DIR", conflicts_with = "terminal")]
    pub output: Option<PathBuf>,
    /// Read the page's own files here: for who works on the page
    #[arg(long, value_name = "DIR", hide = true)]
    pub page: Option<PathBuf>,
}
