//! What stands behind a backslash.

use super::{Before, Reader, Reference, Wrong, ascii};

/// What an escape stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// One character, where it is known which.
    Character(Option<u32>),
    /// A set of characters: `\d`, `\pL`.
    Set,
    /// A place, which can't be repeated.
    Place,
    /// `\Q…\E`: whether there is something between.
    Literal(bool),
    /// `\E` alone.
    Nothing,
    /// `\R`, `\X`: more than one character.
    Sequence,
    /// What another group matched, or matches.
    Group,
}

/// Greatest numbers of characters: of bytes, and of Unicode.
const MAX_BYTE: u32 = 0xff;
const MAX_UNICODE: u32 = 0x10_ffff;

impl Reader {
    /// Outside of classes, behind the backslash.
    pub(super) fn escape(&mut self, before: Before) -> Result<Before, Wrong> {
        Ok(match self.escaped(false)? {
            Escape::Place => Before::Nothing,
            Escape::Literal(false) | Escape::Nothing => before,
            _ => Before::Item,
        })
    }

    pub(super) fn escaped(&mut self, in_class: bool) -> Result<Escape, Wrong> {
        let Some(unit) = self.next() else { return Err("ends in a lone backslash".into()) };
        let c = ascii(unit);
        Ok(match c {
            'a' => Escape::Character(Some(0x07)),
            'e' => Escape::Character(Some(0x1b)),
            'f' => Escape::Character(Some(0x0c)),
            'n' => Escape::Character(Some(0x0a)),
            'r' => Escape::Character(Some(0x0d)),
            't' => Escape::Character(Some(0x09)),
            'b' if in_class => Escape::Character(Some(0x08)),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'h' | 'H' | 'v' | 'V' => Escape::Set,
            'p' | 'P' => {
                self.property(c)?;
                Escape::Set
            }
            'Q' => {
                let start = self.at;
                while self.peek().is_some() && !self.looking_at("\\E") {
                    self.at += 1;
                }
                let length = self.at - start;
                self.next_if_text("\\E");
                Escape::Literal(length > 0)
            }
            'E' => Escape::Nothing,
            'c' => {
                let of = self.next().ok_or("ends in `\\c`")?;
                if !(0x20..0x7f).contains(&of) {
                    return Err("has no printable ASCII character behind `\\c`".into());
                }
                Escape::Character(Some(u32::from(ascii(of).to_ascii_uppercase()) ^ 0x40))
            }
            'x' => Escape::Character(self.hexadecimal()?),
            'u' | 'U' if self.javascript => Escape::Character(None),
            'o' => {
                if !self.next_if('{') {
                    return Err("has no `{` behind `\\o`".into());
                }
                Escape::Character(Some(self.number_in_braces('o', 8)?))
            }
            '0'..='9' => return self.numbered(c, in_class),
            'N' if in_class => return Err("has `\\N` in brackets".into()),
            'N' if self.looking_at("{U+") && self.utf => {
                self.at += 3;
                Escape::Character(Some(self.number_in_braces('N', 16)?))
            }
            'N' if self.looking_at("{U+") => return Err("has `\\N{U+…}` without the option `utf`".into()),
            'N' => {
                let start = self.at;
                let named = self.next_if('{') && self.braces()?.is_none();
                self.at = start;
                if named {
                    return Err("has a name behind `\\N`, which PCRE2 does not know".into());
                }
                Escape::Set
            }
            'F' | 'L' | 'l' | 'u' | 'U' => {
                return Err(format!("has `\\{c}`, which Perl knows and PCRE2 does not").into());
            }
            'g' if in_class => Escape::Character(Some(unit)),
            'A' | 'B' | 'G' | 'K' | 'R' | 'X' | 'Z' | 'b' | 'k' | 'z' if in_class => {
                return Err(format!("has `\\{c}` in brackets").into());
            }
            'A' | 'B' | 'b' | 'G' | 'K' | 'Z' | 'z' => Escape::Place,
            'R' | 'X' => Escape::Sequence,
            'C' if in_class => return Err("has `\\C` in brackets".into()),
            'C' => Escape::Set,
            'g' => {
                self.group_reference()?;
                Escape::Group
            }
            'k' => {
                let end = self.open_name().ok_or("has no name in brackets behind `\\k`")?;
                self.name_reference(end)?;
                Escape::Group
            }
            c if c.is_ascii_alphabetic() => {
                return Err(format!("has `\\{c}`, which means nothing").into());
            }
            _ => Escape::Character(Some(unit)),
        })
    }

    /// The letter or the braces behind `\p`. Which properties there are is Unicode's to say.
    fn property(&mut self, c: char) -> Result<(), Wrong> {
        if self.next_if('{') {
            while let Some(unit) = self.next() {
                if unit == u32::from(b'}') {
                    return Ok(());
                }
            }
            return Err(format!("has `\\{c}{{` without its `}}`").into());
        }
        match self.next().map(ascii) {
            Some('C' | 'L' | 'M' | 'N' | 'P' | 'S' | 'Z') => Ok(()),
            Some(other) if other.is_ascii_graphic() => {
                Err(format!("has `\\{c}{other}`, which is no class of characters").into())
            }
            _ => Err(format!("has no property behind `\\{c}`").into()),
        }
    }

    /// `\x41`, `\x{41}`: its number.
    fn hexadecimal(&mut self) -> Result<Option<u32>, Wrong> {
        if self.javascript {
            return Ok(None);
        }
        if self.next_if('{') {
            return self.number_in_braces('x', 16).map(Some);
        }
        let mut number = 0;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|u| ascii(u).to_digit(16)) else { break };
            self.at += 1;
            number = number * 16 + digit;
        }
        Ok(Some(number))
    }

    /// What is left of `\x{41}` behind its brace.
    fn number_in_braces(&mut self, of: char, radix: u32) -> Result<u32, Wrong> {
        let (mut number, mut any) = (0_u32, false);
        // Later versions pass over blanks here.
        while let Some(digit) = self.peek().map(ascii).filter(|c| *c != ' ' && *c != '\t') {
            let Some(digit) = digit.to_digit(radix) else { break };
            self.at += 1;
            any = true;
            number = number.saturating_mul(radix).saturating_add(digit);
        }
        while self.next_if(' ') || self.next_if('\t') {}
        if !any || !self.next_if('}') {
            return Err(format!("has no number in braces behind `\\{of}`").into());
        }
        let max = if self.utf { MAX_UNICODE } else { MAX_BYTE };
        match number > max {
            true if max == MAX_BYTE && number <= MAX_UNICODE => {
                Err(format!("has a character beyond {MAX_BYTE} and not the option `utf`").into())
            }
            true => Err("has a number that is no character's".into()),
            false => Ok(number),
        }
    }

    /// `\1`: a group, or in octal a character.
    fn numbered(&mut self, first: char, in_class: bool) -> Result<Escape, Wrong> {
        self.at -= 1;
        let start = self.at;
        if !in_class && first != '0' {
            let number = self.digits().unwrap_or(u32::MAX);
            if number < 10 || matches!(first, '8' | '9') || number <= self.groups {
                self.references.push(Reference::Number(number));
                return Ok(Escape::Group);
            }
            self.at = start;
        }
        let mut number = 0;
        for _ in 0..3 {
            let Some(digit) = self.peek().and_then(|u| ascii(u).to_digit(8)) else { break };
            self.at += 1;
            number = number * 8 + digit;
        }
        if self.at == start {
            // `[\8]`
            self.at += 1;
            return Ok(Escape::Character(Some(u32::from(first))));
        }
        if number > MAX_BYTE && !self.utf {
            return Err(format!("has a character beyond {MAX_BYTE} and not the option `utf`").into());
        }
        Ok(Escape::Character(Some(number)))
    }

    /// Behind `\g`: `1`, `-1`, `{1}`, `{name}`, `<name>`.
    fn group_reference(&mut self) -> Result<(), Wrong> {
        const WRONG: &str = "has neither a number nor a name behind `\\g`";
        if let Some(end) = self.open_name() {
            if let Some(reference) = self.relative_number()? {
                self.references.push(reference);
                return if self.next_if(end) { Ok(()) } else { Err(WRONG.into()) };
            }
            return self.name_reference(end);
        }
        let reference = self.relative_number()?.ok_or(WRONG)?;
        self.references.push(reference);
        Ok(())
    }

    /// `1`, `+1`, `-1`: a group, from the start or from here; `None` where no number stands here.
    pub(super) fn relative_number(&mut self) -> Result<Option<Reference>, Wrong> {
        let start = self.at;
        let sign = if self.next_if('+') { 1 } else { -i32::from(self.next_if('-')) };
        let Some(number) = self.digits() else {
            self.at = start;
            return Ok(None);
        };
        let number = match sign {
            1 => self.groups.saturating_add(number),
            -1 => match (self.groups + 1).checked_sub(number) {
                Some(n) if n > 0 => n,
                _ => return Err(format!("refers back by {number} groups, and has {}", self.groups).into()),
            },
            _ => number,
        };
        Ok(Some(Reference::Number(number)))
    }

    /// `{`, `<` or `'` before a name: the sign that ends it.
    pub(super) fn open_name(&mut self) -> Option<char> {
        let (_, end) =
            [('{', '}'), ('<', '>'), ('\'', '\'')].into_iter().find(|(open, _)| self.next_if(*open))?;
        Some(end)
    }

    pub(super) fn name_reference(&mut self, end: char) -> Result<(), Wrong> {
        let name = self.name(end)?;
        self.references.push(Reference::Name(name));
        Ok(())
    }
}
