//! `AGENT_CHECK`: an agent beside the service says in one line how the server is, in the words of HAProxy's `agent-check`.
//!
//! ```text
//! up 75%          the server is up, at three quarters of its configured weight
//! down#disk full  the server is down, and why
//! drain           no new connections: weight 0
//! ```
//!
//! Each answer stands for itself: what HAProxy remembers of former ones (`drain` until `ready`), nobody does here.

use super::dialogue::{Dialogue, Heard, Step};
use super::{Failure, Outcome, Weight, shown};
use crate::check::config;

/// No line is longer.
const LONGEST_LINE: usize = 1024;

/// The greatest share of the configured weight, in percent, that an agent can give.
const MOST_PERCENT: u32 = 1000;

/// One question, and its answer.
#[derive(Debug)]
pub struct Agent {
    question: Option<Vec<u8>>,
    line: Vec<u8>,
    weight: Weight,
}

impl Agent {
    /// A conversation that says `send` first, if there is any.
    #[must_use]
    pub fn new(check: &config::Agent) -> Agent {
        let question = check.send.as_deref().map(|text| [&*crate::raw::bytes(text), b"\n"].concat());
        Agent { question, line: Vec::new(), weight: Weight::Configured }
    }

    /// The whole line is there.
    fn take_line(&mut self) -> Result<(), Failure> {
        let line = String::from_utf8_lossy(&self.line);
        let (words, _) = line.split_once('#').unwrap_or((&line, ""));
        let mut words = words.split([' ', '\t', ',']).filter(|word| !word.is_empty()).peekable();
        let says = |what: &str| Failure::Reason(format!("{what} `{}`", shown(&self.line)).into());
        if words.peek().is_none() {
            return Err(says("the agent says nothing:"));
        }
        let (mut percent, mut drains) = (None, false);
        for word in words {
            match word {
                "up" | "ready" => {}
                "down" | "failed" | "stopped" | "maint" => return Err(says("the agent says")),
                "drain" => drains = true,
                // No connections are counted here.
                _ if word.starts_with("maxconn:") => {}
                _ => match word.strip_suffix('%').and_then(|number| number.parse().ok()) {
                    Some(number @ 0..=MOST_PERCENT) => percent = Some(number),
                    _ => return Err(says("the agent is not understood:")),
                },
            }
        }
        self.weight = match percent {
            _ if drains => Weight::Exactly(0),
            Some(percent) => Weight::Percent(percent),
            None => Weight::Configured,
        };
        Ok(())
    }
}

impl Dialogue for Agent {
    fn begin(&mut self) -> Step {
        self.question.take().map_or(Step::Listen, Step::Say)
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        let bytes = match heard {
            Heard::Bytes(bytes) => bytes,
            Heard::End if self.line.is_empty() => return Step::fail("the agent ended the connection"),
            Heard::End => return Step::End(self.take_line()),
            Heard::Broken(errno) => return Step::End(Err(Failure::broken(errno))),
        };
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        self.line.extend_from_slice(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
        if self.line.len() > LONGEST_LINE {
            return Step::fail("the agent's line is too long");
        }
        match end {
            Some(_) => Step::End(self.take_line()),
            None => Step::Listen,
        }
    }

    fn passed(&self) -> Outcome {
        Outcome::Weighed(self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::probe::dialogue::play;

    fn of(send: Option<&str>, answer: &str) -> (String, Result<Weight, String>) {
        let check = config::Agent { send: send.map(Into::into) };
        let mut all: Vec<_> = [1, 3, 10_000]
            .into_iter()
            .map(|size| {
                let mut agent = Agent::new(&check);
                let (said, outcome) = play(&mut agent, answer.as_bytes(), size);
                let outcome = outcome.map_err(|failure| failure.to_string()).map(|()| match agent.passed() {
                    Outcome::Weighed(weight) => weight,
                    other => panic!("{other:?}"),
                });
                (String::from_utf8(said).unwrap(), outcome)
            })
            .collect();
        all.dedup();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn an_agent_gives_state_and_weight() {
        for (answer, weight) in [
            ("up\n", Weight::Configured),
            ("ready\r\n", Weight::Configured),
            ("up", Weight::Configured),
            ("50%\n", Weight::Percent(50)),
            ("up,75%\nmore\n", Weight::Percent(75)),
            ("ready up 0% maxconn:30 # idle\n", Weight::Percent(0)),
            ("drain\n", Weight::Exactly(0)),
            ("up drain 50%\n", Weight::Exactly(0)),
            ("maxconn:30\n", Weight::Configured),
        ] {
            assert_eq!(of(None, answer), (String::new(), Ok(weight)), "{answer}");
        }
        assert_eq!(of(Some("web1 status"), "up\n"), ("web1 status\n".to_owned(), Ok(Weight::Configured)));
    }

    #[test]
    fn an_agent_takes_its_server_away() {
        for (answer, reason) in [
            ("down#disk full\n", "the agent says `down#disk full`"),
            ("50% failed\n", "the agent says `50% failed`"),
            ("stopped\n", "the agent says `stopped`"),
            ("maint\n", "the agent says `maint`"),
            ("", "the agent ended the connection"),
            ("\n", "the agent says nothing: ``"),
            ("# up\n", "the agent says nothing: `# up`"),
            ("sideways\n", "the agent is not understood: `sideways`"),
            ("-5%\n", "the agent is not understood: `-5%`"),
            ("9999%\n", "the agent is not understood: `9999%`"),
            ("\u{7}\n", "the agent is not understood: `\\x07`"),
        ] {
            assert_eq!(of(None, answer).1, Err(reason.to_owned()), "{answer}");
        }
        assert_eq!(of(None, &"x".repeat(9999)).1, Err("the agent's line is too long".to_owned()));
    }

    #[test]
    fn a_share_is_rounded_up() {
        for (configured, percent, weight) in
            [(1, 50, 1), (1, 0, 0), (10, 75, 8), (0, 100, 0), (4, 150, 6), (u32::MAX, 100, u32::MAX)]
        {
            let added = Weight::Percent(percent).adds_to(configured);
            assert_eq!(i64::from(configured) + added, i64::from(weight), "{percent}% of {configured}");
        }
    }
}
