mod any_bytes;
mod containers;
mod fixtures;
mod hostile;
mod state_dicts;
