//! The language from outside: files and what is said of them, and what must hold for every text.

#![allow(clippy::unwrap_used)]

mod effects;
mod examples;
mod formats;
mod fuzz;
mod keywords;
mod mistakes;
mod program;
mod robustness;
mod schema;
mod validator;
mod verdicts;
