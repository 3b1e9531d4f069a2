//! `(…)`, with all that a `?` or `*` behind the parenthesis may mean.

use super::{Before, Reader, Reference, Wrong, ascii, words};

/// The longest name of a group.
const MAX_NAME: usize = 32;

const OPEN: &str = "has a `(` without its `)`";

impl Reader {
    /// Behind the `(`.
    pub(super) fn group(&mut self, before: Before) -> Result<Before, Wrong> {
        if self.peek() == Some(u32::from(b'*')) {
            return self.verb();
        }
        if !self.next_if('?') {
            if !self.modes.no_captures {
                self.groups += 1;
            }
            return self.inside();
        }
        let Some(sign) = self.next().map(ascii) else { return Err(OPEN.into()) };
        match sign {
            '#' => {
                while let Some(unit) = self.next() {
                    if unit == u32::from(b')') {
                        return Ok(before);
                    }
                }
                Err("has a comment `(?#` without its `)`".into())
            }
            ':' | '>' => self.inside(),
            '|' => {
                self.branches(true)?;
                self.close()
            }
            '=' | '!' | '*' => self.lookahead(),
            '<' if self.next_if('=') || self.next_if('!') || self.next_if('*') => self.lookbehind(),
            '<' => self.named('>'),
            '\'' => self.named('\''),
            'P' => match self.next().map(ascii) {
                Some('<') => self.named('>'),
                Some('=' | '>') => {
                    let name = self.name(')')?;
                    self.references.push(Reference::Name(name));
                    Ok(Before::Item)
                }
                None => Err(OPEN.into()),
                Some(_) => Err("has `(?P` without `<`, `=` or `>` behind it".into()),
            },
            '&' => {
                let name = self.name(')')?;
                self.references.push(Reference::Name(name));
                Ok(Before::Item)
            }
            'R' => match self.next_if(')') {
                true => Ok(Before::Item),
                false => Err("has `(?R` without its `)`".into()),
            },
            '(' => self.condition(),
            'C' => self.callout(),
            '0'..='9' => self.call(),
            '+' => self.call(),
            '-' if self.peek().is_some_and(|u| ascii(u).is_ascii_digit()) => self.call(),
            _ => {
                self.at -= 1;
                self.change_modes()
            }
        }
    }

    fn close(&mut self) -> Result<Before, Wrong> {
        if self.next_if(')') { Ok(Before::Item) } else { Err(OPEN.into()) }
    }

    fn inside(&mut self) -> Result<Before, Wrong> {
        self.alternatives()?;
        self.close()
    }

    /// What is looked for ahead may be of any length, even within a lookbehind.
    fn lookahead(&mut self) -> Result<Before, Wrong> {
        let outer = std::mem::replace(&mut self.in_lookbehind, false);
        let done = self.inside();
        self.in_lookbehind = outer;
        done
    }

    fn lookbehind(&mut self) -> Result<Before, Wrong> {
        let outer = std::mem::replace(&mut self.in_lookbehind, true);
        let done = self.inside();
        self.in_lookbehind = outer;
        done
    }

    /// A name and the sign that ends it.
    pub(super) fn name(&mut self, end: char) -> Result<Vec<u32>, Wrong> {
        let start = self.at;
        let letter = |unit: u32| {
            let c = ascii(unit);
            // Which letters are more than these depends on `utf` and `ucp`.
            c.is_ascii_alphanumeric() || c == '_' || !u8::try_from(unit).is_ok_and(|b| b.is_ascii())
        };
        while self.peek().is_some_and(letter) {
            self.at += 1;
        }
        let name = self.units[start..self.at].to_vec();
        match name.first() {
            None => Err("lacks the name of a group".into()),
            Some(first) if ascii(*first).is_ascii_digit() => {
                Err("has a group whose name begins with a digit".into())
            }
            _ if !self.next_if(end) => {
                Err(format!("has a group's name that does not end: `{}`", words(&name)).into())
            }
            // Later versions allow more.
            _ if name.len() > 4 * MAX_NAME => Err("has a group with a name that is too long".into()),
            Some(_) => Ok(name),
        }
    }

    fn named(&mut self, end: char) -> Result<Before, Wrong> {
        let name = self.name(end)?;
        self.groups += 1;
        // In `(?|…)` two may have one name, if they have one number.
        if self.names.contains(&name) {
            if !self.modes.same_names && !self.shares_numbers() {
                return Err(format!("has two groups of one name, `{}`", words(&name)).into());
            }
        } else {
            self.names.push(name);
        }
        self.inside()
    }

    /// Whether the pattern has a `(?|` at all.
    fn shares_numbers(&self) -> bool {
        let sign = ['(', '?', '|'].map(u32::from);
        self.units.windows(3).any(|w| w == sign)
    }

    /// `(?1)`, `(?+1)`, `(?-1)`: from its sign or first digit on.
    fn call(&mut self) -> Result<Before, Wrong> {
        self.at -= 1;
        match self.relative_number()? {
            Some(reference) if self.next_if(')') => {
                self.references.push(reference);
                Ok(Before::Item)
            }
            _ => Err("has no number of a group behind `(?`".into()),
        }
    }

    /// `(?(condition)yes|no)`
    fn condition(&mut self) -> Result<Before, Wrong> {
        let mut most = 2;
        if self.looking_at("?") || self.looking_at("*") {
            // A comment or a callout may stand before the assertion.
            while self.looking_at("?#") || self.looking_at("?C") {
                self.group(Before::Nothing)?;
                if !self.next_if('(') {
                    return Err("has no condition behind `(?(`".into());
                }
            }
            let looks = ["?=", "?!", "?*", "?<=", "?<!", "?<*", "*"].iter().any(|sign| self.looking_at(sign));
            if !looks {
                return Err("has a condition that is neither a group nor an assertion".into());
            }
            self.group(Before::Nothing)?;
        } else if self.next_if_text("DEFINE)") {
            most = 1;
        } else if self.next_if_text("VERSION>=") || self.next_if_text("VERSION=") {
            while self.peek().is_some_and(|u| ascii(u).is_ascii_digit() || ascii(u) == '.') {
                self.at += 1;
            }
            self.end_of_condition()?;
        } else if self.next_if_text("R&") {
            self.name_reference(')')?;
        } else if let Some(reference) = self.relative_number()? {
            self.references.push(reference);
            self.end_of_condition()?;
        } else if let Some(end) = ['<', '\''].into_iter().find(|c| self.next_if(*c)) {
            self.name_reference(if end == '<' { '>' } else { '\'' })?;
            self.end_of_condition()?;
        } else {
            let name = self.name(')')?;
            // `R` is any recursion, `R1` that into a group, unless they are names.
            let text = words(&name);
            let recursion = text.strip_prefix('R').filter(|_| !self.names.contains(&name));
            match recursion.map(|number| (number, number.parse())) {
                Some(("", _)) => {}
                Some((_, Ok(number))) => self.references.push(Reference::Number(number)),
                _ => self.references.push(Reference::Name(name)),
            }
        }
        if self.alternatives()? > most {
            return Err(format!("has a condition with more than {most} branches").into());
        }
        self.close()
    }

    fn end_of_condition(&mut self) -> Result<(), Wrong> {
        if self.next_if(')') { Ok(()) } else { Err("has a condition without its `)`".into()) }
    }

    /// `(?C)`, `(?C1)`, `(?C"text")`: behind the `C`.
    fn callout(&mut self) -> Result<Before, Wrong> {
        let number = self.digits();
        if number.is_some_and(|n| n > 255) {
            return Err("has a callout beyond 255".into());
        }
        if number.is_none()
            && let Some(sign) =
                self.peek().map(ascii).filter(|c| matches!(c, '`' | '\'' | '"' | '^' | '%' | '#' | '$' | '{'))
        {
            self.at += 1;
            let end = if sign == '{' { '}' } else { sign };
            loop {
                match self.next() {
                    None => return Err("has a callout whose text does not end".into()),
                    Some(unit) if ascii(unit) == end && !self.next_if(end) => break,
                    Some(_) => {}
                }
            }
        }
        match self.next_if(')') {
            true => Ok(Before::Nothing),
            false => Err("has a callout `(?C` that is not well formed".into()),
        }
    }

    /// `(?i)`, `(?i-x:…)`: behind the `?`.
    fn change_modes(&mut self) -> Result<Before, Wrong> {
        let outer = self.modes;
        let mut on = true;
        let resets = self.next_if('^');
        if resets {
            (self.modes.extended, self.modes.no_captures) = (false, false);
        }
        loop {
            match self.next().map(ascii) {
                Some('i' | 'm' | 's' | 'U') => {}
                // Later versions have `(?a)` and its kin, and `(?r)`.
                Some('a' | 'r') => {}
                Some('D' | 'S' | 'W' | 'P' | 'T') if self.units[self.at - 2] == u32::from(b'a') => {}
                Some('x') => self.modes.extended = on,
                Some('J') => self.modes.same_names = on,
                Some('n') => self.modes.no_captures = on,
                Some('-') if on && !resets => on = false,
                Some(')') => return Ok(Before::Nothing),
                Some(':') => {
                    self.alternatives()?;
                    self.modes = outer;
                    return self.close();
                }
                None => return Err(OPEN.into()),
                Some(_) => return Err("has an unknown sign behind `(?`".into()),
            }
        }
    }

    /// `(*VERB)`, `(*VERB:name)`, `(*atomic:…)`: at the `*`.
    fn verb(&mut self) -> Result<Before, Wrong> {
        const VERBS: &[&str] = &["ACCEPT", "COMMIT", "F", "FAIL", "MARK", "PRUNE", "SKIP", "THEN", ""];
        const AHEAD: &[&str] = &[
            "pla",
            "positive_lookahead",
            "nla",
            "negative_lookahead",
            "napla",
            "non_atomic_positive_lookahead",
        ];
        const BEHIND: &[&str] = &[
            "plb",
            "positive_lookbehind",
            "nlb",
            "negative_lookbehind",
            "naplb",
            "non_atomic_positive_lookbehind",
        ];
        const OTHERS: &[&str] = &["atomic", "sr", "script_run", "asr", "atomic_script_run"];
        let start = self.at;
        self.at += 1;
        let name_start = self.at;
        while self.peek().is_some_and(|u| ascii(u).is_ascii_alphabetic() || ascii(u) == '_') {
            self.at += 1;
        }
        let name = words(&self.units[name_start..self.at]);
        if name.is_empty() && self.peek() != Some(u32::from(b':')) {
            self.at = start;
            return Err("repeats nothing".into());
        }
        if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            let look = |known: &[&str]| known.contains(&name.as_str());
            if !self.next_if(':') {
                return Err(format!("has `(*{name}`, which PCRE2 does not know").into());
            }
            return match () {
                () if look(AHEAD) => self.lookahead(),
                () if look(BEHIND) => self.lookbehind(),
                () if look(OTHERS) => self.inside(),
                // Of a later version, perhaps.
                () => self.inside().map(|_| Before::Unsure),
            };
        }
        let named = self.next_if(':');
        if !VERBS.contains(&name.as_str()) || (matches!(name.as_str(), "MARK" | "") && !named) {
            return Err(format!("has `(*{name}`, which PCRE2 does not know").into());
        }
        while let Some(unit) = self.next() {
            match ascii(unit) {
                ')' => return Ok(if name == "ACCEPT" { Before::Unsure } else { Before::Nothing }),
                _ if named => {}
                _ => break,
            }
        }
        Err(format!("has `(*{name}` without its `)`").into())
    }
}
