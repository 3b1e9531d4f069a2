//! `vipd lsp`: a language server for keepalived.conf, on standard input and output.
//!
//! Pure, a file a subject: `position` (UTF-16 and bytes) and `document` (changes as they are typed); `written` (the
//! text's statements, before anything is expanded), `cursor` (what stands at a place) and `names` (what is defined,
//! and where it is meant); then an answer each: `findings`, `completion`, `hover`, `outline`, `actions`.
//! `server` is the thin edge: messages in, messages out, the files that a document includes; `transport` frames the
//! messages, `protocol` has the values in them.
//!
//! What is wrong with a text, and what its keywords mean, is `conf`'s to say. The protocol is version 3.17 of
//! <https://microsoft.github.io/language-server-protocol/>.

mod actions;
mod completion;
mod cursor;
mod document;
mod findings;
mod hover;
mod names;
mod outline;
mod position;
mod protocol;
mod server;
mod transport;
mod uri;
mod written;

#[cfg(test)]
mod tests;

pub use server::{Error, run};
