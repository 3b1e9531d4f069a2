//! The parent process, its workers, and the drivers that carry out what the machines decide.

pub mod worker;
