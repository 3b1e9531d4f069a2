//! The answer to a query: the number of columns, each column, an end; each row, an end.

/// A table of which the first row counts.
#[derive(Debug, Default)]
pub(super) struct Table {
    names: Vec<Vec<u8>>,
    /// `None` for NULL.
    first: Option<Vec<Option<Vec<u8>>>>,
}

impl Table {
    /// The value of the first row in the first column of such a name; `Some(None)` for NULL.
    pub(super) fn value(&self, is_it: impl Fn(&[u8]) -> bool) -> Option<Option<Vec<u8>>> {
        let at = self.names.iter().position(|name| is_it(name))?;
        self.first.as_ref()?.get(at).cloned()
    }
}

/// What came of an answer.
#[derive(Debug, Default)]
pub(super) struct Rows {
    phase: Phase,
    table: Table,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Head,
    Columns,
    Rows,
}

/// The most columns that anything asked for here has.
const MOST_COLUMNS: usize = 1000;

impl Rows {
    /// Takes the next packet; the table, once it is whole.
    ///
    /// # Errors
    /// The packet, if it is an error or no answer.
    pub(super) fn take<'p>(&mut self, payload: &'p [u8]) -> Result<Option<Table>, &'p [u8]> {
        let is_end = matches!(payload, [0xfe, rest @ ..] if rest.len() < 8);
        match self.phase {
            // OK, or an error, or a file that the server would like to have.
            _ if matches!(payload, [0xff, ..] | []) => Err(payload),
            Phase::Head if matches!(payload, [0 | 0xfb | 0xfe, ..]) => Err(payload),
            Phase::Head => {
                self.phase = Phase::Columns;
                Ok(None)
            }
            Phase::Columns if is_end => {
                self.phase = Phase::Rows;
                Ok(None)
            }
            Phase::Columns => {
                // Catalogue, schema, table, the table's own name, the name.
                let mut rest = payload;
                let names: Option<Vec<_>> = (0..5).map(|_| text(&mut rest)).collect();
                let name = names.and_then(|names| names.into_iter().next_back().flatten());
                let name = name.ok_or(payload)?.to_vec();
                if self.table.names.len() == MOST_COLUMNS {
                    return Err(payload);
                }
                self.table.names.push(name);
                Ok(None)
            }
            Phase::Rows if is_end => Ok(Some(std::mem::take(&mut self.table))),
            Phase::Rows => {
                if self.table.first.is_none() {
                    let mut rest = payload;
                    let values = self.table.names.iter().map(|_| Some(text(&mut rest)?.map(<[u8]>::to_vec)));
                    self.table.first = Some(values.collect::<Option<_>>().ok_or(payload)?);
                }
                Ok(None)
            }
        }
    }
}

/// Text with its length in front, from the front of `bytes`; `Some(None)` for NULL.
fn text<'b>(bytes: &mut &'b [u8]) -> Option<Option<&'b [u8]>> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        0xfb => {
            *bytes = rest;
            return Some(None);
        }
        0xfc => number::<2>(rest)?,
        0xfd => number::<3>(rest)?,
        0xfe => number::<8>(rest)?,
        0xff => return None,
        short => (usize::from(*short), rest),
    };
    let (text, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(Some(text))
}

/// A number of so many bytes, the lowest first, and what is behind it.
fn number<const N: usize>(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(N)?;
    let number = digits.iter().rev().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
    Some((usize::try_from(number).ok()?, rest))
}
