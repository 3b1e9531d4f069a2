//! Parameters and sequences (V05xx).

use super::Reason;

pub(super) const REASONS: &[Reason] = &[
    (
        "V0501",
        "The parameter's value needs the parameter itself: there is no end to it, and keepalived hangs on such a file.",
    ),
    (
        "V0502",
        "`$NAME` is replaced before a blank, a comma, `)` and the end of the line; `${NAME}` anywhere. A value of several lines is replaced at the end of a line only. Otherwise the text stays as it is written.",
    ),
    ("V0503", "The line is left out with all that it would have repeated."),
    (
        "V0504",
        "A line as long as this is not meant: parameters that use each other several times double it again and again.",
    ),
    (
        "V0505",
        "`${_RANDOM}` takes none, one or two numbers, `${_ENV NAME}` the name of a variable of the environment.",
    ),
    (
        "V0506",
        "What follows the empty line is no longer part of the definition, and is read on its own. Lines with only a comment or blanks don't end it.",
    ),
];
