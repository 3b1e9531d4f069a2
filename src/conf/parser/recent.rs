//! Keywords that were looked up before: a file says the same few of them again and again.

use crate::conf::schema::{Block, Keyword};
use std::ptr;

const SLOTS: usize = 128;

/// Remembers what was found, each at the place that its name leads to; what comes later takes it.
#[derive(Debug)]
pub(super) struct Recent {
    slots: Box<[Option<(&'static Block, &'static Keyword)>; SLOTS]>,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { slots: Box::new([None; SLOTS]) }
    }
}

impl Recent {
    /// A block's keyword by its name, as [`Block::find`] finds it.
    pub(super) fn find(&mut self, block: &'static Block, name: &str) -> Option<&'static Keyword> {
        let (&[first, ..], &[.., last]) = (name.as_bytes(), name.as_bytes()) else { return None };
        let place = usize::from(first) * 31 + usize::from(last) * 7 + name.len() + block.keywords.len();
        let slot = self.slots.get_mut(place % SLOTS)?;
        if let Some((of, keyword)) = *slot
            && ptr::eq(of, block)
            && keyword.name == name
        {
            return Some(keyword);
        }
        let keyword = block.find(name)?;
        *slot = Some((block, keyword));
        Some(keyword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::schema;

    #[test]
    fn it_finds_what_the_block_finds() {
        let mut recent = Recent::default();
        for _ in 0..2 {
            for block in schema::blocks() {
                for name in
                    schema::blocks().iter().flat_map(|b| b.keywords).map(|k| k.name).chain(["", "x", "9"])
                {
                    let found = |k: Option<&'static Keyword>| k.map(ptr::from_ref);
                    assert_eq!(found(recent.find(block, name)), found(block.find(name)), "{name}");
                }
            }
        }
    }
}
