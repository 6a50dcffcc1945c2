//! DICOM files: conversion of values, tolerance of errors, and broken or hostile files.
#![allow(clippy::unwrap_used, reason = "test helpers")]

mod compressed;
mod files;
mod film;
mod hostile;
mod lenient;
mod refused;
mod values;
mod voi;
