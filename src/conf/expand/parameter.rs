//! Parameters: how `$NAME=value` and the uses `$NAME`, `${NAME}` and `${NAME arguments}` look in a line.

use super::origin::FilePlace;
use std::ops::Range;
use std::rc::Rc;

/// One line of a value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) text: Rc<str>,
    /// `None` where it stands in no file: a number of a sequence.
    pub(super) place: Option<FilePlace>,
}

/// What a parameter stands for.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `$NAME=value`, and the variables of sequences.
    Line(Text),
    /// `$NAME= \`: replaced only at the end of a line: the first of these ends that line, and the others follow it.
    Lines(Rc<[Text]>),
    /// `${_PWD}`: the directory of the file at hand.
    Directory,
    /// `${_INSTANCE}`: the configuration's id.
    Instance,
    /// `${_RANDOM min max}`.
    Random,
    /// `${_ENV NAME}`.
    Environment,
    /// `${_HASH}`, `${_BANG}`: a character that begins a comment, except within quotes.
    CommentSign(char),
}

impl Value {
    /// How many arguments a use may have.
    pub(super) fn arguments(&self) -> Range<usize> {
        match self {
            Value::Random => 0..3,
            Value::Environment => 1..2,
            _ => 0..1,
        }
    }
}

/// A parameter's value, with a number that differs from those of earlier values of the same name.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) id: u64,
    pub(super) value: Value,
}

/// Those that are there from the start.
pub(super) const PREDEFINED: [(&str, Value); 6] = [
    ("_PWD", Value::Directory),
    ("_INSTANCE", Value::Instance),
    ("_RANDOM", Value::Random),
    ("_ENV", Value::Environment),
    ("_HASH", Value::CommentSign('#')),
    ("_BANG", Value::CommentSign('!')),
];

fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
        return 0;
    }
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

/// `$NAME=value` at the start of a text: the name's length, if it is one.
pub(super) fn defines(text: &str) -> Option<usize> {
    let name = text.strip_prefix('$')?;
    let length = name_length(name);
    (length > 0 && name.as_bytes().get(length) == Some(&b'=')).then_some(length)
}

/// A parameter's use within a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use<'t> {
    /// From the `$` on.
    pub(super) range: Range<usize>,
    pub(super) name: &'t str,
    /// `${NAME arguments}`.
    pub(super) arguments: &'t str,
    /// Whether a separator follows `$NAME`; otherwise it is not replaced.
    pub(super) ends: bool,
}

/// The use that begins with the `$` at `at`. `next` is what follows the text; `None` at the end of the line.
pub(super) fn use_at(text: &str, at: usize, next: Option<u8>) -> Option<Use<'_>> {
    let after = text.get(at + 1..)?;
    let Some(inner) = after.strip_prefix('{') else {
        let length = name_length(after);
        let follows = after.as_bytes().get(length).copied().or(next);
        // A carriage return is white space that `vipd fmt` removes at the end of a line; keepalived takes it for a letter.
        let ends = matches!(follows, None | Some(b' ' | b'\t' | b'\r' | b',' | b')'));
        let range = at..at + 1 + length;
        return (length > 0).then(|| Use { range, name: &after[..length], arguments: "", ends });
    };
    let length = name_length(inner);
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b' ' | b'\t');
    let content = inner.bytes().take_while(allowed).count();
    let arguments = inner[length..content].trim_start();
    // keepalived takes no blank before the brace, except behind the bare name.
    let tidy = arguments.trim_end().len() == arguments.len();
    let range = at..at + content + 3;
    let whole = length > 0 && tidy && inner.as_bytes().get(content) == Some(&b'}');
    whole.then(|| Use { range, name: &inner[..length], arguments, ends: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_a_name_and_an_equals_sign_without_blanks() {
        assert_eq!(defines("$A=1"), Some(1));
        assert_eq!(defines("$_a9="), Some(3));
        for text in ["$A =1", "$9=1", "$=1", "A=1", "$A", "${A}=1", "$A-B=1", ""] {
            assert_eq!(defines(text), None, "{text}");
        }
    }

    #[test]
    fn a_use_has_braces_or_something_to_part_it() {
        let found =
            |text, next| use_at(text, 0, next).filter(|u| u.ends).map(|u| (u.range.end, u.name.to_owned()));
        let is = |end, name: &str| Some((end, name.to_owned()));
        assert_eq!(found("$A", None), is(2, "A"));
        assert_eq!(found("$A b", None), is(2, "A"));
        assert_eq!(found("$A,", None), is(2, "A"));
        assert_eq!(found("$A)", None), is(2, "A"));
        assert_eq!(found("$A.b", None), None);
        assert_eq!(found("$A", Some(b'.')), None);
        assert_eq!(found("$A", Some(b' ')), is(2, "A"));
        assert_eq!(found("${A}b", None), is(4, "A"));
        assert_eq!(found("${A }", None), is(5, "A"));
        assert_eq!(found("${A", None), None);
        assert_eq!(found("${}", None), None);
        assert_eq!(found("${9}", None), None);
        assert_eq!(found("$", None), None);
        assert_eq!(use_at("${_RANDOM 1 20}x", 0, None).map(|u| u.arguments), Some("1 20"));
        assert_eq!(use_at("${_RANDOM 1 }x", 0, None), None);
    }
}
