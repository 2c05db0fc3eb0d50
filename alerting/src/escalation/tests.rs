//! The file, and what becomes of an incident that nobody answers.

mod file;
mod progress;
