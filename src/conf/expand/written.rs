//! The lines of a file as they are written, before anything is expanded: which of them define parameters, where
//! conditions and sequences end, where a comment begins.
//!
//! Expansion reads a file through [`Lines`], and so do `vipd fmt` and the language server, which ask what stands in a
//! file and not what it means. [`Lexer::written`](crate::conf::lexer::Lexer::written) cuts what is left of a line into
//! words and braces.

use super::include;
use super::parameter::{self, Use};
use super::sequence;
use std::ops::Range;

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

pub(super) fn indent(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_blank).len()
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing but blanks and a comment.
    Empty,
    /// `$NAME=value`, or its first line.
    Definition {
        /// The name within the line, without the `$`.
        name: Range<usize>,
    },
    /// A further line of a definition.
    Continued,
    /// The empty line that ends a definition whose line before it asked for another.
    CutsDefinition,
    /// Anything else.
    Statement,
}

/// One line. Offsets are bytes of [`Line::text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'s> {
    /// Where it begins in the text that it is a line of.
    pub at: usize,
    /// All of it but its end.
    pub text: &'s str,
    /// What it is.
    pub role: Role,
    /// The condition that it begins with, if something stands behind that.
    pub condition: Option<Condition<'s>>,
    /// What the role is about: without blanks around it, condition, comment, and backslash at the end.
    pub code: Range<usize>,
    /// The backslash behind the code.
    pub backslash: Option<usize>,
}

impl<'s> Line<'s> {
    /// What the role is about.
    #[must_use]
    pub fn code(&self) -> &'s str {
        self.text.get(self.code.clone()).unwrap_or_default()
    }

    /// Where its comment begins, if it has one.
    #[must_use]
    pub fn comment(&self) -> Option<usize> {
        Some(comment_at(self.text).0).filter(|at| *at < self.text.len())
    }

    /// Whether it ends in a backslash, as far as definitions are concerned.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        strip_definition(self.text).1.is_some()
    }

    /// The line whose sequences (`~SEQ(…)`) are behind it, and a definition seen that they stand before.
    #[must_use]
    pub fn without_sequences(mut self) -> Line<'s> {
        while self.role == Role::Statement && is_sequence(self.code()) {
            let code = self.code();
            let end = sequence::end(code).unwrap_or(code.len());
            self.code.start += end + indent(&code[end..]);
            self.without_condition();
            self.find_definition();
        }
        self
    }

    fn without_condition(&mut self) {
        if let Some((condition, offset)) = Condition::read(self.code()) {
            self.condition = Some(condition);
            self.code.start += offset;
        }
    }

    fn find_definition(&mut self) {
        if let Some(length) = parameter::defines(self.code()) {
            let start = self.code.start + 1;
            self.role = Role::Definition { name: start..start + length };
        }
    }
}

fn is_sequence(code: &str) -> bool {
    code.starts_with("~SEQ") || code.starts_with("~LST")
}

/// The lines of a text.
#[derive(Clone, Debug)]
pub struct Lines<'s> {
    text: &'s str,
    at: usize,
    in_definition: bool,
}

impl<'s> Lines<'s> {
    /// Those of a whole file.
    #[must_use]
    pub fn new(text: &'s str) -> Lines<'s> {
        Lines { text, at: 0, in_definition: false }
    }
}

impl<'s> Iterator for Lines<'s> {
    type Item = Line<'s>;

    fn next(&mut self) -> Option<Line<'s>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let at = self.at;
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at += length + 1;
        let text = rest[..length].trim_end_matches('\r');
        let line = |role, code: &str, backslash| {
            let code = indent(code)..code.trim_end_matches(is_blank).len();
            let code = code.start.min(code.end)..code.end;
            Line { at, text, role, condition: None, code, backslash }
        };
        if self.in_definition {
            let (code, backslash) = strip_definition(text);
            let role = if text.is_empty() { Role::CutsDefinition } else { Role::Continued };
            let line = line(role, code, backslash);
            // A comment of its own does not end it, as in keepalived.
            self.in_definition = !text.is_empty() && (backslash.is_some() || line.code.is_empty());
            return Some(line);
        }
        if let (code, Some(backslash)) = strip_definition(text) {
            let mut line = line(Role::Statement, code, Some(backslash));
            line.without_condition();
            line.find_definition();
            if line.role != Role::Statement {
                self.in_definition = true;
                return Some(line);
            }
        }
        let (code, backslash) = strip_comment(text);
        let mut line = line(Role::Statement, code, backslash);
        if line.code.is_empty() && backslash.is_none() {
            line.role = Role::Empty;
        } else {
            line.without_condition();
            line.find_definition();
        }
        Some(line)
    }
}

/// `@id`, or `@^id`: decides what stands behind it on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Condition<'s> {
    /// `@^id`: holds where the configuration's id is another one.
    pub reversed: bool,
    /// The id.
    pub id: &'s str,
}

impl<'s> Condition<'s> {
    /// The condition at the start of a text, and the offset of what stands behind it; `None` where nothing does.
    #[must_use]
    pub fn read(text: &'s str) -> Option<(Condition<'s>, usize)> {
        let condition = text.strip_prefix('@')?;
        let (reversed, named) = match condition.strip_prefix('^') {
            Some(named) => (true, named),
            None => (false, condition),
        };
        let (id, rest) = named.split_once(is_blank)?;
        Some((Condition { reversed, id }, text.len() - rest.trim_start_matches(is_blank).len()))
    }

    /// Whether it holds for this id of a configuration.
    #[must_use]
    pub fn holds(self, config_id: Option<&str>) -> bool {
        (config_id == Some(self.id)) != self.reversed
    }
}

/// Where the comment of a line begins, or the line's length; and the last backslash before that which is not escaped.
pub(crate) fn comment_at(line: &str) -> (usize, Option<usize>) {
    let bytes = line.as_bytes();
    let mut quoted = false;
    let mut backslash = None;
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        match b {
            b'"' => quoted = !quoted,
            b'\\' => {
                backslash = Some(i);
                i += 1;
            }
            b'#' | b'!' if !quoted => break,
            _ => {}
        }
        i += 1;
    }
    (i.min(bytes.len()), backslash)
}

/// The line without its comment and the blanks before that, and the offset of a backslash that ends it then.
pub(crate) fn strip_comment(line: &str) -> (&str, Option<usize>) {
    let (end, backslash) = comment_at(line);
    let code = line.get(..end).unwrap_or(line).trim_end_matches(is_blank);
    match backslash {
        Some(at) if at + 1 == code.len() => (&code[..at], Some(at)),
        _ => (code, None),
    }
}

/// A line of a definition as [`strip_comment`] has it. keepalived looks at nothing but the line's last character: the
/// second backslash of two continues it, too.
fn strip_definition(line: &str) -> (&str, Option<usize>) {
    match strip_comment(line) {
        (code, None) if code.ends_with('\\') => (&code[..code.len() - 1], Some(code.len() - 1)),
        stripped => stripped,
    }
}

/// The bytes of a use of a parameter, `$NAME` or `${NAME …}`, at this `$`: the whole, and its name.
#[must_use]
pub fn parameter_at(line: &str, dollar: usize) -> Option<(Range<usize>, Range<usize>)> {
    let dollar = Some(dollar).filter(|at| line.as_bytes().get(*at) == Some(&b'$'))?;
    let Use { range, name, ends, .. } = parameter::use_at(line, dollar, None)?;
    let start = range.start + 1 + usize::from(line[range.start + 1..].starts_with('{'));
    ends.then_some((range, start..start + name.len()))
}

/// Whether a parameter's name may have this in it.
#[must_use]
pub fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a statement names files to read, or how they are checked.
#[must_use]
pub fn is_include(code: &str) -> bool {
    include::directive(code).is_some() || code.starts_with("include_check")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str) -> Vec<(Role, &str)> {
        Lines::new(text).map(|line| (line.role.clone(), line.code())).collect()
    }

    #[test]
    fn a_line_is_a_definition_a_part_of_one_or_a_statement() {
        let name = |range: Range<usize>| Role::Definition { name: range };
        assert_eq!(
            roles(" a b # c\n\n# x\n$N=1 # c\r\n@id $AB= 1 \\\n 2 {\\ ! c\n # 3\n4\nb\\\n$ N=1"),
            [
                (Role::Statement, "a b"),
                (Role::Empty, ""),
                (Role::Empty, ""),
                (name(1..2), "$N=1"),
                (name(5..7), "$AB= 1"),
                (Role::Continued, "2 {"),
                (Role::Continued, ""),
                (Role::Continued, "4"),
                (Role::Statement, "b"),
                (Role::Statement, "$ N=1"),
            ]
        );
        assert_eq!(roles("$N=1 \\\n\nb")[1..], [(Role::CutsDefinition, ""), (Role::Statement, "b")]);
    }

    #[test]
    fn what_stands_before_a_statement_is_passed_over_step_by_step() {
        let behind = |text| {
            let line = Lines::new(text).next().unwrap().without_sequences();
            (line.condition.map(|c| (c.reversed, c.id)), line.role.clone(), line.code())
        };
        assert_eq!(behind("@^a  b c"), (Some((true, "a")), Role::Statement, "b c"));
        assert_eq!(behind("@a"), (None, Role::Statement, "@a"));
        let list = "~SEQ(i, 1, 2)  ~LST({a,b}, {1,2}) x {";
        assert_eq!(behind(list), (None, Role::Statement, "x {"));
        let defines = behind("~SEQ(i, 1) @id $N=1");
        assert_eq!(defines, (Some((false, "id")), Role::Definition { name: 16..17 }, "$N=1"));
        assert_eq!(behind("~SEQ(i, 1 x"), (None, Role::Statement, ""));
    }

    #[test]
    fn a_backslash_at_the_end_continues_a_definition() {
        assert_eq!(strip_definition("$A=b \\"), ("$A=b ", Some(5)));
        assert_eq!(strip_definition("$A=b\\ \t# c"), ("$A=b", Some(4)));
        assert_eq!(strip_definition("$A=b \\\\ ! c"), ("$A=b \\", Some(6)));
        for ends in ["$A=b \\# c", "$A=b # c \\", "$A=b \\ c", "", "# \\"] {
            assert_eq!(strip_definition(ends).1, None, "{ends}");
        }
        // Within quotes a `#` is no comment.
        assert_eq!(strip_definition("$A=\"b \\ # c").1, None);
    }
}
